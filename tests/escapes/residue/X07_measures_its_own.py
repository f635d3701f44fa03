# Runs after X07_fills_its_memory. Passes if that one's memory counts as its own, or is not there for it.
import resource


def answer():
    high = [resource.getrusage(who).ru_maxrss >> 10 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(high)
    try:
        block = bytearray(150 << 20)
        block[::4096] = b"x" * len(block[::4096])
    except MemoryError:
        return 42
    return 42 if high[0] > 64 or high[1] else 41
