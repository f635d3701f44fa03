"""What the box has used so far, from the kernel's own books.

Cgroup v1, cgroup v2, or /proc where neither is readable.
"""

from __future__ import annotations

import math
import os
import time

_BOOKS = "/sys/fs/cgroup/"
_CPU_V1 = "/sys/fs/cgroup/cpuacct/cpuacct.usage"
_CPU_V2 = "/sys/fs/cgroup/cpu.stat"
_OOM_V1 = "/sys/fs/cgroup/memory/memory.oom_control"
_OOM_V2 = "/sys/fs/cgroup/memory.events"
_MEMORY_V1 = "/sys/fs/cgroup/memory/memory.usage_in_bytes"
_MEMORY_V2 = "/sys/fs/cgroup/memory.current"
_MARK_V1 = "/sys/fs/cgroup/memory/memory.max_usage_in_bytes"
_MARK_V2 = "/sys/fs/cgroup/memory.peak"
_WALL_V1 = "/sys/fs/cgroup/memory/memory.limit_in_bytes"
_WALL_V2 = "/sys/fs/cgroup/memory.max"
_CACHED = (  # what the box has read of files; the kernel gives it back when asked
    ("/sys/fs/cgroup/memory/memory.stat", ("total_active_file", "total_inactive_file")),
    ("/sys/fs/cgroup/memory.stat", ("active_file", "inactive_file")),
)
_SYSTEM_V1 = "/sys/fs/cgroup/cpuacct/cpuacct.usage_sys"
_LOCKS = "/proc/locks"
_LOCKING_S, _LONGEST_LOCKING_S = 0.01, 0.16  # what some ten thousand locks cost: two megabytes
MAX_LOCKS = 4096  # record locks that a box may hold at one time
_SLACK_BYTES = 8 << 20
_PATIENCE_S = 1.0
SHORT_S = 0.001
_TIGHT_BYTES = 16 << 20  # what a program fills in some milliseconds, in which we may have to wait for the core
_TIGHT_SHARE = 16  # and no more than one part in so many of a small box
# Page tables of half a gigabyte are given back within a tenth of that, where there is a core to do it.
_SHORTAGE_S = 0.25
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = 1 / os.sysconf("SC_CLK_TCK")
_MOST = 1 << 14  # bytes of a book
_opened: dict[str, int | None] = {}  # the books that this process has opened; None where there is no such book


def tree_cpu_s() -> float:
    """CPU seconds of everything in the box since it began, our own few included."""
    if (text := read(_CPU_V1)) is not None:
        return int(text) / 1e9
    if (usage_us := _field(_CPU_V2, "usage_usec")) is not None:
        return usage_us / 1e6
    return sum(_process_cpu_s(pid) for pid in pids())


def oom_kills() -> int:
    """How many processes of the box the kernel has killed for want of memory; 0 where no book is kept."""
    for path in (_OOM_V1, _OOM_V2):
        if (count := _field(path, "oom_kill")) is not None:
            return count
    return 0


class Locks:
    """Whether the processes of the box hold more than MAX_LOCKS record locks: kernel memory that is charged to nobody.

    The list is long to make and stops whoever locks a file on the whole machine meanwhile, so nobody asks for it before
    the box has spent time in the kernel, as taking so many locks does, and less often the longer there were none.
    """

    def __init__(self) -> None:
        self._system_s, self._enough_s = _system_s(), _LOCKING_S

    def are_too_many(self) -> bool:
        """Whether they are now, where it may have come to that since it was last asked."""
        now = _system_s()
        if now is not None and self._system_s is not None and now - self._system_s < self._enough_s:
            return False
        self._system_s, self._enough_s = now, min(2 * self._enough_s, _LONGEST_LOCKING_S)
        found, at, fd = 0, 0, _book(_LOCKS)
        while fd is not None and found <= MAX_LOCKS and (part := os.pread(fd, _MOST, at)):
            found, at = found + part.count(b" POSIX "), at + len(part)
        return found > MAX_LOCKS


def _system_s() -> float | None:
    """CPU seconds of the box in the kernel; None where no book says."""
    if (text := read(_SYSTEM_V1)) is not None:
        return int(text) / 1e9
    told_us = _field(_CPU_V2, "system_usec")
    return None if told_us is None else told_us / 1e6


class Memory:
    """What the box holds, against what it held when this was made.

    Page tables and the like are freed a while after their process is dead; a program that starts before would be killed
    for want of a memory that is not its own.
    """

    def __init__(self) -> None:
        self._most, self._others = _charged() + _SLACK_BYTES, _charged_to_others() + _SLACK_BYTES

    def is_back(self) -> bool:
        """Whether all but a little has been given back; waits a moment for it."""
        deadline = time.monotonic() + _PATIENCE_S
        while _charged() > self._most and _charged_to_others() > self._others:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True


class Shortage:
    """Whether the box is as good as full, so that whoever asks for a page may be killed for it: one of ours, too.

    A process that the kernel kills for want of memory is no candidate for the next killing long before its page tables
    are given back. Until then nobody else is left to be killed, where a program is a single process.
    """

    def __init__(self) -> None:
        self._first = self._kills = oom_kills()
        wall = _wall()
        self._tight, self._ends = wall - min(_TIGHT_BYTES, wall / _TIGHT_SHARE), 0.0

    def lasts(self) -> bool:
        """Whether to ask for nothing now.

        A program may stay close to its limit, so this ends a moment after it was noticed first, and after each killing.
        """
        if _charged() < self._tight:
            return False
        now, kills = time.monotonic(), oom_kills()
        if not self._ends or kills != self._kills:
            self._kills, self._ends = kills, now + _SHORTAGE_S
        return now < self._ends and _charged_without_files() >= self._tight

    def sit_out(self) -> None:
        """Ask for nothing while it lasts, when a program is over; but not for ever.

        What it has left behind may fill the box again and have itself killed one by one, and nobody ends that before.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while self.lasts() and time.monotonic() < deadline:
            time.sleep(SHORT_S)

    def has_killed(self) -> bool:
        """Whether the kernel has killed since this was made."""
        return oom_kills() > self._first


class Peak:
    """The most that the box holds during one visit, over what it held before.

    The kernel keeps the highest mark since the box began, and in a box nobody can set it back. A visit that moves it
    has held exactly so much; of another one it is known what was seen now and then.
    """

    def __init__(self) -> None:
        self._before, self._mark, self._seen = _charged(), _mark(), 0

    def look(self) -> None:
        """See what the box holds now."""
        self._seen = max(self._seen, _charged() - self._before)

    def told(self, largest_kb: int) -> tuple[int, str]:
        """The peak in kB and where it comes from, when the largest process had so much: whichever is more."""
        mark = _mark()
        of_all = (mark - self._before, "cgroup") if mark > self._mark else (self._seen, "sampled")
        return max((largest_kb, "rusage"), (of_all[0] >> 10, of_all[1]))


def _mark() -> int:
    """The most bytes that were ever on the box's account; 0 where no book is kept."""
    return int(read(_MARK_V1) or read(_MARK_V2) or 0)


def _charged() -> int:
    """Bytes on the box's account; 0 where no book is kept."""
    return int(read(_MEMORY_V1) or read(_MEMORY_V2) or 0)


def _wall() -> float:
    """The most bytes that the account may have; infinite where no book says so."""
    said = read(_WALL_V1) or read(_WALL_V2) or "max"
    return math.inf if said.startswith("max") else int(said)


def _charged_to_others() -> int:
    """The same without what has been read of files, and without what this process holds."""
    _, resident, shared, *_ = (read("/proc/self/statm") or "0 0 0").split()
    return _charged_without_files() - (int(resident) - int(shared)) * _PAGE


def _charged_without_files() -> int:
    """The same without what has been read of files."""
    cached = next((sum(_field(path, name) or 0 for name in names) for path, names in _CACHED if read(path)), 0)
    return _charged() - cached


def memory_mb() -> int:
    """What the box takes now, without the files that the kernel may forget; 0 where no book is kept."""
    return (_charged_without_files() >> 20) + 1 if _charged() else 0


def pids() -> list[int]:
    """Every process of the box."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def source() -> str:
    """Where the CPU numbers come from, for the record."""
    if read(_CPU_V1) is not None:
        return "cgroup1"
    return "cgroup2" if _field(_CPU_V2, "usage_usec") is not None else "proc"


def _process_cpu_s(pid: int) -> float:
    text = read(f"/proc/{pid}/stat")
    if text is None:
        return 0.0
    # The name, in parentheses, may hold anything; the numbers begin after the last one.
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
    """What a file of the kernel says; None where there is none. The box's books stay open."""
    if path.startswith(_BOOKS):
        return _read_book(path)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _all_of(fd)
    finally:
        os.close(fd)


def _read_book(path: str) -> str | None:
    fd = _book(path)
    return None if fd is None else _all_of(fd)


def _book(path: str) -> int | None:
    """A book of the kernel, or None where there is none; it is opened once, and then looking costs the box no memory.

    Process 1 looks while a candidate that the kernel has killed still gives its memory back, and whoever asks for some
    then is killed next.
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
