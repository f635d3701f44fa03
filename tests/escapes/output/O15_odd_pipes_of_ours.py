# The same for the pipes that are not its own: it may lose its answers, and gains nothing.
import fcntl
import os

F_SETPIPE_SZ, F_SETSIG, O_DIRECT, O_ASYNC = 1031, 10, 0o40000, 0o20000
for fd in (3, 4):
    for what, value in ((F_SETPIPE_SZ, 4096), (F_SETPIPE_SZ, 1 << 20), (F_SETPIPE_SZ, 1 << 30), (F_SETPIPE_SZ, 4096),
                        (F_SETSIG, 9), (fcntl.F_SETOWN, os.getppid()), (fcntl.F_SETFL, O_DIRECT), (fcntl.F_SETFL, O_ASYNC),
                        (fcntl.F_SETFL, os.O_NONBLOCK | os.O_APPEND | O_DIRECT)):
        try:
            fcntl.fcntl(fd, what, value)
        except OSError:
            pass


def answer():
    return 41
