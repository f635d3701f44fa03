"""Ask a data set's checker whether printed output is right, for problems that have several right outputs.

A checker is code of the data set. It runs in the grader box, which never holds a candidate; of the candidate only the
text that it printed gets there, as an argument of `check(input, output, answer)`. The outputs of several cases are
checked in one visit: a checker that is asked for each case alone would double the time. But an output that differs from
the data set's answer is checked at once, or a wrong program would run through all cases; from then on the program is
believed to be a right one that answers differently, and the others are checked at the end. What the checker says
becomes a fact of the case's run (`Run.points`); the judge decides.

That first look would cost a wrong program a second visit. So programs that wait for one while others are queued are
checked in one visit (`ask_together`), if the checker's text shows that it keeps nothing from one call to the next
(`Checker.stateless`): nothing of one program's output can then change what is said of another's. A fork of the checker
for each program would show the same of any checker, but takes as long as a visit. A program whose outputs get no plain
points there is checked alone, and so are all if the visit fails.

A program that comes alone has no other to share a visit with. Therefore a stateless checker stays in the grader box
when it is asked for the second time in a row, and answers there (`Session`), which costs a message instead of a visit.
There it gives only plain points; for anything else the checker is asked in a visit.

A checker may fail: it raises, returns no number, or takes more than CALL_CPU_S for one output. Then it is asked about
the data set's own answer instead of the output. If it accepts that, it works, and the output was so malformed that
it could not be read: no points. If not, the fault is the problem's: CheckerFailed is raised, and there is no verdict.
So no program can buy another try by an output that breaks a checker. Only a checker with the protocol of testlib can
say itself that the fault is the problem's.

A visit has the time of one output. Outputs that it had no time for are checked in the next visit, as long as each has
answered at least one, and up to ALL_WALL_S for a program.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sandbox.boxes.pool import WorkerBoxes
from sandbox.errors import BoxLost, SandboxError
from sandbox.judging import judge
from sandbox.scoring.references import ReferenceFailed
from sandbox.scoring.strategy import Visits
from sandbox.scoring.testlib_programs import FAULT_TYPE
from sandbox.values import (
    PYTHON,
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
MOST_CHARACTERS = 1 << 20  # of the texts of a program that is checked with others
TOGETHER_CPU_S, TOGETHER_WALL_S = 5.0, 10.0
CALL_CPU_S, CALL_WALL_S, ALL_WALL_S = 10.0, 20.0, 60.0
RESIDENT_S, ANSWER_S = 300.0, 2.0  # how long a checker stays, and how long it may take for an answer there
MAX_CHARACTERS = 4 << 20  # of what it is asked
# Answers each line, three texts in JSON, by the points, or by a line that is no number.
_RESIDENT = """import io as _io, json as _json, os as _os, sys as _sys

_SOURCE = {source!r}
_lines = _sys.stdin.buffer
_sys.stdin, _sys.stdout, _sys.stderr = _io.StringIO(), _io.StringIO(), _io.StringIO()
_names = {{"__name__": "solution"}}
exec(compile(_SOURCE, "solution.py", "exec"), _names)
for _line in _lines:
    try:
        _said = _names["check"](*_json.loads(_line))
        if isinstance(_said, (list, tuple)) and _said:
            _said = _said[0]
        _points = repr(float(_said)) if type(_said) in (bool, int, float) else "-"
    except AssertionError:
        _points = "0.0"
    except BaseException:
        _points = "-"
    _sys.stdout.seek(0)
    _sys.stdout.truncate()
    _os.write(1, _points.encode() + b"\\n")
"""


class CheckerFailed(ReferenceFailed):
    """A data set's checker does not even accept the data set's own answer, or fails on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """The outputs of one program that its checker has to see."""

    checker: Checker
    calls: tuple[CallTest, ...]
    job: Job
    visits: Visits


def request_for(runs: Mapping[int, Run], tests: StdinTests, job: Job, visits: Visits) -> CheckRequest:
    """Return what the checker of the tests has to be asked about the runs."""
    if tests.checker is None:
        raise TypeError("these tests have no checker")
    calls = tuple(_call(tests.cases[number], runs[number].stdout) for number in _unchecked(runs))
    return CheckRequest(checker=tests.checker, calls=calls, job=job, visits=visits)


def ask_together(_boxes: WorkerBoxes, requests: Sequence[CheckRequest]) -> list[tuple[float, ...] | None]:
    """Return the points of each request's outputs, None where they have to be asked for alone.

    Requests with the same checker share one visit to the grader box.
    """
    said: list[tuple[float, ...] | None] = [None] * len(requests)
    kinds: dict[tuple[object, ...], list[int]] = {}
    for number, one in enumerate(requests):
        size = sum(len(str(text)) for call in one.calls for text in call.arguments)
        if one.checker.stateless and size <= MOST_CHARACTERS:
            assumed = one.job.program.assumptions.of_the_interpreter
            kinds.setdefault((one.checker.text, assumed), []).append(number)
    for numbers in kinds.values():
        if len(numbers) > 1:
            for number, points in zip(numbers, _ask_for_all([requests[n] for n in numbers]), strict=True):
                said[number] = points
    return said


def _ask_for_all(requests: Sequence[CheckRequest]) -> list[tuple[float, ...] | None]:
    first = requests[0]
    calls = [call for one in requests for call in one.calls]
    asked = replace(CallList(calls, whole=True).first(len(calls)), whole=True)
    program = Program(source=first.checker.source, tests=asked)
    try:
        answers = first.visits.grader(program, first.job, cpu_s=TOGETHER_CPU_S, wall_s=TOGETHER_WALL_S).answers
    except SandboxError:  # each program meets it alone, or does not
        return [None] * len(requests)
    said, start = list[tuple[float, ...] | None](), 0
    for one in requests:
        points = [_points(answer) for answer in answers[start : start + len(one.calls)]]
        known = tuple(value for value in points if value is not None)
        said.append(known if len(known) == len(one.calls) else None)
        start += len(one.calls)
    return said


def _unchecked(runs: Mapping[int, Run]) -> list[int]:
    return [n for n, run in runs.items() if run.points is None and judge.judge_script(run) is Verdict.PASSED]


def check_printed(
    request: CheckRequest, runs: Mapping[int, Run], tests: StdinTests, said: Sequence[float] | None = None
) -> dict[int, Run]:
    """Return the runs with the checker's points where they ended well; raises CheckerFailed.

    `said` are the points of the unchecked runs, where they were asked for with those of other programs.
    """
    checker, job, visits, waiting = request.checker, request.job, request.visits, _unchecked(runs)
    checked, sound = dict(runs), False
    if said is not None:
        return checked | {n: replace(runs[n], points=points) for n, points in zip(waiting, said, strict=True)}
    began = time.monotonic()
    while waiting:
        given = [_call(tests.cases[number], runs[number].stdout) for number in waiting]
        answers = _ask(checker, given, job, visits)
        for number, answer in zip(waiting, answers, strict=False):
            _refuse_fault(answer, tests.cases[number])
            points = _points(answer)
            if points is None and not sound:  # once for a program is enough
                _require_sound(checker, tests.cases[number], job, visits)
                sound = True
            checked[number] = replace(runs[number], points=points or 0.0)
        waiting = waiting[len(answers) :]
        if not waiting:
            break
        if answers and time.monotonic() - began < ALL_WALL_S:
            continue
        stopped = waiting[0]  # the checker did not come back from this one
        if not sound:
            _require_sound(checker, tests.cases[stopped], job, visits)
            sound = True
        checked[stopped] = replace(runs[stopped], points=0.0)
        waiting = waiting[1:] if visits.options.every_case else []
    return checked


def _call(case: StdinTest, printed: bytes) -> CallTest:
    texts = tuple(part.decode("utf-8", "replace") for part in (case.stdin, printed, case.expected))
    return CallTest(function=FUNCTION, arguments=texts, comparison=Comparison.EQUAL, expected=True)


def _ask(checker: Checker, calls: Sequence[CallTest], job: Job, visits: Visits) -> tuple[Answer, ...]:
    """Return the checker's answers to the calls, as far as they came; raises CheckerFailed if it cannot be loaded."""
    if checker.language != PYTHON:
        return visits.checker_programs(checker, calls, visits.boxes)
    if checker.stateless and (answers := _ask_resident(checker, calls, job, visits)) is not None:
        return answers
    asked = replace(CallList(list(calls), whole=True).first(len(calls)), whole=True)
    run = visits.grader(Program(source=checker.source, tests=asked), job, cpu_s=CALL_CPU_S, wall_s=CALL_WALL_S)
    if run.raised is not None and not run.answers:
        raise CheckerFailed(f"the problem's checker cannot be used: {run.raised.type}: {run.raised.message[:200]}")
    return run.answers


def _ask_resident(checker: Checker, calls: Sequence[CallTest], job: Job, visits: Visits) -> tuple[Answer, ...] | None:
    """Return plain points for all calls from a checker that stays in its box; None if it must be asked in a visit."""
    if sum(len(str(text)) for call in calls for text in call.arguments) > MAX_CHARACTERS:
        return None
    program = Program(
        source=_RESIDENT.format(source=checker.source), assumptions=job.program.assumptions.of_the_interpreter
    )
    limits = replace(visits.grader_limits, cpu_s=CALL_CPU_S, wall_s=RESIDENT_S)
    session = visits.boxes.session(Job(program=program, limits=limits))
    if session is None:
        return None
    points: list[Answer] = []
    for call in calls:
        try:
            line = session.ask(json.dumps(call.arguments).encode(), ANSWER_S)
            value = None if line is None else float(line)
        except (BoxLost, ValueError):
            value = None
        if value is None or not 0 <= value <= 1:
            visits.boxes.end_session()
            return None
        points.append(Answer(value=value))
    return tuple(points)


def _refuse_fault(answer: Answer, case: StdinTest) -> None:
    """Raise CheckerFailed if the checker itself says that the problem is at fault."""
    if answer.raised is not None and answer.raised.type == FAULT_TYPE:
        raise CheckerFailed(f"the problem's checker {answer.raised.message[:200]}, for the input {case.stdin[:60]!r}")


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
        why = _outcome(answers)
        raise CheckerFailed(
            f"the problem's checker {why} for the data set's own answer to the input {case.stdin[:60]!r}"
        )


def _outcome(answers: Iterable[Answer]) -> str:
    for answer in answers:
        if answer.raised is not None:
            return f"raised {answer.raised.type}: {answer.raised.message[:200]}"
        return f"returned {answer.value!r:.100}"
    return "did not come to an end"
