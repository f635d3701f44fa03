"""Process 1 of a box: reads jobs from the host, lets them be run, reports facts, proves the box clean.

It answers each order with one frame of facts and says in it whether the box is clean: no process but our own, nothing
in the scratch directories, no trace in flight. A box that is not clean is not used again; the supervisor then ends, and
the container with it.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import socket
import sys
import time

from sandbox.inside import traces, usage, visit, wire, zygote
from sandbox.inside.cleaner import SCRATCH_DIRECTORIES

PROTOCOL = 2
UIDS = 4096
_CLEANING_S = 5.0
_PR_SET_DUMPABLE = 4


class Supervisor:
    """One zygote, one candidate at a time."""

    def __init__(self, first_uid: int) -> None:
        keeper, self._first_uid, self._visits = first_uid, first_uid + 1, 0
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._zygote = os.fork()
        if self._zygote == 0:
            try:
                self._control.close()
                zygote.main(theirs, keeper)
            finally:
                os._exit(1)
        theirs.close()
        self._spare = self._new_spare()
        self._orphans_cpu_s = 0.0
        self._before = traces.traces()

    def serve(self) -> None:
        """Answer orders until the host hangs up or the box is no longer clean."""
        wire.write_frame(1, wire.encode(self._greeting()))
        while (payload := wire.read_frame(0)) is not None:
            facts = self._visit(_order(wire.decode(payload)))
            wire.write_frame(1, wire.encode(facts))
            if not facts["clean"]:
                return

    def _greeting(self) -> dict[str, wire.Value]:
        return {
            "protocol": PROTOCOL,
            "python": platform.python_version(),
            "cpu_source": usage.source(),
            "idle_mb": usage.memory_mb(),
        }

    def _visit(self, order: visit.Order) -> dict[str, wire.Value]:
        uid = self._first_uid + self._visits % UIDS
        self._visits += 1
        self._orphans_cpu_s, kills = 0.0, usage.oom_kills()
        guest = visit.Visit(order, uid, self._control)
        try:
            seen = guest.run()
        finally:
            guest.close()
        flags = self._sweep(uid)
        starved = usage.oom_kills() > kills
        if starved and seen.ending == "signalled":
            seen.ending = "out_of_memory"
        return {
            "ending": seen.ending,
            "status": seen.status,
            "cpu_s": seen.cpu_s + self._orphans_cpu_s,
            "wall_s": seen.wall_s,
            "peak_kb": seen.peak_kb,
            "stdout": seen.stdout,
            "stderr": seen.stderr,
            "answers": seen.answers,
            "flags": list(flags),
            "clean": not self._strangers() and not _litter() and traces.gone(self._before),
        }

    def _sweep(self, uid: int) -> list[str]:
        """Kill and reap what is left, empty the scratch directories; says what was found."""
        found = []
        if self._strangers():
            found.append("leftover_processes")
        if _litter():
            found.append("leftover_files")
        if found:
            self._clean_up(uid)
        return found

    def _clean_up(self, uid: int) -> None:
        self._tell(zygote.CLEAN, uid)
        self._hear()
        self._spare = 0
        deadline = time.monotonic() + _CLEANING_S
        while self._strangers() and time.monotonic() < deadline:
            self._tell(zygote.REAP)
            time.sleep(0.001)
        # Only when the dead are reaped is there sure to be room for the next cleaner.
        self._tell(zygote.SPARE)
        self._spare = self._new_spare()

    def _tell(self, what: int, uid: int = 0) -> None:
        self._control.send(zygote.ORDER.pack(what, uid, 0.0, 0))

    def _new_spare(self) -> int:
        pid: int = zygote.STARTED.unpack(self._hear())[1]
        return pid

    def _hear(self) -> bytes:
        data = self._control.recv(64)
        if not data:
            raise SystemExit("the zygote is gone")
        return data

    def _strangers(self) -> set[int]:
        self._reap()
        return set(usage.pids()) - {1, self._zygote, self._spare}

    def _reap(self) -> None:
        """Orphans become children of process 1; their CPU seconds belong to the visit."""
        while True:
            try:
                pid, _, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                raise SystemExit("the zygote is gone") from None
            if pid == 0:
                return
            if pid == self._zygote:
                raise SystemExit("the zygote is gone")
            self._orphans_cpu_s += used.ru_utime + used.ru_stime


def _litter() -> bool:
    return any(os.listdir(directory) for directory in SCRATCH_DIRECTORIES)


def _order(value: wire.Value) -> visit.Order:
    if not isinstance(value, dict):
        raise wire.WireError("an order is a dict")
    return visit.Order(**value)  # type: ignore[arg-type]  # the host is trusted; a wrong key is our bug


def main() -> None:
    """Entry of the image. argv: the first uid of this box's range."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
    Supervisor(int(sys.argv[1])).serve()
