"""Compare two models: at many budgets, and problem by problem at the budget rule. Pure, but slow.

The difference is paired: both models on the same problems. A lead is clear if the study's report calls it clear: its p
value is corrected for all budgets and all pairs of the study's models. While a study runs the result is interim, and
repeated looks find a false lead more often than 5 % of the time; only the final report decides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sampler.reporting.comparison_family import Entry, pair_differences
from sampler.reporting.paired_data import PairedData, paired_data
from sampler.stats.budget import Unit
from sampler.stats.curves import Counts, Curve, CurveValue, shared_range, standing
from sampler.stats.differences import Difference
from sampler.store.read_models import ModelRow
from tui.data.curves import CHARGE
from tui.data.snapshot import Snapshot

BUDGETS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class AtBudget:
    """Both models at one budget; None if a model has no value there."""

    budget: float
    ks: tuple[int, int]  # samples that the budget buys, the first model's and the second's
    rates: tuple[float | None, float | None]
    gap: Difference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One problem at the rule: the chance that each model solves it."""

    problem: str
    rates: tuple[float, float]

    @property
    def gap(self) -> float:
        """Return by how much the first model is ahead."""
        return self.rates[0] - self.rates[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The first model (the chosen one) against the second.

    `why_not` is the reason if there is nothing to compare.
    """

    tones: tuple[int, int]
    problems: int = 0
    rule: AtBudget | None = None
    ladder: tuple[AtBudget, ...] = ()
    flips: tuple[Flip, ...] = ()
    why_not: str = ""


def compare(snapshot: Snapshot, tones: tuple[int, int], unit: Unit, rule: float | None) -> Comparison:
    """Return the comparison of two models by their places in the study."""
    models = snapshot.models[tones[0]], snapshot.models[tones[1]]
    paired = _ground(models, snapshot)
    if len(paired.models) < 2 or len(paired.problems) < 2:
        return Comparison(tones=tones, why_not="fewer than two problems are complete for both models")
    pair, family = (paired.entries(some, unit, CHARGE) for some in (paired.models, paired.family))
    if len(pair) < 2:
        return Comparison(tones=tones, why_not=f"a model has no cost in {unit.value}")
    first, second = pair.values()
    ladder = _budgets((first[1], second[1]))
    found = _at([*ladder, *(() if rule is None else (rule,))], pair, family, paired.seed)
    here = found[-1] if rule is not None else None
    flips = _flips((first[0], second[0]), here.ks) if here is not None else ()
    return Comparison(
        tones=tones, problems=len(paired.problems), rule=here, ladder=tuple(found[: len(ladder)]), flips=flips
    )


def _ground(pair: Sequence[ModelRow], snapshot: Snapshot) -> PairedData:
    """Return the pair's paired data, with the family of its study's report; for two studies, the pair is the family."""
    paired = paired_data(pair, snapshot.tallies, snapshot.study.seed, intervals=False)
    second_store = {model.id < 0 for model in pair}  # a second store's models have ids below zero
    if len(second_store) > 1:
        return paired
    study = [model for model in snapshot.models if model.wanted and {model.id < 0} == second_store]
    return paired.corrected_for(study, snapshot.tallies)


def _budgets(pair: tuple[Curve, Curve]) -> list[float]:
    """Return budgets from the first to the last at which both have a value, in even steps of their logarithm."""
    low, end = shared_range(pair)
    high = end * (1 - 1e-9)
    if not low < high:
        return []
    step = (math.log(high) - math.log(low)) / (BUDGETS - 1)
    return [math.exp(math.log(low) + step * n) * (1 + 1e-12) for n in range(BUDGETS)]


def _at(budgets: Sequence[float], pair: Mapping[int, Entry], family: Mapping[int, Entry], seed: int) -> list[AtBudget]:
    """Return both models at each budget."""
    first, second = (curve for _, curve in pair.values())
    sides = [(standing(first, budget), standing(second, budget)) for budget in budgets]
    bought = [(a.k, b.k) for a, b in sides if a.point and b.point]
    gaps = iter(pair_differences(pair, family, bought, seed))
    return [
        AtBudget(
            budget=budget,
            ks=(a.k, b.k),
            rates=(_rate(a), _rate(b)),
            gap=next(gaps) if a.point and b.point else None,
        )
        for budget, (a, b) in zip(budgets, sides, strict=True)
    ]


def _rate(of: CurveValue) -> float | None:
    return of.point.rate if of.point else None


def _flips(pair: tuple[Counts, Counts], ks: tuple[int, int]) -> tuple[Flip, ...]:
    """Return the problems, largest differences first; more samples than were drawn count as all of them."""
    if 0 in ks:
        return ()
    first, second = (one.rates[:, min(k, one.n) - 1] for one, k in zip(pair, ks, strict=True))
    rows = [
        Flip(problem=name, rates=(float(x), float(y)))
        for name, x, y in zip(pair[0].problems, first, second, strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: -abs(row.gap)))
