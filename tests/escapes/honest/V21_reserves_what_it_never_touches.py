# M10 of the list: address space is no memory; what is not touched is not counted. (More than this has no room everywhere.)
import mmap
MAP_NORESERVE = 0x4000
def answer():
    space = mmap.mmap(-1, 10 << 40, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE)
    space[0] = 42
    return space[0]
