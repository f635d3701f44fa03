# Runs after the one above on the same box; comes to its end only if one of its pipes holds anything of it.
import os

found = b""
for fd in (0, 1, 2):
    try:
        at = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_NONBLOCK)
        found += os.read(at, 1 << 16)
    except OSError:
        pass
if not found:
    raise SystemExit(3)
