# Descriptors beyond 0 to 4, what a program that it starts gets beyond 0 to 2, and what the five really are.
import os
import subprocess
import sys

LIST = "import os; print([fd for fd in range(1 << 12) if os.path.exists(f'/proc/self/fd/{fd}')])"


def answer():
    mine = sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:-1]
    theirs = subprocess.run([sys.executable, "-c", LIST], capture_output=True, text=True, close_fds=False).stdout.strip()
    kinds = [os.readlink(f"/proc/self/fd/{fd}").partition(":")[0] for fd in mine]
    print(mine, theirs, kinds)
    odd = not kinds[0].startswith("/run/box/#") or set(kinds[1:]) != {"pipe"}
    return 42 if odd or (mine, theirs) != ([0, 1, 2, 3, 4], "[0, 1, 2]") else 41
