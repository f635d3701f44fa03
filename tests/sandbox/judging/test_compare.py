"""Answers of types beside the plain ones.

Equal to what is expected where Python says so, and never where only they say so.
"""

from __future__ import annotations

import contextlib
import enum
import re
import subprocess
import sys
import time
import types
import uuid
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, UserString, defaultdict, deque, namedtuple
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.inside import codec
from sandbox.judging.compare import matches, spoofed
from sandbox.values import CallTest, Comparison

Pair = namedtuple("Pair", "a b")


class Level(enum.IntEnum):
    LOW = 1


class Right(enum.IntFlag):
    READ = 4


class Word(str, enum.Enum):  # noqa: UP042  (as people wrote it before there was StrEnum)
    A = "ab"


class Plain(enum.Enum):
    ONE = 1


Stack, Table, Number, Text, Bag = (type("Own", (kind,), {}) for kind in (list, dict, int, str, set))


def judged(answer: object, expected: object, comparison: Comparison = Comparison.EQUAL, tolerance: float = 0.0) -> bool:
    """The verdict over an answer as it comes out of a box."""
    test = CallTest(function="f", arguments=(), comparison=comparison, expected=expected, tolerance=tolerance)
    data = codec.encode_answer(answer, whole=comparison is not Comparison.EQUAL)
    return matches(codec.decode(data, codec.DecodeBudget(codec.TRUSTED)), test)


def own(base: type, **methods: Callable[..., object]) -> Any:
    return type("Own", (base,), dict(methods))


ALIKE = [
    (Pair(1, 2), (1, 2)), (time.gmtime(0), (1970, 1, 1, 0, 0, 0, 3, 1, 0)), (Level.LOW, 1), (Right.READ, 4),
    (Word.A, "ab"),
    (enum.StrEnum("W", {"A": "ab"}).A, "ab"), (bytearray(b"ab"), b"ab"), (memoryview(b"ab"), b"ab"),
    ({1: 0, 3: 0}.keys(), {1, 3}), (OrderedDict({1: 2}).keys(), {1}), ({1: 2}.items(), {(1, 2)}),
    (ChainMap({"a": 1}, {"a": 2, "b": 3}), {"a": 1, "b": 3}), (ChainMap({1: 2}).keys(), {1}),
    (UserDict({1: 2}).items(), {(1, 2)}), (own(UserDict)({1: 2}).keys(), {1}), (memoryview(b"ab").cast("b"), b"ab"),
    (memoryview(b"\xff").cast("b"), b"\xff"), (memoryview(b"ab").cast("c"), b"ab"),
    (ChainMap(ChainMap({"a": 1}), UserDict(b=2)), {"a": 1, "b": 2}),
    (ChainMap(Counter(a=1), {"b": 2}), {"a": 1, "b": 2}),
    (ChainMap({"a": 1}, Counter(b=2)), {"a": 1, "b": 2}), (types.MappingProxyType(ChainMap({"a": 1})), {"a": 1}),
    (types.MappingProxyType(types.MappingProxyType({"a": 1})), {"a": 1}),
    (types.MappingProxyType({"a": 1}), {"a": 1}), (UserList([1, 2]), [1, 2]), (UserDict({1: 2}), {1: 2}),
    (UserString("ab"), "ab"), (Stack([1]), [1]), (Table(a=1), {"a": 1}), (Number(5), 5), (Text("x"), "x"),
    (Bag([1]), {1}),
    (Counter("aab"), {"a": 2, "b": 1}), (defaultdict(list, {1: [2]}), {1: [2]}), (OrderedDict(a=1), {"a": 1}),
    ({Text("k"): Number(1)}, {"k": 1}), ({Pair(1, 2), Level.LOW}, {(1, 2), 1}), ([[Pair(Stack(), 2)]], [[([], 2)]]),
    (np.float64(1.5), 1.5), (np.int64(3), 3), (np.bool_(True), True), (np.str_("a"), "a"),
    ([np.int8(1), np.int8(2)], [1, 2]),
    ({np.int64(1): np.float32(0.1)}, {1: 0.1}), (np.array([5]), [5]), (np.array(5), 5),
    (np.datetime64("2020-01-01"), None),
    ([np.array(1), {"k": np.array([2])}], [1, {"k": 2}]), ([np.array([1, 2])], [1]), ([np.array(1)], [2]),
    (np.longdouble(1.5), 1.5), (np.array([1, 2]), [1, 2]), (np.array([[1]]), [[1]]), (np.array([]), []),
    ([1, 2], (1, 2)), ({1: 2}.values(), [2]), (Plain.ONE, 1), (deque([1]), [1]), (range(1), [0]),
    ({1: []}.items(), set()),
    (Right.READ, 3), (UserList([1]), [2]), (Pair(1, 2), (1, 3)), (bytearray(b"a"), "a"), (Number(5), 6), (Word.A, "a"),
    (re.match("a", "a"), "a"), (uuid.UUID(int=1), 1), (len, len), (object, object), (iter([1]), [1]), (Level, Level),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "expected"), ALIKE)
def test_an_answer_of_another_type_equals_what_python_says_that_it_equals(answer: Any, expected: Any) -> None:
    try:
        says = bool(answer == expected) and not isinstance(expected, type | types.BuiltinFunctionType)
    except ValueError:  # an array of several items
        says = False
    assert judged(answer, expected) is says


LIARS = [
    own(list, __eq__=lambda *_: True)(), own(int, __eq__=lambda *_: True, __hash__=int.__hash__)(7),
    own(tuple, __eq__=lambda *_: True, __hash__=tuple.__hash__)(), own(dict, __eq__=lambda *_: True)(),
    own(list, __iter__=lambda _: iter([1]))(), own(list, __len__=lambda _: 1)(), own(str, __ne__=lambda *_: False)("y"),
    own(UserList, __eq__=lambda *_: True)(), own(UserDict, __getitem__=lambda *_: 1)({2: 3}),
    own(bytearray, __eq__=lambda *_: True)(),
    own(np.float64, __eq__=lambda *_: True)(2.0), [own(int, __eq__=lambda *_: True, __hash__=int.__hash__)(7)],
    {own(str, __hash__=lambda _: hash("a"))("b"): 1}, {1: own(list, __eq__=lambda *_: True)()},
    own(ChainMap, __eq__=lambda *_: True)({1: 2}), own(UserDict, __iter__=lambda _: iter([1]))({2: 3}).keys(),
    types.MappingProxyType(own(dict, __eq__=lambda *_: True)()), ChainMap(own(dict, __getitem__=lambda *_: 1)({1: 2})),
]  # fmt: skip


@pytest.mark.parametrize("answer", LIARS)
@pytest.mark.parametrize("expected", [[1], 1, (1,), "a", {"a": 1}, {1: 1}, 1.0, [1, 2], {1: [1]}, b"a"])
def test_an_answer_that_compares_by_itself_equals_nothing_and_is_flagged(answer: Any, expected: object) -> None:
    assert not judged(answer, expected)
    assert not judged(answer, expected, Comparison.APPROXIMATE, 1e9)
    back = codec.decode(codec.encode_answer(answer))
    assert spoofed(back)


def test_a_class_cannot_hide_what_it_is() -> None:
    class Meta(type):
        __eq__ = lambda *_: True
        __hash__ = lambda _: hash(int)  # type: ignore[assignment]
        __instancecheck__ = lambda *_: True

        def mro(cls) -> list[type]:  # type: ignore[override]
            return [cls, list, object]

        @property
        def __dict__(cls) -> dict[str, object]:  # type: ignore[override]
            return {}

    class Pretends(list, metaclass=Meta):  # type: ignore[type-arg]
        __eq__ = lambda *_: True  # type: ignore[assignment]
        __hash__ = None  # type: ignore[assignment]
        __class__ = property(lambda _: list)  # type: ignore[assignment]
        __reduce__ = lambda _: (list, ([1],))  # type: ignore[assignment]

    for answer in (Pretends(), [Pretends()], {"a": Pretends()}):
        with contextlib.suppress(ValueError, TypeError):  # whoever confuses its own encoder has given no answer
            assert not judged(answer, [1])
            assert not judged(answer, 1)


def test_an_array_that_overrides_its_functions_is_no_array() -> None:
    yes = own(np.ndarray, __array_ufunc__=lambda *_, **__: True, __eq__=lambda *_: True, __bool__=lambda _: True)
    for answer in (np.array([1]).view(yes), np.array([[], 1], dtype=object)[:1].view(yes)):
        assert not judged(answer, [1])
        assert not judged(answer, 1, Comparison.CLOSE, 1e9)
    assert judged(np.array([1], dtype=object), [1])


inner = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0, -0.0, 2.0])
    | st.sampled_from(["", "a", "b"])
)
hashable = st.recursive(
    inner, lambda it: st.tuples(it) | st.tuples(it, it) | st.frozensets(it, max_size=2), max_leaves=3
)
plain = st.recursive(
    hashable | st.sets(hashable, max_size=2),
    lambda it: st.lists(it, max_size=2) | st.tuples(it, it) | st.dictionaries(hashable, it, max_size=2),
    max_leaves=5,
)


def dressed(value: Any, choose: Callable[[int], int]) -> Any:
    """The value in other types, some of which equal it."""
    match value:
        case bool():
            return [value, int(value), float(value), np.bool_(value)][choose(4)]
        case int():
            return [
                value,
                float(value),
                Fraction(value),
                Decimal(value),
                Number(value),
                np.int64(value),
                complex(value),
            ][choose(7)]
        case float():
            return [value, Fraction(value), Decimal(value), np.float64(value), own(float)(value)][choose(5)]
        case str():
            return [value, Text(value), UserString(value), value.encode(), bytearray(value, "ascii")][choose(5)]
        case tuple():
            made = [dressed(item, choose) for item in value]
            return [tuple(made), own(tuple)(made), made, deque(made)][choose(4)]
        case list():
            made = [dressed(item, choose) for item in value]
            return [made, Stack(made), UserList(made), tuple(made), deque(made)][choose(5)]
        case set() | frozenset():
            return [value, set(value), frozenset(value), Bag(value), dict.fromkeys(value).keys(), list(value)][
                choose(6)
            ]
        case dict():
            made_dict = {key: dressed(item, choose) for key, item in value.items()}
            return [
                made_dict,
                OrderedDict(made_dict),
                Table(made_dict),
                UserDict(made_dict),
                ChainMap(made_dict),
                types.MappingProxyType(made_dict),
                defaultdict(int, made_dict),
            ][choose(7)]
        case _:
            return value


@settings(derandomize=True, max_examples=300, deadline=None)
@given(plain, plain, st.data())
def test_a_verdict_agrees_with_python_for_answers_in_any_dress(one: Any, other: Any, data: st.DataObject) -> None:
    answer = dressed(one, lambda count: data.draw(st.integers(0, count - 1)))
    for expected in (one, other):
        assert judged(answer, expected) is bool(answer == expected)


@pytest.mark.parametrize(
    ("answer", "expected", "tolerance", "right"),
    [
        (Fraction(1, 3), 0.33333, 1e-3, True), (1j, 1.0001j, 1e-3, True), (1j, 2j, 1e-3, False),
        (Decimal(3), 3, 0.5, True),
        (Decimal("0.3"), 0.3, 0.5, False), (np.float32(0.25), 0.25, 1e-9, True), (np.array([0.5]), 0.5, 1e-9, True),
        (np.array([0.5, 0.5]), 0.5, 1e-9, False), ("0.5", 0.5, 1e9, False), (None, 0.5, 1e9, False),
        (10**400, 0.5, 1e9, False),
        (Fraction(1, 3), Fraction(1, 3), 1e-9, True), (float("nan"), 0.5, 1e9, False), ([0.5], 0.5, 1e9, False),
    ],
)  # fmt: skip
def test_close_is_for_all_numbers_that_python_subtracts(
    answer: object, expected: object, tolerance: float, right: object
) -> None:
    assert judged(answer, expected, Comparison.CLOSE, tolerance) is right


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        ({"a": 0.1 + 0.2}, {"a": 0.3}, True), ({"a": 0.31}, {"a": 0.3}, False), ({"b": 0.3}, {"a": 0.3}, False),
        ({"a": 0.3, "b": 0.3}, {"a": 0.3}, False), (OrderedDict(a=0.1 + 0.2), {"a": 0.3}, True),
        ([0.1 + 0.2, "a", {"k": (0.1 + 0.2, None)}], [0.3, "a", {"k": (0.3, None)}], True),
        ([0.3, "b"], [0.3, "a"], False),
        ([0.1 + 0.2], (0.3,), False),
    ],
)  # fmt: skip
def test_approximate_looks_into_dicts(answer: object, expected: object, right: object) -> None:
    assert judged(answer, expected, Comparison.APPROXIMATE, 1e-9) is right


PROGRAM = """
class Asks:
    asked = 0
    def __bool__(self):
        Asks.asked += 1
        return Asks.asked == 1
"""


class Broken:
    def __len__(self) -> int:
        raise ValueError


@pytest.mark.parametrize(
    ("answer", "true", "false"),
    [
        (re.match("a", "a"), True, False),
        (re.match("a", "b"), False, True),
        ((n for n in ()), True, False),
        (len, True, False),
        (object(), True, False),
        (Plain.ONE, True, False),
        (Broken(), False, False),
        ({}.values(), False, True),
        (own(list, __len__=lambda _: 0)([1]), False, True),
        (own(object, __bool__=lambda _: False)(), False, True),
        (np.array([0]), False, True),
        (np.array([1, 1]), False, False),
        (UserList(), False, True),
        (np.bool_(False), False, True),
    ],
)
def test_an_object_counts_as_true_as_it_says_itself(answer: object, true: object, false: object) -> None:
    assert judged(answer, None, Comparison.TRUE) is true
    assert judged(answer, None, Comparison.FALSE) is false


def test_an_object_is_asked_once_whether_it_is_true_and_flagged_if_its_class_decides() -> None:
    space: dict[str, Any] = {}
    exec(compile(PROGRAM, "solution.py", "exec"), space)
    data = codec.encode_answer(space["Asks"]())
    back = codec.decode(data)
    assert (space["Asks"].asked, type(back)) == (1, codec.Spoof)
    assert codec.may_contain_spoofs(data)
    for comparison, right in ((Comparison.TRUE, True), (Comparison.FALSE, False), (Comparison.EQUAL, False)):
        assert matches(back, CallTest(function="f", arguments=(), comparison=comparison, expected=True)) is right


def test_a_true_scalar_is_not_the_constant_itself() -> None:
    assert judged(np.bool_(True), True, Comparison.TRUE)
    assert not judged(np.bool_(True), True, Comparison.IS)
    assert judged(True, True, Comparison.IS)


def test_what_an_iterator_or_an_array_gives_are_its_items() -> None:
    for answer in (iter([1, 2, 1]), np.array([1, 2]), {1: 0, 2: 0}.keys()):
        assert judged(answer, [2, 1], Comparison.SET)
    assert not judged(iter([1, 3]), [2, 1], Comparison.SET)
    assert not judged(iter(int, 1), [0], Comparison.SET)


@pytest.mark.parametrize(
    ("answer", "expected", "comparison"),
    [
        ([n * 0.1 + 1e-12 for n in range(40_000)], [n * 0.1 for n in range(40_000)], Comparison.APPROXIMATE),
        ([(n, n) for n in range(30_000)], [[n, n] for n in range(30_000)], Comparison.LISTS),
        ([[n] for n in range(40_000)], [[[n] for n in range(40_000)]], Comparison.ONLY_ITEM),
        ("x" * 300_000, None, Comparison.TRUE),
        ("x" * 300_000, True, Comparison.NOT_NONE),
        ("x" * 300_000, None, Comparison.ANYTHING),
        ([*range(60_000), 0], list(range(60_000)), Comparison.SET),
        (deque(range(90_000), maxlen=90_000), deque(range(90_000)), Comparison.EQUAL),
        ([Fraction(n) for n in range(30_000)], list(range(30_000)), Comparison.EQUAL),
        (list(range(60_000)), [Fraction(n) for n in range(60_000)], Comparison.EQUAL),
        (UserList(range(60_000)), list(range(60_000)), Comparison.EQUAL),
        ([float(n) for n in range(60_000)], list(range(60_000)), Comparison.EQUAL),
    ],
)
def test_a_large_answer_is_judged_as_a_small_one(answer: object, expected: object, comparison: Comparison) -> None:
    assert judged(answer, expected, comparison)


def test_the_conversions_need_no_package() -> None:
    """They run in a box, where numpy is the exception."""
    code = (
        "import sys; sys.modules['numpy'] = None; from sandbox.inside import codec; "
        "print(codec.encode_answer({}.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "b'E\\x00\\x00\\x00\\x00'\n"


def test_a_large_wrong_answer_is_told_by_its_first_difference() -> None:
    """However large it is: no comparison walks through an answer of another shape."""
    test = CallTest(function="f", arguments=(), comparison=Comparison.EQUAL, expected=[1, 2])
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    for answer in (list(range(100_000)), [[0] * 100_000, 2], dict.fromkeys(range(100000), 0)):
        calls = 0
        sys.setprofile(count)
        try:
            held = matches(answer, test)
        finally:
            sys.setprofile(None)
        assert not held
        assert calls < 100
