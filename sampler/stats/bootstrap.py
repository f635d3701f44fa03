"""Estimate the uncertainty of a mean over problems by resampling the problems.

The problem is what is resampled, never the sample: the samples of one problem are not independent of each other (Miller
2024, arXiv 2411.00640, clustered errors). Resamples include both sources of uncertainty, the choice of problems and of
samples, so the intervals are for new problems of the same kind with new samples.

Intervals are BCa (Efron 1987: corrected for bias and skewness), with tails set further out for few problems as
Student's t does (Hesterberg 2015, section 4.1.3, "expanded percentile"). If a mean is less than `FEW` problems away
from 0 or from 1, there is little to resample, and bootstrap intervals are far too short. Then Wilson's interval (1927)
for that share is used if it is wider: it is the widest that a mean of values between 0 and 1 can need.
`tests/bench/coverage.py` measures how often these intervals hold the truth. Plain percentiles (Efron 1979) are there to
compare with. Intervals and tests of paired differences are in `sampler.stats.differences`: resampling gives intervals
that are too short if few problems differ.

Student's t distribution is by Wallace's approximation (1959), which needs only the normal distribution.
The 97.5 % quantile is right to 1.2 % from 3 degrees of freedom on; it is 4 % too large at 2 and 38 % too large at 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import copysign, expm1, inf, isinf, log1p, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
LEVEL = 0.95
METHOD = (
    "BCa bootstrap over problems; Wilson's where that is wider and the mean is within 5 problems of none or all solved"
)
FEW = 5.0
_AT_ONCE = 1000  # resamples whose statistics are made together: they may take tables as wide as there are samples


def t_quantile(p: float, df: int) -> float:
    """Return the value below which Student's t with `df` degrees of freedom lies with probability `p`."""
    return normal_to_t(_NORMAL.inv_cdf(p), df)


def t_upper_tail(t: float, df: int) -> float:
    """Return the probability that Student's t is larger than `t`."""
    return 1 - _NORMAL.cdf(t_to_normal(t, df))


def normal_to_t(z: float, df: int) -> float:
    """Return the t value that has the same upper tail as the standard normal value `z`."""
    scaled = z * (8 * df + 3) / (8 * df + 1)
    return copysign(sqrt(df * expm1(scaled**2 / df)), z)


def t_to_normal(t: float, df: int) -> float:
    """Return the standard normal value that has the same upper tail as `t`: the inverse of `normal_to_t`."""
    if isinf(t):
        return copysign(inf, t)
    return copysign(sqrt(df * log1p(t**2 / df)) * (8 * df + 1) / (8 * df + 3), t)


_NORMAL = NormalDist()

Floats = NDArray[np.float64]
# Weights of problems (resamples x problems) in, values (resamples x columns) out.
Statistic = Callable[[Floats], Floats]


class Method(StrEnum):
    """How an interval is computed from the resampled means."""

    BCA = "bca"
    PERCENTILE = "percentile"


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval at level `LEVEL`."""

    low: float
    high: float

    @property
    def half(self) -> float:
        """Return half its width: the ± of a table."""
        return (self.high - self.low) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampled:
    """Means of columns over resampled problems: `means` is a sorted table of columns x resamples."""

    estimates: Floats
    means: Floats
    bias: Floats  # Efron's z0 of each column
    skew: Floats  # Efron's acceleration a of each column
    problems: int


def draw_problems(problems: int, rng: np.random.Generator, resamples: int = RESAMPLES) -> Floats:
    """Return how often each problem comes up in each resample: a table of resamples x problems; rows sum to 1.

    One table serves every column and every model that has these problems, which is what makes a comparison paired.
    """
    if problems < 2:
        raise ValueError(f"an interval over problems is undefined for {problems} problem(s)")
    drawn = rng.integers(0, problems, size=(resamples, problems), dtype=np.uint32)
    weights = np.empty((resamples, problems))
    for row, picked in zip(weights, drawn, strict=True):
        row[:] = np.bincount(picked, minlength=problems)
    weights /= problems
    return weights


def resampled_means(values: Floats, draws: Floats) -> Floats:
    """Return the mean of each column in each resample (columns x resamples); `values` is problems x columns."""
    means = np.ascontiguousarray(values.T) @ draws.T
    np.clip(means, values.min(axis=0)[:, None], values.max(axis=0)[:, None], out=means)  # rounding may leave the range
    return np.asarray(means, dtype=np.float64)


def resampled(values: Floats, draws: Floats) -> Resampled:
    """Return the column means of `values` (problems x columns) with their resamples, from which intervals are read."""
    estimates = values.mean(axis=0)
    return summary(values, estimates, resampled_means(values, draws))


def resampled_statistic(of: Statistic, draws: Floats) -> Resampled:
    """Return `resampled` for a statistic that is no mean, but a function of the problems' weights.

    The skew is that of the jackknife's values: what each problem adds, by leaving it out (Efron and Tibshirani 1993,
    equation 14.15). Those of a mean are the mean's own values.
    """
    problems = draws.shape[1]
    whole = of(np.full((1, problems), 1 / problems))[0]
    without = of((1 - np.eye(problems)) / (problems - 1))
    values = whole + (problems - 1) * (without.mean(axis=0) - without)
    pieces = np.array_split(draws, -(-len(draws) // _AT_ONCE))
    return summary(values, whole, np.ascontiguousarray(np.concatenate([of(piece) for piece in pieces]).T))


def summary(values: Floats, estimates: Floats, means: Floats) -> Resampled:
    """Return the same, of means that were drawn already; sorts them in place."""
    means.sort(axis=1)
    centred = values - estimates
    squares = (centred**2).sum(axis=0)
    cubes = (centred**3).sum(axis=0)
    scale = 6 * squares**1.5
    skew = np.divide(cubes, scale, out=np.zeros_like(cubes), where=scale > 0)
    return Resampled(
        estimates=estimates,
        means=means,
        bias=np.array([_quantile_of(_share_below(row, at)) for row, at in zip(means, estimates, strict=True)]),
        skew=skew,
        problems=len(values),
    )


def _share_below(means: Floats, at: float) -> float:
    """Return the share of sorted means below `at`, equal ones by half; kept half a resample away from 0 and 1."""
    slack = 1e-12 * max(1.0, abs(at))  # sums in another order differ by a rounding
    below = np.searchsorted(means, at - slack, "left") + np.searchsorted(means, at + slack, "right")
    count = len(means)
    return float(min(max(below / 2, 0.5), count - 0.5) / count)


def _quantile_of(share: float) -> float:
    return _NORMAL.inv_cdf(share)


def intervals(values: Floats, draws: Floats, method: Method = Method.BCA) -> list[Interval]:
    """Return the interval of each column's mean; `values` is a table of problems x columns."""
    return read_intervals(resampled(values, draws), method)


def rate_intervals(values: Floats, draws: Floats) -> list[Interval]:
    """Return the interval of each column's mean, of values between 0 and 1.

    Widened where too few problems differ from 0 or 1.
    """
    return read_rates(resampled(values, draws))


def read_rates(of: Resampled, problems: int | None = None) -> list[Interval]:
    """Return `rate_intervals` of means that were drawn already.

    `problems` says how many problems each is of, where that is not all of them.
    """
    pairs = zip(of.estimates, read_intervals(of), strict=True)
    return [widened(float(rate), found, problems or of.problems) for rate, found in pairs]


def widened(rate: float, found: Interval, problems: int) -> Interval:
    """Return an interval of a share of problems, as wide as Wilson's at least where too few differ from 0 or 1."""
    if problems * min(rate, 1 - rate) >= FEW:
        return found
    wide = wilson(rate, problems)
    return Interval(min(found.low, wide.low), max(found.high, wide.high))


def wilson(rate: float, problems: float) -> Interval:
    """Return Wilson's interval (1927) for a share of `problems`."""
    z2 = _NORMAL.inv_cdf((1 + LEVEL) / 2) ** 2
    middle = (rate + z2 / (2 * problems)) / (1 + z2 / problems)
    half = sqrt(z2 * (rate * (1 - rate) / problems + z2 / (4 * problems**2))) / (1 + z2 / problems)
    return Interval(max(0.0, min(rate, middle - half)), min(1.0, max(rate, middle + half)))


def read_intervals(of: Resampled, method: Method = Method.BCA) -> list[Interval]:
    """Return the interval of each column."""
    z = _NORMAL.inv_cdf((1 + LEVEL) / 2)
    found = []
    for means, bias, skew in zip(of.means, of.bias, of.skew, strict=True):
        match method:
            case Method.PERCENTILE:
                shares = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
            case Method.BCA:
                far = _outward(z, of.problems)
                shares = (_corrected(-far, bias, skew), _corrected(far, bias, skew))
        found.append(Interval(_quantile(means, shares[0]), _quantile(means, shares[1])))
    return found


def _quantile(means: Floats, share: float) -> float:
    place = share * (len(means) - 1)
    below = int(place)
    above = min(below + 1, len(means) - 1)
    return float(means[below] + (place - below) * (means[above] - means[below]))


def _corrected(z: float, bias: float, skew: float) -> float:
    """Return the share of resamples below the end of a BCa interval (Efron 1987, equation 2.3)."""
    shift = bias + z
    stretch = 1 - skew * shift
    return _NORMAL.cdf(bias + shift / stretch) if stretch > 0 else float(shift > 0)


def _outward(z: float, problems: int) -> float:
    """Return a normal quantile as one of Student's t, stretched: resampled means vary by (n-1)/n too little."""
    df = problems - 1
    return normal_to_t(z, df) * sqrt(problems / df)
