"""Measure what the box has used: CPU, memory, record locks, processes.

The values come from cgroup v1, from cgroup v2, or from /proc if neither is readable.
"""

from __future__ import annotations

import math
import os
import time

_CGROUP = "/sys/fs/cgroup/"
_CPU_V1 = "/sys/fs/cgroup/cpuacct/cpuacct.usage"
_CPU_V2 = "/sys/fs/cgroup/cpu.stat"
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
# Page tables of half a gigabyte are freed within a tenth of that, if there is a core to do it.
_PRESSURE_S = 0.25
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = 1 / os.sysconf("SC_CLK_TCK")
_MOST = 1 << 14  # bytes of an account
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


class MemoryBaseline:
    """Memory of the box when this object was made, to compare with later.

    Page tables and the like are freed some time after their process is dead. A program that started before that could
    be OOM-killed for memory that is not its own.
    """

    def __init__(self) -> None:
        self._most, self._others = _charged_bytes() + _SLACK_BYTES, _charged_to_others() + _SLACK_BYTES

    def is_released(self) -> bool:
        """Return whether the memory is back to the baseline, but for a few megabytes; waits a moment for it."""
        deadline = time.monotonic() + _PATIENCE_S
        while _charged_bytes() > self._most and _charged_to_others() > self._others:
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
