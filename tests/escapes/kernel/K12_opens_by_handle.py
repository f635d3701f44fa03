# Files by their number in the file system, past every path ("shocker"). Success is a call that does not refuse.
import ctypes
import os
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
HERE = 0 if platform.machine() == "x86_64" else 1
ROOT = os.open("/", os.O_RDONLY)
HANDLE = b"\x08\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0"  # inode 2, the root of an ext4
CALLS = {  # name: (number on x86-64, on aarch64), arguments
    "name_to_handle_at": ((303, 264), -100, b"/", b"\x80\0\0\0" + bytes(132), b"\0" * 8, 0),
    "handle of an empty name": ((303, 264), ROOT, b"", b"\x80\0\0\0" + bytes(132), b"\0" * 8, 0x1000),
    "open_by_handle_at": ((304, 265), ROOT, HANDLE, 0),
    "from the directory itself": ((304, 265), -100, HANDLE, 0),
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
