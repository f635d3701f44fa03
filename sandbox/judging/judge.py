"""Judge a run: the only place where facts become a verdict. Pure; a stored run can be judged again.

Passing needs evidence: the proof that only a finished program (or, with tests, a finished test) sends. The absence of a
failure is not evidence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from sandbox.inside import codec
from sandbox.judging import output
from sandbox.judging.compare import matches, spoofed
from sandbox.values import (
    NO_TEST_RAN,
    Answer,
    CallTests,
    CheckTests,
    Ending,
    Flag,
    InteractiveTests,
    Limits,
    Program,
    Raised,
    Run,
    Score,
    Stage,
    StdinTests,
    Verdict,
)

JUDGE_VERSION = "7"
_NEAR = 0.9  # the share of a limit from which on a run is `near_limit`
_IDLE = 0.05  # a program that used less than this share of its wall time slept, or waited for something
_WAITED = 0.1  # waiting for less than this share of a visit is not reported
_NO_FAILURE = frozenset({"", "None", "0"})  # messages of a SystemExit that means success
_PRIORITY = (
    Verdict.SYNTAX, Verdict.TIMEOUT, Verdict.MEMORY, Verdict.OUTPUT, Verdict.CRASHED, Verdict.ERROR, Verdict.EARLY_EXIT,
    Verdict.WRONG, Verdict.PASSED,
)  # fmt: skip


def starved(run: Run, limits: Limits) -> bool:
    """Return whether a visit reached its wall limit because its box waited for a core; then there is no verdict.

    The seconds in which the box waited are no part of the program's wall time. A program that the CPU limit stopped has
    had all of its time.
    """
    return run.ending is Ending.OUT_OF_WALL and _own_wall_s(run) < limits.wall_s


def _own_wall_s(run: Run) -> float:
    """Return the wall time in seconds without the time in which the box waited for its core."""
    return run.wall_s - run.waited_s


def judge(run: Run, program: Program, graded: Run | None = None) -> Verdict:
    """Return the verdict of a program's run; `graded` is the run of its tests in a grader box, if they are code."""
    match run.ending:
        case Ending.OUT_OF_CPU | Ending.OUT_OF_WALL:
            return Verdict.TIMEOUT
        case Ending.OUT_OF_MEMORY:
            return Verdict.MEMORY
        case Ending.TOO_MUCH_OUTPUT:
            return Verdict.OUTPUT
        case Ending.SIGNALLED:
            return Verdict.CRASHED
        case Ending.EXITED if not run.proved:
            return _judge_exit(run, program)
        case Ending.EXITED if isinstance(program.tests, CheckTests):
            return _judge_graded(run, graded)
        case Ending.EXITED:
            return _judge_answers(run, program.tests) if isinstance(program.tests, CallTests) else Verdict.PASSED


def _judge_graded(run: Run, graded: Run | None) -> Verdict:
    """Judge by tests that ran in a grader box; if the tests were stopped, the answers were the cause."""
    if graded is None:
        return Verdict.EARLY_EXIT  # an answer is missing, so the tests were never begun
    if graded.ending is Ending.EXITED and graded.proved:
        return Verdict.PASSED
    if (blamed := _blamed(run, graded)) is not None:
        return _judge_wrong(blamed)
    if graded.raised is not None and graded.raised.type == NO_TEST_RAN:
        return Verdict.ERROR
    return Verdict.WRONG


def _blamed(run: Run, graded: Run) -> Answer | None:
    """Return the answer whose exception ended the tests.

    The program raised it, or its value could not leave the box.
    """
    number = graded.blamed
    return run.answers[number] if number is not None and 0 <= number < len(run.answers) else None


def _judge_wrong(answer: Answer) -> Verdict:
    """Return the verdict of an answer that is not right.

    One beyond the limits is wrong: they follow from what is expected.
    """
    return Verdict.WRONG if answer.raised is None else _judge_raised(answer.raised)


def _judge_answers(run: Run, tests: CallTests) -> Verdict:
    """Judge the answers: every call needs a right answer, and the first failure decides."""
    failure = first_failure(run, tests)
    if failure is None:
        return Verdict.PASSED
    answer = answer_to(failure, run, tests)
    if answer is None:
        return Verdict.EARLY_EXIT
    return _judge_wrong(answer)


def first_failure(run: Run, tests: CallTests) -> int | None:
    """Return the number of the first case with a wrong answer, from 0.

    If none is wrong, return the number of the first case without an answer; None if all are right.
    """
    missing = None
    for number, test in enumerate(tests.cases):
        answer = answer_to(number, run, tests)
        if answer is None:
            missing = number if missing is None else missing
        elif answer.raised is not None or not matches(answer.value, test):
            return number
    return missing


def right_answers(run: Run, tests: CallTests) -> int:
    """Return how many cases have a right answer; a case without an answer has none."""
    answers = ((answer_to(number, run, tests), test) for number, test in enumerate(tests.cases))
    return sum(a is not None and a.raised is None and matches(a.value, test) for a, test in answers)


def has_failed(run: Run, tests: CallTests) -> bool:
    """Return whether an answer is wrong already, so that the missing calls cannot change the verdict."""
    failure = first_failure(run, tests)
    return failure is not None and answer_to(failure, run, tests) is not None


def answer_to(number: int, run: Run, tests: CallTests) -> Answer | None:
    """Return the answer to a case; None if it did not come."""
    place = tests.places[number]
    return run.answers[place] if place < len(run.answers) else None


def _judge_exit(run: Run, program: Program) -> Verdict:
    """Judge a process that ended by itself without the proof."""
    if run.raised is not None:
        return _judge_raised(run.raised)
    if program.tests is None and run.exit_code:
        return Verdict.ERROR
    return Verdict.EARLY_EXIT


def _judge_raised(raised: Raised) -> Verdict:
    if raised.stage is Stage.COMPILE:  # a MemoryError, too: it says that the parser's stack is full
        return Verdict.SYNTAX
    if raised.type == "MemoryError":
        return Verdict.MEMORY
    if raised.type == "SystemExit" and raised.message in _NO_FAILURE:
        return Verdict.EARLY_EXIT
    match raised.stage:
        case Stage.PROGRAM:
            return Verdict.ERROR
        case Stage.TESTS:
            return Verdict.WRONG if raised.type == "AssertionError" else Verdict.ERROR


def score(run: Run, program: Program, limits: Limits, graded: Run | None = None) -> Score:
    """Return the verdict with its runs, and the flags that the host can determine."""
    flags = set()
    if program.tests is None:
        flags.add(Flag.NO_TESTS)
    elif isinstance(program.tests, str):
        flags.add(Flag.IN_PROCESS)
    if run.ending is Ending.OUT_OF_WALL and run.cpu_s < _IDLE * _own_wall_s(run):
        flags.add(Flag.IDLE)
    if any(codec.may_contain_spoofs(answer.data) and spoofed(answer.value) for answer in run.answers):
        flags.add(Flag.TYPE_SPOOF)
    flags |= _timing(run, limits)
    verdict = judge(run, program, graded)
    return Score(
        verdict=verdict,
        run=run,
        graded=graded,
        raised=None if verdict is Verdict.PASSED else _decisive(run, program, graded),
        flags=run.flags | flags,
    )


def _timing(run: Run, limits: Limits) -> set[Flag]:
    """Return the flags that follow from the times of a run."""
    flags = set()
    if run.cpu_s > _NEAR * limits.cpu_s or _own_wall_s(run) > _NEAR * limits.wall_s:
        flags.add(Flag.NEAR_LIMIT)
    if run.wall_s > limits.wall_s and run.waited_s > _WAITED * run.wall_s:
        flags.add(Flag.KEPT_WAITING)
    return flags


def _decisive(run: Run, program: Program, graded: Run | None) -> Raised | None:
    """Return the exception that ended the program or its tests, or that was its first wrong answer."""
    if run.raised is None and graded is not None:
        blamed = _blamed(run, graded)
        return (blamed and blamed.raised) or graded.raised
    if run.raised is not None or not isinstance(program.tests, CallTests):
        return run.raised
    failure = first_failure(run, program.tests)
    answer = None if failure is None else answer_to(failure, run, program.tests)
    return None if answer is None else answer.raised


def score_printed(runs: Mapping[int, Run], tests: StdinTests, limits: Limits) -> Score:
    """Score the runs of a whole program, by the number of the case; cases without a run were not tried.

    The worst verdict counts (`_PRIORITY`), so it does not depend on the order in which the cases ran.
    """
    verdicts = {number: _judge_printed(run, tests, number) for number, run in runs.items()}
    case = min(runs, key=lambda number: (_PRIORITY.index(verdicts[number]), number))
    verdict, run = verdicts[case], runs[case]
    if verdict is Verdict.PASSED and len(runs) < len(tests.cases):
        raise ValueError("a program has not passed before every case was tried")
    total = replace(
        run,
        cpu_s=math.fsum(one.cpu_s for one in runs.values()),
        wall_s=math.fsum(one.wall_s for one in runs.values()),
        waited_s=math.fsum(one.waited_s for one in runs.values()),
        memory_mb=max(one.memory_mb for one in runs.values()),
    )
    return Score(
        verdict=verdict,
        run=total,
        raised=run.raised,
        runs=runs,
        flags=frozenset[Flag]().union(*(one.flags | _timing(one, limits) for one in runs.values())),
        passed_cases=sum(one is Verdict.PASSED for one in verdicts.values()),
        points=None if not tests.by_points else math.fsum(one.points or 0.0 for one in runs.values()),
        cases=len(tests.cases),
        case=case,
    )


def judge_script(run: Run) -> Verdict:
    """Return the verdict of a script's run, whatever it printed."""
    return judge(run, Program(source="", tests=None))


def printed_right(run: Run, tests: StdinTests, number: int) -> bool:
    """Return whether the run of one case passes."""
    return _judge_printed(run, tests, number) is Verdict.PASSED


def printed_by_rule(run: Run, tests: StdinTests, number: int) -> bool:
    """Return whether what was printed is what the rule for output accepts."""
    return output.matches(run.stdout, tests.cases[number].expected, tests.rule)


def _judge_printed(run: Run, tests: StdinTests, number: int) -> Verdict:
    """Judge a script: it must end by itself, without an error, and have printed what is expected.

    Where an interactor has said no, this decides, however the program ended after that: it was stopped.
    """
    verdict = judge_script(run)
    if tests.by_points:
        right = run.points is not None and run.points >= 1
        if isinstance(tests, InteractiveTests) and run.points is not None and not right:
            return Verdict.WRONG
    else:
        right = printed_by_rule(run, tests, number)
    return Verdict.WRONG if verdict is Verdict.PASSED and not right else verdict


def too_large(message: str, program: Program, limits: Limits) -> Score:
    """Return the score of a program that is too large to be run."""
    refused = Raised(stage=Stage.COMPILE, type="TooLarge", message=message)
    return score(Run(ending=Ending.EXITED, raised=refused), program, limits)
