# Ways out of its own root: the roots and directories of others, "..", and paths below open descriptors.
import os

here = os.stat("/")
ours = {entry.name for entry in os.scandir("/")}


def outside(path):
    try:
        found = os.stat(path)
        names = {entry.name for entry in os.scandir(path)}
    except OSError:
        return False
    return (found.st_dev, found.st_ino) != (here.st_dev, here.st_ino) or names != ours


def answer():
    up = "/.." * 300
    paths = ["/proc/self/root", "/proc/self/root" + up, up, "/proc/self/cwd/../..", "/proc/thread-self/root/.."]
    found = [path for path in paths if outside(path)]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if pid != str(os.getpid()):
            for name in ("root", "cwd", "exe", "fd", "map_files", "ns"):
                try:
                    found.append((pid, os.listdir(f"/proc/{pid}/{name}")))
                except OSError:
                    pass
    found += [fd for fd in os.listdir("/proc/self/fd") if os.path.isdir(f"/proc/self/fd/{fd}/..")]
    print(found)
    return 42 if found else 41
