"""Choose which model to ask among several: single choices, cascades, mixtures, greedy schedules, and an oracle.

Each model is a `ModelStats`: the chance that k of its samples leave a problem unsolved, and their cost there. Samples
of different models are independent given the problem, and samples of one model are drawn without replacement from those
stored, so everything here is an exact expectation over the orders of stored samples; nothing is simulated. A *cascade*
asks the first model up to k times, stops when a sample is accepted, and only then asks the second. A *mixture* draws
all samples of both. With k1, k2 free, all their values are two products of matrices (problems inside).

A sample is accepted if it passes the selection tests; if a problem has none, it must pass the judge's, which is an
oracle. `right` is the share of accepted samples that the judge passes too, so an accepted answer is worth that much.

A choice by all values is made on the problems for which it is shown. The best of many choices is in part the luckiest,
so its value there is too high on average. To estimate its value on unseen problems, the problems are dealt into parts;
for each part the choice is made on all the others and valued on that part alone, and the values of all problems
together are the estimate (cross-fitting: Stone 1974, "Cross-validatory choice"; Chernozhukov et al. 2018). It is the
worth of the *rule* "look at so many problems and take the best", made from a fifth fewer problems than there are, and
so it is rather too low than too high. On unseen problems such a choice may cost more than the budget; this cost is
returned with its value. What a sample costs is taken as known: within a part, costs are scaled so that each model's
mean is that of all problems. Otherwise a budget that buys exactly k samples would buy k - 1 on the half of all parts
where problems happen to be long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sampler.stats.betabinomial import Fit
from sampler.stats.bootstrap import Floats, Interval, intervals, rate_intervals
from sampler.stats.budget import UnitCost
from sampler.stats.passk import pass_at_every_k
from sampler.stats.stopping import attempts_at_every_k

EVERY = 100
_ROUNDING = 1e-12  # means of the same costs in another order differ by that much
PARTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStats:
    """One model on some problems: tables of problems x (n + 1), for k = 0 … n samples."""

    model: str
    left: Floats  # the chance that none of k samples is accepted
    attempts: Floats  # E[min(T, k)]
    right: Floats  # of each problem: how often an accepted sample is right
    mean_cost: UnitCost  # the paper's unit cost: one for all problems
    each: Floats  # of each problem: what a sample costs
    once: Floats  # of each problem: what is paid before the first sample

    @property
    def n(self) -> int:
        """Return the largest k."""
        return int(self.left.shape[1]) - 1

    @property
    def stopped(self) -> Floats:
        """Return what k samples cost on each problem when the first accepted one ends it."""
        paid = self.once[:, None] + self.attempts * self.each[:, None]
        paid[:, 0] = 0.0
        return np.asarray(paid, dtype=np.float64)

    @property
    def answered(self) -> Floats:
        """Return the chance that the answer handed out after k samples is right."""
        return np.asarray((1 - self.left) * self.right[:, None], dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCounts:
    """Samples of one model on some problems: how many, how many were accepted, and how many of those were right."""

    samples: Sequence[int]
    accepted: Sequence[int]
    right: Sequence[int]


def model_stats(model: str, tried: SampleCounts, costs: Sequence[UnitCost], mean: UnitCost | None = None) -> ModelStats:
    """Return a model's stats, from its counts and the cost of its samples on each problem.

    Pass the `mean` cost if it is shown elsewhere, too: computed again it may differ by a rounding, and buy one sample
    less.
    """
    n = min(tried.samples)
    start = np.ones((len(tried.samples), 1))
    accepted = np.asarray(tried.accepted, dtype=np.float64)
    right = np.asarray(tried.right, dtype=np.float64)
    each, once = np.array([cost.each for cost in costs]), np.array([cost.once for cost in costs])
    if (right > accepted).any():
        raise ValueError(f"{model}: more accepted samples are right than were accepted")
    return ModelStats(
        model=model,
        left=np.concatenate([start, 1 - pass_at_every_k(tried.samples, tried.accepted, n)], axis=1),
        attempts=np.concatenate([start * 0, attempts_at_every_k(tried.samples, tried.accepted, n)], axis=1),
        right=np.divide(right, accepted, out=np.zeros_like(right), where=accepted > 0),
        mean_cost=mean or UnitCost(each=float(each.mean()), once=float(once.mean())),
        each=each,
        once=once,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A way to spend: up to so many samples of each model, in this order; its mean cost and the share of right answers.

    `stops` says whether the first accepted sample ends it. `interval`, of the rate, is set if it was requested.
    """

    legs: tuple[tuple[str, int], ...]
    stops: bool
    cost: float
    rate: float
    interval: Interval | None = None


def singles(of: ModelStats, *, stopping: bool) -> list[Choice]:
    """Return every k of one model: always k samples, or until the first accepted one."""
    rates = of.answered.mean(axis=0)
    unit = of.mean_cost
    costs = of.stopped.mean(axis=0) if stopping else [unit.of(k) for k in range(of.n + 1)]
    return [
        Choice(legs=((of.model, k),), stops=stopping, cost=float(costs[k]), rate=float(rates[k]))
        for k in range(1, of.n + 1)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """k1 samples of one model with k2 of another: tables of k1 x k2, for the `ks` of each.

    That is every k from 1 on up to `EVERY`, and beyond it `EVERY` more, even in their logarithms: all would make
    millions.
    """

    models: tuple[str, str]
    ks: tuple[NDArray[np.int64], NDArray[np.int64]]
    stops: bool
    costs: Floats
    rates: Floats

    def at(self, one: int, two: int) -> Choice:
        """Return the choice in row `one` and column `two` of the tables."""
        legs = ((self.models[0], int(self.ks[0][one])), (self.models[1], int(self.ks[1][two])))
        return Choice(legs=legs, stops=self.stops, cost=float(self.costs[one, two]), rate=float(self.rates[one, two]))

    def every(self) -> list[Choice]:
        """Return all choices, row by row."""
        return [self.at(one, two) for one, two in np.ndindex(*self.costs.shape)]

    def frontier(self) -> list[Choice]:
        """Return the choices that no other beats, by rising cost: `pareto` of `every`, without making all of them."""
        costs, rates = self.costs.ravel(), self.rates.ravel()
        order = np.lexsort((-rates, costs))
        best = np.maximum.accumulate(rates[order])
        better = order[np.concatenate([[True], best[1:] > best[:-1]])]
        width = self.costs.shape[1]
        return pareto([self.at(*divmod(int(at), width)) for at in better])


def few_ks(n: int) -> NDArray[np.int64]:
    """Return every k up to `EVERY`, then `EVERY` more up to n, even in their logarithms."""
    far = np.geomspace(EVERY, n, EVERY).round().astype(np.int64) if n > EVERY else np.array([], dtype=np.int64)
    return np.unique(np.concatenate([np.arange(1, min(n, EVERY) + 1), far]))


def cascades(first: ModelStats, second: ModelStats) -> Pairs:
    """Return up to k1 samples of the first model, then up to k2 of the second, until one is accepted."""
    k1s, k2s = few_ks(first.n), few_ks(second.n)
    reached = first.left.T[k1s] / len(first.left)
    return Pairs(
        models=(first.model, second.model),
        ks=(k1s, k2s),
        stops=True,
        costs=first.stopped.mean(axis=0)[k1s, None] + reached @ second.stopped[:, k2s],
        rates=first.answered.mean(axis=0)[k1s, None] + reached @ second.answered[:, k2s],
    )


def mixtures(first: ModelStats, second: ModelStats) -> Pairs:
    """Return k1 samples of the first model and k2 of the second, whatever happens.

    A random accepted one of the first is preferred.
    """
    k1s, k2s = few_ks(first.n), few_ks(second.n)
    one, two = first.mean_cost, second.mean_cost
    missed = first.left.T[k1s] / len(first.left)
    return Pairs(
        models=(first.model, second.model),
        ks=(k1s, k2s),
        stops=False,
        costs=(one.once + one.each * k1s)[:, None] + two.once + two.each * k2s,
        rates=first.answered.mean(axis=0)[k1s, None] + missed @ second.answered[:, k2s],
    )


def outcome(choice: Choice, stats: Mapping[str, ModelStats]) -> tuple[Floats, Floats]:
    """Return what a choice costs on each problem, and how likely its answer there is right."""
    problems = len(next(iter(stats.values())).left)
    drawn = dict.fromkeys(stats, 0)
    reached, costs, right = np.ones(problems), np.zeros(problems), np.zeros(problems)
    for name, count in choice.legs:
        one, k = stats[name], drawn[name]
        drawn[name] = k + count
        before = one.left[:, k]
        kept = _over(one.left[:, k + count], before)
        tried = _over(one.attempts[:, k + count] - one.attempts[:, k], before)
        opening = one.once if k == 0 else 0.0
        costs += reached * (opening + tried * one.each) if choice.stops else opening + count * one.each
        right += reached * (1 - kept) * one.right
        reached = reached * kept
    return costs, right


def _over(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0), dtype=np.float64)


class Priced(Protocol):
    """What has a cost and reaches a rate."""

    @property
    def cost(self) -> float:
        """Return what it costs."""

    @property
    def rate(self) -> float:
        """Return what share it solves."""


AnyPriced = TypeVar("AnyPriced", bound=Priced)


def pareto(offered: Sequence[AnyPriced]) -> list[AnyPriced]:
    """Return the choices that no other beats: none is as good for less, and none is better for the same cost.

    The result is in order of rising cost.
    """
    kept: list[AnyPriced] = []
    for one in sorted(offered, key=lambda one: (one.cost, -one.rate)):
        if not kept or one.rate > kept[-1].rate + _ROUNDING:
            kept.append(one)
    return kept


def best_within(choices: Sequence[Choice], budget: float) -> Choice | None:
    """Return the best choice that costs at most `budget`, the cheapest of equals; None if there is none."""
    fitting = [choice for choice in choices if choice.cost <= budget * (1 + _ROUNDING)]
    return max(fitting, key=lambda one: (one.rate, -one.cost), default=None)


def oracle(stats: Sequence[ModelStats], budget: float) -> Floats:
    """Return what an oracle reaches that knows for each problem the best single model for the budget.

    An upper bound for routers.

    The maximum over models of noisy rates is too high on average, which an upper bound may be. Undefined where some
    model has fewer samples than the budget buys.
    """
    best = np.zeros(len(stats[0].left))
    for one in stats:
        k = one.mean_cost.affordable(budget)
        if k > one.n:
            raise ValueError(f"{one.model}: undefined for a budget that buys {k} of {one.n} samples")
        best = np.maximum(best, one.answered[:, k])
    return best


def greedy(fits: Mapping[str, Fit], costs: Mapping[str, UnitCost], most: Mapping[str, int]) -> tuple[str, ...]:
    """Return the greedy schedule: ask next the model with the best expected gain per cost, until a sample is accepted.

    After t failed samples of a model on a problem, the expected chance of its next one follows from its distribution of
    difficulty: alpha / (alpha + beta + t), times the probability that the problem is possible. Divided by the cost of a
    sample this is the marginal gain per cost. Models are taken as independent, although a problem that is hard for one
    is often hard for the other. `scheduled` computes the value of the schedule without this assumption.
    """
    vain = dict.fromkeys(fits, 0)
    order: list[str] = []
    while open_models := [name for name in fits if vain[name] < most[name]]:
        price = {name: costs[name].each + (0.0 if vain[name] else costs[name].once) for name in open_models}
        best = max(open_models, key=lambda name: _promise(fits[name], vain[name]) / price[name])
        vain[best] += 1
        order.append(best)
    return tuple(order)


def _promise(fit: Fit, vain: int) -> float:
    still = fit.impossible
    possible = 1 - fit.pass_at(vain) - still if vain else 1 - still
    return fit.alpha / (fit.alpha + fit.beta + vain) * possible / (possible + still)


def scheduled(order: Sequence[str], stats: Mapping[str, ModelStats]) -> list[Choice]:
    """Return what every beginning of a schedule costs and reaches if the first accepted sample ends it.

    A leg for each run.
    """
    problems = len(next(iter(stats.values())).left)
    drawn = dict.fromkeys(stats, 0)
    reached, cost, right = np.ones(problems), np.zeros(problems), np.zeros(problems)
    legs: tuple[tuple[str, int], ...] = ()
    found = []
    for name in order:
        one, k = stats[name], drawn[name]
        cost += reached * (one.each + (one.once if k == 0 else 0.0))
        kept = _over(one.left[:, k + 1], one.left[:, k])
        right += reached * (1 - kept) * one.right
        reached = reached * kept
        drawn[name] = k + 1
        legs = (*legs[:-1], (name, legs[-1][1] + 1)) if legs and legs[-1][0] == name else (*legs, (name, 1))
        found.append(Choice(legs=legs, stops=True, cost=float(cost.mean()), rate=float(right.mean())))
    return found


def strata(reference: Sequence[float], groups: int = 5) -> list[NDArray[np.int64]]:
    """Return problems by difficulty: `groups` of about equal size by the reference's rate, the hardest first.

    Source: Snell et al. 2024.

    Equal rates stay in the problems' order. The reference's own rates within the groups are too low for hard problems
    and too high for easy ones, because the sorting depends on chance, too.
    """
    if not 1 <= groups <= len(reference):
        raise ValueError(f"{len(reference)} problems make no {groups} groups")
    order = np.argsort(np.asarray(reference), kind="stable")
    return [np.sort(part) for part in np.array_split(order, groups)]


def stratum_means(reference: Floats, values: Floats, shares: tuple[float, float], weights: Floats) -> Floats:
    """Return means over a stratum of problems that count differently, as a table of resamples x columns.

    `values` is problems x columns. The stratum lies between two `shares` of the weight, in the order of `strata`,
    so that it holds other problems in each resample: the place of its border is part of the uncertainty. A problem
    across the border counts with its part inside.
    """
    begin, end = shares
    order = np.argsort(reference, kind="stable")
    upto = np.clip(np.cumsum(weights[:, order], axis=1), begin, end)
    inside = np.diff(upto, axis=1, prepend=begin)
    return np.asarray(inside @ values[order] / (end - begin), dtype=np.float64)


Places = NDArray[np.int64]
Ways = Callable[
    [Sequence[ModelStats], Places], Sequence[Choice]
]  # model stats on some problems, and which problems these are


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidated:
    """What choices cost and reach on problems that were not used to make them; no intervals below two problems.

    The cost's says how far from the budget such choices end on other problems, which may be longer, or harder.
    """

    cost: float
    cost_interval: Interval | None
    rate: float
    interval: Interval | None

    def over(self, budget: float) -> bool:
        """Return whether such choices cost clearly more than the budget that they were made for."""
        return self.cost > 1.01 * budget


def deal(problems: int, rng: np.random.Generator) -> list[Places]:
    """Return the problems, divided at random into parts of about equal size; none for fewer than two."""
    if problems < 2:
        return []
    return [np.sort(part) for part in np.array_split(rng.permutation(problems), min(PARTS, problems))]


def held_out(
    ways: Ways, stats: Sequence[ModelStats], budgets: Sequence[float], parts: Sequence[Places], draws: Floats | None
) -> list[CrossValidated | None]:
    """Return the value at each budget of the best of `ways`; None if no way fits on the problems of some part."""
    problems = len(stats[0].left)
    costs, rates = np.full((2, problems, len(budgets)), np.nan)
    for part in parts:
        others = np.setdiff1d(np.arange(problems), part)
        found = ways([within(one, others) for one in stats], others)
        here = {one.model: within(one, part, scaled=False) for one in stats}
        for at, budget in enumerate(budgets):
            chosen = best_within(found, budget)
            if chosen is not None:
                costs[part, at], rates[part, at] = outcome(chosen, here)
    return [_cross_validated(costs[:, at], rates[:, at], draws) for at in range(len(budgets))]


def _cross_validated(costs: Floats, rates: Floats, draws: Floats | None) -> CrossValidated | None:
    if np.isnan(rates).any():
        return None
    return CrossValidated(
        cost=float(costs.mean()),
        cost_interval=None if draws is None else intervals(costs[:, None], draws)[0],
        rate=float(rates.mean()),
        interval=None if draws is None else rate_intervals(rates[:, None], draws)[0],
    )


def within(of: ModelStats, problems: Places, *, scaled: bool = True) -> ModelStats:
    """Return a model's stats on some problems; if `scaled`, the mean cost of a sample is that on all problems."""
    each, once = of.each[problems], of.once[problems]
    if scaled:
        each = each * (of.each.mean() / each.mean())
        once = once * (of.once.mean() / once.mean()) if once.any() else once + of.once.mean()
    return replace(
        of, left=of.left[problems], attempts=of.attempts[problems], right=of.right[problems], each=each, once=once
    )
