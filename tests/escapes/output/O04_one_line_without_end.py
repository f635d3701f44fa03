# A hundred megabytes and no line end in them.
import os

line = memoryview(bytes(1 << 20).replace(b"\0", b"x"))
for _ in range(100):
    rest = line
    while rest:
        rest = rest[os.write(1, rest) :]


def answer():
    return 42
