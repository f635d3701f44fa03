"""Every answer of a program, for whoever compares programs with each other and not with a truth.

A verdict may stop at the first failure; here each call is to have its answer, whatever became of the others. All are asked in
one visit. A call that the program does not survive (it hangs, leaves, dies) takes along the calls behind it, and of those
before it perhaps the last, which were still on their way out; so what is missing is asked again, each call in a fresh copy of
the loaded program, where every answer leaves at once: then the first that does not come is the one to blame. It stays without
an answer, and the others are asked once more. A program that has spoilt so `PATIENCE` visits gives no further answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sandbox.judging.compare import holds
from sandbox.values import Answer, CallList, CallTests, Flag, Job, Run, Stage

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
    waiting, calls, fresh = list(tests.order), tests.calls, job.fresh
    runs: list[Run] = []
    while waiting and patience:
        asked = replace(job.program, tests=calls.first(len(waiting)))
        run = visit(replace(job, program=asked, fresh=fresh))
        runs.append(run)
        for number, answer in zip(waiting, run.answers, strict=False):
            found[number] = answer
        waiting = waiting[len(run.answers) :]
        if run.proved or _never_began(run):
            break
        if fresh:
            waiting, patience = waiting[1:], patience - 1
        calls, fresh = _calls(tests, waiting), True
    return Answered(
        answers=tuple(found),
        cpu_s=sum(run.cpu_s for run in runs),
        wall_s=sum(run.wall_s for run in runs),
        visits=len(runs),
    )


def _never_began(run: Run) -> bool:
    """Whether no call was made, or asking again would cost another box."""
    broken = run.raised is not None and run.raised.stage in {Stage.COMPILE, Stage.PROGRAM}
    return broken or Flag.LOST_TWICE in run.flags


def _calls(tests: CallTests, numbers: list[int]) -> CallList:
    cases = [tests.cases[number] for number in numbers]
    return CallList(
        [(case.function, case.arguments, case.keywords) for case in cases], [case.expected for case in cases]
    )


def held(answered: Answered, tests: CallTests) -> tuple[bool, ...]:
    """Which of the tests the answers pass, each by itself."""
    return tuple(
        answer is not None and answer.raised is None and holds(answer.value, case)
        for answer, case in zip(answered.answers, tests.cases, strict=True)
    )
