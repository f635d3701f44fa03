"""Wall-time limit of a visit, extended by the time in which the box waited for its core.

A program that reaches its wall limit was slow, or it had to wait for its core. Its share of the core does not tell
which: a sleeping program uses little, too. The kernel counts for each task how long it was ready to run and did not
(its run delay, in `/proc/PID/schedstat`). Sleeping does not add to that, but the box's own load does: of a program's
threads all but one wait at any time. So a task's delay counts without the time in which its own box had the core:

    the box waited  >=  delay of a task  -  (CPU seconds of the box  -  CPU seconds of that task)

A box has one core. While the task waited, either the box had the core, which the bracket subtracts in full, or another
container had it. Every task gives such a lower bound for the time since its birth. Bounds of times that do not overlap
add up; of tasks that live at the same time the largest counts. The kernel books a delay when it ends, and tasks that
were never seen are not counted, so the sum is never too high (`WaitBound`).

For processes that live for some milliseconds this bound is far too low. For them the time counts in which others had
the core before a look that found a task of the program ready to run (`WaitEstimate`). A program can arrange to be ready
whenever we look, but it cannot use its core from outside the box. Where the kernel keeps an account of the box itself
(the line `full` of a version 2 cgroup's `cpu.pressure`: something was ready and nothing ran), that account replaces the
estimate.

A program cannot gain any of this time on a core that no other container uses. If others use the core, this time is only
not counted against the program, up to `longest_s`, and costs the others nothing. Where the kernel keeps no such
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
_MOST_TASKS = 64  # per look; with fewer tasks seen the bound is lower, never too high
_NS = 1e-9
_TICKS = os.sysconf("SC_CLK_TCK")
_FIRST_LOOK_S = 0.05  # a short program ends before and costs no look
_MIN_OFF_CORE_S = 0.02  # looks are worth their time only if the box was off its core for longer than this
_LOOK_SHARE = 40  # at most one look per 1/40 of the visit: each takes some tenths of a millisecond
_REPORT_S = 1.0


class Deadline:
    """The end of one visit's wall time, which begins when this object is made."""

    def __init__(self, wall_s: float, longest_s: float, waiting: CoreWait) -> None:
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


class TaskTimes(NamedTuple):
    """Seconds that a task ran, and seconds that it was ready and did not run (`schedstat`)."""

    ran_s: float
    delay_s: float


@dataclass(slots=True)
class _Task:
    """The times of a task, and the CPU seconds and the bound of the box at the last look before the task was born."""

    times: TaskTimes
    box_cpu_s: float
    waited_s: float

    def bound(self, box_cpu_s: float) -> float:
        """Return the seconds that the box has waited at least, before and since the birth of the task."""
        return self.waited_s + self.times.delay_s - max(0.0, box_cpu_s - self.box_cpu_s - self.times.ran_s)


class WaitBound:
    """Lower bound of the `seconds` that the box has waited for its core, from the times of its tasks at some looks."""

    def __init__(self) -> None:
        self._tasks = dict[int, _Task]()
        self._box_cpu_s = 0.0
        self.seconds = 0.0

    def update(self, box_cpu_s: float, tasks: Iterable[tuple[int, TaskTimes]]) -> None:
        """Add a look: CPU seconds of the box, and the times of each of its live tasks."""
        known = self._tasks
        self._tasks = {number: self._known_or_new(known.get(number), times) for number, times in tasks}
        self.seconds = max([self.seconds, *(task.bound(box_cpu_s) for task in self._tasks.values())])
        self._box_cpu_s = box_cpu_s

    def _known_or_new(self, known: _Task | None, times: TaskTimes) -> _Task:
        if (
            known is None or times.delay_s < known.times.delay_s or times.ran_s < known.times.ran_s
        ):  # the number was given again
            return _Task(times, self._box_cpu_s, self.seconds)
        known.times = times
        return known


class WaitEstimate:
    """Estimate of the `seconds` in which others had the core before a look that found the program ready to run."""

    def __init__(self) -> None:
        self._last: tuple[float, float, float] | None = None
        self.seconds = 0.0

    def update(self, now: float, box_cpu_s: float, idle_s: float, *, ready: bool) -> None:
        """Add a look: the clock, CPU seconds of the box and idle seconds of the core, each since any fixed time."""
        if self._last is not None and ready:
            passed_s, used_s, unused_s = (
                new - old for new, old in zip((now, box_cpu_s, idle_s), self._last, strict=True)
            )
            self.seconds += max(0.0, passed_s - used_s - unused_s)
        self._last = now, box_cpu_s, idle_s


class CoreWait:
    """Seconds that a box has waited for its core since this object was made.

    `ours` are the box's own processes, which no candidate has started.
    """

    def __init__(self, ours: frozenset[int]) -> None:
        self._ours, self._bound, self._estimate = ours, WaitBound(), WaitEstimate()
        self._before_s, self._pressure_s = pressure_s(usage.read(_PRESSURE)), 0.0

    @property
    def seconds(self) -> float:
        """Return the seconds, as of the last look."""
        return max(self._bound.seconds, self._estimate.seconds, self._pressure_s)

    def update(self, box_cpu_s: float) -> None:
        """Read the accounts of the kernel. `box_cpu_s` are CPU seconds of the whole box since this object was made."""
        if usage.source() == "proc":  # counts live processes only, so the bounds would be too high
            return
        tasks = list(_tasks(self._ours))
        self._bound.update(box_cpu_s, [(number, times) for number, times, _ in tasks])
        if (book := usage.read(_PRESSURE)) is not None:
            self._pressure_s = pressure_s(book) - self._before_s
        elif (idle := idle_s(usage.read("/proc/stat"), os.sched_getaffinity(0))) is not None:
            self._estimate.update(time.monotonic(), box_cpu_s, idle, ready=any(ready for *_, ready in tasks))


def pressure_s(book: str | None) -> float:
    """Return the seconds in which something was ready and nothing ran, from the text of a `cpu.pressure`.

    0 without one.
    """
    for line in (book or "").splitlines():
        if line.startswith("full "):
            return int(line.rpartition("total=")[2]) * 1e-6
    return 0.0


def idle_s(book: str | None, cores: Collection[int]) -> float | None:
    """Return the idle seconds of the one core, from the text of `/proc/stat`; None where it does not say."""
    for line in (book or "").splitlines():
        name, _, numbers = line.partition(" ")
        if len(cores) == 1 and name == f"cpu{min(cores)}":
            return sum(map(int, numbers.split()[3:5])) / _TICKS
    return None


def _tasks(ours: frozenset[int]) -> Iterator[tuple[int, TaskTimes, bool]]:
    """Yield at most `_MOST_TASKS` tasks of the box, without ours: number, times, whether it is ready to run."""
    left = _MOST_TASKS
    for pid in usage.pids():
        if pid in ours:
            continue
        with contextlib.suppress(OSError):  # it has ended
            for task in os.listdir(f"/proc/{pid}/task"):
                times, state = (usage.read(f"/proc/{pid}/task/{task}/{name}") for name in ("schedstat", "stat"))
                if times is not None and state is not None:
                    ran, delay, *_ = times.split()
                    yield int(task), TaskTimes(int(ran) * _NS, int(delay) * _NS), state.rpartition(") ")[2][:1] == "R"
                if not (left := left - 1):
                    return
