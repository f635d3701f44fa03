"""Packets between the supervisor and the processes that fork for it (zygote and runner).

An order is one packet: what to do, for which uid or pid, under which limits, with descriptors beside it. Each fork is
answered by STARTED with the child's pid, and each child that was waited for by ENDED.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from typing import NamedTuple

RUN, SPAWN, RUNNER, WAIT, CLEAN, REAP, SPARE = range(1, 8)
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
