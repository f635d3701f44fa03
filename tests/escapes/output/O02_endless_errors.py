# The second stream has the same bound as the first.
import os

while True:
    os.write(2, b"x" * 100000)
