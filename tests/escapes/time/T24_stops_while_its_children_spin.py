# The main process is stopped and uses nothing; its children, in sessions of their own, use it all.
import os
import signal

for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        while True:
            pass
os.kill(os.getpid(), signal.SIGSTOP)
