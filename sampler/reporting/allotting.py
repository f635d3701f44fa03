"""Whom to ask at each budget: the best single choice, cascade, mixture and greedy schedule, and an oracle router above all.

A sample is accepted if the judge passes it, so whatever stops early is worth as much as it says only to someone whose own
tests are as good. Cascades and mixtures go from the cheaper model to the dearer. The best of each kind is chosen on the
problems that it is shown for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

from sampler.stats.allocation import (
    Choice,
    Offer,
    best_within,
    cascades,
    greedy,
    mixtures,
    oracle,
    pareto,
    scheduled,
    singles,
)
from sampler.stats.betabinomial import Fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Allotted:
    """The best of each kind that costs no more than `budget` on average; None where nothing of the kind does.

    `single` pays for all its k samples, `stopping` ends at the first pass. `oracle` is undefined where a model has fewer
    samples than the budget buys.
    """

    budget: float
    single: Choice | None
    stopping: Choice | None
    cascade: Choice | None
    mixture: Choice | None
    greedy: Choice | None
    oracle: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allotment:
    """The frontier over (model, k), the greedy schedule in runs of one model, and the best of each kind at each budget."""

    frontier: tuple[Choice, ...]
    schedule: tuple[tuple[str, int], ...]
    rows: tuple[Allotted, ...]


def allot(offers: Sequence[Offer], fits: Mapping[str, Fit], budgets: Sequence[float]) -> Allotment:
    """The allotment of some models; the greedy schedule is made of those whose difficulty could be fitted."""
    rising = sorted(offers, key=lambda one: one.mean_cost.of(1))
    kinds = _kinds(rising)
    order = _schedule(rising, fits)
    after = scheduled(order, {one.model: one for one in rising}) if order else []
    return Allotment(
        frontier=tuple(kinds["single"]),
        schedule=tuple((name, len(list(run))) for name, run in groupby(order)),
        rows=tuple(
            Allotted(
                budget=budget,
                **{kind: best_within(choices, budget) for kind, choices in kinds.items()},
                greedy=best_within(after, budget),
                oracle=_oracle(rising, budget),
            )
            for budget in budgets
        ),
    )


def _kinds(rising: Sequence[Offer]) -> dict[str, list[Choice]]:
    """What is worth considering of each kind. A pair's choices are thinned at once: there are as many as k1 times k2."""
    pairs = list(combinations(rising, 2))
    return {
        "single": pareto([choice for one in rising for choice in singles(one, stopping=False)]),
        "stopping": pareto([choice for one in rising for choice in singles(one, stopping=True)]),
        "cascade": pareto([choice for pair in pairs for choice in pareto(cascades(*pair))]),
        "mixture": pareto([choice for pair in pairs for choice in pareto(mixtures(*pair))]),
    }


def _schedule(rising: Sequence[Offer], fits: Mapping[str, Fit]) -> tuple[str, ...]:
    known = [one for one in rising if one.model in fits]
    return greedy(
        {one.model: fits[one.model] for one in known},
        {one.model: one.mean_cost for one in known},
        {one.model: one.n for one in known},
    )


def _oracle(offers: Sequence[Offer], budget: float) -> float | None:
    if any(one.mean_cost.affordable(budget) > one.n for one in offers):
        return None
    return float(oracle(offers, budget).mean())
