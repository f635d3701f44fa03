# How much of the machine it and the others get: priority, processors, class, limits of process 1. Success is a call that does not refuse.
import ctypes
import os
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
HERE = 0 if platform.machine() == "x86_64" else 1
CALLS = {  # name: (number on x86-64, on aarch64), arguments
    "setpriority itself": ((141, 140), 0, 0, -5),
    "less itself": ((141, 140), 0, 0, 19),
    "sched_setaffinity itself": ((203, 122), 0, 8, b"\1" + bytes(7)),
    "sched_setscheduler itself": ((144, 119), 0, 3, b"\0" * 4),
    "sched_setparam itself": ((142, 118), 0, b"\0" * 4),
    "sched_setattr itself": ((314, 274), 0, b"\x30" + bytes(47), 0),
    "ioprio_set itself": ((251, 30), 1, 0, 0x6000),
    "setpriority the first": ((141, 140), 0, 1, -5),
    "less the first": ((141, 140), 0, 1, 19),
    "sched_setaffinity the first": ((203, 122), 1, 8, b"\1" + bytes(7)),
    "sched_setscheduler the first": ((144, 119), 1, 3, b"\0" * 4),
    "sched_setparam the first": ((142, 118), 1, b"\0" * 4),
    "sched_setattr the first": ((314, 274), 1, b"\x30" + bytes(47), 0),
    "ioprio_set the first": ((251, 30), 1, 1, 0x6000),
    "setpriority the parent": ((141, 140), 0, os.getppid(), -5),
    "less the parent": ((141, 140), 0, os.getppid(), 19),
    "sched_setaffinity the parent": ((203, 122), os.getppid(), 8, b"\1" + bytes(7)),
    "sched_setscheduler the parent": ((144, 119), os.getppid(), 3, b"\0" * 4),
    "sched_setparam the parent": ((142, 118), os.getppid(), b"\0" * 4),
    "sched_setattr the parent": ((314, 274), os.getppid(), b"\x30" + bytes(47), 0),
    "ioprio_set the parent": ((251, 30), 1, os.getppid(), 0x6000),
    "prlimit the first": ((302, 261), 1, 7, b"\0" * 16, 0),
    "prlimit the parent": ((302, 261), os.getppid(), 7, b"\0" * 16, 0),
    "kill the first": ((62, 129), 1, 19),
    "kill the parent": ((62, 129), os.getppid(), 19),
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
