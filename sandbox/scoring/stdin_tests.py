"""Score a whole program by what it prints: one process for each case, in an order that no program can foresee.

Most of these processes are forked from code that was compiled once.
"""

from __future__ import annotations

import ast
import contextlib
import random
import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from functools import partial

from sandbox.boxes.pool import Suspended
from sandbox.extraction.parsing import MOST_PARSED, parsed
from sandbox.judging import judge
from sandbox.scoring import ask_checker
from sandbox.scoring.strategy import ScoringOptions, Visits, tests_of
from sandbox.values import Ending, Isolation, Job, Run, Score, Stage, StdinTests, Verdict

_LINE_END = re.compile(rb"\r\n|\r|\n")  # as Python's tokenizer has it
RUNNER_PAYS = 3  # cases; a runner costs 2 ms more than a visit does, and saves 0.6 ms and the compiling for each case


Steps = Generator[ask_checker.CheckRequest, tuple[float, ...] | None, Score]


def score_printed(job: Job, visits: Visits) -> Score:
    """Score by `StdinTests`; stop at the first failure, unless every case counts.

    Where every case counts, short inputs come first, and a program that reaches a limit of time is not run again: the
    cases after that count as failed. So an endless loop costs no more than one limit.
    """
    steps, score = _steps(job, visits), None
    while score is None:  # each request is answered alone
        score = _next(steps, None)[1]
    return score


def score_with_others(job: Job, visits: Visits) -> Score | Suspended[Score]:
    """Score as `score_printed` does, but suspend the task until the checker is asked about several programs at once."""
    return _go_on(_steps(job, visits), None)


def _go_on(steps: Steps, said: tuple[float, ...] | None) -> Score | Suspended[Score]:
    request, score = _next(steps, said)
    return Suspended(request, ask_checker.ask_together, partial(_go_on, steps)) if score is None else score


def _next(steps: Steps, said: tuple[float, ...] | None) -> tuple[ask_checker.CheckRequest | None, Score | None]:
    try:
        return steps.send(said), None
    except StopIteration as end:
        return None, end.value


def _steps(job: Job, visits: Visits) -> Steps:
    """Score a program; yields what its checker should be asked, while the candidate's box is free.

    It is sent the points, or None if the checker has to be asked here.
    """
    tests = tests_of(job, StdinTests)
    script = replace(job.program, tests=None, selection=None)
    order = _order(job.program.source, tests, visits.options)
    known, runs = visits.printed, dict[int, Run]()

    with contextlib.ExitStack() as repeating:
        held = False
        for place, number in enumerate(order):
            case, repeat = tests.cases[number], _repeats(place, len(order), visits.options)
            if repeat and not held:
                repeating.enter_context(visits.repeating())
                held = True
            asked = case.stdin, job.limits.with_room_for(case.expected)
            if asked not in known:
                stdin, limits = asked
                run = visits.candidate(replace(job, program=script, stdin=stdin, limits=limits, repeat=repeat))
                if script.assumptions.top_level_return and _returns_outside(run):
                    script = replace(script, source=without_outer_returns(script.source))
                    run = visits.candidate(replace(job, program=script, stdin=stdin, limits=limits, repeat=repeat))
                known[asked] = run
            runs[number] = known[asked]
            if tests.checker is not None and _check_now(runs, tests, number, visits.options):
                request = ask_checker.request_for(runs, tests, job, visits)
                said = None if held else (yield request)
                runs |= ask_checker.check_printed(request, runs, tests, said)
            if _is_over(runs, tests, number, visits.options):
                break
    if tests.checker is not None and (visits.options.every_case or judge.judge_script(runs[number]) is Verdict.PASSED):
        request = ask_checker.request_for(runs, tests, job, visits)
        said = (yield request) if request.calls else None
        runs |= ask_checker.check_printed(request, runs, tests, said)
    return judge.score_printed(runs, tests, job.limits)


def _returns_outside(run: Run) -> bool:
    """Return whether Python refused the program for a `return` outside of a function."""
    return run.raised is not None and run.raised.stage is Stage.COMPILE and "'return' outside" in run.raised.message


def without_outer_returns(source: str) -> str:
    """Return the source in which each `return` outside of functions ends the program instead; all lines stay.

    The value of such a `return` is computed and dropped: `return print(0)` prints.
    """
    tree = parsed(source) if len(source) <= MOST_PARSED else None
    if tree is None:
        return source
    changed = source.encode()
    begins = [0, *(end.end() for end in _LINE_END.finditer(changed))]
    for found in sorted(_outer_returns(tree), key=lambda one: (one.lineno, one.col_offset), reverse=True):
        begin = begins[found.lineno - 1] + found.col_offset
        end = begins[(found.end_lineno or found.lineno) - 1] + (found.end_col_offset or 0)
        value = changed[begin + len("return") : end]
        ending = b"raise SystemExit" + (b"(((" + value + b"), None)[1])" if value else b"")
        changed = changed[:begin] + ending + changed[end:]
    return changed.decode()


def _outer_returns(tree: ast.Module) -> Iterator[ast.Return]:
    """Yield the `return` statements of no function; long chains of `elif` are deep, so this does not recurse."""
    left: list[ast.AST] = [tree]
    while left:
        for child in ast.iter_child_nodes(left.pop()):
            if isinstance(child, ast.Return):
                yield child
            elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
                left.append(child)


def _check_now(runs: Mapping[int, Run], tests: StdinTests, number: int, options: ScoringOptions) -> bool:
    """Return whether a checker should see the output of a case before the next one is run.

    It should if the output differs from the data set's answer, and no such output has been accepted yet.
    """
    differs = judge.judge_script(runs[number]) is Verdict.PASSED and not judge.printed_by_rule(
        runs[number], tests, number
    )
    return differs and not options.every_case and all(run.points is None for run in runs.values())


def _is_over(runs: Mapping[int, Run], tests: StdinTests, number: int, options: ScoringOptions) -> bool:
    """Return whether no further case is run after that of this number."""
    run = runs[number]
    if options.every_case:
        return run.ending in {Ending.OUT_OF_CPU, Ending.OUT_OF_WALL}
    if tests.checker is not None and run.points is None:
        return judge.judge_script(run) is not Verdict.PASSED
    return not judge.printed_right(run, tests, number)


def _order(source: str, tests: StdinTests, options: ScoringOptions) -> list[int]:
    order = list(range(len(tests.cases)))
    random.Random(f"{tests.source}{source}").shuffle(order)  # repeatable, no secret
    if options.every_case:
        order.sort(key=lambda number: len(tests.cases[number].stdin))
    return order


def _repeats(place: int, cases: int, options: ScoringOptions) -> bool:
    """Return whether keeping the compiled program in the box saves time.

    It is not for the first case, where most wrong programs stop, and not for a few cases.
    """
    if options.isolation is not Isolation.FORK:
        return False
    first = 0 if options.every_case else 1
    return place >= first and cases - first >= RUNNER_PAYS
