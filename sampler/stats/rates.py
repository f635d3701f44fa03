"""One-sided tests of a mean rate of problems against a bound, by the score method.

The standard error is that of a share under the bound (Wilson 1927), with an effective sample size (as for clustered
surveys, Korn and Graubard 1998): rates between 0 and 1 vary less than outcomes of 0 or 1, so they count as more
problems than there are. A quarter of a problem is added at 0 and at 1 to the variance, because the problems that were
drawn may all be alike. Student's t replaces the normal distribution. `tests/bench/gate_null.py` measures the error
rates.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np

from sampler.stats.bootstrap import Floats
from sampler.stats.student_t import t_quantile, t_upper_tail

ADDED = 0.25  # of a problem at 0, and as much at 1


def p_below(values: Floats, bound: float) -> float:
    """Return the one-sided p value of the claim that the mean of `values` (each from 0 to 1) is below `bound`."""
    return _p(bound - float(values.mean()), values, bound)


def p_above(values: Floats, bound: float) -> float:
    """Return the one-sided p value of the claim that the mean is above `bound`."""
    return _p(float(values.mean()) - bound, values, bound)


def _p(gap: float, values: Floats, bound: float) -> float:
    if not 0 < bound < 1:
        return 0.0 if gap > 0 else 1.0  # no mean lies outside 0 to 1, so any gap is certain
    return t_upper_tail(gap / sqrt(bound * (1 - bound) / effective_sample_size(values)), len(values) - 1)


def effective_sample_size(values: Floats) -> float:
    """Return how many values of 0 or 1 would have a mean that varies as much; raises ValueError below two problems."""
    problems = len(values)
    if problems < 2:
        raise ValueError(f"a test over problems is undefined for {problems} problem(s)")
    size = problems + 2 * ADDED
    mean = (float(values.sum()) + ADDED) / size
    variance = (float((values**2).sum()) + ADDED) / size - mean**2
    return (problems - 1) * mean * (1 - mean) / variance


def problems_needed(values: Floats, bound: float, alpha: float, power: float) -> int | None:
    """Return how many such problems would show, with probability `power`, that the mean is above `bound`.

    None where the mean of `values` is not above it.
    """
    gap = float(values.mean()) - bound
    if gap <= 0:
        return None
    each = len(values) / effective_sample_size(values)
    at_bound, at_mean = (sqrt(at * (1 - at) * each) for at in (bound, float(np.clip(values.mean(), 0, 1))))
    needed = 2
    while (t_quantile(1 - alpha, needed - 1) * at_bound + NormalDist().inv_cdf(power) * at_mean) ** 2 > gap**2 * needed:
        needed = max(needed + 1, needed * 101 // 100)  # to the nearest hundredth
    return needed
