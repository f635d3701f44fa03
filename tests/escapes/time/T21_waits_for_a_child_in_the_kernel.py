# A parent that waits in vfork does not return before its child does; it must be possible to kill it all the same.
import ctypes
import os
import time

libc = ctypes.PyDLL(None)
CLONE, CLONE_VFORK, SIGCHLD = (56 if os.uname().machine == "x86_64" else 220), 0x4000, 17
for _ in range(8):
    if libc.syscall(CLONE, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0):
        os._exit(0)
time.sleep(1e9)
