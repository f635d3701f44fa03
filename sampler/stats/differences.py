"""Paired differences of two models on the same problems: their intervals, and what may be claimed of them.

Intervals are Student's t over problems, with 0.3 of a problem added where the first model alone is right, and as much where
the second is (after Agresti and Min 2005, who add more, for differences that are -1, 0 or 1). Without that, where few
problems differ, any interval is far too short: problems that differ were only not drawn. With less, intervals of 20 hard
problems miss the truth too often; with 8 or 20 problems they are wider than they need to be for most. Measured by
`tests/bench/winners.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sampler.stats.bootstrap import LEVEL, Floats, Interval
from sampler.stats.signflip import P
from sampler.stats.student import t_beyond, t_quantile

ADDED = 0.3  # problems on each side
METHOD = f"Student's t over problems, {ADDED} of a problem added on each side"
TEST = "paired sign flips of problems, corrected by step-down maxT for all pairs of models and budgets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How much a mean exceeds another on the same problems.

    `p` is that of the sign-flip test alone, `p_corrected` the same for the whole family of comparisons that it is one of; None
    where nothing may be claimed.
    """

    mean: float
    interval: Interval
    p: float
    p_corrected: float | None

    @property
    def clear(self) -> bool:
        """Whether the lead may be claimed: the corrected test says so, and the interval leaves out zero."""
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
    error: Floats
    problems: int

    def p_below(self, bound: float) -> list[float]:
        """The one-sided p value for a mean below `bound`, of each column."""
        return [t_beyond(t, self.problems - 1) for t in (bound - self.centre) / self.error]

    def p_above(self, bound: float) -> list[float]:
        """The one-sided p value for a mean above `bound`, of each column."""
        return [t_beyond(t, self.problems - 1) for t in (self.centre - bound) / self.error]


def paired_spread(gaps: Floats, added: float = ADDED) -> PairedSpread:
    """The spread of differences (problems x columns), each between -1 and 1, with so many problems added on each side."""
    problems = len(gaps)
    if problems < 2:
        raise ValueError(f"an interval over problems is undefined for {problems} problem(s)")
    size = problems + 2 * added
    centre = gaps.sum(axis=0) / size
    variance = ((gaps**2).sum(axis=0) + 2 * added) / size - centre**2
    return PairedSpread(centre=centre, error=np.sqrt(variance / size), problems=problems)


def difference_intervals(gaps: Floats) -> list[Interval]:
    """The interval of each column's mean."""
    of = paired_spread(gaps)
    half = t_quantile((1 + LEVEL) / 2, len(gaps) - 1) * of.error
    rows = zip(gaps.mean(axis=0), of.centre - half, of.centre + half, strict=True)
    return [Interval(float(max(-1.0, min(low, mean))), float(min(1.0, max(high, mean)))) for mean, low, high in rows]


def told(gaps: Floats, tests: list[P]) -> list[Difference]:
    """The difference of each column with its test; an interval is never sharper than the test alone."""
    rows = zip(gaps.mean(axis=0), difference_intervals(gaps), tests, strict=True)
    return [
        Difference(
            mean=float(mean),
            interval=_with_zero(found) if p.alone > 1 - LEVEL else found,
            p=p.alone,
            p_corrected=p.corrected,
        )
        for mean, found, p in rows
    ]


def _with_zero(found: Interval) -> Interval:
    return Interval(min(found.low, 0.0), max(found.high, 0.0))
