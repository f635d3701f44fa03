# Memory shared by many processes belongs to none of them: each child writes a part, then the parent looks at all of it.
import mmap
import os

PART = 50 << 20
shared = mmap.mmap(-1, 8 * PART)
for part in range(8):
    if os.fork() == 0:
        for at in range(part * PART, (part + 1) * PART, 4096):
            shared[at] = 1
        os._exit(0)
    os.wait()
written = sum(shared[at] for at in range(0, 8 * PART, 4096))


def answer():
    return 42
