from __future__ import annotations

import contextlib
import datetime as dt
import math
from array import array
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.inside import codec

text = st.text(st.characters(exclude_categories=()))
numbers = st.integers() | st.floats() | st.complex_numbers() | st.booleans()
hashable = st.recursive(
    st.none() | numbers | text | st.binary() | st.dates() | st.fractions(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
no_fold = st.datetimes().map(lambda at: at.replace(fold=0)) | st.times().map(lambda at: at.replace(fold=0))
decimals = st.decimals().filter(lambda number: not number.is_snan())
scalars = (
    hashable | decimals | no_fold | st.timedeltas() | st.integers(1, 9).map(range) | st.integers(-(10**400), 10**400)
)
values = st.recursive(
    scalars | st.sets(hashable, max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.lists(inner, max_size=4).map(deque)
        | st.dictionaries(hashable, inner, max_size=4)
        | st.dictionaries(hashable, inner, max_size=4).map(OrderedDict)
    ),
    max_leaves=20,
)


def written(value: object) -> str:
    """A text that is the same for two values only if they are the same, NaN and the order of sets included."""
    match value:
        case set() | frozenset():
            return f"{type(value).__name__}{sorted(map(written, value))}"
        case dict():
            return f"{type(value).__name__}{[(written(key), written(item)) for key, item in value.items()]}"
        case list() | tuple() | deque():
            return f"{type(value).__name__}{[written(item) for item in value]}"
        case float():
            return value.hex()
        case _:
            return f"{type(value).__name__} {value!r}"


def test_an_iterator_from_an_earlier_version_can_still_be_read() -> None:
    back = codec.decode(b"GS\0\0\0\x03mapTL\0\0\0\x02I\0\0\0\x01\x01N")
    assert isinstance(back, codec.Iterated)
    assert (back.name, back.whole, back.items, back.truth) == ("map", True, [1, None], None)


@given(values)
def test_a_value_comes_back_as_it_was(value: object) -> None:
    assert written(codec.decode(codec.encode(value))) == written(value)


@pytest.mark.parametrize(
    "value",
    [-0.0, math.inf, 10**4_000, "\ud800", Counter("aab"), defaultdict(list, {1: [2]}), deque([1], 3), Decimal("NaN"),
     Fraction(1, 3), range(0, 10, 3), dt.timedelta(-1, 5), {1.5: {2}}, (), set(), complex(0, -0.0)],
)  # fmt: skip
def test_the_rare_ones_come_back_too(value: object) -> None:
    back = codec.decode(codec.encode(value))
    assert type(back) is type(value)
    assert repr(back) == repr(value) or isinstance(value, defaultdict)


@given(values)
def test_a_value_comes_back_from_its_short_form_as_it_was(value: object) -> None:
    assert written(codec.decode(codec.encode_answer(value))) == written(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -0.0,
        math.inf,
        2**31,
        -(2**31),
        -(2**31) - 1,
        10**4_000,
        -(10**4_000),
        "\ud800",
        "",
        b"\0",
        (),
        set(),
        {},
        {1.5: {2}},
        frozenset({(1, "a")}),
        [[1], [2.5, [None]]],
        complex(0, -0.0),
        {"a": (1, {"b": b"c"})},
    ],
)
def test_plain_values_have_a_short_form(value: object) -> None:
    data = codec.encode_answer(value)
    assert data[:1] == b"~"
    assert written(codec.decode(data)) == written(value)


def test_what_is_not_plain_keeps_its_mark_in_the_short_form() -> None:
    for inside in (Agreeable([1]), [Agreeable([1])], ({"a": [1, Agreeable([1])]},)):
        assert b"~" not in codec.encode_answer(inside)[:1]
        assert codec.may_contain_spoofs(codec.encode_answer(inside))
    for other in (memoryview(array("d", [1])), array("b", b"x"), (lambda: 1).__code__, ..., StopIteration):
        back = codec.decode(codec.encode_answer([other]))
        assert isinstance(back, list)
        assert type(back[0]) is codec.Opaque


def test_what_has_too_many_bytes_for_the_short_form_becomes_a_digest() -> None:
    for value in ("x" * codec.MAX_PLAIN, [1] * codec.MAX_PLAIN, 1 << 9 * codec.MAX_PLAIN, [["ab" * 10]] * 20_000):
        assert type(codec.decode(codec.encode_answer(value))) is codec.Digest
        assert codec.decode(codec.encode_answer(value, whole=True), codec.DecodeBudget(codec.TRUSTED)) == value


@pytest.mark.parametrize("value", [[math.nan] * 50_000, [0.5] * 50_000, deque(range(90_000)), [Fraction(1)] * 30_000])
def test_a_value_whose_equality_no_digest_decides_comes_itself(value: object) -> None:
    assert type(codec.decode(codec.encode_answer(value))) is type(value)


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


def test_a_value_may_be_nested_so_many_levels_deep() -> None:
    deepest = nested(codec.MAX_DEPTH)
    for encode in (codec.encode, codec.encode_answer):
        assert codec.decode(encode(deepest)) == deepest
        assert type(codec.decode(encode(nested(codec.MAX_DEPTH + 1)))) is codec.Oversized


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ([1, 2.0, True], [1.0, 2, 1], True),
        ([0.0, -0.0], [0, 0], True),
        ([1, 2], [1, 3], False),
        ([0.1, 2**53], [0.1, 2**53 + 1], False),
        ([2.0**60], [2**60], True),
        ([2**60], [2**60 + 1], False),
        ([math.inf], [10**400], False),
        ([1, "a"], [1.0, "a"], True),
        ([1], ["1"], False),
        ([[1, 2], [3]], [[1], [2, 3]], False),
        ("ab", b"ab", False),
        ({1: 2, 3: 4}, {3.0: 4, 1: 2.0}, True),
        ([], [()], False),
    ],
)
def test_digests_are_equal_where_the_values_are(one: object, other: object, equal: object) -> None:
    assert (one == other) is equal
    assert (codec.digest(one) == codec.digest(other)) is equal


def test_calls_go_in_as_they_are_whether_plain_or_not() -> None:
    plain = [("f", (1, [2, "x"], {"a": (3,)})), ("A.g", ())]
    assert len(codec.encode_calls(plain)) == 1
    for calls in (plain, [*plain, ("f", (Decimal(1), deque([1], 3)))]):
        assert [call for part in codec.encode_calls(calls) for call in codec.decode_calls(part)] == calls


def test_an_int_longer_than_python_prints_comes_back() -> None:
    assert codec.decode(codec.encode(-(10**20_000))) == -(10**20_000)


class Agreeable(list):  # type: ignore[type-arg]
    def __eq__(self, _: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Chameleon:
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return int

    def __eq__(self, _: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


class Level(IntEnum):
    LOW = 1


Pair = namedtuple("Pair", "a b")


def test_a_subclass_that_compares_by_itself_is_flagged_and_equals_nothing() -> None:
    back = codec.decode(codec.encode(Agreeable([1])))
    assert type(back) is codec.Spoof
    assert back != Agreeable([1])
    assert [back] != [[1]]


@pytest.mark.parametrize(
    "value", [object(), len, pytest.param(Chameleon(), id="chameleon"), Agreeable, lambda: 1, NotImplemented, ..., type]
)
def test_any_other_type_is_opaque_and_equals_nothing(value: object) -> None:
    back = codec.decode(codec.encode([value]))
    assert isinstance(back, list)
    assert type(back[0]) is codec.Opaque
    assert (back[0] == 1) is False


def test_an_iterator_is_written_out_up_to_a_cap() -> None:
    back = codec.decode(codec.encode(n * n for n in range(3)))
    assert isinstance(back, codec.Iterated)
    assert (back.items, back.whole, back.name) == ([0, 1, 4], True, "generator")
    endless = codec.decode(codec.encode(iter(int, 1)))
    assert isinstance(endless, codec.Iterated)
    assert (len(endless.items), endless.whole) == (codec.MAX_ITERATED, False)


def test_what_is_beyond_the_caps_becomes_a_mark() -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    for value in (cycle, 1 << (8 * codec.MAX_INT_BYTES), "x" * (codec.MAX_BYTES + 1), Fraction(3**9_000, 2**9_000)):
        for inside in (value, [value]):
            assert type(codec.decode(codec.encode(inside))) is codec.Oversized


def test_answers_beyond_their_room_become_marks_that_say_whether_they_are_true() -> None:
    encode = codec.AnswerEncoder(100, whole=True)
    first, *others = [codec.decode(encode(value)) for value in ("x" * 90, "y" * 90, Fraction(0), Fraction(1))]
    assert first == "x" * 90
    assert [(type(other), other.truth) for other in others if isinstance(other, codec.Mark)] == [
        (codec.Oversized, truth) for truth in (True, False, True)
    ]


def test_small_answers_have_room_after_large_ones_have_taken_it() -> None:
    encode = codec.AnswerEncoder(1000, whole=True)
    assert [codec.decode(encode(value)) for value in ("x" * 990, 0, False, [1])] == ["x" * 990, 0, False, [1]]
    assert isinstance(codec.decode(encode("x" * 100)), codec.Oversized)


@given(st.binary(max_size=300), st.sampled_from([b"", b"~", b"~[\x02\0\0\0", b"~{", b"~<\x01\0\0\0", b"~l\x02\0\0\0"]))
def test_hostile_bytes_give_a_value_or_a_codec_error(data: bytes, before: bytes) -> None:
    try:
        value = codec.decode(before + data)
    except codec.CodecError:
        return
    assert codec.decode(codec.encode(value)) is not NotImplemented


@given(values, st.data())
def test_changed_bytes_give_a_value_or_a_codec_error(value: object, data: st.DataObject) -> None:
    good = bytearray(data.draw(st.sampled_from([codec.encode, codec.encode_answer]))(value))
    good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(codec.CodecError):
        codec.decode(bytes(good))


@given(values, st.data())
def test_data_cut_anywhere_are_refused(value: object, data: st.DataObject) -> None:
    good = data.draw(st.sampled_from([codec.encode, codec.encode_answer]))(value)
    with pytest.raises(codec.CodecError):
        codec.decode(good[: data.draw(st.integers(0, len(good) - 1))])


@pytest.mark.parametrize(
    "data",
    [
        b"L\xff\xff\xff\xff",
        b"M\0\0\0\x01N",
        b"M\0\0\0\x02L\0\0\0\0N",
        b"E\0\0\0\x01L\0\0\0\0",
        b"I\0\0\0\0",
        b"D\0\0\0\x01x",
        b"R\0\0\0\x03NNN",
        b"R\0\0\0\x03" + b"I\0\0\0\x01\0" * 3,
        b"P\0\0\0\x02" + b"I\0\0\0\x01\0" * 2,
        b"E\0\0\0\x02NN",
        b"Q\0\0\0\0",
        b"W\0\0\0\x01x",
        b"I\0\0\0\x02\0\0",
        b"J\0\0\0\x03" + b"I\0\0\0\x09" + b"\x7f" * 9 + b"NN",
        b"L\0\0\0\x01" * 600 + b"N",
        b"NN",
        b"",
        b"@",
        b"GNNN",
        b"S\0\0\0\x01\xff",
        b"~",
        b"~NN",
        b"~0",
        b"~[\xff\xff\xff\x7f",
        b"~[\xff\xff\xff\xff",
        b"~{N",
        b"~{NN",
        b"~{[\0\0\0\0N0",
        b"~{NNNN0",
        b"~<\x02\0\0\0NN",
        b"~<\x01\0\0\0[\0\0\0\0",
        b"~l\0\0\0\0",
        b"~l\x01\0\0\0\0\0",
        b"~l\x01\0\0\0\xff\xff",
        b"~i\0\0\0",
        b"~u\x01\0\0\0\xff",
        b"~c" + b"\0" * 40,
        b"~.",
        b"~S",
        b"~r\0\0\0\0",
        b"~R\0\0\0\0",
        b"~t\x01\0\0\0a",
        b"~I" + b"\0" * 8,
        b"~f\x011",
        b"~[\x01\0\0\0" * 200 + b"N",
        b"~[\x02\0\0\0N!",
    ],
)
def test_malformed_data_are_refused(data: bytes) -> None:
    with pytest.raises(codec.CodecError):
        codec.decode(data)
