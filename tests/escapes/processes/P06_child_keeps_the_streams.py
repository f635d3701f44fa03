# The end of the program must not wait for the end of its streams, which a child holds open.
import os
import time

if os.fork() == 0:
    os.setsid()
    while True:
        os.write(1, b".")
        time.sleep(0.05)
os._exit(0)
