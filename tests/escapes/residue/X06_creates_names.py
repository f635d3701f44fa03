# Shared memory, semaphores, queues, keys and names of sockets, each under a name that outlives its process.
import ctypes
import multiprocessing
import os
import platform
import socket
from multiprocessing import resource_tracker, shared_memory

resource_tracker.register = lambda *_: None
held = [shared_memory.SharedMemory("left", create=True, size=1 << 20), multiprocessing.Semaphore(1)]
libc = ctypes.CDLL(None)
libc.sem_open.restype = ctypes.c_void_p
libc.sem_open(b"/left", os.O_CREAT, 0o666, 1)
libc.shm_open(b"/left2", os.O_CREAT | os.O_RDWR, 0o666)
for number in ((240, 248) if platform.machine() == "x86_64" else (180, 217)):
    libc.syscall(number, b"left", 0o102, 0o666, 0, -4)
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
    held.append(socket.socket(socket.AF_UNIX, kind))
    held[-1].bind(f"\0left{kind}")
os.fork()
os._exit(0)
