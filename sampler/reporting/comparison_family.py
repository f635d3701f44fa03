"""Define the family of comparisons for which claims are corrected.

It has every pair of models at every budget at which both have a value.

It depends on the models, their problems and their costs in one unit, and not on the budgets that a table shows. So a
report, a page, a comparison of two of the models and a screen agree on the same budget. The chance that any of them
names even one false winner, at any budget, is below 5 %. Each unit has its own family.

Of long curves the family holds `STEPS` budgets for each pair of models, evenly in their logarithm: neighbouring budgets
say nearly the same, and a budget between two of them is corrected as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from sampler.stats import bootstrap
from sampler.stats import differences as paired
from sampler.stats.bootstrap import Floats
from sampler.stats.curves import Counts, Curve, shared_range
from sampler.stats.differences import Difference, differences_of
from sampler.stats.signflip import FLIPS, family_tests

STEPS = 40
FEWEST_STEPS = 8
MOST = 4000  # comparisons, of many models

Entry = tuple[Counts, Curve]


@dataclass(frozen=True, slots=True, kw_only=True)
class Methods:
    """The methods of intervals and tests: of one rate, of a paired difference, and of claims of a lead."""

    interval: str
    difference: str
    test: str


METHODS = Methods(interval=bootstrap.METHOD, difference=paired.METHOD, test=paired.TEST)


@dataclass(frozen=True, slots=True)
class Pairing:
    """Pass@k of one model against that of another: their places among the entries, and how many samples each has."""

    first: int
    first_k: int
    second: int
    second_k: int


def differences(entries: Sequence[Entry], asked: Sequence[Pairing], seed: int, flips: int = FLIPS) -> list[Difference]:
    """Return the requested paired differences, corrected for the family of all entries.

    All entries have the same problems, at least two of them.
    """
    if not asked:
        return []
    if len({counts.problems for counts, _ in entries}) > 1:
        raise ValueError("a paired difference needs the same problems on both sides")
    columns = _Columns(entries)
    members = [columns.pair(one) for one in _family([curve for _, curve in entries])]
    wanted = [columns.pair(one) for one in asked]
    values = columns.values()
    gaps = np.stack([values[:, first] - values[:, second] for first, second in wanted], axis=1)
    return differences_of(gaps, family_tests(values, members, wanted, seed, flips))


def pair_differences(
    pair: Mapping[int, Entry], family: Mapping[int, Entry], bought: Sequence[tuple[int, int]], seed: int
) -> list[Difference]:
    """Return the first model of a pair minus the second, for each pair of sample numbers; corrected for the family.

    Models are named by their ids. If the family is empty, nothing may be claimed about the differences.
    """
    entries = family or pair
    first, second = (list(entries).index(model) for model in pair)
    found = differences(list(entries.values()), [Pairing(first, a, second, b) for a, b in bought], seed)
    return found if family else [replace(one, p_corrected=None) for one in found]


def shared_budgets(first: Curve, second: Curve) -> list[float]:
    """Return the budgets at which one of two models gets a further sample, as far as both curves have a value."""
    if not first.points or not second.points:
        return []
    begin, end = shared_range((first, second))
    return sorted({point.cost for one in (first, second) for point in one.points if begin <= point.cost < end})


def _family(curves: Sequence[Curve]) -> Iterator[Pairing]:
    pairs = list(combinations(range(len(curves)), 2))
    most = min(STEPS, max(FEWEST_STEPS, MOST // max(1, len(pairs))))
    for first, second in pairs:
        a, b = curves[first], curves[second]
        found = {(a.cost.affordable(at), b.cost.affordable(at)) for at in _some(shared_budgets(a, b), most)}
        yield from (Pairing(first, a_k, second, b_k) for a_k, b_k in sorted(found))


def _some(budgets: Sequence[float], most: int) -> Sequence[float]:
    """Return at most so many of the rising budgets, evenly in their logarithm."""
    if len(budgets) <= most:
        return budgets
    places = np.searchsorted(budgets, np.geomspace(budgets[0], budgets[-1], most) * (1 + 1e-12), "right") - 1
    return [budgets[at] for at in sorted({int(at) for at in places})]


class _Columns:
    """Columns of pass@k, each made once."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._rates = [counts.rates if counts.n else None for counts, _ in entries]
        self._places: dict[tuple[int, int], int] = {}

    def pair(self, one: Pairing) -> tuple[int, int]:
        return self._place(one.first, one.first_k), self._place(one.second, one.second_k)

    def _place(self, entry: int, k: int) -> int:
        rates = self._rates[entry]
        if rates is None or not 1 <= k <= rates.shape[1]:
            raise ValueError(f"pass@{k} is undefined for {0 if rates is None else rates.shape[1]} samples")
        return self._places.setdefault((entry, k), len(self._places))

    def values(self) -> Floats:
        found = [table[:, k - 1] for entry, k in self._places if (table := self._rates[entry]) is not None]
        return np.stack(found, axis=1)
