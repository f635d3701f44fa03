# Handles on processes, one's own included, and all that they allow. Success is a call that does not refuse.
import ctypes
import os
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
HERE = 0 if platform.machine() == "x86_64" else 1
FIRST = os.open("/proc/1", os.O_RDONLY | os.O_DIRECTORY)
CALLS = {  # name: (number on x86-64, on aarch64), arguments
    "pidfd_open itself": ((434, 434), os.getpid(), 0),
    "pidfd_open the first": ((434, 434), 1, 0),
    "pidfd_open the parent": ((434, 434), os.getppid(), 0),
    "pidfd_getfd": ((438, 438), -1, 0, 0),
    "pidfd_send_signal": ((424, 424), -1, 9, 0, 0),
    "kcmp": ((312, 272), os.getpid(), os.getpid(), 0, 0, 0),
    "signal by directory": ((424, 424), FIRST, 9, 0, 0),
    "rt_tgsigqueueinfo": ((297, 240), 1, 1, 9, 0),
}


def denied(numbers, *arguments):
    if numbers[HERE] is None:
        return True
    words = [one if isinstance(one, bytes) else ctypes.c_long(one) for one in arguments]
    return LIBC.syscall(ctypes.c_long(numbers[HERE]), *words) == -1 and ctypes.get_errno() in (1, 13, 38)


def answer():
    allowed = [name for name, (numbers, *arguments) in CALLS.items() if not denied(numbers, *arguments)]
    print(allowed)
    return 42 if allowed else 41
