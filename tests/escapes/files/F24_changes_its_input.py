# Standard input is a file in memory. Whoever could write into it, change what is known of it or give it a name could leave something.
import fcntl
import mmap
import os

NAME = "/proc/self/fd/0"
F_ADD_SEALS = 1033


def attempt(found, name, do):
    try:
        do()
        found.append(name)
    except (OSError, ValueError):
        pass


def answer():
    found = []
    before = os.stat(0)
    attempt(found, "write", lambda: os.write(0, b"x"))
    attempt(found, "truncate", lambda: os.ftruncate(0, 9))
    attempt(found, "truncate by name", lambda: os.truncate(NAME, 9))
    for how in (os.O_WRONLY, os.O_RDWR, os.O_RDWR | os.O_TRUNC, os.O_WRONLY | os.O_APPEND):
        attempt(found, f"open {how}", lambda how=how: os.close(os.open(NAME, how)))
    attempt(found, "map", lambda: mmap.mmap(0, 1, access=mmap.ACCESS_WRITE))
    attempt(found, "mode", lambda: os.fchmod(0, 0o777))
    attempt(found, "owner", lambda: os.fchown(0, os.getuid(), os.getgid()))
    attempt(found, "times", lambda: os.utime(0, (1, 1)))
    attempt(found, "attribute", lambda: os.setxattr(0, "user.x", b"x"))
    attempt(found, "seal", lambda: fcntl.fcntl(0, F_ADD_SEALS, 2))
    attempt(found, "link", lambda: os.link(NAME, "/tmp/kept", follow_symlinks=True))
    attempt(found, "run", lambda: os.execv(NAME, ["x"]))
    found += sorted(set(os.listdir("/run/box")) - {"group", "passwd"})
    attempt(found, "new", lambda: os.close(os.open("/run/box/new", os.O_CREAT | os.O_WRONLY)))
    attempt(found, "users", lambda: os.close(os.open("/etc/passwd", os.O_WRONLY)))
    after = os.stat(0)
    if (before.st_size, before.st_mode, before.st_mtime_ns, before.st_nlink) != (after.st_size, after.st_mode, after.st_mtime_ns, after.st_nlink):
        found.append("changed")
    print(found)
    return 42 if found else 41
