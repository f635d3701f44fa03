# Page tables and mappings instead of pages: a page here and there in an address space without end.
import mmap

FAR = 1 << 40
space = mmap.mmap(-1, FAR, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
for at in range(0, FAR, 2 << 20):
    space[at]


def answer():
    return 42
