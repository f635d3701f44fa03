# All the processor that it gets, in eight processes at once, until it is stopped: a debt, if anybody kept the book.
import os

for _ in range(8):
    if os.fork() == 0:
        break
while True:
    pass
