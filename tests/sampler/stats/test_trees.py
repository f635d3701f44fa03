from __future__ import annotations

from fractions import Fraction
from itertools import combinations, permutations, product

import numpy as np
import pytest

from sampler.stats.trees import Grown, Try, gain, repairs_drawn, resampling, tree_pass

# Trees whose values are known as fractions: passed, 1 of 4 repairs, 0 of 4, 2 of 4, 0 of 4, passed.
TREES = [Grown(True), Grown(False, 4, 1), Grown(False, 4, 0), Grown(False, 4, 2), Grown(False, 4, 0), Grown(True)]


@pytest.mark.parametrize(
    ("drafts", "repairs", "value"),
    [(1, 1, Fraction(11, 24)), (2, 1, Fraction(89, 120)), (2, 2, Fraction(151, 180)), (3, 2, Fraction(23, 24))],
)
def test_known_values_of_trees(drafts, repairs, value):
    assert tree_pass(TREES, drafts, repairs) == pytest.approx(float(value), abs=1e-12)


def test_known_number_of_repairs():
    assert repairs_drawn(TREES, 2, 2) == pytest.approx(8 / 5)


@pytest.mark.parametrize(("drafts", "repairs"), [(1, 1), (1, 3), (2, 2), (3, 1), (4, 4), (6, 2)])
def test_trees_agree_with_every_choice_of_whole_trees_and_of_their_repairs(drafts, repairs):
    found = []
    for chosen in combinations(TREES, drafts):
        sets = []
        for tree in chosen:
            drawn = [True] * tree.repaired + [False] * (tree.repairs - tree.repaired)
            sets.append([(tree.passed, *some) for some in combinations(drawn, repairs)] if drawn else [(tree.passed,)])
        ways = list(product(*sets))
        found.append(Fraction(sum(any(map(any, way)) for way in ways), len(ways)))
    assert tree_pass(TREES, drafts, repairs) == pytest.approx(float(sum(found) / len(found)), abs=1e-12)


def test_what_was_not_drawn_is_undefined():
    with pytest.raises(ValueError, match="7 drafts"):
        tree_pass(TREES, 7, 1)
    with pytest.raises(ValueError, match="5 repairs"):
        tree_pass(TREES, 1, 5)
    with pytest.raises(ValueError, match="9 tries"):
        resampling([Try(True, True, 1.0)], 9)


TRIES = [
    Try(True, True, 3.0),
    Try(True, False, 5.0),  # passes the public tests and is wrong
    Try(False, False, 8.0),
    Try(False, True, 2.0),  # right, and a public test is wrong
    Try(False, False, 13.0),
]


@pytest.mark.parametrize("tries", [TRIES, TRIES[:1], TRIES[2:], TRIES[:2], TRIES[1:4]])
def test_resampling_agrees_with_every_order_of_the_samples(tries):
    for most in range(1, len(tries) + 1):
        right, cost, orders = 0, 0.0, list(permutations(tries))
        for order in orders:
            end = next((at for at, one in enumerate(order[:most]) if one.accepted), most - 1)
            right += order[end].right
            cost += sum(one.cost for one in order[: end + 1])
        rate, spent = resampling(tries, most)
        assert rate == pytest.approx(right / len(orders))
        assert spent == pytest.approx(cost / len(orders))


def test_a_policy_is_set_against_another_at_its_own_cost():
    rates, costs = np.array([1.0, 0.0, 1.0, 1.0]), np.array([2.0, 4.0, 3.0, 3.0])
    table = np.array([[0.5, 1.0], [0.0, 0.0], [0.5, 1.0], [0.0, 1.0]])
    spent = np.array([[2.0, 4.0]] * 4)
    made = gain(rates, costs, (table, spent), np.random.default_rng(1))
    assert (made.rate, made.cost) == (0.75, 3.0)
    assert made.other == pytest.approx(0.5)  # half-way between 0.25 for 2 and 0.75 for 4
    assert made.difference == pytest.approx(0.25)
    assert made.difference_interval.low < 0.25 < made.difference_interval.high


def test_where_the_other_policy_ends_before_it_reaches_at_least_its_last_for_less():
    rates, costs = np.array([1.0, 0.0]), np.array([9.0, 9.0])
    table, spent = np.array([[0.5, 1.0]] * 2), np.array([[2.0, 4.0]] * 2)
    made = gain(rates, costs, (table, spent), np.random.default_rng(1))
    assert (made.other, made.difference, made.ended) == (1.0, -0.5, True)


def test_no_difference_is_claimed_where_one_of_the_others_costs_more():
    rates, costs = np.array([1.0, 0.0]), np.array([1.0, 1.0])
    table, spent = np.array([[0.5, 1.0]] * 2), np.array([[2.0, 4.0]] * 2)
    assert gain(rates, costs, (table, spent), np.random.default_rng(1)).difference is None


def test_the_same_policy_has_no_gain_over_itself_and_its_interval_holds_zero():
    rng = np.random.default_rng(3)
    table = np.sort(rng.random((30, 3)), axis=1)
    spent = np.cumsum(rng.random((30, 3)) + 1, axis=1)
    made = gain(table[:, 1], spent[:, 1], (table, spent), rng)
    assert made.difference == pytest.approx(0.0)
    assert made.difference_interval.low == pytest.approx(0.0)
    assert made.difference_interval.high == pytest.approx(0.0)
