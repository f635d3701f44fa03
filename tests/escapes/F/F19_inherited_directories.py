# A directory, a socket or any file beyond its own five that somebody left open for it.
import os
import stat


def answer():
    found = []
    for fd in range(1 << 12):
        try:
            mode = os.fstat(fd).st_mode
        except OSError:
            continue
        if fd > 4 or not stat.S_ISFIFO(mode):
            found.append((fd, oct(mode)))
    print(found)
    return 42 if found else 41
