"""Run tests that are code: the candidate answers in its box, and the tests run over the answers in another box.

The calls of the tests are known beforehand (`recording`). So a candidate is asked all of them in one visit, and then
the tests are replayed over its answers. If an answer leads to a call that was not foreseen, the candidate is asked
again from the beginning, with that call added. Its process then gets the same calls in the same order as if the tests
ran beside it. Only data of the candidate reaches the grader box, never its code.

All visits of one sample share a budget of wall time: `Limits.sample_wall_s` for the candidate's visits together, and
GRADER_WALL_S for the grader's.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

from sandbox.scoring.recording import Foreseen, Plan
from sandbox.scoring.separate_visits import MIN_VISIT_S
from sandbox.values import FOR_TESTS, AskedCalls, CheckTests, Ending, Grading, Limits, Program, Run, shuffled

MAX_ROUNDS = 200  # calls beyond the foreseen ones
GRADER_WALL_S = 60.0

Visit = Callable[[Program, float], Run]  # with the wall seconds that it may take


@dataclass(frozen=True, slots=True)
class Rooms:
    """Where programs run: `candidate` is hostile, `grader` never holds a candidate's code.

    `limits` are the candidate's.
    """

    candidate: Visit
    grader: Visit
    limits: Limits


def grade(program: Program, tests: CheckTests, plan: Plan, rooms: Rooms) -> tuple[Run, Run | None]:
    """Return the candidate's run and the run of the tests over its answers (None if an answer is missing).

    If the candidate's time is over before the tests end, its run ends with the wall limit. If the tests still make new
    calls after MAX_ROUNDS rounds, their last run, which is not finished, is returned.
    """
    spent_s = graded_s = 0.0
    for _ in range(MAX_ROUNDS):
        left_s = rooms.limits.sample_wall_s - spent_s
        asked, order = _ask(plan, tests)
        run = _in_order(rooms.candidate(replace(program, tests=asked, selection=None), left_s), order)
        before_s, spent_s = spent_s, spent_s + run.wall_s - run.waited_s
        if run.ending is Ending.OUT_OF_WALL and before_s:
            run = replace(run, wall_s=spent_s, waited_s=0.0)
        if not run.proved or len(run.answers) < len(plan):
            return run, None
        calls = tuple(one.call for one in plan)
        over = Grading(tests=tests, calls=calls, answers=run.answers)
        graded = rooms.grader(Program(source=tests.prelude, tests=over), max(GRADER_WALL_S - graded_s, MIN_VISIT_S))
        graded_s += graded.wall_s - graded.waited_s
        if not graded.asked:
            return run, graded
        if spent_s > rooms.limits.sample_wall_s - MIN_VISIT_S:
            return replace(run, ending=Ending.OUT_OF_WALL, wall_s=spent_s, waited_s=0.0, proved=False), None
        plan = _extended(plan, graded)
    return run, graded


def _ask(plan: Plan, tests: CheckTests) -> tuple[AskedCalls, list[int]]:
    """Return the calls, shuffled where their order does not matter, and the number of each in the plan."""
    starts = [number for number, one in enumerate(plan) if one.waits and number]
    turns = list(itertools.pairwise([0, *starts, len(plan)]))
    order = [number for start, end in turns for number in _order(start, end, tests)]
    asked = AskedCalls(
        pieces=tuple(plan[number].call for number in order),
        count=len(order),
        arguments_back=True,
        limits=FOR_TESTS,
        turns=tuple(end - start for start, end in turns),
    )
    return asked, order


def _in_order(run: Run, order: list[int]) -> Run:
    """Return the run with its answers in the order of the plan, if all have come."""
    if len(run.answers) < len(order):
        return run
    sorted_back = sorted(zip(order, run.answers, strict=True), key=lambda pair: pair[0])
    return replace(run, answers=tuple(answer for _, answer in sorted_back))


def _order(start: int, end: int, tests: CheckTests) -> list[int]:
    within = shuffled(end - start, tests.source) if tests.independent else range(end - start)
    return [start + number for number in within]


def _extended(plan: Plan, graded: Run) -> Plan:
    """Return the plan with the new call: the calls made so far, the unforeseen one, and those that are always made."""
    place = len(plan) if graded.missed is None else graded.missed
    unforeseen = Foreseen(call=graded.asked[0], waits=True, always=False)
    return (*plan[:place], unforeseen, *(one for one in plan[place:] if one.always))
