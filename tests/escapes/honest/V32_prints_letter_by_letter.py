# Each letter by itself, at once, as for a dialogue; the supervisor's work for it is not the program's.
import os
for _ in range(20_000):
    os.write(1, b"x")
