# Runs after X06_creates_names. Any of its names that still stands for something, and this passes.
import os
import socket
from multiprocessing import shared_memory


def answer():
    found = os.listdir("/dev/shm") + os.listdir("/dev/mqueue" if os.path.isdir("/dev/mqueue") else "/tmp")
    try:
        found.append(shared_memory.SharedMemory("left"))
    except OSError:
        pass
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        with socket.socket(socket.AF_UNIX, kind) as one:
            try:
                one.bind(f"\0left{kind}")
            except OSError:
                found.append(kind)
    return 42 if found else 41
