# Runs after X12_leaves_everything_at_once. The box as the first program finds it, item by item; any difference, and this passes.
import fcntl
import os

LISTS = {"/tmp": [], "/dev/shm": [], "/dev/pts": ["ptmx"], "/run": ["box"], "/var/tmp": [], "/dev/mqueue": []}
DEVICES = {"fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero", "mqueue", "core"}


def answer():
    odd = [path for path, names in LISTS.items() if os.path.isdir(path) and os.listdir(path) != names]
    odd += set(os.listdir("/dev")) - DEVICES
    odd += set(os.listdir("/run/box")) - {"passwd", "group"}
    odd += [path for path in ("/tmp", "/dev/shm") if os.statvfs(path).f_bfree != os.statvfs(path).f_blocks]
    odd += [path for path in ("/tmp", "/dev/shm") if os.stat(path).st_mode & 0o7777 != 0o1777 or os.stat(path).st_uid]
    pids = [int(pid) for pid in os.listdir("/proc") if pid.isdigit()]
    odd += [pids] * (len(pids) != 4) + [pid for pid in pids if os.stat(f"/proc/{pid}/task").st_nlink != 3]
    with open("/proc/net/unix") as sockets, open("/proc/locks") as locks:
        odd += [sockets.read()] * (len(sockets.readlines()) > 3) + [line for line in locks if " -1 " not in line]
    try:
        fcntl.flock(os.open("/opt/box/start.py", os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        odd.append("lock")
    print(odd)
    return 42 if odd else 41
