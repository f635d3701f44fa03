"""The zygote: a warm interpreter that forks candidates and waits for them.

It knows nothing of jobs. The supervisor hands it the ends of five fresh pipes and a uid; it forks, and tells the
supervisor the child's pid (`started`) and, after the child's end, its status and resources (`ended`). One candidate at a
time. A cleaner stands forked and ready at all times.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import os
import socket
import struct
import sys
from typing import NamedTuple

from sandbox.inside import candidate, cleaner

PRELOAD = [  # and what /opt/box/preload lists: the packages that the image was made with
    "abc",
    "array",
    "ast",
    "atexit",
    "base64",
    "bisect",
    "builtins",
    "calendar",
    "cmath",
    "collections",
    "collections.abc",
    "contextlib",
    "copy",
    "copyreg",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "gc",
    "hashlib",
    "heapq",
    "inspect",
    "io",
    "itertools",
    "json",
    "linecache",
    "locale",
    "math",
    "numbers",
    "operator",
    "os",
    "os.path",
    "pprint",
    "queue",
    "random",
    "re",
    "signal",
    "statistics",
    "string",
    "struct",
    "sys",
    "textwrap",
    "threading",
    "time",
    "timeit",
    "traceback",
    "types",
    "typing",
    "unicodedata",
    "warnings",
    "weakref",
    "zlib",
]

RUN, CLEAN, REAP, SPARE = 1, 2, 3, 4
ORDER = struct.Struct(">BIdI")  # what, uid, CPU seconds, MB of disk
STARTED = struct.Struct(">BI")  # 1, pid
ENDED = struct.Struct(">BIiddQ")  # 2, pid, wait status, user s, system s, peak kB
_FIRST_RECEIVED_FD = 16
_CONTROL_FD = 100
_PACKAGES = "/opt/box/preload"


class Ended(NamedTuple):
    """How a child of the zygote ended: wait status, CPU seconds of it and of what it waited for, peak kB."""

    status: int
    cpu_s: float
    peak_kb: int


def main(control: socket.socket, keeper: int) -> None:
    """Serve orders until the supervisor is gone. `keeper` is the uid that a cleaner answers to. Never returns."""
    control = _move_up(control)
    _preload()
    candidate.inherit_limits()
    spare = _fork_cleaner(control, keeper)
    while True:
        data, fds = _receive(control)
        what, uid, cpu_s, disk_mb = ORDER.unpack(data)
        if what == RUN:
            _run(control, (uid, cpu_s, disk_mb), fds)
        elif what == CLEAN:
            os.write(spare.wake, struct.pack(">I", uid))
            os.close(spare.wake)
            _report_end(control, spare.pid)
        elif what == REAP:
            _reap_adopted()
        else:
            spare = _fork_cleaner(control, keeper)


def _run(control: socket.socket, terms: tuple[int, float, int], fds: list[int]) -> None:
    pid = os.fork()
    if pid == 0:
        candidate.main(*terms, fds)
    for fd in fds:
        os.close(fd)
    control.send(STARTED.pack(1, pid))
    _report_end(control, pid)


def _move_up(control: socket.socket) -> socket.socket:
    """Keep the low descriptors busy with nothing, so that received ones never lie where a candidate's will go."""
    high = socket.socket(fileno=os.dup2(control.detach(), _CONTROL_FD, inheritable=False))
    null = os.open("/dev/null", os.O_RDWR)
    for fd in range(_FIRST_RECEIVED_FD):
        if fd not in {2, null}:
            os.dup2(null, fd, inheritable=False)
    return high


def _preload() -> None:
    with open(_PACKAGES, encoding="ascii") as file:
        packages = file.read().split()
    if packages:  # a box has one core, and a fork keeps no pool of threads
        os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))  # noqa: TID251
    for name in PRELOAD + packages:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for name in [name for name in sys.modules if name.split(".")[0] == "sandbox"]:
        del sys.modules[name]  # a candidate may have a module of that name
    sys.argv = ["main.py"]
    sys.path = [entry for entry in sys.path if not entry.startswith("/opt/")]
    gc.collect()
    gc.freeze()


class _Spare(NamedTuple):
    pid: int
    wake: int


def _fork_cleaner(control: socket.socket, keeper: int) -> _Spare:
    asleep, wake = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid:
        os.close(asleep)
        control.send(STARTED.pack(1, pid))
        return _Spare(pid, wake)
    code = 1
    try:
        control.close()
        os.close(wake)
        order = os.read(asleep, 4)
        if len(order) == 4:
            cleaner.clean(struct.unpack(">I", order)[0], keeper)
        code = 0
    finally:
        os._exit(code)


def _reap_adopted() -> None:
    """A candidate can make the zygote the parent of a process (CLONE_PARENT); its remains must not stay."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _receive(control: socket.socket) -> tuple[bytes, list[int]]:
    room = socket.CMSG_SPACE(5 * array.array("i").itemsize)
    data, ancillary, _, _ = control.recvmsg(ORDER.size, room, socket.MSG_CMSG_CLOEXEC)
    if not data:
        os._exit(0)  # the supervisor is gone
    fds = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content)
    return data, list(fds)


def _report_end(control: socket.socket, pid: int) -> None:
    _, status, used = os.wait4(pid, 0)
    control.send(ENDED.pack(2, pid, status, used.ru_utime, used.ru_stime, used.ru_maxrss))
