"""Two models held against each other: at many budgets, and at the rule problem by problem. Pure, but not cheap.

The difference is paired: both models on the same problems, resampled together. While a study runs it is interim, and looking
many times finds something more often than 5 % of the time; only a report decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sampler.drawing.axis import quantity
from sampler.reporting.standings import counts_of, shared_problems, unit_cost
from sampler.stats.bootstrap import Difference, draw_problems
from sampler.stats.budget import Unit, UnitCost
from sampler.stats.curves import Counts, difference
from sampler.store.rows import ModelRow
from tui.cells import Cell, Column
from tui.curves import CHARGE
from tui.text import harmless
from tui.view import Mood, Snapshot

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
    """The first model (the chosen one) against the second. `why_not` says what lacks where there is nothing to compare."""

    tones: tuple[int, int]
    problems: int = 0
    rule: At | None = None
    ladder: tuple[At, ...] = ()
    flips: tuple[Flip, ...] = ()
    why_not: str = ""


def compare(shot: Snapshot, tones: tuple[int, int], unit: Unit, rule: float | None) -> Comparison:
    """The comparison of two models by their places in the study."""
    models = shot.models[tones[0]], shot.models[tones[1]]
    problems = shared_problems(models, shot.tallies)
    if len(problems) < 2:
        return Comparison(tones=tones, why_not="fewer than two problems are complete for both models")
    first, second = (_side(model, shot, problems, unit) for model in models)
    if first is None or second is None:
        return Comparison(tones=tones, why_not=f"a model has no cost in {unit.value}")
    draws = draw_problems(len(problems), np.random.default_rng(shot.study.seed))
    steps = [_at(budget, (first, second), draws) for budget in _budgets(first[1], second[1], first[0].n, second[0].n)]
    here = _at(rule, (first, second), draws) if rule is not None else None
    flips = _flips((first[0], second[0]), here.ks) if here is not None else ()
    return Comparison(tones=tones, problems=len(problems), rule=here, ladder=tuple(steps), flips=flips)


_Side = tuple[Counts, UnitCost]


def _side(model: ModelRow, shot: Snapshot, problems: Sequence[str], unit: Unit) -> _Side | None:
    held = frozenset(problems)
    rows = [row for row in shot.tallies if row.model_id == model.id and row.problem in held]
    cost = unit_cost(model, rows, unit, CHARGE)
    return (counts_of(model, rows, problems), cost) if cost is not None else None


def _budgets(a: UnitCost, b: UnitCost, a_n: int, b_n: int) -> list[float]:
    """Budgets from the first at which both can be read to the last, in even steps of their logarithm."""
    low, high = max(a.of(1), b.of(1)), min(a.of(a_n + 1), b.of(b_n + 1)) * (1 - 1e-9)
    if not low < high:
        return []
    step = (math.log(high) - math.log(low)) / (BUDGETS - 1)
    return [math.exp(math.log(low) + step * n) * (1 + 1e-12) for n in range(BUDGETS)]


def _at(budget: float, sides: tuple[_Side, _Side], draws: np.typing.NDArray[np.float64]) -> At:
    (a, a_cost), (b, b_cost) = sides
    ks = a_cost.affordable(budget), b_cost.affordable(budget)
    known = [1 <= k <= counts.n for k, counts in zip(ks, (a, b), strict=True)]
    rates = [
        float(counts.rates[:, k - 1].mean()) if here else None
        for counts, k, here in zip((a, b), ks, known, strict=True)
    ]
    gap = difference(a, ks[0], b, ks[1], draws) if all(known) else None
    return At(budget=budget, ks=ks, rates=(rates[0], rates[1]), gap=gap)


def _flips(counts: tuple[Counts, Counts], ks: tuple[int, int]) -> tuple[Flip, ...]:
    """The problems, those first where the models differ most; more samples than were drawn count as all of them."""
    a, b = counts
    first, second = (one.rates[:, min(max(k, 1), one.n) - 1] for one, k in zip(counts, ks, strict=True))
    if 0 in ks:
        return ()
    rows = [
        Flip(problem=name, rates=(float(x), float(y)))
        for name, x, y in zip(a.problems, first, second, strict=True)
        if a.n and b.n
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
    sure = "clear of zero" if at.gap.clear else "zero lies inside: no clear winner"
    return f"at {quantity(at.budget, unit)}: {who} ahead by {lead}, 95% interval [{low:+.1f}, {high:+.1f}], {sure}"
