"""Tests that are code: the candidate answers in its box, the tests run over the answers in another box.

Which calls the tests make is known beforehand (`recording`). So a candidate is asked everything in one visit, and then
the tests are replayed over its answers. When an answer leads them to a call that nobody foresaw, the candidate is asked
again from the beginning, with that call added: its process then has the history that it would have had, had the tests
been beside it. Nothing of the candidate's but data ever reaches the grader box.

All visits of one sample share a budget of wall time: the candidate's have `Limits.sample_wall_s` together, the grader's
have GRADER_WALL_S.
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
    """The candidate's run and the run of the tests over its answers (None where an answer is missing).

    Where the candidate's time is over before the tests are, its run ends with the wall limit. Where the tests still ask
    when the rounds are over, theirs is the last one, which has come to no end.
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
    """The calls in an order of their own where none matters, and the number of each in the plan."""
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
    """The run with its answers in the order of the plan, if all have come."""
    if len(run.answers) < len(order):
        return run
    sorted_back = sorted(zip(order, run.answers, strict=True), key=lambda pair: pair[0])
    return replace(run, answers=tuple(answer for _, answer in sorted_back))


def _order(start: int, end: int, tests: CheckTests) -> list[int]:
    within = shuffled(end - start, tests.source) if tests.independent else range(end - start)
    return [start + number for number in within]


def _extended(plan: Plan, graded: Run) -> Plan:
    """The calls that the tests did make, the one that was not foreseen, and those that they will make in any case."""
    place = len(plan) if graded.missed is None else graded.missed
    unforeseen = Foreseen(call=graded.asked[0], waits=True, always=False)
    return (*plan[:place], unforeseen, *(one for one in plan[place:] if one.always))
