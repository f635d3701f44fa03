# Ends well while a child of its own still fills the memory.
import os
import time

if os.fork() == 0:
    os.setsid()
    kept = []
    while True:
        kept.append(bytearray(b"x") * (1 << 20))
time.sleep(0.05)
os._exit(0)
