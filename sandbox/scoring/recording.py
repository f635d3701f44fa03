"""Find out which calls tests will make, once for each problem and before any candidate is asked.

The tests run over the data set's own solution, which shows the calls; and once without any answer, which shows the
calls that depend on no answer. A call *waits* if it depends on earlier answers, or if its arguments hold an earlier
answer. A candidate gets such a call only after it has given all earlier answers, because it could read an expected
answer there. Without a solution every call waits, since the answers are unknown.

Then the solution is graded as a candidate would be. Some tests pass the solution only in its own process: they capture
what is printed, seed its random numbers, share a list with it … Such tests have to run in the process of every program.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sandbox.inside import codec, test_replay
from sandbox.values import NO_TEST_RAN, CheckTests, Ending, Grading, Program, Run

MAX_PARTS = 5_000  # of one call's arguments, to be held against answers; a call that has more waits
_WITHHELD = type(test_replay.WITHHELD).__name__  # the mark of a withheld answer
_CANNOT_LEAVE = "the tests pass something to the function that cannot leave a box"
_NOTHING: tuple[object, ...] = (None, True, False, "", [], (), {})  # too common to show that they were an answer
_TRIVIAL = frozenset(hashlib.sha256(codec.encode(one)).digest() for one in _NOTHING)

Visit = Callable[[Program], Run]


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
        self, tests: CheckTests, grader: Visit, passes: Callable[[Plan], bool], passes_beside: Callable[[], bool]
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


def _plan(tests: CheckTests, grader: Visit) -> Plan:
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


def _without_answers(tests: CheckTests, grader: Visit) -> list[bytes]:
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
