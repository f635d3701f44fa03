"""Run one visit of a program in the supervisor: pipes, clocks and limits.

A visit ends when the main process is dead, never when a pipe is closed: a leftover process may hold a pipe open without
end. The supervisor acts on a limit and reports which one, so no cause is guessed from an exit code. If a runner is the
parent, the candidate can stop or kill it: then the visit ends with the runner, and with the runner's ending.

A *live* program talks with another one (`sandbox.boxes.conversation`). Its standard input is a pipe; its output goes to
the host at once, in frames {"output": bytes}. The host sends it frames {"input": bytes}, {"input": None} for the end,
{"stop": True} to kill it and, after it has the facts, {"over": True}: so no late frame is taken for the next order.
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

from sandbox.inside import usage, wire, zygote
from sandbox.inside.environment import RUN
from sandbox.inside.process_handles import OrphanReaper, Parent

_POLL_MS = 50
# Output does not wake us up at first: most programs have ended before, and a pipe holds what they write.
_QUIET_MS = 10
_SAMPLE_MS = 50  # between looks at the memory of the box; a short program ends before
_DYING_S = 0.5
_CHUNK = 1 << 16
_FIRST_LOOK_S = 0.05  # a short program ends before and costs no look at the times of tasks
_MIN_OFF_CORE_S = 0.02  # looks are worth their time only if the box was off its core for longer than this
_LOOK_SHARE = 40  # at most one look per 1/40 of the visit: each takes some tenths of a millisecond
_REPORT_S = 1.0
_HOST = 0  # the stream from the host


@dataclass
class Order:
    """An order of the host; `sandbox.boxes.box` writes it."""

    program: bytes
    later: list[list[Any]]  # calls to send later: the number of answers that must have come first, and the calls
    repeat: bool
    spawn: bool
    command: bool
    collect: bool  # return what the command has made
    installed: list[list[Any]] | None  # the program's files, to replace the present ones
    proof: bytes
    stdin: bytes
    cpu_s: float
    wall_s: float
    longest_s: float
    output: int
    printed: int
    answers: int
    disk_mb: int
    workspace: bool  # files are to be expected where the program ran
    live: bool  # it talks with the host while it runs
    fetch: list[str]  # names of files to send back


@dataclass
class VisitResult:
    """How the main process ended and what it used.

    `box_cpu_s` are CPU seconds of the whole box without process 1, `waited_s` is a lower bound of the seconds that the
    box waited for its core, and `had_others` says whether there were more processes than the first one at a limit.
    """

    ending: str
    status: int
    cpu_s: float
    box_cpu_s: float
    wall_s: float
    waited_s: float
    peak_kb: int
    memory_source: str
    had_others: bool


class Deadline:
    """The end of one visit's wall time, which begins when this object is made.

    Time in which the box waited for its core moves the end, up to `longest_s`. A program cannot gain any of it on a
    core that no other container uses. If others use the core, this time is only not counted against the program, and
    costs the others nothing. `sandbox.judging.judge.starved` reads the result from the facts.
    """

    def __init__(self, wall_s: float, longest_s: float, waiting: usage.CoreWait) -> None:
        self._waiting = waiting
        self.began = time.monotonic()
        self._wall_s, self._longest = wall_s, self.began + longest_s
        self._next_look, self._reported = self.began + _FIRST_LOOK_S, self.began + wall_s

    @property
    def waited_s(self) -> float:
        """Return seconds that the box has waited for its core, as of the last look."""
        return self._waiting.seconds

    def left_s(self, box_cpu_s: float, *, looking: bool) -> float:
        """Return the seconds left, negative when the time is over.

        Reads the accounts of the tasks first if `looking` allows it: that takes memory of the box.
        """
        now = time.monotonic()
        due = now > self._next_look or now > self._end()
        if looking and due and now - self.began - box_cpu_s > _MIN_OFF_CORE_S:
            self._waiting.update(box_cpu_s)
            self._next_look = now + max(_FIRST_LOOK_S, (now - self.began) / _LOOK_SHARE)
        return self._end() - now

    def has_moved(self) -> bool:
        """Return whether the end is later than was reported last; true at most once a second."""
        now = time.monotonic()
        if not self._reported < now < self._end():
            return False
        self._reported = max(self._end(), now + _REPORT_S)
        return True

    def _end(self) -> float:
        return min(self.began + self._wall_s + self._waiting.seconds, self._longest)


class _Writer:
    """Bytes to write into a pipe that may never be read."""

    def __init__(self, fd: int, data: bytes) -> None:
        self.fd, self.rest, self.closed = fd, memoryview(data), False

    def add(self, data: bytes) -> None:
        """Append bytes to what is still to be written."""
        self.rest = memoryview(bytes(self.rest) + data)

    def write(self) -> bool:
        """Write what fits; returns False when all is written or the other end is closed."""
        try:
            while self.rest:
                self.rest = self.rest[os.write(self.fd, self.rest) :]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            self.closed = True
        return False


class _Reader:
    """Read a pipe: keep the first `cap` bytes, discard the others, and notice when there are more than `most`."""

    def __init__(self, fd: int, cap: int, most: int) -> None:
        self.fd, self.cap, self.most, self.data, self.size = fd, cap, most, bytearray(), 0
        self._whole, self._frames = 0, 0  # bytes and number of the frames that are whole

    @property
    def over(self) -> bool:
        """Return whether there were more than `most` bytes."""
        return self.size > self.most

    def read(self) -> bool:
        """Read what is there; returns False at the end of the stream."""
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
        """Return how many whole frames have come, by their lengths."""
        while (end := self._whole + 4) <= len(self.data):
            end += int.from_bytes(self.data[self._whole : end], "big")
            if end > len(self.data):
                break
            self._whole, self._frames = end, self._frames + 1
        return self._frames

    def content(self) -> bytes:
        """Return the bytes that were kept."""
        return bytes(self.data)


class LiveInput:
    """What the host sends to a live program, and the pipe into it. The host limits how much that is."""

    def __init__(self, pipe: int, poll: select.poll) -> None:
        self.fd, self._poll, self._writer = pipe, poll, _Writer(pipe, b"")
        self._ended, self.stop = False, False  # whether the host has sent all, and wants the program to end
        poll.register(_HOST, select.POLLIN)

    def hear(self) -> None:
        """Take a frame of the host; raises SystemExit if the host is gone."""
        payload = wire.read_frame(_HOST)
        if payload is None:
            raise SystemExit("the host has closed the stream")
        fields = wire.unpack_order(payload)
        self.stop = self.stop or "stop" in fields
        if data := fields.get("input", b""):
            self._writer.add(data)
        self._ended = self._ended or data is None
        self.write()

    def write(self) -> None:
        """Write what fits into the pipe; close it after the last byte, or if the program has closed its end."""
        if self.fd < 0:
            return
        if self._writer.write():
            self._poll.register(self.fd, select.POLLOUT)
            return
        with contextlib.suppress(KeyError):
            self._poll.unregister(self.fd)
        if self._ended or self._writer.closed:
            self.close()

    def close(self) -> None:
        """Close the pipe."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def finish_live() -> None:
    """Discard what the host still sends to a program that has ended, up to the end of its side."""
    while (payload := wire.read_frame(_HOST)) is not None:
        if "over" in wire.unpack_order(payload):
            return


class Visit:
    """Start a candidate, write its input, read its output, kill it at its limits. Use once; always close."""

    def __init__(
        self, order: Order, uid: int, parent: Parent, reaper: OrphanReaper, pressure: usage.MemoryPressure
    ) -> None:
        self._order, self._uid, self._parent, self._reaper, self._pressure = order, uid, parent, reaper, pressure
        theirs, ours = self._pipes(uid, order.stdin, live=order.live)
        order.stdin = b""  # it is in a file now, and the program needs the memory
        self._poll, self._listening = select.poll(), False
        self._input = LiveInput(ours.pop(0), self._poll) if order.live else None
        self._told = 0  # bytes of a live program's output that the host has
        stdout, stderr, answers, instructions = ours
        self._later = [(before, wire.frame(calls)) for before, calls in order.later]
        program, proof = parent.program_bytes(order.program), wire.frame(order.proof)
        if self._later:
            before, calls = self._later.pop()
            self._later.append((before, calls + proof))
        self._instructions = _Writer(instructions, program if self._later else program + proof)
        self._writers = {instructions: self._instructions}
        self._stdout = _Reader(stdout, order.output, order.printed)
        self._stderr = _Reader(stderr, order.output, order.printed)
        self._answers = _Reader(answers, order.answers, order.answers)
        self._readers = {reader.fd: reader for reader in (self._stdout, self._stderr, self._answers)}
        self._open = set(ours)
        self._peak, self._locks = usage.PeakMemory(), usage.RecordLocks()
        self._cpu_before = usage.box_cpu_s()
        self._own_before = time.process_time()
        self._deadline = Deadline(order.wall_s, order.longest_s, usage.CoreWait(parent.ours))
        self._pid, self._sampled = 0, self._deadline.began
        self._ending, self._killed_at, self._poll_ms = "", 0.0, 0
        self._had_others = False  # whether there were more processes than the candidate's first one at its limit
        # If the parent is dead, `run` finds its socket closed.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            message = zygote.ORDER.pack(_kind(order), uid, order.cpu_s, order.disk_mb)
            socket.send_fds(parent.control, [message], theirs)
        for fd in theirs:
            os.close(fd)

    @staticmethod
    def _pipes(uid: int, data: bytes, *, live: bool) -> tuple[list[int], list[int]]:
        """Return the candidate's descriptors (stdin, stdout, stderr, answers, order), and our ends of those in pipes.

        Its standard input is a file, unless it is live. The pipes of its streams are made under its uid, or it could
        not open /dev/stdout; the others must not be.
        """
        theirs, ours = [] if live else [_stdin_file(data)], list[int]()
        os.setresuid(-1, uid, -1)
        for number, they_read in enumerate((*[True] * live, False, False, False, True)):
            if number == 2 + live:
                os.setresuid(-1, 0, -1)
            reading, writing = os.pipe2(os.O_CLOEXEC)
            theirs.append(reading if they_read else writing)
            ours.append(writing if they_read else reading)
            os.set_blocking(ours[-1], False)
        return theirs, ours

    def run(self, tell: Callable[[float], None]) -> VisitResult:
        """Run until the main process is dead.

        `tell` is called with the seconds that the box has waited for its core when they have moved the wall limit.
        """
        self._poll.register(self._parent.control, select.POLLIN)
        self._poll.register(self._reaper.fd, select.POLLIN)
        for fd in list(self._writers):
            self._write(fd)
        self._watch_limits()
        while (ended := self._step()) is None:
            self._watch_limits()
            if self._deadline.has_moved():
                tell(self._deadline.waited_s)
        wall_s = time.monotonic() - self._deadline.began
        box_cpu_s = self._box_cpu_s()
        self._pressure.wait_for_memory()
        for reader in self._readers.values():
            reader.read()
        if self._has_too_much_output():
            self._ending = self._ending or "too_much_output"
        peak_kb, memory_source = self._peak.result(ended.peak_kb)
        return VisitResult(
            ending=self._ending or ("signalled" if os.WIFSIGNALED(ended.status) else "exited"),
            status=ended.status,
            cpu_s=ended.cpu_s,
            box_cpu_s=box_cpu_s,
            wall_s=wall_s,
            waited_s=self._deadline.waited_s,
            peak_kb=peak_kb,
            memory_source=memory_source,
            had_others=self._had_others,
        )

    def _box_cpu_s(self) -> float:
        return usage.box_cpu_s() - self._cpu_before - (time.process_time() - self._own_before)

    def output(self) -> dict[str, bytes]:
        """Return what the program wrote.

        Call it after the box was cleaned: a copy may need more memory than the program has left.
        """
        return {"stdout": self._stdout.content(), "stderr": self._stderr.content(), "answers": self._answers.content()}

    @property
    def truncated(self) -> bool:
        """Return whether the program printed more than was kept."""
        return any(reader.size > reader.cap for reader in (self._stdout, self._stderr))

    def _step(self) -> zygote.Ended | None:
        """Wait for an event and handle it; returns how the main process ended, once it has."""
        for fd, _ in self._poll.poll(self._poll_ms):
            if fd == self._parent.control.fileno():
                if (ended := self._receive()) is not None:
                    return ended
            elif fd == self._reaper.fd:
                self._reaper.reap()
            elif self._pressure.is_high():  # writing to a pipe takes memory, too
                time.sleep(usage.SHORT_S)
            elif fd in self._writers:
                self._write(fd)
            elif fd in self._readers:
                self._read(self._readers[fd])
            elif self._input is not None and fd == _HOST:
                self._input.hear()
            elif self._input is not None:
                self._input.write()
        return None

    def _read(self, reader: _Reader) -> None:
        if not reader.read():
            self._poll.unregister(reader.fd)
        if self._later:
            self._send_next_calls()
        if self._input is not None and (new := bytes(self._stdout.data[self._told :])):
            self._told += len(new)
            wire.write_frame(1, wire.encode({"output": new}))

    def _send_next_calls(self) -> None:
        """Send the next calls if every earlier one has its answer; the program must not be able to read them before."""
        while self._later and self._later[0][0] <= self._answers.frames():
            self._instructions.add(self._later.pop(0)[1])
            self._writers[self._instructions.fd] = self._instructions
            self._write(self._instructions.fd)

    def _write(self, fd: int) -> None:
        if self._writers[fd].write():
            self._poll.register(fd, select.POLLOUT)
            return
        del self._writers[fd]
        if fd == self._instructions.fd and self._later:
            with contextlib.suppress(KeyError):
                self._poll.unregister(fd)
        elif fd in self._open:
            self._open.discard(fd)
            with contextlib.suppress(KeyError):
                self._poll.unregister(fd)
            os.close(fd)

    def _receive(self) -> zygote.Ended | None:
        try:
            data = self._parent.control.recv(64)
        except ConnectionResetError:  # it died before it read our order
            data = b""
        if not data:
            return self._parent.reap()
        if data[0] == 1:
            self._pid = zygote.STARTED.unpack(data)[1]
            return None
        return zygote.Ended.unpack(data)

    def _watch_limits(self) -> None:
        """Act on a limit that is reached; else say how long there is nothing to look at.

        One look into the times a step.
        """
        if not self._ending:
            box_cpu_s = usage.box_cpu_s() - self._cpu_before
            cpu_left_s = self._order.cpu_s - (box_cpu_s - (time.process_time() - self._own_before))
            wall_left_s = self._deadline.left_s(box_cpu_s, looking=not self._pressure.is_high())
            if cpu_left_s < 0:
                self._ending = "out_of_cpu"
            elif wall_left_s < 0:
                self._ending = "out_of_wall"
            elif self._has_too_much_output():
                self._ending = "too_much_output"
            self._poll_ms = min(_SAMPLE_MS, int(1000 * min(wall_left_s, max(cpu_left_s, 0.002))) + 1)
        now = time.monotonic()
        if not self._listening:
            self._listen(now)
        if now - self._sampled > _SAMPLE_MS / 1000:
            self._sampled = now
            self._peak.sample()
            if not self._ending and not self._pressure.is_high() and self._locks.are_too_many():
                self._ending = "out_of_memory"
        if self._ending or (self._input is not None and self._input.stop):
            self._poll_ms = _POLL_MS
            self._kill()

    def _listen(self, now: float) -> None:
        """Start to wake up for output once `_QUIET_MS` have passed, or at once if later calls depend on answers."""
        quiet_ms = _QUIET_MS - 1000 * (now - self._deadline.began)
        if quiet_ms > 0 and not self._later and self._input is None:
            self._poll_ms = min(self._poll_ms, int(quiet_ms) + 1)
            return
        self._listening = True
        for fd in self._readers:
            self._poll.register(fd, select.POLLIN)

    def _kill(self) -> None:
        """Kill the candidate, or its parent if there is no candidate yet or its end is not reported in time."""
        if not self._killed_at:
            self._killed_at, self._had_others = time.monotonic(), self._parent.kill_all(self._uid)
        if self._pid:
            with contextlib.suppress(ProcessLookupError):  # it may have ended a moment ago
                os.kill(self._pid, signal.SIGKILL)
        if not self._pid or time.monotonic() - self._killed_at > _DYING_S:
            self._parent.kill()

    def _has_too_much_output(self) -> bool:
        return any(reader.over for reader in (self._stdout, self._stderr, self._answers))

    def close(self) -> None:
        """Close all descriptors that are still open."""
        for fd in self._open:
            os.close(fd)
        self._open.clear()
        if self._input is not None:
            self._input.close()


def _kind(order: Order) -> int:
    if order.command:
        return zygote.COMMAND
    return zygote.SPAWN if order.spawn else zygote.RUN


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
