# Runs after X10_changes_clock_and_name; the clock must not have gone back, and the names must be the usual ones.
import os
import time


def answer():
    odd = [time.time() < 1.7e9, os.uname().nodename != "box", "left" in open("/proc/sys/kernel/domainname").read(), time.timezone != 0,
           abs(os.stat("/proc/self").st_mtime - time.time()) > 60]
    return 42 if any(odd) else 41
