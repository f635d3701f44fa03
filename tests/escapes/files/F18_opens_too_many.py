# A million open files, one high number, and the limit raised first. Success is a descriptor beyond the limit.
import os
import resource


def answer():
    highest = 0
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 20, 1 << 20))
    except (OSError, ValueError):
        pass
    for number in (256, 1023, 1 << 16):
        try:
            highest = max(highest, os.dup2(0, number))
        except OSError:
            pass
    try:
        for _ in range(1 << 20):
            highest = max(highest, os.open("/dev/null", os.O_RDONLY), *os.pipe())
    except OSError:
        pass
    print(highest)
    os.closerange(5, highest + 1)
    return 42 if highest >= 256 else 41
