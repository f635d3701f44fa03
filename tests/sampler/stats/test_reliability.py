"""Reliability metrics against counting every subset, published check numbers and the posterior's own moments."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import ceil, comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampler.stats.passk import pass_at_k
from sampler.stats.reliability import (
    bayes_at_n,
    g_pass_at_k,
    maj_at_k,
    mg_pass_at_k,
    pass_hat_k,
    tail,
)

QUARTER = Fraction(1, 4)


def share(passed: list[bool], k: int, at_least: int) -> float:
    subsets = list(combinations(passed, k))
    return sum(sum(subset) >= at_least for subset in subsets) / len(subsets)


@given(passed=st.lists(st.booleans(), min_size=1, max_size=9), data=st.data())
def test_every_metric_is_what_counting_every_subset_gives(passed, data):
    n, c = len(passed), sum(passed)
    k = data.draw(st.integers(1, n))
    tau = Fraction(data.draw(st.integers(0, 20)), 20)
    assert pass_hat_k(n, c, k) == pytest.approx(share(passed, k, k), abs=1e-15)
    assert maj_at_k(n, c, k) == pytest.approx(share(passed, k, k // 2 + 1), abs=1e-15)
    assert g_pass_at_k(n, c, k, tau) == pytest.approx(share(passed, k, max(1, ceil(tau * k))), abs=1e-15)
    by_hand = 2 / k * sum(share(passed, k, i) for i in range(ceil(k / 2) + 1, k + 1))
    assert mg_pass_at_k(n, c, k) == pytest.approx(by_hand, abs=1e-15)


@given(n=st.integers(1, 200), data=st.data())
def test_metrics_keep_their_order_and_their_limits(n, data):
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    low, middle, high = pass_hat_k(n, c, k), maj_at_k(n, c, k), pass_at_k(n, c, k)
    assert low <= middle + 1e-15
    assert middle <= high + 1e-15
    assert low == pytest.approx(1 - pass_at_k(n, n - c, k), abs=1e-12)
    assert g_pass_at_k(n, c, k, Fraction(1)) == low
    assert g_pass_at_k(n, c, k, Fraction(0)) == pytest.approx(high, abs=1e-12)
    assert tail(n, c, n, n) == float(c == n)


# n = 10, c = 1, 5, 9; checked with the package scorio.
@pytest.mark.parametrize(
    ("k", "values"),
    [
        (1, [(0.1, 0.5, 0.9), (0.1, 0.5, 0.9), (0.1, 0.5, 0.9), (0, 0, 0), (0.1, 0.5, 0.9)]),
        (2, [(0, 2 / 9, 4 / 5), (1 / 5, 7 / 9, 1), (1 / 5, 7 / 9, 1), (0, 2 / 9, 4 / 5), (0, 2 / 9, 4 / 5)]),
        (4, [(0, 1 / 42, 3 / 5), (2 / 5, 41 / 42, 1), (0, 31 / 42, 1), (0, 1 / 7, 4 / 5), (0, 11 / 42, 1)]),
        (8, [(0, 0, 1 / 5), (0, 1, 1), (0, 7 / 9, 1), (0, 1 / 18, 4 / 5), (0, 2 / 9, 1)]),
    ],
)
def test_metrics_have_their_published_values(k, values):
    metrics = (pass_hat_k, lambda n, c, k: g_pass_at_k(n, c, k, QUARTER), g_pass_at_k, mg_pass_at_k, maj_at_k)
    for metric, expected in zip(metrics, values, strict=True):
        assert [metric(10, c, k) for c in (1, 5, 9)] == pytest.approx(expected)
    assert [metric(10, 0, k) for metric in (pass_hat_k, g_pass_at_k, mg_pass_at_k, maj_at_k)] == [0, 0, 0, 0]
    assert [metric(10, 10, k) for metric in (pass_hat_k, g_pass_at_k, maj_at_k)] == [1, 1, 1]


def test_a_threshold_is_a_fraction_because_floats_round_up():
    assert ceil(0.28 * 25) == 8
    seven = share_of_large(100, 30, 25, 7)
    assert g_pass_at_k(100, 30, 25, Fraction("0.28")) == pytest.approx(seven)


def share_of_large(n: int, c: int, k: int, at_least: int) -> float:
    return sum(comb(c, j) * comb(n - c, k - j) for j in range(at_least, k + 1)) / comb(n, k)


@pytest.mark.parametrize(("n", "c", "k"), [(3, 1, 4), (3, 1, 0), (3, 4, 1), (3, -1, 1)])
def test_metrics_are_undefined_rather_than_invented(n, c, k):
    for metric in (pass_hat_k, g_pass_at_k, mg_pass_at_k, maj_at_k):
        with pytest.raises(ValueError, match=r"undefined|right of"):
            metric(n, c, k)
    with pytest.raises(ValueError, match="threshold"):
        g_pass_at_k(3, 1, 1, Fraction(3, 2))


# Exact quantiles of Beta(c+1, 11-c), checked with scipy.
@pytest.mark.parametrize(
    ("c", "mean", "deviation", "low", "high"),
    [
        (0, 1 / 12, 0.0767, 0.0023, 0.2849),
        (1, 1 / 6, 0.1034, 0.0228, 0.4128),
        (5, 1 / 2, 0.1387, 0.2338, 0.7662),
        (9, 5 / 6, 0.1034, 0.5872, 0.9772),
        (10, 11 / 12, 0.0767, 0.7151, 0.9977),
    ],
)
def test_the_posterior_of_one_problem_has_the_quantiles_of_its_beta(c, mean, deviation, low, high):
    found = bayes_at_n([10], [c])
    assert found.mean == pytest.approx(mean)
    assert found.deviation == pytest.approx(deviation, abs=5e-5)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=5e-5)


def test_the_posterior_over_problems_is_that_of_their_mean():
    counts = [0, 1, 5, 9, 10]
    found = bayes_at_n([10] * 5, counts)
    assert found.mean == pytest.approx(0.5)
    assert found.deviation == pytest.approx(0.04576, abs=5e-6)
    drawn = (
        np.random.default_rng(1).beta([c + 1 for c in counts], [11 - c for c in counts], size=(200_000, 5)).mean(axis=1)
    )
    assert (found.interval.low, found.interval.high) == pytest.approx(
        tuple(np.quantile(drawn, [0.025, 0.975])), abs=1e-3
    )


@given(counts=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), min_size=2, max_size=60))
def test_the_interval_over_problems_has_the_width_that_its_deviation_says(counts):
    pairs = [(n, min(n, c)) for n, c in counts]
    found = bayes_at_n([n for n, _ in pairs], [c for _, c in pairs])
    assert found.interval.low < found.mean < found.interval.high
    assert found.interval.half == pytest.approx(1.96 * found.deviation, rel=0.1, abs=2e-3)


def test_the_posterior_of_many_samples_is_narrow_and_of_no_problem_undefined():
    found = bayes_at_n([20_000, 20_000], [0, 20_000])
    assert found.mean == pytest.approx(0.5)
    assert found.interval.half < 2e-3
    with pytest.raises(ValueError, match="every problem"):
        bayes_at_n([], [])
    with pytest.raises(ValueError, match="every problem"):
        bayes_at_n([3], [4])
