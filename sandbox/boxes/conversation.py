"""Run programs that talk: a candidate and an interactor, each in a box of its own, or one that answers the host.

The boxes never meet. What one program prints, its box sends here at once, and it is sent on to the other box as input
(`sandbox.inside.limited_run` has the frames). Neither program can hold up the other one or the host: both streams are
read whatever can be written, and what waits here is bounded by the limits of the output of the program that printed it.
Each program has its own limits, which its own box enforces.

When a program ends, the other one's input ends, too. There are two exceptions, in which the other program is killed:
a candidate that failed, because its verdict needs no interactor, and an interactor that has said no, because nothing
that the candidate does after that counts. A killed program never sees the end of its input, which could make it fail.
A program that only closes its output has not ended. An interactor has CLOSING_S to end after its candidate.

A box that is lost loses both visits: both boxes count as unclean.

A `Session` is a live program that answers the host, line by line: code of a data set that is asked again and again.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import select
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from sandbox.boxes.box import GRACE_S, Box, longest_s
from sandbox.boxes.box_supply import BoxRole
from sandbox.boxes.result_decoder import fact
from sandbox.errors import BoxLost, BoxSilent, SandboxError
from sandbox.inside import wire
from sandbox.values import Ending, Job, Run

CLOSING_S = 20.0
ENDS_S = 2.0  # how long a program that stays may take to end
_PIECE = 1 << 18


@dataclass(slots=True, kw_only=True)
class Partner:
    """The other program of a conversation: in which box it runs, its job, and whether its run means yes.

    `run` is its run, after the conversation; `ended_first` says whether it ended before the candidate, `overdue`
    whether it did not end after it.
    """

    role: BoxRole
    job: Job
    agrees: Callable[[Run], bool]
    run: Run | None = None
    ended_first: bool = False
    overdue: bool = False


@dataclass(slots=True)
class _Side:
    """One program of a conversation."""

    box: Box
    job: Job
    proof: str = field(default_factory=lambda: secrets.token_hex(16))
    run: Run | None = None
    _began: float = 0.0
    _deadline: float = 0.0
    _outgoing: bytearray = field(default_factory=bytearray)
    _passed_on: int = 0  # bytes of its output
    _over: bool = False  # nothing more is sent to it
    _last: float = math.inf  # when it is killed, where the other program has ended
    killed: bool = False

    def begin(self) -> None:
        """Send the order."""
        self.job = replace(self.job, live=True)
        self.box.send(self.box.prepare(self.job, self.proof))
        self._began = time.monotonic()
        self._deadline = self._began + self.job.limits.wall_s + GRACE_S

    @property
    def awaited(self) -> int:
        """Return the events to wait for: bytes from the box until its facts are here, and room for what it is sent."""
        return (0 if self.run is not None else select.POLLIN) | (select.POLLOUT if self._outgoing else 0)

    def queue_frame(self, fields: Mapping[str, object]) -> None:
        """Send a frame to the box as soon as it can take it; nothing after the end of its visit."""
        if not self._over:
            self._outgoing += wire.frame(wire.pack_order(dict(fields)))

    def queue_input(self, output: bytes) -> None:
        """Send what another program has printed to this one."""
        self.queue_frame({"input": output})

    def handle(self, events: int, take: Callable[[bytes], None]) -> bool:
        """Send and read what a poll found ready; return whether something was read."""
        if events & select.POLLOUT or self.run is not None:
            self.send()
        if not events & ~select.POLLOUT or self.run is not None:
            return False
        self.read_frames(take)
        return True

    def send(self) -> None:
        """Send what fits. After the facts it only matters for the box: without the end of our side it is not clean."""
        try:
            del self._outgoing[: self.box.stream.send_available(bytes(self._outgoing[:_PIECE]))]
        except BoxLost:
            if self.run is None:
                raise
            self._give_up()

    def _give_up(self) -> None:
        self.box.clean = False
        self._outgoing.clear()

    def read_frames(self, take: Callable[[bytes], None]) -> None:
        """Read what the box has sent: output, which `take` gets, a longer deadline, or the facts of its visit."""
        for frame in self.box.frames():
            if self.run is not None:
                raise BoxLost(f"box {self.box.id[:12]} sent something after the facts of its visit")
            if frame.keys() == {"waited_s"}:
                waited = fact(frame, "waited_s", float)
                most = longest_s(self.job) + GRACE_S
                self._deadline = self._began + min(self.job.limits.wall_s + GRACE_S + waited, most)
            elif frame.keys() == {"output"}:
                self._pass_on(fact(frame, "output", bytes), take)
            else:
                self.run = self.box.read(self.job, frame, self.proof)
                if rest := self.run.stdout[self._passed_on :]:
                    self._pass_on(rest, take)
                self.queue_frame({"over": True})
                self._over, self._deadline = True, time.monotonic() + GRACE_S

    def _pass_on(self, output: bytes, take: Callable[[bytes], None]) -> None:
        self._passed_on += len(output)
        if self._passed_on > self.job.limits.output_kb << 10:
            raise BoxLost(f"box {self.box.id[:12]} sent more output than it may")
        take(output)

    def kill_after(self, seconds: float) -> None:
        """Set the deadline after which the program is killed, in seconds from now."""
        self._last = time.monotonic() + seconds

    def left_s(self) -> float:
        """Return the seconds until something must have come or gone; raises BoxSilent if the facts are late."""
        if not self.awaited:
            return GRACE_S
        now = time.monotonic()
        if now >= self._last and self.run is None:
            self.killed, self._last = True, math.inf
            self.queue_frame({"stop": True})
        left = self._deadline - now
        if left <= 0 and self.run is None:
            raise BoxSilent(f"box {self.box.id[:12]} does not answer in time")
        if left <= 0:
            self._give_up()
        return max(0.0, min(left, self._last - now))


def converse(candidate: Box, job: Job, interactor: Box, partner: Partner) -> Run:
    """Run a candidate with its partner; returns the candidate's run and puts the partner's into `partner.run`.

    Raises BoxLost. It is BoxSilent only if the candidate's box is the silent one.
    """
    mine, theirs = _Side(candidate, job), _Side(interactor, partner.job)
    theirs.begin()
    mine.begin()
    sides = {mine.box.stream.fileno(): (mine, theirs), theirs.box.stream.fileno(): (theirs, mine)}
    while mine.awaited or theirs.awaited:
        wait_s, poll = _wait_s(mine, theirs), select.poll()
        for fd, (side, _) in sides.items():
            if side.awaited:
                poll.register(fd, side.awaited)
        for fd, events in poll.poll(1000 * wait_s):
            side, other = sides[fd]
            if side.handle(events, other.queue_input):
                _tell_of_end(side, other, partner, of_candidate=side is mine)
    partner.run, partner.overdue = theirs.run, theirs.killed
    if mine.run is None:
        raise BoxLost("a conversation has ended without the facts of its visits")
    return mine.run


def _wait_s(mine: _Side, theirs: _Side) -> float:
    try:
        their_s = theirs.left_s()
    except BoxSilent as silent:
        raise BoxLost(str(silent)) from silent  # the candidate's box is not to blame
    return min(mine.left_s(), their_s)


def _tell_of_end(side: _Side, other: _Side, partner: Partner, *, of_candidate: bool) -> None:
    """End the input of the other side, or stop it, if this one has just ended."""
    if side.run is None:
        return
    if of_candidate:
        well = side.run.ending is Ending.EXITED and side.run.proved
    else:
        well, partner.ended_first = partner.agrees(side.run), other.run is None
    other.queue_frame({"input": None} if well else {"stop": True})
    if well and of_candidate:
        other.kill_after(CLOSING_S)


class Session:
    """A live program that answers lines with lines, until it ends; one thread owns it, as it does the box."""

    def __init__(self, box: Box, job: Job) -> None:
        """Start the program; raises BoxLost."""
        self._side, self._heard = _Side(box, job), bytearray()
        self._side.begin()

    def ask(self, line: bytes, patience_s: float) -> bytes | None:
        """Return the line that answers a line, without its end; None if the program has ended, or is not in time.

        After None the session is of no further use. Raises BoxLost.
        """
        self._side.queue_input(line + b"\n")
        deadline = time.monotonic() + patience_s
        while b"\n" not in self._heard:
            if self._side.run is not None or not self._wait(deadline):
                return None
        answer, _, rest = bytes(self._heard).partition(b"\n")
        self._heard[:] = rest
        return None if rest else answer

    def end(self, patience_s: float) -> None:
        """End the program, so that the box may be used for others; one that does not end leaves the box unclean."""
        self._side.queue_frame({"input": None})
        deadline = time.monotonic() + patience_s
        while self._side.awaited and self._wait(deadline):
            pass

    def _wait(self, deadline: float) -> bool:
        """Send and receive what is ready; return whether there was something before the deadline."""
        side, poll = self._side, select.poll()
        poll.register(side.box.stream.fileno(), side.awaited)
        came = poll.poll(1000 * max(0.0, deadline - time.monotonic()))
        for _, events in came:
            side.handle(events, self._heard.extend)
        return bool(came)


class ResidentSession:
    """The session that stays in a box, at most one: that of the last job, from the second time it is asked for."""

    def __init__(self) -> None:
        self._asked: Job | None = None
        self._kept: tuple[Job, Session] | None = None

    def session(self, job: Job, box: Callable[[], Box]) -> Session | None:
        """Return the session of a job in the box that `box` returns; None the first time, and if it does not start."""
        if self._kept is not None and self._kept[0] == job:
            return self._kept[1]
        known, self._asked = self._asked == job, job
        if known:
            with contextlib.suppress(SandboxError):
                self._kept = job, Session(box(), job)
                return self._kept[1]
        return None

    def end(self) -> None:
        """End the session, if there is one."""
        kept, self._kept = self._kept, None
        if kept is not None:
            with contextlib.suppress(BoxLost):  # a lost box is not clean, and so not used again
                kept[1].end(ENDS_S)
