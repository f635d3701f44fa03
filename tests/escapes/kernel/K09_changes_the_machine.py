# Clock, name, swap, accounting, ports: what belongs to the whole machine. Success is a call that does not refuse.
import ctypes
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
HERE = 0 if platform.machine() == "x86_64" else 1
CALLS = {  # name: (number on x86-64, on aarch64), arguments
    "reboot": ((169, 142), 0xFEE1DEAD, 672274793, 0x89ABCDEF, 0),
    "swapon": ((167, 224), b"/tmp", 0),
    "swapoff": ((168, 225), b"/tmp"),
    "sethostname": ((170, 161), b"x", 1),
    "setdomainname": ((171, 162), b"x", 1),
    "settimeofday": ((164, 170), b"\0" * 16, 0),
    "time zone": ((164, 170), 0, b"\0" * 8),
    "clock_settime": ((227, 112), 0, b"\0" * 16),
    "adjtimex": ((159, 171), b"\1" + bytes(207)),
    "clock_adjtime": ((305, 266), 0, b"\1" + bytes(207)),
    "acct": ((163, 89), b"/tmp/x"),
    "no acct": ((163, 89), 0),
    "quotactl": ((179, 60), 0x80000100, 0, 0, 0),
    "quotactl_fd": ((443, 443), 0, 0, 0, 0),
    "iopl": ((172, None), 3),
    "ioperm": ((173, None), 0x70, 1, 1),
    "modify_ldt": ((154, None), 0, b"\0" * 16, 16),
    "set_thread_area": ((205, None), 0),
    "vhangup": ((153, 58),),
    "nfsservctl": ((180, 42), 0, 0, 0),
    "uselib": ((134, None), b"/x"),
    "_sysctl": ((156, None), 0),
    "sysfs": ((139, None), 3, 0, 0),
    "ustat": ((136, None), 0, 0),
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
