# Every family of sockets but AF_UNIX, alone and in pairs: asking alone makes a kernel load modules. Success is no refusal.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)


def answer():
    got = []
    pair = (ctypes.c_int * 2)()
    for family in [0, *range(2, 64), 255, 1 << 16]:
        for kind in (1, 2, 3, 4, 5, 10):
            for name, ask in (("socket", lambda: libc.socket(family, kind, 0)), ("pair", lambda: libc.socketpair(family, kind, 0, pair))):
                if ask() != -1 or ctypes.get_errno() not in (1, 13):
                    got.append((name, family, kind, ctypes.get_errno()))
    print(got[:20])
    return 42 if got else 41
