# The first thread ends by itself and leaves a zombie that still computes.
import ctypes
import os
import threading


def spin():
    while True:
        pass


threading.Thread(target=spin).start()
ctypes.CDLL(None).syscall(60 if os.uname().machine == "x86_64" else 93, 0)
