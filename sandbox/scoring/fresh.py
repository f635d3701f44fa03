"""Calls that see nothing of each other: a visit for each, in a process of its own that loads the program anew.

Such a process holds the arguments of its own call alone. It has a uid that nobody had before, and comes into a box that
is proved clean: no process, file, shared memory or pipe of an earlier call is left. The limits hold for each visit; all
visits of a sample together may take `Limits.sample_wall_s`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from sandbox.values import AskedCalls, Ending, Job, Run

MIN_VISIT_S = 0.05  # no visit is begun with less wall time


def ask_afresh(
    job: Job, calls: Sequence[AskedCalls], visit: Callable[[Job], Run], enough: Callable[[Run], bool], left_s: float
) -> Run:
    """Ask each of `calls`, which are single ones, in a visit of its own; return one run with all answers.

    Stops at a visit that brings no answer, and where `enough` says so of the answers so far; it is asked after 1, 2, 4,
    8 … calls. `left_s` is the wall time for all.
    """
    runs: list[Run] = []
    for number, one in enumerate(calls, 1):
        limits = replace(job.limits, wall_s=min(job.limits.wall_s, max(left_s, MIN_VISIT_S)))
        run = visit(replace(job, program=replace(job.program, tests=one, selection=None), limits=limits))
        runs.append(run)
        left_s -= run.wall_s - run.waited_s
        if not run.proved or not run.answers:
            break
        if left_s < MIN_VISIT_S and number < len(calls):
            runs[-1] = replace(run, ending=Ending.OUT_OF_WALL, proved=False)
            break
        if number & (number - 1) == 0 and number < len(calls) and enough(_together(runs)):
            break
    return _together(runs)


def _together(runs: Sequence[Run]) -> Run:
    """One run with the answers of all, ended as the last one."""
    return replace(
        runs[-1],
        answers=tuple(answer for run in runs for answer in run.answers),
        cpu_s=math.fsum(run.cpu_s for run in runs),
        wall_s=math.fsum(run.wall_s for run in runs),
        waited_s=math.fsum(run.waited_s for run in runs),
        memory_mb=max(run.memory_mb for run in runs),
        flags=frozenset().union(*(run.flags for run in runs)),
    )
