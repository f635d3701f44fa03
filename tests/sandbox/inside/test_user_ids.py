"""The user ids of a box: those that the host names, or a share of those that the engine has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.inside import environment

ALL = "         0          0 4294967295\n"
ROOTLESS = "         0       1000          1\n         1     100000      65536\n"


@given(st.integers(0, 200_000))
def test_where_all_ids_are_there_ranges_do_not_touch(number: int) -> None:
    first = (1 << 20) + number * environment.UID_STEP
    assert environment.uid_range(first, ALL) == range(first, first + environment.MAX_UIDS)
    assert environment.uid_range(first, ALL).stop <= first + environment.UID_STEP


@given(st.integers(0, 200_000), st.integers(environment.FIRST_UID + environment.MIN_UIDS, 1 << 21))
def test_where_few_ids_are_there_a_range_lies_among_them(number: int, mapped: int) -> None:
    share = environment.uid_range((1 << 20) + number * environment.UID_STEP, f"0 100000 {mapped}\n")
    assert environment.MIN_UIDS <= len(share) <= environment.MAX_UIDS
    assert share.start >= environment.FIRST_UID
    assert share.stop <= mapped


def test_rootless_boxes_are_spread_over_what_there_is() -> None:
    shares = {environment.uid_range((1 << 20) + number * environment.UID_STEP, ROOTLESS) for number in range(1000)}
    assert len(shares) == (65537 - environment.FIRST_UID) // environment.MIN_UIDS
    assert len({uid for share in shares for uid in share}) == sum(map(len, shares))  # and none overlaps another


def test_an_engine_with_one_id_is_refused_with_the_way_out() -> None:
    with pytest.raises(SystemExit, match=r"gives its containers 1 user ids.*/etc/subuid"):
        environment.uid_range(1 << 20, "0 1000 1\n")
