# Puts words into every pipe, from both of its ends, and goes: whoever comes next must not find them.
import os

for fd in range(5):
    for path in (fd, f"/proc/self/fd/{fd}"):
        try:
            at = path if path == fd else os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            os.write(at, b"left by the last one\n")
        except OSError:
            pass
os._exit(0)
