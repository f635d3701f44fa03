# Children whose names look like other processes, or like the rest of a line in /proc; they use the time.
import ctypes
import os
import time

prctl = ctypes.CDLL(None).prctl
PR_SET_NAME = 15
for name in (b"1) S 0 0 0", b") R 1 1 (", b"a\nb) Z 0", b"(python)", b"\xff\xfe\x00", b"", b") ) ) 0 0"):
    if os.fork() == 0:
        prctl(PR_SET_NAME, name, 0, 0, 0)
        while True:
            pass
prctl(PR_SET_NAME, b") Z 1 1 1 1", 0, 0, 0)
time.sleep(1e9)
