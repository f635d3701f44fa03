# Right only if both scratch directories together take more than they have; and all that is in them must go again.
import os


def fill(directory):
    written = 0
    for number in range(8):
        fd = os.open(f"{directory}/{number}", os.O_CREAT | os.O_WRONLY)
        try:
            while True:
                written += os.write(fd, bytes(1 << 20))
        except OSError:
            os.close(fd)
    return written


def answer():
    return 42 if fill("/tmp") + fill("/dev/shm") > 132 << 20 else 41
