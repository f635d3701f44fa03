# All numbers that are on no list: gaps, and what kernels have learnt since. Success is one that is not refused.
# (335 and 336 the kernel itself lets through any filter, and they kill who calls them.)
import ctypes
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
GAPS = [*range(337, 424)] if platform.machine() == "x86_64" else [*range(244, 260), *range(295, 424)]


def answer():
    allowed = []
    for number in [*GAPS, 442, 443, *range(447, 1024), 1 << 16, (1 << 30) - 1]:
        if LIBC.syscall(ctypes.c_long(number), *[ctypes.c_long(0)] * 6) != -1 or ctypes.get_errno() not in (1, 13, 38):
            allowed.append(number)
    print(allowed)
    return 42 if allowed else 41
