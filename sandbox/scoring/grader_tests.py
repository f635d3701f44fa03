"""Score a program by tests that are code: over its answers in a grader box, or in its own process.

**In a grader box.** The candidate answers in its box, and the tests run over the answers in another box. The calls of
the tests are known beforehand. So a candidate is asked all of them in one visit, and then the tests are replayed over
its answers. If an answer leads to a call that was not foreseen, the candidate is asked again from the beginning, with
that call added. Its process then gets the same calls in the same order as if the tests ran beside it. Only data of the
candidate reaches the grader box, never its code. All visits of one sample share a budget of wall time:
`Limits.sample_wall_s` for the candidate's visits together, and GRADER_WALL_S for the grader's.

**Which calls tests make** is found out once for each problem, before any candidate is asked. The tests run over the
data set's own solution, which shows the calls; and once without any answer, which shows the calls that depend on no
answer. A call *waits* if it depends on earlier answers, or if its arguments hold an earlier answer. A candidate gets
such a call only after it has given all earlier answers, because it could read an expected answer there. Without a
solution every call waits, since the answers are unknown.

**In its own process.** The solution is graded as a candidate would be. Some tests pass the solution only in its own
process: they capture what is printed, seed its random numbers, share a list with it … Such tests have to run in the
process of every program.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from sandbox.inside import codec, test_replay
from sandbox.judging import judge
from sandbox.scoring.call_tests import MIN_VISIT_S, ask_separately
from sandbox.scoring.strategy import GRADER_ANSWERS, GRADER_WALL_S, Visits, tests_of
from sandbox.values import (
    FOR_TESTS,
    NO_TEST_RAN,
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
MAX_PARTS = 5_000  # of one call's arguments, to be held against answers; a call that has more waits
_WITHHELD = type(test_replay.WITHHELD).__name__  # the mark of a withheld answer
_CANNOT_LEAVE = "the tests pass something to the function that cannot leave a box"
_NOTHING: tuple[object, ...] = (None, True, False, "", [], (), {})  # too common to show that they were an answer
_TRIVIAL = frozenset(hashlib.sha256(codec.encode(one)).digest() for one in _NOTHING)


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
            return score_in_process(replace(job, program=beside), visits)
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


def score_in_process(job: Job, visits: Visits) -> Score:
    """Score by tests as text, which run beside the program; without tests, by how the program ends."""
    return judge.score(visits.candidate(job), job.program, job.limits)


# Which calls tests make.


class UngradableTests(ValueError):
    """Tests that have to run in the program's own process.

    They pass something to the function that cannot leave a box, or their own solution passes only there. The data set's
    own solution shows this, so no candidate can cause it.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """A call that tests will make.

    `waits` says whether it waits for all earlier answers, `always` whether it is made whatever those answers are.
    """

    call: bytes
    waits: bool
    always: bool


Plan = tuple[PlannedCall, ...]


@dataclass(slots=True)
class Recordings:
    """Caches the calls of each set of tests; a thread waits only for the tests that it asks for."""

    _known: dict[CheckTests, Plan | UngradableTests] = field(default_factory=dict)
    _locks: dict[CheckTests, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plan(
        self,
        tests: CheckTests,
        grader: Callable[[Program], Run],
        passes: Callable[[Plan], bool],
        passes_beside: Callable[[], bool],
    ) -> Plan:
        """Return the calls; the first request for a set of tests finds them out.

        `passes` returns whether the solution passes as a candidate that is asked these calls, `passes_beside` whether
        it passes with the tests in its own process. Raises UngradableTests.
        """
        with self._lock:
            own = self._locks.setdefault(tests, threading.Lock())
        with own:
            known = self._known.get(tests)
            if known is None:
                try:
                    known = _proved(tests, _plan(tests, grader), passes, passes_beside)
                except UngradableTests as error:
                    known = error
                self._known[tests] = known
        if isinstance(known, UngradableTests):
            raise known
        return known


def _plan(tests: CheckTests, grader: Callable[[Program], Run]) -> Plan:
    known = _without_answers(tests, grader)
    if tests.solution is None:
        return tuple(PlannedCall(call=call, waits=True, always=True) for call in known)
    run = grader(Program(source=tests.solution, tests=Grading(tests=tests)))
    if run.raised is not None and run.raised.type == NO_TEST_RAN:
        return ()
    if not run.proved:
        reason = f"{run.raised.type}: {run.raised.message}" if run.raised else run.ending
        raise UngradableTests(f"the data set's own solution does not pass its tests ({reason[:200]})")
    if any(_marks(codec.decode(call)) for call in run.asked):
        raise UngradableTests(_CANNOT_LEAVE)
    return tuple(_foreseen(run, frozenset(known)))


def _without_answers(tests: CheckTests, grader: Callable[[Program], Run]) -> list[bytes]:
    """Return the calls that need no answer, in their order; none if the tests do not end without answers.

    If there is no solution, also check the arguments of the calls; raises UngradableTests.
    """
    run = grader(Program(source=tests.prelude, tests=Grading(tests=tests, withheld=True)))
    if run.ending is not Ending.EXITED:
        return []
    found = [(call, {mark.name for mark in _marks(codec.decode(call))}) for call in run.asked]
    if tests.solution is None and any(marks - {_WITHHELD} for _, marks in found):
        raise UngradableTests(_CANNOT_LEAVE)
    return [call for call, marks in found if not marks]


def _foreseen(run: Run, independent: frozenset[bytes]) -> Iterator[PlannedCall]:
    answered: set[bytes] = set()  # answers to the calls that are handed out together with the next one
    for call, digest in zip(run.asked, run.digests, strict=True):
        always = call in independent
        waits = not always or _holds_answer(call, answered)
        if waits:
            answered.clear()
        answered.add(digest)
        yield PlannedCall(call=call, waits=waits, always=always)


def _holds_answer(call: bytes, answers: set[bytes]) -> bool:
    """Return whether the arguments of a call contain an answer."""
    for number, part in enumerate(codec.walk(codec.decode(call))):
        if number > MAX_PARTS:
            return True
        digest = hashlib.sha256(codec.encode(part)).digest()
        if digest in answers and digest not in _TRIVIAL:
            return True
    return False


def _marks(value: object) -> list[codec.Mark]:
    """Return the marks in the value: they stand for objects that the codec cannot write."""
    return [part for part in codec.walk(value) if isinstance(part, codec.Mark)]


def _proved(tests: CheckTests, plan: Plan, passes: Callable[[Plan], bool], passes_beside: Callable[[], bool]) -> Plan:
    """Return the plan, unless the set's own solution passes only in its own process: then raise UngradableTests."""
    if tests.solution is None or not plan or passes(plan) or not passes_beside():
        return plan
    raise UngradableTests("the data set's own solution passes its tests only where they stand beside it")
