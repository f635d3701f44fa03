# Streams that swallow, lie, or leave when they are flushed; none of it makes a wrong answer right.
import os
import sys


class Leaves:
    def write(self, text):
        raise SystemExit(0)

    def flush(self):
        os._exit(0)


def answer():
    sys.stderr = sys.stdout = Leaves()
    sys.__stdout__ = open("/dev/null", "w")
    sys.__stderr__ = None
    return 41
