"""Measure what the box has used, and how long it has waited: CPU, memory, record locks, processes, its core.

The values come from cgroup v1, from cgroup v2, or from /proc if neither is readable.

Waiting (`CoreWait`): a program that reaches its wall limit was slow, or it had to wait for its core. Its share of the
core does not tell which: a sleeping program uses little, too. The kernel counts for each task how long it was ready to
run and did not (its run delay, in `/proc/PID/schedstat`). Sleeping does not add to that, but the box's own load does:
of a program's threads all but one wait at any time. So a task's delay counts without the time in which its own box had
the core:

    the box waited  >=  delay of a task  -  (CPU seconds of the box  -  CPU seconds of that task)

A box has one core. While the task waited, either the box had the core, which the bracket subtracts in full, or another
container had it. Every task gives such a lower bound for the time since its birth. Bounds of times that do not overlap
add up; of tasks that live at the same time the largest counts. The kernel books a delay when it ends, and tasks that
were never seen are not counted, so the sum is never too high (`WaitBound`).

For processes that live for some milliseconds this bound is far too low. For them the time counts in which others had
the core before a look that found a task of the program ready to run (`WaitEstimate`). A program can arrange to be ready
whenever we look, but it cannot use its core from outside the box. Where the kernel keeps an account of the box itself
(the line `full` of a version 2 cgroup's `cpu.pressure`: something was ready and nothing ran), that account replaces the
estimate. Where the kernel keeps no such accounts, nothing counts as waiting.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

_CGROUP = "/sys/fs/cgroup/"
_CPU_V1 = "/sys/fs/cgroup/cpuacct/cpuacct.usage"
_CPU_V2 = "/sys/fs/cgroup/cpu.stat"
_CPU_PRESSURE = "/sys/fs/cgroup/cpu.pressure"
_OOM_V1 = "/sys/fs/cgroup/memory/memory.oom_control"
_OOM_V2 = "/sys/fs/cgroup/memory.events"
_MEMORY_V1 = "/sys/fs/cgroup/memory/memory.usage_in_bytes"
_MEMORY_V2 = "/sys/fs/cgroup/memory.current"
_PEAK_V1 = "/sys/fs/cgroup/memory/memory.max_usage_in_bytes"
_PEAK_V2 = "/sys/fs/cgroup/memory.peak"
_LIMIT_V1 = "/sys/fs/cgroup/memory/memory.limit_in_bytes"
_LIMIT_V2 = "/sys/fs/cgroup/memory.max"
_CACHED = (  # file cache of the box, which the kernel can evict
    ("/sys/fs/cgroup/memory/memory.stat", ("total_active_file", "total_inactive_file")),
    ("/sys/fs/cgroup/memory.stat", ("active_file", "inactive_file")),
)
_SYSTEM_V1 = "/sys/fs/cgroup/cpuacct/cpuacct.usage_sys"
_LOCKS = "/proc/locks"
_LOCKING_S, _LONGEST_LOCKING_S = 0.01, 0.16  # CPU seconds that some ten thousand locks take: two megabytes
MAX_LOCKS = 4096  # record locks that a box may hold at a time
_SLACK_BYTES = 8 << 20
_PATIENCE_S = 1.0
SHORT_S = 0.001
_HEADROOM_BYTES = 16 << 20  # a program fills so much in some milliseconds, while we may wait for the core
_HEADROOM_SHARE = 16  # at most this part of the limit, for small boxes
_PRESSURE_S = 0.25  # ten times what freeing the page tables of half a gigabyte takes, if there is a core to do it
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = 1 / os.sysconf("SC_CLK_TCK")
_MOST = 1 << 14  # bytes of an account
_MOST_TASKS = 64  # per look; with fewer tasks seen the bound is lower, never too high
_NS = 1e-9
_opened: dict[str, int | None] = {}  # accounts that this process has opened; None for one that does not exist


def box_cpu_s() -> float:
    """Return the CPU seconds of all processes of the box since it started, our own included."""
    if (text := read(_CPU_V1)) is not None:
        return int(text) / 1e9
    if (usage_us := _field(_CPU_V2, "usage_usec")) is not None:
        return usage_us / 1e6
    return sum(_process_cpu_s(pid) for pid in pids())


def oom_kills() -> int:
    """Return how many processes of the box were OOM-killed; 0 where the kernel does not count."""
    for path in (_OOM_V1, _OOM_V2):
        if (count := _field(path, "oom_kill")) is not None:
            return count
    return 0


class RecordLocks:
    """Watch for more than MAX_LOCKS record locks in the box: kernel memory that no cgroup is charged for.

    The kernel's list takes long to make and blocks all file locking of the machine meanwhile. So it is read only after
    the box has spent time in the kernel, as taking so many locks does, and less often the longer there were none.
    """

    def __init__(self) -> None:
        self._system_s, self._enough_s = _system_s(), _LOCKING_S

    def are_too_many(self) -> bool:
        """Return whether there are too many now.

        False without a look if the box has spent too little time in the kernel.
        """
        now = _system_s()
        if now is not None and self._system_s is not None and now - self._system_s < self._enough_s:
            return False
        self._system_s, self._enough_s = now, min(2 * self._enough_s, _LONGEST_LOCKING_S)
        found, at, fd = 0, 0, _kept_open(_LOCKS)
        while fd is not None and found <= MAX_LOCKS and (part := os.pread(fd, _MOST, at)):
            found, at = found + part.count(b" POSIX "), at + len(part)
        return found > MAX_LOCKS


def _system_s() -> float | None:
    """Return the CPU seconds of the box in the kernel; None where that is not counted."""
    if (text := read(_SYSTEM_V1)) is not None:
        return int(text) / 1e9
    told_us = _field(_CPU_V2, "system_usec")
    return None if told_us is None else told_us / 1e6


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
        self._before_s, self._pressure_s = pressure_s(read(_CPU_PRESSURE)), 0.0

    @property
    def seconds(self) -> float:
        """Return the seconds, as of the last look."""
        return max(self._bound.seconds, self._estimate.seconds, self._pressure_s)

    def update(self, box_cpu_s: float) -> None:
        """Read the accounts of the kernel. `box_cpu_s` are CPU seconds of the whole box since this object was made."""
        if source() == "proc":  # counts live processes only, so the bounds would be too high
            return
        tasks = list(_tasks(self._ours))
        self._bound.update(box_cpu_s, [(number, times) for number, times, _ in tasks])
        if (book := read(_CPU_PRESSURE)) is not None:
            self._pressure_s = pressure_s(book) - self._before_s
        elif (idle := idle_s(read("/proc/stat"), os.sched_getaffinity(0))) is not None:
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
            return sum(map(int, numbers.split()[3:5])) * _TICK
    return None


def _tasks(ours: frozenset[int]) -> Iterator[tuple[int, TaskTimes, bool]]:
    """Yield at most `_MOST_TASKS` tasks of the box, without ours: number, times, whether it is ready to run."""
    left = _MOST_TASKS
    for pid in pids():
        if pid in ours:
            continue
        with contextlib.suppress(OSError):  # it has ended
            for task in os.listdir(f"/proc/{pid}/task"):
                times, state = (read(f"/proc/{pid}/task/{task}/{name}") for name in ("schedstat", "stat"))
                if times is not None and state is not None:
                    ran, delay, *_ = times.split()
                    yield int(task), TaskTimes(int(ran) * _NS, int(delay) * _NS), state.rpartition(") ")[2][:1] == "R"
                if not (left := left - 1):
                    return


class MemoryBaseline:
    """Memory of the box when this object was made, to compare with later.

    Page tables and the like are freed some time after their process is dead. A program that started before that could
    be OOM-killed for memory that is not its own.
    """

    def __init__(self) -> None:
        self._most, self._others = _charged_bytes() + _SLACK_BYTES, _charged_to_others() + _SLACK_BYTES

    def is_released(self, added: int = 0) -> bool:
        """Return whether the memory is back to the baseline, but for a few megabytes; waits a moment for it.

        `added` are bytes that process 1 has added since.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while _charged_bytes() > self._most + added and _charged_to_others() > self._others + added:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True


class MemoryPressure:
    """Watch whether the box is nearly full, so that allocating may get a process OOM-killed, ours included.

    The kernel does not choose an OOM-killed process again, long before its page tables are freed. Until then a process
    of ours is the next choice, where the program is a single process.
    """

    def __init__(self) -> None:
        self._first = self._kills = oom_kills()
        limit = _limit_bytes()
        self._high, self._ends = limit - min(_HEADROOM_BYTES, limit / _HEADROOM_SHARE), 0.0

    def is_high(self) -> bool:
        """Return whether this process should allocate nothing now, because it may get OOM-killed.

        A program may stay close to its limit, so this ends a moment after it began, and after each OOM kill.
        """
        if _charged_bytes() < self._high:
            return False
        now, kills = time.monotonic(), oom_kills()
        if not self._ends or kills != self._kills:
            self._kills, self._ends = kills, now + _PRESSURE_S
        return now < self._ends and _charged_without_files() >= self._high

    def wait_for_memory(self) -> None:
        """Wait after the end of a program while the pressure is high, but not for ever.

        Processes that it has left may fill the box again and be OOM-killed one by one.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while self.is_high() and time.monotonic() < deadline:
            time.sleep(SHORT_S)

    def has_oom_killed(self) -> bool:
        """Return whether the kernel has OOM-killed a process since this object was made."""
        return oom_kills() > self._first


class PeakMemory:
    """Peak memory of the box during one visit, above what it held before.

    The kernel keeps the peak since the box started, and it cannot be reset from within. For a visit that raises it the
    peak is exact; for another one only samples are known.
    """

    def __init__(self) -> None:
        self._before, self._mark, self._seen = _charged_bytes(), _peak_bytes(), 0

    def sample(self) -> None:
        """Take a sample of what the box holds now."""
        self._seen = max(self._seen, _charged_bytes() - self._before)

    def result(self, largest_kb: int) -> tuple[int, str]:
        """Return the peak in kB and its source, or `largest_kb`, the peak of the largest process, if that is more."""
        mark = _peak_bytes()
        of_all = (mark - self._before, "cgroup") if mark > self._mark else (self._seen, "sampled")
        return max((largest_kb, "rusage"), (of_all[0] >> 10, of_all[1]))


def _peak_bytes() -> int:
    """Return the most bytes that the box was ever charged for; 0 where the kernel does not count."""
    return int(read(_PEAK_V1) or read(_PEAK_V2) or 0)


def _charged_bytes() -> int:
    """Return the bytes that the box is charged for; 0 where the kernel does not count."""
    return int(read(_MEMORY_V1) or read(_MEMORY_V2) or 0)


def _limit_bytes() -> float:
    """Return the limit on the bytes that the box is charged for; infinite without one."""
    said = read(_LIMIT_V1) or read(_LIMIT_V2) or "max"
    return math.inf if said.startswith("max") else int(said)


def _charged_to_others() -> int:
    """Return the charged bytes without file cache and without the memory of this process."""
    _, resident, shared, *_ = (read("/proc/self/statm") or "0 0 0").split()
    return _charged_without_files() - (int(resident) - int(shared)) * _PAGE


def _charged_without_files() -> int:
    """Return the charged bytes without file cache."""
    cached = next((sum(_field(path, name) or 0 for name in names) for path, names in _CACHED if read(path)), 0)
    return _charged_bytes() - cached


def memory_mb() -> int:
    """Return the megabytes that the box uses now, without file cache; 0 where the kernel does not count."""
    return (_charged_without_files() >> 20) + 1 if _charged_bytes() else 0


def pids() -> list[int]:
    """Return the pid of every process of the box."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def source() -> str:
    """Return where CPU seconds are read from: "cgroup1", "cgroup2" or "proc"."""
    if read(_CPU_V1) is not None:
        return "cgroup1"
    return "cgroup2" if _field(_CPU_V2, "usage_usec") is not None else "proc"


def _process_cpu_s(pid: int) -> float:
    text = read(f"/proc/{pid}/stat")
    if text is None:
        return 0.0
    # The process name, in parentheses, may hold anything; the numbers begin after the last parenthesis.
    numbers = text.rpartition(")")[2].split()
    return sum(int(ticks) for ticks in numbers[11:15]) * _TICK


def _field(path: str, name: str) -> int | None:
    text = read(path)
    for line in (text or "").splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return None


def read(path: str) -> str | None:
    """Return the text of a file of the kernel; None if it does not exist. Files of the cgroup stay open."""
    if path.startswith(_CGROUP):
        return _read_kept_open(path)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _all_of(fd)
    finally:
        os.close(fd)


def _read_kept_open(path: str) -> str | None:
    fd = _kept_open(path)
    return None if fd is None else _all_of(fd)


def _kept_open(path: str) -> int | None:
    """Return an open descriptor of a file of the kernel, or None if it does not exist.

    It is opened once, because opening allocates memory of the box. Process 1 reads while an OOM-killed candidate still
    frees its memory, and allocating then may get process 1 OOM-killed.
    """
    if path not in _opened:
        try:
            _opened[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            _opened[path] = None
    return _opened[path]


def _all_of(fd: int) -> str | None:
    try:
        return os.pread(fd, _MOST, 0).decode("utf-8", "replace")
    except OSError:
        return None
