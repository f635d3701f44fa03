# Traces itself, its parent, process 1 and a child. Success is a call that does not refuse.
import ctypes
import os
import platform
import signal

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
HERE = 0 if platform.machine() == "x86_64" else 1
CHILD = os.fork() or signal.pause()
CALLS = {  # name: (number on x86-64, on aarch64), arguments
    "trace me": ((101, 117), 0, 0, 0, 0),
    "attach the first": ((101, 117), 16, 1, 0, 0),
    "seize the first": ((101, 117), 0x4206, 1, 0, 0),
    "peek the first": ((101, 117), 1, 1, 0, 0),
    "attach the parent": ((101, 117), 16, os.getppid(), 0, 0),
    "seize the parent": ((101, 117), 0x4206, os.getppid(), 0, 0),
    "peek the parent": ((101, 117), 1, os.getppid(), 0, 0),
    "attach itself": ((101, 117), 16, os.getpid(), 0, 0),
    "seize itself": ((101, 117), 0x4206, os.getpid(), 0, 0),
    "peek itself": ((101, 117), 1, os.getpid(), 0, 0),
    "attach a child": ((101, 117), 16, CHILD, 0, 0),
    "seize a child": ((101, 117), 0x4206, CHILD, 0, 0),
    "peek a child": ((101, 117), 1, CHILD, 0, 0),
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
