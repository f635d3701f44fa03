"""The supervisor's handles of the other processes: zygote, runner, and orphans to reap.

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

from sandbox.inside import fork_protocol, residue, usage, wire, zygote

_CHUNK = 4096

Program = bytes  # packed by the host, opened by the candidate alone


class Parent(Protocol):
    """What a visit needs of the process that forks its candidate."""

    @property
    def control(self) -> socket.socket:
        """Takes RUN; tells of the candidate's start and end."""

    @property
    def ours(self) -> frozenset[int]:
        """The processes that were in the box before the candidate."""

    def introduce(self, program: Program) -> bytes:
        """What stands in the order pipe before the proof."""

    def kill_all(self, uid: int) -> bool:
        """Called at a limit, with the candidate's uid; whether more than the candidate's first process was killed."""

    def kill(self) -> None:
        """Called while there is no candidate to be killed, or none that dies."""

    def bury(self) -> fork_protocol.Ended:
        """Called when it has hung up; how it ended."""


class Zygote:
    """The one process without which there is no box."""

    def __init__(self, keeper: int) -> None:
        self._keeper = keeper
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self.control.close()
                zygote.main(theirs, keeper)
            finally:
                os._exit(1)
        theirs.close()
        self.spare = self._started()

    @property
    def ours(self) -> frozenset[int]:
        """The supervisor, the zygote and the cleaner (0 where there is none)."""
        return frozenset({1, self.pid, self.spare})

    def introduce(self, program: Program) -> bytes:
        """A zygote knows no program."""
        return wire.frame(program)

    def kill_all(self, uid: int) -> bool:
        """Everything of the candidate's goes at once: what is left would take the time of those who see to it."""
        company = len(usage.pids()) > len(self.ours) + 1
        residue.kill_all(uid, self._keeper)
        return company

    def kill(self) -> None:
        """It stays; its candidate can be killed as soon as it has begun."""

    def bury(self) -> NoReturn:
        """The box ends with it."""
        raise SystemExit("the zygote is gone")

    def start_runner(self, uid: int, program: Program) -> Runner:
        """A runner for a program, which it will find in its first order pipe."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        before = residue.traces()
        socket.send_fds(self.control, [fork_protocol.ORDER.pack(fork_protocol.RUNNER, uid, 0.0, 0)], [theirs.fileno()])
        theirs.close()
        return Runner(zygote=self, pid=self._started(), uid=uid, program=program, control=ours, before=before)

    def wait_for(self, pid: int) -> fork_protocol.Ended:
        """How a runner ended."""
        self._tell(fork_protocol.WAIT, pid)
        return fork_protocol.Ended.unpack(self._hear())

    def clean(self, uid: int) -> None:
        """Let the spare cleaner do its work."""
        self._tell(fork_protocol.CLEAN, uid)
        self._hear()
        self.spare = 0

    def reap(self) -> None:
        """Let it reap what a candidate made its child."""
        self._tell(fork_protocol.REAP)

    def fork_spare(self) -> None:
        """Let it fork the next cleaner."""
        self._tell(fork_protocol.SPARE)
        self.spare = self._started()

    def _tell(self, what: int, whom: int = 0) -> None:
        self.control.send(fork_protocol.ORDER.pack(what, whom, 0.0, 0))

    def _started(self) -> int:
        pid: int = fork_protocol.STARTED.unpack(self._hear())[1]
        return pid

    def _hear(self) -> bytes:
        return self.control.recv(64) or self.bury()


@dataclass(kw_only=True)
class Runner:
    """A program that comes again.

    Its process, its uid, what the box was like when it came, the CPU seconds told so far.
    """

    zygote: Zygote
    pid: int
    uid: int
    program: Program
    control: socket.socket
    before: tuple[object, ...]
    told_s: float = 0.0
    introduced: bool = False
    gone: bool = False

    @property
    def ours(self) -> frozenset[int]:
        """The zygote's, and it."""
        return self.zygote.ours | {self.pid}

    def introduce(self, program: Program) -> bytes:
        """Once is enough."""
        known, self.introduced = self.introduced, True
        return b"" if known else wire.frame(program)

    def kill_all(self, uid: int) -> bool:  # noqa: ARG002  (of the protocol)
        """It has that uid itself, and stays."""
        return False

    def kill(self) -> None:
        """It hangs up when it is dead; until it is buried its pid is nobody else's."""
        os.kill(self.pid, signal.SIGKILL)

    def bury(self) -> fork_protocol.Ended:
        """See it dead. Of its CPU seconds, and those of its children, the ones count that no visit has been told of."""
        self.kill()
        self.control.close()
        self.gone = True
        ended = self.zygote.wait_for(self.pid)
        return ended._replace(cpu_s=max(0.0, ended.cpu_s - self.told_s))


class Orphans:
    """Buries them, and adds up what they have used. One a process, made when the zygote is there: it takes SIGCHLD."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote
        self.cpu_s = 0.0
        self.fd, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)  # readable as soon as somebody is to be buried
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only where there is a handler the descriptor is written to

    def bury(self) -> None:
        """All who are dead now. Where the zygote is among them, the box ends."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, _CHUNK)
        while True:
            try:
                pid, _, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self._zygote.bury()
            if pid == 0:
                return
            if pid == self._zygote.pid:
                self._zygote.bury()
            self.cpu_s += used.ru_utime + used.ru_stime
