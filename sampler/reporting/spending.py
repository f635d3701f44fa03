"""The same budget spent by four rules: one k for all problems, each problem's own k, sample by sample, and in rounds.

Pure. The first is the paper's and that of every curve here; `sampler.stats.spending` and `sampler.stats.stopping` say what the
others are. The last is a budget for the whole set of problems, and ends a problem at its first pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sampler.reporting.ground import Ground
from sampler.stats.allocation import Offer
from sampler.stats.budget import PromptCharge, UnitCost
from sampler.stats.curves import Counts
from sampler.stats.spending import Orders, Spent, by_own_cost, replay
from sampler.stats.stopping import Stop, reached_by
from sampler.store.rows import ModelRow, SpentRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What share is solved at a budget, by each rule; None where a rule has no value there."""

    budget: float
    by_mean: float | None
    by_own: float | None
    by_sample: float | None
    in_rounds: float | None


def spending(of: Offer, counts: Counts, orders: Orders | None, budgets: Sequence[float]) -> tuple[Spending, ...]:
    """A model at each budget; without `orders`, nothing is said sample by sample."""
    rates, costs = of.answered.mean(axis=0), of.stopped.mean(axis=0)
    stops = [Stop(k=k, cost=float(costs[k]), rate=float(rates[k])) for k in range(1, of.n + 1)]
    own = [UnitCost(each=float(each), once=float(once)) for each, once in zip(of.each, of.once, strict=True)]

    def at(budget: float) -> Spending:
        k = of.mean_cost.affordable(budget)
        enough = all(cost.affordable(budget) <= n for cost, n in zip(own, counts.scored, strict=True))
        return Spending(
            budget=budget,
            by_mean=float(rates[k]) if k <= of.n else None,
            by_own=float(by_own_cost(counts.scored, counts.passed, own, budget).mean()) if enough else None,
            by_sample=float(orders.rates(budget).mean()) if orders and budget < orders.end else None,
            in_rounds=reached_by(stops, budget) if budget <= stops[-1].cost else None,
        )

    return tuple(map(at, budgets))


def orders_of(ground: Ground, model: ModelRow, rows: Iterable[SpentRow], charge: PromptCharge) -> Orders | None:
    """A model's samples in random orders; None unless each of the ground's problems has samples with a cost."""
    by_problem: dict[str, list[SpentRow]] = {name: [] for name in ground.problems}
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
