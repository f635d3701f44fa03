"""pass@k beyond the samples that were drawn, from a distribution of difficulty fitted to raw counts.

Each problem has its own chance p of a right sample. If p follows a beta distribution over problems, a problem's count of right
samples is beta-binomial, and pass@k = 1 - B(a, b + k) / B(a, b) for any k. The fit is by maximum likelihood on the counts
themselves (Kazdan et al. 2025, arXiv 2510.05197: regressions through pass@k points are biased and may promise more than 1).

A beta distribution has no mass at p = 0, so where some problems are impossible it promises too much. The zero-inflated variant
adds a share of impossible problems, (1 - z)(1 - B(a, b + k) / B(a, b)), fitted by EM. It is taken where its likelihood is so
much better that chance would do it one time in twenty (2 log-likelihood ratio above 2.71: the half of a chi-square that a
parameter at its edge has). The choice is made anew in every resample of problems, so the interval holds the doubt about it.

The likelihood needs no gamma function: with A_j problems that have more than j right samples, B_j more than j wrong ones and
N_j more than j at all, it is sum_j A_j log(a + j) + B_j log(b + j) - N_j log(a + b + j), and Newton's method on the logit
of the mean a / (a + b) and the logarithm of the size a + b has its derivatives in the same sums. All resamples climb at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import lgamma

import numpy as np
from numpy.typing import NDArray

from sampler.stats.bootstrap import LEVEL, Floats, Interval, draw_problems, widened

_SMALLEST, _LARGEST = np.log(1e-4), np.log(1e5)
_CLEARLY = 2.71
_STEPS = 60
_ROUNDS = 400
_NOISE = 1e-13  # of a likelihood: at its top, steps cannot be told apart any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A fitted distribution of difficulty: a share `impossible` at p = 0, the rest Beta(alpha, beta)."""

    alpha: float
    beta: float
    impossible: float
    log_likelihood: float

    def pass_at(self, k: int) -> float:
        """The chance that k samples of a problem of this kind hold a right one."""
        if k < 1:
            raise ValueError(f"pass@{k} is undefined")
        none = lgamma(self.beta + k) + lgamma(self.alpha + self.beta)
        none -= lgamma(self.beta) + lgamma(self.alpha + self.beta + k)
        return (1 - self.impossible) * (1 - float(np.exp(none)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Extrapolation:
    """pass@k beyond the samples: a model's promise, not a measurement. `beyond` is how many times n it reaches.

    `impossible` is the interval of the fit's share of impossible problems, from the same refits; where all of them find none,
    what so few problems can tell.
    """

    k: int
    rate: float
    interval: Interval
    beyond: float
    impossible: Interval


def fit(samples: Sequence[int], correct: Sequence[int]) -> Fit:
    """The beta-binomial distribution, zero-inflated where that fits clearly better; it needs a pass and a miss."""
    _check(samples, correct)
    return _fit(_Table(samples, correct), np.ones((1, len(samples))))[0]


def fit_plain(samples: Sequence[int], correct: Sequence[int]) -> Fit:
    """The beta-binomial distribution without impossible problems."""
    _check(samples, correct)
    return _plain(_Table(samples, correct), np.ones((1, len(samples))))[0]


def extrapolate(
    samples: Sequence[int], correct: Sequence[int], ks: Sequence[int], rng: np.random.Generator, resamples: int = 300
) -> tuple[Extrapolation, ...]:
    """pass@k for each of `ks`, with percentile intervals from refitting on resampled problems."""
    _check(samples, correct)
    table = _Table(samples, correct)
    weights = draw_problems(len(samples), rng, resamples) * len(samples)
    usable = (weights @ (table.right > 0) > 0) & (weights @ (table.wrong > 0) > 0)
    again = _fit(table, weights[usable])
    best = _fit(table, np.ones((1, len(samples))))[0]
    never = widened(best.impossible, _percentiles(best.impossible, [one.impossible for one in again]), len(samples))
    return tuple(
        Extrapolation(
            k=k,
            rate=best.pass_at(k),
            interval=_percentiles(best.pass_at(k), [one.pass_at(k) for one in again]),
            beyond=k / min(samples),
            impossible=never,
        )
        for k in ks
    )


def _percentiles(fitted: float, again: Sequence[float]) -> Interval:
    """What refits say, and the fit itself."""
    low, high = np.quantile(again, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(min(fitted, float(low)), max(fitted, float(high)))


def _check(samples: Sequence[int], correct: Sequence[int]) -> None:
    if len(samples) != len(correct) or len(samples) < 2:
        raise ValueError(f"{len(samples)} and {len(correct)} counts; a distribution needs those of two problems")
    if any(not 0 <= c <= n or n < 1 for n, c in zip(samples, correct, strict=True)):
        raise ValueError("a problem has no samples, or more correct ones than samples")
    if not any(correct) or list(samples) == list(correct):
        raise ValueError("undefined where nothing passed or everything did: difficulty cannot be told from that")


class _Table:
    """The counts of some problems, and which of them have more than j right, wrong, or any samples (problems x j)."""

    def __init__(self, samples: Sequence[int], correct: Sequence[int]) -> None:
        n = np.asarray(samples, dtype=np.int64)
        self.right = np.asarray(correct, dtype=np.int64)
        self.wrong = n - self.right
        self.steps = np.arange(int(n.max()), dtype=np.float64)
        self.above = tuple((counts[:, None] > self.steps).astype(np.float64) for counts in (self.right, self.wrong, n))
        self.hopeless = self.right == 0


def _fit(table: _Table, weights: Floats) -> list[Fit]:
    fits = _plain(table, weights)
    promising = np.flatnonzero(_gains(table, weights, _places(fits)))
    if len(promising):
        inflated = _inflated(table, weights[promising], [fits[at] for at in promising])
        for at, other in zip(promising, inflated, strict=True):
            if 2 * (other.log_likelihood - fits[at].log_likelihood) > _CLEARLY:
                fits[at] = other
    return fits


def _gains(table: _Table, weights: Floats, at: Floats) -> NDArray[np.bool_]:
    """Whether the likelihood of each fit rises with a first few impossible problems."""
    surprise = (weights * table.hopeless / np.maximum(_none_right(table, at), 1e-300)).sum(axis=1)
    return np.asarray(surprise > weights.sum(axis=1), dtype=np.bool_)


def _plain(table: _Table, weights: Floats) -> list[Fit]:
    """One fit for each row of weights (resamples x problems)."""
    sums = tuple(weights @ more for more in table.above)
    at = _climb(sums, table.steps, np.zeros((len(weights), 2)), _STEPS)
    values = _likelihood(sums, table.steps, at)
    pairs = zip(*_shapes(at), values, strict=True)
    return [Fit(alpha=float(a[0]), beta=float(b[0]), impossible=0.0, log_likelihood=float(v)) for a, b, v in pairs]


def _inflated(table: _Table, weights: Floats, plain: Sequence[Fit]) -> list[Fit]:
    """The zero-inflated fits: how likely each hopeless problem is possible after all (E), then two Newton steps (M).

    From round to round only the weights of hopeless problems change, which have nothing but wrong samples; fits that stand
    still are left alone.
    """
    at = _places(plain)
    total = weights.sum(axis=1)
    hopeless = weights[:, table.hopeless]
    wrong = table.above[1][table.hopeless]
    fixed = tuple((weights * ~table.hopeless) @ more for more in table.above)
    share = 0.5 * hopeless.sum(axis=1) / total
    moving = np.arange(len(weights))
    for _ in range(_ROUNDS):
        before = share[moving]
        possible = (1 - before)[:, None] * _none_right(table, at[moving])[:, table.hopeless]
        possible /= possible + np.maximum(before, 1e-300)[:, None]
        kept = hopeless[moving] * possible
        share[moving] = (hopeless[moving] - kept).sum(axis=1) / total[moving]
        more = kept @ wrong
        sums = (fixed[0][moving], fixed[1][moving] + more, fixed[2][moving] + more)
        at[moving] = _climb(sums, table.steps, at[moving], 2)
        moving = moving[np.abs(share[moving] - before) >= 1e-7]
        if not len(moving):
            break
    return _mixed(table, weights, at, share)


def _mixed(table: _Table, weights: Floats, at: Floats, share: Floats) -> list[Fit]:
    hopeful = weights * ~table.hopeless
    value = _likelihood(tuple(hopeful @ more for more in table.above), table.steps, at)
    value += hopeful.sum(axis=1) * np.log1p(-share)
    none = share[:, None] + (1 - share)[:, None] * _none_right(table, at)
    value += (weights * table.hopeless * np.log(np.maximum(none, 1e-300))).sum(axis=1)
    rows = zip(*_shapes(at), share, value, strict=True)
    return [
        Fit(alpha=float(a[0]), beta=float(b[0]), impossible=float(z), log_likelihood=float(v)) for a, b, z, v in rows
    ]


def _none_right(table: _Table, at: Floats) -> Floats:
    """The chance that a possible problem has no right sample among its own: resamples x problems."""
    a, b = _shapes(at)
    running = np.cumsum(np.log((b + table.steps) / (a + b + table.steps)), axis=1)
    counts = table.right + table.wrong
    return np.asarray(np.exp(running[:, counts - 1]), dtype=np.float64)


def _likelihood(sums: tuple[Floats, ...], steps: Floats, at: Floats) -> Floats:
    a, b = _shapes(at)
    right, wrong, every = sums
    terms = right * np.log(a + steps) + wrong * np.log(b + steps) - every * np.log(a + b + steps)
    return np.asarray(terms.sum(axis=1), dtype=np.float64)


def _climb(sums: tuple[Floats, ...], steps: Floats, at: Floats, most: int) -> Floats:
    """At most so many Newton steps, each halved until the likelihood does not fall."""
    value = _likelihood(sums, steps, at)
    for _ in range(most):
        step = _newton(sums, steps, at)
        scale = np.ones(len(at))
        for _ in range(30):
            tried = np.clip(at + scale[:, None] * step, _SMALLEST, _LARGEST)
            reached = _likelihood(sums, steps, tried)
            worse = reached < value - _NOISE * np.abs(value)
            if not worse.any():
                break
            scale[worse] /= 2
        better = ~worse
        at = np.where(better[:, None], tried, at)
        gained = np.where(better, reached - value, 0.0).max()
        value = np.where(better, reached, value)
        if gained < 1e-10:
            break
    return at


def _newton(sums: tuple[Floats, ...], steps: Floats, at: Floats) -> Floats:
    """The step to the top of the parabola that touches the likelihood; uphill by the slope where it has no top.

    Where the size lies at its bound and would go on, only the mean moves.
    """
    slopes, (uu, uv, vv) = _derivatives(sums, steps, at)
    det = uu * vv - uv**2
    peak = (uu < 0) & (det > 0)
    safe = np.where(peak, det, 1.0)
    newton = np.stack([uv * slopes[1] - vv * slopes[0], uv * slopes[0] - uu * slopes[1]], axis=1) / safe[:, None]
    slope = slopes.T
    uphill = slope / np.maximum(np.abs(slope).max(axis=1, keepdims=True), 1e-300)
    step = np.clip(np.where(peak[:, None], newton, uphill), -2.0, 2.0)
    size = at[:, 1]
    blocked = ((size >= _LARGEST) & (slopes[1] > 0)) | ((size <= _SMALLEST) & (slopes[1] < 0))
    alone = np.where(uu < 0, -slopes[0] / np.where(uu < 0, uu, -1.0), np.sign(slopes[0]))
    step[blocked] = np.stack([np.clip(alone, -2.0, 2.0), np.zeros(len(at))], axis=1)[blocked]
    return np.asarray(step, dtype=np.float64)


def _derivatives(sums: tuple[Floats, ...], steps: Floats, at: Floats) -> tuple[Floats, tuple[Floats, Floats, Floats]]:
    """Slopes and curvatures of the likelihood in logit mean and log size, by the chain rule from those in a and b."""
    a, b = _shapes(at)
    right, wrong, every = sums
    by_a, by_b, by_both = 1 / (a + steps), 1 / (b + steps), 1 / (a + b + steps)
    both, bend = (every * by_both).sum(axis=1), (every * by_both**2).sum(axis=1)
    a, b = a[:, 0], b[:, 0]
    mean, turn = a / (a + b), a * b / (a + b)  # turn is how fast a rises and b falls with the logit of the mean
    ga, gb = (right * by_a).sum(axis=1) - both, (wrong * by_b).sum(axis=1) - both
    aa, bb = bend - (right * by_a**2).sum(axis=1), bend - (wrong * by_b**2).sum(axis=1)
    slopes = np.stack([turn * (ga - gb), a * ga + b * gb])
    uu = turn**2 * (aa - 2 * bend + bb) + turn * (1 - 2 * mean) * (ga - gb)
    uv = turn * (a * aa + b * bend - a * bend - b * bb + ga - gb)
    vv = a**2 * aa + 2 * a * b * bend + b**2 * bb + a * ga + b * gb
    return slopes, (uu, uv, vv)


def _places(fits: Sequence[Fit]) -> Floats:
    """Logit mean and log size of each fit."""
    return np.array([[np.log(one.alpha / one.beta), np.log(one.alpha + one.beta)] for one in fits])


def _shapes(at: Floats) -> tuple[Floats, Floats]:
    """A and b, each as a column."""
    size = np.exp(at[:, 1:])
    mean = 1 / (1 + np.exp(-at[:, :1]))
    return size * mean, size * (1 - mean)
