"""A small part of `tests/bench/coverage.py`, on every run, and how often what is no mean over problems is held."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest
from script import ROOT

from sampler.stats.allocation import SampleCounts, model_stats, strata, stratum_means
from sampler.stats.bootstrap import draw_problems, rate_intervals, read_rates, resampled_statistic
from sampler.stats.budget import UnitCost
from sampler.stats.stopping import reached_in_rounds, rounds_intervals

PATH = ROOT / "tests" / "bench" / "coverage.py"


@pytest.fixture(scope="module")
def coverage():
    spec = importlib.util.spec_from_file_location("interval_coverage", PATH)
    module = importlib.util.module_from_spec(spec)

    sys.modules[spec.name] = module  # where dataclasses look up their annotations
    spec.loader.exec_module(module)
    return module


def test_an_interval_holds_the_truth_as_often_as_it_says(coverage):
    found = coverage.cover(coverage.POPULATIONS[0], 150, np.random.default_rng(5), 600)
    assert all(0.90 <= share <= 0.99 for share in found.bca)  # 150 studies: two standard errors are 3.6 points
    assert 0.89 <= found.band <= 0.99


def test_where_nearly_everything_is_solved_the_interval_is_cautious_and_percentiles_are_not(coverage):
    found = coverage.cover(coverage.POPULATIONS[-1], 80, np.random.default_rng(6), 400)
    assert min(found.bca) >= 0.90
    assert min(found.percentile) <= 0.60


def two_models(problems, rng):
    """pass@1 from twenty samples of a reference and of a model for which the same problems are hard."""
    ease = rng.normal(size=problems)
    chances = (1 / (1 + np.exp(-1.5 * ease)), 1 / (1 + np.exp(-1.5 * ease + rng.normal(size=problems) + 1)))
    return np.stack([rng.binomial(20, one) / 20 for one in chances], axis=1)


def test_strata_are_held_as_often_as_they_say_because_their_borders_move():
    """The middle fifth.

    With its borders held fast, as if nobody had sorted, the reference is missed every other time.
    """
    rng, problems, shares = np.random.default_rng(7), 150, (0.4, 0.6)
    everyone = two_models(400_000, rng)
    truth = everyone[strata(everyone[:, 0].tolist(), 5)[2]].mean(axis=0)
    held, fast = np.zeros(2), np.zeros(2)
    for _ in range(120):
        seen = two_models(problems, rng)
        part = strata(seen[:, 0].tolist(), 5)[2]
        draws = draw_problems(problems, rng, 500)
        found = read_rates(
            resampled_statistic(lambda w, of=seen: stratum_means(of[:, 0], of, shares, w), draws), len(part)
        )
        held += [one.low <= true <= one.high for one, true in zip(found, truth, strict=True)]
        naive = rate_intervals(seen[part], draw_problems(len(part), rng, 500))
        fast += [one.low <= true <= one.high for one, true in zip(naive, truth, strict=True)]
    assert (held / 120 >= 0.90).all()  # 120 studies: two standard errors are 4 points
    assert fast[0] / 120 <= 0.65


def in_rounds(problems, rng):
    """Tables of costs and rates of rounds, of problems that cost the more the harder they are."""
    chance = rng.beta(0.6, 0.8, problems)
    correct = rng.binomial(20, chance).tolist()
    costs = [UnitCost(each=float(one)) for one in (1.5 - chance) * rng.gamma(4, 0.25, problems)]
    made = model_stats("m", SampleCounts(samples=[20] * problems, accepted=correct, right=correct), costs)
    return made.stopped, made.answered


@pytest.mark.slow
def test_what_rounds_reach_is_held_as_often_as_it_says():
    """In the middle of the first round, after some, and where many resamples have spent all their samples."""
    rng, problems = np.random.default_rng(8), 120
    paid, solved = (table.mean(axis=0, keepdims=True) for table in in_rounds(200_000, rng))
    budgets = [0.5, 3.0, 0.97 * float(paid[0, -1])]
    truth = reached_in_rounds(paid, solved, budgets)[0]
    held = np.zeros((150, 3))
    for study in range(150):
        costs, rates = in_rounds(problems, rng)
        found = rounds_intervals(costs, rates, budgets, draw_problems(problems, rng, 500))
        held[study] = [one.low <= true <= one.high for one, true in zip(found, truth, strict=True)]
    shares = held.mean(axis=0)
    assert ((shares >= 0.90) & (shares <= 0.99)).all()
