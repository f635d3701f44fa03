"""What the screen's curves say of reliability is what the report says."""

from __future__ import annotations

from math import comb

import pytest

from sampler.stats.passk import Counts
from sampler.stats.reliability import pass_hat_k
from tui.data.curves import _all_right


def test_all_right_is_the_mean_of_pass_hat_k_over_problems() -> None:
    counts = Counts(model="m", problems=("a", "b", "c"), scored=(6, 6, 8), passed=(0, 6, 5))
    found = _all_right(counts)
    assert len(found) == 6
    for k, rate in enumerate(found, 1):
        by_hand = sum(pass_hat_k(n, c, k) for n, c in ((6, 0), (6, 6), (8, 5))) / 3
        assert rate == pytest.approx(by_hand)
    assert found[2] == pytest.approx((0 + 1 + comb(5, 3) / comb(8, 3)) / 3)
