# A namespace of its own, one by one and all at once. Success is a call that does not refuse.
import ctypes
import os
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
HERE = 0 if platform.machine() == "x86_64" else 1
MINE = os.getpid()
OPENED = os.open("/proc/self/ns/pid", os.O_RDONLY)
CALLS = {  # name: (number on x86-64, on aarch64), arguments
    "unshare files": ((272, 97), 0x400),
    "unshare fs": ((272, 97), 0x200),
    "unshare mount": ((272, 97), 0x20000),
    "unshare cgroup": ((272, 97), 0x2000000),
    "unshare uts": ((272, 97), 0x4000000),
    "unshare ipc": ((272, 97), 0x8000000),
    "unshare user": ((272, 97), 0x10000000),
    "unshare pid": ((272, 97), 0x20000000),
    "unshare net": ((272, 97), 0x40000000),
    "unshare time": ((272, 97), 0x80),
    "unshare all": ((272, 97), 0x7E020000),
    "setns": ((308, 268), 0, 0),
    "setns pid": ((308, 268), OPENED, 0x20000000),
    "clone mount": ((56, 220), 0x20000 | 17, 0, 0, 0, 0),
    "clone cgroup": ((56, 220), 0x2000000 | 17, 0, 0, 0, 0),
    "clone uts": ((56, 220), 0x4000000 | 17, 0, 0, 0, 0),
    "clone ipc": ((56, 220), 0x8000000 | 17, 0, 0, 0, 0),
    "clone user": ((56, 220), 0x10000000 | 17, 0, 0, 0, 0),
    "clone pid": ((56, 220), 0x20000000 | 17, 0, 0, 0, 0),
    "clone net": ((56, 220), 0x40000000 | 17, 0, 0, 0, 0),
    "clone mount and more": ((56, 220), 0x7E020000 | 17, 0, 0, 0, 0),
    "clone3": ((435, 435), b"\0" * 88, 88),
    "clone3 of nothing": ((435, 435), 0, 0),
}


def denied(numbers, *arguments):
    if numbers[HERE] is None:
        return True
    words = [one if isinstance(one, bytes) else ctypes.c_long(one) for one in arguments]
    got = LIBC.syscall(ctypes.c_long(numbers[HERE]), *words)
    if got == 0 and os.getpid() != MINE:
        os._exit(0)  # the child of a clone that worked
    return got == -1 and ctypes.get_errno() in (1, 13, 38)


def answer():
    allowed = [name for name, (numbers, *arguments) in CALLS.items() if not denied(numbers, *arguments)]
    print(allowed)
    return 42 if allowed else 41
