"""Estimate what trees of drafts and repairs reach, and what independent samples reach with the same means.

Trees of one problem are independent of each other, and the repairs of one program are exchangeable; the programs of a
tree are neither. So whole trees are drawn, without replacement from those that a store holds, and the draw is done
exactly, by counting, instead of with random numbers. Intervals resample problems, as everywhere.

Drawing with replacement, as some published scripts do, gives 1 - (mean e)^n for n trees with misses e: too low.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from sampler.stats.bootstrap import Floats, Interval, draw_problems, rate_intervals, read_intervals, resampled_statistic


@dataclass(frozen=True, slots=True)
class Grown:
    """A draft, and how many repairs of it were drawn and passed; a draft that passed has none."""

    passed: bool
    repairs: int = 0
    repaired: int = 0

    def miss(self, repairs: int) -> float:
        """Return the chance that neither the draft nor `repairs` of its repairs passed.

        A draft that was wrong and not repaired stays wrong: its public tests had passed, and told nothing.
        """
        if self.passed:
            return 0.0
        if not self.repairs:
            return 1.0
        if repairs > self.repairs:
            raise ValueError(f"undefined for {repairs} repairs of a draft: {self.repairs} were drawn")
        return comb(self.repairs - self.repaired, repairs) / comb(self.repairs, repairs)


def tree_pass(trees: Sequence[Grown], drafts: int, repairs: int) -> float:
    """Return the chance that `drafts` trees with `repairs` repairs of each wrong draft hold a right program.

    It is 1 - E(e_1 … e_N) / C(N, drafts), with E the elementary symmetric polynomial of degree `drafts` of the trees'
    misses: the mean over all choices of trees, and so unbiased. Undefined for more drafts than trees. The setting is
    that of Olausson et al. 2024 (arXiv 2306.09896, section 3), who draw with random numbers.
    """
    if not 1 <= drafts <= len(trees):
        raise ValueError(f"undefined for {drafts} drafts: there are {len(trees)} trees")
    return 1.0 - _symmetric([tree.miss(repairs) for tree in trees], drafts) / comb(len(trees), drafts)


def repairs_drawn(trees: Sequence[Grown], drafts: int, repairs: int) -> float:
    """Return the expected number of repairs where they start only if no draft of the choice has passed."""
    wrong = sum(not tree.passed for tree in trees)
    return drafts * repairs * comb(wrong, drafts) / comb(len(trees), drafts)


def _symmetric(values: Sequence[float], degree: int) -> float:
    sums = [1.0] + [0.0] * degree
    for value in values:
        for at in range(degree, 0, -1):
            sums[at] += sums[at - 1] * value
    return sums[degree]


@dataclass(frozen=True, slots=True)
class Try:
    """An independent sample: whether its selection tests accept it, whether it is right, and what it cost."""

    accepted: bool
    right: bool
    cost: float


def resampling(tries: Sequence[Try], most: int) -> tuple[float, float]:
    """Return how often the answer of up to `most` samples is right, and the expected cost, drawn one by one.

    Sampling ends with the first accepted one, which is the answer; if none is accepted, the last one is. Exact: the
    mean over all orders of the samples, so unbiased for any `most` up to their number.
    """
    n = len(tries)
    if not 1 <= most <= n:
        raise ValueError(f"undefined for {most} tries: there are {n} samples")
    accepted, rest = [one for one in tries if one.accepted], [one for one in tries if not one.accepted]
    none = comb(len(rest), most) / comb(n, most)
    rate = sum(one.right for one in accepted) / len(accepted) * (1 - none) if accepted else 0.0
    rate += none * sum(one.right for one in rest) / len(rest) if rest else 0.0
    cost = 0.0
    for before in range(most):
        drawn = comb(len(rest), before) / comb(n, before)  # the chance that so many were drawn in vain
        if drawn:
            of_accepted = sum(one.cost for one in accepted)
            of_rest = sum(one.cost for one in rest) / len(rest) * (len(rest) - before) if rest else 0.0
            cost += drawn * (of_accepted + of_rest) / (n - before)
    return rate, cost


def within_budget(
    tries: Sequence[Try], budget: float, rng: np.random.Generator, orders: int = 200
) -> tuple[float, float, float]:
    """Return how often an answer within a budget is right, its mean cost, and how often the samples ran out before.

    A sample is begun while less than the budget was spent, the first accepted one is the answer, else the last. A
    random order of stored samples is a run of independent draws, so replaying the rule is unbiased, but for the runs
    that ran out: those would have gone on.
    """
    right, spent, out = 0, 0.0, 0
    for _ in range(orders):
        paid, answer, ended = 0.0, tries[0], False
        for at in rng.permutation(len(tries)):
            if paid >= budget:
                ended = True
                break
            answer = tries[int(at)]
            paid += answer.cost
            if answer.accepted:
                ended = True
                break
        right, spent, out = right + answer.right, spent + paid, out + (not ended and paid < budget)
    return right / orders, spent / orders, out / orders


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What a policy reaches, and what it has over another one that spends as much; None where that one costs more.

    Where the other one's samples end below the budget, `ended` says so: then it reaches at least `other` for less, and
    the difference is at most `difference`.

    The other one spends the budget on the whole set of problems: with so many tries for all, and one more for a share.
    """

    rate: float
    interval: Interval | None
    cost: float
    other: float | None = None
    difference: float | None = None
    difference_interval: Interval | None = None
    ended: bool = False


def gain(rates: Floats, costs: Floats, other: tuple[Floats, Floats] | None, rng: np.random.Generator) -> Gain:
    """Return a policy's gain. `rates` and `costs` are of each problem, those of `other` tables of problems x tries.

    A resample of the problems moves both policies and the budget, so that the interval of the difference is paired.
    """
    draws = draw_problems(len(rates), rng) if len(rates) > 1 else None
    own = None if draws is None else rate_intervals(rates[:, None], draws)[0]
    made = Gain(rate=float(rates.mean()), interval=own, cost=float(costs.mean()))
    if other is None:
        return made
    table, spent = other

    def reached(weights: Floats) -> Floats:
        return _at_budget(weights @ table, weights @ spent, weights @ costs)

    whole = np.full((1, len(rates)), 1 / len(rates))
    if made.cost < float(spent[:, 0].mean()):
        return made
    at = float(reached(whole)[0])
    interval = None
    if draws is not None:
        found = resampled_statistic(lambda weights: weights @ rates[:, None] - reached(weights)[:, None], draws)
        interval = read_intervals(found)[0]
    return Gain(
        rate=made.rate,
        interval=own,
        cost=made.cost,
        other=at,
        difference=made.rate - at,
        difference_interval=interval,
        ended=made.cost > float(spent[:, -1].mean()),
    )


def _at_budget(rates: Floats, costs: Floats, budgets: Floats) -> Floats:
    """Return what each row's curve reaches at its budget, straight between two numbers of tries, held at its ends."""
    return np.array([np.interp(at, cost, rate) for rate, cost, at in zip(rates, costs, budgets, strict=True)])
