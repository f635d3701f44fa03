"""Two models held against each other: at many budgets, and at the rule problem by problem. Pure, but not cheap.

The difference is paired: both models on the same problems. A lead is called clear where the study's report calls it so: its p
value is corrected for all budgets and all pairs of the study's models. While a study runs it is interim, and looking many
times finds something more often than 5 % of the time; only a report decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sampler.drawing.axis import quantity
from sampler.reporting.family import Entry, Pairing, differences
from sampler.reporting.standings import complete_problems, counts_of, shared_problems, unit_cost
from sampler.stats.budget import Unit
from sampler.stats.curves import curve_over
from sampler.stats.differences import Difference
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
    pair = _entries(models, shot, problems, unit)
    if len(pair) < len(models):
        return Comparison(tones=tones, why_not=f"a model has no cost in {unit.value}")
    sides = _Sides(pair=(pair[models[0].id], pair[models[1].id]), family=_family(models, shot, problems, unit))
    ladder = _budgets(*sides.pair)
    found = _at([*ladder, *(() if rule is None else (rule,))], sides, shot.study.seed)
    here = found[-1] if rule is not None else None
    flips = _flips(sides.pair, here.ks) if here is not None else ()
    return Comparison(tones=tones, problems=len(problems), rule=here, ladder=tuple(found[: len(ladder)]), flips=flips)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """The two models, and all whose comparisons their claims are corrected for; where there are none, nothing is claimed."""

    pair: tuple[Entry, Entry]
    family: tuple[Entry, ...]


def _entries(models: Sequence[ModelRow], shot: Snapshot, problems: Sequence[str], unit: Unit) -> dict[int, Entry]:
    """Counts and curve, without intervals, of the models that have a cost."""
    held, found = frozenset(problems), {}
    for model in models:
        rows = [row for row in shot.tallies if row.model_id == model.id and row.problem in held]
        cost = unit_cost(model, rows, unit, CHARGE)
        if cost is not None:
            counts = counts_of(model, rows, problems)
            found[model.id] = (counts, curve_over(counts, cost, None))
    return found


def _family(pair: Sequence[ModelRow], shot: Snapshot, problems: Sequence[str], unit: Unit) -> tuple[Entry, ...]:
    """All models of the pair's study, as in its report; none while that is of other problems. Of two studies, the pair."""
    guests = {model.id < 0 for model in pair}  # a second store's models have ids below zero
    of_one = [model for model in shot.models if model.wanted and {model.id < 0} == guests]
    kin = of_one if len(guests) == 1 else pair
    ready = [model for model in kin if complete_problems(model, shot.tallies)]
    same = shared_problems(ready, shot.tallies) == problems
    return tuple(_entries(ready, shot, problems, unit).values()) if same else ()


def _budgets(first: Entry, second: Entry) -> list[float]:
    """Budgets from the first at which both can be read to the last, in even steps of their logarithm."""
    low = max(curve.cost.of(1) for _, curve in (first, second))
    high = min(curve.cost.of(curve.n + 1) for _, curve in (first, second)) * (1 - 1e-9)
    if not low < high:
        return []
    step = (math.log(high) - math.log(low)) / (BUDGETS - 1)
    return [math.exp(math.log(low) + step * n) * (1 + 1e-12) for n in range(BUDGETS)]


def _at(budgets: Sequence[float], sides: _Sides, seed: int) -> list[At]:
    """Both models at each budget."""
    bought = [_ks(budget, sides.pair) for budget in budgets]
    known = [all(1 <= k <= curve.n for k, (_, curve) in zip(ks, sides.pair, strict=True)) for ks in bought]
    entries = sides.family or sides.pair
    first, second = ([counts.model for counts, _ in entries].index(counts.model) for counts, _ in sides.pair)
    asked = [Pairing(first, ks[0], second, ks[1]) for ks, here in zip(bought, known, strict=True) if here]
    gaps = iter(differences(entries, asked, seed))
    found = [next(gaps) if here else None for here in known]
    if not sides.family:
        found = [gap and replace(gap, p_corrected=None) for gap in found]
    return [
        At(budget=budget, ks=ks, rates=(_rate(sides.pair[0], ks[0]), _rate(sides.pair[1], ks[1])), gap=gap)
        for budget, ks, gap in zip(budgets, bought, found, strict=True)
    ]


def _ks(budget: float, pair: tuple[Entry, Entry]) -> tuple[int, int]:
    return pair[0][1].cost.affordable(budget), pair[1][1].cost.affordable(budget)


def _rate(of: Entry, k: int) -> float | None:
    return of[1].points[k - 1].rate if 1 <= k <= of[1].n else None


def _flips(pair: tuple[Entry, Entry], ks: tuple[int, int]) -> tuple[Flip, ...]:
    """The problems, those first where the models differ most; more samples than were drawn count as all of them."""
    a, b = (counts for counts, _ in pair)
    first, second = (one.rates[:, min(max(k, 1), one.n) - 1] for one, k in zip((a, b), ks, strict=True))
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
    inside = low <= 0 <= high
    sure = "clear" if at.gap.clear else f"{'zero lies inside' if inside else 'not beyond chance'}: no clear winner"
    return f"at {quantity(at.budget, unit)}: {who} ahead by {lead}, 95% interval [{low:+.1f}, {high:+.1f}], {sure}"
