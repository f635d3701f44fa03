# Dies with a core to fill the disk, or to start the host's handler for it. Success is a core.
import os
import resource
import signal


def answer():
    dumped = []
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))
    except (OSError, ValueError):
        pass
    if resource.getrlimit(resource.RLIMIT_CORE) != (1, 1):
        dumped.append("limit")
    for number in (signal.SIGQUIT, signal.SIGABRT, signal.SIGSEGV, signal.SIGSYS, signal.SIGTRAP):
        pid = os.fork()
        if pid == 0:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        status = os.waitpid(pid, 0)[1]
        if os.WCOREDUMP(status):
            dumped.append(number)
    dumped += os.listdir("/tmp")
    print(dumped)
    return 42 if dumped else 41
