# System V queues, semaphores and segments, and POSIX queues, by call and by file: all outlive a process. Success is one.
import ctypes
import os
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
CALLS = {"msgget": (68, 186, 1, 0o1666), "semget": (64, 190, 1, 1, 0o1666), "shmget": (29, 194, 1, 4096, 0o1666),
         "msgsnd": (69, 189, 0, 0, 0, 0), "semop": (65, 193, 0, 0, 0), "shmat": (30, 196, 0, 0, 0), "shmctl": (31, 195, 0, 14, 0),
         "mq_open": (240, 180, b"left", 0o102, 0o600, 0), "mq_unlink": (241, 181, b"left"), "semtimedop": (220, 192, 0, 0, 0, 0)}


def answer():
    got = []
    for name, (x86, arm, *arguments) in CALLS.items():
        if LIBC.syscall(x86 if X86 else arm, *arguments) != -1 or ctypes.get_errno() not in (1, 13, 38):
            got.append(name)
    try:
        os.close(os.open("/dev/mqueue/left", os.O_CREAT | os.O_RDWR))
        got.append("a queue by its file")
    except OSError:
        pass
    for table in ("msg", "sem", "shm"):
        with open(f"/proc/sysvipc/{table}") as file:
            got += file.read().splitlines()[1:]
    print(got)
    return 42 if got else 41
