"""Compare two models at every budget that both have samples for: who leads, by how much, and from which budget on.

The grid holds every budget at which either model gets one more sample, thinned to `MOST` budgets. There are a
simultaneous band of paired differences over the whole grid, and a crossover. The rows are the few budgets that a report
would show. A lead is clear if the report of the same study finds it clear: its p value is corrected for all budgets and
for all pairs of the study's models (`sampler.reporting.paired_data`).

Below the decision stands its form as text and as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console
from rich.text import Text

from sampler.exit_codes import CommandError, Exit
from sampler.plotting import format_interval
from sampler.reporting.paired_data import (
    METHODS,
    Methods,
    PairedData,
    Pairing,
    differences,
    pair_differences,
    shared_budgets,
)
from sampler.reporting.render import NAMES, amount, collapse, grid
from sampler.reporting.report import choose_budgets
from sampler.reporting.report_files import plain
from sampler.stats.bootstrap import LEVEL, Floats, Interval, resampled_means
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.stats.differences import ADDED, POWER, Crossover, Detectable, Difference, crossover, detectable
from sampler.stats.passk import Curve, difference_bands, largest_t, shared_range
from sampler.store.read_models import ModelRow

MOST = 200
JSON_SCHEMA = 2
MOST_NAMES = 12


class NotComparable(CommandError):
    """Two models that share too little to be compared; the message says what is missing and what to do."""

    exit_code = Exit.USAGE


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
    """Two models in one unit.

    `fixed` are problems that only the second ever solved, `broken` those that only the first did.

    `clear_at_end`: whether the crossover's leader is clearly ahead at the largest budget. `family` names the models for
    whose comparisons claims are corrected; if it is empty, nothing is claimed.
    """

    names: tuple[str, str]
    unit: Unit
    charge: PromptCharge
    costs: tuple[UnitCost, UnitCost]
    problems: int
    steps: tuple[Step, ...]
    crossover: Crossover | None
    clear_at_end: bool
    family: tuple[str, ...]
    methods: Methods
    notes: tuple[str, ...]
    fixed: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def rows(self) -> tuple[Step, ...]:
        """Return the steps that a table shows."""
        return tuple(step for step in self.steps if step.row)


def compare(paired: PairedData, unit: Unit, charge: PromptCharge, budgets: Sequence[float] = ()) -> Comparison:
    """Return the comparison of the two models of paired data."""
    grid = _grid(paired, unit, charge, budgets)
    fixed, broken = _flips(paired)
    pair, family = (paired.entries(models, unit, charge) for models in (paired.models, paired.family))
    found = pair_differences(pair, family, grid.ks, paired.seed)
    return Comparison(
        names=grid.names,
        unit=unit,
        charge=charge,
        costs=(grid.curves[0].cost, grid.curves[1].cost),
        problems=len(paired.problems),
        steps=_steps(grid, found),
        crossover=grid.crossover,
        clear_at_end=found[-1].clear,
        family=tuple(counts.model for counts, _ in family.values()),
        methods=METHODS,
        notes=paired.uneven_samples,
        fixed=fixed,
        broken=broken,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCrossover:
    """The crossover of two models, and whether its leader is clearly ahead at `end`, the largest budget of both."""

    names: tuple[str, str]
    crossover: Crossover | None
    end: float
    clear_at_end: bool


def crossovers(
    paired: PairedData, pairs: Iterable[tuple[ModelRow, ModelRow]], unit: Unit, charge: PromptCharge
) -> list[PairCrossover]:
    """Return the crossover of each pair of models that shares a budget."""
    entries = paired.entries(paired.family, unit, charge)
    places = {model: at for at, model in enumerate(entries)}
    grids, asked = [], []
    for first, second in pairs:
        try:
            grid = _grid(replace(paired, models=(first, second)), unit, charge, ())
        except NotComparable:
            continue
        a, b = grid.ks[-1]
        grids.append((grid.names, grid.crossover, grid.budgets[-1]))
        asked.append(Pairing(places[first.id], a, places[second.id], b))
    leads = differences(list(entries.values()), asked, paired.seed)
    return [
        PairCrossover(names=names, crossover=found, end=end, clear_at_end=lead.clear)
        for (names, found, end), lead in zip(grids, leads, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """Two models at every budget of the grid: `gaps` is problems x budgets, `means` budgets x resamples."""

    names: tuple[str, str]
    curves: tuple[Curve, Curve]
    budgets: Sequence[float]
    shown: frozenset[float]
    ks: Sequence[tuple[int, int]]
    gaps: Floats
    means: Floats

    @property
    def crossover(self) -> Crossover | None:
        return crossover(self.names, self.budgets, self.gaps.mean(axis=0), self.means)


def _grid(paired: PairedData, unit: Unit, charge: PromptCharge, budgets: Sequence[float]) -> _Grid:
    if len(paired.models) != 2 or paired.draws is None:
        raise NotComparable(
            f"{len(paired.models)} model(s) share {len(paired.problems)} complete problem(s); it takes two of each"
        )
    costs = (_cost(paired, 0, unit, charge), _cost(paired, 1, unit, charge))
    first, second = (paired.curve(model, cost) for model, cost in zip(paired.models, costs, strict=True))
    shown = _inside(budgets or choose_budgets((first, second)), (first, second))
    all_budgets = _budgets((first, second), shown)
    ks = [(first.cost.affordable(budget), second.cost.affordable(budget)) for budget in all_budgets]
    rates = [paired.counts[model.id].rates for model in paired.models]
    gaps = np.stack([rates[0][:, a - 1] - rates[1][:, b - 1] for a, b in ks], axis=1)
    return _Grid(
        names=(paired.models[0].name, paired.models[1].name),
        curves=(first, second),
        budgets=all_budgets,
        shown=frozenset(shown),
        ks=ks,
        gaps=gaps,
        means=resampled_means(gaps, paired.draws),
    )


def _cost(paired: PairedData, at: int, unit: Unit, charge: PromptCharge) -> UnitCost:
    cost = paired.cost(paired.models[at], unit, charge)
    if cost is None:
        raise NotComparable(
            f"what a sample of {paired.models[at].name} costs in {unit.value} is not known; choose another unit"
        )
    return cost


def _inside(budgets: Sequence[float], curves: Sequence[Curve]) -> list[float]:
    """Return the budgets at which both curves have a value."""
    begin, end = shared_range(curves)
    inside = [budget for budget in budgets if begin <= budget < end]
    if not inside:
        raise NotComparable(
            f"no budget buys a sample of both {curves[0].model} and {curves[1].model} with the samples that were "
            "drawn: draw more of the cheaper one"
        )
    return inside


def _budgets(curves: tuple[Curve, Curve], shown: Sequence[float]) -> list[float]:
    every = shared_budgets(*curves)
    picked = {every[round(at)] for at in np.linspace(0, len(every) - 1, min(MOST, len(every)))}
    return sorted(picked | set(shown))


def _steps(grid: _Grid, found: Sequence[Difference]) -> tuple[Step, ...]:
    first, second = grid.curves
    bands = difference_bands(grid.gaps, largest_t(grid.gaps, grid.means), [one.interval for one in found])
    return tuple(
        Step(
            budget=budget,
            ks=(a, b),
            rates=(first.points[a - 1].rate, second.points[b - 1].rate),
            intervals=(first.points[a - 1].interval, second.points[b - 1].interval),
            difference=one,
            band=band,
            detectable=detectable(np.asarray(grid.gaps[:, at], dtype=np.float64)),
            row=budget in grid.shown,
        )
        for at, (budget, (a, b), one, band) in enumerate(zip(grid.budgets, grid.ks, found, bands, strict=True))
    )


def _flips(paired: PairedData) -> tuple[tuple[str, ...], tuple[str, ...]]:
    before, after = (paired.counts[model.id].passed for model in paired.models)
    rows = list(zip(paired.problems, before, after, strict=True))
    fixed = tuple(name for name, old, new in rows if new and not old)
    broken = tuple(name for name, old, new in rows if old and not new)
    return fixed, broken


def print_comparison(made: Comparison, console: Console) -> None:
    """Print the table and what follows from it."""
    first, second = map(collapse, made.names)
    shown = grid(f"{first} (A) against {second} (B) at equal {NAMES[made.unit]}, on {made.problems} problems")
    for head in ("budget", "A", "B", "A - B", "p", "sees"):
        shown.add_column(head, justify="right", overflow="fold")
    for step in made.rows:
        shown.add_row(*map(Text, _cells(step, made)))
    console.print(shown)
    for line in _closing(made):
        console.print(Text(line))


def _cells(step: Step, made: Comparison) -> Iterator[str]:
    lead = step.difference
    yield amount(step.budget, made.unit)
    for rate, near, k in zip(step.rates, step.intervals, step.ks, strict=True):
        spread = f" {format_interval(near.low, near.high)}" if near else ""
        yield f"{100 * rate:.1f}{spread} (k={k})"
    wins = f" {'A' if lead.mean > 0 else 'B'} wins" if lead.clear else ""
    yield f"{100 * lead.mean:+.1f} [{100 * lead.interval.low:+.1f}, {100 * lead.interval.high:+.1f}]{wins}"
    yield f"{lead.p_corrected:.4f}" if lead.p_corrected is not None else ""
    yield f"{100 * step.detectable.difference:.1f}"


def _closing(made: Comparison) -> Iterator[str]:
    yield ""
    yield crossover_words(made.crossover, made.unit, made.steps[-1].budget, clear=made.clear_at_end)
    for name, side in zip(made.names, (1, -1), strict=True):
        clear = [step for step in made.steps if step.difference.clear and side * step.difference.mean > 0]
        if clear:
            begin, end = amount(clear[0].budget, made.unit), amount(clear[-1].budget, made.unit)
            share = f"{len(clear)} of {len(made.steps)} budgets"
            yield f"{collapse(name)} is clearly ahead at {share} between {begin} and {end}."
    if not made.family:
        yield (
            "No lead is called clear yet: the study's report is of fewer problems, until its other models are complete."
        )
    first, second = map(collapse, made.names)
    yield f"Solved by {second} alone: {_names(made.fixed)}. By {first} alone: {_names(made.broken)}."
    yield from map(collapse, made.notes)
    pairs = f" and all pairs of its {len(made.family)} models" if len(made.family) > 2 else ""
    yield (
        f"Behind a rate stands its {LEVEL:.0%} interval for a model alone (BCa over problems). A - B is paired by "
        f"problem, with its own interval (Student's t, {ADDED} of a problem added on each side). p is of a sign-flip "
        f"test, corrected for all budgets{pairs} (maxT). A model wins where p is at most {1 - LEVEL:.2f} and the "
        "interval leaves out zero. sees: the smallest true difference whose interval would leave out zero with "
        f"{POWER:.0%} chance."
    )


def _names(names: tuple[str, ...]) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{len(names)} ({', '.join(map(collapse, names[:MOST_NAMES]))}{more})"


def crossover_words(found: Crossover | None, unit: Unit, end: float, *, clear: bool) -> str:
    """Return a sentence on a crossover.

    A leader is named if it is `clear` that it is ahead at `end`, the largest budget.
    """
    largest = f"the largest budget that both cover, {amount(end, unit)}"
    if found is None:
        return f"The two are equal at {largest}: there is no crossover."
    low = amount(found.low, unit) if found.low is not None else "the smallest budget"
    high = amount(found.high, unit) if found.high is not None else "beyond the samples"
    where = "at every budget" if found.at is None else f"from {amount(found.at, unit)} on"
    near = f"({LEVEL:.0%} interval of the crossover: {low} to {high})"
    if clear:
        return f"{collapse(found.leader)} leads {where} {near}."
    return f"No clear leader at {largest}; {collapse(found.leader)} measured higher {where} {near}."


def comparison_json(made: Comparison) -> str:
    """Return the comparison as JSON with sorted keys."""
    return json.dumps({"schema": JSON_SCHEMA, "level": LEVEL, **plain(made)}, sort_keys=True, indent=2)
