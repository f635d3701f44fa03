# Garbage and half frames by turns into everything that it can write to, its own input included.
import os

PARTS = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\5", b"M\0\0\0\1", b"\x7f\xff\xff\xff" + b"L" * 64, b"\r\n\0\x1b[2J", b"\0\0\0\1N")
for fd in range(64):
    try:
        os.set_blocking(fd, False)
    except OSError:
        continue
    for part in PARTS * 50:
        try:
            os.write(fd, part)
        except OSError:
            break


def answer():
    return 41
