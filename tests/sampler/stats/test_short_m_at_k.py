"""Waiting for the shortest thoughts: against every subset, and the numbers that were worked out by enumeration."""

from __future__ import annotations

from itertools import combinations, pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampler.stats.ranking import Votes, rank_score_at_k, rank_score_of_votes
from sampler.stats.short_m_at_k import ShortVotes, oracle_at_k, place_weights, rank_score_of_shortest, short_m_at_k

LENGTHS = [100, 150, 200, 260, 330, 410, 500, 600, 710, 830]
RIGHT = [number in {1, 2, 4, 6, 9} for number in range(1, 11)]


@pytest.mark.parametrize(
    ("m", "time", "compute", "coverage"),
    [(1, 143.095, 715.476, 0.84127), (3, 378.571, 1526.429, 0.97619), (5, 734.762, 2045.0, 0.99603)],
)
def test_short_m_has_its_enumerated_values(m, time, compute, coverage):
    found = short_m_at_k(LENGTHS, RIGHT, 5, m)
    assert (found.time, found.compute) == pytest.approx((time, compute), abs=5e-4)
    assert found.coverage == pytest.approx(coverage, abs=5e-6)


def test_an_oracle_stops_at_the_shortest_right_thought():
    found = oracle_at_k(LENGTHS, RIGHT, 5)
    assert (found.time, found.compute) == pytest.approx((169.563, 805.635), abs=5e-4)


SAMPLES = st.lists(st.tuples(st.integers(1, 5), st.booleans()), min_size=1, max_size=6)


def in_random_order(chosen: list[tuple[int, bool]]) -> list[list[tuple[int, bool]]]:
    """Every order of the chosen that is sorted by length."""
    return [list(order) for order in permutations(chosen) if all(a[0] <= b[0] for a, b in pairwise(order))]


@settings(max_examples=60)
@given(samples=SAMPLES, data=st.data())
def test_short_m_is_the_mean_over_all_subsets_and_orders_of_equals(samples, data):
    k = data.draw(st.integers(1, len(samples)))
    m = data.draw(st.integers(1, k))
    times, computes, covered = [], [], []
    for chosen in combinations(samples, k):
        lengths = sorted(length for length, _ in chosen)
        times.append(lengths[m - 1])
        computes.append(sum(lengths[:m]) + (k - m) * lengths[m - 1])
        orders = in_random_order(list(chosen))
        covered.append(np.mean([any(right for _, right in order[:m]) for order in orders]))
    found = short_m_at_k([length for length, _ in samples], [right for _, right in samples], k, m)
    assert found.time == pytest.approx(np.mean(times))
    assert found.compute == pytest.approx(np.mean(computes))
    assert found.coverage == pytest.approx(np.mean(covered))


@settings(max_examples=60)
@given(samples=SAMPLES, data=st.data())
def test_the_oracle_is_the_mean_over_all_subsets(samples, data):
    k = data.draw(st.integers(1, len(samples)))
    times, computes = [], []
    for chosen in combinations(samples, k):
        right = [length for length, is_right in chosen if is_right]
        stop = min(right) if right else max(length for length, _ in chosen)
        times.append(stop)
        computes.append(sum(min(length, stop) for length, _ in chosen))
    found = oracle_at_k([length for length, _ in samples], [right for _, right in samples], k)
    assert (found.time, found.compute) == pytest.approx((np.mean(times), np.mean(computes)))


def test_one_of_one_is_the_shortest_and_m_of_m_all_of_them():
    alone = short_m_at_k(LENGTHS, RIGHT, 1, 1)
    assert (alone.time, alone.compute) == pytest.approx((np.mean(LENGTHS), np.mean(LENGTHS)))
    assert alone.coverage == pytest.approx(0.5)
    first = short_m_at_k(LENGTHS, RIGHT, 4, 1)
    assert first.coverage == pytest.approx(rank_score_at_k(-np.array(LENGTHS), RIGHT, 4))
    with pytest.raises(ValueError, match="undefined"):
        short_m_at_k(LENGTHS, RIGHT, 3, 4)
    with pytest.raises(ValueError, match="one of each"):
        short_m_at_k([1.0], [], 1, 1)
    assert place_weights(10, 5, 2).sum() == pytest.approx(1.0)


def test_votes_among_the_shortest_are_counted_over_every_subset():
    clusters = np.array([0, 1, 0, 1, 2, 0])
    lengths = np.array([5.0, 1.0, 4.0, 2.0, 3.0, 6.0])
    right = np.array([True, False, True, False, False, True])
    votes = Votes(clusters=clusters, weights=np.ones(6))
    rng = np.random.default_rng(1)
    for k, m in ((4, 3), (5, 2), (3, 1)):
        by_hand = []
        for chosen in combinations(range(6), k):
            few = sorted(chosen, key=lambda one: lengths[one])[:m]
            sizes = {one: sum(clusters[other] == clusters[one] for other in few) for one in few}
            best = max(few, key=lambda one: (sizes[one], -lengths[one]))
            by_hand.append(right[best])
        found = rank_score_of_shortest(ShortVotes(votes=votes, lengths=lengths, m=m), right, k, rng)
        assert (found.mean, found.error) == (pytest.approx(np.mean(by_hand)), 0.0)
    everybody = ShortVotes(votes=votes, lengths=lengths, m=6)
    tied = Votes(clusters=clusters, weights=np.ones(6), tie=-lengths)
    assert rank_score_of_shortest(everybody, right, 4, rng).mean == rank_score_of_votes(tied, right, 4, rng).mean
