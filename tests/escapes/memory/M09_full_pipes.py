# Memory of the kernel: pipes, as many and as long as there may be, each full.
import fcntl
import os
import time

F_SETPIPE_SZ = 1031
for _ in range(24):
    if os.fork() == 0:
        while True:
            try:
                reading, writing = os.pipe2(os.O_NONBLOCK)
                fcntl.fcntl(writing, F_SETPIPE_SZ, 1 << 20)
            except OSError:
                pass
            try:
                while os.write(writing, bytes(1 << 16)):
                    pass
            except OSError:
                time.sleep(0.001)
time.sleep(1e9)
