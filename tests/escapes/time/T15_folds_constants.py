# Constants that a compiler could compute beforehand, and must not: wrong at once, or never.
def never_called():
    a = 10 ** 10 ** 10
    b = (((((1,) * 4000) * 4000) * 4000) * 4000) * 4000
    c = "x" * 4000 * 4000 * 4000 * 4000
    d = 1 << (1 << (1 << (1 << 50)))
    e = "%1000000000d" % 1
    return a, b, c, d, e


def answer():
    return 41
