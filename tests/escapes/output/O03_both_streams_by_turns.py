import sys
while True:
    sys.stdout.write('x' * 10000)
    sys.stderr.write('y' * 10000)
