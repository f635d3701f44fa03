# Becomes root, joins groups, takes capabilities. Success is a call that does not refuse.
import ctypes
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
HERE = 0 if platform.machine() == "x86_64" else 1
HEADER = (0x20080522).to_bytes(4, "little") + bytes(4)  # the third version of capabilities, this process
CALLS = {  # name: (number on x86-64, on aarch64), arguments
    "setuid": ((105, 146), 0),
    "setgid": ((106, 144), 0),
    "setreuid": ((113, 145), 0, 0),
    "setregid": ((114, 143), 0, 0),
    "setresuid": ((117, 147), 0, 0, 0),
    "setresgid": ((119, 149), 0, 0, 0),
    "setgroups": ((116, 159), 1, b"\0" * 8),
    "no groups": ((116, 159), 0, 0),
    "capset": ((126, 91), HEADER, b"\0" * 24),
    "all capabilities": ((126, 91), HEADER, b"\xff" * 24),
    "setfsuid": ((122, 151), 0),
    "setfsgid": ((123, 152), 0),
    "ambient": ((157, 167), 47, 2, 21, 0, 0),
    "keep capabilities": ((157, 167), 8, 1, 0, 0, 0),
    "drop from the bounding set": ((157, 167), 24, 7, 0, 0, 0),
    "securebits": ((157, 167), 28, 1, 0, 0, 0),
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
