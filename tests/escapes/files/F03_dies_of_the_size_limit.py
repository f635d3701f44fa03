# The same without Python's protection: the kernel's signal ends it.
import os
import signal

signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
fd = os.open("/dev/shm/big", os.O_CREAT | os.O_RDWR)
os.pwrite(fd, b"x", 1 << 30)


def answer():
    return 42
