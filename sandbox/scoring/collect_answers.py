"""Collect every answer of a program, to compare programs with each other and not with expected answers.

A verdict may stop at the first failure; here each call should get its answer, whether the other calls fail or not. All
calls are asked in one visit. If the program does not survive a call (it hangs, exits or dies), the answers to the later
calls are missing, and perhaps the last earlier answers, which had not left the process yet. The missing calls are
therefore asked again, one after the other, and every answer leaves the process at once. Then the first missing answer
shows which call failed. That call stays without an answer, and the others are asked once more. After `PATIENCE` failed
visits a program is asked no more. If the job wants fresh processes, each call has its own visit from the start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sandbox.judging.compare import matches
from sandbox.values import Answer, AskedCalls, CallList, CallTests, Flag, Job, Run, Stage

PATIENCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramAnswers:
    """A program's answers in the order of the cases; None where it gave none. Seconds are summed over all visits."""

    answers: tuple[Answer | None, ...]
    cpu_s: float
    wall_s: float
    visits: int


def collect_answers(
    job: Job, tests: CallTests, visit: Callable[[Job], Run], patience: int = PATIENCE
) -> ProgramAnswers:
    """Return the answers of a job's program to the calls of `tests`; the expected answers are not used."""
    found: list[Answer | None] = [None] * len(tests.cases)
    waiting, runs = list(tests.order), list[Run]()
    asked = _calls_to_repeat(tests, waiting, fresh=True) if job.fresh else tests.calls.first(len(waiting))
    blaming = job.fresh
    while waiting and patience:
        run = visit(replace(job, program=replace(job.program, tests=asked)))
        runs.append(run)
        for number, answer in zip(waiting, run.answers, strict=False):
            found[number] = answer
        waiting = waiting[len(run.answers) :]
        if _never_began(run) or (run.proved and not job.fresh):
            break
        if blaming and not (job.fresh and run.answers):
            waiting, patience = waiting[1:], patience - 1
        asked, blaming = _calls_to_repeat(tests, waiting, fresh=job.fresh), True
    return ProgramAnswers(
        answers=tuple(found),
        cpu_s=sum(run.cpu_s for run in runs),
        wall_s=sum(run.wall_s for run in runs),
        visits=len(runs),
    )


def _calls_to_repeat(tests: CallTests, waiting: list[int], *, fresh: bool) -> AskedCalls:
    """Return the calls to ask again, because their answers are missing."""
    return _calls(tests, waiting[:1]).first(1) if fresh and waiting else _calls(tests, waiting).in_turns()


def _never_began(run: Run) -> bool:
    """Return whether no call was made, or whether asking again would cost another box."""
    broken = run.raised is not None and run.raised.stage in {Stage.COMPILE, Stage.PROGRAM}
    return broken or Flag.LOST_TWICE in run.flags


def _calls(tests: CallTests, numbers: list[int]) -> CallList:
    return CallList([tests.cases[number] for number in numbers])


def matching_answers(answered: ProgramAnswers, tests: CallTests) -> tuple[bool, ...]:
    """Return for each test whether its answer passes."""
    return tuple(
        answer is not None and answer.raised is None and matches(answer.value, case)
        for answer, case in zip(answered.answers, tests.cases, strict=True)
    )
