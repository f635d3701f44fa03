# The kernel by another door: 32-bit calls, x32 numbers, another personality. A child tries; success is that it gets its pid.
import ctypes
import mmap
import os
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
GETPID_32 = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"  # mov eax, 20; int 0x80; ret
X32 = 0x40000000


def by_interrupt():
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(GETPID_32)
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))() == os.getpid()


def in_a_child(attempt):
    pid = os.fork()
    if pid == 0:
        worked = False
        try:
            worked = attempt()
        finally:
            os._exit(42 if worked else 0)
    status = os.waitpid(pid, 0)[1]
    print(os.waitstatus_to_exitcode(status))
    return os.waitstatus_to_exitcode(status) == 42


def answer():
    ways = [lambda flag=flag: LIBC.personality(flag) != -1 for flag in (8, 0x40000, 0x400000, 4, 0x20000, 0xFFFFFFFF)]
    if platform.machine() == "x86_64":
        ways += [by_interrupt, lambda: LIBC.syscall(ctypes.c_long(X32 | 39)) == os.getpid()]
        ways.append(lambda: LIBC.syscall(ctypes.c_long(X32 | 521), 16, 0, 0, 0) != -1)
    return 42 if any([in_a_child(way) for way in ways]) else 41
