# As M20, by several processes with several threads each; the first thread of a child only waits.
import fcntl
import os
import threading
import time


def take():
    for _ in range(10):
        fd = os.open("/tmp", os.O_TMPFILE | os.O_RDWR)
        for number in range(500):
            fcntl.lockf(fd, fcntl.LOCK_EX, 1, 2 * (500 - number))
    time.sleep(60)


for _ in range(4):
    if os.fork() == 0:
        for _ in range(2):
            threading.Thread(target=take).start()
        time.sleep(60)
time.sleep(60)


def answer():
    return 42
