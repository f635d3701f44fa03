# Programs for the kernel by way of a socket's options, and descriptors that two processes share. Success is any of them.
import ctypes
import os
import signal
import socket
import struct

CODE = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0xFFFFFFFF))
PROGRAM = struct.pack("HxxxxxxP", 1, ctypes.addressof(CODE))
OPTIONS = {"filter": 26, "lock of the filter": 44, "bpf": 50, "reuseport": 51, "reuseport bpf": 52}
LIBC = ctypes.CDLL(None, use_errno=True)


def answer():
    done = []
    for name, option in OPTIONS.items():
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
            for level in (socket.SOL_SOCKET, socket.SOL_SOCKET | 1 << 32):
                with socket.socket(socket.AF_UNIX, kind) as one:
                    words = one.fileno(), level, option, PROGRAM, len(PROGRAM)
                    number = 54 if os.uname().machine == "x86_64" else 208
                    given = [word if isinstance(word, bytes) else ctypes.c_long(word) for word in words]
                    if LIBC.syscall(number, *given) == 0:
                        done.append((name, kind, level))
    for flags in (0x400, 0x400 | 0x100 | 0x800):  # CLONE_FILES, with CLONE_VM and CLONE_SIGHAND
        pid = LIBC.syscall(56 if os.uname().machine == "x86_64" else 220, ctypes.c_long(flags | signal.SIGCHLD), 0, 0, 0, 0)
        if pid == 0:
            os._exit(0)
        if pid > 0:
            done.append(("clone", flags))
    print(done)
    return 42 if done else 41
