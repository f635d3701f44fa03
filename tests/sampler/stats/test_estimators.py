"""Every closed form against counting by hand: all orders, all subsets, all resamples."""

from __future__ import annotations

from functools import partial
from itertools import permutations, product
from math import comb, inf

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sampler.stats.allocation import (
    SampleCounts,
    best_within,
    cascades,
    greedy,
    mixtures,
    model_stats,
    oracle,
    pareto,
    scheduled,
    singles,
    strata,
    stratum_means,
)
from sampler.stats.betabinomial import Fit, extrapolate, fit, fit_plain
from sampler.stats.bootstrap import Method, draw_problems, rate_intervals, read_intervals, resampled_statistic, wilson
from sampler.stats.budget import UnitCost
from sampler.stats.passk import pass_at_every_k, pass_at_k
from sampler.stats.stopping import (
    Spent,
    Stop,
    attempts_at_every_k,
    by_own_cost,
    cost_of_pass,
    costs_of_pass,
    frontier,
    reached_by,
    reached_in_rounds,
    replay,
    rounds_intervals,
)

SAMPLES = st.lists(st.booleans(), min_size=1, max_size=6)
ROUNDING = 1e-9
UNITS = st.builds(UnitCost, each=st.floats(0.1, 10), once=st.floats(0, 10))


def first_pass(order: tuple[bool, ...], k: int) -> int:
    """How many of at most k are drawn until one passes."""
    return next((at for at, passed in enumerate(order[:k], 1) if passed), k)


@given(passed=SAMPLES)
def test_attempts_until_the_first_pass_are_the_mean_over_every_order(passed):
    table = attempts_at_every_k([len(passed)], [sum(passed)], len(passed))[0]
    orders = list(permutations(passed))
    for k, found in enumerate(table, 1):
        assert found == pytest.approx(sum(first_pass(order, k) for order in orders) / len(orders))


@given(passed=SAMPLES)
def test_attempts_are_the_sum_of_the_chances_of_drawing_in_vain(passed):
    n, c = len(passed), sum(passed)
    by_formula = [sum(comb(n - c, j) / comb(n, j) for j in range(k)) for k in range(1, n + 1)]
    assert list(attempts_at_every_k([n], [c], n)[0]) == pytest.approx(by_formula)


def stopping_curve(rates, attempts, each, once):
    """One `Stop` for every k; `rates` and `attempts` are problems x ks, `each` and `once` the cost on each problem."""
    costs = (once[:, None] + attempts * each[:, None]).mean(axis=0)
    pairs = zip(costs, rates.mean(axis=0), strict=True)
    return tuple(Stop(k=k, cost=float(cost), rate=float(rate)) for k, (cost, rate) in enumerate(pairs, 1))


def test_a_set_s_budget_is_spent_in_rounds_over_what_is_unsolved():
    """Three problems, every order of every problem: after whole rounds the mean cost and share are the formula's."""
    problems = [(True, False, False), (False, False, False), (True, True, False)]
    each = np.array([1.0, 2.0, 4.0])
    rates = pass_at_every_k([3] * 3, [1, 0, 2], 3)
    stops = stopping_curve(rates, attempts_at_every_k([3] * 3, [1, 0, 2], 3), each, np.zeros(3))
    every = list(product(*(list(permutations(one)) for one in problems)))
    for stop in stops:
        spent = [sum(first_pass(o, stop.k) * e for o, e in zip(orders, each, strict=True)) / 3 for orders in every]
        solved = [sum(any(o[: stop.k]) for o in orders) / 3 for orders in every]
        assert stop.cost == pytest.approx(sum(spent) / len(every))
        assert stop.rate == pytest.approx(sum(solved) / len(every))
        assert reached_by(stops, stop.cost) == pytest.approx(stop.rate)
    assert reached_by(stops, stops[0].cost / 2) == pytest.approx(stops[0].rate / 2)
    with pytest.raises(ValueError, match="undefined for a budget"):
        reached_by(stops, stops[-1].cost * 1.01)


@given(rows=st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=4), k=st.integers(1, 4))
def test_stopping_early_never_costs_more_and_solves_as_much(rows, k):
    n, c = [4] * len(rows), [sum(row) for row in rows]
    each = np.ones(len(rows))
    stop = stopping_curve(pass_at_every_k(n, c, 4), attempts_at_every_k(n, c, 4), each, 0 * each)[k - 1]
    assert stop.cost <= k + 1e-12
    assert stop.rate == pytest.approx(np.mean([pass_at_k(4, one, k) for one in c]))


def test_cost_of_pass_is_infinite_where_nothing_passed_and_says_how_often():
    rng = np.random.default_rng(0)
    small = costs_of_pass([4, 4, 4], [1, 0, 4], np.array([1.0, 1.0, 1.0]))
    large = costs_of_pass([2, 2, 2], [2, 1, 0], np.array([8.0, 8.0, 8.0]))
    assert list(small) == [4.0, inf, 1.0]
    best = frontier({"small": small, "large": large})
    assert list(best) == [4.0, 16.0, 1.0]
    draws = draw_problems(3, rng)
    said = cost_of_pass(small, rng, draws)
    assert (said.mean, said.unsolved) == (2.5, pytest.approx(1 / 3))
    assert said.interval.low == 1.0
    assert said.interval.high == 4.0
    assert said.unsolved_interval == rate_intervals(np.array([[0.0], [1.0], [0.0]]), draws)[0]
    assert cost_of_pass(best, rng, draws).unsolved == 0
    assert cost_of_pass(best, rng, draws).unsolved_interval.high == pytest.approx(wilson(0.0, 3).high)
    nothing = cost_of_pass(np.array([inf, inf]), rng, draw_problems(2, rng))
    assert (nothing.mean, nothing.interval, nothing.unsolved) == (None, None, 1.0)
    assert cost_of_pass(np.array([2.0]), rng, None).unsolved_interval is None


@given(rows=st.lists(st.tuples(SAMPLES, UNITS), min_size=1, max_size=4), budget=st.floats(0, 20))
def test_each_problem_s_own_cost_decides_how_often_it_is_asked(rows, budget):
    n, c = [len(passed) for passed, _ in rows], [sum(passed) for passed, _ in rows]
    costs = [cost for _, cost in rows]
    ks = [cost.affordable(budget) for cost in costs]
    if any(k > most for k, most in zip(ks, n, strict=True)):
        with pytest.raises(ValueError, match="undefined"):
            by_own_cost(n, c, costs, budget)
    else:
        by_hand = [pass_at_k(*row) if row[2] else 0.0 for row in zip(n, c, ks, strict=True)]
        assert list(by_own_cost(n, c, costs, budget)) == by_hand


@given(
    samples=st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=5),
    share=st.floats(0, 0.99),
    once=st.integers(0, 3),
)
def test_spending_samples_in_random_orders_approaches_the_mean_over_every_order(samples, share, once):
    spent = Spent(costs=np.array([float(c) for c, _ in samples]), passed=np.array([p for _, p in samples]), once=once)
    found = replay([spent], np.random.default_rng(0), 4000)
    budget = share * found.end
    orders = list(permutations(samples))
    by_hand = 0
    for order in orders:
        left = budget - once
        for cost, passed in order:
            left -= cost
            if left < 0:
                break
            if passed:
                by_hand += 1
                break
    assert found.rates(budget)[0] == pytest.approx(by_hand / len(orders), abs=0.05)


def test_equal_costs_make_random_orders_the_paper_s_rule():
    rng = np.random.default_rng(1)
    passed = [rng.random(20) < rate for rate in (0.1, 0.4, 0.0, 0.9)]
    found = replay([Spent(costs=np.full(20, 2.0), passed=one) for one in passed], rng, 3000)
    for k in (1, 3, 10):
        by_formula = [pass_at_k(20, int(one.sum()), k) for one in passed]
        assert list(found.rates(2.0 * k + 0.5)) == pytest.approx(by_formula, abs=0.03)
    assert found.end == 42.0
    with pytest.raises(ValueError, match="undefined for a budget"):
        found.rates(42.0)


def test_spending_is_repeatable_and_refuses_costs_that_are_none():
    one = Spent(costs=np.array([1.0, 2.0, 3.0]), passed=np.array([False, True, False]))
    first, again = (replay([one], np.random.default_rng(5)).solved_at for _ in range(2))
    assert (first == again).all()
    with pytest.raises(ValueError, match="one of each"):
        Spent(costs=np.ones(2), passed=np.array([True]))
    with pytest.raises(ValueError, match="negative"):
        Spent(costs=np.array([1.0, -1.0]), passed=np.array([True, False]))


TWO = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=4)


def two_models(passed, selected=None):
    """A small model with four samples and a large one with three; `selected` accepts more than is right."""
    small = [one for one, _ in passed]
    large = [two for _, two in passed]
    more = selected or passed
    costs = ([UnitCost(each=1.0)] * len(passed), [UnitCost(each=3.0, once=0.5)] * len(passed))
    return (
        model_stats(
            "small", SampleCounts(samples=[4] * len(small), accepted=[one for one, _ in more], right=small), costs[0]
        ),
        model_stats(
            "large", SampleCounts(samples=[3] * len(large), accepted=[two for _, two in more], right=large), costs[1]
        ),
    )


def orders(n, accepted):
    return list(permutations([True] * accepted + [False] * (n - accepted)))


@given(passed=TWO, extra=st.integers(0, 2))
def test_a_cascade_is_the_mean_over_every_order_of_both_models(passed, extra):
    accepted = [(min(4, one + extra), min(3, two + extra)) for one, two in passed]
    small, large = two_models(passed, accepted)
    for choice in cascades(small, large).every()[:: 5 if len(passed) > 2 else 1]:
        (_, k1), (_, k2) = choice.legs
        cost = rate = 0.0
        for (right1, right2), (one, two) in zip(passed, accepted, strict=True):
            every = list(product(orders(4, one), orders(3, two)))
            for first, second in every:
                cost += first_pass(first, k1) / len(every)
                if any(first[:k1]):
                    rate += right1 / one / len(every)
                    continue
                cost += (0.5 + 3 * first_pass(second, k2)) / len(every)
                rate += right2 / two / len(every) if any(second[:k2]) else 0.0
        assert choice.cost == pytest.approx(cost / len(passed))
        assert choice.rate == pytest.approx(rate / len(passed))


@given(passed=TWO)
def test_a_mixture_misses_only_where_both_models_do(passed):
    for choice in mixtures(*two_models(passed)).every():
        (_, k1), (_, k2) = choice.legs
        missed = [(1 - pass_at_k(4, one, k1)) * (1 - pass_at_k(3, two, k2)) for one, two in passed]
        assert choice.rate == pytest.approx(1 - sum(missed) / len(passed))
        assert choice.cost == pytest.approx(k1 + 0.5 + 3 * k2)


@given(passed=TWO)
def test_a_schedule_that_asks_one_model_after_the_other_is_a_cascade(passed):
    small, large = two_models(passed)
    known = {choice.legs: choice for choice in cascades(small, large).every()}
    last = scheduled(["small"] * 2 + ["large"] * 3, {"small": small, "large": large})[-1]
    same = known[(("small", 2), ("large", 3))]
    assert (last.cost, last.rate) == (pytest.approx(same.cost), pytest.approx(same.rate))
    alone = scheduled(["small"] * 4, {"small": small})
    for choice, stop in zip(alone, singles(small, stopping=True), strict=True):
        assert (choice.cost, choice.rate) == (pytest.approx(stop.cost), pytest.approx(stop.rate))


@given(passed=TWO, budget=st.floats(0, 5))
def test_no_router_of_single_models_beats_the_oracle(passed, budget):
    stats = two_models(passed)
    above = oracle(stats, min(budget, 4.9)).mean()
    for one in stats:
        best = best_within(singles(one, stopping=False), min(budget, 4.9))
        assert best is None or best.rate <= above + 1e-12


def test_the_oracle_is_undefined_where_samples_end():
    with pytest.raises(ValueError, match="undefined for a budget that buys 5 of 4"):
        oracle(two_models([(1, 1)]), 5.0)


@given(passed=TWO)
@example(passed=[(0, 3), (1, 1), (4, 0)])
def test_the_frontier_holds_what_nothing_beats_and_nothing_else(passed):
    small, large = two_models(passed)
    every = cascades(small, large).every() + singles(small, stopping=True) + singles(large, stopping=True)
    kept = pareto(every)
    assert kept == sorted(kept, key=lambda one: one.cost)
    for choice in every:
        assert any(one.cost <= choice.cost and one.rate >= choice.rate - ROUNDING for one in kept)
    for one in kept:
        assert not any(other.cost <= one.cost and other.rate > one.rate + ROUNDING for other in every)
        best = best_within(every, one.cost)
        assert best.rate == pytest.approx(one.rate, abs=ROUNDING) or best.cost > one.cost  # which it is by a rounding


def test_greedy_asks_the_cheap_model_first_and_gives_up_on_it_in_time():
    fits = {
        "small": Fit(alpha=0.4, beta=0.6, impossible=0.0, log_likelihood=0.0),
        "large": Fit(alpha=0.9, beta=0.1, impossible=0.0, log_likelihood=0.0),
    }
    costs = {"small": UnitCost(each=1.0), "large": UnitCost(each=10.0)}
    order = greedy(fits, costs, {"small": 8, "large": 2})
    assert order[:4] == ("small",) * 4  # 0.4, 0.2, 0.133, 0.1, then 0.08 for its price against 0.09
    assert order[4] == "large"
    assert sorted(order) == ["large"] * 2 + ["small"] * 8


def test_strata_are_of_equal_size_and_sorted_by_difficulty():
    rates = [0.9, 0.1, 0.5, 0.5, 0.0, 1.0]
    assert [list(part) for part in strata(rates, 3)] == [[1, 4], [2, 3], [0, 5]]
    with pytest.raises(ValueError, match="make no 5 groups"):
        strata([0.5], 5)


@given(rows=st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1)), min_size=2, max_size=6), groups=st.integers(1, 4))
def test_a_stratum_of_drawn_problems_is_that_of_a_list_with_as_many_of_each(rows, groups):
    """Every way to draw as many as there are, each made a list, sorted and parted as `strata` does."""
    groups = min(groups, len(rows))
    reference, values = np.array([one for one, _ in rows]) / 4, np.array(rows)
    ends = np.cumsum([0, *map(len, strata(reference.tolist(), groups))]) / len(rows)
    for drawn in list(product(range(len(rows)), repeat=len(rows)))[:: max(1, len(rows) ** len(rows) // 50)]:
        picked = sorted(drawn)  # equal rates stay in the problems' order
        weights = np.bincount(picked, minlength=len(rows))[None] / len(rows)
        for at, part in enumerate(strata(reference[picked].tolist(), groups)):
            found = stratum_means(reference, values, (ends[at], ends[at + 1]), weights)[0]
            assert found == pytest.approx(values[picked][part].mean(axis=0))


def rounds_of(correct: list[int], each: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Tables of problems x rounds, from round 0 on, of four samples each."""
    n, nothing = [4] * len(correct), np.zeros((len(correct), 1))
    attempts = np.concatenate([nothing, attempts_at_every_k(n, correct, 4)], axis=1)
    return attempts * np.array(each)[:, None], np.concatenate([nothing, pass_at_every_k(n, correct, 4)], axis=1)


@given(
    rows=st.lists(st.tuples(st.integers(0, 4), st.floats(0.5, 5)), min_size=2, max_size=5),
    share=st.floats(0.01, 0.99),
    data=st.data(),
)
def test_rounds_over_drawn_problems_are_those_over_a_list_with_as_many_of_each(rows, share, data):
    correct, each = map(list, zip(*rows, strict=True))
    picked = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=len(rows), max_size=len(rows)))
    weights = np.bincount(picked, minlength=len(rows))[None] / len(rows)
    costs, rates = rounds_of(correct, each)
    chosen = [correct[at] for at in picked]
    n, paid = [4] * len(rows), np.array([each[at] for at in picked])
    stops = stopping_curve(pass_at_every_k(n, chosen, 4), attempts_at_every_k(n, chosen, 4), paid, 0 * paid)
    budget = share * stops[-1].cost
    assert reached_in_rounds(weights @ costs, weights @ rates, [budget])[0, 0] == pytest.approx(
        reached_by(stops, budget)
    )


def test_rounds_that_end_before_a_budget_go_on_at_the_last_one_s_pace():
    costs, rates = np.array([[0.0, 2.0, 3.0]]), np.array([[0.0, 0.5, 0.6]])
    assert reached_in_rounds(costs, rates, [1.0, 2.5, 3.0, 5.0, 9.0])[0] == pytest.approx([0.25, 0.55, 0.6, 0.8, 1.0])
    assert reached_in_rounds(np.array([[0.0, 2.0, 2.0]]), np.array([[0.0, 1.0, 1.0]]), [4.0])[0, 0] == 1.0


def test_the_interval_of_rounds_is_the_one_over_every_resample():
    """Six problems, and all 6^6 ways to draw six: the percentiles of drawn resamples are those of all of them."""
    costs, rates = rounds_of([0, 1, 1, 2, 3, 4], [3.0, 1.0, 2.0, 1.0, 2.0, 1.0])
    every = np.stack([np.bincount(one, minlength=6) for one in product(range(6), repeat=6)]) / 6
    budget = 0.6 * costs[:, -1].mean()
    by_hand = np.quantile(reached_in_rounds(every @ costs, every @ rates, [budget]), [0.025, 0.975])
    draws = draw_problems(6, np.random.default_rng(0), 40_000)
    drawn = resampled_statistic(lambda weights: reached_in_rounds(weights @ costs, weights @ rates, [budget]), draws)
    (found,) = read_intervals(drawn, Method.PERCENTILE)
    assert (found.low, found.high) == pytest.approx(by_hand, abs=0.01)
    (ours,) = rounds_intervals(costs, rates, [budget], draws)
    assert ours.low <= found.low < drawn.estimates[0] < found.high <= ours.high
    assert rounds_intervals(costs, rates, [], draws) == []


def test_more_right_than_accepted_is_refused():
    with pytest.raises(ValueError, match="more accepted samples are right"):
        model_stats("m", SampleCounts(samples=[2], accepted=[1], right=[2]), [UnitCost(each=1.0)])


def test_the_fit_finds_the_distribution_that_made_the_counts():
    rng = np.random.default_rng(2)
    correct = rng.binomial(50, rng.beta(0.55, 0.78, 4000)).tolist()
    found = fit([50] * 4000, correct)
    assert found.impossible == 0.0
    assert (found.alpha, found.beta) == (pytest.approx(0.55, rel=0.06), pytest.approx(0.78, rel=0.06))


def test_impossible_problems_are_found_and_a_plain_fit_promises_too_much():
    rng = np.random.default_rng(3)
    correct = rng.binomial(40, rng.beta(0.8, 1.5, 3000) * (rng.random(3000) > 0.25)).tolist()
    inflated, plain = fit([40] * 3000, correct), fit_plain([40] * 3000, correct)
    assert inflated.impossible == pytest.approx(0.25, abs=0.05)
    assert inflated.log_likelihood > plain.log_likelihood
    assert inflated.pass_at(2000) == pytest.approx(0.75, abs=0.03)
    assert plain.pass_at(2000) > 0.85


COUNTS = st.lists(
    st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=2, max_size=12
)


def by_hand(counts, alpha: float, beta: float) -> float:
    """The likelihood by its definition: products of rising factorials."""
    value = 0.0
    for n, c in counts:
        value += sum(np.log(alpha + j) for j in range(c)) + sum(np.log(beta + j) for j in range(n - c))
        value -= sum(np.log(alpha + beta + j) for j in range(n))
    return value


@given(counts=COUNTS, nudge=st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)))
@example(counts=[(1, 0), (1, 0), (2, 2)], nudge=(-0.25, -0.25))
@example(counts=[(4, 0), (8, 1), (9, 4)], nudge=(0.0, -0.06))  # flat to one side, where a search may stop too soon
def test_no_neighbour_of_the_fit_is_likelier(counts, nudge):
    samples, correct = [n for n, _ in counts], [c for _, c in counts]
    if not any(correct) or samples == correct or max(samples) < 2:
        with pytest.raises(ValueError, match="undefined"):
            fit(samples, correct)
        return
    found = fit_plain(samples, correct)
    at_top = by_hand(counts, found.alpha, found.beta)
    assert at_top == pytest.approx(found.log_likelihood, abs=1e-6)
    alpha, beta = found.alpha * np.exp(nudge[0]), found.beta * np.exp(nudge[1])
    size = alpha + beta
    inside = min(max(1e-4, size), 1e5) / size  # a fit's size ends there: all or nothing, and a binomial
    assert by_hand(counts, alpha * inside, beta * inside) <= at_top + 1e-7


@settings(max_examples=40)
@given(counts=COUNTS)
@example(counts=[(11, 3), (2, 2)])  # two tops: a binomial is one, and not the higher one
@example(counts=[(9, 1), (6, 2), (12, 1), (3, 2)])
def test_nothing_far_from_the_fit_is_likelier_either(counts):
    samples, correct = [n for n, _ in counts], [c for _, c in counts]
    if not any(correct) or samples == correct or max(samples) < 2:
        return
    found = fit_plain(samples, correct)
    for size in np.geomspace(1e-4, 1e5, 28):
        for mean in 1 / (1 + np.exp(-np.linspace(-5, 5, 21))):
            assert by_hand(counts, size * mean, size * (1 - mean)) <= found.log_likelihood + 1e-7


def test_one_sample_of_each_problem_tells_nothing_of_more():
    """Any spread of difficulty gives the same counts with the same chance, if its mean is the same."""
    for again in (fit, fit_plain, partial(extrapolate, ks=[2], rng=np.random.default_rng(0))):
        with pytest.raises(ValueError, match="one sample of each problem"):
            again([1] * 30, [0, 1, 1] * 10)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_the_share_of_impossible_problems_lies_within_its_interval(share):
    rng = np.random.default_rng(5)
    correct = rng.binomial(30, rng.beta(1.0, 1.5, 300) * (np.arange(300) >= 300 * share)).tolist()
    (found,) = extrapolate([30] * 300, correct, [60], rng, 100)
    fitted = fit([30] * 300, correct).impossible
    assert found.impossible.low <= min(share, fitted)
    assert found.impossible.high >= max(share, fitted)
    assert (found.impossible.low > 0) == (share > 0)
    assert found.impossible.high < share + 0.15


def test_extrapolation_meets_the_measured_value_within_its_interval():
    rng = np.random.default_rng(4)
    chances = rng.beta(0.5, 0.9, 164)
    whole = rng.binomial(400, chances)
    few = rng.hypergeometric(whole, 400 - whole, 20)
    (found,) = extrapolate([20] * 164, few.tolist(), [200], rng, 100)
    measured = pass_at_every_k([400] * 164, whole.tolist(), 200)[:, -1].mean()
    assert found.interval.low <= measured <= found.interval.high
    assert found.beyond == 10.0


@pytest.mark.parametrize(
    ("samples", "correct", "said"),
    [
        ([4], [1], "two problems"),
        ([4, 4], [0, 0], "undefined"),
        ([4, 4], [4, 4], "undefined"),
        ([4, 4], [1, 5], "more"),
    ],
)
def test_a_distribution_is_undefined_where_counts_do_not_tell(samples, correct, said):
    with pytest.raises(ValueError, match=said):
        fit(samples, correct)


def test_pass_at_zero_samples_is_undefined():
    with pytest.raises(ValueError, match="undefined"):
        Fit(alpha=1.0, beta=1.0, impossible=0.0, log_likelihood=0.0).pass_at(0)
    assert Fit(alpha=1.0, beta=1.0, impossible=0.2, log_likelihood=0.0).pass_at(1) == pytest.approx(0.4)


def test_where_no_refit_finds_an_impossible_problem_a_few_problems_still_do_not_rule_them_out():
    few, many = (
        extrapolate([10] * count, [2, 4, 5, 7] * (count // 4), [20], np.random.default_rng(0))[0].impossible
        for count in (20, 400)
    )
    assert (few.low, many.low) == (0, 0)
    assert few.high == pytest.approx(wilson(0.0, 20).high)
    assert many.high < few.high / 10
