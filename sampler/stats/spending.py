"""A budget for each problem, spent by other rules than the paper's one k for all problems.

The paper divides the budget by a model's mean cost of a sample (`UnitCost.affordable`). Problems differ in length, so
that k is too many on the long ones and too few on the short ones. `by_own_cost` divides by each problem's own mean
cost. `Orders` needs no mean at all: the samples that were drawn are spent in random orders, each at what it cost, until
the next one does not fit. Where all samples cost the same, the three agree. All end where samples run out: beyond, the
value is undefined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampler.stats.bootstrap import Floats
from sampler.stats.budget import UnitCost
from sampler.stats.passk import pass_at_k


def by_own_cost(samples: Sequence[int], correct: Sequence[int], costs: Sequence[UnitCost], budget: float) -> Floats:
    """pass@k of every problem with the k that `budget` buys on that problem.

    Undefined where it buys more than was drawn.
    """
    rates = []
    for n, c, cost in zip(samples, correct, costs, strict=True):
        k = cost.affordable(budget)
        rates.append(pass_at_k(n, c, k) if k else 0.0)
    return np.array(rates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The samples of one problem: what each cost and whether it passed. `once` is paid before the first."""

    costs: Floats
    passed: NDArray[np.bool_]
    once: float = 0.0

    def __post_init__(self) -> None:
        if self.costs.shape != self.passed.shape or self.costs.ndim != 1 or not len(self.costs):
            raise ValueError(f"{self.costs.size} costs and {self.passed.size} verdicts; one of each for every sample")
        if not (np.isfinite(self.costs).all() and (self.costs >= 0).all() and self.costs.sum() > 0):
            raise ValueError("costs must be numbers that are not negative, and not all zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """When each problem is solved in each of some random orders of its samples.

    `solved_at` is what had been spent when the first sample passed (problems x orders; infinite where none does),
    `begin` the budget from which on some problem has a sample, `end` that from which on some problem has none left to
    spend on.
    """

    solved_at: Floats
    begin: float
    end: float

    def rates(self, budget: float) -> Floats:
        """The share of orders in which each problem is solved within `budget`."""
        if budget >= self.end:
            raise ValueError(f"undefined for a budget of {budget}: the samples of some problem are spent at {self.end}")
        return np.asarray((self.solved_at <= budget).mean(axis=1), dtype=np.float64)


def replay(problems: Sequence[Spent], rng: np.random.Generator, orders: int = 200) -> Orders:
    """Spend every problem's samples in `orders` random orders.

    Cumulative cost <= budget decides, whatever the mean cost is.
    """
    solved = np.stack([_solved_at(problem, rng, orders) for problem in problems])
    begin = min(problem.once + float(problem.costs.min()) for problem in problems)
    end = min(problem.once + float(problem.costs.sum() + problem.costs.min()) for problem in problems)
    return Orders(solved_at=solved, begin=begin, end=end)


def _solved_at(problem: Spent, rng: np.random.Generator, orders: int) -> Floats:
    shuffled = np.argsort(rng.random((orders, len(problem.costs))), axis=1)
    spent = problem.once + np.cumsum(problem.costs[shuffled], axis=1)
    passed = problem.passed[shuffled]
    first = np.argmax(passed, axis=1)
    at = spent[np.arange(orders), first]
    return np.where(passed.any(axis=1), at, np.inf)
