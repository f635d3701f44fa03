"""Compare two models on the same problems, and one model's rate against a bound: intervals, tests, crossovers.

Intervals are Student's t over problems, after 0.3 of a problem is added where the first model alone is right, and 0.3
where the second is. Agresti and Min (2005) add such pseudo-observations, and more of them, to differences of -1, 0 or
1. Without them intervals are far too short where few problems differ, because problems that differ may not have been
drawn. With fewer of them, intervals of 20 hard problems miss the true difference too often; with 8 or 20 problems, most
intervals are wider than necessary. `tests/bench/winners.py` measures this.

Every difference is paired by problem. Holm's step-down rule (1979) corrects p values without an assumption about their
dependence; claims of who leads are corrected by `sampler.stats.signflip`. A *crossover* is the budget from which the
model that leads at the end of the common range leads throughout. Its interval is the percentile interval over resampled
problems; an end that lies outside the range is None, because the data do not determine it.

One-sided tests of a mean rate against a bound are by the score method. The standard error is that of a share under the
bound (Wilson 1927), with an effective sample size (as for clustered surveys, Korn and Graubard 1998): rates between 0
and 1 vary less than outcomes of 0 or 1, so they count as more problems than there are. A quarter of a problem is added
at 0 and at 1 to the variance, because the problems that were drawn may all be alike. Student's t replaces the normal
distribution. `tests/bench/gate_null.py` measures the error rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from sampler.stats.bootstrap import LEVEL, Floats, Interval, t_quantile, t_upper_tail
from sampler.stats.signflip import PValues

ADDED = 0.3  # of a problem on each side
METHOD = f"Student's t over paired problems, with {ADDED} of a problem added on each side"
TEST = "paired sign-flip test over problems, corrected by step-down maxT for all pairs of models and all budgets"
POWER = 0.8
_EQUAL = 1e-12  # differences of rates below this are rounding
RATE_ADDED = 0.25  # of a problem at 0, and as much at 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How much a mean exceeds another on the same problems.

    `p` is the p value of the sign-flip test for this comparison alone, `p_corrected` the one corrected for its family
    of comparisons; None where nothing may be claimed.
    """

    mean: float
    interval: Interval
    p: float
    p_corrected: float | None

    @property
    def clear(self) -> bool:
        """Return whether the lead may be claimed: the corrected p value is small, and the interval excludes zero."""
        beyond = self.interval.low > 0 or self.interval.high < 0
        return beyond and self.p_corrected is not None and self.p_corrected <= 1 - LEVEL

    @property
    def reversed(self) -> Difference:
        """Return second minus first."""
        turned = Interval(-self.interval.high, -self.interval.low)
        return Difference(mean=-self.mean, interval=turned, p=self.p, p_corrected=self.p_corrected)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedSpread:
    """Centre and standard error of the mean of each column of differences, with the added parts of problems."""

    centre: Floats
    standard_error: Floats
    problems: int

    def p_below(self, bound: float) -> list[float]:
        """Return for each column the one-sided p value of the claim that the mean is below `bound`."""
        return [t_upper_tail(t, self.problems - 1) for t in (bound - self.centre) / self.standard_error]

    def p_above(self, bound: float) -> list[float]:
        """Return for each column the one-sided p value of the claim that the mean is above `bound`."""
        return [t_upper_tail(t, self.problems - 1) for t in (self.centre - bound) / self.standard_error]


def paired_spread(gaps: Floats, added: float = ADDED) -> PairedSpread:
    """Return the spread of differences (problems x columns, each from -1 to 1) with `added` problems on each side.

    Raises ValueError below two problems.
    """
    problems = len(gaps)
    if problems < 2:
        raise ValueError(f"an interval over problems is undefined for {problems} problem(s)")
    size = problems + 2 * added
    centre = gaps.sum(axis=0) / size
    variance = ((gaps**2).sum(axis=0) + 2 * added) / size - centre**2
    return PairedSpread(centre=centre, standard_error=np.sqrt(variance / size), problems=problems)


def difference_intervals(gaps: Floats) -> list[Interval]:
    """Return the interval of the mean of each column (problems x columns)."""
    of = paired_spread(gaps)
    half = t_quantile((1 + LEVEL) / 2, len(gaps) - 1) * of.standard_error
    rows = zip(gaps.mean(axis=0), of.centre - half, of.centre + half, strict=True)
    return [Interval(float(max(-1.0, min(low, mean))), float(min(1.0, max(high, mean)))) for mean, low, high in rows]


def differences_of(gaps: Floats, tests: list[PValues]) -> list[Difference]:
    """Return the difference of each column with its test.

    An interval holds zero wherever the test alone finds nothing.
    """
    rows = zip(gaps.mean(axis=0), difference_intervals(gaps), tests, strict=True)
    return [
        Difference(
            mean=float(mean),
            interval=_including_zero(found) if p.alone > 1 - LEVEL else found,
            p=p.alone,
            p_corrected=p.corrected,
        )
        for mean, found, p in rows
    ]


def _including_zero(found: Interval) -> Interval:
    return Interval(min(found.low, 0.0), max(found.high, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectable:
    """What a comparison on so many problems can see.

    `difference` is the smallest true difference whose interval leaves out zero with the chance `POWER`; `problems` is
    how many of the same kind would show the difference that was measured as often (None where none was measured). The
    usual normal approximation (Miller 2024, section 5), with the interval's standard error. Correction for several
    claims comes on top.
    """

    difference: float
    problems: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossover:
    """From which budget on `leader` leads to the end of the range.

    `at` is None where it leads from the beginning. `low` None: it may lead from the beginning; `high` None: it may not
    lead at the end. `always` and `never` are the shares of resamples in which it leads throughout, and not at the end;
    where the two are equal somewhere, a resample counts half as if `leader` led there, and half as if not.
    """

    leader: str
    at: float | None
    low: float | None
    high: float | None
    always: float
    never: float


def holm(ps: Sequence[float]) -> list[float]:
    """Return each p value, corrected for being one of `len(ps)`: reject what stays below 1 - level (Holm 1979)."""
    order = sorted(range(len(ps)), key=lambda at: ps[at])
    corrected = [1.0] * len(ps)
    largest = 0.0
    for rank, at in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[at]))
        corrected[at] = largest
    return corrected


def detectable(gaps: Floats) -> Detectable:
    """Return what the paired differences of some problems could have shown."""
    problems = len(gaps)
    if problems < 2:
        raise ValueError(f"a detectable difference is undefined for {problems} problem(s)")
    deviation = float(paired_spread(gaps[:, None]).standard_error[0]) * sqrt(problems)
    reach = NormalDist().inv_cdf((1 + LEVEL) / 2) + NormalDist().inv_cdf(POWER)
    seen = abs(float(gaps.mean()))
    return Detectable(
        difference=reach * deviation / sqrt(problems),
        problems=ceil((reach * deviation / seen) ** 2) if seen > 0 else None,
    )


def crossover(names: tuple[str, str], budgets: Sequence[float], gaps: Floats, drawn: Floats) -> Crossover | None:
    """Return the crossover of two models; None where they are equal at the end of the range.

    `gaps` are the mean differences (first minus second) at rising budgets, `drawn` the same in each resample (a table
    of budgets x resamples). The interval takes equality for a lead at its low end, and for none at its high end.
    """
    if abs(gaps[-1]) <= _EQUAL:
        return None
    sign = 1.0 if gaps[-1] > 0 else -1.0
    at = int(_begins(sign * gaps[:, None] <= _EQUAL)[0])
    strict, weak = _begins(sign * drawn <= _EQUAL), _begins(sign * drawn < -_EQUAL)
    beyond = len(budgets)
    tail = (1 - LEVEL) / 2
    low = int(np.quantile(weak, tail, method="lower"))
    high = int(np.quantile(strict, 1 - tail, method="higher"))
    return Crossover(
        leader=names[0] if sign > 0 else names[1],
        at=budgets[at] if at else None,
        low=budgets[low] if 0 < low < beyond else None,
        high=budgets[high] if high < beyond else None,
        always=float((np.mean(strict == 0) + np.mean(weak == 0)) / 2),
        never=float((np.mean(strict == beyond) + np.mean(weak == beyond)) / 2),
    )


def _begins(behind: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each column the first row from which on none is behind, or the number of rows if there is none."""
    rows = len(behind)
    last = rows - 1 - np.argmax(behind[::-1], axis=0)
    return np.asarray(np.where(behind.any(axis=0), last + 1, 0), dtype=np.int64)


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
    size = problems + 2 * RATE_ADDED
    mean = (float(values.sum()) + RATE_ADDED) / size
    variance = (float((values**2).sum()) + RATE_ADDED) / size - mean**2
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
