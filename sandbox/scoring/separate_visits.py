"""Run one program in several visits: for isolated calls, or for calls that each have their own time limit.

Each visit loads the program anew, in a process with a new uid, in a box that is proved clean: no process, file, shared
memory or pipe of an earlier visit is left. The limits hold for each visit, from outside the program; all visits of a
sample share a budget of wall time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from sandbox.values import AskedCalls, CallList, Ending, Job, Run

MIN_VISIT_S = 0.05  # no visit is begun with less wall time


def ask_separately(
    job: Job, calls: Sequence[AskedCalls], visit: Callable[[Job], Run], enough: Callable[[Run], bool], left_s: float
) -> Run:
    """Ask each of `calls`, which hold one call each, in its own visit; return one run with all answers.

    So a process holds only the arguments of its own call. Asking stops at a visit without an answer, or when `enough`
    is true for the answers so far; it is checked after 1, 2, 4, 8 … calls. `left_s` is the wall time for all visits, in
    seconds.
    """
    runs: list[Run] = []
    for number, one in enumerate(calls, 1):
        run = visit(_within(job, one, left_s))
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


def ask_with_own_limits(job: Job, calls: CallList, count: int, visit: Callable[[Job], Run], left_s: float) -> Run:
    """Ask the first `count` calls, where each call has its own time limit; return one run with all answers.

    All calls are asked in one visit, and most programs need no other. When the time of the visit is over, the calls
    without an answer are asked in another visit. The call that was stopped comes first there and has the full time; if
    it is stopped again, it exceeds its limit. Each visit but the last brings an answer, so the total time is at most
    one limit for each call, and at most `left_s`. A program gains nothing by false answers: given answers stay.
    """
    runs: list[Run] = []
    start = 0
    while True:
        run = visit(_within(job, calls.between(start, count), left_s))
        left_s -= run.wall_s - run.waited_s
        answered = min(len(run.answers), count - start - 1)  # the last call is over when the program is
        stopped = run.ending in {Ending.OUT_OF_CPU, Ending.OUT_OF_WALL}
        if not stopped or not answered or left_s < MIN_VISIT_S:
            return _together([*runs, run])
        runs.append(replace(run, answers=run.answers[:answered]))
        start += answered


def _within(job: Job, calls: AskedCalls, left_s: float) -> Job:
    """Return the job for these calls, with `left_s` or its own limit as wall time, whichever is less."""
    limits = replace(job.limits, wall_s=min(job.limits.wall_s, max(left_s, MIN_VISIT_S)))
    return replace(job, program=replace(job.program, tests=calls, selection=None), limits=limits)


def _together(runs: Sequence[Run]) -> Run:
    """Merge runs into one: it has the answers of all and the ending of the last."""
    return replace(
        runs[-1],
        answers=tuple(answer for run in runs for answer in run.answers),
        cpu_s=math.fsum(run.cpu_s for run in runs),
        wall_s=math.fsum(run.wall_s for run in runs),
        waited_s=math.fsum(run.waited_s for run in runs),
        memory_mb=max(run.memory_mb for run in runs),
        flags=frozenset().union(*(run.flags for run in runs)),
    )
