"""Selection tests and judge tests in one visit, where both are calls.

Each call is asked once, the selection's first: a program that hangs in a judge's call has answered the selection's by
then. Each set gets its own view of the run, as if its calls alone had been asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sandbox.values import CallList, CallTest, CallTests, Ending, Run, needs_values


@dataclass(frozen=True, slots=True)
class Joined:
    """The calls of both sets, and at which place the answer to each set's n-th call stands.

    `judge` are the judge's tests, arranged so that the calls which they share with the selection come first: so the
    answers to the first calls of both are the first answers of each.
    """

    calls: CallList
    judge: CallTests
    of_selection: tuple[int, ...]
    of_judge: tuple[int, ...]


def join(selection: CallTests, judge: CallTests) -> Joined:
    """One list of calls for two sets."""
    places: dict[bytes, int] = {}
    cases: list[CallTest] = []

    def place(tests: CallTests, number: int) -> int:
        found = places.setdefault(tests.encoded[number], len(cases))
        if found == len(cases):
            cases.append(tests.cases[number])
        return found

    of_selection = tuple(place(selection, number) for number in selection.order)
    of_judge = sorted((place(judge, number), number) for number in judge.order)
    arranged = replace(judge, arranged=tuple(number for _, number in of_judge), measured=True)
    apart = len(set(of_selection))
    calls = CallList(cases, apart=apart, whole=needs_values([*selection.cases, *judge.cases]))
    return Joined(calls, arranged, of_selection, tuple(place for place, _ in of_judge))


def seen_by_judge(run: Run, joined: Joined) -> Run:
    """The run with the answers to the judge's calls alone."""
    return _with_answers(run, joined.of_judge)


def seen_by_selection(run: Run, joined: Joined) -> Run:
    """The run as far as the selection is concerned: over, with evidence, once its last answer has come."""
    seen = _with_answers(run, joined.of_selection)
    if len(seen.answers) < len(joined.of_selection):
        return seen
    return replace(seen, ending=Ending.EXITED, exit_code=0, signal=None, proved=True, raised=None)


def _with_answers(run: Run, places: tuple[int, ...]) -> Run:
    """The answers at these places, up to the first that did not come."""
    come = len(run.answers)
    missing = next((number for number, place in enumerate(places) if place >= come), len(places))
    return replace(run, answers=tuple(run.answers[place] for place in places[:missing]))
