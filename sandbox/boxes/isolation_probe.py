"""Try from within a box what the box must forbid.

Each function returns "" if a wall holds, else what happened.

This module runs as a candidate, as source text; the supervisor never imports it. Numbers of system calls are those of
x86-64 and aarch64.
"""

from __future__ import annotations

import _thread
import ctypes
import errno
import fcntl
import os
import platform
import signal
import socket
import struct
import time
from collections.abc import Callable

SCRATCH = "/tmp"  # the box's own
_SCRATCHES = (SCRATCH, "/dev/shm")
_X86 = platform.machine() == "x86_64"
_CALLS = {  # name: number on x86-64, number on aarch64, arguments
    "ptrace": (101, 117, (16, 1, 0, 0)),
    "process_vm_readv": (310, 270, (1, 0, 0, 0, 0, 0)),
    "mount": (165, 40, (0, 0, 0, 0, 0)),
    "umount2": (166, 39, (0, 0)),
    "pivot_root": (155, 41, (0, 0)),
    "chroot": (161, 51, (0,)),
    "unshare": (272, 97, (0x10000000,)),
    "setns": (308, 268, (0, 0)),
    "bpf": (321, 280, (0, 0, 0)),
    "perf_event_open": (298, 241, (0, 0, -1, -1, 0)),
    "userfaultfd": (323, 282, (0,)),
    "io_uring_setup": (425, 425, (1, 0)),
    "memfd_create": (319, 279, (0, 0)),
    "keyctl": (250, 219, (0, 0)),
    "add_key": (248, 217, (0, 0, 0, 0, 0)),
    "open_by_handle_at": (304, 265, (0, 0, 0)),
    "init_module": (175, 105, (0, 0, 0)),
    "kexec_load": (246, 104, (0, 0, 0, 0)),
    "syslog": (103, 116, (3, 0, 0)),
    "shmget": (29, 194, (0, 4096, 0o1600)),
    "mq_open": (240, 180, (0, 0o100, 0o600, 0)),
    "setpriority": (141, 140, (0, 1, 19)),
    "sched_setaffinity": (203, 122, (1, 8, 0)),
    "pidfd_open": (434, 434, (1, 0)),
    "fanotify_init": (300, 262, (0, 0)),
    "clock_settime": (227, 112, (0, 0)),
    "sethostname": (170, 161, (0, 0)),
    "reboot": (169, 142, (0, 0, 0, 0)),
    "swapon": (167, 224, (0, 0)),
    "modify_ldt": (154, None, (0, 0, 0)),
    "mknodat": (259, 33, (-100, 0, 0o20666, 259)),
}
_REFUSALS = {errno.EPERM, errno.ENOSYS, errno.EACCES}
_FILTERS = {"SO_ATTACH_FILTER": 26, "SO_ATTACH_BPF": 50, "SO_ATTACH_REUSEPORT_CBPF": 51, "SO_ATTACH_REUSEPORT_EBPF": 52}
_FAMILIES = {"AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17, "AF_ALG": 38, "AF_VSOCK": 40}


def system_calls() -> str:
    """Check that every system call of the list is refused."""
    libc = ctypes.CDLL(None, use_errno=True)
    got_through = []
    for name, (x86, arm, arguments) in _CALLS.items():
        number = x86 if _X86 else arm
        if number is None:
            continue
        ctypes.set_errno(0)
        returned = libc.syscall(number, *(ctypes.c_long(argument) for argument in arguments))
        if returned != -1 or ctypes.get_errno() not in _REFUSALS:
            got_through.append(f"{name} -> {returned} {errno.errorcode.get(ctypes.get_errno(), '')}".strip())
    return ", ".join(got_through)


def sockets() -> str:
    """Check that only local sockets can be made."""
    made = []
    for name, family in _FAMILIES.items():
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
            try:
                socket.socket(family, kind).close()
            except OSError:
                continue
            made.append(name)
    return ", ".join(sorted(set(made)))


def kernel_memory() -> str:
    """Check that no kernel memory can be taken that no cgroup is charged for: socket filters, unlisted locks."""
    given = {name: _attaches(option) for name, option in _FILTERS.items()}
    given["a lock of an open file"] = _locks_an_open_file()
    given["a process that shares descriptors"] = _shares_descriptors()
    return ", ".join(name for name, through in given.items() if through)


def _attaches(option: int) -> bool:
    code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0xFFFFFFFF))  # accept everything
    program = struct.pack("HxxxxxxP", 1, ctypes.addressof(code))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        try:
            one.setsockopt(socket.SOL_SOCKET, option, program)
        except OSError as error:
            return error.errno not in _REFUSALS
    return True


def _locks_an_open_file() -> bool:
    with open(f"{SCRATCH}/lock", "wb") as file:
        os.remove(file.name)
        try:
            fcntl.fcntl(file, 37, struct.pack("hhxxxxqqi", fcntl.F_WRLCK, 0, 0, 1, 0))  # F_OFD_SETLK
        except OSError as error:
            return error.errno not in _REFUSALS
    return True


def _shares_descriptors() -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    pid = libc.syscall(56 if _X86 else 220, ctypes.c_long(0x400 | signal.SIGCHLD), 0, 0, 0, 0)  # clone, CLONE_FILES
    if pid == 0:
        os._exit(0)
    if pid > 0:
        os.waitpid(pid, 0)
    return pid > 0 or ctypes.get_errno() not in _REFUSALS


def network() -> str:
    """Check that there is no network device but the loopback, and that it is down or alone."""
    with open("/proc/net/dev", encoding="ascii") as file:
        devices = [line.partition(":")[0].strip() for line in file if ":" in line]
    return ", ".join(device for device in devices if device != "lo")


def privileges() -> str:
    """Check that there is no root, no capability, no way to gain any, and that a seccomp filter is active."""
    with open("/proc/self/status", encoding="utf-8") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    wanted = {"CapEff": "0" * 16, "CapPrm": "0" * 16, "CapAmb": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"}
    wrong = [f"{name} {status.get(name)}" for name, value in wanted.items() if status.get(name) != value]
    return ", ".join([*wrong, *(["uid 0"] if 0 in os.getresuid() else [])])


def root_directory() -> str:
    """Check that the root is read-only, and that no file in the scratch directories can be executed."""
    wrong = []
    for path in ("/x", "/usr/x", "/etc/x", "/opt/box/x", "/run/program/x", "/var/x"):
        try:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
            wrong.append(f"wrote {path}")
        except OSError:
            pass
    if not os.statvfs("/").f_flag & os.ST_RDONLY:
        wrong.append("the root is not read-only")
    wrong += [f"{path} is not noexec" for path in _SCRATCHES if not os.statvfs(path).f_flag & os.ST_NOEXEC]
    script = f"{SCRATCH}/script"
    with open(script, "wb") as file:
        file.write(b"#!/opt/box/python\n")
    os.chmod(script, 0o700)
    try:
        pid = os.fork()
    except OSError:  # the limit on processes is one; the flags above have told
        pid = -1
    if pid == 0:
        try:
            os.execv(script, [script])
        finally:
            os._exit(1)
    if pid > 0 and os.waitpid(pid, 0)[1] == 0:
        wrong.append(f"ran {script}")
    os.remove(script)
    return ", ".join(wrong)


def supervisor() -> str:
    """Check that process 1 is out of reach: no signal, no memory, no environment, none of its files."""
    wrong = []
    try:
        os.kill(1, 0)
        wrong.append("may be signalled")
    except PermissionError:
        pass
    for name in ("mem", "environ", "maps", "fd/0", "fd/1", "root", "cwd"):
        try:
            os.close(os.open(f"/proc/1/{name}", os.O_RDONLY))
            wrong.append(f"/proc/1/{name} opens")
        except OSError:
            pass
    return ", ".join(wrong)


def processes(limit: int) -> str:
    """Check that there can be at most `limit` processes and threads.

    They are counted together, and a thread costs a tenth of the time of a process.
    """
    gate, before, made = _thread.allocate_lock(), len(os.listdir("/proc/self/task")), 0
    gate.acquire()

    def wait() -> None:
        with gate:
            pass

    try:
        while made <= limit:
            _thread.start_new_thread(wait, ())
            made += 1
    except RuntimeError:
        pass
    gate.release()
    while (
        len(os.listdir("/proc/self/task")) > before
    ):  # until then they count, and the next probe could start no process
        time.sleep(0.0005)
    return f"made {made}" if made > limit else ""


def files(limit: int, fill: int) -> str:
    """Check that a scratch directory has at most `limit` files: as it reports or, with `fill`, by making more."""
    if not fill and 0 < os.statvfs(SCRATCH).f_files <= limit:
        return ""
    made = _fill(limit + 1, lambda number: os.close(os.open(f"{SCRATCH}/{number}", os.O_CREAT | os.O_WRONLY)))
    for number in range(made):
        os.remove(f"{SCRATCH}/{number}")
    return f"made {made}" if made > limit else ""


def disk(limit_mb: int, fill: int) -> str:
    """Check that a scratch directory has at most `limit_mb` MB: as it reports or, with `fill`, by writing more."""
    room = os.statvfs(SCRATCH)
    if not fill and 0 < room.f_blocks * room.f_frsize <= limit_mb << 20:
        return ""
    fds = []

    def one(number: int) -> None:
        fds.append(os.open(f"{SCRATCH}/{number}", os.O_CREAT | os.O_WRONLY))
        os.posix_fallocate(fds[-1], 0, limit_mb << 19)

    try:
        made = _fill(3, one)  # half of the limit each
    finally:
        for number, fd in enumerate(fds):
            os.close(fd)
            os.remove(f"{SCRATCH}/{number}")
    return f"took {made / 2 * limit_mb:g} MB" if made > 2 else ""


def _fill(count: int, make: Callable[[int], None]) -> int:
    for number in range(count):
        try:
            make(number)
        except OSError:
            return number
    return count


def memory(megabytes: int) -> str:
    """Allocate and touch this much memory; if it returns, there was no limit."""
    block = bytearray(megabytes << 20)
    return f"took {len(block) >> 20} MB"


def locks(files: int, each: int) -> str:
    """Hold this many record locks until stopped; a kernel that lists no locks charges their memory to the box."""
    if not os.path.exists("/proc/locks"):
        return ""
    held = []
    for _ in range(files):
        held.append(os.open(f"{SCRATCH}/locks", os.O_CREAT | os.O_RDWR))
        os.remove(f"{SCRATCH}/locks")
        for number in range(each):
            fcntl.lockf(held[-1], fcntl.LOCK_EX, 1, 2 * (each - number))
    ends = time.monotonic() + 5
    while time.monotonic() < ends:  # time in the kernel, as more locks would take
        os.stat("/")
    for fd in held:
        os.close(fd)
    return f"held {files * each}"


def spin() -> None:
    """Use CPU seconds until stopped."""
    while True:
        pass


def sleep() -> None:
    """Use wall seconds until stopped."""
    time.sleep(3600)


def talk() -> None:
    """Write output until stopped."""
    while True:
        os.write(1, b"x" * 65536)
