"""A small part of `tests/bench/coverage.py`, on every run."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parent.parent / "bench" / "coverage.py"


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
