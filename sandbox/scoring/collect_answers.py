"""Every answer of a program, for whoever compares programs with each other and not with a truth.

A verdict may stop at the first failure; here each call is to have its answer, whatever became of the others. All are
asked in one visit. A call that the program does not survive (it hangs, leaves, dies) takes along the calls behind it,
and of those before it perhaps the last, which were still on their way out; so what is missing is asked again, one call
after the other, and every answer leaves at once: then the first that does not come is the one to blame. It stays
without an answer, and the others are asked once more. A program that has spoilt so `PATIENCE` visits gives no further
answers. Where the job wants fresh processes, each call has a visit of its own from the start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sandbox.judging.compare import holds
from sandbox.values import Answer, AskedCalls, CallList, CallTests, Flag, Job, Run, Stage

PATIENCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A program's answers in the order of the cases; None where it gave none. Seconds are summed over all visits."""

    answers: tuple[Answer | None, ...]
    cpu_s: float
    wall_s: float
    visits: int


def ask(job: Job, tests: CallTests, visit: Callable[[Job], Run], patience: int = PATIENCE) -> Answered:
    """The answers of a job's program to the calls of `tests`; what is expected there plays no part."""
    found: list[Answer | None] = [None] * len(tests.cases)
    waiting, runs = list(tests.order), list[Run]()
    asked = _again(tests, waiting, fresh=True) if job.fresh else tests.calls.first(len(waiting))
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
        asked, blaming = _again(tests, waiting, fresh=job.fresh), True
    return Answered(
        answers=tuple(found),
        cpu_s=sum(run.cpu_s for run in runs),
        wall_s=sum(run.wall_s for run in runs),
        visits=len(runs),
    )


def _again(tests: CallTests, waiting: list[int], *, fresh: bool) -> AskedCalls:
    """What is asked where answers are missing."""
    return _calls(tests, waiting[:1]).first(1) if fresh and waiting else _calls(tests, waiting).in_turns()


def _never_began(run: Run) -> bool:
    """Whether no call was made, or asking again would cost another box."""
    broken = run.raised is not None and run.raised.stage in {Stage.COMPILE, Stage.PROGRAM}
    return broken or Flag.LOST_TWICE in run.flags


def _calls(tests: CallTests, numbers: list[int]) -> CallList:
    return CallList([tests.cases[number] for number in numbers])


def held(answered: Answered, tests: CallTests) -> tuple[bool, ...]:
    """Which of the tests the answers pass, each by itself."""
    return tuple(
        answer is not None and answer.raised is None and holds(answer.value, case)
        for answer, case in zip(answered.answers, tests.cases, strict=True)
    )
