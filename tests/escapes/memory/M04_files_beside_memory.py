# What lies in the scratch directories counts as memory, too: together with the process it is too much.
import itertools
import os

for directory in ("/tmp", "/dev/shm"):
    fd = os.open(f"{directory}/full", os.O_CREAT | os.O_WRONLY)
    try:
        while os.write(fd, bytes(1 << 20)):
            pass
    except OSError:
        pass
blocks = [bytearray(b"x") * (1 << 20) for _ in range(240)]


def answer():
    return 42
