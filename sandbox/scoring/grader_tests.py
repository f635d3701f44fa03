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
from dataclasses import replace

from sandbox.judging import judge
from sandbox.scoring.recording import Plan, PlannedCall, Recordings, UngradableTests
from sandbox.scoring.separate_visits import MIN_VISIT_S, ask_separately
from sandbox.scoring.strategy import GRADER_ANSWERS, GRADER_WALL_S, Visits, tests_of
from sandbox.values import (
    FOR_TESTS,
    AskedCalls,
    CheckTests,
    Ending,
    Grading,
    Job,
    Program,
    Run,
    Score,
    Verdict,
    shuffled,
)

MAX_ROUNDS = 200  # calls beyond the foreseen ones


class GraderStrategy:
    """Scores by `CheckTests`; keeps the calls that each set of tests is known to make."""

    def __init__(self) -> None:
        self._recordings = Recordings()

    def __call__(self, job: Job, visits: Visits) -> Score:
        """Score by tests that are code; if they cannot be separated from the program, they run in its process."""
        tests = tests_of(job, CheckTests)
        try:
            plan = self.plan(job, tests, visits)
        except UngradableTests:  # a property of the problem: its tests have to stand beside the program
            beside = replace(job.program, tests=tests.source, selection=None)
            return judge.score(visits.candidate(replace(job, program=beside)), beside, job.limits)
        run, graded = grade(job, tests, plan, visits)
        return judge.score(run, job.program, job.limits, graded)

    def plan(self, job: Job, tests: CheckTests, visits: Visits) -> Plan:
        """Return the calls that the tests will make; a data set's own solution has a grader's limits in every box.

        Raises UngradableTests.
        """
        solution = replace(job.program, source=tests.solution or "", tests=tests, selection=None)
        own = Job(program=solution, limits=visits.grader_limits, answers=GRADER_ANSWERS)

        def passes(plan: Plan) -> bool:
            run, graded = grade(own, tests, plan, visits)
            return judge.judge(run, solution, graded) is Verdict.PASSED

        def passes_beside() -> bool:
            return visits.candidate(replace(own, program=replace(solution, tests=tests.source))).proved

        return self._recordings.plan(tests, lambda program: visits.grader(program, job), passes, passes_beside)


def grade(job: Job, tests: CheckTests, plan: Plan, visits: Visits) -> tuple[Run, Run | None]:
    """Return the candidate's run and the run of the tests over its answers (None if an answer is missing).

    If the candidate's time is over before the tests end, its run ends with the wall limit. If the tests still make new
    calls after MAX_ROUNDS rounds, their last run, which is not finished, is returned.
    """
    spent_s = graded_s = 0.0
    for _ in range(MAX_ROUNDS):
        left_s = job.limits.sample_wall_s - spent_s
        asked, order = _ask(plan, tests)
        run = _in_order(_answers(job, asked, visits, left_s), order)
        before_s, spent_s = spent_s, spent_s + run.wall_s - run.waited_s
        if run.ending is Ending.OUT_OF_WALL and before_s:
            run = replace(run, wall_s=spent_s, waited_s=0.0)
        if not run.proved or len(run.answers) < len(plan):
            return run, None
        calls = tuple(one.call for one in plan)
        over = Program(source=tests.prelude, tests=Grading(tests=tests, calls=calls, answers=run.answers))
        graded = visits.grader(over, job, max(GRADER_WALL_S - graded_s, MIN_VISIT_S))
        graded_s += graded.wall_s - graded.waited_s
        if not graded.asked:
            return run, graded
        if spent_s > job.limits.sample_wall_s - MIN_VISIT_S:
            return replace(run, ending=Ending.OUT_OF_WALL, wall_s=spent_s, waited_s=0.0, proved=False), None
        plan = _extended(plan, graded)
    return run, graded


def _answers(job: Job, asked: AskedCalls, visits: Visits, left_s: float) -> Run:
    """Return the run of the candidate's visit, or of its visits where each call has a process of its own."""
    job = replace(job, program=replace(job.program, tests=asked, selection=None))
    if job.fresh:
        return ask_separately(job, asked.singly(), visits.candidate, lambda _: False, left_s)
    return visits.candidate(replace(job, limits=replace(job.limits, wall_s=min(job.limits.wall_s, left_s))))


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
    unforeseen = PlannedCall(call=graded.asked[0], waits=True, always=False)
    return (*plan[:place], unforeseen, *(one for one in plan[place:] if one.always))
