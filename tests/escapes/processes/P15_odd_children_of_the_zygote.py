# Children that belong to the zygote, deaf to signals, stopped, in sessions of their own, with every exit signal.
import ctypes
import os
import signal
import time

libc = ctypes.CDLL(None)
CLONE, CLONE_PARENT = (56 if os.uname().machine == "x86_64" else 220), 0x8000
for at_exit in (0, signal.SIGUSR1, signal.SIGCHLD):
    if libc.syscall(CLONE, CLONE_PARENT | at_exit, 0, 0, 0, 0) == 0:
        os.setsid()
        for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP, 32, 33}:
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        libc.syscall(CLONE, CLONE_PARENT, 0, 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(1000)
        os._exit(0)
time.sleep(0.2)
os._exit(0)
