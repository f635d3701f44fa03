"""Stop sampling by what was seen, and say nothing false by it.

Looking at an interval again and again until it leaves out zero finds a winner where there is none: with enough looks,
almost surely. So the looks are declared before, and the level is divided among them (Bonferroni): by all looks together
the chance of a false claim is below `ALPHA`, and an interval of the look at which a study stopped holds the truth as
often as it says. At every look all models have equally many samples of every problem, so pass@k keeps its estimator.

What stopping within a problem does is another matter. With a stop at the r-th pass, c/n is too high (at p = 0.2 and a
cap of 20 by a factor of 2 for r = 1), and pass@k from such counts is void. Haldane's estimator (1945) leaves the last
pass out and is unbiased, and so is pass@k from the tries before it (`stopped_pass_at_k`).

Where a budget is allotted, every problem gets the same first samples, and what is left goes to problems without a pass
(`next_targets`). Then pass@k has two estimators, and neither sees what was stopped: up to the first samples Chen's,
from these alone; beyond, whether one of the first k passed. The second is what k samples of every problem would have
said, because a problem is left only after a pass; it is known for every k that all unsolved problems were tried for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt

import numpy as np

from sampler.stats.bootstrap import Floats, Interval, t_quantile

ALPHA = 0.05


def looks_until(first: int, most: int) -> tuple[int, ...]:
    """Return how many samples each problem has at each look: `first`, doubled, up to `most`."""
    if not 1 <= first <= most:
        raise ValueError(f"a first look at {first} of at most {most} samples is none")
    looks = [first]
    while looks[-1] < most:
        looks.append(min(2 * looks[-1], most))
    return tuple(looks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look says of a difference: its interval at the divided level, and whether that is enough."""

    difference: float
    interval: Interval
    clear: bool  # the interval leaves out zero
    narrow: bool  # its half width is at most what was asked for

    @property
    def enough(self) -> bool:
        """Return whether sampling may stop."""
        return self.clear or self.narrow


def look_at(gaps: Floats, looks: int, comparisons: int, precision: float) -> Look:
    """Return what a look says of the mean of paired gaps, one for each problem.

    The interval is Student's t over problems, at level 1 - ALPHA / (looks x comparisons).
    """
    n = len(gaps)
    if n < 2:
        raise ValueError(f"a difference over {n} problem(s) has no interval")
    mean, error = float(gaps.mean()), float(gaps.std(ddof=1)) / sqrt(n)
    # Where nothing differs there is nothing to estimate an error from: then as if one problem more did.
    error = max(error, 1 / n / sqrt(n))
    half = t_quantile(1 - ALPHA / (2 * looks * comparisons), n - 1) * error
    interval = Interval(max(-1.0, mean - half), min(1.0, mean + half))
    return Look(
        difference=mean, interval=interval, clear=not interval.low <= 0 <= interval.high, narrow=half <= precision
    )


def haldane(passes: int, tries: int, stop_at: int) -> float:
    """Return the unbiased estimate of a pass rate after a stop at the `stop_at`-th pass, or at a cap.

    (r - 1) / (t - 1) where the r-th pass came at try t; passes / tries where the cap came before. With r = 1 that is
    whether the first try passed. Source: Haldane 1945, "On a method of estimating frequencies".
    """
    if passes < stop_at:
        return passes / tries
    return (stop_at - 1) / (tries - 1) if stop_at > 1 else float(tries == 1)


def stopped_pass_at_k(passes: int, tries: int, stop_at: int, k: int) -> float:
    """Return the unbiased estimate of pass@k after a stop at the `stop_at`-th pass at try `tries`, or at a cap.

    The pass that ended it is left out: of the t - 1 tries before, r - 1 passed, and k of those are drawn. For k of at
    least t, some pass is among the first k tries, so it is 1. At the cap it is Chen's estimator. `k` must not exceed
    the cap.
    """
    if passes < stop_at:
        if k > tries:
            raise ValueError(f"pass@{k} is undefined for a cap of {tries} tries")
        return 1 - comb(tries - passes, k) / comb(tries, k)
    if k >= tries:
        return 1.0
    return 1 - comb(tries - stop_at, k) / comb(tries - 1, k)


PRIOR = (0.55, 0.75)  # a Beta of pass rates that is high at both ends, as they are


def expected_gains(tries: Sequence[int], costs: Sequence[float], prior: tuple[float, float]) -> Floats:
    """Return what one more sample of each unsolved problem is expected to solve, for each unit of cost.

    `tries` were in vain. The chance that the next one passes is a / (a + b + t) under a prior Beta(a, b).
    Whatever order follows from it, trees that are counted whole stay runs of one policy.
    """
    alpha, beta = prior
    t = np.asarray(tries, dtype=np.float64)
    return np.asarray(alpha / (alpha + beta + t) / np.asarray(costs, dtype=np.float64), dtype=np.float64)


def next_targets(
    tries: Sequence[Sequence[int]], costs: Sequence[float], most: Sequence[int], left: float
) -> tuple[int, ...]:
    """Return up to how many tries each model's unsolved problems are sampled next; a model at 0 gets no more.

    `tries` are, for each model, those of its problems without a pass; `costs` are of one of its samples, and `left` is
    what may be spent. The next sample goes where it is likeliest to solve a problem for its cost (`expected_gains`), so
    models are tried in inverse proportion to their costs. All unsolved problems of a model get equally many tries, and
    no round more than doubles them, since samples that come after a pass in the same round are of no use.
    """
    fewest = [min(of_model, default=0) for of_model in tries]
    bounds = [min(cap, 2 * few) if few else 0 for few, cap in zip(fewest, most, strict=True)]
    alpha, beta = PRIOR

    def targets(least_gain: float) -> list[int]:
        # The next sample after t in vain is worth alpha / (alpha + beta + t) / cost.
        found = (int(min(alpha / (least_gain * cost) - alpha - beta, 1e9)) + 1 for cost in costs)
        return [min(bound, max(0, one)) for bound, one in zip(bounds, found, strict=True)]

    def spent(goals: Sequence[int]) -> float:
        rows = zip(tries, costs, goals, strict=True)
        return sum(cost * sum(max(0, goal - done) for done in of_model) for of_model, cost, goal in rows)

    low, high = 1e-9 / max(costs), 1.0 / min(costs)  # gains: the first affords everything, the second nothing
    if spent(targets(low)) > left:
        for _ in range(100):
            middle = sqrt(low * high)
            low, high = (middle, high) if spent(targets(middle)) > left else (low, middle)
    else:
        high = low
    goals = targets(high)
    found = zip(goals, tries, strict=True)
    return tuple(goal if any(goal > done for done in of_model) else 0 for goal, of_model in found)
