# The kernel's keyrings: read, made, asked for. Success is a call that does not refuse.
import ctypes
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
HERE = 0 if platform.machine() == "x86_64" else 1
CALLS = {  # name: (number on x86-64, on aarch64), arguments
    "keyctl 0": ((250, 219), 0, -3, 0, 0, 0),
    "keyctl 1": ((250, 219), 1, -3, 0, 0, 0),
    "keyctl 2": ((250, 219), 2, -3, 0, 0, 0),
    "keyctl 3": ((250, 219), 3, -3, 0, 0, 0),
    "keyctl 5": ((250, 219), 5, -3, 0, 0, 0),
    "keyctl 6": ((250, 219), 6, -3, 0, 0, 0),
    "keyctl 7": ((250, 219), 7, -3, 0, 0, 0),
    "keyctl 8": ((250, 219), 8, -3, 0, 0, 0),
    "keyctl 9": ((250, 219), 9, -3, 0, 0, 0),
    "keyctl 10": ((250, 219), 10, -3, 0, 0, 0),
    "keyctl 11": ((250, 219), 11, -3, 0, 0, 0),
    "keyctl 15": ((250, 219), 15, -3, 0, 0, 0),
    "keyctl 18": ((250, 219), 18, -3, 0, 0, 0),
    "keyctl 22": ((250, 219), 22, -3, 0, 0, 0),
    "keyctl 31": ((250, 219), 31, -3, 0, 0, 0),
    "add_key": ((248, 217), b"user", b"x", b"y", 1, -4),
    "add_key to a session": ((248, 217), b"keyring", b"x", 0, 0, -3),
    "request_key": ((249, 218), b"user", b"x", 0, -4),
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
