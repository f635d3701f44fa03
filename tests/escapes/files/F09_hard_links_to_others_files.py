# A second name in its own directory for a file that is not its own. Success is such a link.
import ctypes
import os

FOLLOW, EMPTY, HERE = 0x400, 0x1000, -100
linkat = ctypes.CDLL(None).linkat
made = []


def attempt(what, link):
    try:
        if link() != -1:
            made.append(what)
    except OSError:
        pass


def answer():
    for number, path in enumerate(("/etc/passwd", "/opt/box/start.py", os.__file__, "/proc/self/exe", "/etc/hostname")):
        new = f"/tmp/link{number}".encode()
        attempt(path, lambda: os.link(path, new))
        attempt(path, lambda: os.link(path, new + b"f", follow_symlinks=True))
        try:
            fd = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        attempt(path, lambda: linkat(fd, b"", HERE, new + b"e", EMPTY))
        attempt(path, lambda: linkat(HERE, f"/proc/self/fd/{fd}".encode(), HERE, new + b"p", FOLLOW))
    print(made)
    return 42 if made else 41
