# Space taken without a byte written: allocated, stretched and punched, in files without a name. Success is more than the size.
import ctypes
import os

KEEP_SIZE, PUNCH_HOLE = 1, 2
fallocate = ctypes.CDLL(None).fallocate
fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]


def fill(directory):
    held = []
    for number in range(64):
        held.append(os.open(f"{directory}/{number}", os.O_CREAT | os.O_RDWR))
        os.unlink(f"{directory}/{number}")
        size = 4 << 20
        fallocate(held[-1], 0, 0, size)
        fallocate(held[-1], KEEP_SIZE, size, size)
        fallocate(held[-1], KEEP_SIZE | PUNCH_HOLE, 0, size >> 1)
        try:
            os.ftruncate(held[-1], 1 << 25)
            os.pwrite(held[-1], b"x", (1 << 25) - 1)
        except OSError:
            pass
    return sum(os.fstat(fd).st_blocks * 512 for fd in held)


def answer():
    taken = [fill("/tmp"), fill("/dev/shm")]
    print(taken)
    return 42 if max(taken) > 64 << 20 else 41
