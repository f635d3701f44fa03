from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from sampler.stats.passk import pass_at_k
from sampler.stats.sequential import (
    ALPHA,
    expected_gains,
    haldane,
    look_at,
    looks_until,
    stopped_pass_at_k,
)


def test_looks_double_up_to_the_most():
    assert looks_until(2, 16) == (2, 4, 8, 16)
    assert looks_until(3, 10) == (3, 6, 10)
    assert looks_until(5, 5) == (5,)
    with pytest.raises(ValueError, match="first look"):
        looks_until(6, 5)


def stopped_runs(p: float, stop_at: int, cap: int):
    """Every way that a run with a stop can go: its chance, its passes, its tries."""
    for way in product((False, True), repeat=cap):
        passes, tries = 0, 0
        for passed in way:
            tries += 1
            passes += passed
            if passes == stop_at:
                break
        chance = 1.0
        for passed in way:
            chance *= p if passed else 1 - p
        yield chance, passes, tries


@pytest.mark.parametrize(("p", "stop_at", "cap"), [(0.2, 1, 8), (0.2, 2, 8), (0.7, 3, 7), (0.05, 1, 5), (0.5, 2, 2)])
def test_after_a_stop_the_rate_and_every_pass_at_k_are_unbiased_and_the_plain_share_is_not(p, stop_at, cap):
    runs = list(stopped_runs(p, stop_at, cap))
    assert sum(chance * haldane(c, t, stop_at) for chance, c, t in runs) == pytest.approx(p)
    for k in range(1, cap + 1):
        found = sum(chance * stopped_pass_at_k(c, t, stop_at, k) for chance, c, t in runs)
        assert found == pytest.approx(1 - (1 - p) ** k)
    if stop_at < cap:
        assert sum(chance * c / t for chance, c, t in runs) > p + 0.01


def test_without_a_stop_it_is_chens_estimator():
    assert stopped_pass_at_k(3, 10, 99, 4) == pytest.approx(pass_at_k(10, 3, 4))


def studies(rng: np.random.Generator, problems: int, most: int, lead: float):
    """Passes of two models: samples x problems each; the second is better by `lead` on average."""
    rates = rng.beta(0.6, 0.8, problems)
    better = np.clip(rates + lead, 0, 1)
    return rng.random((most, problems)) < rates, rng.random((most, problems)) < better


def run_until_enough(
    rng: np.random.Generator, lead: float, looks: tuple[int, ...], divided: int
) -> tuple[bool, int, bool]:
    """Whether a winner was named, at how many samples, and whether the last interval holds the truth."""
    first, second = studies(rng, 60, looks[-1], lead)
    for n in looks:
        look = look_at((second[:n].mean(axis=0) - first[:n].mean(axis=0)), divided, 1, 0.02)
        if look.enough:
            break
    return look.clear, n, look.interval.low <= lead <= look.interval.high


def test_declared_looks_keep_the_rate_of_false_winners_and_peeking_does_not():
    rng = np.random.default_rng(7)
    looks = looks_until(1, 64)
    honest = [run_until_enough(rng, 0.0, looks, len(looks)) for _ in range(1500)]
    peeked = [run_until_enough(rng, 0.0, looks, 1) for _ in range(1500)]
    false = sum(clear for clear, _, _ in honest) / len(honest)
    assert false <= ALPHA + 0.01  # a binomial of 1500 draws varies by 0.006
    assert sum(clear for clear, _, _ in peeked) / len(peeked) > 2 * ALPHA
    assert sum(holds for _, _, holds in honest) / len(honest) >= 1 - ALPHA - 0.01


def test_a_clear_lead_is_found_with_fewer_samples_than_a_fixed_number():
    rng = np.random.default_rng(8)
    looks = looks_until(2, 64)
    runs = [run_until_enough(rng, 0.15, looks, len(looks)) for _ in range(300)]
    assert sum(clear for clear, _, _ in runs) / len(runs) > 0.95
    assert np.mean([n for _, n, _ in runs]) < 64 / 4


def test_where_nothing_differs_the_interval_is_not_empty():
    look = look_at(np.zeros(30), 3, 1, 0.01)
    assert look.interval.low < 0 < look.interval.high
    assert not look.clear


def test_allotting_by_expected_gain_solves_more_than_allotting_evenly_at_equal_spending():
    rng = np.random.default_rng(9)
    solved = {"gain": 0, "even": 0}
    for _ in range(60):
        rates, costs = rng.beta(0.5, 0.8, 80), rng.uniform(1, 10, 80)
        drawn = rng.random((400, 80)) < rates
        for rule in solved:
            spent, tries, left = 0.0, np.zeros(80, dtype=int), np.ones(80, dtype=bool)
            while spent < 900 and left.any():
                gains = expected_gains(tries, costs if rule == "gain" else np.ones(80), (0.55, 0.75))
                at = int(np.argmax(np.where(left, gains, -1.0)))
                spent += costs[at]
                left[at] = not drawn[tries[at], at]
                tries[at] += 1
            solved[rule] += int((~left).sum())
    assert solved["gain"] > 1.02 * solved["even"]
