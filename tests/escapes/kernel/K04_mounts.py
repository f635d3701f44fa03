# Changes what is mounted, by the old calls and the new ones. Success is a call that does not refuse.
import ctypes
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
HERE = 0 if platform.machine() == "x86_64" else 1
CALLS = {  # name: (number on x86-64, on aarch64), arguments
    "mount tmpfs": ((165, 40), b"x", b"/tmp", b"tmpfs", 0, 0),
    "bind": ((165, 40), b"/", b"/tmp", 0, 0x1000, 0),
    "remount": ((165, 40), b"x", b"/", 0, 0x1020, 0),
    "move": ((165, 40), b"/dev", b"/tmp", 0, 0x2000, 0),
    "propagation": ((165, 40), 0, b"/", 0, 0x44000, 0),
    "umount": ((166, 39), b"/tmp", 0),
    "umount detached": ((166, 39), b"/proc/sys", 2),
    "pivot_root": ((155, 41), b"/tmp", b"/tmp"),
    "chroot": ((161, 51), b"/tmp"),
    "fsopen": ((430, 430), b"tmpfs", 0),
    "fsconfig": ((431, 431), 0, 6, 0, 0, 0),
    "fsmount": ((432, 432), 0, 0, 0),
    "fspick": ((433, 433), -100, b"/", 0),
    "open_tree": ((428, 428), -100, b"/", 1),
    "move_mount": ((429, 429), -100, b"/tmp", -100, b"/dev/shm", 0),
    "mount_setattr": ((442, 442), -100, b"/", 0, b"\0" * 32, 32),
    "open_tree_attr": ((467, 467), -100, b"/", 1, b"\0" * 32, 32),
    "statmount": ((457, 457), b"\0" * 32, b"\0" * 512, 512, 0),
    "listmount": ((458, 458), b"\0" * 32, b"\0" * 512, 64, 0),
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
