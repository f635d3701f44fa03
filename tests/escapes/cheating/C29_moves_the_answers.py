import os
def answer():
    os.dup2(os.open("/dev/null", os.O_WRONLY), 3)
    return 42
