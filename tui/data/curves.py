"""Make the curves of a snapshot: the sampler's statistics on its sums, as series for the plot. Pure, but slow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sampler.reporting.unit_costs import complete_problems, counts_of, shared_problems, unit_cost
from sampler.stats.bootstrap import RESAMPLES, draw_problems
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.stats.curves import Curve, curve_over
from sampler.store.read_models import ModelRow, TallyRow
from tui.data.snapshot import Curves, Series, Snapshot, with_compared
from tui.formats import UNITS
from tui.text import sanitize

CHARGE = PromptCharge.EACH  # as in the report
INTERIM = 1000  # resamples while a study runs: a tenth of the report's, for all is drawn again and again
FEWEST = 2  # a model joins the shared problems when it has finished so many


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveRequest:
    """Which curves the reader wants; `shared` compares models on the problems that all of them have finished."""

    unit: Unit = Unit.FLOPS
    shared: bool = True


def available_units(snapshot: Snapshot) -> tuple[Unit, ...]:
    """Return the units in which some model has a cost, in the order in which they are offered."""
    snapshot = with_compared(snapshot)
    return tuple(
        unit
        for unit in UNITS
        if any(unit_cost(model, snapshot.tallies, unit, CHARGE) is not None for model in snapshot.models)
    )


def curves_of(snapshot: Snapshot, request: CurveRequest) -> Curves:
    """Return the curves in the requested unit, or in the first one in which some model has a cost.

    The curves of a second store come last.
    """
    snapshot = with_compared(snapshot)
    offered = available_units(snapshot)
    unit = request.unit if request.unit in offered or not offered else offered[0]
    chosen = _problems(snapshot.models, snapshot.tallies, shared=request.shared)
    resamples = INTERIM if snapshot.study.status == "running" else RESAMPLES
    # every model sees the same resampled problems, at every look, and those that the report sees
    draws = {
        count: draw_problems(count, np.random.default_rng(snapshot.study.seed), resamples)
        for count in {len(names) for names in chosen.values()}
        if count > 1
    }
    series = []
    for tone, model in enumerate(snapshot.models):
        problems = frozenset(chosen[model.id])
        rows = [row for row in snapshot.tallies if row.model_id == model.id and row.problem in problems]
        cost = unit_cost(model, rows, unit, CHARGE)
        if cost is not None:
            found = curve_over(counts_of(model, rows, chosen[model.id]), cost, draws.get(len(problems)))
            series.append(replace(_series(found, tone, cost), star=_star(model, snapshot, chosen[model.id], unit)))
    rests = tuple(len(chosen[model.id]) for model in snapshot.models)
    same = len({tuple(names) for names in chosen.values() if names}) < 2
    return Curves(unit=unit, series=tuple(series), problems=rests, shared=same)


def _star(owner: ModelRow, snapshot: Snapshot, problems: Sequence[str], unit: Unit) -> tuple[float, float] | None:
    """Return a model's greedy sample on these problems, as a budget and a rate.

    None until all of it is scored, as in the report.
    """
    held = frozenset(problems)
    for model in snapshot.greedy:
        if model.greedy_of == owner.id and model.wanted and held.issubset(complete_problems(model, snapshot.tallies)):
            rows = [row for row in snapshot.tallies if row.model_id == model.id and row.problem in held]
            cost = unit_cost(model, rows, unit, CHARGE)
            if cost is not None and rows:
                return cost.of(1), float(counts_of(model, rows, problems).rates[:, 0].mean())
    return None


def _problems(models: Sequence[ModelRow], tallies: Sequence[TallyRow], *, shared: bool) -> Mapping[int, list[str]]:
    """Return the problems on which each model's curve rests, by model id."""
    own = {model.id: complete_problems(model, tallies) for model in models}
    begun = [model for model in models if len(own[model.id]) >= FEWEST]
    if not shared or not begun:
        return own
    common = shared_problems(begun, tallies)
    return {model.id: common if model in begun else [] for model in models}


def _series(found: Curve, tone: int, cost: UnitCost) -> Series:
    bands = [point.interval for point in found.points]
    known = all(band is not None for band in bands)
    return Series(
        label=sanitize(found.model, 200),
        tone=tone,
        xs=tuple(point.cost for point in found.points),
        ys=tuple(point.rate for point in found.points),
        end=cost.of(found.n + 1),
        thin=next((index for index, point in enumerate(found.points) if point.thin), None),
        low=tuple(band.low for band in bands if band) if known else (),
        high=tuple(band.high for band in bands if band) if known else (),
        ks=tuple(float(point.k) for point in found.points),
    )
