"""Our estimators against what others published and against other people's code."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from sampler.stats.budget import UnitCost
from sampler.stats.passk import pass_at_every_k, pass_at_k

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


def test_the_package_passk_inference_agrees():
    peer = pytest.importorskip(
        "passk_inference", reason="the package passk-inference is not installed (it needs scipy)"
    )
    rng = np.random.default_rng(0)
    n = rng.integers(20, 60, 50)
    c = rng.binomial(n, rng.beta(0.5, 0.8, 50))
    table = pass_at_every_k(n.tolist(), c.tolist(), 20)
    for k in (1, 5, 20):
        assert table[:, k - 1] == pytest.approx(peer.pass_at_k(c, n, k), abs=1e-12)
