"""Decide after each look of a study whether it goes on: every pair of models is decided, or the budget is spent.

A look is a number of samples that every problem of every model has, so what ends a study never depends on one problem
or one sample, and pass@k keeps its estimator. A budget decides by costs alone. The precise rule decides by the
difference of pass@1 of each pair of models, at a level that is divided among all declared looks and all pairs
(`sampler.stats.sequential`); the report corrects its claims in the same way.

Where the budget is allotted, there is one look at equally many samples, and then rounds: problems without a pass are
tried further, those of all models in the order of what a sample is expected to gain for its cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import inf

import numpy as np

from sampler.exit_codes import CommandError, Exit
from sampler.reporting.unit_costs import cost_parts, counts_of
from sampler.stats.budget import PromptCharge, Unit
from sampler.stats.sequential import look_at, next_targets
from sampler.store.read_models import ModelRow, TallyRow
from sampler.store.reader import Reader
from sampler.study.spec import Study

_NOTHING = 1e-6  # of the dearest model's cost


class UnknownCost(CommandError, ValueError):
    """A budget in a unit in which the cost of a model is not known."""

    exit_code = Exit.USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class NextLook:
    """How many samples each problem has at the next look; None: the study ends here, for this reason."""

    samples: int | None
    reason: str = ""


def after_look(reader: Reader, study_id: int, study: Study, samples: int) -> NextLook:
    """Return what comes after a look at so many samples of each problem; raises UnknownCost."""
    models, tallies = reader.models(study_id), reader.tallies(study_id)
    looks = study.looks
    if study.spending.precise and samples in looks and _decided(models, tallies, study, len(looks)):
        number = looks.index(samples) + 1
        return NextLook(samples=None, reason=f"every pair of models is decided at look {number} of {len(looks)}")
    following = next((look for look in looks if look > samples), None)
    if following is None:
        return NextLook(samples=None)
    affordable = min(
        (
            int(samples * most / spent)
            for unit, most in _budgets(study)
            if (spent := _spent([*models, *reader.greedy(study_id)], tallies, unit))
        ),
        default=following,
    )
    if affordable <= samples:
        return NextLook(samples=None, reason="one more sample of each problem would exceed the study's budget")
    return NextLook(samples=min(following, affordable))


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRound:
    """How many samples of each problem there are to be next, by model; empty: the study ends here, for this reason."""

    goals: Mapping[str, Mapping[str, int]]
    reason: str = ""


def next_round(reader: Reader, study_id: int, study: Study) -> NextRound:
    """Return what is sampled next where a budget is allotted, from what the store holds alone; raises UnknownCost."""
    models, tallies = reader.models(study_id), reader.tallies(study_id)
    everything = [*models, *reader.greedy(study_id), *reader.allotted(study_id)]
    most = {model.name: model.samples for model in study.models}
    models = [model for model in models if model.wanted and model.name in most]
    unsolved = {
        model.id: {
            row.problem: max(row.tries, row.scored)
            for row in tallies
            if row.model_id == model.id and row.scored >= model.wanted and not row.passed and row.solved_at is None
        }
        for model in models
    }
    open_ = [model for model in models if any(done < most[model.name] for done in unsolved[model.id].values())]
    if not open_:
        return NextRound(goals={}, reason="every problem is solved, or was tried as often as its model may be")
    found = []
    for unit, budget in _budgets(study):
        left = budget - _spent(everything, tallies, unit)
        costs = _above_zero([_each(model, tallies, unit) for model in open_])
        tries = [list(unsolved[model.id].values()) for model in open_]
        found.append(next_targets(tries, costs, [most[model.name] for model in open_], left) if left > 0 else ())
    targets = {
        model.name: {
            problem: goal
            for problem, done in unsolved[model.id].items()
            if (goal := min((one[at] if one else 0) for one in found)) > done
        }
        for at, model in enumerate(open_)
    }
    goals = {name: goal for name, goal in targets.items() if goal}
    return NextRound(
        goals=goals, reason="" if goals else "one more try of the unsolved problems would exceed the budget"
    )


def _budgets(study: Study) -> list[tuple[Unit, float]]:
    given = ((Unit.FLOPS, study.spending.max_flops), (Unit.DOLLARS, study.spending.max_dollars))
    return [(unit, most) for unit, most in given if most < inf]


def _decided(models: list[ModelRow], tallies: list[TallyRow], study: Study, looks: int) -> bool:
    """Return whether each pair has a clear difference of pass@1, or a narrow interval; one model alone never."""
    problems = shared_at(models, tallies)
    pairs = list(combinations(models, 2))
    if not pairs or len(problems) < 2:
        return False
    rates = {
        model.id: np.array(counts.passed) / np.array(counts.scored)
        for model in models
        for counts in [counts_of(model, tallies, problems)]
    }
    precision = study.spending.precision
    return all(look_at(rates[a.id] - rates[b.id], looks, len(pairs), precision).enough for a, b in pairs)


def shared_at(models: list[ModelRow], tallies: list[TallyRow]) -> list[str]:
    """Return the problems on which every model has as many verdicts as samples, at least one."""
    scored = {(row.model_id, row.problem) for row in tallies if row.scored and row.scored >= row.sampled}
    names = dict.fromkeys(row.problem for row in tallies)
    return [name for name in names if all((model.id, name) in scored for model in models)]


def _spent(models: list[ModelRow], tallies: list[TallyRow], unit: Unit) -> float:
    """Return what all samples of these models cost."""
    rows = [(model, row) for model in models for row in tallies if row.model_id == model.id and row.sampled]
    return sum(_each(model, [row], unit) * row.sampled for model, row in rows)


def _above_zero(costs: list[float]) -> list[float]:
    """Return costs by which gains can be divided: a model that costs nothing is tried first, and as often as it may."""
    least = max(costs) * _NOTHING or 1.0
    return [max(cost, least) for cost in costs]


def _each(model: ModelRow, tallies: list[TallyRow], unit: Unit) -> float:
    """Return what a sample of a model costs on average, which may be nothing.

    Dollars are those of the bill: what a cache spared or made dearer is counted where the server tells.
    """
    charges = (PromptCharge.MEASURED, PromptCharge.EACH) if unit is Unit.DOLLARS else (PromptCharge.EACH,)
    found = (cost_parts(model, tallies, unit, charge) for charge in charges)
    cost = next((parts for parts in found if parts is not None), None)
    if cost is None:
        raise UnknownCost(
            f"[budget] max_{unit.value}: what {model.name!r} costs in {unit.value} is not known; give its "
            "prices in [models.costs], or its numbers in [models.architecture]"
        )
    return cost[1]
