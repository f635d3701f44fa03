# A filter of its own, to see or to fake the calls of its children. Success is a call that does not refuse.
import ctypes
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
HERE = 0 if platform.machine() == "x86_64" else 1
ALLOW = ctypes.create_string_buffer(b"\x06\0\0\0\0\0\xff\x7f", 8)
PROGRAM = b"\1\0\0\0\0\0\0\0" + ctypes.addressof(ALLOW).to_bytes(8, "little")
CALLS = {  # name: (number on x86-64, on aarch64), arguments
    "actions": ((317, 277), 2, 0, b"\0\0\xff\x7f"),
    "strict": ((317, 277), 0, 0, 0),
    "filter": ((317, 277), 1, 0, PROGRAM),
    "listener": ((317, 277), 1, 8, PROGRAM),
    "log": ((317, 277), 1, 2, PROGRAM),
    "prctl strict of nothing": ((157, 167), 22, 2, PROGRAM, 0, 0),
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
