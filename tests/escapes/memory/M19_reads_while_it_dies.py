# As M17, but it reads: whoever writes what it reads needs memory for that, too.
import mmap
import os
import threading
import time

FAR = 1 << 40
STEP = 2 << 20
space = mmap.mmap(-1, FAR, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
at = 0


def read():
    while at < 66_000 * STEP:
        time.sleep(0.001)
    while True:
        os.read(0, 40_000)
        time.sleep(0.0005)


for _ in range(2):
    threading.Thread(target=read, daemon=True).start()
for at in range(0, FAR, STEP):
    space[at]
