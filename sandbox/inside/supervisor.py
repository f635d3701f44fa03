"""Process 1 of a box: reads jobs from the host, lets them be run, reports facts, proves the box clean.

It answers each order with one frame of facts, and may tell before that a limit has moved. The facts say whether the box
is clean: no process but our own, nothing in the scratch directories, no trace in flight. A box that is not clean is not
used again; the supervisor then ends, and the container with it.

An order may say that its program will come again. Then a runner stays, and "clean" means clean but for the runner; what
one visit leaves behind never meets the next. The order None ends this: the runner goes, and the box has to be clean
without it.
"""

from __future__ import annotations

import ctypes
import platform
import random
import resource
import sys
import time

from sandbox.inside import (
    interpreter,
    job_encoding,
    layout,
    memory_lock,
    privileges,
    process_handles,
    residue,
    usage,
    visit,
    wire,
)
from sandbox.inside.layout import SCRATCH_DIRECTORIES
from sandbox.inside.residue import is_empty

PROTOCOL = 8
_CLEANING_S = 5.0
_OURS_S = 0.02  # no more than this is the zygote's part in a visit, or a rounding where ticks are counted
_PR_SET_DUMPABLE, _M_MMAP_THRESHOLD = 4, -3


class Supervisor:
    """One zygote, at most one runner, one candidate at a time."""

    def __init__(self, ids: range) -> None:
        self._code_kept = memory_lock.keep_code()
        self._uids, self._given = list(ids[1:]), 0
        random.SystemRandom().shuffle(self._uids)  # or a program could count by its uid how many came before it
        self._zygote = process_handles.Zygote(keeper=ids[0])
        self._runner: process_handles.Runner | None = None
        self._orphans = process_handles.Orphans(self._zygote)
        interpreter.name_users(ids)
        self._pid_counter, self._forks = residue.PidCounter(), 0  # since it was settled
        self._before, self._memory = residue.traces(), usage.Memory()

    def serve(self) -> None:
        """Answer orders until the host hangs up or the box is no longer clean."""
        # What one visit has brought and taken must not lie in a heap of ours while another one needs the memory.
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1 << 18)
        wire.write_frame(1, wire.encode(self._greeting()))
        while (payload := wire.read_frame(0)) is not None:
            told, payload = job_encoding.unpack(payload), None
            order, told = None if told is None else visit.Order(**told), None
            facts = self._farewell() if order is None else self._visit(order)
            wire.write_frame(1, wire.encode(facts))
            self._pid_counter.settle(self._forks)
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
            "landlock": privileges.has_rules(),
            "boot": _boot(),
        }

    def _visit(self, order: visit.Order) -> dict[str, wire.Value]:
        parent, uid = self._parent(order)
        self._forks += 1
        self._orphans.cpu_s, shortage = 0.0, usage.Shortage()
        guest = visit.Visit(order, uid, parent, self._orphans, shortage)
        try:
            seen = guest.run(_tell_waiting)
        finally:
            guest.close()
        if self._runner is not None:
            self._runner.told_s += seen.cpu_s
        flags, clean = self._sweep(uid)
        if guest.truncated and seen.ending != "too_much_output":
            flags.append("output_truncated")
        if seen.company and "leftover_processes" not in flags:
            flags.append("leftover_processes")
        if seen.ending == "signalled" and shortage.has_killed():
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
            **guest.said(),
        }

    def _cpu_s(self, seen: visit.Outcome) -> float:
        """What the reaped have used.

        A child whose end its parent ignores, or whose parent is the zygote, is in no such sum.
        """
        told_s = seen.cpu_s + self._orphans.cpu_s
        return seen.box_cpu_s if seen.box_cpu_s > told_s + _OURS_S else told_s

    def _parent(self, order: visit.Order) -> tuple[process_handles.Parent, int]:
        """Who forks the candidate, and its uid. Nobody comes in before a runner of another program was sent away."""
        if self._runner is not None and not (order.repeat and order.program == self._runner.program):
            raise wire.WireError("another program, and no farewell to the last one")
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

    def _farewell(self) -> dict[str, wire.Value]:
        self._dismiss()
        return {"clean": not self._leftovers() and self._as_before()}

    def _dismiss(self) -> None:
        if self._runner is not None and not self._runner.gone:
            self._runner.bury()
        self._runner = None

    def _sweep(self, uid: int) -> tuple[list[str], bool]:
        """What a visit left behind, and whether the box is clean now; looks twice only if there was something."""
        found = self._leftovers()
        if "leftover_files" in found:  # perhaps nothing but the file that we have put there
            interpreter.take_files()
            found = self._leftovers()
        if not found and self._as_before():
            return found, True
        self._dismiss()
        self._clean_up(uid)
        return found, not self._leftovers() and self._as_before()

    def _leftovers(self) -> list[str]:
        found = []
        if self._strangers():
            found.append("leftover_processes")
        if _litter():
            found.append("leftover_files")
        return found

    def _as_before(self) -> bool:
        """Whether nothing is in flight and the memory is back.

        Or, while there is a runner, whether that is still there.
        """
        if self._runner is None:
            return residue.gone(self._before) and self._memory.is_back()
        return not self._runner.gone and residue.gone(self._runner.before)

    def _clean_up(self, uid: int) -> None:
        """Kill and reap what is left, empty the scratch directories."""
        self._zygote.kill_all(uid)
        self._zygote.clean(uid)
        deadline = time.monotonic() + _CLEANING_S
        while self._strangers() and time.monotonic() < deadline:
            self._zygote.reap()
            time.sleep(0.001)
        # Only when the dead are reaped is there sure to be room for the next cleaner.
        self._zygote.fork_spare()

    def _strangers(self) -> set[int]:
        self._orphans.bury()
        there = self._runner is not None and not self._runner.gone
        return set(usage.pids()) - (self._runner if there and self._runner else self._zygote).ours


def _tell_waiting(waited_s: float) -> None:
    """Between an order and its facts: that the program may take longer, because the box waits for its core."""
    wire.write_frame(1, wire.encode({"waited_s": waited_s}))


def _boot() -> str:
    """What tells this start of the machine from any other, as its kernel says; "" where it does not."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read(64).strip()
    except OSError:
        return ""


def _litter() -> bool:
    return not all(map(is_empty, SCRATCH_DIRECTORIES))


def main() -> None:
    """Entry of the image. argv: the first uid of this box's range."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
    with open("/proc/self/uid_map", encoding="ascii") as uid_map:
        ids = layout.uid_range(int(sys.argv[1]), uid_map.read())
    Supervisor(ids).serve()
