"""The common ground of a comparison: the problems that are complete for every model, and what each model reaches on them.

It is laid out once and serves every unit, every pair and every table: all see the same resamples of the same problems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sampler.reporting.standings import complete_problems, counts_of, shared_problems, unit_cost
from sampler.stats.bootstrap import Floats, draw_problems
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.stats.curves import Counts, Curve, curve_over, recosted
from sampler.store.rows import ModelRow, TallyRow

_ONE = UnitCost(each=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """`models` are those with a complete problem; `curves` count cost in samples. No `draws` below two problems."""

    models: tuple[ModelRow, ...]
    problems: tuple[str, ...]
    tallies: Mapping[int, tuple[TallyRow, ...]]  # by model, in the order of `problems`
    counts: Mapping[int, Counts]
    curves: Mapping[int, Curve]
    draws: Floats | None

    def cost(self, model: ModelRow, unit: Unit, charge: PromptCharge) -> UnitCost | None:
        """What a sample of a model costs on average over the problems; None where that is not known."""
        return unit_cost(model, self.tallies[model.id], unit, charge)

    def own_costs(self, model: ModelRow, unit: Unit, charge: PromptCharge) -> list[UnitCost] | None:
        """What a sample of a model costs on each problem; None where one of them is not known."""
        costs = [unit_cost(model, [row], unit, charge) for row in self.tallies[model.id]]
        known = [cost for cost in costs if cost is not None]
        return known if len(known) == len(costs) else None

    def curve(self, model: ModelRow, cost: UnitCost) -> Curve:
        """A model's curve in a unit."""
        return recosted(self.curves[model.id], cost)


def ground_of(models: Sequence[ModelRow], tallies: Sequence[TallyRow], seed: int) -> Ground:
    """The common ground of the models that have a complete problem."""
    ready = [model for model in models if complete_problems(model, tallies)]
    problems = tuple(shared_problems(ready, tallies))
    draws = draw_problems(len(problems), np.random.default_rng(seed)) if len(problems) > 1 else None
    counts = {model.id: counts_of(model, tallies, problems) for model in ready}
    return Ground(
        models=tuple(ready),
        problems=problems,
        tallies={model.id: _of(model, tallies, problems) for model in ready},
        counts=counts,
        curves={model.id: curve_over(counts[model.id], _ONE, draws) for model in ready},
        draws=draws,
    )


def _of(model: ModelRow, tallies: Sequence[TallyRow], problems: Sequence[str]) -> tuple[TallyRow, ...]:
    by_name = {row.problem: row for row in tallies if row.model_id == model.id}
    return tuple(by_name[name] for name in problems)
