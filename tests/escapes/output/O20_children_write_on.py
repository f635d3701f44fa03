# The program is over; its children write on, more than anybody takes.
import os
import time

for _ in range(8):
    if os.fork() == 0:
        os.setsid()
        while True:
            os.write(1, b"x" * 65536)
            os.write(3, b"\0\0\0\1N" * 13000)
time.sleep(0.02)
os._exit(0)
