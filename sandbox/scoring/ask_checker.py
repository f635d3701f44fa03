"""Ask a data set's checker whether printed output is right, for problems that have several right outputs.

A checker is code of the data set. It runs in the grader box, which never holds a candidate; of the candidate only the
text that it printed gets there, as an argument of `check(input, output, answer)`. The outputs of several cases are
checked in one visit: a checker that is asked for each case alone would double the time. But an output that differs from
the data set's answer is checked at once, or a wrong program would run through all cases; from then on the program is
believed to be a right one that answers differently, and the others are checked at the end. What the checker says
becomes a fact of the case's run (`Run.points`); the judge decides.

A checker may fail: it raises, returns no number, or does not end. Then it is asked about the data set's own answer in
the place of the output. If it accepts that, it works, and the output was so malformed that it could not be read: no
points. If not, the fault is the problem's: CheckerFailed is raised, and there is no verdict. So no program can buy
another try by an output that breaks a checker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sandbox.judging import judge
from sandbox.scoring.references import ReferenceFailed
from sandbox.scoring.strategy import Visits
from sandbox.values import (
    Answer,
    CallList,
    CallTest,
    Checker,
    Comparison,
    Job,
    Program,
    Run,
    StdinTest,
    StdinTests,
    Verdict,
)

FUNCTION = "check"


class CheckerFailed(ReferenceFailed):
    """A data set's checker does not even accept the data set's own answer, or fails on it."""


def check_printed(
    checker: Checker, runs: Mapping[int, Run], tests: StdinTests, job: Job, visits: Visits
) -> dict[int, Run]:
    """Return the runs with the checker's points where they ended well; raises CheckerFailed."""
    waiting = [n for n, run in runs.items() if run.points is None and judge.judge_script(run) is Verdict.PASSED]
    checked, sound = dict(runs), False
    while waiting:
        given = [_call(tests.cases[number], runs[number].stdout) for number in waiting]
        answers = _ask(checker, given, job, visits)
        for number, answer in zip(waiting, answers, strict=False):
            points = _points(answer)
            if points is None and not sound:  # once for a program is enough
                _require_sound(checker, tests.cases[number], job, visits)
                sound = True
            checked[number] = replace(runs[number], points=points or 0.0)
        if len(answers) == len(waiting):
            break
        stopped = waiting[len(answers)]  # the checker did not come back from this one
        if not sound:
            _require_sound(checker, tests.cases[stopped], job, visits)
            sound = True
        checked[stopped] = replace(runs[stopped], points=0.0)
        waiting = waiting[len(answers) + 1 :] if visits.options.every_case else []
    return checked


def _call(case: StdinTest, printed: bytes) -> CallTest:
    texts = tuple(part.decode("utf-8", "replace") for part in (case.stdin, printed, case.expected))
    return CallTest(function=FUNCTION, arguments=texts, comparison=Comparison.EQUAL, expected=True)


def _ask(checker: Checker, calls: Sequence[CallTest], job: Job, visits: Visits) -> tuple[Answer, ...]:
    """Return the checker's answers to the calls, as far as they came; raises CheckerFailed if it cannot be loaded."""
    asked = replace(CallList(list(calls), whole=True).first(len(calls)), whole=True)
    run = visits.grader(Program(source=checker.source, tests=asked), job)
    if run.raised is not None and not run.answers:
        raise CheckerFailed(f"the problem's checker cannot be used: {run.raised.type}: {run.raised.message[:200]}")
    return run.answers


def _points(answer: Answer) -> float | None:
    """Return the share of the points that an answer gives; None if it is none, or an exception."""
    if answer.raised is not None:
        return 0.0 if answer.raised.type == "AssertionError" else None
    value = answer.value
    if isinstance(value, list | tuple) and value:
        value = value[0]  # with a message behind it
    if isinstance(value, bool | int | float) and 0 <= value <= 1:
        return float(value)
    return None


def _require_sound(checker: Checker, case: StdinTest, job: Job, visits: Visits) -> None:
    """Raise CheckerFailed unless the checker accepts the data set's own answer to a case."""
    answers = _ask(checker, [_call(case, case.expected)], job, visits)
    if not answers or _points(answers[0]) != 1.0:
        why = _said(answers)
        raise CheckerFailed(
            f"the problem's checker {why} for the data set's own answer to the input {case.stdin[:60]!r}"
        )


def _said(answers: Iterable[Answer]) -> str:
    for answer in answers:
        if answer.raised is not None:
            return f"raised {answer.raised.type}: {answer.raised.message[:200]}"
        return f"returned {answer.value!r:.100}"
    return "did not come to an end"
