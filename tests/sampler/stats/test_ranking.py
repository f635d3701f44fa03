from __future__ import annotations

from fractions import Fraction
from itertools import combinations, permutations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampler.stats.passk import pass_at_k
from sampler.stats.ranking import (
    Votes,
    correct_by_place,
    rank_score_at_k,
    rank_score_of_votes,
    rank_weights,
    selected_at_k,
)

RANKED = st.lists(st.tuples(st.integers(-2, 2), st.booleans()), min_size=1, max_size=8)
NEVER = np.random.default_rng(0)


def by_hand(ranked: list[tuple[float, bool]], k: int) -> Fraction:
    """Every subset of k samples; of those with its best score a random one."""
    subsets = list(combinations(ranked, k))
    total = Fraction(0)
    for subset in subsets:
        best = max(score for score, _ in subset)
        top = [passed for score, passed in subset if score == best]
        total += Fraction(sum(top), len(top))
    return total / len(subsets)


def by_formula(ranked: list[tuple[float, bool]], k: int) -> Fraction:
    """The sum over groups of equals, in whole numbers."""
    n, before, total = len(ranked), 0, Fraction(0)
    for score in sorted({score for score, _ in ranked}, reverse=True):
        group = [passed for own, passed in ranked if own == score]
        after = before + len(group)
        total += Fraction(comb(n - before, k) - comb(n - after, k), comb(n, k)) * Fraction(sum(group), len(group))
        before = after
    return total


@given(ranked=RANKED, data=st.data())
def test_rank_score_is_what_counting_every_subset_gives(ranked, data):
    k = data.draw(st.integers(1, len(ranked)))
    scores, passed = zip(*ranked, strict=True)
    assert rank_score_at_k(scores, passed, k) == pytest.approx(float(by_hand(ranked, k)), abs=1e-12)
    assert by_formula(ranked, k) == by_hand(ranked, k)


@given(passed=st.lists(st.booleans(), min_size=1, max_size=6), data=st.data())
def test_equals_in_random_order_are_the_mean_over_every_order(passed, data):
    k = data.draw(st.integers(1, len(passed)))
    orders = list(permutations(range(len(passed))))
    values = [rank_score_at_k(order, passed, k) for order in orders]
    assert np.mean(values) == pytest.approx(rank_score_at_k([0] * len(passed), passed, k))


@given(ranked=RANKED)
def test_one_sample_leaves_nothing_to_choose_and_all_of_them_leave_the_best(ranked):
    scores, passed = zip(*ranked, strict=True)
    assert rank_score_at_k(scores, passed, 1) == pytest.approx(sum(passed) / len(passed))
    top = [right for score, right in ranked if score == max(scores)]
    assert rank_score_at_k(scores, passed, len(passed)) == pytest.approx(sum(top) / len(top))


@given(passed=st.lists(st.booleans(), min_size=1, max_size=40), data=st.data())
def test_knowing_reaches_pass_at_k_and_the_reverse_takes_k_correct_ones(passed, data):
    n, c, k = len(passed), sum(passed), data.draw(st.integers(1, len(passed)))
    assert rank_score_at_k(passed, passed, k) == pytest.approx(pass_at_k(n, c, k))
    assert rank_score_at_k([not right for right in passed], passed, k) == pytest.approx(comb(c, k) / comb(n, k))
    assert rank_score_at_k([0.5] * n, passed, k) == pytest.approx(c / n)


@given(passed=st.lists(st.booleans(), min_size=1, max_size=40), data=st.data())
def test_no_ranker_is_better_than_knowing_or_worse_than_its_reverse(passed, data):
    n, c, k = len(passed), sum(passed), data.draw(st.integers(1, len(passed)))
    scores = data.draw(st.lists(st.floats(allow_nan=False), min_size=n, max_size=n))
    value = rank_score_at_k(scores, passed, k)
    assert comb(c, k) / comb(n, k) - 1e-12 <= value <= pass_at_k(n, c, k) + 1e-12


@given(n=st.integers(1, 2000), data=st.data())
def test_weights_sum_to_one_and_are_the_whole_numbers_for_thousands_of_samples(n, data):
    k = data.draw(st.integers(1, n))
    weights = rank_weights(n, k)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert (weights >= 0).all()
    place = data.draw(st.integers(1, n))
    exact = comb(n - place, k - 1) / comb(n, k)
    assert weights[place - 1] == pytest.approx(exact, rel=1e-9, abs=1e-300)


@given(passed=st.lists(st.booleans(), min_size=2, max_size=30), data=st.data())
def test_the_mean_over_all_rankings_is_pass_at_one(passed, data):
    """A random ranking, drawn many times: the mean of its rank-score is pass@1 for every k."""
    k = data.draw(st.integers(1, len(passed)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    values = [rank_score_at_k(rng.permutation(len(passed)), passed, k) for _ in range(400)]
    rate = sum(passed) / len(passed)
    most = (rate * (1 - rate) / 400) ** 0.5  # the standard error of what lies in [0, 1] is no larger
    assert abs(np.mean(values) - rate) <= 7 * most + 1e-9


@pytest.mark.parametrize(
    ("scores", "passed", "k"),
    [([1], [True], 0), ([1], [True], 2), ([], [], 1), ([1, 2], [True], 1), ([np.nan], [True], 1)],
)
def test_rank_score_is_undefined_rather_than_invented(scores, passed, k):
    with pytest.raises(ValueError, match=r"undefined|one of each|not a number"):
        rank_score_at_k(scores, passed, k)


def test_a_sample_that_cannot_be_scored_is_last():
    assert list(correct_by_place([-np.inf, 3.0, 1.0], [True, False, False])) == [0.0, 0.0, 1.0]


# --- samples that vote for each other ---------------------------------------------------------------------------------

VOTERS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1), st.booleans()), min_size=1, max_size=7
)


def votes_of(voters: list[tuple[int, int, int, bool]], power: float) -> tuple[Votes, list[bool]]:
    clusters, weights, tie, passed = zip(*voters, strict=True)
    votes = Votes(
        clusters=np.array(clusters), weights=np.array(weights, dtype=float), power=power, tie=np.array(tie, dtype=float)
    )
    return votes, list(passed)


def voted_by_hand(voters: list[tuple[int, int, int, bool]], power: float, k: int) -> float:
    subsets = list(combinations(voters, k))
    total = 0.0
    for subset in subsets:
        scored = [(w * sum(cluster == other for other, *_ in subset) ** power, tie) for cluster, w, tie, _ in subset]
        top = [voter[3] for voter, score in zip(subset, scored, strict=True) if score == max(scored)]
        total += sum(top) / len(top)
    return total / len(subsets)


@given(voters=VOTERS, power=st.sampled_from([0.0, 0.5, 1.0]), data=st.data())
def test_votes_of_few_samples_are_counted_over_every_subset(voters, power, data):
    k = data.draw(st.integers(1, len(voters)))
    votes, passed = votes_of(voters, power)
    drawn = rank_score_of_votes(votes, passed, k, NEVER)
    assert drawn.error == 0.0
    assert drawn.mean == pytest.approx(voted_by_hand(voters, power, k))


@given(voters=st.lists(VOTERS.map(lambda some: some[0]), min_size=9, max_size=9), seed=st.integers(0, 2**32 - 1))
def test_drawn_subsets_come_within_their_error_of_all_of_them(voters, seed):
    votes, passed = votes_of(voters, 1.0)
    exact = rank_score_of_votes(votes, passed, 4, NEVER)
    drawn = rank_score_of_votes(votes, passed, 4, np.random.default_rng(seed), draws=100)
    assert exact.error == 0.0
    most = (exact.mean * max(0.0, 1 - exact.mean) / 100) ** 0.5  # the standard error is no larger
    assert abs(drawn.mean - exact.mean) <= 7 * most + 0.03
    assert drawn.error <= 0.51 / 10


@given(voters=VOTERS)
def test_all_samples_together_vote_as_the_scores_say(voters):
    votes, passed = votes_of([(cluster, weight, 0, right) for cluster, weight, _, right in voters], 1.0)
    everyone = rank_score_of_votes(votes, passed, len(passed), NEVER)
    assert everyone.mean == pytest.approx(rank_score_at_k(votes.scores, passed, len(passed)))


def test_camps_of_one_leave_what_the_weights_say():
    votes = Votes(clusters=np.arange(6), weights=np.array([3.0, 1, 4, 1, 5, 9]))
    passed = [True, False, True, False, False, True]
    for k in range(1, 7):
        assert rank_score_of_votes(votes, passed, k, NEVER).mean == pytest.approx(
            rank_score_at_k(votes.weights, passed, k)
        )


def test_votes_are_undefined_rather_than_invented():
    votes = Votes(clusters=np.array([0, 0]), weights=np.array([1.0, 1.0]))
    with pytest.raises(ValueError, match="undefined"):
        rank_score_of_votes(votes, [True, False], 3, NEVER)
    with pytest.raises(ValueError, match="verdicts"):
        rank_score_of_votes(votes, [True], 1, NEVER)
    with pytest.raises(ValueError, match="at least 0"):
        Votes(clusters=np.array([0]), weights=np.array([-1.0]))
    with pytest.raises(ValueError, match="every sample"):
        Votes(clusters=np.array([0]), weights=np.array([1.0, 1.0]))
    with pytest.raises(ValueError, match="tie breakers"):
        Votes(clusters=np.array([0]), weights=np.array([1.0]), tie=np.array([1.0, 2.0]))


# --- selection tests, then judge tests --------------------------------------------------------------------------------


@given(kinds=st.lists(st.sampled_from(["TP", "FP", "rest"]), min_size=1, max_size=8), data=st.data())
def test_selection_by_tests_is_what_counting_every_subset_gives(kinds, data):
    k = data.draw(st.integers(1, len(kinds)))
    subsets = [[kind for kind in subset if kind != "rest"] for subset in combinations(kinds, k)]
    found = selected_at_k(len(kinds), kinds.count("TP"), kinds.count("FP"), k)
    assert found.answered == pytest.approx(sum(bool(subset) for subset in subsets) / len(subsets))
    right = sum(subset.count("TP") / len(subset) for subset in subsets if subset) / len(subsets)
    assert found.correct == pytest.approx(right)
    assert found.wrong == pytest.approx(found.answered - right)


@given(n=st.integers(1, 60), data=st.data())
def test_perfect_selection_is_pass_at_k_and_blind_selection_pass_at_one(n, data):
    correct, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    assert selected_at_k(n, correct, 0, k).correct == pytest.approx(pass_at_k(n, correct, k))
    assert selected_at_k(n, correct, n - correct, k).correct == pytest.approx(correct / n)


@pytest.mark.parametrize("counts", [(3, 2, 2, 1), (3, -1, 1, 1), (3, 1, 1, 4), (3, 1, 1, 0)])
def test_selection_is_undefined_rather_than_invented(counts):
    with pytest.raises(ValueError, match=r"undefined|of 3 samples"):
        selected_at_k(*counts)
