# AF_VSOCK: from here to the machine that runs this one. Success is a socket, a pair, or any answer but a refusal.
import ctypes
import socket

libc = ctypes.CDLL(None, use_errno=True)
AF_VSOCK = 40


def answer():
    got = []
    pair = (ctypes.c_int * 2)()
    for kind in (1, 2, 5, 0x80001):
        for ask in (lambda: libc.socket(AF_VSOCK, kind, 0), lambda: libc.socketpair(AF_VSOCK, kind, 0, pair),
                    lambda: libc.syscall(41, ctypes.c_long(AF_VSOCK | 1 << 32), kind, 0)):
            if ask() != -1 or ctypes.get_errno() not in (1, 13):
                got.append((kind, ctypes.get_errno()))
    try:
        got.append(open("/dev/vsock"))
    except OSError:
        pass
    print(got)
    return 42 if got else 41
