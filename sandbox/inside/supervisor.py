"""Process 1 of a box: read orders from the host, have them run, report facts, prove that the box is clean.

Each order is answered by one frame of facts. A frame that says that the wall limit has moved, and frames of what a live
program prints (`limited_run`), may come before it. The facts say whether the box is clean: no process but our own,
nothing in the scratch directories, no kernel object left. A box that is not clean is not used again: the supervisor
then exits, and the container ends with it.

An order may say that its program will be run again. Then a runner stays, and "clean" means clean but for the runner;
what one visit leaves behind is removed before the next. The order None ends the runner, and the box has to be clean
without it.

Before all that it keeps our own code in memory (`lock_code`). When memory runs out, the kernel first evicts pages that
it can read again from files: the interpreter itself, if this box was the first to read it. From then on every process
of the box waits for the disk at nearly every step, process 1 included, and a limit is noticed many seconds late. So
process 1, before it forks, locks the files that it is mapped from; such a lock belongs to the page and holds for all
processes and all boxes. Engines set a low limit on locked memory and cannot always raise it. A mapping above the limit
is replaced by an anonymous copy, which cannot be evicted either because a box has no swap. Copies cost time of each
fork, so nothing is copied that none of our processes runs. Afterwards no process of the box may lock memory.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import random
import resource
import sys
import time
from typing import NamedTuple

from sandbox.inside import cleanup, commands, environment, limited_run, privileges, process_handles, usage, wire
from sandbox.inside.cleanup import is_empty
from sandbox.inside.environment import SCRATCH_DIRECTORIES

_MAYMOVE_FIXED = 1 | 2
_UNUSED = "/libcrypto."  # a third of all bytes; `hashlib` loads it, and only candidates and graders call it
_FAILED = ctypes.c_void_p(-1).value


class Mapping(NamedTuple):
    """A read-only mapping of a file."""

    start: int
    size: int
    rights: int


def lock_code() -> bool:
    """Lock or copy all files that this process is mapped from, then give up the right to lock.

    Returns whether that worked for each.
    """
    with open("/proc/self/maps", encoding="utf-8") as file:
        mappings = file_mappings(file.read())
    libc = _libc()
    largest_first = sorted(mappings, key=lambda mapping: -mapping.size)
    kept = [libc.mlock(mapping.start, mapping.size) == 0 or _copied(libc, mapping) for mapping in largest_first]
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    return all(kept)


def file_mappings(maps: str) -> list[Mapping]:
    """Return the read-only private mappings of files, from the text of `/proc/self/maps`."""
    found = []
    for line in maps.splitlines():
        span, rights, _, _, _, *name = line.split(maxsplit=5)
        if name and name[0].startswith("/") and _UNUSED not in name[0] and rights in {"r--p", "r-xp"}:
            start, end = (int(place, 16) for place in span.split("-"))
            executable = mmap.PROT_EXEC if "x" in rights else 0
            found.append(Mapping(start, end - start, mmap.PROT_READ | executable))
    return found


def _libc() -> ctypes.CDLL:
    libc, place, size, number = ctypes.CDLL(None), ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    libc.mlock.argtypes = libc.munmap.argtypes = (place, size)
    libc.mmap.argtypes, libc.mmap.restype = (place, size, number, number, number, ctypes.c_long), place
    libc.mprotect.argtypes = (place, size, number)
    libc.mremap.argtypes, libc.mremap.restype = (place, size, size, number, place), place
    return libc


def _copied(libc: ctypes.CDLL, mapping: Mapping) -> bool:
    """Replace a mapping by a copy; returns whether that worked.

    The kernel moves the copy into place in one step, so even the code that is running can be replaced.
    """
    start, size, rights = mapping
    copy = libc.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    if copy == _FAILED:
        return False
    ctypes.memmove(copy, start, size)
    if libc.mprotect(copy, size, rights) == 0 and libc.mremap(copy, size, size, _MAYMOVE_FIXED, start) == start:
        return True
    libc.munmap(copy, size)
    return False


PROTOCOL = 10
_CLEANING_S = 5.0
_OURS_S = 0.02  # CPU seconds of the zygote in a visit, or rounding where ticks are counted, are fewer
_PR_SET_DUMPABLE, _M_MMAP_THRESHOLD = 4, -3


class Supervisor:
    """One zygote, at most one runner, one candidate at a time."""

    def __init__(self, ids: range) -> None:
        self._code_kept = lock_code()
        self._uids, self._given = list(ids[1:]), 0
        random.SystemRandom().shuffle(self._uids)  # in order, its uid would tell a program how many came before it
        self._zygote = process_handles.Zygote(cleaner_uid=ids[0])
        self._runner: process_handles.Runner | None = None
        self._reaper = process_handles.OrphanReaper(self._zygote)
        environment.write_user_files(ids)
        self._pid_counter, self._forks = cleanup.PidCounter(), 0  # since the last call of `randomize`
        self._before, self._memory = cleanup.snapshot(), usage.MemoryBaseline()
        self._installed = commands.Installed()

    def serve(self) -> None:
        """Answer orders until the host closes the stream or the box is no longer clean."""
        # Large blocks go back to the kernel when they are freed, so the next visit can use the memory.
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1 << 18)
        wire.write_frame(1, wire.encode(self._greeting()))
        while (payload := wire.read_frame(0)) is not None:
            fields, payload = wire.unpack_order(payload), None
            order, fields = None if fields is None else limited_run.Order(**fields), None
            facts = self._release_program() if order is None else self._visit(order)
            wire.write_frame(1, wire.encode(facts))
            if order is not None and order.live:
                limited_run.finish_live()
            self._pid_counter.randomize(self._forks)
            self._forks = 0
            if not facts["clean"]:
                return
            del order, facts

    def _greeting(self) -> dict[str, wire.Value]:
        return {
            "protocol": PROTOCOL,
            "python": platform.python_version(),
            "cpu_source": usage.source(),
            "idle_mb": usage.memory_mb(),
            "uids": len(self._uids),
            "code_kept": self._code_kept,
            "landlock": privileges.has_landlock(),
            "boot": _boot(),
        }

    def _visit(self, order: limited_run.Order) -> dict[str, wire.Value]:
        if order.installed is not None:
            self._installed.replace(order.installed)
            order.installed = None
        parent, uid = self._parent(order)
        self._forks += 1
        self._reaper.cpu_s, pressure = 0.0, usage.MemoryPressure()
        current = limited_run.Visit(order, uid, parent, self._reaper, pressure)
        try:
            seen = current.run(_report_waiting)
        finally:
            current.close()
        if self._runner is not None:
            self._runner.reported_cpu_s += seen.cpu_s
        product = self._product(uid) if order.collect and seen.ending == "exited" and not seen.status else None
        fetched = self._fetch(order, uid)
        flags, clean = self._check_clean(uid)
        if order.workspace and "leftover_files" in flags:
            flags.remove("leftover_files")
        if current.truncated and seen.ending != "too_much_output":
            flags.append("output_truncated")
        if seen.had_others and "leftover_processes" not in flags:
            flags.append("leftover_processes")
        failed = seen.ending == "signalled" or (order.command and seen.ending == "exited" and seen.status)
        if failed and pressure.has_oom_killed():  # a command may report that a process of its own was killed
            seen.ending = "out_of_memory"
        return {
            "ending": seen.ending,
            "status": seen.status,
            "cpu_s": self._cpu_s(seen),
            "wall_s": seen.wall_s,
            "waited_s": seen.waited_s,
            "peak_kb": seen.peak_kb,
            "memory_source": seen.memory_source,
            "flags": list(flags),
            "clean": clean,
            "fetched": fetched,
            **current.output(),
            **({} if product is None else {"product": product}),
        }

    def _product(self, uid: int) -> wire.Value:
        """Return what a command has made, once all of its processes are dead; None if that is not possible."""
        self._zygote.kill_all(uid)
        self._reap_foreign()
        return None if self._foreign_processes() else commands.collect()

    def _fetch(self, order: limited_run.Order, uid: int) -> list[wire.Value]:
        """Return the names and contents of the files that are wanted back; ends what still runs of the program."""
        if not order.fetch:
            return []
        self._zygote.kill_all(uid)
        return environment.read_files(order.fetch)

    def _cpu_s(self, seen: limited_run.VisitResult) -> float:
        """Return the CPU seconds of the visit: of reaped processes, or of the whole box if that is clearly more.

        A child whose end its parent ignores, or whose parent is the zygote, is in no sum of reaped processes.
        """
        reported_cpu_s = seen.cpu_s + self._reaper.cpu_s
        return seen.box_cpu_s if seen.box_cpu_s > reported_cpu_s + _OURS_S else reported_cpu_s

    def _parent(self, order: limited_run.Order) -> tuple[process_handles.Parent, int]:
        """Return the process that forks the candidate, and its uid; starts a runner if the program will be run again.

        Raises WireError if a runner of another program has not been released.
        """
        if self._runner is not None and not (order.repeat and order.program == self._runner.program):
            raise wire.WireError("another program, and the last one was not released")
        if not order.repeat:
            return self._zygote, self._new_uid()
        if self._runner is None:
            self._runner = self._zygote.start_runner(self._new_uid(), order.program)
            self._forks += 1
        return self._runner, self._runner.uid

    def _new_uid(self) -> int:
        uid = self._uids[self._given % len(self._uids)]
        self._given += 1
        return uid

    def _release_program(self) -> dict[str, wire.Value]:
        self._end_runner()
        return {"clean": not self._leftovers() and self._is_restored()}

    def _end_runner(self) -> None:
        if self._runner is not None and not self._runner.gone:
            self._runner.reap()
        self._runner = None

    def _check_clean(self, uid: int) -> tuple[list[str], bool]:
        """Return what a visit left behind, and whether the box is clean after cleaning up."""
        found = self._leftovers()
        if "leftover_files" in found:  # it may be the program's file, which we wrote
            environment.remove_program_files()
            found = self._leftovers()
        if not found and self._is_restored():
            return found, True
        self._end_runner()
        self._clean_up(uid)
        return found, not self._leftovers() and self._is_restored()

    def _leftovers(self) -> list[str]:
        found = []
        if self._foreign_processes():
            found.append("leftover_processes")
        if _has_files():
            found.append("leftover_files")
        return found

    def _is_restored(self) -> bool:
        """Return whether no kernel object is left and the memory is released.

        With a runner, whether that still runs.
        """
        if self._runner is None:
            return cleanup.is_unchanged(self._before) and self._memory.is_released(self._installed.size)
        return not self._runner.gone and cleanup.is_unchanged(self._runner.before)

    def _clean_up(self, uid: int) -> None:
        """Kill and reap what is left, empty the scratch directories."""
        self._zygote.kill_all(uid)
        self._zygote.clean(uid)
        self._reap_foreign()
        # The limit on processes has room for the next cleaner only after the dead ones are reaped.
        self._zygote.fork_spare()

    def _reap_foreign(self) -> None:
        """Wait, not for ever, until no process is there but our own."""
        deadline = time.monotonic() + _CLEANING_S
        while self._foreign_processes() and time.monotonic() < deadline:
            self._zygote.reap_adopted()
            time.sleep(0.001)

    def _foreign_processes(self) -> set[int]:
        self._reaper.reap()
        there = self._runner is not None and not self._runner.gone
        return set(usage.pids()) - (self._runner if there and self._runner else self._zygote).ours


def _report_waiting(waited_s: float) -> None:
    """Tell the host that the program may take longer, because the box waits for its core."""
    wire.write_frame(1, wire.encode({"waited_s": waited_s}))


def _boot() -> str:
    """Return the kernel's id of this start of the machine; "" where it has none."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read(64).strip()
    except OSError:
        return ""


def _has_files() -> bool:
    return not all(map(is_empty, SCRATCH_DIRECTORIES))


def main() -> None:
    """Run the supervisor; the command line holds the first uid of this box's range."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
    with open("/proc/self/uid_map", encoding="ascii") as uid_map:
        ids = environment.uid_range(int(sys.argv[1]), uid_map.read())
    Supervisor(ids).serve()
