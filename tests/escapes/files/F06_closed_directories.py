import os
os.makedirs('/tmp/a/b/c')
for name in ('/tmp/a/b/c', '/tmp/a/b', '/tmp/a'):
    os.chmod(name, 0)
os.symlink('/etc/passwd', '/dev/shm/link')
os._exit(0)
