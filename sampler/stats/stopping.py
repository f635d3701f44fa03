"""Compute the costs of stopping at the first pass, per problem and over a whole set, and the cost of a solution.

The metrics of Hassid et al. charge k samples even if the first was right. With tests that recognise a right program,
one stops there and pays for T samples, where T is the first that passes, or for k if none does. Drawn without
replacement from n samples of which c pass, E[min(T, k)] = sum over j < k of C(n-c, j) / C(n, j): the j-th summand is
the chance that j samples were drawn without a pass.

A budget for a whole set of problems is best spent in rounds, one sample for every problem not yet solved, as in "Reset
and Discard" (Meir et al. 2026, arXiv 2601.21522). After k rounds that is every problem stopped at its first pass or at
k, so the same formula gives the set's expected cost; within a round the problems' order is random, and both cost and
solutions grow evenly.

Cost of pass (Erol et al. 2025, arXiv 2504.13359): the cost of a sample over the rate of success, per problem. It is
infinite if nothing passed, so the share of such problems is always returned with the mean of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampler.stats.bootstrap import (
    Floats,
    Interval,
    draw_problems,
    intervals,
    rate_intervals,
    read_rates,
    resampled_statistic,
)
from sampler.stats.budget import UnitCost
from sampler.stats.passk import pass_at_every_k, pass_at_k


def attempts_at_every_k(samples: Sequence[int], correct: Sequence[int], ks: int) -> Floats:
    """Return E[min(T, k)] for k = 1 … ks of every problem, as a table of problems x ks."""
    in_vain = 1.0 - pass_at_every_k(samples, correct, ks)
    before = np.concatenate([np.ones((len(in_vain), 1)), in_vain[:, :-1]], axis=1)
    return np.asarray(np.cumsum(before, axis=1), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """What stopping at the first pass, or at k, costs and reaches: means over problems.

    Both are always defined, because at most k samples are paid. Their intervals are set if they were requested.
    """

    k: int
    cost: float
    rate: float
    cost_interval: Interval | None = None
    rate_interval: Interval | None = None


def reached_by(stops: Sequence[Stop], budget: float) -> float:
    """Return what share is solved when the set's budget is `budget` for each problem, spent in rounds.

    Undefined after the last.

    Before the end of the first round as many problems were visited as the budget pays for.
    """
    costs = np.array([0.0, *(stop.cost for stop in stops)])
    rates = np.array([0.0, *(stop.rate for stop in stops)])
    if not 0 <= budget <= costs[-1]:
        raise ValueError(f"undefined for a budget of {budget}: {len(stops)} rounds end at {costs[-1]}")
    return float(reached_in_rounds(costs[None], rates[None], [budget])[0, 0])


def reached_in_rounds(costs: Floats, rates: Floats, budgets: Sequence[float]) -> Floats:
    """Return what rounds reach within budgets, as a table of sets x budgets.

    `costs` and `rates` are sets x rounds, from round 0 on.

    A set whose rounds end before a budget goes on at the pace of its last round, up to all problems. Real rounds slow
    down, as what is left is harder, so that is rather too much than too little.
    """
    sets = np.arange(len(costs))
    found = np.empty((len(costs), len(budgets)))
    for at, budget in enumerate(budgets):
        end = np.clip((costs <= budget).sum(axis=1), 1, costs.shape[1] - 1)
        paid, begun = costs[sets, end] - costs[sets, end - 1], rates[sets, end - 1]
        pace = np.divide(rates[sets, end] - begun, paid, out=np.zeros(len(costs)), where=paid > 0)
        found[:, at] = np.minimum(1.0, begun + pace * (budget - costs[sets, end - 1]))
    return found


def rounds_intervals(costs: Floats, rates: Floats, budgets: Sequence[float], draws: Floats) -> list[Interval]:
    """Return the interval of what rounds reach at each budget.

    `costs` and `rates` are problems x rounds, from round 0 on. Each resample spends the budgets anew, so that the
    interval includes the uncertainty about which problems are expensive.
    """

    def reached(weights: Floats) -> Floats:
        return reached_in_rounds(weights @ costs, weights @ rates, budgets)

    return read_rates(resampled_statistic(reached, draws)) if budgets else []


@dataclass(frozen=True, slots=True, kw_only=True)
class CostOfPass:
    """The mean cost of one right program over the problems where some passed; None where none did.

    `unsolved` is the share of problems left out of it; over all problems the mean would be infinite where there is one.
    So the interval is from resamples of the others, none of which is without a pass; there is none below two such
    problems.
    """

    mean: float | None
    interval: Interval | None
    unsolved: float
    unsolved_interval: Interval | None


def costs_of_pass(samples: Sequence[int], correct: Sequence[int], each: Floats) -> Floats:
    """Return each problem's cost per sample over its success rate; infinite without a pass (Erol et al. 2025)."""
    rates = np.asarray(correct, dtype=np.float64) / np.asarray(samples, dtype=np.float64)
    never = np.full(len(rates), np.inf)
    return np.asarray(np.divide(each, rates, out=never, where=rates > 0), dtype=np.float64)


def frontier(costs: Mapping[str, Floats]) -> Floats:
    """Return the least cost of pass that any model has on each problem (Erol et al. 2025)."""
    return np.asarray(np.min(np.stack(list(costs.values())), axis=0), dtype=np.float64)


def cost_of_pass(costs: Floats, rng: np.random.Generator, draws: Floats | None) -> CostOfPass:
    """Return the summary of one cost of pass for each problem.

    `draws` are resamples of all of them, `rng` draws the solved ones.
    """
    known = np.isfinite(costs)
    solved = costs[known]
    never = None if draws is None else rate_intervals(1.0 - known[:, None], draws)[0]
    found = intervals(solved[:, None], draw_problems(len(solved), rng))[0] if len(solved) > 1 else None
    return CostOfPass(
        mean=float(solved.mean()) if len(solved) else None,
        interval=found,
        unsolved=1 - len(solved) / len(costs),
        unsolved_interval=never,
    )


# A budget for each problem, spent by other rules than the paper's one k for all problems.
#
# The paper divides the budget by a model's mean cost of a sample (`UnitCost.affordable`). Problems differ in length, so
# that k is too many on the long ones and too few on the short ones. `by_own_cost` divides by each problem's own mean
# cost. `Orders` needs no mean at all: the samples that were drawn are spent in random orders, each at what it cost,
# until the next one does not fit. Where all samples cost the same, the three agree. All end where samples run out:
# beyond, the value is undefined.


def by_own_cost(samples: Sequence[int], correct: Sequence[int], costs: Sequence[UnitCost], budget: float) -> Floats:
    """Return pass@k of every problem with the k that `budget` buys on that problem.

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
        """Return the share of orders in which each problem is solved within `budget`."""
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
