"""Compute pass@k, and pass@budget: the share of problems that a model solves if each may cost up to the budget.

pass@k is the chance that k samples of a problem hold a correct one, averaged over problems. pass@budget is pass@k with
k = the most samples that the budget buys (Hassid et al. 2024, arXiv 2404.00725, equations 2 and 3), so a curve is a
step function with one step for every k. It ends at k = n: beyond, nothing was measured and the value is undefined. Near
k = n the estimator rests on few subsets; points with k > n/2 are marked `thin`, after the paper's own rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import comb

import numpy as np
from numpy.typing import NDArray

from sampler.stats.bootstrap import (
    LEVEL,
    Floats,
    Interval,
    draw_problems,
    read_rates,
    resampled_means,
    summary,
)
from sampler.stats.budget import UnitCost
from sampler.stats.differences import paired_spread

_STILL = 1e-12  # the standard error of a column that does not vary
_COLUMNS = 256


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """Return the chance that k of `samples`, drawn without replacement, hold one of the `correct`.

    The unbiased estimator 1 - C(n-c, k) / C(n, k) of Chen et al. 2021 (arXiv 2107.03374, equation 1), in whole numbers
    up to the last division. Undefined for k > n, where other code answers 1.0.
    """
    if not 1 <= k <= samples:
        raise ValueError(f"pass@{k} is undefined for {samples} samples")
    if not 0 <= correct <= samples:
        raise ValueError(f"{correct} correct of {samples} samples")
    chosen = comb(samples, k)
    return (chosen - comb(samples - correct, k)) / chosen


def pass_at_every_k(samples: Sequence[int], correct: Sequence[int], ks: int) -> NDArray[np.float64]:
    """Return pass@1 … pass@ks of every problem, as a table of problems x ks.

    Undefined unless every problem has ks samples. The same estimator, by the ratio C(n-c, k) / C(n, k) = product over
    i < k of (n-c-i) / (n-i).
    """
    n = np.asarray(samples, dtype=np.int64)
    c = np.asarray(correct, dtype=np.int64)
    if n.shape != c.shape or n.ndim != 1 or not n.size:
        raise ValueError(
            f"{n.size} counts of samples and {c.size} of correct ones; one of each is needed for every problem"
        )
    if not 1 <= ks <= n.min():
        raise ValueError(f"pass@{ks} is undefined for {n.min()} samples")
    if (c < 0).any() or (c > n).any():
        raise ValueError("a problem has more correct samples than samples, or fewer than none")
    drawn = np.arange(ks)
    wrong_left = np.maximum(n[:, None] - c[:, None] - drawn, 0)
    none_correct = np.cumprod(wrong_left / (n[:, None] - drawn), axis=1)
    return np.asarray(1.0 - none_correct, dtype=np.float64)


# A pointwise interval misses one point in twenty. A band holds every point of the curve with the level's chance: its
# half width at a point is the critical value of the largest |t| over all points, times the point's standard error
# (max-|t| bootstrap; Montiel Olea and Plagborg-Moller 2019, "Simultaneous confidence bands"). It is never narrower than
# the pointwise interval.


def largest_t(values: Floats, means: Floats) -> Floats:
    """Return the largest |t| over the columns of `values` (problems x columns) in each resample.

    `means` are the columns' means in resamples: columns x resamples, each resample in its place.
    """
    largest = np.zeros(means.shape[1])
    for row, estimate, error in zip(means, values.mean(axis=0), _errors(values), strict=True):
        if error > _STILL:
            np.maximum(largest, np.abs(row - estimate) / error, out=largest)
    return largest


def simultaneous(values: Floats, largest: Floats, points: Sequence[Interval]) -> list[Interval]:
    """Return the band around the mean of each column; `points` are the pointwise intervals."""
    problems = len(values)
    half = float(np.quantile(largest, LEVEL)) * np.sqrt(problems / (problems - 1)) * _errors(values)
    return [
        Interval(min(point.low, float(estimate - wide)), max(point.high, float(estimate + wide)))
        for point, estimate, wide in zip(points, values.mean(axis=0), half, strict=True)
    ]


def difference_bands(gaps: Floats, largest: Floats, points: Sequence[Interval]) -> list[Interval]:
    """Return the band around the mean of each column of paired differences; its scale is that of their intervals."""
    of, problems = paired_spread(gaps), len(gaps)
    half = float(np.quantile(largest, LEVEL)) * np.sqrt(problems / (problems - 1)) * of.standard_error
    return [
        Interval(max(-1.0, min(point.low, float(low))), min(1.0, max(point.high, float(high))))
        for point, low, high in zip(points, of.centre - half, of.centre + half, strict=True)
    ]


def _errors(values: Floats) -> Floats:
    return np.asarray(values.std(axis=0, ddof=1) / np.sqrt(len(values)), dtype=np.float64)


def clipped(bands: Sequence[Interval]) -> list[Interval]:
    """Return bands of rates, cut to 0 and 1."""
    return [Interval(max(0.0, band.low), min(1.0, band.high)) for band in bands]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """One model's scored and passed samples on each of some problems.

    Where a budget was allotted, some problems had more `tries`, and `solved_at` says which of them was the first that
    passed (None: none did). No problem was left before a pass, so for every k up to `n` it is known whether one of its
    first k tries passed: what k samples of every problem would have said. Up to `even` the counts say more.
    """

    model: str
    problems: tuple[str, ...]
    scored: tuple[int, ...]
    passed: tuple[int, ...]
    looks: int = 1  # declared times at which sampling may have stopped for what was seen
    tries: tuple[int, ...] = ()
    solved_at: tuple[int | None, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.problems) == len(self.scored) == len(self.passed):
            raise ValueError(
                f"{self.model}: {len(self.problems)} problems, {len(self.scored)} and {len(self.passed)} counts"
            )

    @property
    def even(self) -> int:
        """Return the samples that every problem has; 0 without problems."""
        return min(self.scored, default=0)

    @property
    def n(self) -> int:
        """Return the largest k of the curve: what every problem without a pass was tried, or had; 0 without any."""
        tries = zip(self.tries, self.solved_at, strict=True)
        unsolved = [tried for tried, solved in tries if solved is None]
        return max(self.even, min(unsolved) if unsolved else max(self.tries, default=0))

    @property
    def rates(self) -> Floats:
        """Return pass@1 … pass@n of every problem, as a table of problems x n."""
        found = pass_at_every_k(self.scored, self.passed, self.even)
        if self.n == self.even:
            return found
        first = np.array([self.n + 1 if at is None else at for at in self.solved_at])
        beyond = first[:, None] <= np.arange(self.even + 1, self.n + 1)
        return np.concatenate([found, beyond.astype(np.float64)], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A step of a curve: from `cost` on, k samples are affordable. No interval below two problems.

    `interval` is for this step alone, `band` for the whole curve at once.
    """

    k: int
    cost: float
    rate: float
    interval: Interval | None
    band: Interval | None
    thin: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The steps of one model, by rising cost; empty before a problem is scored."""

    model: str
    cost: UnitCost
    problems: int
    n: int
    points: tuple[Point, ...]

    @property
    def begin(self) -> float:
        """Return the cost of one sample: the smallest budget at which the curve has a value."""
        return self.cost.of(1)

    @property
    def end(self) -> float:
        """Return the cost of one sample more than were drawn: from this budget on, the curve is undefined."""
        return self.cost.of(self.n + 1)


def shared_range(curves: Sequence[Curve]) -> tuple[float, float]:
    """Return the half-open range of budgets at which every curve has a value; it is empty if begin >= end."""
    return max(one.begin for one in curves), min(one.end for one in curves)


class Reach(StrEnum):
    """Whether a curve has a value at a budget."""

    REACHED = "reached"
    TOO_DEAR = "too_dear"  # not even one sample is affordable
    UNDEFINED = "undefined"  # more samples are affordable than were drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveValue:
    """What a model reaches at a budget: `point` is there exactly if it is REACHED."""

    model: str
    reach: Reach
    k: int
    point: Point | None


def curve(counts: Counts, cost: UnitCost, rng: np.random.Generator) -> Curve:
    """Return the curve of one model with intervals from resampled problems.

    Give equal generators to several models with the same problems, and they see the same resamples.
    """
    problems = len(counts.problems)
    return curve_over(counts, cost, draw_problems(problems, rng) if problems > 1 and counts.n else None)


def curve_over(counts: Counts, cost: UnitCost, draws: Floats | None) -> Curve:
    """Return the same over resamples that were drawn already; None below two problems."""
    points: tuple[Point, ...] = ()
    if counts.n:
        rates = counts.rates
        none: list[Interval | None] = [None] * counts.n
        found, bands = (none, none) if draws is None else _around(rates, draws)
        rows = zip(rates.mean(axis=0), found, bands, strict=True)
        points = tuple(
            Point(k=k, cost=cost.of(k), rate=float(rate), interval=alone, band=band, thin=2 * k > counts.even)
            for k, (rate, alone, band) in enumerate(rows, 1)
        )
    return Curve(model=counts.model, cost=cost, problems=len(counts.problems), n=counts.n, points=points)


def recosted(of: Curve, cost: UnitCost) -> Curve:
    """Return the same curve in another unit: what is reached with k samples does not depend on what they cost."""
    return replace(of, cost=cost, points=tuple(replace(point, cost=cost.of(point.k)) for point in of.points))


def _around(rates: Floats, draws: Floats) -> tuple[Sequence[Interval | None], Sequence[Interval | None]]:
    """Return interval and band of every column.

    They are computed in parts, so that a long curve needs no more memory than a short one.
    """
    found: list[Interval] = []
    largest = np.zeros(len(draws))
    for begin in range(0, rates.shape[1], _COLUMNS):
        part = rates[:, begin : begin + _COLUMNS]
        means = resampled_means(part, draws)
        np.maximum(largest, largest_t(part, means), out=largest)
        found += read_rates(summary(part, part.mean(axis=0), means))
    return found, clipped(simultaneous(rates, largest, found))


def value_at(of: Curve, budget: float) -> CurveValue:
    """Return what the model reaches at a budget."""
    k = of.cost.affordable(budget)
    if k == 0:
        return CurveValue(model=of.model, reach=Reach.TOO_DEAR, k=0, point=None)
    if k > of.n:
        return CurveValue(model=of.model, reach=Reach.UNDEFINED, k=k, point=None)
    return CurveValue(model=of.model, reach=Reach.REACHED, k=k, point=of.points[k - 1])
