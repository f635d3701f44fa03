# Names without end for one file, beyond the number of files; then a tree in which everything has two parents.
import os

open("/tmp/one", "w").close()
made = 0
try:
    while made < 100_000:
        os.link("/tmp/one", f"/tmp/{made}" + "x" * 240)
        made += 1
except OSError:
    pass


def answer():
    return 42 if made > 2048 else 41
