"""From two studies to what a gate compares: the same models, on the same problems, at the same budgets. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sampler.gating.gate import Pair, Side
from sampler.reporting.report import Facts, choose_budgets
from sampler.reporting.unit_costs import counts_of, shared_problems, unit_cost
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.stats.curves import Counts, curve_over, shared_range
from sampler.store.read_models import ModelRow


class GateError(Exception):
    """What cannot be compared, and what could."""


class Unlike(GateError):
    """Studies of different problems."""


class NotComplete(GateError):
    """A study that still lacks samples or verdicts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """At which budgets, in which unit, which models (all of the baseline's if none is named)."""

    budgets: tuple[float, ...]
    unit: Unit = Unit.FLOPS
    models: tuple[str, ...] = ()


def pairs(after: Facts, before: Facts | None, wanted: Wanted) -> list[Pair]:
    """A pair for each model and budget.

    Raises GateError where one of them cannot be had: nothing is left out in silence.
    """
    sides = _sides(after, before, wanted.models)
    return [_pair(now, then, budget, wanted.unit) for now, then in sides for budget in wanted.budgets]


def usual_budgets(after: Facts, before: Facts | None, wanted: Wanted, given: Sequence[float]) -> tuple[float, ...]:
    """The budgets of a gate that was told none.

    Those `given` by the study file, or else those that a report would show.

    Only those at which every model can be read on both sides; raises GateError where there is none.
    """
    sides = _sides(after, before, wanted.models)
    curves = [
        curve_over(counts, cost, None)
        for now, then in sides
        for counts, cost in (_counted(one, wanted.unit) for one in (now, then) if one is not None)
    ]
    begin, end = shared_range(curves)
    found = tuple(budget for budget in given or choose_budgets(curves) if begin <= budget < end)
    if not found:
        raise GateError(
            f"at no budget in {wanted.unit} that {'the study names' if given else 'a report shows'} can all "
            "models be read; "
            "give an --at"
        )
    return found


def _sides(after: Facts, before: Facts | None, models: tuple[str, ...]) -> list[tuple[_Of, _Of | None]]:
    """Each model now and before."""
    _refuse(after)
    if before is not None:
        _refuse(before)
        if before.study.problems_digest != after.study.problems_digest:
            raise Unlike(
                f"{after.study.name!r} and its baseline {before.study.name!r} are of different problems "
                f"({after.study.problems_digest[:12]} and {before.study.problems_digest[:12]}); run both on the same"
            )
    names = models or tuple(model.name for model in (before or after).models if model.wanted)
    return [(_model(after, name), None if before is None else _model(before, name)) for name in names]


@dataclass(frozen=True, slots=True)
class _Of:
    facts: Facts
    model: ModelRow


def _refuse(facts: Facts) -> None:
    study = facts.study
    if study.scored < study.wanted:
        raise NotComplete(
            f"{study.name!r} has {study.scored} of {study.wanted} verdicts; a gate wants all: run the study to its end"
        )


def _model(facts: Facts, name: str) -> _Of:
    for model in facts.models:
        if model.name == name and model.wanted:
            return _Of(facts, model)
    held = ", ".join(repr(model.name) for model in facts.models if model.wanted)
    raise GateError(
        f"{facts.study.name!r} has no model {name!r} (it has {held}); name what is to be compared with --model"
    )


def _pair(after: _Of, before: _Of | None, budget: float, unit: Unit) -> Pair:
    problems = shared_problems([after.model], after.facts.tallies)
    now = _side(after, problems, budget, unit)
    then = None if before is None else _baseline(before, problems, budget, unit)
    copies = before is not None and before.facts.study.uid == after.facts.study.uid
    return Pair(
        model=after.model.name,
        budget=budget,
        problems=tuple(problems),
        after=now,
        before=then,
        same=copies and now == then,  # a copy whose verdicts have changed since is no longer the same
    )


def _baseline(of: _Of, problems: Sequence[str], budget: float, unit: Unit) -> Side:
    side = _side(of, problems, budget, unit)
    if side.k == 0:
        raise GateError(
            f"{of.model.name}: {budget:g} {unit} buys not even one sample of the baseline; give a larger --at"
        )
    return side


def _side(of: _Of, problems: Sequence[str], budget: float, unit: Unit) -> Side:
    """What the budget buys; nothing at all where a sample costs more."""
    counts, cost = _counted(of, unit, problems)
    k = cost.affordable(budget)
    if k > counts.n:
        raise GateError(
            f"{of.model.name}: {budget:g} {unit} buys {k} samples, and {counts.n} were drawn; give an --at below "
            f"{cost.of(counts.n + 1):.3g}"
        )
    rates = counts.rates[:, k - 1] if k else [0.0] * len(problems)
    return Side(k=k, rates=tuple(float(rate) for rate in rates))


def _counted(of: _Of, unit: Unit, problems: Sequence[str] | None = None) -> tuple[Counts, UnitCost]:
    """A model's counts, and what its samples cost."""
    cost = unit_cost(of.model, of.facts.tallies, unit, PromptCharge.EACH)
    if cost is None:
        raise GateError(f"{of.model.name}: what its samples cost in {unit} is not known; choose another --unit")
    return counts_of(of.model, of.facts.tallies, problems or shared_problems([of.model], of.facts.tallies)), cost
