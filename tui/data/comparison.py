"""Two models held against each other: at many budgets, and at the rule problem by problem. Pure, but not cheap.

The difference is paired: both models on the same problems. A lead is called clear where the study's report calls it so:
its p value is corrected for all budgets and all pairs of the study's models. While a study runs it is interim, and
looking many times finds something more often than 5 % of the time; only a report decides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sampler.drawing.axis import quantity
from sampler.reporting.family import Entry, pair_differences
from sampler.reporting.paired_data import PairedData, paired_data
from sampler.stats.budget import Unit
from sampler.stats.curves import Counts, Curve, CurveValue, shared_range, standing
from sampler.stats.differences import Difference
from sampler.store.read_models import ModelRow
from tui.data.curves import CHARGE
from tui.text import harmless
from tui.view import Mood, Snapshot
from tui.widgets.cells import Cell, Column

BUDGETS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """Both models at one budget; None where a model has no value there."""

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
        """By how much the first model is ahead."""
        return self.rates[0] - self.rates[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The first model (the chosen one) against the second.

    `why_not` says what lacks where there is nothing to compare.
    """

    tones: tuple[int, int]
    problems: int = 0
    rule: At | None = None
    ladder: tuple[At, ...] = ()
    flips: tuple[Flip, ...] = ()
    why_not: str = ""


def compare(shot: Snapshot, tones: tuple[int, int], unit: Unit, rule: float | None) -> Comparison:
    """The comparison of two models by their places in the study."""
    models = shot.models[tones[0]], shot.models[tones[1]]
    paired = _ground(models, shot)
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


def _ground(pair: Sequence[ModelRow], shot: Snapshot) -> PairedData:
    """What the pair has in common, with the family of its study's report; of two studies, the pair is the family."""
    paired = paired_data(pair, shot.tallies, shot.study.seed, intervals=False)
    second_store = {model.id < 0 for model in pair}  # a second store's models have ids below zero
    if len(second_store) > 1:
        return paired
    study = [model for model in shot.models if model.wanted and {model.id < 0} == second_store]
    return paired.corrected_for(study, shot.tallies)


def _budgets(pair: tuple[Curve, Curve]) -> list[float]:
    """Budgets from the first at which both can be read to the last, in even steps of their logarithm."""
    low, end = shared_range(pair)
    high = end * (1 - 1e-9)
    if not low < high:
        return []
    step = (math.log(high) - math.log(low)) / (BUDGETS - 1)
    return [math.exp(math.log(low) + step * n) * (1 + 1e-12) for n in range(BUDGETS)]


def _at(budgets: Sequence[float], pair: Mapping[int, Entry], family: Mapping[int, Entry], seed: int) -> list[At]:
    """Both models at each budget."""
    first, second = (curve for _, curve in pair.values())
    sides = [(standing(first, budget), standing(second, budget)) for budget in budgets]
    bought = [(a.k, b.k) for a, b in sides if a.point and b.point]
    gaps = iter(pair_differences(pair, family, bought, seed))
    return [
        At(
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
    """The problems, those first where the models differ most; more samples than were drawn count as all of them."""
    if 0 in ks:
        return ()
    first, second = (one.rates[:, min(k, one.n) - 1] for one, k in zip(pair, ks, strict=True))
    rows = [
        Flip(problem=name, rates=(float(x), float(y)))
        for name, x, y in zip(pair[0].problems, first, second, strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: -abs(row.gap)))


LADDER = (
    Column(key="budget", label="budget", width=11, right=True),
    Column(key="first", label="chosen", width=7, right=True),
    Column(key="second", label="pinned", width=7, right=True),
    Column(key="gap", label=" difference [95%]", width=21),
    Column(key="ks", label="k", width=6),
    Column(key="who", label="", width=0),
)
FLIPS = (
    Column(key="problem", label="problem", width=18, middle=True),
    Column(key="first", label="chosen", width=7, right=True),
    Column(key="second", label="pinned", width=7, right=True),
    Column(key="gap", label="gap", width=7, right=True),
    Column(key="bar", label="", width=64),
)


def ladder_cells(at: At, names: tuple[str, str], unit: str) -> tuple[Cell, ...]:
    """One budget in words."""
    if at.gap is None:
        told, who, feeling = "—", "buys none" if 0 in at.ks else "beyond what was sampled", Mood.FAINT
    else:
        low, high = at.gap.interval.low * 100, at.gap.interval.high * 100
        told = f"{at.gap.mean * 100:+5.1f} [{low:+.1f}, {high:+.1f}]"
        ahead = names[0] if at.gap.mean > 0 else names[1]
        who, feeling = (f"▸ {ahead}", Mood.GOOD) if at.gap.clear else ("no clear winner", Mood.FAINT)
    return (
        Cell(text=quantity(at.budget, unit)),
        *(Cell(text="—" if rate is None else f"{rate * 100:.1f}") for rate in at.rates),
        Cell(text=told),
        Cell(text=f"{at.ks[0]}:{at.ks[1]}", mood=Mood.FAINT),
        Cell(text=who, mood=feeling),
    )


def flip_cells(flip: Flip, width: int) -> tuple[Cell, ...]:
    """One problem in words, and a bar to the side of who is ahead."""
    half = max(2, (width - 1) // 2)
    cells = round(abs(flip.gap) * half)
    left, right = ("█" * cells, "") if flip.gap > 0 else ("", "█" * cells)
    bar = f"{left:>{half}}│{right:<{half}}"
    return (
        Cell(text=harmless(flip.problem, 200)),
        *(Cell(text=f"{rate * 100:.0f}%") for rate in flip.rates),
        Cell(text=f"{flip.gap * 100:+.0f}"),
        Cell(text=bar, mood=Mood.PLAIN if flip.gap else Mood.FAINT),
    )


def verdict_words(found: Comparison, names: tuple[str, str], unit: str) -> str:
    """The comparison at the rule in one sentence."""
    if found.why_not:
        return found.why_not
    at = found.rule
    if at is None or at.gap is None:
        return "at the rule's budget one of them has no value: move the rule (←→)"
    low, high = at.gap.interval.low * 100, at.gap.interval.high * 100
    if not at.gap.mean:
        both = f"{names[0]} and {names[1]} reach the same"
        return f"at {quantity(at.budget, unit)}: {both}, 95% interval [{low:+.1f}, {high:+.1f}]"
    lead = f"{abs(at.gap.mean) * 100:.1f} points"
    who = names[0] if at.gap.mean > 0 else names[1]
    if at.gap.mean < 0:
        low, high = -high, -low  # of the lead that is told, and not of its opposite
    inside = low <= 0 <= high
    sure = "clear" if at.gap.clear else f"{'zero lies inside' if inside else 'not beyond chance'}: no clear winner"
    return f"at {quantity(at.budget, unit)}: {who} ahead by {lead}, 95% interval [{low:+.1f}, {high:+.1f}], {sure}"
