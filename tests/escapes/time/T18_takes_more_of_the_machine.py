# Right only if it may choose its cores, its priority or its scheduler, or those of a process of ours.
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
REAL_TIME = [(os.sched_setscheduler, policy, os.sched_param(1)) for policy in (os.SCHED_FIFO, os.SCHED_RR)]
OTHERS = [(os.sched_setscheduler, policy, os.sched_param(0)) for policy in (os.SCHED_IDLE, os.SCHED_BATCH)]


def worked(call, *arguments):
    try:
        call(*arguments)
    except OSError:
        return False
    return True


def answer():
    for pid in (0, 1, os.getppid()):
        for call, policy, terms in REAL_TIME + OTHERS:
            if worked(call, pid, policy, terms):
                return 42
        if worked(os.sched_setaffinity, pid, range(os.cpu_count())):
            return 42
        if worked(os.setpriority, os.PRIO_PROCESS, pid, -20) or worked(os.setpriority, os.PRIO_PROCESS, pid, 19):
            return 42
    ioprio_set = 251 if os.uname().machine == "x86_64" else 30
    return 42 if libc.syscall(ioprio_set, 1, 0, 1 << 13) == 0 else 41
