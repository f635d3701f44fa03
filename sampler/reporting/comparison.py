"""Two models at every budget that both have samples for: who leads, by how much, from where on, and on which problems.

The grid holds every budget at which either model gets one more sample, thinned to `MOST` where there are more. Over the whole
grid runs a band of paired differences that holds all of them at once, and a crossover. The rows are the few budgets that a
report would show; their p values are corrected for each other (Holm).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sampler.reporting.ground import Ground
from sampler.reporting.report import choose_budgets
from sampler.stats.bands import largest_t, simultaneous
from sampler.stats.bootstrap import Difference, Floats, Interval, read_differences, resampled_means, summary
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.stats.curves import Curve
from sampler.stats.paired import Crossover, Detectable, crossover, detectable, holm

MOST = 200


class NotComparable(Exception):
    """Two models that share too little to be compared; the message says what and the way out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One budget: k and rate of each model, with its own interval; `difference` is first minus second.

    `band` holds the differences of all steps at once. `holm` of the difference is there for the rows alone.
    """

    budget: float
    ks: tuple[int, int]
    rates: tuple[float, float]
    intervals: tuple[Interval | None, Interval | None]
    difference: Difference
    band: Interval
    detectable: Detectable
    row: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two models in one unit. `fixed` are problems that only the second ever solved, `broken` those that only the first did."""

    names: tuple[str, str]
    unit: Unit
    charge: PromptCharge
    costs: tuple[UnitCost, UnitCost]
    problems: int
    steps: tuple[Step, ...]
    crossover: Crossover | None
    fixed: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def rows(self) -> tuple[Step, ...]:
        """The steps that a table shows."""
        return tuple(step for step in self.steps if step.row)


def compare(ground: Ground, unit: Unit, charge: PromptCharge, budgets: Sequence[float] = ()) -> Comparison:
    """The comparison of the two models of a ground."""
    if len(ground.models) != 2 or ground.draws is None:
        raise NotComparable(
            f"{len(ground.models)} model(s) share {len(ground.problems)} complete problem(s); it takes two of each"
        )
    names = (ground.models[0].name, ground.models[1].name)
    costs = (_cost(ground, 0, unit, charge), _cost(ground, 1, unit, charge))
    curves = [ground.curve(model, cost) for model, cost in zip(ground.models, costs, strict=True)]
    shown = _inside(budgets or choose_budgets(curves), curves)
    grid = _grid(curves, shown)
    steps, crossing = _steps(ground, curves, grid, shown)
    fixed, broken = _flips(ground)
    return Comparison(
        names=names,
        unit=unit,
        charge=charge,
        costs=costs,
        problems=len(ground.problems),
        steps=steps,
        crossover=crossing,
        fixed=fixed,
        broken=broken,
    )


def _cost(ground: Ground, at: int, unit: Unit, charge: PromptCharge) -> UnitCost:
    cost = ground.cost(ground.models[at], unit, charge)
    if cost is None:
        raise NotComparable(
            f"what a sample of {ground.models[at].name} costs in {unit.value} is not known; choose another --unit"
        )
    return cost


def _inside(budgets: Sequence[float], curves: Sequence[Curve]) -> list[float]:
    """The budgets at which both curves have a value."""
    begin = max(drawn.cost.of(1) for drawn in curves)
    end = min(drawn.cost.of(drawn.n + 1) for drawn in curves)
    inside = [budget for budget in budgets if begin <= budget < end]
    if not inside:
        raise NotComparable(
            f"no budget buys a sample of both {curves[0].model} and {curves[1].model} with the samples that were drawn: "
            "draw more of the cheaper one"
        )
    return inside


def _grid(curves: Sequence[Curve], shown: Sequence[float]) -> list[float]:
    begin = max(drawn.cost.of(1) for drawn in curves)
    end = min(drawn.cost.of(drawn.n + 1) for drawn in curves)
    every = sorted({point.cost for drawn in curves for point in drawn.points if begin <= point.cost < end})
    picked = {every[round(at)] for at in np.linspace(0, len(every) - 1, min(MOST, len(every)))}
    return sorted(picked | set(shown))


def _steps(
    ground: Ground, curves: Sequence[Curve], grid: Sequence[float], shown: Sequence[float]
) -> tuple[tuple[Step, ...], Crossover | None]:
    assert ground.draws is not None  # noqa: S101 - `compare` has looked
    ks = [(curves[0].cost.affordable(budget), curves[1].cost.affordable(budget)) for budget in grid]
    first, second = (ground.counts[model.id].rates for model in ground.models)
    gaps = np.stack([first[:, a - 1] - second[:, b - 1] for a, b in ks], axis=1)
    means = resampled_means(gaps, ground.draws)
    names = (ground.models[0].name, ground.models[1].name)
    crossing = crossover(names, grid, gaps.mean(axis=0), means)
    largest = largest_t(gaps, means)
    found = read_differences(summary(gaps, gaps.mean(axis=0), means))
    bands = simultaneous(gaps, largest, [one.interval for one in found])
    found = _corrected(found, [budget in set(shown) for budget in grid])
    steps = tuple(
        Step(
            budget=budget,
            ks=bought,
            rates=(float(first[:, bought[0] - 1].mean()), float(second[:, bought[1] - 1].mean())),
            intervals=(curves[0].points[bought[0] - 1].interval, curves[1].points[bought[1] - 1].interval),
            difference=one,
            band=band,
            detectable=detectable(_column(gaps, at)),
            row=one.holm is not None,
        )
        for at, (budget, bought, one, band) in enumerate(zip(grid, ks, found, bands, strict=True))
    )
    return steps, crossing


def _column(table: Floats, at: int) -> Floats:
    return np.asarray(table[:, at], dtype=np.float64)


def _corrected(found: Sequence[Difference], shown: Sequence[bool]) -> list[Difference]:
    """The differences, those that are shown with their p values corrected for each other."""
    ps = iter(holm([one.p for one, row in zip(found, shown, strict=True) if row]))
    return [replace(one, holm=next(ps)) if row else one for one, row in zip(found, shown, strict=True)]


def _flips(ground: Ground) -> tuple[tuple[str, ...], tuple[str, ...]]:
    before, after = (ground.counts[model.id].passed for model in ground.models)
    rows = list(zip(ground.problems, before, after, strict=True))
    fixed = tuple(name for name, old, new in rows if new and not old)
    broken = tuple(name for name, old, new in rows if old and not new)
    return fixed, broken
