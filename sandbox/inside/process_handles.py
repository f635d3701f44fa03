"""Control the other processes of a box from the supervisor: zygote, runner, and orphans to reap.

The zygote stays for the life of the box, a runner while its program stays. Processes whose parents have ended become
children of process 1; they count against the limit on processes until they are reaped.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from dataclasses import dataclass
from typing import NoReturn, Protocol

from sandbox.inside import cleanup, usage, wire, zygote
from sandbox.inside.zygote import Ended

_CHUNK = 4096

Program = bytes  # packed by the host, opened by the candidate alone


class Parent(Protocol):
    """The process that forks the candidate of a visit, as the visit uses it."""

    @property
    def control(self) -> socket.socket:
        """Socket that takes RUN and reports the candidate's start and end."""

    @property
    def ours(self) -> frozenset[int]:
        """Return the processes that were in the box before the candidate."""

    def program_bytes(self, program: Program) -> bytes:
        """Return what must be written to the order pipe before the proof."""

    def kill_all(self, uid: int) -> bool:
        """Kill all processes of the candidate's uid at a limit; returns whether there were more than its first one."""

    def kill(self) -> None:
        """Kill this process, if there is no candidate to kill or the candidate does not die."""

    def reap(self) -> Ended:
        """Return how this process ended, after its socket was closed."""


class Zygote:
    """The zygote: the box ends with it."""

    def __init__(self, cleaner_uid: int) -> None:
        self._cleaner_uid = cleaner_uid
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self.control.close()
                zygote.main(theirs, cleaner_uid)
            finally:
                os._exit(1)
        theirs.close()
        self.spare = self._receive_started()

    @property
    def ours(self) -> frozenset[int]:
        """Pids of the supervisor, the zygote and the cleaner (0 where there is none)."""
        return frozenset({1, self.pid, self.spare})

    def program_bytes(self, program: Program) -> bytes:
        """Return the program: a zygote keeps none."""
        return wire.frame(program)

    def kill_all(self, uid: int) -> bool:
        """Kill all of the candidate's processes: survivors would compete with the cleanup for the core."""
        company = len(usage.pids()) > len(self.ours) + 1
        cleanup.kill_all(uid, self._cleaner_uid)
        return company

    def kill(self) -> None:
        """Do nothing: the candidate can be killed as soon as it has started."""

    def reap(self) -> NoReturn:
        """End the box."""
        raise SystemExit("the zygote is gone")

    def start_runner(self, uid: int, program: Program) -> Runner:
        """Start a runner for a program, which it reads from its first order pipe."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        before = cleanup.snapshot()
        socket.send_fds(self.control, [zygote.ORDER.pack(zygote.RUNNER, uid, 0.0, 0)], [theirs.fileno()])
        theirs.close()
        return Runner(zygote=self, pid=self._receive_started(), uid=uid, program=program, control=ours, before=before)

    def wait_for(self, pid: int) -> Ended:
        """Wait for a runner and return how it ended."""
        self._send(zygote.WAIT, pid)
        return Ended.unpack(self._receive())

    def clean(self, uid: int) -> None:
        """Have the spare cleaner remove what `uid` has left, and wait for it."""
        self._send(zygote.CLEAN, uid)
        self._receive()
        self.spare = 0

    def reap_adopted(self) -> None:
        """Have the zygote reap processes that a candidate made its children."""
        self._send(zygote.REAP)

    def fork_spare(self) -> None:
        """Have the zygote fork the next cleaner."""
        self._send(zygote.SPARE)
        self.spare = self._receive_started()

    def _send(self, what: int, whom: int = 0) -> None:
        self.control.send(zygote.ORDER.pack(what, whom, 0.0, 0))

    def _receive_started(self) -> int:
        pid: int = zygote.STARTED.unpack(self._receive())[1]
        return pid

    def _receive(self) -> bytes:
        return self.control.recv(64) or self.reap()


@dataclass(kw_only=True)
class Runner:
    """The runner of a program that is run again and again.

    `before` is the snapshot of the box from when it started, `reported_cpu_s` the CPU seconds in the facts so far.
    """

    zygote: Zygote
    pid: int
    uid: int
    program: Program
    control: socket.socket
    before: tuple[object, ...]
    reported_cpu_s: float = 0.0
    program_sent: bool = False
    gone: bool = False

    @property
    def ours(self) -> frozenset[int]:
        """Pids of the zygote's `ours`, and of the runner."""
        return self.zygote.ours | {self.pid}

    def program_bytes(self, program: Program) -> bytes:
        """Return the program the first time, then nothing."""
        known, self.program_sent = self.program_sent, True
        return b"" if known else wire.frame(program)

    def kill_all(self, uid: int) -> bool:  # noqa: ARG002  (of the protocol)
        """Do nothing: the runner has that uid itself and must stay."""
        return False

    def kill(self) -> None:
        """Kill the runner. Its pid cannot be given again until the runner is reaped."""
        os.kill(self.pid, signal.SIGKILL)

    def reap(self) -> Ended:
        """Kill the runner and return how it ended, with the CPU seconds that are in no visit's facts yet."""
        self.kill()
        self.control.close()
        self.gone = True
        ended = self.zygote.wait_for(self.pid)
        return ended._replace(cpu_s=max(0.0, ended.cpu_s - self.reported_cpu_s))


class OrphanReaper:
    """Reap orphaned processes and add up their CPU seconds.

    There is one in a process, because it takes SIGCHLD; it is made after the zygote.
    """

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote
        self.cpu_s = 0.0
        self.fd, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)  # readable when there is a child to reap
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler nothing is written to the descriptor

    def reap(self) -> None:
        """Reap all that are dead now. If the zygote is among them, the box ends."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, _CHUNK)
        while True:
            try:
                pid, _, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self._zygote.reap()
            if pid == 0:
                return
            if pid == self._zygote.pid:
                self._zygote.reap()
            self.cpu_s += used.ru_utime + used.ru_stime
