from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampler.backends.cost_attribution import WallShares

stays = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30), st.integers(1, 9)), min_size=1, max_size=8)


@given(stays=stays)
def test_shares_equal_those_of_splitting_every_second_by_weight(stays):
    shares = WallShares()
    events = sorted(
        [(start + length, 0, key) for key, (start, length, _) in enumerate(stays)]
        + [(start, 1, key) for key, (start, _, _) in enumerate(stays)]
    )
    given_out = {}
    for now, enters, key in events:
        if enters:
            shares.enter(key, stays[key][2], now)
        else:
            given_out[key] = shares.leave(key, now)
    by_hand = dict.fromkeys(given_out, 0.0)
    for second in range(81):
        inside = {key: w for key, (start, length, w) in enumerate(stays) if start <= second < start + length}
        for key, weight in inside.items():
            by_hand[key] += weight / sum(inside.values())
    assert given_out == pytest.approx(by_hand)


def test_an_event_that_is_heard_late_gives_nobody_negative_seconds():
    shares = WallShares()
    shares.enter("a", 1, 10.0)
    shares.enter("b", 1, 9.9)
    assert shares.leave("a", 9.8) == 0
    assert shares.leave("b", 11.0) == pytest.approx(1)


def test_a_weight_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1, not 0"):
        WallShares().enter("a", 0, 0.0)
