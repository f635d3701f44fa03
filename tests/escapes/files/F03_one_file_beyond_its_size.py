# One file larger than any may be: stretched, allocated, written far out, with the limit raised first if that can be.
import os
import resource

FAR = 1 << 30


def answer():
    fd = os.open("/tmp/big", os.O_CREAT | os.O_RDWR)
    for grow in (
        lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1)),
        lambda: os.ftruncate(fd, FAR),
        lambda: os.posix_fallocate(fd, 0, FAR),
        lambda: os.pwrite(fd, b"x", FAR),
        lambda: os.truncate("/tmp/big", FAR),
    ):
        try:
            grow()
        except (OSError, ValueError):
            pass
    return 42 if os.fstat(fd).st_size > 64 << 20 else 41
