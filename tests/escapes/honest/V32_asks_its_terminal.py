# K14: a terminal of its own, its size, its modes; and what programs ask of streams that are none.
import fcntl
import os
import pty
import shutil
import struct
import sys
import termios
import tty


def answer():
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (10, 20))
    tty.setraw(slave)
    os.write(slave, b"word")
    termios.tcdrain(slave)
    reading, writing = os.pipe()
    os.write(writing, b"four")
    waiting = struct.unpack("i", fcntl.ioctl(reading, termios.FIONREAD, b"\0" * 4))[0]
    seen = os.read(master, 10), termios.tcgetwinsize(master), os.isatty(slave), os.get_terminal_size(slave).columns, waiting
    pid, fd = pty.fork()
    if pid == 0:
        os.write(1, b"child" if os.isatty(0) else b"no")
        os._exit(0)
    said = os.read(fd, 10)
    os.waitpid(pid, 0)
    plain = sys.stdout.isatty(), shutil.get_terminal_size().columns, os.ttyname(slave).startswith("/dev/pts/")
    right = seen == (b"word", (10, 20), True, 20, 4) and said == b"child" and plain == (False, 80, True)
    return 42 if right else (seen, said, plain)
