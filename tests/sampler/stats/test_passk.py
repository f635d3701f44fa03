from __future__ import annotations

from itertools import combinations, pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampler.stats.bootstrap import Interval, Method, draw_problems, intervals
from sampler.stats.budget import UnitCost
from sampler.stats.passk import Counts, Reach, curve, pass_at_every_k, pass_at_k, value_at

COSTS = st.builds(
    lambda each, ratio: UnitCost(each=each, once=each * ratio),
    st.floats(1e-6, 1e18),
    st.floats(0, 1000),
)


def by_hand(passed: list[bool], k: int) -> float:
    subsets = list(combinations(passed, k))
    return sum(any(subset) for subset in subsets) / len(subsets)


@given(passed=st.lists(st.booleans(), min_size=1, max_size=9), data=st.data())
def test_pass_at_k_is_what_counting_every_subset_gives(passed, data):
    k = data.draw(st.integers(1, len(passed)))
    assert pass_at_k(len(passed), sum(passed), k) == pytest.approx(by_hand(passed, k), abs=1e-15)


@given(rows=st.lists(st.lists(st.booleans(), min_size=3, max_size=9), min_size=1, max_size=5), ks=st.integers(1, 3))
def test_the_table_of_every_k_is_what_counting_every_subset_gives(rows, ks):
    table = pass_at_every_k([len(row) for row in rows], [sum(row) for row in rows], ks)
    assert table.shape == (len(rows), ks)
    for row, line in zip(rows, table, strict=True):
        assert list(line) == pytest.approx([by_hand(row, k) for k in range(1, ks + 1)], abs=1e-14)


@given(samples=st.integers(1, 2000), data=st.data())
def test_the_table_agrees_with_whole_numbers_for_many_samples(samples, data):
    correct = data.draw(st.integers(0, samples))
    k = data.draw(st.integers(1, samples))
    exact = 1 - comb(samples - correct, k) / comb(samples, k)
    assert pass_at_every_k([samples], [correct], samples)[0, k - 1] == pytest.approx(exact, abs=1e-12)
    assert pass_at_k(samples, correct, k) == pytest.approx(exact, abs=1e-15)


@given(samples=st.integers(1, 30), data=st.data())
def test_more_samples_never_hurt(samples, data):
    correct = data.draw(st.integers(0, samples))
    rates = pass_at_every_k([samples], [correct], samples)[0]
    assert rates[0] == pytest.approx(correct / samples)
    assert all(earlier <= later + 1e-15 for earlier, later in pairwise(rates))
    assert rates[-1] == pytest.approx(1.0 if correct else 0.0)


@pytest.mark.parametrize(("samples", "correct", "k"), [(3, 1, 4), (3, 1, 0), (0, 0, 1), (3, 4, 1), (3, -1, 1)])
def test_pass_at_k_is_undefined_rather_than_invented(samples, correct, k):
    with pytest.raises(ValueError, match=r"undefined|correct of"):
        pass_at_k(samples, correct, k)
    with pytest.raises(ValueError, match=r"undefined|correct samples"):
        pass_at_every_k([samples], [correct], k)


def test_the_table_needs_counts_that_belong_together():
    with pytest.raises(ValueError, match="one of each"):
        pass_at_every_k([3, 3], [1], 1)
    with pytest.raises(ValueError, match="one of each"):
        pass_at_every_k([], [], 1)


@given(cost=COSTS, k=st.integers(1, 10_000))
def test_what_k_samples_cost_buys_k_samples(cost, k):
    assert cost.of(cost.affordable(cost.of(k))) == cost.of(k)
    assert cost.affordable(cost.of(k)) >= k


@given(cost=COSTS, ratio=st.floats(0, 1e6))
def test_the_affordable_k_fits_and_one_more_does_not(cost, ratio):
    budget = ratio * cost.each
    k = cost.affordable(budget)
    assert cost.of(k) <= budget
    assert cost.of(k + 1) > budget


def test_the_paper_s_translation_of_a_budget():
    """Hassid et al. 2024, Table 1.

    A 70B sample buys 10, 5 and 2 samples of 7B, 13B and 34B by FLOPs, 14, 8 and 1 by time.
    """
    flops, seconds = (1.69, 3.29, 8.58), (395, 667, 2994)
    assert [UnitCost(each=each).affordable(17.60) for each in flops] == [10, 5, 2]
    assert [UnitCost(each=each).affordable(5605) for each in seconds] == [14, 8, 1]


def test_a_shared_prompt_is_paid_once():
    cost = UnitCost(once=140.0, each=55.0)
    assert cost.of(8) == 580.0
    assert cost.affordable(610.0) == 8
    assert cost.affordable(194.0) == 0
    assert cost.of(0) == 0.0


@pytest.mark.parametrize("bad", [{"each": 0.0}, {"each": float("nan")}, {"each": 1.0, "once": -1.0}])
def test_a_sample_that_costs_nothing_has_no_budget(bad):
    with pytest.raises(ValueError, match="cost"):
        UnitCost(**bad)


@pytest.mark.parametrize("budget", [-1.0, float("nan"), float("inf")])
def test_a_budget_is_a_number(budget):
    with pytest.raises(ValueError, match="budget"):
        UnitCost(each=1.0).affordable(budget)


def test_a_budget_beyond_counting_buys_more_than_anyone_drew():
    assert UnitCost(each=1e-9).affordable(1e300) == 2**53
    drawn = curve(
        Counts(model="m", problems=("p",), scored=(2,), passed=(1,)), UnitCost(each=1.0), np.random.default_rng(0)
    )
    assert value_at(drawn, 1e300).reach is Reach.UNDEFINED


@given(values=st.lists(st.floats(0, 1), min_size=2, max_size=20), seed=st.integers(0, 99))
def test_an_interval_lies_within_the_values_and_is_repeatable(values, seed):
    column = np.array(values)[:, None]
    (first,) = intervals(column, draw_problems(len(values), np.random.default_rng(seed), 500))
    (again,) = intervals(column, draw_problems(len(values), np.random.default_rng(seed), 500))
    assert first == again
    assert min(values) - 1e-12 <= first.low <= first.high <= max(values) + 1e-12


def test_the_percentile_interval_is_the_one_over_every_resample_of_three_problems():
    values = np.array([0.0, 0.5, 1.0])
    every = sorted(sum(values[i] for i in draw) / 3 for draw in np.ndindex(3, 3, 3))
    (found,) = intervals(values[:, None], draw_problems(3, np.random.default_rng(1), 200_000), Method.PERCENTILE)
    assert found.low == pytest.approx(np.quantile(every, 0.025, method="inverted_cdf"), abs=1e-9)
    assert found.high == pytest.approx(np.quantile(every, 0.975, method="inverted_cdf"), abs=1e-9)


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(300):
        values = rng.binomial(1, 0.5, size=100).astype(float)
        (found,) = intervals(values[:, None], draw_problems(100, rng, 400))
        covered += found.low <= 0.5 <= found.high
    assert 0.90 <= covered / 300 <= 0.98


def test_intervals_need_two_problems():
    with pytest.raises(ValueError, match="undefined for 1 problem"):
        draw_problems(1, np.random.default_rng(0))


def counts(model: str, scored: list[int], passed: list[int]) -> Counts:
    return Counts(
        model=model, problems=tuple(f"P/{n}" for n in range(len(scored))), scored=tuple(scored), passed=tuple(passed)
    )


def test_a_curve_is_a_step_function_that_ends_where_samples_end():
    drawn = curve(counts("m", [4, 4], [1, 2]), UnitCost(each=10.0), np.random.default_rng(0))
    assert [point.k for point in drawn.points] == [1, 2, 3, 4]
    assert [point.cost for point in drawn.points] == [10.0, 20.0, 30.0, 40.0]
    assert drawn.points[0].rate == pytest.approx((1 / 4 + 2 / 4) / 2)
    assert [point.thin for point in drawn.points] == [False, False, True, True]
    assert value_at(drawn, 9.9).reach is Reach.TOO_DEAR
    assert value_at(drawn, 29.9).point == drawn.points[1]
    assert value_at(drawn, 40.0).k == 4
    beyond = value_at(drawn, 50.0)
    assert (beyond.reach, beyond.k, beyond.point) == (Reach.UNDEFINED, 5, None)


def test_a_curve_of_unequal_counts_goes_as_far_as_every_problem_does():
    drawn = curve(counts("m", [5, 3], [5, 0]), UnitCost(each=1.0), np.random.default_rng(0))
    assert drawn.n == 3
    assert [point.rate for point in drawn.points] == pytest.approx([0.5, 0.5, 0.5])


def test_one_problem_has_a_curve_without_a_band_and_none_has_no_points():
    alone = curve(counts("m", [2], [1]), UnitCost(each=1.0), np.random.default_rng(0))
    assert [point.interval for point in alone.points] == [None, None]
    assert curve(counts("m", [], []), UnitCost(each=1.0), np.random.default_rng(0)).points == ()


def test_the_half_of_an_interval_is_the_plus_minus_of_a_table():
    assert Interval(0.2, 0.6).half == pytest.approx(0.2)


def test_counts_that_do_not_belong_together_are_no_counts():
    with pytest.raises(ValueError, match="m: 2 problems"):
        Counts(model="m", problems=("a", "b"), scored=(1,), passed=(1,))
