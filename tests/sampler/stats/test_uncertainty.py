from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampler.stats.bootstrap import (
    FEW,
    Interval,
    Method,
    draw_problems,
    intervals,
    rate_intervals,
    read_intervals,
    resampled,
    resampled_means,
    resampled_statistic,
    wilson,
)
from sampler.stats.budget import UnitCost
from sampler.stats.differences import crossover, detectable, holm
from sampler.stats.passk import Counts, clipped, curve_over, largest_t, pass_at_every_k, simultaneous

PS = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def test_every_resample_draws_as_many_problems_as_there_are():
    draws = draw_problems(7, np.random.default_rng(0), 500)
    assert draws.sum(axis=1) == pytest.approx(np.ones(500))
    assert draws.mean(axis=0) == pytest.approx(np.full(7, 1 / 7), abs=0.02)
    assert set(np.unique(np.round(draws * 7, 9))) <= set(range(8))


def test_a_bca_interval_of_symmetric_values_is_that_of_student_s_t():
    """With many problems of no skew, the corrections vanish but for Student's: 2.228 for 10 degrees of freedom."""
    values = np.linspace(-1, 1, 11)
    (found,) = intervals(values[:, None], draw_problems(11, np.random.default_rng(0), 100_000))
    error = values.std(ddof=1) / np.sqrt(11)
    assert found.high == pytest.approx(2.228 * error, rel=0.05)
    assert found.low == pytest.approx(-found.high, rel=0.05)


def test_a_bca_interval_leans_to_where_the_tail_is():
    values = np.random.default_rng(1).exponential(size=60)
    draws = draw_problems(60, np.random.default_rng(2), 20_000)
    (bca,), (plain,) = intervals(values[:, None], draws), intervals(values[:, None], draws, Method.PERCENTILE)
    assert bca.high > plain.high
    assert bca.high - values.mean() > values.mean() - bca.low


def test_what_resampling_cannot_see_is_not_called_sure():
    draws = draw_problems(164, np.random.default_rng(0))
    (solved,) = rate_intervals(np.ones((164, 1)), draws)
    assert (solved.low, solved.high) == (pytest.approx(0.977, abs=1e-3), 1.0)
    (unsolved,) = rate_intervals(np.zeros((164, 1)), draws)
    assert (unsolved.low, unsolved.high) == (0.0, pytest.approx(1 - 0.977, abs=1e-3))
    half = np.concatenate([np.ones(82), np.zeros(82)])[:, None]
    assert FEW < 164 * 0.5
    assert rate_intervals(half, draws) == intervals(half, draws)


def test_a_mean_told_as_a_statistic_has_the_interval_of_a_mean():
    rng = np.random.default_rng(2)
    values, draws = rng.exponential(size=(30, 3)), draw_problems(30, rng, 3000)
    plain = resampled(values, draws)
    told = resampled_statistic(lambda weights: weights @ values, draws)
    assert told.skew == pytest.approx(plain.skew)
    for one, other in zip(read_intervals(told), read_intervals(plain), strict=True):
        assert (one.low, one.high) == pytest.approx((other.low, other.high))


def test_the_skew_of_a_ratio_is_that_of_leaving_out_each_problem():
    """By hand, as Efron and Tibshirani 1993 write it in equation 14.15."""
    values = np.array([[1.0, 2.0], [4.0, 3.0], [2.0, 9.0], [7.0, 8.0]])
    sums = [np.delete(values, at, axis=0).sum(axis=0) for at in range(4)]
    gaps = np.mean([a / b for a, b in sums]) - np.array([a / b for a, b in sums])
    draws = draw_problems(4, np.random.default_rng(1), 500)
    told = resampled_statistic(lambda weights: (weights @ values[:, :1]) / (weights @ values[:, 1:]), draws)
    assert told.estimates == pytest.approx([14 / 22])
    assert told.skew == pytest.approx([(gaps**3).sum() / (6 * (gaps**2).sum() ** 1.5)])


def test_wilson_s_interval_is_the_textbook_s():
    """Agresti and Coull 1998: 0 of 10 gives (0, 0.278), 5 of 10 gives (0.237, 0.763)."""
    assert wilson(0.0, 10) == Interval(0.0, pytest.approx(0.278, abs=5e-4))
    assert (wilson(0.5, 10).low, wilson(0.5, 10).high) == (
        pytest.approx(0.237, abs=5e-4),
        pytest.approx(0.763, abs=5e-4),
    )


@given(ps=PS)
def test_holm_lies_between_no_correction_and_bonferroni_s(ps):
    found = holm(ps)
    for p, corrected in zip(ps, found, strict=True):
        assert p <= corrected <= min(1.0, len(ps) * p) + 1e-12
    order = sorted(range(len(ps)), key=lambda at: (ps[at], found[at]))
    assert [found[at] for at in order] == sorted(found)
    assert found[ps.index(min(ps))] == pytest.approx(min(1.0, len(ps) * min(ps)))


def test_holm_s_own_example():
    """Holm 1979 by hand: 0.01 x 4, 0.02 x 3, 0.022 x 2 but not below its neighbour, 0.09 x 1."""
    assert holm([0.022, 0.01, 0.09, 0.02]) == pytest.approx([0.06, 0.04, 0.09, 0.06])


def test_what_a_comparison_can_see_shrinks_with_the_root_of_the_problems():
    gaps = np.tile([0.5, -0.3], 50)
    found, four_times = detectable(gaps), detectable(np.tile(gaps, 4))
    assert found.difference == pytest.approx(2 * four_times.difference, rel=0.03)
    assert four_times.difference == pytest.approx((1.96 + 0.8416) * gaps.std(ddof=1) / 20, rel=0.01)
    assert found.problems == pytest.approx(100 * (found.difference / 0.1) ** 2, abs=1)
    assert detectable(np.tile([0.5, -0.5], 50)).problems is None
    with pytest.raises(ValueError, match="undefined"):
        detectable(np.array([0.1]))


def test_a_crossover_is_where_the_later_leader_takes_over():
    budgets = [1.0, 2.0, 4.0, 8.0]
    gaps = np.array([0.2, 0.1, -0.1, -0.2])
    drawn = np.array([[0.2, 0.1, -0.1, -0.2], [0.2, -0.1, -0.1, -0.2], [0.3, 0.2, 0.1, -0.2], [0.2, 0.1, -0.1, -0.2]]).T
    found = crossover(("small", "large"), budgets, gaps, drawn)
    assert (found.leader, found.at, found.low, found.high) == ("large", 4.0, 2.0, 8.0)
    assert (found.always, found.never) == (0.0, 0.0)


def test_where_two_models_are_equal_in_a_resample_neither_is_said_to_lead():
    """One problem in four differs: where it is not drawn, the two are equal, which is no sign for either."""
    drawn = np.array([[0.25, 0.25], [0.0, 0.0], [0.5, 0.0], [0.0, 0.25]]).T
    found = crossover(("a", "b"), [1.0, 2.0], np.array([0.25, 0.25]), drawn)
    assert (found.leader, found.at, found.low) == ("a", None, None)
    assert found.always == pytest.approx((1 + 4) / 2 / 4)
    assert found.never == pytest.approx((2 + 0) / 2 / 4)
    assert found.high is None, "at the end it may be no more than equal"
    rounding = crossover(("a", "b"), [1.0, 2.0], np.array([0.1, 1e-17]), drawn)
    assert rounding is None, "what differs by rounding is equal"


def test_a_crossover_outside_the_range_is_not_made_up():
    budgets = [1.0, 2.0]
    drawn = np.array([[0.1, 0.1], [0.1, -0.1], [-0.1, 0.1]]).T
    found = crossover(("a", "b"), budgets, np.array([0.1, 0.2]), drawn)
    assert (found.leader, found.at, found.low, found.high) == ("a", None, None, None)
    assert (found.always, found.never) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert crossover(("a", "b"), budgets, np.array([0.1, 0.0]), drawn) is None


def test_a_band_is_wider_than_the_intervals_and_as_wide_as_counting_says():
    rng = np.random.default_rng(0)
    values = rng.random((40, 6))
    draws = draw_problems(40, rng, 3000)
    means = resampled_means(values, draws)
    points = intervals(values, draws)
    bands = simultaneous(values, largest_t(values, means), points)
    inside = np.ones(3000, dtype=bool)
    for row, band, point in zip(means, bands, points, strict=True):
        assert band.low <= point.low
        assert band.high >= point.high
        inside &= (band.low <= row) & (row <= band.high)
    assert 0.95 <= inside.mean() <= 0.965
    assert clipped([Interval(-0.1, 1.1)]) == [Interval(0.0, 1.0)]


def test_a_band_without_any_spread_is_its_points():
    values = np.full((5, 2), 0.5)
    draws = draw_problems(5, np.random.default_rng(0))
    points = intervals(values, draws)
    assert simultaneous(values, largest_t(values, resampled_means(values, draws)), points) == points


def test_a_long_curve_has_the_same_intervals_as_its_columns_one_by_one():
    rng = np.random.default_rng(0)
    correct = rng.binomial(600, rng.beta(0.5, 0.8, 30)).tolist()
    counts = Counts(model="m", problems=tuple(map(str, range(30))), scored=(600,) * 30, passed=tuple(correct))
    draws = draw_problems(30, np.random.default_rng(7), 200)
    points = curve_over(counts, UnitCost(each=1.0), draws).points
    for k in (1, 256, 257, 600):
        (alone,) = rate_intervals(pass_at_every_k([600] * 30, correct, k)[:, -1:], draws)
        assert points[k - 1].interval.low == pytest.approx(alone.low)
        assert points[k - 1].interval.high == pytest.approx(alone.high)
