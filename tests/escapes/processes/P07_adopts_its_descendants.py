# A tree whose orphans go to a parent of their own, and that asks for a signal when a parent dies: STOP, so that it stays.
import ctypes
import os
import signal
import time

prctl = ctypes.CDLL(None).prctl
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        prctl(PR_SET_PDEATHSIG, signal.SIGSTOP, 0, 0, 0)
        for _ in range(3):
            if os.fork() == 0:
                prctl(PR_SET_PDEATHSIG, signal.SIGSTOP, 0, 0, 0)
                if os.fork():
                    os._exit(0)
                time.sleep(1e9)
        time.sleep(1e9)
time.sleep(0.1)
os._exit(0)
