"""Hash tables of keys that their author chose.

What is quadratic is refused before it is built, all else is let through.
"""

from __future__ import annotations

import ast
import itertools
import math
import random
import struct
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from sandbox.inside import codec
from sandbox.inside.codec import hash_tables
from sandbox.judging.compare import matches
from sandbox.problems.parse_tests import check_tests, literal
from sandbox.values import CallTest, Comparison

MODULUS = (1 << 61) - 1  # of CPython's hashes of numbers
SIZE = struct.Struct(">I").pack


def colliding(bits: int, jumps: Callable[[int, int], Iterator[int]]) -> list[int]:
    """Ints with distinct hashes that fill 42 % of a table, and others whose every probe finds one of those."""
    mask = (1 << bits) - 1
    chain, place = [], 12345 & mask
    for _ in range(int(0.42 * (1 << bits))):
        chain.append(place)
        place = (5 * place + 1) & mask
    order = {place: number for number, place in enumerate(chain)}
    found = []
    for key in range(1 << bits, 1 << (bits + 5)):
        for place in jumps(key, mask):
            if place not in order:
                break
        else:
            found.append((order[place], key))
    return chain + [key for _, key in sorted(found)[: (1 << (bits - 2)) - 200]]


def jumps(key: int, mask: int) -> Iterator[int]:
    place, rest = key & mask, key
    yield place
    while rest:
        rest >>= 5
        place = (5 * place + rest + 1) & mask
        yield place


COLLIDING = colliding(15, jumps)  # of a dict; a set looks at the places beside, too, and finds one
CHAIN = list(itertools.accumulate(range(20_000), lambda place, _: (5 * place + 1) & 0xFFFFF, initial=7))


def as_float(number: int) -> float:
    """A float with that hash: so many times 2**61, which is 1 there."""
    value = math.ldexp(float(number), 61)
    assert hash(value) == hash(number)
    return value


KINDS: dict[str, Callable[[int], object]] = {
    "ints": lambda number: number,
    "large ints": lambda number: number + MODULUS,
    "negative ints": lambda number: number - (1 << 40),
    "floats": as_float,
    "complex numbers": lambda number: complex(as_float(number), 0.0),
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())
def test_numbers_whose_hashes_share_their_probes_are_refused(make: Callable[[int], object]) -> None:
    keys = [make(number) for number in (COLLIDING if hash(make(1)) == 1 else CHAIN)]
    with pytest.raises(codec.CodecError):
        hash_tables.refuse_costly_dict(keys)


def test_a_table_in_which_other_keys_would_be_sought_for_long_is_refused() -> None:
    """No two keys of the chain collide; but whatever else is looked up there goes through all of it."""
    for refuse in (hash_tables.refuse_costly_set, hash_tables.refuse_costly_dict):
        with pytest.raises(codec.CodecError, match="close"):
            refuse(list(CHAIN))


def test_equal_hashes_are_refused() -> None:
    for keys in ([k * MODULUS for k in range(5000)], [(k * MODULUS, 1) for k in range(5000)]):
        with pytest.raises(codec.CodecError, match="same hash"):
            hash_tables.refuse_costly_dict(keys)


def _int(number: int) -> bytes:
    content = number.to_bytes((number.bit_length() + 8) // 8, "big", signed=True)
    return b"I" + SIZE(len(content)) + content


def _long(tag: bytes, keys: list[int], each: int = 1) -> bytes:
    """The long form of a container of the keys, each followed by so many further items."""
    return tag + SIZE(each * len(keys)) + b"".join(_int(number) + b"N" * (each - 1) for number in keys)


def _short(tag: bytes) -> bytes:
    return tag + struct.pack("<i", len(CHAIN)) + b"".join(b"i" + struct.pack("<i", number) for number in CHAIN)


WRITTEN = {
    "set": _long(b"E", CHAIN),
    "frozenset": _long(b"Z", CHAIN),
    "dict": _long(b"M", COLLIDING, 2),
    "OrderedDict": _long(b"O", COLLIDING, 2),
    "Counter": _long(b"K", COLLIDING, 2),
    "defaultdict": _long(b"V", COLLIDING, 2),
    "dict within a list": b"L" + SIZE(1) + _long(b"M", COLLIDING, 2),
    "frozenset within a set": b"E" + SIZE(1) + _long(b"Z", CHAIN),
    "set, short": b"~" + _short(b"<"),
    "frozenset, short": b"~" + _short(b">"),
    "dict, short": b"~{" + b"".join(b"i" + struct.pack("<i", number) + b"N" for number in COLLIDING) + b"0",
    "set in a tuple, short": b"~(" + struct.pack("<i", 1) + _short(b"<"),
}


@pytest.mark.parametrize("data", WRITTEN.values(), ids=WRITTEN.keys())
def test_no_container_of_such_keys_is_decoded(data: bytes) -> None:
    with pytest.raises(codec.CodecError):
        codec.decode(data)


ORDINARY = {
    "range": range(20_000),
    "descending": range(0, -20_000, -1),
    **{f"multiples of 2**{bits}": range(0, 20_000 << bits, 1 << bits) for bits in (1, 5, 12, 17, 25, 40, 55)},
    "random": random.Random(1).sample(range(1 << 62), 20_000),
    "squares": [number * number for number in range(20_000)],
    "powers of 3": [3**number for number in range(3000)],
    "powers of 2": [1 << number for number in range(2000)],
    "two bits": [1 << one | 1 << two for one in range(120) for two in range(one)],
    "three squares of a board": [1 << a | 1 << b | 1 << c for a in range(64) for b in range(a) for c in range(b)],
    **{
        f"fractions of {parts}": [number / parts for number in range(1, 20_000)]
        for parts in (2, 3, 10, 64, 1000, 1024, 65536)
    },
    "large floats": [number * 2.0**40 for number in range(20_000)],
    "pairs": [(one, two) for one in range(150) for two in range(130)],
    "grid": [complex(one, two) for one in range(150) for two in range(130)],
    "rows of a table": [(one << 16) + two for one in range(150) for two in range(130)],
    "tuples of bits": [tuple(number >> bit & 1 for bit in range(14)) for number in range(1 << 14)],
    "durations": [timedelta(minutes=number) for number in range(10_000)],
    "texts": [str(number) for number in range(20_000)],
    "subsets": [frozenset((one, two)) for one in range(150) for two in range(one)],
}


@pytest.mark.parametrize("keys", ORDINARY.values(), ids=ORDINARY.keys())
def test_keys_as_programs_have_them_are_let_through(keys: list[object]) -> None:
    for order in (list(keys), random.Random(2).sample(list(keys), len(keys))):
        hash_tables.refuse_costly_set(order)
        hash_tables.refuse_costly_dict(order)


@pytest.mark.parametrize("count", [1, 4, 5, 6, 19, 77, 307, 1_000, 19_661, 78_642, 78_644, 100_000])
@pytest.mark.parametrize("bits", [8, 18, 40, 70])
def test_a_simulated_set_has_the_order_of_the_interpreters(count: int, bits: int) -> None:
    draw = random.Random(count * bits)
    keys = list({draw.randrange(-1 << bits, 1 << bits) for _ in range(count)})
    draw.shuffle(keys)
    assert hash_tables.set_table(list(map(hash, keys))).in_order() == list(map(hash, set(keys)))


@pytest.mark.parametrize("answer", [COLLIDING, [*COLLIDING, []], range(10**12)])
@pytest.mark.parametrize("expected", [[1, 2], list(range(30_000)), COLLIDING])
def test_comparing_as_sets_makes_no_table_of_an_answer(answer: list[object], expected: list[object]) -> None:
    test = CallTest(function="f", arguments=(), comparison=Comparison.SET, expected=expected)
    assert not matches(answer, test)


def test_equal_items_count_once() -> None:
    expected = [number % 300 for number in range(50_000)]
    test = CallTest(function="f", arguments=(), comparison=Comparison.SET, expected=expected)
    assert matches(list(range(300)), test)
    assert matches([*expected, 1.0, True], test)
    assert not matches(list(range(299)), test)
    assert hash_tables.distinct([3, 1, 3.0, True, *range(200)]) == [3, 1, 0, 2, *range(4, 200)]
    with pytest.raises(codec.CodecError, match="same hash"):
        hash_tables.distinct([k * MODULUS for k in range(5000)])
    assert literal(ast.parse(f"{{{'1, ' * 500} 2}}", mode="eval").body) == {1, 2}


@pytest.mark.slow
def test_literals_of_a_problem_are_no_way_in_either() -> None:
    hostile, ordinary = (", ".join(map(str, keys)) for keys in (CHAIN, range(0, 5000, 3)))
    for text in (f"{{{hostile}}}", f"[({{{hostile}}}, 1)]", f"{{{hostile.replace(',', ': 1,')}: 1}}"):
        with pytest.raises(ValueError, match="close"):
            literal(ast.parse(text, mode="eval").body)
        assert check_tests(f"def check(candidate):\n    assert candidate(1) == {text}\n", "f") is None
    assert literal(ast.parse(f"[{{{ordinary}}}]", mode="eval").body) == [set(range(0, 5000, 3))]
