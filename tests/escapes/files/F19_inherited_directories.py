# A directory, a socket or any file beyond its own five that somebody left open for it.
import os
import stat


def answer():
    found = []
    for fd in range(1 << 12):
        try:
            seen = os.fstat(fd)
        except OSError:
            continue
        own_input = fd == 0 and seen.st_nlink == 0 and stat.S_IMODE(seen.st_mode) == 0o444
        if fd > 4 or not (own_input or stat.S_ISFIFO(seen.st_mode)):
            found.append((fd, oct(seen.st_mode)))
    print(found)
    return 42 if found else 41
