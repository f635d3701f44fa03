# prctl: what could hide it, keep it, mark its memory as another's, or slow others. Success is a call that does not refuse.
import ctypes
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
HERE = 0 if platform.machine() == "x86_64" else 1
CALLS = {  # name: (number on x86-64, on aarch64), arguments
    "tracer": ((157, 167), 1499557217, -1, 0, 0, 0),
    "memory map": ((157, 167), 35, 1, 0x10000, 0, 0),
    "exe link": ((157, 167), 35, 13, 0, 0, 0),
    "reaper of orphans": ((157, 167), 36, 1, 0, 0, 0),
    "core scheduling": ((157, 167), 62, 1, 0, 0, 0),
    "no new privileges off": ((157, 167), 38, 0, 0, 0, 0),
    "time stamps": ((157, 167), 26, 2, 0, 0, 0),
    "speculation": ((157, 167), 53, 0, 2, 0, 0),
    "no large pages": ((157, 167), 41, 1, 0, 0, 0),
    "memory failures": ((157, 167), 33, 1, 1, 0, 0),
    "io flusher": ((157, 167), 57, 1, 0, 0, 0),
    "memory in use by name": ((157, 167), 1398164801, 0, 0, 0, 0),
    "dispatch": ((157, 167), 59, 1, 0, 0, 0),
    "merge pages": ((157, 167), 67, 1, 0, 0, 0),
    "end of children": ((157, 167), 61, 1, 0, 0, 0),
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
