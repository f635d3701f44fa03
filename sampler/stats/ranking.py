"""Compute the chance that the chosen answer is correct.

One of k samples is chosen, by a ranker's score or by visible tests.

rank-score@k is the chance that the best-scored of k samples, drawn without replacement, is correct (Hassid et al. 2024,
arXiv 2404.00725, equation 4: 1/C(n,k) times the sum over places i of C(n-i, k-1) pass_i). The paper says nothing of
ties. Here equal scores stand in random order: with m_g members in the g-th group of equals, c_g of them correct, and
S_g = m_1 + … + m_g,

    rank-score@k = sum over g of [C(n-S_(g-1), k) - C(n-S_g, k)] / C(n, k) · c_g / m_g

which is the paper's value where nothing is tied, and pass@1 where everything is. So rank-score@1 is pass@1 whatever the
ranker says, a ranker that puts all correct samples first reaches pass@k, and one that puts them last C(c,k) / C(n,k).

The formula needs scores that do not depend on which samples were drawn. If they do, because samples vote for each other
(`Votes`), the value is a mean over drawn subsets, with its standard error; if there are few subsets, the mean is over
all of them.

Higher scores are better throughout.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice
from math import comb, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 1000
_AT_ONCE = 1 << 22  # comparisons of votes that are held in memory together


def rank_weights(samples: int, k: int) -> NDArray[np.float64]:
    """Return how likely it is that the sample at each place of a ranking is the best of k drawn ones; sums to 1.

    C(n-i, k-1) / C(n, k) for i = 1 … n, by w_1 = k/n and w_(i+1) = w_i · (n-i-k+1) / (n-i): positive terms throughout,
    so that thousands of samples cost no precision.
    """
    if not 1 <= k <= samples:
        raise ValueError(f"rank-score@{k} is undefined for {samples} samples")
    place = np.arange(1, samples)
    steps = np.maximum(samples - place - k + 1, 0) / (samples - place)
    return np.asarray(np.cumprod(np.concatenate(([k / samples], steps))), dtype=np.float64)


def correct_by_place(scores: ArrayLike, passed: ArrayLike) -> NDArray[np.float64]:
    """Return the chance that the sample at each place of the ranking is correct, with equals in random order."""
    given, right = _pairs(scores, passed)
    _, group, members = np.unique(-given, return_inverse=True, return_counts=True)
    share = np.bincount(group, weights=right) / members
    return np.asarray(np.repeat(share, members), dtype=np.float64)


def rank_score_at_k(scores: ArrayLike, passed: ArrayLike, k: int) -> float:
    """Return the chance that the best-scored of k samples of a problem is correct.

    The module's docstring gives the formula.
    """
    chances = correct_by_place(scores, passed)
    return float(rank_weights(len(chances), k) @ chances)


def _pairs(scores: ArrayLike, passed: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    given, right = np.asarray(scores, dtype=np.float64), np.asarray(passed, dtype=np.float64)
    if given.shape != right.shape or given.ndim != 1 or not given.size:
        raise ValueError(f"{given.size} scores and {right.size} verdicts; one of each is needed for every sample")
    if np.isnan(given).any():
        raise ValueError("a score is not a number; a ranker that cannot tell says -inf")
    return given, right


@dataclass(frozen=True, slots=True, kw_only=True)
class Votes:
    """Scores that depend on which samples are there.

    A sample's is its weight times the size of its cluster to some power.

    `clusters` are labels, equal for samples that agree with each other. Of equal scores the one with the higher `tie`
    is better; what is equal in that, too, stands in random order. A weight of 0 is for samples that should get no
    votes.
    """

    clusters: NDArray[np.int64]
    weights: NDArray[np.float64]
    power: float = 1.0
    tie: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if self.clusters.shape != self.weights.shape or self.clusters.ndim != 1 or not self.clusters.size:
            raise ValueError(
                f"{self.clusters.size} clusters and {self.weights.size} weights; every sample needs one of each"
            )
        if self.tie is not None and self.tie.shape != self.clusters.shape:
            raise ValueError(f"{self.tie.size} tie breakers for {self.clusters.size} samples")
        if not (np.isfinite(self.weights).all() and (self.weights >= 0).all()):
            raise ValueError("a weight is a number of at least 0")

    @property
    def scores(self) -> NDArray[np.float64]:
        """Return the scores where every sample votes."""
        _, cluster, sizes = np.unique(self.clusters, return_inverse=True, return_counts=True)
        return np.asarray(self.weights * sizes[cluster] ** self.power, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A mean over drawn subsets and its standard error; 0 where every subset was counted."""

    mean: float
    error: float


def rank_score_of_votes(
    votes: Votes, passed: ArrayLike, k: int, rng: np.random.Generator, *, draws: int = DRAWS
) -> Drawn:
    """Return rank-score@k where only the k drawn samples vote.

    The mean is over all subsets, or over `draws` of them where there are more.
    """
    right = np.asarray(passed, dtype=np.float64)
    samples = votes.clusters.size
    if right.shape != votes.clusters.shape:
        raise ValueError(f"{samples} votes and {right.size} verdicts; one of each is needed for every sample")
    if not 1 <= k <= samples:
        raise ValueError(f"rank-score@{k} is undefined for {samples} samples")
    if k == 1:
        return Drawn(float(right.mean()), 0.0)
    all_of_them = comb(samples, k) <= draws
    values = np.concatenate([best_of(votes, right, chosen) for chosen in drawn_subsets(samples, k, rng, draws)])
    error = 0.0 if all_of_them else float(values.std(ddof=1)) / sqrt(len(values))
    return Drawn(float(values.mean()), error)


def drawn_subsets(samples: int, k: int, rng: np.random.Generator, draws: int) -> Iterator[NDArray[np.int64]]:
    """Yield subsets of k of the samples, one in a row: all of them, or `draws` random ones if there are more."""
    return _all_subsets(samples, k) if comb(samples, k) <= draws else _random_subsets(samples, k, rng, draws)


def _rows(k: int) -> int:
    return max(1, _AT_ONCE // (k * k))


def _all_subsets(samples: int, k: int) -> Iterator[NDArray[np.int64]]:
    subsets = combinations(range(samples), k)
    while piece := list(islice(subsets, _rows(k))):
        yield np.array(piece, dtype=np.int64)


def _random_subsets(samples: int, k: int, rng: np.random.Generator, draws: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, draws, _rows(k)):
        order = rng.random((min(_rows(k), draws - start), samples)).argpartition(k - 1, axis=1)
        yield np.asarray(order[:, :k], dtype=np.int64)


def best_of(votes: Votes, right: NDArray[np.float64], chosen: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return for each subset (a row) how likely its best sample is correct: the share correct among the best."""
    clusters = votes.clusters[chosen]
    sizes = (clusters[:, :, None] == clusters[:, None, :]).sum(axis=2)
    scores = votes.weights[chosen] * sizes**votes.power
    best = scores == scores.max(axis=1, keepdims=True)
    if votes.tie is not None:
        second = np.where(best, votes.tie[chosen], -np.inf)
        best &= second == second.max(axis=1, keepdims=True)
    return np.asarray((best * right[chosen]).sum(axis=1) / best.sum(axis=1), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Selected:
    """What picking by tests comes to: the chance that an answer is handed out at all, and that a correct one is."""

    answered: float
    correct: float

    @property
    def wrong(self) -> float:
        """Return the chance that a wrong answer is handed out."""
        return self.answered - self.correct


def selected_at_k(samples: int, correct: int, wrong: int, k: int) -> Selected:
    """Return how well a random one of those of k samples that pass the selection tests does on the hidden tests.

    Of the `samples`, `correct` pass both and `wrong` the selection's alone. An answer is there with the chance 1 -
    C(n-TP-FP, k) / C(n, k), and then it is correct with TP / (TP+FP), since all that passed are alike (Stroebl et al.
    2024, arXiv 2411.17501, ask the question; the closed form is ours). Without one nothing is handed out.
    """
    if min(correct, wrong) < 0 or correct + wrong > samples:
        raise ValueError(f"{correct} correct and {wrong} wrong answers passed selection, of {samples} samples")
    if not 1 <= k <= samples:
        raise ValueError(f"selection from {k} of {samples} samples is undefined")
    passing = correct + wrong
    if not passing:
        return Selected(0.0, 0.0)
    chosen = comb(samples, k)
    answered = (chosen - comb(samples - passing, k)) / chosen
    return Selected(answered, answered * correct / passing)
