"""What programs answered, from the facts that their verdicts were made from. No box, and nobody's verdict plays a part.

All programs of a problem were asked the same calls in the same order, so the n-th answers belong together. Where a
program was told to be wrong by its first answers, no more were asked of it: then these facts are too few to compare
programs by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sampler.rankers.agreement import Answers
from sampler.rankers.values import RankingError
from sandbox.judging.facts import Facts, FactsError, unpack
from sandbox.values import Answer, Run

_WAY_OUT = "have the programs answer generated tests (--tests FILE), or choose another ranker"


def stored_answers(
    packed: Sequence[bytes | None],
    problem: str,
    *,
    selection: bool = False,
    unreadable: Callable[[int], None] = lambda _: None,
) -> list[Answers]:
    """The answers of each program to the judge's calls or, if wanted, to the selection's; raises RankingError.

    A program whose facts cannot be read gave no answer; `unreadable` is told its number.
    """
    views = [_view(data, problem, selection=selection) for data in packed]
    for number, view in enumerate(views):
        if view is None:
            unreadable(number)
    answered = _answers([view for view in views if view is not None], problem)
    silent: Answers = (None,) * (len(answered[0]) if answered else 0)
    rest = iter(answered)
    return [silent if view is None else next(rest) for view in views]


def _answers(facts: Sequence[Facts], problem: str) -> list[Answers]:
    if any(one.in_process for one in facts):
        raise RankingError(f"{problem}: its tests ran beside the programs, which were asked nothing; {_WAY_OUT}")
    if any(one.runs is not None for one in facts):
        return [_printed(one, facts, problem) for one in facts]
    lengths = [len(one.run.answers) for one in facts if one.run.proved]
    if all(one.calls is None for one in facts):  # tests that are code foresee the same calls of all, and may add some
        count = min(lengths, default=0)
    else:
        count = max((len(one.run.answers) for one in facts), default=0)
        if lengths and min(lengths) < count:
            raise RankingError(f"{problem}: wrong programs were asked too few calls to compare them; {_WAY_OUT}")
    return [_first(one.run, count) for one in facts]


def _view(data: bytes | None, problem: str, *, selection: bool) -> Facts | None:
    if data is None:
        raise RankingError(f"{problem}: the facts of a verdict were not kept; {_WAY_OUT}")
    try:
        facts = unpack(data)
    except FactsError:
        return None
    if not selection:
        return facts
    if facts.selection is None:
        raise RankingError(
            f"{problem} has no selection tests, or was scored without them; leave --inputs selection out"
        )
    return facts.selection


def _first(run: Run, count: int) -> Answers:
    given = run.answers[:count]
    return (*given, *[None] * (count - len(given)))


def _printed(facts: Facts, everyone: Sequence[Facts], problem: str) -> Answers:
    """What a whole program printed for each case, as its answer; one that did not come to its end gave none."""
    cases = range(max(len(one.runs or {}) for one in everyone))
    runs = facts.runs or {}
    if not set(cases) <= set(runs):
        raise RankingError(f"{problem}: programs stopped at their first wrong output; {_WAY_OUT}")
    return [_output(runs[number]) for number in cases]


def _output(run: Run) -> Answer | None:
    return Answer(value=run.stdout, data=run.stdout) if run.proved else None
