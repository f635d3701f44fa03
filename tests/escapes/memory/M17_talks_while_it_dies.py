# Maps as M14 does and talks all the while: whoever listens needs memory just when there is none and nobody else to kill.
import mmap
import os
import threading
import time

FAR = 1 << 40
STEP = 2 << 20
space = mmap.mmap(-1, FAR, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
at = 0


def talk():
    while at < 66_000 * STEP:
        time.sleep(0.001)
    while True:
        os.write(1, b"x" * 60_000)
        time.sleep(0.0005)


for _ in range(2):
    threading.Thread(target=talk, daemon=True).start()
for at in range(0, FAR, STEP):
    space[at]


def answer():
    return 42
