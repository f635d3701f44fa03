"""Estimate the value of a choice on problems that were not used to make it.

The best of many choices is in part the luckiest: its value on the problems that it was chosen on is too high on
average. So the problems are dealt into parts; for each part the choice is made on all the others and valued on that
part alone, and the values of all problems together are the estimate (cross-fitting: Stone 1974, "Cross-validatory
choice"; Chernozhukov et al. 2018). Each problem is valued by a choice that has not seen it. It is the worth of the
*rule* "look at so many problems and take the best", made from a fifth fewer problems than there are, and so it is
rather too low than too high. On unseen problems such a choice may cost more than the budget; this cost is returned with
its value.

What a sample costs is taken as known: within a part, costs are scaled so that each model's mean is that of all
problems. Otherwise a budget that buys exactly k samples would buy k - 1 on the half of all parts where problems happen
to be long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sampler.stats.allocation import Choice, ModelStats, best_within, outcome
from sampler.stats.bootstrap import Floats, Interval, intervals, rate_intervals

PARTS = 5
Places = NDArray[np.int64]
Ways = Callable[
    [Sequence[ModelStats], Places], Sequence[Choice]
]  # offers on some problems, and which problems these are


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


def deal(problems: int, rng: np.random.Generator, parts: int = PARTS) -> list[Places]:
    """Return the problems, divided at random into parts of about equal size; none for fewer than two."""
    if problems < 2:
        return []
    return [np.sort(part) for part in np.array_split(rng.permutation(problems), min(parts, problems))]


def held_out(
    ways: Ways, offers: Sequence[ModelStats], budgets: Sequence[float], parts: Sequence[Places], draws: Floats | None
) -> list[CrossValidated | None]:
    """Return the value at each budget of the best of `ways`; None if no way fits on the problems of some part."""
    problems = len(offers[0].left)
    costs, rates = np.full((2, problems, len(budgets)), np.nan)
    for part in parts:
        others = np.setdiff1d(np.arange(problems), part)
        found = ways([within(one, others) for one in offers], others)
        here = {one.model: within(one, part, scaled=False) for one in offers}
        for at, budget in enumerate(budgets):
            chosen = best_within(found, budget)
            if chosen is not None:
                costs[part, at], rates[part, at] = outcome(chosen, here)
    return [_held(costs[:, at], rates[:, at], draws) for at in range(len(budgets))]


def _held(costs: Floats, rates: Floats, draws: Floats | None) -> CrossValidated | None:
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
