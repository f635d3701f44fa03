# The end of a script calls what it has asked for.
import atexit
import time

atexit.register(time.sleep, 1e9)
print(42)
