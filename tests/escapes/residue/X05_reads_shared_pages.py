# Runs after X05_changes_shared_pages. If a file reads as that one would have it, this passes.
import os

WORD = "changed by the " + "last one"


def answer():
    for path in ("/opt/box/start.py", os.__file__, "/etc/passwd", "/usr/lib/os-release"):
        if os.path.exists(path) and WORD in open(path).read():
            return 42
    return 41
