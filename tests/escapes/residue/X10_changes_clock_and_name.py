# The clock and the names of the box, by every call and every file. X10_finds_clock_and_name asks next.
import ctypes
import os
import time

libc = ctypes.CDLL(None)
before = time.time()
for clock in range(12):
    try:
        time.clock_settime(clock, 86400.0)
    except OSError:
        pass
libc.settimeofday(b"\0" * 16, None)
libc.sethostname(b"left", 4)
libc.setdomainname(b"left", 4)
for path in ("/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname", "/etc/hostname", "/etc/localtime", "/proc/self/timens_offsets"):
    try:
        with open(path, "w") as file:
            file.write("left")
    except OSError:
        pass
os.environ["TZ"] = "Asia/Tokyo"
time.tzset()


def answer():
    return 42 if abs(time.time() - before) > 3600 or os.uname().nodename != "box" else 41
