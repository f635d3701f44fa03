# Honest, if careless: children that start one of their own and leave. Whose parent is gone is buried while the program runs.
import os
import time

for number in range(300):
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.waitpid(child, 0)
    if number % 10 == 0:
        time.sleep(0.001)


def answer():
    return 42
