"""Bands that hold a whole curve at once, and doubt about samples apart from doubt about problems.

A pointwise interval misses one point in twenty. A band holds every point of the curve with the level's chance: its half
width at a point is the critical value of the largest |t| over all points, times the point's standard error (max-|t|
bootstrap; Montiel Olea and Plagborg-Moller 2019, "Simultaneous confidence bands"). It is never narrower than the
pointwise interval.

`resample_counts` draws new problems, new samples of the same problems, or both. New problems alone already vary the
samples (every problem drawn brings its own luck with it), so that is what intervals rest on. New samples alone speak of
these very problems: how far the benchmark's own value may be from what was measured. Both at once (a two-level
bootstrap) counts the luck of sampling twice and is the most cautious.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from sampler.stats.bootstrap import LEVEL, RESAMPLES, Floats, Interval, draw_problems
from sampler.stats.differences import paired_spread
from sampler.stats.passk import pass_at_every_k

_STILL = 1e-12  # the standard error of a column that does not vary


class Vary(StrEnum):
    """What a resample draws anew."""

    PROBLEMS = "problems"
    SAMPLES = "samples"
    BOTH = "both"


def largest_t(values: Floats, means: Floats) -> Floats:
    """The largest |t| over the columns of `values` (problems x columns) in each resample.

    `means` are the columns' means in resamples: columns x resamples, each resample in its place.
    """
    largest = np.zeros(means.shape[1])
    for row, estimate, error in zip(means, values.mean(axis=0), _errors(values), strict=True):
        if error > _STILL:
            np.maximum(largest, np.abs(row - estimate) / error, out=largest)
    return largest


def simultaneous(values: Floats, largest: Floats, points: Sequence[Interval]) -> list[Interval]:
    """The band around the mean of each column; `points` are the pointwise intervals."""
    problems = len(values)
    half = float(np.quantile(largest, LEVEL)) * np.sqrt(problems / (problems - 1)) * _errors(values)
    return [
        Interval(min(point.low, float(estimate - wide)), max(point.high, float(estimate + wide)))
        for point, estimate, wide in zip(points, values.mean(axis=0), half, strict=True)
    ]


def difference_bands(gaps: Floats, largest: Floats, points: Sequence[Interval]) -> list[Interval]:
    """The band around the mean of each column of paired differences; its scale is that of their intervals."""
    of, problems = paired_spread(gaps), len(gaps)
    half = float(np.quantile(largest, LEVEL)) * np.sqrt(problems / (problems - 1)) * of.standard_error
    return [
        Interval(max(-1.0, min(point.low, float(low))), min(1.0, max(point.high, float(high))))
        for point, low, high in zip(points, of.centre - half, of.centre + half, strict=True)
    ]


def _errors(values: Floats) -> Floats:
    return np.asarray(values.std(axis=0, ddof=1) / np.sqrt(len(values)), dtype=np.float64)


def clipped(bands: Sequence[Interval]) -> list[Interval]:
    """Bands of rates: within 0 and 1."""
    return [Interval(max(0.0, band.low), min(1.0, band.high)) for band in bands]


def resample_counts(
    samples: Sequence[int], correct: Sequence[int], vary: Vary, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Floats:
    """Mean pass@1 … pass@n in each resample, centred on the estimate: a table of columns x resamples.

    Samples are drawn anew with replacement, so a problem's count is binomial with the rate that was seen. That pulls
    pass@k down, because a problem with one success sometimes loses it and one with none never gains any; the means are
    moved back so that their average is the estimate.
    """
    n = np.asarray(samples, dtype=np.int64)
    c = np.asarray(correct, dtype=np.int64)
    ks = int(n.min())
    table = pass_at_every_k(samples, correct, ks)
    problems = len(n)
    if vary is Vary.PROBLEMS:
        return np.asarray((draw_problems(problems, rng, resamples) @ table).T, dtype=np.float64)
    means = np.empty((ks, resamples))
    picked = np.arange(problems)
    for at in range(resamples):
        if vary is Vary.BOTH:
            picked = rng.integers(0, problems, problems)
        anew = rng.binomial(n[picked], c[picked] / n[picked])
        means[:, at] = pass_at_every_k(n[picked].tolist(), anew.tolist(), ks).mean(axis=0)
    estimate = table.mean(axis=0)
    return np.asarray(means + (estimate - means.mean(axis=1))[:, None], dtype=np.float64)


def spread(means: Floats) -> list[Interval]:
    """The percentile interval of each row of resampled means."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=1)
    return [Interval(float(lo), float(hi)) for lo, hi in zip(low, high, strict=True)]
