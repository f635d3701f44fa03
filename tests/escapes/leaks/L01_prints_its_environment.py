# The environment: what is beyond the names that every box has, or carries anything of the host. Success is such a thing.
import os

KNOWN = {"HOME": "/tmp", "HOSTNAME": "box", "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONHASHSEED": "0",
         "TMPDIR": "/tmp", "USER": "box", "LOGNAME": "box", "PYTHON_CPU_COUNT": "1"}


def answer():
    found = [item for item in os.environ.items() if KNOWN.get(item[0]) != item[1]]
    with open("/proc/self/environ", "rb") as file:
        begun = file.read()
    found += [part for part in begun.split(b"\0") if part and part.decode().partition("=")[0] not in KNOWN]
    print(found)
    return 42 if found else 41
