"""Extrapolate pass@k beyond the drawn samples, from a distribution of difficulty fitted to raw counts.

Each problem has its own chance p of a right sample. If p follows a beta distribution over problems, a problem's count
of right samples is beta-binomial, and pass@k = 1 - B(a, b + k) / B(a, b) for any k. The fit is by maximum likelihood on
the counts themselves (Kazdan et al. 2025, arXiv 2510.05197: regressions through pass@k points are biased and may
promise more than 1).

A beta distribution has no mass at p = 0, so where some problems are impossible it promises too much. The zero-inflated
variant adds a share of impossible problems, (1 - z)(1 - B(a, b + k) / B(a, b)), fitted by EM. It is taken where its
likelihood is so much better that chance would do it one time in twenty (2 log-likelihood ratio above 2.71: the half of
a chi-square that a parameter at its edge has). The choice is made again in every resample of problems, so the interval
includes its uncertainty.

The likelihood needs no gamma function: with A_j problems that have more than j right samples, B_j more than j wrong
ones and N_j more than j at all, it is sum_j A_j log(a + j) + B_j log(b + j) - N_j log(a + b + j), and Newton's method
on the logit of the mean a / (a + b) and the logarithm of the size a + b has its derivatives in the same sums. Its steps
go uphill wherever the likelihood bends upwards, and begin at the likeliest of some sizes. All resamples climb at once.
One sample of each problem determines only the mean, so there is no fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import lgamma

import numpy as np
from numpy.typing import NDArray

from sampler.stats.bootstrap import LEVEL, Floats, Interval, draw_problems, widened

_SMALLEST, _LARGEST = np.log(1e-4), np.log(1e5)
_CLEARLY = 2.71  # a likelihood ratio at 5 %: a share of 0 is the end of its range (Self and Liang 1987)
_STEPS = 60
_ROUNDS = 400
_NOISE = 1e-14  # of a likelihood: at its top, steps cannot be told apart any more
_STILL = 1e-12  # a step that promises no more is the last
_PART = 1e-4  # of what its slope promises has to come of a step
_HALVINGS = 40
_LONGEST = 2.0  # a step, in each direction
_FLAT = 1e-8  # the least curvature that a step is divided by
_SIZES = np.log([0.01, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 20.0, 100.0, 1e4])  # to begin from


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A fitted distribution of difficulty: a share `impossible` at p = 0, the rest Beta(alpha, beta)."""

    alpha: float
    beta: float
    impossible: float
    log_likelihood: float

    def pass_at(self, k: int) -> float:
        """Return the chance that k samples of a problem of this kind hold a right one."""
        if k < 1:
            raise ValueError(f"pass@{k} is undefined")
        none = lgamma(self.beta + k) + lgamma(self.alpha + self.beta)
        none -= lgamma(self.beta) + lgamma(self.alpha + self.beta + k)
        return (1 - self.impossible) * (1 - float(np.exp(none)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Extrapolation:
    """pass@k beyond the samples: a model's promise, not a measurement. `beyond` is how many times n it reaches.

    `impossible` is the interval of the fit's share of impossible problems, from the same refits; where all of them find
    none, what so few problems can tell.
    """

    k: int
    rate: float
    interval: Interval
    beyond: float
    impossible: Interval


def fit(samples: Sequence[int], correct: Sequence[int]) -> Fit:
    """Fit the beta-binomial distribution, zero-inflated if that fits clearly better; it needs a pass and a miss."""
    _check(samples, correct)
    return _fit(_Table(samples, correct), np.ones((1, len(samples))))[0]


def fit_plain(samples: Sequence[int], correct: Sequence[int]) -> Fit:
    """Return the beta-binomial distribution without impossible problems."""
    _check(samples, correct)
    return _plain(_Table(samples, correct), np.ones((1, len(samples))))[0]


def extrapolate(
    samples: Sequence[int], correct: Sequence[int], ks: Sequence[int], rng: np.random.Generator, resamples: int = 300
) -> tuple[Extrapolation, ...]:
    """Return pass@k for each of `ks`, with percentile intervals from refitting on resampled problems."""
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
    """Return what refits say, and the fit itself."""
    low, high = np.quantile(again, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(min(fitted, float(low)), max(fitted, float(high)))


def _check(samples: Sequence[int], correct: Sequence[int]) -> None:
    if len(samples) != len(correct) or len(samples) < 2:
        raise ValueError(f"{len(samples)} and {len(correct)} counts; a distribution needs those of two problems")
    if any(not 0 <= c <= n or n < 1 for n, c in zip(samples, correct, strict=True)):
        raise ValueError("a problem has no samples, or more correct ones than samples")
    if not any(correct) or list(samples) == list(correct):
        raise ValueError("undefined where nothing passed or everything did: difficulty cannot be told from that")
    if max(samples) < 2:
        raise ValueError("undefined for one sample of each problem: how much problems differ cannot be told from that")


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
    """Return whether the likelihood of each fit rises with a first few impossible problems."""
    surprise = (weights * table.hopeless / np.maximum(_none_right(table, at), 1e-300)).sum(axis=1)
    return np.asarray(surprise > weights.sum(axis=1), dtype=np.bool_)


def _plain(table: _Table, weights: Floats) -> list[Fit]:
    """Return one fit for each row of weights (resamples x problems), without a share of impossible problems."""
    sums = tuple(weights @ more for more in table.above)
    at = _climb(sums, table.steps, _starts(table, weights, sums), _STEPS)
    values = _likelihood(sums, table.steps, at)
    pairs = zip(*_shapes(at), values, strict=True)
    return [Fit(alpha=float(a[0]), beta=float(b[0]), impossible=0.0, log_likelihood=float(v)) for a, b, v in pairs]


def _starts(table: _Table, weights: Floats, sums: tuple[Floats, ...]) -> Floats:
    """Return for each fit the likeliest of some sizes, each with the mean that is the most precise if it is true.

    A problem's share of right samples varies as that of n / (1 + (n - 1) / (size + 1)) samples without a difficulty
    would.
    """
    every = table.right + table.wrong
    tried = []
    for size in _SIZES:
        worth = every / (1 + (every - 1) / (np.exp(size) + 1))
        right, wrong = weights @ (worth * table.right / every), weights @ (worth * table.wrong / every)
        tried.append(np.clip(np.stack([np.log(right / wrong), np.full(len(right), size)], axis=1), _SMALLEST, _LARGEST))
    best = np.argmax([_likelihood(sums, table.steps, one) for one in tried], axis=0)
    return np.asarray(np.array(tried)[best, np.arange(len(weights))], dtype=np.float64)


def _inflated(table: _Table, weights: Floats, plain: Sequence[Fit]) -> list[Fit]:
    """Return the zero-inflated fits, by expectation maximization with two Newton steps in each round.

    The expectation is how likely each hopeless problem (one with only wrong samples) is possible after all. From round
    to round only the weights of hopeless problems change; fits that have converged are left out.
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
        begun = at[moving]
        at[moving] = _climb(sums, table.steps, begun.copy(), 2)
        went = np.maximum(np.abs(share[moving] - before), np.abs(at[moving] - begun).max(axis=1))
        moving = moving[went >= 1e-7]
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
    """Return the chance that a possible problem has no right sample among its own: resamples x problems."""
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
    """Return the places after at most `most` Newton steps, each halved until it satisfies Armijo's rule."""
    value = _likelihood(sums, steps, at)
    moving = np.arange(len(at))
    for _ in range(most):
        held = tuple(of[moving] for of in sums)
        step, promised = _newton(held, steps, at[moving])
        scale = np.ones(len(moving))
        for _ in range(_HALVINGS):
            tried = np.clip(at[moving] + scale[:, None] * step, _SMALLEST, _LARGEST)
            reached = _likelihood(held, steps, tried)
            short = reached < value[moving] + _PART * scale * promised - _NOISE * np.abs(value[moving])
            if not short.any():
                break
            scale[short] /= 2
        better = reached > value[moving]
        at[moving[better]], value[moving[better]] = tried[better], reached[better]
        moving = moving[better & (promised > _STILL)]
        if not len(moving):
            break
    return at


def _newton(sums: tuple[Floats, ...], steps: Floats, at: Floats) -> tuple[Floats, Floats]:
    """Return the Newton step to the top of the local parabola, and the gain that its slope predicts, to first order.

    Where the likelihood bends upwards, the parabola bends as much downwards, so that every step goes uphill. What lies
    at its bound and would go on stays there.
    """
    (su, sv), (uu, uv, vv) = _derivatives(sums, steps, at)
    low, high = at <= _SMALLEST, at >= _LARGEST
    stays_u = (low[:, 0] & (su < 0)) | (high[:, 0] & (su > 0))
    stays_v = (low[:, 1] & (sv < 0)) | (high[:, 1] & (sv > 0))
    su, sv = np.where(stays_u, 0.0, su), np.where(stays_v, 0.0, sv)
    uv = np.where(stays_u | stays_v, 0.0, uv)
    curved = np.stack([np.stack([uu, uv], axis=1), np.stack([uv, vv], axis=1)], axis=2)
    bends, ways = np.linalg.eigh(curved)
    slope = np.stack([su, sv], axis=1)
    along = np.einsum("nij,ni->nj", ways, slope) / np.maximum(np.abs(bends), _FLAT)
    step = np.einsum("nij,nj->ni", ways, along)
    step /= np.maximum(
        1.0, np.abs(step).max(axis=1, keepdims=True) / _LONGEST
    )  # in its own direction, which goes uphill
    return np.asarray(step, dtype=np.float64), np.asarray((step * slope).sum(axis=1), dtype=np.float64)


def _derivatives(sums: tuple[Floats, ...], steps: Floats, at: Floats) -> tuple[Floats, tuple[Floats, Floats, Floats]]:
    """Return slopes and curvatures of the likelihood in logit mean and log size, by the chain rule from a and b."""
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
    """Return logit mean and log size of each fit."""
    return np.array([[np.log(one.alpha / one.beta), np.log(one.alpha + one.beta)] for one in fits])


def _shapes(at: Floats) -> tuple[Floats, Floats]:
    """Return a and b, each as a column."""
    size = np.exp(at[:, 1:])
    mean = 1 / (1 + np.exp(-at[:, :1]))
    return size * mean, size * (1 - mean)
