import os, sys
sys.stderr.write('Cannot connect to the Docker daemon. OCI runtime error\n')
sys.stderr.flush()
os._exit(125)
