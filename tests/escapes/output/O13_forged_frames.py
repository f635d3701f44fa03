import os
for fd in range(1, 64):
    try:
        os.write(fd, b'\xff\xff\xff\xff' + b'M' * 1000)
    except OSError:
        pass
