# A child is killed for want of memory; the program then ends itself by another signal, as if nothing had been.
import os
import signal

child = os.fork()
if child == 0:
    blocks = []
    while True:
        blocks.append(bytearray(b"x") * (1 << 20))
os.waitpid(child, 0)
os.kill(os.getpid(), signal.SIGSEGV)
