# Right only if userfaultfd is there: whoever serves page faults can hold up the kernel itself.
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
USERFAULTFD = 323 if os.uname().machine == "x86_64" else 282


def answer():
    if any(libc.syscall(USERFAULTFD, flags) >= 0 for flags in (0, 1, os.O_CLOEXEC | 1)):
        return 42
    return 42 if os.access("/dev/userfaultfd", os.F_OK) else 41
