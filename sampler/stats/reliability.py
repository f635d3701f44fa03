"""Compute how reliably a model solves a problem, from n samples of it of which c are right.

X is the number of right samples among k that are drawn without replacement from the n, so it has the hypergeometric
distribution, and `tail` is P(X >= j). All metrics but Bayes@N are values of it, and all are undefined for k > n.

* pass^k = P(X >= k): all k are right (Yao et al. 2024, tau-bench, arXiv 2406.12045).
* G-Pass@k at the threshold tau = P(X >= max(1, ceil(tau k))) (Liu et al. 2024, arXiv 2412.13147). At tau = 1 it is
  pass^k, and with tau towards 0 pass@k.
* mG-Pass@k = (2/k) times the sum of P(X >= i) over i = ceil(k/2)+1 … k: twice the mean of G-Pass@k over thresholds from
  one half to 1 (the same paper, equation 5). It is 0 at k = 1 and pass^2 at k = 2.
* maj@k = P(X >= floor(k/2)+1): more than half of k are right. A vote in which all right programs agree wins at least so
  often; an even split counts as lost.
* Bayes@N (Hariri et al. 2025, arXiv 2510.04265): the chance of a right sample has the posterior Beta(c+1, n-c+1), from
  a uniform prior. Its mean over problems ranks models as the share of right samples does. Its credible interval is of
  *these* problems; the other intervals of a report are of new problems of the kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, comb, lgamma, sqrt

import numpy as np
from numpy.typing import NDArray

from sampler.stats.bootstrap import LEVEL, Interval

HALF = Fraction(1, 2)
_CELLS = 1024  # of the grid on which posteriors are added up
_MOST_ON_GRID = 1 << 20  # cells of the sum of all problems
_HALVINGS = 60

Floats = NDArray[np.float64]


def tail(samples: int, right: int, k: int, at_least: int) -> float:
    """Return the chance that at least `at_least` of k samples, drawn without replacement, are right.

    In whole numbers up to the last division. Raises ValueError for k > samples, where no such draw exists.
    """
    if not 1 <= k <= samples:
        raise ValueError(f"a draw of {k} from {samples} samples is undefined")
    if not 0 <= right <= samples:
        raise ValueError(f"{right} right of {samples} samples")
    ways = _ways(samples, right, k)
    return sum(ways[max(0, at_least) :]) / comb(samples, k)


def _ways(samples: int, right: int, k: int) -> list[int]:
    """Return how many draws of k hold 0, 1 … k right samples."""
    return [comb(right, hits) * comb(samples - right, k - hits) for hits in range(k + 1)]


def pass_hat_k(samples: int, right: int, k: int) -> float:
    """Return pass^k, the chance that all of k samples are right."""
    return tail(samples, right, k, k)


def g_pass_at_k(samples: int, right: int, k: int, tau: Fraction = HALF) -> float:
    """Return G-Pass@k, the chance that at least the share `tau` of k samples is right, and at least one.

    A fraction, because in floats the ceiling of 0.28 times 25 is 8 and not 7; raises ValueError outside 0 to 1.
    """
    if not 0 <= tau <= 1:
        raise ValueError(f"a threshold lies in 0 to 1, not at {tau}")
    return tail(samples, right, k, max(1, ceil(tau * k)))


def mg_pass_at_k(samples: int, right: int, k: int) -> float:
    """Return mG-Pass@k, the mean of G-Pass@k over thresholds from one half to 1."""
    nothing = tail(samples, right, k, k + 1)  # checks the numbers
    first = ceil(k / 2) + 1
    summed = sum(ways * max(0, hits - first + 1) for hits, ways in enumerate(_ways(samples, right, k)))
    return 2 * summed / (k * comb(samples, k)) if summed else nothing


def maj_at_k(samples: int, right: int, k: int) -> float:
    """Return maj@k, the chance that more than half of k samples are right."""
    return tail(samples, right, k, k // 2 + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """The mean chance of a right sample on these problems, and its credible interval at level `LEVEL`."""

    mean: float
    deviation: float
    interval: Interval


def bayes_at_n(samples: Sequence[int], right: Sequence[int]) -> Posterior:
    """Return the posterior of the mean, over problems, of the chance that a sample is right.

    Mean and deviation are exact: mean of (c+1)/(n+2), and the root of the summed variances ab/((a+b)^2 (a+b+1)) over
    the number of problems. Of one problem so are the ends of the interval, as quantiles of its Beta distribution; of
    several they come from the sum's distribution on a grid, right to a thousandth. Raises ValueError without problems.
    """
    counts = list(zip(samples, right, strict=True))
    if not counts or any(not 0 <= c <= n for n, c in counts):
        raise ValueError(f"{counts!r:.80}: every problem needs a number of samples, and of right ones among them")
    shapes = [(c + 1, n - c + 1) for n, c in counts]
    variance = sum(a * b / ((a + b) ** 2 * (a + b + 1)) for a, b in shapes)
    ends = _of_one(*shapes[0]) if len(shapes) == 1 else _of_mean(shapes)
    return Posterior(
        mean=sum(a / (a + b) for a, b in shapes) / len(shapes),
        deviation=sqrt(variance) / len(shapes),
        interval=ends,
    )


def _of_one(a: int, b: int) -> Interval:
    return Interval(_quantile(a, b, (1 - LEVEL) / 2), _quantile(a, b, (1 + LEVEL) / 2))


def _quantile(a: int, b: int, share: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if float(_below(a, b, np.array([middle]))[0]) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _below(a: int, b: int, at: Floats) -> Floats:
    """Return the distribution function of Beta(a, b), of whole numbers: P(Binomial(a+b-1, x) >= a).

    The shorter of the binomial's two tails is summed.
    """
    trials = a + b - 1
    inside = np.clip(at, 1e-300, 1 - 1e-16)
    log_x, log_rest = np.log(inside), np.log1p(-inside)
    hits = range(a, trials + 1) if b <= a else range(a)
    total = np.zeros_like(inside)
    for hit in hits:
        ways = lgamma(trials + 1) - lgamma(hit + 1) - lgamma(trials - hit + 1)
        total += np.exp(ways + hit * log_x + (trials - hit) * log_rest)
    found = total if b <= a else 1 - total
    return np.asarray(np.where(at <= 0, 0.0, np.where(at >= 1, 1.0, np.clip(found, 0.0, 1.0))), dtype=np.float64)


def _of_mean(shapes: Sequence[tuple[int, int]]) -> Interval:
    """Return the quantiles of the mean of independent Beta variables: their distributions on a grid, convolved."""
    problems = len(shapes)
    cells = max(16, min(_CELLS, _MOST_ON_GRID // problems))
    edges = np.linspace(0.0, 1.0, cells + 1)
    length = problems * (cells - 1) + 1
    spectrum = np.ones(length // 2 + 1, dtype=np.complex128)
    for (a, b), times in Counter(shapes).items():
        spectrum *= np.fft.rfft(np.diff(_below(a, b, edges)), n=length) ** times
    reached = np.cumsum(np.clip(np.fft.irfft(spectrum, n=length), 0.0, None))
    reached /= reached[-1]
    ends = np.interp([(1 - LEVEL) / 2, (1 + LEVEL) / 2], reached, np.arange(length) + 0.5)  # a cell's mass ends half on
    low, high = (ends + problems / 2) / (cells * problems)
    return Interval(float(low), float(high))
