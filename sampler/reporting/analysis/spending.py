"""Spend one budget by four rules: one k for all problems, each problem's own k, sample by sample, and in rounds.

Pure. The first rule is that of Hassid et al. and of every curve here; `sampler.stats.stopping` defines the others. The
last rule has one budget for the whole set of problems, and ends a problem at its first pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sampler.reporting.paired_data import PairedData
from sampler.stats.allocation import ModelStats
from sampler.stats.bootstrap import Floats, Interval, rate_intervals
from sampler.stats.budget import PromptCharge, UnitCost
from sampler.stats.curves import Counts
from sampler.stats.stopping import Orders, Spent, Stop, by_own_cost, reached_by, replay, rounds_intervals
from sampler.store.read_models import ModelRow, SpentRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """The share that is solved at a budget, by each rule; None if a rule has no value there.

    Each has its interval, by the name of the field; there is none if the budget buys no sample on any problem. The cost
    of a sample is taken as known, except for the rounds, where each resample has its own cost.
    """

    budget: float
    by_mean: float | None
    by_own: float | None
    by_sample: float | None
    in_rounds: float | None
    intervals: Mapping[str, Interval | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Solved:
    """What a rule solves of each problem at a budget, and whether the budget buys a sample at all."""

    rates: Floats
    measured: bool


def spending(
    of: ModelStats, counts: Counts, orders: Orders | None, budgets: Sequence[float], draws: Floats | None
) -> tuple[Spending, ...]:
    """Return what a model solves at each budget.

    Without `orders` the rule "sample by sample" has no value; without `draws` there are no intervals.
    """
    own = [UnitCost(each=float(each), once=float(once)) for each, once in zip(of.each, of.once, strict=True)]
    solved = [_solved(of, counts, own, orders, budget) for budget in budgets]
    rounds = _rounds(of, budgets, draws)
    near = _near(solved, draws)
    return tuple(
        Spending(
            budget=budget,
            **{rule: float(one.rates.mean()) if one else None for rule, one in rules.items()},
            in_rounds=rounds[at][0],
            intervals={**{rule: near.get((at, rule)) for rule in rules}, "in_rounds": rounds[at][1]},
        )
        for at, (budget, rules) in enumerate(zip(budgets, solved, strict=True))
    )


def _solved(
    of: ModelStats, counts: Counts, own: Sequence[UnitCost], orders: Orders | None, budget: float
) -> dict[str, _Solved | None]:
    """Return the values of the three rules per problem; None if a rule needs more samples than there are."""
    k, ks = of.mean_cost.affordable(budget), [cost.affordable(budget) for cost in own]
    found: dict[str, _Solved | None] = dict.fromkeys(("by_mean", "by_own", "by_sample"))
    if k <= of.n:
        found["by_mean"] = _Solved(rates=of.answered[:, k], measured=k > 0)
    if all(bought <= n for bought, n in zip(ks, counts.scored, strict=True)):
        rates = by_own_cost(counts.scored, counts.passed, own, budget)
        found["by_own"] = _Solved(rates=rates, measured=any(ks))
    if orders and budget < orders.end:
        found["by_sample"] = _Solved(rates=orders.rates(budget), measured=budget >= orders.begin)
    return found


def _near(solved: Sequence[Mapping[str, _Solved | None]], draws: Floats | None) -> dict[tuple[int, str], Interval]:
    """Return the intervals of measured values, by the budget's place and the rule."""
    columns = {
        (at, rule): one.rates for at, rules in enumerate(solved) for rule, one in rules.items() if one and one.measured
    }
    if draws is None or not columns:
        return {}
    return dict(zip(columns, rate_intervals(np.stack(list(columns.values()), axis=1), draws), strict=True))


def _rounds(
    of: ModelStats, budgets: Sequence[float], draws: Floats | None
) -> list[tuple[float | None, Interval | None]]:
    """Return what rounds reach at each budget, with its interval; None when all samples are spent."""
    rates, costs = of.answered.mean(axis=0), of.stopped.mean(axis=0)
    stops = [Stop(k=k, cost=float(costs[k]), rate=float(rates[k])) for k in range(1, of.n + 1)]
    inside = [budget for budget in budgets if budget <= stops[-1].cost]
    near = iter(rounds_intervals(of.stopped, of.answered, inside, draws) if draws is not None else [None] * len(inside))
    return [(reached_by(stops, budget), next(near)) if budget in inside else (None, None) for budget in budgets]


def orders_of(paired: PairedData, model: ModelRow, rows: Iterable[SpentRow], charge: PromptCharge) -> Orders | None:
    """Return a model's samples in random orders; None unless each problem has samples with a cost."""
    by_problem: dict[str, list[SpentRow]] = {name: [] for name in paired.problems}
    for row in rows:
        if row.problem in by_problem:
            by_problem[row.problem].append(row)
    if not by_problem or not all(by_problem.values()):
        return None
    return replay([_spent(held, charge) for held in by_problem.values()], np.random.default_rng(model.id))


def _spent(rows: Sequence[SpentRow], charge: PromptCharge) -> Spent:
    passed = np.array([bool(row.passed) for row in rows])
    writing = np.array([float(row.writing) for row in rows])
    reading = np.array([float(row.reading) for row in rows])
    if charge is PromptCharge.ONCE:
        return Spent(costs=writing, passed=passed, once=float(reading.mean()))
    return Spent(costs=reading + writing, passed=passed)
