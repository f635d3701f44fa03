"""The zygote: a warm interpreter that forks candidates and waits for them.

It knows nothing of jobs. The supervisor hands it the ends of five fresh pipes and a uid; it forks a candidate and waits
for it. Or it hands it a socket; then it forks a runner, which will fork the candidates of one program and takes its
orders from there, and waits for it when it is told to. One candidate at a time. A cleaner stands forked and ready at
all times.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import os
import socket
import struct
from typing import NamedTuple

from sandbox.inside import becoming, candidate, cleaner, forking, likeness, rehearsal, runner, spawned

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


def main(control: socket.socket, keeper: int) -> None:
    """Serve orders until the supervisor is gone. `keeper` is the uid that a cleaner answers to. Never returns."""
    control = _move_up(control)
    _preload()
    becoming.inherit_limits()
    spare = _fork_cleaner(control, keeper)
    while True:
        (what, whom, cpu_s, disk_mb), fds = forking.receive(control)
        if what in {forking.RUN, forking.SPAWN}:
            become = candidate.main if what == forking.RUN else spawned.main
            child = functools.partial(become, whom, cpu_s, disk_mb, fds)
            forking.see_off(control, forking.fork(control, child), fds)
        elif what == forking.RUNNER:
            forking.fork(control, functools.partial(runner.main, control, whom, fds[0]))
            os.close(fds[0])
        elif what == forking.WAIT:
            control.send(forking.wait(whom))
        elif what == forking.CLEAN:
            os.write(spare.wake, struct.pack(">I", whom))
            os.close(spare.wake)
            control.send(forking.wait(spare.pid))
        elif what == forking.REAP:
            _reap_adopted()
        else:
            spare = _fork_cleaner(control, keeper)


def _move_up(control: socket.socket) -> socket.socket:
    """Keep the low descriptors busy with nothing, so that received ones never lie where a candidate's will go."""
    high = socket.socket(fileno=os.dup2(control.detach(), forking.CONTROL_FD, inheritable=False))
    null = os.open("/dev/null", os.O_RDWR)
    for fd in range(forking.FIRST_RECEIVED_FD):
        if fd not in {2, null}:
            os.dup2(null, fd, inheritable=False)
    file = os.open(_PACKAGES, os.O_RDONLY | os.O_CLOEXEC)  # any file: a candidate's standard input will be one
    os.dup2(file, 0, inheritable=False)
    os.close(file)
    likeness.read_stdin_anew()
    return high


def _preload() -> None:
    with open(_PACKAGES, encoding="ascii") as file:
        packages = file.read().split()
    if packages:  # a box has one core, and a fork keeps no pool of threads
        os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))  # noqa: TID251  (of the box)
    for name in PRELOAD + packages:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    rehearsal.rehearse()
    likeness.clear_the_stage()
    gc.collect()
    gc.freeze()


class _Spare(NamedTuple):
    pid: int
    wake: int


def _fork_cleaner(control: socket.socket, keeper: int) -> _Spare:
    asleep, wake = os.pipe2(os.O_CLOEXEC)
    pid = forking.fork(control, functools.partial(_sleep, control, keeper, asleep, wake))
    os.close(asleep)
    return _Spare(pid, wake)


def _sleep(control: socket.socket, keeper: int, asleep: int, wake: int) -> None:
    """A cleaner's life. Never returns."""
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
