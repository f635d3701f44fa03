"""Paired differences: the sign-flip test against counting by hand, its family, and the intervals."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampler.reporting.paired_data import Pairing, differences, shared_budgets
from sampler.stats.bootstrap import t_quantile, t_upper_tail
from sampler.stats.budget import UnitCost
from sampler.stats.differences import (
    Difference,
    detectable,
    difference_intervals,
    differences_of,
    p_above,
    p_below,
    problems_needed,
)
from sampler.stats.passk import Counts, curve_over
from sampler.stats.signflip import PValues, family_tests, one_sided_p

GAPS = st.lists(st.integers(-4, 4).map(lambda n: n / 4), min_size=2, max_size=10)


def ps_of(gaps: list[list[float]] | np.ndarray, family: list[int] | None = None, **more) -> list[PValues]:
    """Columns of differences, each against a column of nothing."""
    table = np.asarray(gaps, dtype=np.float64)
    values = np.hstack([np.zeros((len(table), 1)), table])
    pairs = [(at + 1, 0) for at in range(table.shape[1])]
    return family_tests(values, [pairs[at] for at in family] if family else pairs, pairs, seed=3, **more)


def by_hand(gaps: list[float]) -> float:
    """The share of all sign patterns whose sum is at least as far from zero."""
    sums = [
        abs(sum(sign * gap for sign, gap in zip(signs, gaps, strict=True)))
        for signs in product((1, -1), repeat=len(gaps))
    ]
    return float(np.mean(np.array(sums) >= abs(sum(gaps)) - 1e-9))


@given(gaps=GAPS)
def test_a_p_value_is_the_share_of_all_flips_that_say_as_much(gaps):
    (found,) = ps_of([[gap] for gap in gaps])
    assert found.alone == pytest.approx(by_hand(gaps))
    assert found.corrected == pytest.approx(found.alone)


def test_four_problems_of_twenty_with_one_success_more_are_no_lead():
    """The sign test says 2 x (1/2)^4; what resamples problems would have said 0.02, because it never draws a loss."""
    (found,) = ps_of([[1.0]] * 4 + [[0.0]] * 16)
    assert found.alone == 0.125


@given(shift=st.integers(6, 14))
def test_a_steady_lead_is_as_sure_as_so_many_coins(shift):
    (found,) = ps_of([[0.05 * at] for at in range(1, shift + 1)])
    assert found.alone == pytest.approx(2 * 0.5**shift)


def test_drawn_flips_say_what_all_flips_say_and_never_less_than_they_can_tell():
    gaps = np.random.default_rng(1).normal(0.25, 0.5, size=(14, 1))
    (every,), (drawn,) = ps_of(gaps), ps_of(gaps, flips=4000)
    assert every.alone != drawn.alone
    assert drawn.alone == pytest.approx(every.alone, abs=0.02)
    (sure,) = ps_of(np.ones((40, 1)), flips=999)
    assert sure.alone == 1 / 1000
    assert ps_of(gaps, flips=4000) == [drawn], "the same seed, the same flips"


@given(rows=st.lists(st.tuples(*[st.integers(-3, 3)] * 3), min_size=3, max_size=8))
def test_the_correction_is_westfall_and_young_s_step_down_rule(rows):
    table = np.array(rows, dtype=np.float64) / 3
    norm = np.sqrt((table**2).sum(axis=0))
    norm[norm == 0] = np.inf
    signs = np.array(list(product((1, -1), repeat=len(rows))))
    every, seen = np.abs(signs @ table) / norm, np.abs(table.sum(axis=0)) / norm
    order = np.argsort(-seen, kind="stable")
    expected, largest = {}, 0.0
    for rank, at in enumerate(order):
        rivals = [
            one
            for one in range(3)
            if one in order[rank:] or (seen[one] >= seen[at] - 1e-9 and seen[one] <= seen[at] + 1e-9)
        ]
        largest = max(largest, float((every[:, rivals].max(axis=1) >= seen[at] - 1e-9).mean()))
        expected[int(at)] = largest
    found = ps_of(table)
    assert [one.corrected for one in found] == pytest.approx([expected[at] for at in range(3)])
    assert all(one.alone <= one.corrected + 1e-12 for one in found)


def test_columns_that_say_the_same_cost_nothing_and_others_do():
    rng = np.random.default_rng(2)
    gaps = rng.normal(0.2, 0.5, size=(30, 1))
    (alone,) = ps_of(gaps)
    thrice = ps_of(np.hstack([gaps, 2 * gaps, -gaps]))
    assert [one.corrected for one in thrice] == pytest.approx([alone.alone] * 3)
    among = ps_of(np.hstack([gaps, rng.normal(0, 0.5, size=(30, 20))]))
    assert among[0].corrected > 3 * alone.alone
    assert among[0].alone == pytest.approx(alone.alone, abs=0.02)


def test_what_is_not_in_the_family_is_corrected_as_its_neighbours_are():
    rng = np.random.default_rng(5)
    table = rng.normal(0.15, 0.5, size=(40, 6))
    every = ps_of(table, family=[0, 1, 2, 3, 4])
    seen = np.abs(table.sum(axis=0)) / np.sqrt((table**2).sum(axis=0))
    larger = [one.corrected for one, t in zip(every[:5], seen[:5], strict=True) if t > seen[5]]
    smaller = [one.corrected for one, t in zip(every[:5], seen[:5], strict=True) if t < seen[5]]
    assert max(larger, default=0.0) <= every[5].corrected
    assert every[5].corrected <= min(smaller, default=1.0) + 0.01


def test_equal_models_differ_by_nothing_with_a_p_of_one():
    assert ps_of(np.zeros((30, 2))) == [PValues(1.0, 1.0)] * 2
    noise = np.full((30, 1), 1e-17)
    assert ps_of(noise) == [PValues(1.0, 1.0)], "what differs by rounding is equal"


@given(gaps=GAPS)
def test_one_sided_counts_the_sums_that_are_as_large(gaps):
    moved = [gap for gap in gaps if gap]
    sums = [
        sum(sign * gap for sign, gap in zip(signs, moved, strict=True)) for signs in product((1, -1), repeat=len(moved))
    ]
    assert one_sided_p(np.array(gaps), 0) == pytest.approx(float(np.mean(np.array(sums) >= sum(moved) - 1e-9)))


def test_student_s_t_is_the_table_s():
    """Two-sided 95 %, from any table: 3, 7, 19 and 163 degrees of freedom."""
    for free, t in ((3, 3.182), (7, 2.365), (19, 2.093), (163, 1.975)):
        assert t_quantile(0.975, free) == pytest.approx(t, rel=0.012)
        assert t_upper_tail(t_quantile(0.975, free), free) == pytest.approx(0.025)
    assert t_upper_tail(0.0, 5) == pytest.approx(0.5)
    assert t_upper_tail(-2.0, 9) == pytest.approx(1 - t_upper_tail(2.0, 9))


def test_an_interval_of_many_problems_is_that_of_student_s_t():
    gaps = np.random.default_rng(0).normal(0.1, 0.4, size=(500, 1)).clip(-1, 1)
    (found,) = difference_intervals(gaps)
    error = gaps.std(ddof=1) / np.sqrt(500)
    assert found.low == pytest.approx(gaps.mean() - 1.965 * error, abs=0.02 * error + 2e-4)
    assert found.high == pytest.approx(gaps.mean() + 1.965 * error, abs=0.02 * error + 2e-4)


@pytest.mark.parametrize("problems", [8, 20, 50, 164])
def test_problems_that_all_agree_prove_no_more_than_their_number(problems):
    """Where nothing differs, a problem in `problems` that does would often not have been drawn."""
    (found,) = difference_intervals(np.zeros((problems, 1)))
    assert found.high >= 1 / problems
    assert found.low == -found.high
    (sure,) = difference_intervals(np.ones((problems, 1)))
    assert (sure.high, sure.low < 1) == (1.0, True)


@given(gaps=GAPS)
def test_an_interval_holds_its_mean_and_turns_with_its_sides(gaps):
    table = np.array(gaps)[:, None]
    (forth,), (back,) = difference_intervals(table), difference_intervals(-table)
    assert -1 <= forth.low <= table.mean() <= forth.high <= 1
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low))


def test_an_interval_is_never_sharper_than_the_test():
    """Five problems of 164.

    The interval alone would leave out zero, five coins that fall alike happen in 6 % of cases.
    """
    gaps = np.array([1.0] * 5 + [0.0] * 159)[:, None]
    assert difference_intervals(gaps)[0].low > 0
    (found,) = differences_of(gaps, ps_of(gaps))
    assert found.p == 0.0625
    assert found.interval.low == 0.0
    assert not found.clear


def test_a_claim_needs_the_corrected_test_and_the_interval():
    gaps = np.array([0.3, 0.2, 0.4, 0.1, 0.3, 0.2, 0.3, 0.4] * 4)[:, None]
    (found,) = differences_of(gaps, [PValues(0.001, 0.04)])
    assert found.clear
    assert found.reversed.clear
    assert found.reversed.interval.high == -found.interval.low
    assert not differences_of(gaps, [PValues(0.001, 0.06)])[0].clear
    unsaid = Difference(mean=found.mean, interval=found.interval, p=found.p, p_corrected=None)
    assert not unsaid.clear, "where nothing may be claimed, nothing is clear"


def test_what_is_called_detectable_is_detected_four_times_of_five():
    rng = np.random.default_rng(5)
    least = detectable(rng.normal(0, 0.4, 100)).difference
    seen = difference_intervals(rng.normal(least, 0.4, size=(100, 600)))
    assert 0.73 <= np.mean([one.low > 0 for one in seen]) <= 0.87


def entry(passed: list[int], n: int, each: float, name: str = "m"):
    counts = Counts(
        model=name, problems=tuple(map(str, range(len(passed)))), scored=(n,) * len(passed), passed=tuple(passed)
    )
    return counts, curve_over(counts, UnitCost(each=each), None)


def test_budgets_are_shared_from_the_dearer_sample_to_the_sooner_end():
    small, large = entry([1, 2, 3], 8, 1.0)[1], entry([1, 1, 0], 3, 4.0)[1]
    assert shared_budgets(small, large) == [4.0, 5.0, 6.0, 7.0, 8.0]
    assert shared_budgets(small, entry([1, 1, 0], 3, 100.0)[1]) == []


def test_a_claim_is_the_same_whatever_else_is_asked():
    """The family follows from the models, so that a report of some budgets and a comparison at others agree."""
    rng = np.random.default_rng(4)
    entries = [entry(rng.binomial(16, rng.beta(0.5, 0.6, 60)).tolist(), 16, cost) for cost in (1.0, 2.0, 4.0)]
    one = Pairing(0, 8, 2, 2)
    (alone,) = differences(entries, [one], 7)
    among = differences(entries, [Pairing(0, 1, 1, 1), Pairing(0, 16, 2, 4), one, Pairing(1, 3, 2, 2)], 7)
    assert among[2].mean == pytest.approx(alone.mean)
    assert (among[2].p, among[2].p_corrected) == (alone.p, alone.p_corrected)
    (turned,) = differences(entries, [Pairing(2, 2, 0, 8)], 7)
    assert (turned.mean, turned.p_corrected) == (pytest.approx(-alone.mean), pytest.approx(alone.p_corrected))


def test_a_difference_is_paired_by_problem_and_says_when_it_is_undefined():
    sides = [entry([4, 3, 2], 4, 1.0), entry([1, 1, 0], 2, 1.0)]
    (found,) = differences(sides, [Pairing(0, 1, 1, 1)], 0)
    assert found.mean == pytest.approx((1 + 0.75 + 0.5) / 3 - 1 / 3)
    with pytest.raises(ValueError, match="pass@3 is undefined for 2 samples"):
        differences(sides, [Pairing(0, 1, 1, 3)], 0)
    with pytest.raises(ValueError, match="needs the same problems"):
        differences([sides[0], entry([1], 1, 1.0)], [Pairing(0, 1, 1, 1)], 0)


def test_a_third_model_makes_the_claims_about_two_more_cautious():
    rng = np.random.default_rng(6)
    chances = rng.beta(0.5, 0.6, 60)
    first, second, third = (entry(rng.binomial(8, chances).tolist(), 8, 1.0) for _ in range(3))
    asked = [Pairing(0, k, 1, k) for k in range(1, 9)]
    two, three = differences([first, second], asked, 1), differences([first, second, third], asked, 1)
    assert all(one.p_corrected <= other.p_corrected for one, other in zip(two, three, strict=True))
    assert any(one.p_corrected < other.p_corrected for one, other in zip(two, three, strict=True))


def test_a_share_of_coins_is_tested_about_as_exactly_as_by_counting():
    """65 heads of 100 against a half: the binomial tail, its last step by half, and a little more, by Student's t."""
    heads = np.array([1.0] * 65 + [0.0] * 35)
    tail = sum(comb(100, k) for k in range(65, 101)) / 2**100 - comb(100, 65) / 2**101
    assert p_above(heads, 0.5) == pytest.approx(1.2 * tail, rel=0.2)
    assert p_below(heads, 0.5) == pytest.approx(1 - p_above(heads, 0.5))
    assert p_below(1 - heads, 0.5) == pytest.approx(p_above(heads, 0.5))
    steady = np.array([0.65] * 100)
    assert p_above(steady, 0.5) < 1e-6 < p_above(heads, 0.5), "what varies less says more"


def test_a_bound_at_an_end_needs_no_test():
    assert p_below(np.array([1.0, 1.0, 0.95]), 1.0) == 0.0
    assert p_below(np.array([1.0, 1.0]), 1.0) == p_above(np.array([1.0, 1.0]), 1.0) == 1.0
    assert p_above(np.array([0.0, 0.2]), 0.0) == 0.0


def test_as_many_problems_as_are_said_to_be_needed_show_it_four_times_of_five():
    rng = np.random.default_rng(8)
    kind = rng.beta(0.6, 0.6, 5000)
    bound = float(kind.mean()) - 0.1
    needed = problems_needed(kind, bound, 0.05, 0.8)
    shown = np.mean([p_above(rng.choice(kind, needed), bound) < 0.05 for _ in range(400)])
    assert 0.72 <= shown <= 0.88
    assert problems_needed(kind, float(kind.mean()) + 0.01, 0.05, 0.8) is None
