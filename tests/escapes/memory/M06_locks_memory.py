# Right only if memory can be locked, or asked for from the huge pages, which no limit of a box counts.
import ctypes
import mmap

libc = ctypes.CDLL(None, use_errno=True)
MAP_LOCKED, MAP_HUGETLB, MCL_CURRENT, MCL_FUTURE = 0x2000, 0x40000, 1, 2
block = ctypes.create_string_buffer(1 << 20)


def answer():
    if libc.mlock(block, 1 << 20) == 0 or libc.mlock2(block, 1 << 20, 1) == 0:
        return 42
    if libc.mlockall(MCL_CURRENT | MCL_FUTURE) == 0:
        return 42
    for flag in (MAP_LOCKED, MAP_HUGETLB):
        try:
            mmap.mmap(-1, 2 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | flag)
        except PermissionError:
            continue
        except OSError:  # there happen to be none; another host has some
            pass
        return 42
    return 41
