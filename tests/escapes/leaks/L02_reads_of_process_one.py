# What /proc tells of process 1 and of the zygote: a command line without a secret, and nothing else. Success is more.
import os
import re


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def answer():
    others = [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()]
    found = [(pid, name) for pid in others for name in ("environ", "auxv", "maps", "stack", "io") if read(f"/proc/{pid}/{name}")]
    for pid in others:
        words = read(f"/proc/{pid}/cmdline").split(b"\0")
        found += [word for word in words if word and not re.fullmatch(rb"/opt/box/\w+(\.py)?|-\w|\d+", word)]
    print(found)
    return 42 if found or not others else 41
