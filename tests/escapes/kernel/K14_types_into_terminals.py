# A terminal of its own: types into it for another to read, takes the console, loads line disciplines. Success is any of them.
import fcntl
import os
import struct

KNOBS = {"TIOCSTI": (0x5412, b"x"), "TIOCLINUX": (0x541C, b"\x03"), "TIOCCONS": (0x541D, b"\0" * 4), "TIOCVHANGUP": (0x5437, b"\0" * 4),
         "TIOCSSERIAL": (0x541F, b"\0" * 72), "KDSETMODE": (0x4B3A, b"\0" * 4), "VT_DISALLOCATE": (0x5608, b"\0" * 4)}
REFUSALS = (1, 13)


def worked(fd, request, argument):
    try:
        fcntl.ioctl(fd, request, argument)
    except OSError as error:
        return error.errno not in REFUSALS
    return True


def answer():
    done = []
    master, slave = os.openpty()
    for fd in (master, slave):
        done += [name for name, (request, argument) in KNOBS.items() if worked(fd, request, argument)]
        for discipline in range(1, 32):
            done += [("TIOCSETD", discipline)] * worked(fd, 0x5423, struct.pack("i", discipline))
            done += [("high bits", discipline)] * worked(fd, 0x5423 - (1 << 32), struct.pack("i", discipline))
    try:
        done.append(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        pass
    print(done)
    return 42 if done else 41
