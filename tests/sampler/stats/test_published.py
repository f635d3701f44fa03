"""Our estimators against what others published and against other people's code."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampler.stats.bootstrap import Interval, draw_problems, resampled_means
from sampler.stats.budget import UnitCost
from sampler.stats.differences import difference_intervals
from sampler.stats.passk import Counts, largest_t, pass_at_every_k, pass_at_k, simultaneous

KS = (1, 2, 4, 16, 64, 128, 256, 500, 1000)
HUMANEVAL = {  # Hassid et al. 2024, Table 2
    "7B": (28.2, 38.5, 48.9, 68.7, 83.9, 89.0, 92.7, 95.0, 96.3),
    "13B": (32.7, 44.4, 56.2, 77.0, 89.0, 92.3, 94.8, 96.5),
    "34B": (38.6, 51.4, 63.4, 81.8, 91.7, 94.3),
    "70B": (46.7, 61.1, 73.2, 87.3, 94.4),
}
MBPP = {  # Table 3
    "7B": (37.3, 48.0, 57.3, 71.6, 81.1, 84.8, 87.9, 90.3, 92.4),
    "13B": (42.3, 53.4, 62.5, 75.3, 84.0, 87.4, 90.4, 92.8),
    "34B": (49.2, 60.1, 68.6, 79.2, 85.8, 88.7),
    "70B": (57.3, 67.7, 74.8, 83.7, 90.0),
}
FLOPS = {"7B": 1.00, "13B": 1.95, "34B": 5.08, "70B": 10.41}  # Table 1, in 7B samples
SECONDS = {"7B": 1.00, "13B": 1.69, "34B": 7.58, "70B": 14.19}


def between(rates: tuple[float, ...], k: int) -> float:
    """pass@k between the columns of a table, by the logarithm of k."""
    return float(np.interp(log(k), [log(at) for at in KS[: len(rates)]], rates))


@pytest.mark.parametrize(
    ("table", "costs", "budget", "curve"),
    [
        (HUMANEVAL, FLOPS, 10.41, (62.0, 59.5, 51.4, 46.7)),
        (HUMANEVAL, FLOPS, 16, (68.7, 66.6, 58.4, 46.7)),
        (HUMANEVAL, FLOPS, 32, (76.3, 77.0, 68.8, 68.2)),
        (HUMANEVAL, FLOPS, 64, (83.9, 83.0, 78.0, 77.3)),
        (HUMANEVAL, FLOPS, 128, (89.0, 89.1, 85.0, 84.4)),
        (HUMANEVAL, FLOPS, 256, (92.7, 92.4, 89.9, 89.4)),
        (HUMANEVAL, SECONDS, 14.19, (66.8, 66.6, 38.6, 46.7)),
        (HUMANEVAL, SECONDS, 32, (76.3, 78.0, 63.4, 61.1)),
        (HUMANEVAL, SECONDS, 64, (83.9, 84.3, 72.6, 73.2)),
        (HUMANEVAL, SECONDS, 128, (89.0, 89.8, 81.8, 81.4)),
        (HUMANEVAL, SECONDS, 256, (92.7, 92.9, 87.0, 87.9)),
        (MBPP, FLOPS, 10.41, (66.8, 64.6, 60.1, 57.3)),
        (MBPP, FLOPS, 32, (76.3, 75.3, 71.7, 71.9)),
        (MBPP, FLOPS, 64, (81.1, 79.7, 77.0, 77.4)),
        (MBPP, FLOPS, 128, (84.8, 84.1, 81.3, 81.9)),
        (MBPP, SECONDS, 14.19, (70.2, 68.9, 49.2, 57.3)),
        (MBPP, SECONDS, 64, (81.1, 80.6, 73.9, 74.8)),
    ],
)
def test_the_paper_s_tables_and_unit_costs_give_the_paper_s_curves(table, costs, budget, curve):
    for model, expected in zip(table, curve, strict=True):
        k = UnitCost(each=costs[model]).affordable(budget)
        assert between(table[model], k) == pytest.approx(expected, abs=1.0), (model, k)


def test_the_package_pass_at_k_agrees():
    peer = pytest.importorskip("pass_at_k", reason="the package pass-at-k is not installed")
    for n in (1, 7, 40):
        for c in range(n + 1):
            for k in range(1, n + 1):
                assert pass_at_k(n, c, k) == pytest.approx(peer.pass_at_k(n, c, k), abs=1e-12)


@pytest.fixture(scope="module")
def peer():
    return pytest.importorskip("passk_inference", reason="the package passk-inference is not installed (extra `dev`)")


@given(
    st.lists(st.integers(1, 300).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=1, max_size=30)
)
@settings(max_examples=50)
def test_the_package_passk_inference_agrees_on_every_k(peer, counts):
    n, c = (np.array(column) for column in zip(*counts, strict=True))
    most = int(n.min())
    table = pass_at_every_k(n.tolist(), c.tolist(), most)
    theirs = np.stack([peer.pass_at_k(c, n, k) for k in range(1, most + 1)], axis=1)
    assert table == pytest.approx(theirs, abs=1e-11)


def two_models(problems: int, n: int = 20):
    """Counts of two models on the same problems: the second is better at k = 1, and not where samples are many."""
    rng = np.random.default_rng(problems)
    first, second = rng.beta(0.8, 1.2, problems), rng.beta(0.35, 0.35, problems)
    return rng.binomial(n, first), rng.binomial(n, second), n


def test_the_package_passk_inference_sees_the_same_paired_differences(peer):
    one, other, n = two_models(300)
    theirs = peer.compare(one, n, other, n, seed=1)
    names = tuple(f"P/{at}" for at in range(len(one)))
    a, b = (Counts(model="m", problems=names, scored=(n,) * len(names), passed=tuple(c.tolist())) for c in (other, one))
    gaps = a.rates - b.rates
    assert gaps.mean(axis=0) == pytest.approx(theirs["mean"], abs=1e-12)
    for found, error in zip(difference_intervals(gaps), theirs["se"], strict=True):
        assert found.half == pytest.approx(1.968 * error, rel=0.05)  # Student's t of 299 degrees of freedom


def test_the_package_passk_inference_draws_the_same_simultaneous_band(peer):
    """It multiplies problems by normal noise, we draw them anew.

    With 300 problems the two critical values are within 5 %.
    """
    one, other, n = two_models(300)
    rows = pass_at_every_k([n] * 300, other.tolist(), n) - pass_at_every_k([n] * 300, one.tolist(), n)
    theirs = peer.simultaneous_band(rows, seed=1)
    draws = draw_problems(300, np.random.default_rng(0))
    largest = largest_t(rows, resampled_means(rows, draws))
    narrow = [Interval(float(mean), float(mean)) for mean in rows.mean(axis=0)]  # so that the band is all that is read
    bands = simultaneous(rows, largest, narrow)
    for band, low, high in zip(bands, theirs["lower"], theirs["upper"], strict=True):
        assert band.half == pytest.approx((high - low) / 2, rel=0.05)
        assert (band.low + band.high) / 2 == pytest.approx((low + high) / 2, abs=1e-9)
