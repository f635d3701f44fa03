# A few thousand calls with random numbers and arguments, in children that may die of it. Success is another identity.
import ctypes
import os
import random
import signal

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
SPARED = {9, 10, 11, 25, 28, 34, 37, 38, 58, 60, 61, 62, 93, 94, 103, 129, 130, 131, 200, 215, 222, 226, 231, 234, 247, 260, 335, 336}
ROOM = ctypes.create_string_buffer(4096)
VALUES = (0, 1, 2, 3, 8, 16, 255, 4096, -1, -100, 1 << 31, (1 << 31) - 1, 1 << 32, 1 << 62, ctypes.addressof(ROOM), 0xDEAD0000)


def wild(seed):  # spared are its own memory, alarms, kill and its end
    dice = random.Random(seed)
    signal.alarm(1)
    for number in range(600):
        number = dice.choice((dice.randrange(480), dice.randrange(480), dice.randrange(1 << 12), dice.randrange(1 << 30)))
        if number not in SPARED:
            LIBC.syscall(ctypes.c_long(number), *(ctypes.c_long(dice.choice(VALUES)) for _ in range(6)))


def answer():
    mine, children = os.getresuid(), []
    for seed in range(16):
        children.append(os.fork())
        if children[-1] == 0:
            try:
                wild(seed)
            finally:
                os._exit(42 if os.getresuid() != mine else 0)
    ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    print(ends)
    return 42 if 42 in ends else 41
