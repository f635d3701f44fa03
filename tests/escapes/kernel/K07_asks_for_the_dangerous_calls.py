# Calls with a history of holes, each on its own. Success is one that does not refuse.
import ctypes
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
HERE = 0 if platform.machine() == "x86_64" else 1
CALLS = {  # name: (number on x86-64, on aarch64), arguments
    "bpf": ((321, 280), 0, b"\0" * 128, 128),
    "perf_event_open": ((298, 241), b"\0" * 128, 0, -1, -1, 0),
    "userfaultfd": ((323, 282), 0),
    "userfaultfd of users": ((323, 282), 1),
    "io_uring_setup": ((425, 425), 8, b"\0" * 120),
    "io_uring_enter": ((426, 426), 0, 0, 0, 0, 0, 0),
    "io_uring_register": ((427, 427), -1, 0, 0, 0),
    "fanotify_init": ((300, 262), 0, 0),
    "fanotify_mark": ((301, 263), 0, 0, 0, 0, 0),
    "kexec_load": ((246, 104), 0, 0, 0, 0),
    "kexec_file_load": ((320, 294), 0, 0, 0, 0, 0),
    "init_module": ((175, 105), b"x", 1, b""),
    "finit_module": ((313, 273), 0, b"", 0),
    "delete_module": ((176, 106), b"loop", 0),
    "create_module": ((174, None), b"x", 1),
    "syslog": ((103, 116), 3, 0, 0),
    "syslog size": ((103, 116), 10, 0, 0),
    "io_setup": ((206, 0), 8, b"\0" * 8),
    "vmsplice": ((278, 75), 1, 0, 0, 0),
    "splice": ((275, 76), 0, 0, 1, 0, 0, 0),
    "tee": ((276, 77), 0, 1, 0, 0),
    "remap_file_pages": ((216, 234), 0, 0, 0, 0, 0),
    "process_madvise": ((440, 440), -1, 0, 0, 0, 0),
    "process_mrelease": ((448, 448), -1, 0),
    "move_pages": ((279, 239), 0, 0, 0, 0, 0, 0),
    "migrate_pages": ((256, 238), 0, 0, 0, 0),
    "mbind": ((237, 235), 0, 0, 0, 0, 0, 0),
    "set_mempolicy": ((238, 237), 0, 0, 0),
    "memfd_create": ((319, 279), b"x", 0),
    "memfd_secret": ((447, 447), 0),
    "execveat": ((322, 281), -1, b"", 0, 0, 0x1000),
    "mincore": ((27, 232), 0, 0, 0),
    "membarrier": ((324, 283), 0, 0, 0),
    "inotify_init1": ((294, 26), 0),
    "signalfd4": ((289, 74), -1, b"\0" * 8, 8, 0),
    "sync": ((162, 81),),
    "syncfs": ((306, 267), 0),
    "lookup_dcookie": ((212, 18), 0, 0, 0),
}


def denied(numbers, *arguments):
    if numbers[HERE] is None:
        return True
    words = [one if isinstance(one, bytes) else ctypes.c_long(one) for one in arguments]
    return LIBC.syscall(ctypes.c_long(numbers[HERE]), *words) == -1 and ctypes.get_errno() in (1, 13, 38)


def answer():
    allowed = [name for name, (numbers, *arguments) in CALLS.items() if not denied(numbers, *arguments)]
    print(allowed)
    return 42 if allowed else 41
