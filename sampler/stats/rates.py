"""One-sided tests of a share of problems against a bound, by the score method.

Wilson's (1927) standard error under the bound, for as many problems as would vary alike if each counted 0 or 1: rates between
vary less, so that is more than there are (an effective sample size, as for clustered surveys, Korn and Graubard 1998). The
variance has a quarter of a problem added at 0 and at 1, because the problems that were drawn may all be alike, and Student's
t takes the place of the normal distribution. `tests/bench/gate_null.py` measures how often it errs.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np

from sampler.stats.bootstrap import Floats
from sampler.stats.student import t_beyond, t_quantile

ADDED = 0.25  # problems at 0 and at 1


def p_below(values: Floats, bound: float) -> float:
    """The p value for the mean of values between 0 and 1 lying below a bound."""
    return _beyond(bound - float(values.mean()), values, bound)


def p_above(values: Floats, bound: float) -> float:
    """The p value for the mean lying above a bound."""
    return _beyond(float(values.mean()) - bound, values, bound)


def _beyond(gap: float, values: Floats, bound: float) -> float:
    if not 0 < bound < 1:
        return 0.0 if gap > 0 else 1.0  # no mean lies outside, so one that differs needs no proof
    return t_beyond(gap / sqrt(bound * (1 - bound) / effective_size(values)), len(values) - 1)


def effective_size(values: Floats) -> float:
    """How many values of 0 or 1 would vary as much as these."""
    problems = len(values)
    if problems < 2:
        raise ValueError(f"a test over problems is undefined for {problems} problem(s)")
    size = problems + 2 * ADDED
    mean = (float(values.sum()) + ADDED) / size
    variance = (float((values**2).sum()) + ADDED) / size - mean**2
    return (problems - 1) * mean * (1 - mean) / variance


def problems_to_show(values: Floats, bound: float, alpha: float, power: float) -> int | None:
    """How many such problems would show that the mean lies above the bound, with the chance `power`; None where it does not."""
    gap = float(values.mean()) - bound
    if gap <= 0:
        return None
    each = len(values) / effective_size(values)
    under, over = (sqrt(at * (1 - at) * each) for at in (bound, float(np.clip(values.mean(), 0, 1))))
    needed = 2
    while (t_quantile(1 - alpha, needed - 1) * under + NormalDist().inv_cdf(power) * over) ** 2 > gap**2 * needed:
        needed = max(needed + 1, needed * 101 // 100)  # to the nearest hundredth
    return needed
