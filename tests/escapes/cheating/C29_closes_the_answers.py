import os
def answer():
    os.close(3)
    return 42
