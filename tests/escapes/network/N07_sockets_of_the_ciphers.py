# AF_ALG, by which a program once wrote into the page cache that all boxes share ("Copy Fail"). Success is any answer but a refusal.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
AF_ALG = 38


def answer():
    got = []
    pair = (ctypes.c_int * 2)()
    for kind in range(1, 11):
        for ask in (lambda: libc.socket(AF_ALG, kind, 0), lambda: libc.socketpair(AF_ALG, kind, 0, pair)):
            if ask() != -1 or ctypes.get_errno() not in (1, 13):
                got.append((kind, ctypes.get_errno()))
    print(got)
    return 42 if got else 41
