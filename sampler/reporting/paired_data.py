"""Make the paired data of a comparison.

They are the problems that are complete for every model, and what each model reaches on them.

They are made once for every unit, every pair and every table: all use the same resamples of the same problems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sampler.reporting.comparison_family import Entry
from sampler.reporting.unit_costs import complete_problems, counts_of, shared_problems, uneven_samples, unit_cost
from sampler.stats.bootstrap import Floats, draw_problems
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.stats.curves import Counts, Curve, curve_over, recosted
from sampler.store.read_models import ModelRow, TallyRow

_ONE = UnitCost(each=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedData:
    """The models with a complete problem, and their results on the shared problems.

    `curves` count cost in samples. There are no `draws` below two problems, or if no intervals are wanted. `family` are
    the models for whose comparisons claims are corrected; if it is empty, nothing may be claimed.
    """

    models: tuple[ModelRow, ...]
    problems: tuple[str, ...]
    tallies: Mapping[int, tuple[TallyRow, ...]]  # by model, in the order of `problems`
    counts: Mapping[int, Counts]
    curves: Mapping[int, Curve]
    draws: Floats | None
    seed: int
    family: tuple[ModelRow, ...]

    def cost(self, model: ModelRow, unit: Unit, charge: PromptCharge) -> UnitCost | None:
        """Return what a sample of a model costs on average over the problems; None if that is not known."""
        return unit_cost(model, self.tallies[model.id], unit, charge)

    def own_costs(self, model: ModelRow, unit: Unit, charge: PromptCharge) -> list[UnitCost] | None:
        """Return what a sample of a model costs on each problem; None if one of them is not known."""
        costs = [unit_cost(model, [row], unit, charge) for row in self.tallies[model.id]]
        known = [cost for cost in costs if cost is not None]
        return known if len(known) == len(costs) else None

    @property
    def uneven_samples(self) -> tuple[str, ...]:
        """Return messages on models whose problems have unequal numbers of samples."""
        found = (uneven_samples(model, self.tallies[model.id], self.problems) for model in self.models)
        return tuple(words for words in found if words)

    def entries(self, models: Sequence[ModelRow], unit: Unit, charge: PromptCharge) -> dict[int, Entry]:
        """Counts and curve of the models that have samples and a known cost in a unit, by model id."""
        costs = [(model, self.cost(model, unit, charge)) for model in models if self.counts[model.id].n]
        return {model.id: (self.counts[model.id], self.curve(model, cost)) for model, cost in costs if cost is not None}

    def corrected_for(self, study: Sequence[ModelRow], tallies: Sequence[TallyRow]) -> PairedData:
        """Return the same paired data, with all models of a study as the family, as in the study's report.

        If the report uses other problems, because a third model lacks verdicts, the family is empty.
        """
        ready = [model for model in study if complete_problems(model, tallies)]
        if tuple(shared_problems(ready, tallies)) != self.problems:
            return replace(self, family=())
        others = [model for model in ready if model.id not in self.counts]
        counts = {model.id: counts_of(model, tallies, self.problems) for model in others}
        return replace(
            self,
            tallies={**self.tallies, **{model.id: _of(model, tallies, self.problems) for model in others}},
            counts={**self.counts, **counts},
            curves={**self.curves, **{key: curve_over(one, _ONE, None) for key, one in counts.items()}},
            family=tuple(ready),
        )

    def curve(self, model: ModelRow, cost: UnitCost) -> Curve:
        """Return a model's curve in a unit."""
        return recosted(self.curves[model.id], cost)


def paired_data(
    models: Sequence[ModelRow], tallies: Sequence[TallyRow], seed: int, *, intervals: bool = True
) -> PairedData:
    """Return the paired data of the models that have a complete problem.

    Without `intervals` this is far faster.
    """
    ready = [model for model in models if complete_problems(model, tallies)]
    problems = tuple(shared_problems(ready, tallies))
    draws = draw_problems(len(problems), np.random.default_rng(seed)) if intervals and len(problems) > 1 else None
    counts = {model.id: counts_of(model, tallies, problems) for model in ready}
    return PairedData(
        models=tuple(ready),
        problems=problems,
        tallies={model.id: _of(model, tallies, problems) for model in ready},
        counts=counts,
        curves={model.id: curve_over(counts[model.id], _ONE, draws) for model in ready},
        draws=draws,
        seed=seed,
        family=tuple(ready),
    )


def _of(model: ModelRow, tallies: Sequence[TallyRow], problems: Sequence[str]) -> tuple[TallyRow, ...]:
    by_name = {row.problem: row for row in tallies if row.model_id == model.id}
    return tuple(by_name[name] for name in problems)
