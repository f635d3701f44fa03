# Memory of the kernel: sockets that hold unread bytes, one process after the other.
import os
import socket
import time

for _ in range(24):
    if os.fork() == 0:
        kept = []
        while True:
            try:
                kept += socket.socketpair()
                kept[-1].setblocking(False)
                while kept[-1].send(bytes(1 << 16)):
                    pass
            except OSError:
                time.sleep(0.001)
time.sleep(1e9)
