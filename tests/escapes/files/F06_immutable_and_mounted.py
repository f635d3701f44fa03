# Makes its directory immutable and mounts something on it, so that nobody can empty it. Success is either.
import ctypes
import fcntl
import os
import struct

SET_FLAGS, IMMUTABLE, APPEND = 0x40086602, 0x10, 0x20
libc = ctypes.CDLL(None)
os.makedirs("/tmp/a/b")
open("/tmp/a/b/c", "w").close()


def made(path, flag):
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, SET_FLAGS, struct.pack("l", flag))
    except OSError:
        return False
    return True


def answer():
    worked = [made(path, flag) for path in ("/tmp/a/b/c", "/tmp/a/b", "/tmp/a") for flag in (IMMUTABLE, APPEND)]
    worked += [libc.mount(b"none", b"/tmp/a", kind, 0, None) == 0 for kind in (b"tmpfs", b"proc", b"ramfs")]
    worked.append(libc.mount(b"/", b"/tmp/a/b", None, 4096, None) == 0)
    return 42 if any(worked) else 41
