"""Two models at every budget that both have samples for: who leads, by how much, from where on, and on which problems.

The grid holds every budget at which either model gets one more sample, thinned to `MOST` where there are more. Over the whole
grid runs a band of paired differences that holds all of them at once, and a crossover. The rows are the few budgets that a
report would show. A lead is clear where the report of the same study finds it clear: its p value is corrected for all budgets
and for all pairs of the study's models (`sampler.reporting.family`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sampler.reporting.family import METHODS, Entry, Methods, Pairing, differences, shared_budgets
from sampler.reporting.ground import Ground
from sampler.reporting.report import choose_budgets
from sampler.stats.bands import difference_bands, largest_t
from sampler.stats.bootstrap import Floats, Interval, resampled_means
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.stats.curves import Curve
from sampler.stats.differences import Difference
from sampler.stats.paired import Crossover, Detectable, crossover, detectable
from sampler.store.rows import ModelRow

MOST = 200


class NotComparable(Exception):
    """Two models that share too little to be compared; the message says what and the way out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One budget: k and rate of each model, with its own interval; `difference` is first minus second.

    `band` holds the differences of all steps at once.
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
    """Two models in one unit. `fixed` are problems that only the second ever solved, `broken` those that only the first did.

    `ends_clear`: whether the crossover's leader is clearly ahead at the largest budget. `family` names the models whose
    comparisons claims are corrected for; where it is empty, nothing is claimed.
    """

    names: tuple[str, str]
    unit: Unit
    charge: PromptCharge
    costs: tuple[UnitCost, UnitCost]
    problems: int
    steps: tuple[Step, ...]
    crossover: Crossover | None
    ends_clear: bool
    family: tuple[str, ...]
    methods: Methods
    notes: tuple[str, ...]
    fixed: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def rows(self) -> tuple[Step, ...]:
        """The steps that a table shows."""
        return tuple(step for step in self.steps if step.row)


def compare(ground: Ground, unit: Unit, charge: PromptCharge, budgets: Sequence[float] = ()) -> Comparison:
    """The comparison of the two models of a ground."""
    laid = _laid_out(ground, unit, charge, budgets)
    fixed, broken = _flips(ground)
    family = ground.priced(ground.family, unit, charge)
    found = _differences(laid, ground, family)
    return Comparison(
        names=laid.names,
        unit=unit,
        charge=charge,
        costs=(laid.curves[0].cost, laid.curves[1].cost),
        problems=len(ground.problems),
        steps=_steps(laid, found),
        crossover=laid.crossover,
        ends_clear=found[-1].clear,
        family=tuple(counts.model for counts, _ in family.values()),
        methods=METHODS,
        notes=ground.cut_short,
        fixed=fixed,
        broken=broken,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Turning:
    """The crossover of two models, and whether its leader is clearly ahead at the largest budget."""

    names: tuple[str, str]
    crossover: Crossover | None
    ends_clear: bool


def turnings(
    ground: Ground, pairs: Iterable[tuple[ModelRow, ModelRow]], unit: Unit, charge: PromptCharge
) -> list[Turning]:
    """The crossover of each pair of models that shares a budget."""
    entries = ground.priced(ground.family, unit, charge)
    places = {model: at for at, model in enumerate(entries)}
    laid, asked = [], []
    for first, second in pairs:
        try:
            one = _laid_out(replace(ground, models=(first, second)), unit, charge, ())
        except NotComparable:
            continue
        a, b = one.ks[-1]
        laid.append((one.names, one.crossover))
        asked.append(Pairing(places[first.id], a, places[second.id], b))
    leads = differences(list(entries.values()), asked, ground.seed)
    return [
        Turning(names=names, crossover=found, ends_clear=lead.clear)
        for (names, found), lead in zip(laid, leads, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Laid:
    """Two models at every budget of the grid: `gaps` is problems x budgets, `means` budgets x resamples."""

    names: tuple[str, str]
    curves: tuple[Curve, Curve]
    grid: Sequence[float]
    shown: frozenset[float]
    ks: Sequence[tuple[int, int]]
    gaps: Floats
    means: Floats

    @property
    def crossover(self) -> Crossover | None:
        return crossover(self.names, self.grid, self.gaps.mean(axis=0), self.means)


def _laid_out(ground: Ground, unit: Unit, charge: PromptCharge, budgets: Sequence[float]) -> _Laid:
    if len(ground.models) != 2 or ground.draws is None:
        raise NotComparable(
            f"{len(ground.models)} model(s) share {len(ground.problems)} complete problem(s); it takes two of each"
        )
    costs = (_cost(ground, 0, unit, charge), _cost(ground, 1, unit, charge))
    first, second = (ground.curve(model, cost) for model, cost in zip(ground.models, costs, strict=True))
    shown = _inside(budgets or choose_budgets((first, second)), (first, second))
    grid = _grid((first, second), shown)
    ks = [(first.cost.affordable(budget), second.cost.affordable(budget)) for budget in grid]
    rates = [ground.counts[model.id].rates for model in ground.models]
    gaps = np.stack([rates[0][:, a - 1] - rates[1][:, b - 1] for a, b in ks], axis=1)
    return _Laid(
        names=(ground.models[0].name, ground.models[1].name),
        curves=(first, second),
        grid=grid,
        shown=frozenset(shown),
        ks=ks,
        gaps=gaps,
        means=resampled_means(gaps, ground.draws),
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


def _grid(curves: tuple[Curve, Curve], shown: Sequence[float]) -> list[float]:
    every = shared_budgets(*curves)
    picked = {every[round(at)] for at in np.linspace(0, len(every) - 1, min(MOST, len(every)))}
    return sorted(picked | set(shown))


def _differences(laid: _Laid, ground: Ground, family: Mapping[int, Entry]) -> list[Difference]:
    """The differences of all steps, corrected for the family; without one nothing is claimed of them."""
    own = {model.id: (ground.counts[model.id], one) for model, one in zip(ground.models, laid.curves, strict=True)}
    entries = family or own
    first, second = (list(entries).index(model.id) for model in ground.models)
    asked = [Pairing(first, a, second, b) for a, b in laid.ks]
    found = differences(list(entries.values()), asked, ground.seed)
    return found if family else [replace(one, p_corrected=None) for one in found]


def _steps(laid: _Laid, found: Sequence[Difference]) -> tuple[Step, ...]:
    first, second = laid.curves
    bands = difference_bands(laid.gaps, largest_t(laid.gaps, laid.means), [one.interval for one in found])
    return tuple(
        Step(
            budget=budget,
            ks=(a, b),
            rates=(first.points[a - 1].rate, second.points[b - 1].rate),
            intervals=(first.points[a - 1].interval, second.points[b - 1].interval),
            difference=one,
            band=band,
            detectable=detectable(np.asarray(laid.gaps[:, at], dtype=np.float64)),
            row=budget in laid.shown,
        )
        for at, (budget, (a, b), one, band) in enumerate(zip(laid.grid, laid.ks, found, bands, strict=True))
    )


def _flips(ground: Ground) -> tuple[tuple[str, ...], tuple[str, ...]]:
    before, after = (ground.counts[model.id].passed for model in ground.models)
    rows = list(zip(ground.problems, before, after, strict=True))
    fixed = tuple(name for name, old, new in rows if new and not old)
    broken = tuple(name for name, old, new in rows if old and not new)
    return fixed, broken
