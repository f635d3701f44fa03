"""Paired differences of two models on the same problems: intervals, and whether a lead may be claimed.

Intervals are Student's t over problems, after 0.3 of a problem is added where the first model alone is right, and 0.3
where the second is. Agresti and Min (2005) add such pseudo-observations, and more of them, to differences of -1, 0 or
1. Without them intervals are far too short where few problems differ, because problems that differ may not have been
drawn. With fewer of them, intervals of 20 hard problems miss the true difference too often; with 8 or 20 problems, most
intervals are wider than necessary. `tests/bench/winners.py` measures this.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sampler.stats.bootstrap import LEVEL, Floats, Interval
from sampler.stats.signflip import PValues
from sampler.stats.student_t import t_quantile, t_upper_tail

ADDED = 0.3  # of a problem on each side
METHOD = f"Student's t over paired problems, with {ADDED} of a problem added on each side"
TEST = "paired sign-flip test over problems, corrected by step-down maxT for all pairs of models and all budgets"


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
        """Second minus first."""
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
