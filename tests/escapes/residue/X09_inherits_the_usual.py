# Runs after X09_changes_what_is_inherited. Anything that is not as it is for everybody, and this passes.
import ctypes
import os
import resource as r
import signal

LIMITS = {r.RLIMIT_CORE: 1, r.RLIMIT_NOFILE: 256, r.RLIMIT_FSIZE: 64 << 20, r.RLIMIT_AS: -1,
          r.RLIMIT_MEMLOCK: 0, r.RLIMIT_MSGQUEUE: 0, r.RLIMIT_RTPRIO: 0, r.RLIMIT_NICE: 0, r.RLIMIT_DATA: -1}


def read(name):
    with open(f"/proc/self/{name}") as file:
        return file.read().strip()


def answer():
    mask, libc = os.umask(0o22), ctypes.CDLL(None)
    odd = [what for what, amount in LIMITS.items() if r.getrlimit(what) != (amount, amount)]
    odd += [r.RLIMIT_STACK] * (r.getrlimit(r.RLIMIT_STACK) != (256 << 20, r.RLIM_INFINITY))
    kept = {signal.SIGPIPE, signal.SIGXFSZ, 32, 33}
    odd += [number for number in range(1, 65) if number not in kept and signal.getsignal(number) is signal.SIG_IGN]
    odd += [name for name, wrong in {
        "mask": mask != 0o22, "directory": os.getcwd() != "/tmp", "blocked": signal.pthread_sigmask(0, []), "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "timer": signal.getitimer(signal.ITIMER_REAL)[0], "session": os.getsid(0) != os.getpid(), "groups": os.getgroups(),
        "killed with parent": libc.prctl(2, ctypes.byref(ctypes.c_int())), "dumpable": libc.prctl(3, 0, 0, 0, 0) != 1,
        "score": read("oom_score_adj") != "1000", "name": read("comm") != "python", "class": os.sched_getscheduler(0),
        "filter": read("coredump_filter") != "00000033", "identity": len({*os.getresuid(), *os.getresgid()}) != 1,
    }.items() if wrong]
    print(odd)
    return 42 if odd else 41
