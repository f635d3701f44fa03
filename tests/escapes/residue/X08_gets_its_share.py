# Runs after X08_burns_every_second. Passes if it is held back for it: little processor in much time, or throttled.
import os
import resource
import time


def throttled():
    for path in ("/sys/fs/cgroup/cpu/cpu.stat", "/sys/fs/cgroup/cpu.stat"):
        if os.path.exists(path):
            with open(path) as file:
                return int(dict(line.split() for line in file).get("nr_throttled", 0))
    return 0


def answer():
    began, before = time.monotonic(), throttled()
    used = resource.getrusage(resource.RUSAGE_SELF)
    while time.process_time() < 0.15:
        pass
    took = time.monotonic() - began
    print(took, throttled() - before, used.ru_utime + used.ru_stime)
    return 42 if took > 2 or throttled() > before or used.ru_utime + used.ru_stime > 0.1 else 41
