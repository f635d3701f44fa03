# The old door of 32-bit programs, through which no filter on arguments sees: socketcall by int 0x80, in a child. Success is a socket.
import ctypes
import os
import platform

PRIVATE_ANONYMOUS_32BIT, ALL = 0x62, 7
CODE = bytes.fromhex("53 b8 66 00 00 00 89 fb 89 f1 cd 80 5b c3")  # push rbx; eax = 102; ebx, ecx = arguments; int 0x80; pop rbx


def socket_by_interrupt():
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    room = libc.mmap(None, ctypes.c_size_t(4096), ALL, PRIVATE_ANONYMOUS_32BIT, -1, ctypes.c_long(0))
    ctypes.memmove(room, CODE, len(CODE))
    arguments = (ctypes.c_int * 3).from_address(room + 1024)
    arguments[:] = [2, 1, 0]
    return ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_uint)(room)(1, room + 1024)


def answer():
    if platform.machine() != "x86_64":
        return 41
    pid = os.fork()
    if pid == 0:
        worked = False
        try:
            worked = socket_by_interrupt() >= 0
        finally:
            os._exit(42 if worked else 0)
    end = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(end)
    return 42 if end == 42 else 41
