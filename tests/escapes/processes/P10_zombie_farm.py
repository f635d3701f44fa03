# Children that end at once and are never waited for; right only if more of them fit than there may be processes.
import os

made = 0
try:
    while made < 200:
        if os.fork() == 0:
            os._exit(0)
        made += 1
except OSError:
    pass


def answer():
    return 42 if made >= 200 else 41
