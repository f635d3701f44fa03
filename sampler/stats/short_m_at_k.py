"""Compute what it is worth, and what it costs, to wait for the shortest of k thoughts that are drawn in parallel.

short-m@k (Hassid, Synnaeve, Adi, Schwartz 2025, arXiv 2505.17813): k chains run in parallel, all stop when the m-th one
ends, and the answer is a majority vote among those m, where ties go to the shortest. First Finish Search (arXiv
2505.18149) is short-1@k. With the lengths l_(1) <= … <= l_(k) of the k drawn thoughts

    time = l_(m),   compute = l_(1) + … + l_(m) + (k - m) l_(m)

All values are exact means over all k of the n samples of a problem. The j-th shortest of k is the i-th of n with the
chance w_j(i) = C(i-1, j-1) C(n-i, k-j) / C(n, k). The chance that all m shortest are wrong is summed over groups of
equal lengths, within which the order is random. Without a vote, `coverage` is the chance that one of the m is right:
what tests that may be seen reach. With an oracle that knows what is right, all stop at the shortest right thought.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import comb, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampler.stats.ranking import DRAWS, Drawn, Votes, best_of, drawn_subsets

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """What waiting costs, in tokens of thought: until the answer, and of all chains together; and what it reaches."""

    time: float
    compute: float
    coverage: float


def place_weights(samples: int, k: int, j: int) -> Floats:
    """Return how likely the j-th shortest of k drawn samples is each of the `samples`, from the shortest on."""
    if not 1 <= j <= k <= samples:
        raise ValueError(f"the {j}th of {k} of {samples} samples is undefined")
    ways = [comb(i - 1, j - 1) * comb(samples - i, k - j) for i in range(1, samples + 1)]
    every = comb(samples, k)
    return np.array([way / every for way in ways])


def short_m_at_k(lengths: Sequence[float], right: Sequence[bool], k: int, m: int) -> Waited:
    """Return time, compute and coverage of short-m@k; at m = k those of a vote among all.

    `lengths` are those of the thoughts, cut ones with what they used. Raises ValueError unless 1 <= m <= k <= n.
    """
    pairs = _sorted(lengths, right)
    ordered = np.array([length for length, _ in pairs])
    weights = [place_weights(len(pairs), k, j) for j in range(1, m + 1)]
    time = float(ordered @ weights[-1])
    compute = float(sum(ordered @ weight for weight in weights)) + (k - m) * time
    return Waited(time=time, compute=compute, coverage=1 - _all_wrong(pairs, k, m))


def oracle_at_k(lengths: Sequence[float], right: Sequence[bool], k: int) -> Waited:
    """Return the same if all stop at the shortest right thought; without one, all are paid in full."""
    pairs = _sorted(lengths, right)
    samples, every = len(pairs), comb(len(pairs), k)
    place_weights(samples, k, 1)  # checks the numbers
    wrong: list[float] = []
    time = compute = 0.0
    for place, (length, is_right) in enumerate(pairs, 1):
        if not is_right:
            wrong.append(length)
            continue
        mean = sum(wrong) / len(wrong) if wrong else 0.0
        for before in range(min(len(wrong), k - 1) + 1):
            share = comb(len(wrong), before) * comb(samples - place, k - 1 - before) / every
            time += share * length
            compute += share * (before * mean + (k - before) * length)
    if len(wrong) >= k:
        none = comb(len(wrong), k) / every
        time += none * float(np.array(wrong) @ place_weights(len(wrong), k, k))
        compute += none * k * sum(wrong) / len(wrong)
    return Waited(time=time, compute=compute, coverage=1 - comb(len(wrong), k) / every)


def _sorted(lengths: Sequence[float], right: Sequence[bool]) -> list[tuple[float, bool]]:
    if len(lengths) != len(right) or not lengths:
        raise ValueError(f"{len(lengths)} lengths and {len(right)} verdicts; one of each is needed for every sample")
    return sorted((float(length), bool(is_right)) for length, is_right in zip(lengths, right, strict=True))


def _all_wrong(pairs: Sequence[tuple[float, bool]], k: int, m: int) -> float:
    """Return the chance that the m shortest of k are all wrong, with equal lengths in random order.

    The m-th shortest lies in some group of equals, with a of the k before it: these are all wrong, and so are the m - a
    that are taken from the group, a random part of it.
    """
    samples, missed = len(pairs), 0.0
    wrong_before = at_most = 0
    for _, group in groupby(pairs, key=lambda pair: pair[0]):
        verdicts = [is_right for _, is_right in group]
        size, wrong = len(verdicts), verdicts.count(False)
        at_most += size
        for before in range(max(0, m - size), m):
            taken = m - before
            ways = sum(
                comb(size, here) * comb(samples - at_most, k - before - here)
                for here in range(taken, min(size, k - before) + 1)
            )
            missed += comb(wrong_before, before) * ways * comb(wrong, taken) / (comb(size, taken) * comb(samples, k))
        wrong_before += wrong
    return missed


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortVotes:
    """Votes among the m samples with the shortest thoughts alone; equal scores go to the shorter one."""

    votes: Votes
    lengths: Floats
    m: int

    @property
    def scores(self) -> Floats:
        """Return the scores where every sample votes."""
        return self.votes.scores


def rank_score_of_shortest(
    short: ShortVotes, passed: ArrayLike, k: int, rng: np.random.Generator, *, draws: int = DRAWS
) -> Drawn:
    """Return the chance that the vote among the m shortest of k hands out a right answer.

    The mean is over all subsets, or over `draws` of them where there are more. Of equal lengths the later index counts
    as longer. With k < m, all k vote.
    """
    right = np.asarray(passed, dtype=np.float64)
    samples = len(short.lengths)
    if right.shape != short.lengths.shape:
        raise ValueError(f"{samples} lengths and {right.size} verdicts; one of each is needed for every sample")
    if not 1 <= k <= samples:
        raise ValueError(f"short-{short.m}@{k} is undefined for {samples} samples")
    votes = Votes(
        clusters=short.votes.clusters, weights=short.votes.weights, power=short.votes.power, tie=-short.lengths
    )
    every = comb(samples, k) <= draws
    values = []
    for chosen in drawn_subsets(samples, k, rng, draws):
        shortest = np.argsort(short.lengths[chosen], axis=1, kind="stable")[:, : short.m]
        values.append(best_of(votes, right, np.take_along_axis(chosen, shortest, axis=1)))
    found = np.concatenate(values)
    error = 0.0 if every else float(found.std(ddof=1)) / sqrt(len(found))
    return Drawn(float(found.mean()), error)
