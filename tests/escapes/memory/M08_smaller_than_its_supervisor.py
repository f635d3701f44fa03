# Process 1 is the largest there is: many small processes, and the memory lies in the sockets that they hold.
import os
import socket
import time

for _ in range(24):
    if os.fork() == 0:
        pairs = [socket.socketpair() for _ in range(100)]
        for pair in pairs:
            for end in pair:
                end.setblocking(False)
                try:
                    while end.send(bytes(1 << 16)):
                        pass
                except OSError:
                    pass
        time.sleep(1e9)
time.sleep(1e9)
