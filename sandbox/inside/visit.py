"""One visit of a program, seen from the supervisor: pipes, clocks, caps.

A visit is over when the main process is dead, never when a pipe is: a leftover process may hold a pipe open for ever.
The supervisor acts on a limit and says so itself; nobody guesses causes from exit codes. Where a runner is the parent,
the candidate can stop or kill it: then the visit is over when the runner is, and the runner's end is the visit's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.inside import fork_protocol, usage, wire
from sandbox.inside.deadline import Deadline, Waiting
from sandbox.inside.layout import RUN
from sandbox.inside.process_handles import Orphans, Parent

_POLL_MS = 50
_QUIET_MS = (
    10  # at first nobody is woken by what is written: most programs are over before, and a pipe holds what they write
)
_LOOK_MS = 50  # how often the memory of a box is looked at; a short program ends before
_DYING_S = 0.5
_CHUNK = 1 << 16


@dataclass
class Order:
    """What the host asks: see `sandbox.boxes.box`, which writes it."""

    program: bytes
    later: list[list[Any]]  # of calls that are handed out later: how many answers must have come before, and the calls
    repeat: bool
    spawn: bool
    proof: bytes
    stdin: bytes
    cpu_s: float
    wall_s: float
    longest_s: float
    output: int
    printed: int
    answers: int
    disk_mb: int


@dataclass
class Outcome:
    """What the supervisor saw of the main process.

    `box_cpu_s`: what the whole box used until its end, without process 1.

    `waited_s`: how long the box waited for its core meanwhile, at least.
    """

    ending: str
    status: int
    cpu_s: float
    box_cpu_s: float
    wall_s: float
    waited_s: float
    peak_kb: int
    memory_source: str
    company: bool


class _Writer:
    """Bytes on their way into a pipe that may never be read."""

    def __init__(self, fd: int, data: bytes) -> None:
        self.fd, self.rest = fd, memoryview(data)

    def add(self, data: bytes) -> None:
        """Write this behind the rest."""
        self.rest = memoryview(bytes(self.rest) + data)

    def push(self) -> bool:
        """Write what fits; False when done or when nobody reads any more."""
        try:
            while self.rest:
                self.rest = self.rest[os.write(self.fd, self.rest) :]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            pass
        return False


class _Reader:
    """A bounded collector: keeps `cap` bytes, lets others pass, and notices when there are more than `most`."""

    def __init__(self, fd: int, cap: int, most: int) -> None:
        self.fd, self.cap, self.most, self.data, self.size = fd, cap, most, bytearray(), 0
        self._whole, self._frames = 0, 0  # bytes and number of the frames that are whole

    @property
    def over(self) -> bool:
        """Whether there was more than may be."""
        return self.size > self.most

    def pull(self) -> bool:
        """Read what is there; False at the end of the stream."""
        try:
            while not self.over:
                part = os.read(self.fd, _CHUNK)
                if not part:
                    return False
                self.size += len(part)
                if len(self.data) < self.cap:
                    self.data += part[: self.cap - len(self.data)]
                if len(part) < _CHUNK:
                    return True
        except BlockingIOError:
            return True
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return False
        return True

    def frames(self) -> int:
        """How many whole frames have come, by their lengths."""
        while (end := self._whole + 4) <= len(self.data):
            end += int.from_bytes(self.data[self._whole : end], "big")
            if end > len(self.data):
                break
            self._whole, self._frames = end, self._frames + 1
        return self._frames

    def taken(self) -> bytes:
        """What was kept."""
        return bytes(self.data)


class Visit:
    """Starts a candidate, feeds and reads it, kills it at its limits. Use once; close always."""

    def __init__(self, order: Order, uid: int, parent: Parent, orphans: Orphans, shortage: usage.Shortage) -> None:
        self._order, self._uid, self._parent, self._orphans, self._shortage = order, uid, parent, orphans, shortage
        theirs, ours = self._pipes(uid, order.stdin)
        order.stdin = b""  # it lies in a file now, and a program needs the room
        stdout, stderr, answers, instructions = ours
        self._later = [(before, wire.frame(calls)) for before, calls in order.later]
        told, proof = parent.introduce(order.program), wire.frame(order.proof)
        if self._later:
            before, calls = self._later.pop()
            self._later.append((before, calls + proof))
        self._told = _Writer(instructions, told if self._later else told + proof)
        self._writers = {instructions: self._told}
        self._stdout = _Reader(stdout, order.output, order.printed)
        self._stderr = _Reader(stderr, order.output, order.printed)
        self._answers = _Reader(answers, order.answers, order.answers)
        self._readers = {reader.fd: reader for reader in (self._stdout, self._stderr, self._answers)}
        self._open = set(ours)
        self._poll, self._listening = select.poll(), False
        self._peak, self._locks = usage.Peak(), usage.Locks()
        self._cpu_before = usage.tree_cpu_s()
        self._own_before = time.process_time()
        self._deadline = Deadline(order.wall_s, order.longest_s, Waiting(parent.ours))
        self._pid, self._looked = 0, self._deadline.began
        self._ending, self._killed_at, self._wait_ms = "", 0.0, 0
        self._company = False  # whether there were more processes than the candidate's first one at its limit
        # A parent that is dead is found out by listening to it.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            what = fork_protocol.SPAWN if order.spawn else fork_protocol.RUN
            message = fork_protocol.ORDER.pack(what, uid, order.cpu_s, order.disk_mb)
            socket.send_fds(parent.control, [message], theirs)
        for fd in theirs:
            os.close(fd)

    @staticmethod
    def _pipes(uid: int, data: bytes) -> tuple[list[int], list[int]]:
        """Their stdin, and their ends and ours of stdout, stderr, answers, order.

        The first two pipes belong to the candidate, or it could not open /dev/stdout; the others must not.
        """
        theirs, ours = [_stdin_file(data)], []
        os.setresuid(-1, uid, -1)
        for number, they_read in enumerate((False, False, False, True)):
            if number == 2:
                os.setresuid(-1, 0, -1)
            reading, writing = os.pipe2(os.O_CLOEXEC)
            theirs.append(reading if they_read else writing)
            ours.append(writing if they_read else reading)
            os.set_blocking(ours[-1], False)
        return theirs, ours

    def run(self, tell: Callable[[float], None]) -> Outcome:
        """Watch until the main process is dead.

        `tell` hears what the box has waited when that has moved the wall limit.
        """
        self._poll.register(self._parent.control, select.POLLIN)
        self._poll.register(self._orphans.fd, select.POLLIN)
        for fd in list(self._writers):
            self._push(fd)
        self._watch_limits()
        while (ended := self._step()) is None:
            self._watch_limits()
            if self._deadline.has_moved():
                tell(self._deadline.waited_s)
        wall_s = time.monotonic() - self._deadline.began
        box_cpu_s = self._box_cpu_s()
        self._shortage.sit_out()
        for reader in self._readers.values():
            reader.pull()
        if self._flooded():
            self._ending = self._ending or "too_much_output"
        peak_kb, memory_source = self._peak.told(ended.peak_kb)
        return Outcome(
            ending=self._ending or ("signalled" if os.WIFSIGNALED(ended.status) else "exited"),
            status=ended.status,
            cpu_s=ended.cpu_s,
            box_cpu_s=box_cpu_s,
            wall_s=wall_s,
            waited_s=self._deadline.waited_s,
            peak_kb=peak_kb,
            memory_source=memory_source,
            company=self._company,
        )

    def _box_cpu_s(self) -> float:
        return usage.tree_cpu_s() - self._cpu_before - (time.process_time() - self._own_before)

    def said(self) -> dict[str, bytes]:
        """What the program wrote.

        Only for a box that was swept: a copy may need more room than the program has left.
        """
        return {"stdout": self._stdout.taken(), "stderr": self._stderr.taken(), "answers": self._answers.taken()}

    @property
    def truncated(self) -> bool:
        """Whether the program printed more than was kept."""
        return any(reader.size > reader.cap for reader in (self._stdout, self._stderr))

    def _step(self) -> fork_protocol.Ended | None:
        """Wait for something to happen, and see to it."""
        for fd, _ in self._poll.poll(self._wait_ms):
            if fd == self._parent.control.fileno():
                if (ended := self._hear()) is not None:
                    return ended
            elif fd == self._orphans.fd:
                self._orphans.bury()
            elif self._shortage.lasts():  # bytes in a pipe take memory of whoever writes them there, too
                time.sleep(usage.SHORT_S)
            elif fd in self._writers:
                self._push(fd)
            elif fd in self._readers:
                if not self._readers[fd].pull():
                    self._poll.unregister(fd)
                if self._later:
                    self._hand_out()
        return None

    def _hand_out(self) -> None:
        """The next calls, where every earlier one has its answer.

        Until then the program must not be able to read them.
        """
        while self._later and self._later[0][0] <= self._answers.frames():
            self._told.add(self._later.pop(0)[1])
            self._writers[self._told.fd] = self._told
            self._push(self._told.fd)

    def _push(self, fd: int) -> None:
        if self._writers[fd].push():
            self._poll.register(fd, select.POLLOUT)
            return
        del self._writers[fd]
        if fd == self._told.fd and self._later:
            with contextlib.suppress(KeyError):
                self._poll.unregister(fd)
        elif fd in self._open:
            self._open.discard(fd)
            with contextlib.suppress(KeyError):
                self._poll.unregister(fd)
            os.close(fd)

    def _hear(self) -> fork_protocol.Ended | None:
        try:
            data = self._parent.control.recv(64)
        except ConnectionResetError:  # it died with our order unread
            data = b""
        if not data:
            return self._parent.bury()
        if data[0] == 1:
            self._pid = fork_protocol.STARTED.unpack(data)[1]
            return None
        return fork_protocol.Ended.unpack(data)

    def _watch_limits(self) -> None:
        """Act on a limit that is reached; else say how long there is nothing to look at.

        One look into the books a step.
        """
        if not self._ending:
            box_cpu_s = usage.tree_cpu_s() - self._cpu_before
            cpu_left_s = self._order.cpu_s - (box_cpu_s - (time.process_time() - self._own_before))
            wall_left_s = self._deadline.left_s(box_cpu_s, looking=not self._shortage.lasts())
            if cpu_left_s < 0:
                self._ending = "out_of_cpu"
            elif wall_left_s < 0:
                self._ending = "out_of_wall"
            elif self._flooded():
                self._ending = "too_much_output"
            self._wait_ms = min(_LOOK_MS, int(1000 * min(wall_left_s, max(cpu_left_s, 0.002))) + 1)
        now = time.monotonic()
        if not self._listening:
            self._listen(now)
        if now - self._looked > _LOOK_MS / 1000:
            self._looked = now
            self._peak.look()
            if not self._ending and not self._shortage.lasts() and self._locks.are_too_many():
                self._ending = "out_of_memory"
        if self._ending:
            self._wait_ms = _POLL_MS
            self._kill()

    def _listen(self, now: float) -> None:
        """Begin to wake for what the program writes, if it is time to or if more calls wait for its answers."""
        quiet_ms = _QUIET_MS - 1000 * (now - self._deadline.began)
        if quiet_ms > 0 and not self._later:
            self._wait_ms = min(self._wait_ms, int(quiet_ms) + 1)
            return
        self._listening = True
        for fd in self._readers:
            self._poll.register(fd, select.POLLIN)

    def _kill(self) -> None:
        """End the candidate, or its parent where there is no candidate yet, or where nobody says that it is dead."""
        if not self._killed_at:
            self._killed_at, self._company = time.monotonic(), self._parent.kill_all(self._uid)
        if self._pid:
            with contextlib.suppress(ProcessLookupError):  # it may have ended a moment ago
                os.kill(self._pid, signal.SIGKILL)
        if not self._pid or time.monotonic() - self._killed_at > _DYING_S:
            self._parent.kill()

    def _flooded(self) -> bool:
        return any(reader.over for reader in (self._stdout, self._stderr, self._answers))

    def close(self) -> None:
        """Close what is still open."""
        for fd in self._open:
            os.close(fd)
        self._open.clear()


def _stdin_file(data: bytes) -> int:
    """Return a read-only descriptor of an unnamed file in memory that holds the program's standard input.

    A file has a size, can be mapped and can be read twice, as when a shell redirects a file. It belongs to process 1,
    and each visit has its own, so a program can leave nothing in it.
    """
    writing = os.open(RUN, os.O_TMPFILE | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o444)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(writing, rest) :]
        return os.open(f"/proc/self/fd/{writing}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(writing)
