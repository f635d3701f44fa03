"""The zygote: a warm interpreter that forks candidates, runners and cleaners, and waits for them.

It never sees a job. The supervisor sends it the ends of five fresh pipes and a uid, to fork a candidate and wait for
it, one candidate at a time. Or the supervisor sends it a socket, to fork a runner, which takes its orders from that
socket. A cleaner is always forked in advance.

Packets: an order to the zygote or a runner is one packet (`ORDER`): what to do, for which uid or pid, under which
limits, with descriptors beside it. Each fork is answered by STARTED with the child's pid, and each child that was
waited for by ENDED.

Warm-up: the interpreter specializes code while it runs it, by writing into it. Code that the zygote has often run is
specialized in every fork and is not written again. So a fork starts faster and copies fewer pages, which saves a tenth
of a short program's time. So the zygote runs some programs of its own before it forks the first candidate.

Runner: a fork that has compiled one program and forks a candidate for each of its inputs. It never runs a line of the
program. It has the program's uid, so that whatever ends the program's processes ends it too, and so that compiling
happens under the program's limits. It stays undumpable: its candidates have the same uid and still cannot read its
memory or its descriptors. They can stop or kill it, which breaks nothing but their own run.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import io
import linecache
import os
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from sandbox.inside import candidate, cleanup, codec, environment, privileges, wire

RUN, SPAWN, RUNNER, WAIT, CLEAN, REAP, SPARE, COMMAND = range(1, 9)
ORDER = struct.Struct(">BIdI")  # what, whom (a uid; the pid to WAIT for), CPU seconds, MB of disk
STARTED = struct.Struct(">BI")  # 1, pid
ENDED = struct.Struct(">BIiddQ")  # 2, pid, wait status, user s, system s, peak kB
FIRST_RECEIVED_FD = 16
CONTROL_FD = 100


class Ended(NamedTuple):
    """How a child ended: wait status, CPU seconds of it and of its own reaped children, peak kB."""

    status: int
    cpu_s: float
    peak_kb: int

    @classmethod
    def unpack(cls, data: bytes) -> Ended:
        """Read what `wait` has packed."""
        _, _, status, user_s, system_s, peak_kb = ENDED.unpack(data)
        return cls(status, user_s + system_s, peak_kb)


def receive(control: socket.socket) -> tuple[tuple[int, int, float, int], list[int]]:
    """Return the next order and its descriptors; ends the process when the supervisor has ended."""
    data, fds, _, _ = socket.recv_fds(control, ORDER.size, 5, socket.MSG_CMSG_CLOEXEC)
    if not data:
        os._exit(0)
    what, whom, cpu_s, disk_mb = ORDER.unpack(data)
    return (what, whom, cpu_s, disk_mb), fds


def fork(control: socket.socket, child: Callable[[], object]) -> int:
    """Fork, report it and return the child's pid. `child` is called in the child and does not return."""
    pid = os.fork()
    if pid == 0:
        child()
    control.send(STARTED.pack(1, pid))
    return pid


def wait_and_report(control: socket.socket, pid: int, fds: list[int], *, before_s: float = 0.0) -> None:
    """Wait for a candidate and report how it ended; `before_s` are CPU seconds that its parent spent for it.

    Its pipes stay open here until then, so that the supervisor wakes up once when it ends, and not for every pipe.
    """
    control.send(wait(pid, before_s=before_s))
    for fd in fds:
        os.close(fd)


def wait(pid: int, *, before_s: float = 0.0) -> bytes:
    """Wait for a child; returns the ENDED packet."""
    _, status, used = os.wait4(pid, 0)
    return ENDED.pack(2, pid, status, used.ru_utime + before_s, used.ru_stime, used.ru_maxrss)


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

_PACKAGES = "/opt/box/preload"
_OF_PACKAGES = {  # what packages read from the environment when they are imported
    "OPENBLAS_NUM_THREADS": "1",  # a box has one core, and a fork keeps no pool of threads
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",  # there is no display
    "MPLCONFIGDIR": f"{environment.SCRATCH}/matplotlib",  # else it makes a directory that it removes at each exit
    "TF_CPP_MIN_LOG_LEVEL": "3",  # 0 writes several lines about the processor for each program
}

_BECOME = {
    RUN: candidate.main,
    SPAWN: candidate.main_exec,
    COMMAND: candidate.main_command,
}
_WARM_UP_ROUNDS = 20
_WARM_UP_ORDER: dict[str, object] = {
    "source": "def answer(x):\n    return x\n",
    "tests": None,
    "calls": None,
    "functions": None,
    "answers": None,
    "arguments_back": False,
    "apart": 0,
    "later": 0,
    "plain": True,
    "room": 1 << 20,
    "whole": False,
    "imports": "",
    "recursion_limit": None,
    "long_integers": False,
    "files": [],
    "arguments": [],
    "environment": {},
}
_WARM_UP_CALLS = codec.encode_calls([("answer", [value], {}) for value in (1, 2.5, "x", [1, (2,), {"a": None}], True)])
_WARM_UP_VISITS = (
    {"calls": [*_WARM_UP_CALLS, *codec.encode_calls([("answer", [], {})])]},  # the last call raises
    {"tests": "assert answer(1) == 1\n"},
    {"tests": "assert answer(1) == 2\n"},
)


def main(control: socket.socket, cleaner_uid: int) -> None:
    """Serve orders until the supervisor has ended. `cleaner_uid` is the real uid of the cleaners. Never returns."""
    control = _move_up(control)
    _preload()
    privileges.set_common_limits()
    spare = _fork_cleaner(control, cleaner_uid)
    while True:
        (what, whom, cpu_s, disk_mb), fds = receive(control)
        if what in _BECOME:
            child = functools.partial(_BECOME[what], whom, cpu_s, disk_mb, fds)
            wait_and_report(control, fork(control, child), fds)
        elif what == RUNNER:
            fork(control, functools.partial(_run_runner, control, whom, fds[0]))
            os.close(fds[0])
        elif what == WAIT:
            control.send(wait(whom))
        elif what == CLEAN:
            os.write(spare.wake, struct.pack(">I", whom))
            os.close(spare.wake)
            control.send(wait(spare.pid))
        elif what == REAP:
            _reap_adopted()
        else:
            spare = _fork_cleaner(control, cleaner_uid)


def _move_up(control: socket.socket) -> socket.socket:
    """Occupy the low descriptors, so that received ones never have the numbers that a candidate's will get."""
    high = socket.socket(fileno=os.dup2(control.detach(), CONTROL_FD, inheritable=False))
    null = os.open("/dev/null", os.O_RDWR)
    for fd in range(FIRST_RECEIVED_FD):
        if fd not in {2, null}:
            os.dup2(null, fd, inheritable=False)
    file = os.open(_PACKAGES, os.O_RDONLY | os.O_CLOEXEC)  # any file: a candidate's standard input will be one
    os.dup2(file, 0, inheritable=False)
    os.close(file)
    environment.reopen_stdin()
    return high


def _preload() -> None:
    with open(_PACKAGES, encoding="ascii") as file:
        packages = file.read().split()
    if packages:
        os.environ.update(_OF_PACKAGES)
    for name in PRELOAD + packages:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    if packages:  # what they have written is no program's
        importlib.import_module("shutil").rmtree(_OF_PACKAGES["MPLCONFIGDIR"], ignore_errors=True)
    if "numpy" in sys.modules:  # `random` does so by itself: no two programs shall draw the same numbers
        os.register_at_fork(after_in_child=importlib.import_module("numpy").random.seed)
    warm_up()
    environment.reset_interpreter()
    gc.collect()
    gc.freeze()


class _Spare(NamedTuple):
    pid: int
    wake: int


def _fork_cleaner(control: socket.socket, cleaner_uid: int) -> _Spare:
    asleep, wake = os.pipe2(os.O_CLOEXEC)
    pid = fork(control, functools.partial(_sleep, control, cleaner_uid, asleep, wake))
    os.close(asleep)
    return _Spare(pid, wake)


def _sleep(control: socket.socket, cleaner_uid: int, asleep: int, wake: int) -> None:
    """Wait in a cleaner for the uid to clean, then clean. Never returns."""
    code = 1
    try:
        control.close()
        os.close(wake)
        order = os.read(asleep, 4)
        if len(order) == 4:
            cleanup.clean(struct.unpack(">I", order)[0], cleaner_uid)
        code = 0
    finally:
        os._exit(code)


def _reap_adopted() -> None:
    """Reap processes that a candidate made children of the zygote (CLONE_PARENT)."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def warm_up() -> None:
    """Run programs of ours, without reading their answers, so that the interpreter specializes our code.

    Changes nothing else; descriptors 3 and 4 must be open and are restored.
    """
    stderr, sys.stderr = sys.stderr, io.StringIO()
    order_fd = os.dup(candidate.ORDER_FD)
    try:
        for visit in _WARM_UP_VISITS * _WARM_UP_ROUNDS:
            _run_once(wire.frame(wire.pack_order(_WARM_UP_ORDER | visit)) + wire.frame(b"a proof"))
    finally:
        sys.stderr = stderr
        os.dup2(order_fd, candidate.ORDER_FD, inheritable=False)
        os.close(order_fd)
    sys.modules.pop("solution")
    for name in ("solution.py", "tests.py"):
        linecache.cache.pop(name, None)


def _run_once(order: bytes) -> None:
    reading, writing = os.pipe()
    os.write(writing, order)
    os.close(writing)
    os.dup2(reading, candidate.ORDER_FD, inheritable=False)
    os.close(reading)
    candidate.run()


def _run_runner(control: socket.socket, uid: int, own_control: int) -> None:
    """Run a runner in a fork of the zygote. Never returns."""
    try:
        _become_runner(control, uid, own_control)
        _fork_for_program(control)
    finally:
        os.abort()  # a runner that fails dies by a signal, so that no exit code of its own passes for its candidate's


def _become_runner(control: socket.socket, uid: int, own_control: int) -> None:
    """Replace the zygote's control socket by the runner's own, close all else, change to the uid."""
    privileges.apply_landlock()
    os.setsid()
    os.dup2(own_control, control.fileno(), inheritable=False)
    os.dup2(0, 2)  # compiling may warn, and our standard error is the container's
    os.closerange(FIRST_RECEIVED_FD, control.fileno())
    os.closerange(control.fileno() + 1, privileges.OPEN_FILES)
    privileges.drop_privileges(uid)
    privileges.make_undumpable()


def _fork_for_program(control: socket.socket) -> None:
    """Compile the program of the first order; fork a candidate for it and for every later order."""
    (_, _, cpu_s, disk_mb), fds = receive(control)
    order = candidate.read_order(fds[candidate.ORDER_FD])
    candidate.apply_assumptions(order)
    script = candidate.Script(order)
    gc.freeze()
    compiling_s = time.process_time()
    while True:
        child = functools.partial(candidate.main_in_runner, script, cpu_s, disk_mb, fds)
        wait_and_report(control, fork(control, child), fds, before_s=compiling_s)
        compiling_s = 0.0
        (_, _, cpu_s, disk_mb), fds = receive(control)
