# Right only if there is memory that outlives its processes: a file without a name, System V segments, message queues.
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
IPC_PRIVATE, IPC_CREAT, HERE = 0, 0o1000, os.uname().machine == "x86_64"


def answer():
    try:
        os.memfd_create("kept")
        return 42
    except OSError:
        pass
    if libc.syscall(447, 0) >= 0:  # memfd_secret
        return 42
    made = [
        libc.shmget(IPC_PRIVATE, 1 << 20, IPC_CREAT | 0o600),
        libc.semget(IPC_PRIVATE, 1, IPC_CREAT | 0o600),
        libc.msgget(IPC_PRIVATE, IPC_CREAT | 0o600),
        libc.syscall(240 if HERE else 180, b"kept", os.O_CREAT | os.O_RDWR, 0o600, None),  # mq_open
    ]
    return 42 if max(made) >= 0 else 41
