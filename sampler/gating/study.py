"""From two studies to what a gate compares: the same models, on the same problems, at the same budgets. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sampler.gating.gate import Pair, Side
from sampler.reporting.report import Facts
from sampler.reporting.standings import counts_of, shared_problems, unit_cost
from sampler.stats.budget import PromptCharge, Unit
from sampler.store.rows import ModelRow


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
    """A pair for each model and budget. Raises GateError where one of them cannot be had: nothing is left out in silence."""
    _refuse(after)
    if before is not None:
        _refuse(before)
        if before.study.problems_digest != after.study.problems_digest:
            raise Unlike(
                f"{after.study.name!r} and its baseline {before.study.name!r} are of different problems "
                f"({after.study.problems_digest[:12]} and {before.study.problems_digest[:12]}); run both on the same"
            )
    names = wanted.models or tuple(model.name for model in (before or after).models if model.wanted)
    found = []
    for name in names:
        now, then = _model(after, name), None if before is None else _model(before, name)
        found += [_pair(now, then, budget, wanted.unit) for budget in wanted.budgets]
    return found


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
    return Pair(
        model=after.model.name,
        budget=budget,
        problems=tuple(problems),
        after=_side(after, problems, budget, unit),
        before=None if before is None else _baseline(before, problems, budget, unit),
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
    cost = unit_cost(of.model, of.facts.tallies, unit, PromptCharge.EACH)
    if cost is None:
        raise GateError(f"{of.model.name}: what its samples cost in {unit} is not known; choose another --unit")
    counts, k = counts_of(of.model, of.facts.tallies, problems), cost.affordable(budget)
    if k > counts.n:
        raise GateError(
            f"{of.model.name}: {budget:g} {unit} buys {k} samples, and {counts.n} were drawn; give an --at below "
            f"{cost.of(counts.n + 1):.3g}"
        )
    rates = counts.rates[:, k - 1] if k else [0.0] * len(problems)
    return Side(k=k, rates=tuple(float(rate) for rate in rates))
