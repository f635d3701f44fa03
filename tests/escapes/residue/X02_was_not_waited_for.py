# Runs after X02_keeps_a_daemon_waiting. A file, a process or a word of its, while this one waits for it, and this passes.
import os
import time


def answer():
    time.sleep(0.2)
    seen = os.listdir("/tmp") + os.listdir("/dev/shm")
    pids = [pid for pid in os.listdir("/proc") if pid.isdigit() and os.stat(f"/proc/{pid}").st_uid == os.getuid()]
    print(seen, pids)
    return 42 if seen or len(pids) != 1 else 41
