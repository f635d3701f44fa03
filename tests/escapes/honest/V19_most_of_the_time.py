import time
def answer():
    while time.process_time() < 0.85:
        pass
    return 42
