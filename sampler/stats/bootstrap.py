"""How sure a mean over problems is: resample the problems.

The problem is what is resampled, never the sample: the samples of one problem are not independent of each other (Miller 2024,
arXiv 2411.00640, clustered errors). Percentile intervals (Efron 1979). With few problems they are somewhat too narrow, and
where all problems agree they have no width: then they say that these problems cannot tell, not that nothing is unsure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval at level `LEVEL`."""

    low: float
    high: float

    @property
    def half(self) -> float:
        """Half its width: the ± of a table."""
        return (self.high - self.low) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How much a mean exceeds another on the same problems."""

    mean: float
    interval: Interval

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.interval.low > 0 or self.interval.high < 0


def draw_problems(problems: int, rng: np.random.Generator, resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """How often each problem comes up in each resample, as weights that sum to 1: a table of resamples x problems.

    One table serves every column and every model that has these problems, which is what makes a comparison paired.
    """
    if problems < 2:
        raise ValueError(f"an interval over problems is undefined for {problems} problem(s)")
    drawn = rng.multinomial(problems, np.full(problems, 1 / problems), size=resamples)
    return np.asarray(drawn / problems, dtype=np.float64)


def intervals(values: NDArray[np.float64], draws: NDArray[np.float64]) -> list[Interval]:
    """The interval of each column's mean; `values` is a table of problems x columns."""
    tail = (1 - LEVEL) / 2 * 100
    means = np.clip(draws @ values, values.min(axis=0), values.max(axis=0))  # a mean may round to just outside
    low, high = np.percentile(means, [tail, 100 - tail], axis=0)
    return [Interval(float(lo), float(hi)) for lo, hi in zip(low, high, strict=True)]


def paired_difference(a: NDArray[np.float64], b: NDArray[np.float64], draws: NDArray[np.float64]) -> Difference:
    """mean(a) - mean(b) over the same problems, resampled together (Miller 2024, paired differences)."""
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"a paired difference needs the same problems on both sides, not {a.shape} and {b.shape}")
    gap = a - b
    return Difference(mean=float(gap.mean()), interval=intervals(gap[:, None], draws)[0])
