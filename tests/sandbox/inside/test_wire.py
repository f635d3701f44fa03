from __future__ import annotations

import math
import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.inside import wire

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**60), 10**60)
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5), max_leaves=30
)


def same(left: object, right: object) -> bool:
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return struct.pack(">d", left) == struct.pack(">d", right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    return type(left) is type(right) and left == right


@given(values)
def test_a_value_comes_back_as_it_was(value: object) -> None:
    assert same(wire.decode(wire.encode(value)), value)


@given(st.binary())
def test_hostile_bytes_give_a_value_or_a_wire_error(data: bytes) -> None:
    try:
        value = wire.decode(data)
    except wire.WireError:
        return
    assert wire.encode(value) == data or wire.decode(wire.encode(value)) is not None or value is None


@given(values, st.data())
def test_a_payload_cut_anywhere_is_refused(value: object, data: st.DataObject) -> None:
    payload = wire.encode(value)
    cut = data.draw(st.integers(0, len(payload) - 1))
    with pytest.raises(wire.WireError):
        wire.decode(payload[:cut])


@given(values)
def test_bytes_after_the_value_are_refused(value: object) -> None:
    with pytest.raises(wire.WireError, match="follow"):
        wire.decode(wire.encode(value) + b"N")


class LyingList(list[object]):
    pass


@pytest.mark.parametrize("value", [LyingList(), object(), {1: 2}, {"a": {3}}, (1,), 10**wire.MAX_DIGITS])
def test_what_has_no_place_on_the_wire_is_refused(value: object) -> None:
    with pytest.raises(wire.WireError):
        wire.encode(value)


def test_depth_has_a_cap_on_both_sides() -> None:
    deep: object = None
    for _ in range(wire.MAX_DEPTH + 1):
        deep = [deep]
    with pytest.raises(wire.WireError, match="deep"):
        wire.encode(deep)
    with pytest.raises(wire.WireError, match="deep"):
        wire.decode((b"L" + struct.pack(">I", 1)) * 100_000 + b"N")


def test_a_count_beyond_the_payload_is_refused_before_anything_is_made() -> None:
    with pytest.raises(wire.WireError, match="more than"):
        wire.decode(b"L" + struct.pack(">I", 2**32 - 1) + b"N")


@given(st.lists(st.binary(max_size=200), max_size=8), st.integers(1, 50))
def test_frames_survive_any_cutting_of_the_stream(payloads: list[bytes], step: int) -> None:
    stream = b"".join(wire.frame(payload) for payload in payloads)
    buffer, found = wire.FrameBuffer(), []
    for at in range(0, len(stream), step):
        buffer.feed(stream[at : at + step])
        while (payload := buffer.next()) is not None:
            found.append(payload)
    assert found == payloads


def test_a_length_over_the_cap_is_refused_at_once() -> None:
    buffer = wire.FrameBuffer(cap=100)
    buffer.feed(struct.pack(">I", 101))
    with pytest.raises(wire.WireError, match="cap"):
        buffer.next()


def test_a_stream_that_ends_inside_a_frame_is_an_error_and_a_clean_end_is_none() -> None:
    reading, writing = os.pipe()
    os.write(writing, wire.frame(b"whole") + wire.frame(b"broken")[:-1])
    os.close(writing)
    assert wire.read_frame(reading) == b"whole"
    with pytest.raises(wire.WireError, match="inside"):
        wire.read_frame(reading)
    assert wire.read_frame(reading) is None
    os.close(reading)


@pytest.mark.parametrize("digits", [b"-0", b"0007", b"-06", b""])
def test_an_int_has_one_spelling(digits: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.decode(b"I" + len(digits).to_bytes(4, "big") + digits)


KNOWN = frozenset({"a", "b"})


@given(
    st.dictionaries(st.sampled_from(sorted(KNOWN)), scalars | st.dictionaries(st.sampled_from(sorted(KNOWN)), scalars))
)
def test_a_record_comes_back_as_it_was(record: dict[str, object]) -> None:
    assert same(wire.decode_record(wire.encode(record), KNOWN), record)


@pytest.mark.parametrize(
    "value",
    [None, [], {"c": 1}, {"a": [1]}, {"a": {"b": {}}}, {"a": {"c": 1}}, {"a": {"a": []}}, {"a": 1, "b": 2, "c": 3}],
)
def test_a_record_has_known_fields_of_scalars_and_no_others(value: object) -> None:
    with pytest.raises(wire.WireError):
        wire.decode_record(wire.encode(value), KNOWN)
    with pytest.raises(wire.WireError):
        wire.decode_record(wire.encode({"a": 1}) + b"N", KNOWN)


@given(st.binary())
def test_hostile_bytes_are_a_record_or_a_wire_error(data: bytes) -> None:
    for payload in (data, b"M\0\0\0\1S\0\0\0\1a" + data):
        try:
            assert same(wire.decode_record(payload, KNOWN), wire.decode(payload))
        except wire.WireError:
            continue
