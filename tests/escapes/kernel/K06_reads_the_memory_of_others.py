# Memory and secrets of process 1, the zygote and the cleaner: by call, and by every file that /proc has on them.
import ctypes
import os
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
NUMBERS = (310, 311) if platform.machine() == "x86_64" else (270, 271)
FILES = ("mem", "environ", "maps", "smaps", "auxv", "stack", "syscall", "io", "pagemap", "fd/0", "fd/1", "exe", "cwd/.", "root/etc",
         "task/{}/mem", "timers", "wchan", "personality", "map_files", "ns/pid", "coredump_filter", "clear_refs", "patch_state")
HARMLESS = {"wchan", "coredump_filter"}


class Piece(ctypes.Structure):
    _fields_ = [("at", ctypes.c_void_p), ("size", ctypes.c_size_t)]


def answer():
    word = ctypes.create_string_buffer(b"secret")
    piece = ctypes.byref(Piece(ctypes.addressof(word), 6))
    got = []
    others = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()]
    for pid in others:
        for file in FILES:
            for mode in (os.O_RDONLY, os.O_WRONLY):
                try:
                    fd = os.open(f"/proc/{pid}/{file.format(pid)}", mode)
                    if file not in HARMLESS and (mode == os.O_WRONLY or os.path.isdir(fd) or os.read(fd, 1)):
                        got.append((pid, file))
                except OSError:
                    pass
    for pid in [*others, os.getpid()]:  # of itself it would be allowed, were it not forbidden
        for number in NUMBERS:
            if LIBC.syscall(number, pid, piece, 1, piece, 1, 0) != -1 or ctypes.get_errno() not in (1, 13, 38):
                got.append((pid, number))
    print(got)
    return 42 if got else 41
