"""Wall-time limit of a visit, extended by the time in which the box waited for its core.

A program that reaches its wall limit was slow, or the machine kept it from its core. Its share of the core does not
tell which: a sleeping program uses as little. The kernel counts for each task how long it was ready to run and did not
(its run delay, in `/proc/PID/schedstat`). Sleeping does not add to that, but the box's own load does: of a program's
threads all but one wait at any time. So a task's delay counts without the time in which its own box had the core:

    the box waited  >=  delay of a task  -  (CPU seconds of the box  -  CPU seconds of that task)

A box has one core. While the task waited, either the box had the core, which the bracket subtracts in full, or another
container had it. Every task gives such a lower bound for the time since its birth. Bounds of times that do not overlap
add up; of tasks that live at the same time the largest counts. The kernel books a delay when it ends, and tasks that
were never seen are not counted, so the sum is never too high (`Bound`).

For processes that live for some milliseconds this bound is far too low. For them the time counts in which others had
the core before a look that found a task of the program ready to run (`Estimate`). A program can arrange to be ready
whenever we look, but it cannot use its core from outside the box. Where the kernel keeps an account of the box itself
(the line `full` of a version 2 cgroup's `cpu.pressure`: something was ready and nothing ran), that account replaces the
estimate.

A program cannot gain any of this time on a core that nobody else wants. Where others want the core, it gains only that
this time is not counted against it, up to `longest_s`, and costs nobody else anything. Where the kernel keeps no such
accounts, the wall clock alone counts. `sandbox.judging.judge.starved` reads the result from the facts.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sandbox.inside import usage

_PRESSURE = "/sys/fs/cgroup/cpu.pressure"
_MOST_TASKS = 64  # a look must not cost more than it is worth; with fewer tasks known the bound is lower, never wrong
_NS = 1e-9
_TICKS = os.sysconf("SC_CLK_TCK")
_FIRST_LOOK_S = 0.05  # a short program ends before
_BEHIND_S = 0.02  # so long must the box have been off its core before anybody asks why
_SHARE = 40  # a look takes some tenths of a millisecond; no more than one in such a part of the visit
_TELL_S = 1.0


class Deadline:
    """The end of one visit's wall time, which begins when this is made."""

    def __init__(self, wall_s: float, longest_s: float, waiting: Waiting) -> None:
        self._waiting = waiting
        self.began = time.monotonic()
        self._wall_s, self._longest = wall_s, self.began + longest_s
        self._next_look, self._told = self.began + _FIRST_LOOK_S, self.began + wall_s

    @property
    def waited_s(self) -> float:
        """What the box has waited for its core, as far as it was looked."""
        return self._waiting.seconds

    def left_s(self, box_cpu_s: float, *, looking: bool) -> float:
        """Seconds left; negative when it is over. Looks before it says so, if it may: that takes memory of the box."""
        now = time.monotonic()
        due = now > self._next_look or now > self._end()
        if looking and due and now - self.began - box_cpu_s > _BEHIND_S:
            self._waiting.look(box_cpu_s)
            self._next_look = now + max(_FIRST_LOOK_S, (now - self.began) / _SHARE)
        return self._end() - now

    def has_moved(self) -> bool:
        """Whether it is later than was told last; once a second at most."""
        now = time.monotonic()
        if not self._told < now < self._end():
            return False
        self._told = max(self._end(), now + _TELL_S)
        return True

    def _end(self) -> float:
        return min(self.began + self._wall_s + self._waiting.seconds, self._longest)


class Booked(NamedTuple):
    """What the kernel says of a task: seconds it ran, seconds it was ready and did not."""

    ran_s: float
    delay_s: float


@dataclass(slots=True)
class _Task:
    """The books of a task now.

    Of the box what it had used, and the bound, at the last look before the task was born.
    """

    books: Booked
    box_cpu_s: float
    waited_s: float

    def bound(self, box_cpu_s: float) -> float:
        """What the box has waited at least, until its birth and since."""
        return self.waited_s + self.books.delay_s - max(0.0, box_cpu_s - self.box_cpu_s - self.books.ran_s)


class Bound:
    """What follows from the books of several looks: the box has waited for its core for at least so many `seconds`."""

    def __init__(self) -> None:
        self._tasks = dict[int, _Task]()
        self._box_cpu_s = 0.0
        self.seconds = 0.0

    def look(self, box_cpu_s: float, tasks: Iterable[tuple[int, Booked]]) -> None:
        """Take in what the box, and each of its tasks that live, has used and waited so far."""
        known = self._tasks
        self._tasks = {number: self._seen(known.get(number), books) for number, books in tasks}
        self.seconds = max([self.seconds, *(task.bound(box_cpu_s) for task in self._tasks.values())])
        self._box_cpu_s = box_cpu_s

    def _seen(self, known: _Task | None, books: Booked) -> _Task:
        if known is None or books.delay_s < known.books.delay_s or books.ran_s < known.books.ran_s:  # another's number
            return _Task(books, self._box_cpu_s, self.seconds)
        known.books = books
        return known


class Estimate:
    """For so many `seconds` others had the core before a look at which the program was ready to run."""

    def __init__(self) -> None:
        self._last: tuple[float, float, float] | None = None
        self.seconds = 0.0

    def look(self, now: float, box_cpu_s: float, idle_s: float, *, ready: bool) -> None:
        """Take in the clock, what the box has used and how long the core was idle, each since any time."""
        if self._last is not None and ready:
            passed_s, used_s, unused_s = (
                new - old for new, old in zip((now, box_cpu_s, idle_s), self._last, strict=True)
            )
            self.seconds += max(0.0, passed_s - used_s - unused_s)
        self._last = now, box_cpu_s, idle_s


class Waiting:
    """What a box has waited for its core since this was made. `ours` are the processes that no program has started."""

    def __init__(self, ours: frozenset[int]) -> None:
        self._ours, self._bound, self._estimate = ours, Bound(), Estimate()
        self._before_s, self._pressed_s = pressed_s(usage.read(_PRESSURE)), 0.0

    @property
    def seconds(self) -> float:
        """As of the last look."""
        return max(self._bound.seconds, self._estimate.seconds, self._pressed_s)

    def look(self, box_cpu_s: float) -> None:
        """Read the books. `box_cpu_s` is what the box has used since this was made, all of its processes."""
        if usage.source() == "proc":  # that tells of the living only, and the bounds would be too high
            return
        tasks = list(_tasks(self._ours))
        self._bound.look(box_cpu_s, [(number, books) for number, books, _ in tasks])
        if (book := usage.read(_PRESSURE)) is not None:
            self._pressed_s = pressed_s(book) - self._before_s
        elif (idle := idle_s(usage.read("/proc/stat"), os.sched_getaffinity(0))) is not None:
            self._estimate.look(time.monotonic(), box_cpu_s, idle, ready=any(ready for *_, ready in tasks))


def pressed_s(book: str | None) -> float:
    """Of the text of a `cpu.pressure` the seconds in which something was ready and nothing ran.

    0 where there is none.
    """
    for line in (book or "").splitlines():
        if line.startswith("full "):
            return int(line.rpartition("total=")[2]) * 1e-6
    return 0.0


def idle_s(book: str | None, cores: Collection[int]) -> float | None:
    """Of the text of `/proc/stat` the seconds in which nothing ran on the one core; None where that is not told."""
    for line in (book or "").splitlines():
        name, _, numbers = line.partition(" ")
        if len(cores) == 1 and name == f"cpu{min(cores)}":
            return sum(map(int, numbers.split()[3:5])) / _TICKS
    return None


def _tasks(ours: frozenset[int]) -> Iterator[tuple[int, Booked, bool]]:
    """The box's tasks but those of ours, with their books and whether they are ready to run.

    No more than `_MOST_TASKS`.
    """
    left = _MOST_TASKS
    for pid in usage.pids():
        if pid in ours:
            continue
        with contextlib.suppress(OSError):  # it has ended
            for task in os.listdir(f"/proc/{pid}/task"):
                books, state = (usage.read(f"/proc/{pid}/task/{task}/{name}") for name in ("schedstat", "stat"))
                if books is not None and state is not None:
                    ran, delay, *_ = books.split()
                    yield int(task), Booked(int(ran) * _NS, int(delay) * _NS), state.rpartition(") ")[2][:1] == "R"
                if not (left := left - 1):
                    return
