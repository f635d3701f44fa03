"""Tests that are code: the candidate answers in its box, the tests run over the answers in another box.

Which calls the tests make is recorded once, with the data set's own solution. So a candidate is asked everything in one
visit, and then the tests are replayed over its answers. When an answer leads them to a call that nobody foresaw, the
candidate is asked again from the beginning, with that call added: its process then has the history that it would have
had, had the tests been beside it. Nothing of the candidate's but data ever reaches the grader box.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sandbox.inside import codec
from sandbox.values import (
    AskedCalls,
    CheckTests,
    Grading,
    Program,
    Run,
    shuffled,
)

MAX_ROUNDS = 200  # calls beyond the recorded ones
MAX_CPU_S = 120.0  # of all rounds together: answers can lead tests far astray, and each round has time of its own
STAGES, MANY = (4, 32), 100  # how many calls the first stages have, and how many there must be to make stages worth it

Visit = Callable[[Program], Run]


class UngradableTests(ValueError):
    """Tests that pass something to the function which cannot leave a box, or that their own solution fails.

    Found out with the data set's own solution, so that no candidate can bring it about.
    """


@dataclass(frozen=True, slots=True)
class Rooms:
    """Where programs run: `candidate` is hostile, `grader` never holds a candidate's code."""

    candidate: Visit
    grader: Visit


@dataclass(slots=True)
class Recordings:
    """The calls that tests make, by the tests; any thread may ask."""

    _known: dict[CheckTests, tuple[bytes, ...] | UngradableTests] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def calls(self, tests: CheckTests, grader: Visit) -> tuple[bytes, ...]:
        """The recorded calls; records them when asked for the first time. Raises UngradableTests."""
        known = self._known.get(tests)
        if known is None:
            try:
                known = _record(tests, grader)
            except UngradableTests as error:
                known = error
            with self._lock:
                self._known[tests] = known
        if isinstance(known, UngradableTests):
            raise known
        return known


def _record(tests: CheckTests, grader: Visit) -> tuple[bytes, ...]:
    if tests.solution is None:
        return ()
    run = grader(Program(source=tests.solution, tests=Grading(tests=tests)))
    if not run.proved:
        reason = f"{run.raised.type}: {run.raised.message}" if run.raised else run.ending
        raise UngradableTests(f"the data set's own solution does not pass its tests ({reason[:200]})")
    if any(_has_mark(codec.decode(call)) for call in run.asked):
        raise UngradableTests("the tests pass something to the function that cannot leave a box")
    return run.asked


def _has_mark(value: object) -> bool:
    """Whether something without a place in the codec stands anywhere in the value."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, codec.Spoof | codec.Opaque | codec.Iterated):
            return True
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set | frozenset):
            waiting += one
    return False


def grade(program: Program, tests: CheckTests, rooms: Rooms, recordings: Recordings) -> tuple[Run, Run | None]:
    """The candidate's run and the run of the tests over its answers (None where an answer is missing).

    Where the tests still ask when the rounds or their time are over, theirs is the last one, which has come to no end.
    """
    calls, spent_s = recordings.calls(tests, rooms.grader), 0.0
    for _ in range(MAX_ROUNDS):
        run = _asked(program, calls, tests, rooms.candidate)
        if not run.proved or len(run.answers) < len(calls):
            return run, None
        graded = rooms.grader(
            Program(source=tests.prelude, tests=Grading(tests=tests, calls=calls, answers=run.answers))
        )
        spent_s += run.cpu_s + graded.cpu_s
        if not graded.asked or spent_s > MAX_CPU_S:
            return run, graded
        calls = (*_common(calls, graded), graded.asked[0])
    return run, graded


def _asked(program: Program, calls: tuple[bytes, ...], tests: CheckTests, candidate: Visit) -> Run:
    """The candidate's run, asked in an order of its own where none matters; its answers stand in the order of the calls."""
    order = shuffled(len(calls), tests.source) if tests.independent else tuple(range(len(calls)))
    pieces = tuple(calls[number] for number in order)
    asked = AskedCalls(pieces=pieces, count=len(pieces), arguments_back=True)
    run = candidate(replace(program, tests=asked, selection=None))
    if len(run.answers) < len(calls):
        return run
    sorted_back = sorted(zip(order, run.answers, strict=True), key=lambda pair: pair[0])
    return replace(run, answers=tuple(answer for _, answer in sorted_back))


def _common(calls: tuple[bytes, ...], graded: Run) -> tuple[bytes, ...]:
    """The calls that the tests did make before the one that was not foreseen."""
    return calls if graded.missed is None else calls[: graded.missed]
