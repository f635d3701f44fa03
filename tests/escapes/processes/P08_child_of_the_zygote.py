import ctypes, os, time
CLONE_PARENT, SIGCHLD = 0x8000, 17
libc = ctypes.PyDLL(None, use_errno=True)
if libc.syscall(56, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) == 0:
    time.sleep(1e9)
os._exit(0)
