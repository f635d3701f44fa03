# A file that was never closed, in a namespace which a signal handler holds on to, is written at the end all the same.
import os, signal
copy = open(os.dup(1), "w")
copy.write("42\n")
def handler(number, frame):
    pass
signal.signal(signal.SIGUSR1, handler)
