"""Ask selection tests and judge tests in one visit, if both are calls.

Each call is asked once, those of the selection first: so a program that hangs in a call of the judge tests has already
answered the selection's. Each set gets its own view of the run, as if only its calls had been asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sandbox.values import CallList, CallTest, CallTests, Ending, Run, needs_values


@dataclass(frozen=True, slots=True)
class MergedTests:
    """The calls of both sets, and the places of the answers to each set's calls.

    `judge` are the judge tests, with the calls that they share with the selection first. So the first answers of the
    visit are the first answers of both sets.
    """

    calls: CallList
    judge: CallTests
    of_selection: tuple[int, ...]
    of_judge: tuple[int, ...]


def merge_tests(selection: CallTests, judge: CallTests) -> MergedTests:
    """Join two sets of tests into one list of calls."""
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
    return MergedTests(calls, arranged, of_selection, tuple(place for place, _ in of_judge))


def seen_by_judge(run: Run, joined: MergedTests) -> Run:
    """Return the run with only the answers to the judge tests."""
    return _with_answers(run, joined.of_judge)


def seen_by_selection(run: Run, joined: MergedTests) -> Run:
    """Return the run as the selection sees it: it ends, with evidence, when its last answer has come."""
    seen = _with_answers(run, joined.of_selection)
    if len(seen.answers) < len(joined.of_selection):
        return seen
    return replace(seen, ending=Ending.EXITED, exit_code=0, signal=None, proved=True, raised=None)


def _with_answers(run: Run, places: tuple[int, ...]) -> Run:
    """Return the run with the answers at these places, up to the first missing one."""
    come = len(run.answers)
    missing = next((number for number, place in enumerate(places) if place >= come), len(places))
    return replace(run, answers=tuple(run.answers[place] for place in places[:missing]))
