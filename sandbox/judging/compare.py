"""Compare an answer with what is expected.

The functions are pure, and safe on hostile values, because the codec makes only values of exact types.

`==` between such values is Python's own and runs no code of a candidate: 1 == 1.0, True == 1, an OrderedDict equals a
dict, and a mark (`codec.Mark`) equals nothing. A numpy array with one item equals what that item equals, as in numpy.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sandbox.inside import codec
from sandbox.inside.codec import Array, Digest, Iterated, Mark, Spoof
from sandbox.inside.codec.hash_tables import distinct, refuse_costly_dict
from sandbox.values import CallTest, Comparison

DEFAULT_TOLERANCE, RELATIVE = 1e-6, 1e-7
_EQUALITY_DECIDES = frozenset({Comparison.EQUAL, Comparison.LISTS, Comparison.ONLY_ITEM, Comparison.APPROXIMATE})
_EXPECTS_A_VALUE = _EQUALITY_DECIDES | {Comparison.SET, Comparison.CLOSE}
_CONTAINERS, _MACHINE_NUMBERS = (list, tuple, dict), (int, float, complex)
_Pair = Callable[[Any, Any], bool]
_NUMBERS = frozenset({bool, int, float, complex, Fraction, Decimal})


def matches(answer: object, test: CallTest) -> bool:
    """Return whether the answer is what the test expects, or another right answer (`also`)."""
    if answer is test.expected and test.comparison in _EQUALITY_DECIDES and bool(answer == answer):  # noqa: PLR0124  (a NaN is not)
        return True
    return _matches(answer, test) or any(
        _matches(answer, replace(test, expected=other, also=())) for other in test.also
    )


def _matches(answer: object, test: CallTest) -> bool:
    if isinstance(answer, Digest):
        return _matches_digest(answer, test)
    if isinstance(test.expected, Digest) and test.comparison in _EXPECTS_A_VALUE:
        return _has_digest(answer, test.expected)
    return _matches_value(answer, test)


def _matches_value(answer: object, test: CallTest) -> bool:
    try:
        match test.comparison:
            case Comparison.EQUAL:
                return _equal(answer, test.expected)
            case Comparison.IS:
                return answer is test.expected
            case Comparison.TRUE:
                return truth(answer) is True
            case Comparison.FALSE:
                return truth(answer) is False
            case Comparison.CLOSE:
                return _close(answer, test)
            case Comparison.LISTS:
                return _same_lists(answer, test.expected)
            case Comparison.ONLY_ITEM:
                return any(_same_lists(answer, one) for one in _possible(test.expected))
            case _:
                return _matches_evalplus(answer, test)
    except (RecursionError, ArithmeticError, ValueError, TypeError):  # too deep, a signalling NaN, an endless number …
        return False


def _matches_digest(answer: Digest, test: CallTest) -> bool:
    """Return whether an answer that came as a digest is right.

    Such a value has many bytes, so it is true and not None, and it equals a value of the same digest.
    """
    match test.comparison:
        case Comparison.TRUE | Comparison.ANYTHING:
            return True
        case Comparison.FALSE | Comparison.IS:
            return False
        case Comparison.NOT_NONE:
            return bool(test.expected)
        case _:
            pass
    return answer == test.expected or _has_digest(test.expected, answer)


def _has_digest(value: object, wanted: Digest) -> bool:
    brief = None if isinstance(value, Mark) else codec.digest(value)
    return brief is not None and codec.decode(brief) == wanted


def truth(answer: object) -> bool | None:
    """Return whether an answer counts as true; None if it is not known."""
    return answer.truth if isinstance(answer, Mark) else bool(answer)


def _equal(answer: object, expected: object) -> bool:
    if answer == expected:
        return True
    # Pairs first: they end at the first difference, and a wrong answer may be as large as a box can send.
    pairs_match = _pairwise(answer, expected, _same_shape, _equal_one)
    return pairs_match and any(isinstance(part, Array) for part in codec.walk(answer))


def _pairwise(answer: object, expected: object, alike: _Pair, one_matches: _Pair) -> bool:
    """Return whether all pairs of items hold, at any depth.

    Two containers that are `alike` are compared item by item; any other two values are one pair.
    """
    waiting: list[tuple[Any, Any]] = [(answer, expected)]
    while waiting:
        mine, its = waiting.pop()
        if not (isinstance(its, _CONTAINERS) and alike(mine, its)):
            if not one_matches(mine, its):
                return False
        elif len(mine) != len(its):
            return False
        elif isinstance(its, dict):
            if not all(key in mine for key in its):
                return False
            waiting += [(mine[key], its[key]) for key in its]
        else:
            waiting += zip(mine, its, strict=True)
    return True


def _same_shape(answer: object, expected: object) -> bool:
    """Return whether both have the same type; all kinds of dict count as one."""
    return type(answer) is type(expected) or (isinstance(answer, dict) and isinstance(expected, dict))


def _same_shape_in_json(answer: object, expected: object) -> bool:
    """Return the same, where every tuple counts as a list."""
    return any(isinstance(answer, kind) and isinstance(expected, kind) for kind in (list | tuple, dict))


def _equal_one(answer: object, expected: object) -> bool:
    return (
        answer is expected or bool(answer == expected) or (isinstance(answer, Array) and _same_item(answer, expected))
    )


def _same_item(answer: Array, expected: object) -> bool:
    """Return whether an array of one item equals a value; numpy gives no single truth for more items."""
    while isinstance(expected, list | tuple) and len(expected) == 1:
        expected = expected[0]
    return len(answer.items) == 1 and bool(answer.items[0] == expected)


def _close(answer: Any, test: CallTest) -> bool:
    """Return whether the distance is less than the tolerance; a Decimal minus a float raises TypeError."""
    if isinstance(answer, Array) and len(answer.items) == 1:
        answer = answer.items[0]
    expected: Any = test.expected
    if type(answer) not in _NUMBERS or type(expected) not in _NUMBERS:
        return False
    return bool(abs(answer - expected) < test.tolerance)


def _matches_evalplus(answer: object, test: CallTest) -> bool:
    """Compare as HumanEval+ and MBPP+ define it."""
    match test.comparison:
        case Comparison.SET:
            return _same_items(_items(answer), test.expected)
        case Comparison.NOT_NONE:
            return bool((answer if isinstance(answer, bool) else answer is not None) == test.expected)
        case Comparison.ROOT:
            return _is_root(answer, test)
        case Comparison.ANYTHING:
            return True
        case _:
            return bool(answer == test.expected) or _approximate(answer, test)


def _items(answer: object) -> object:
    """Return the items of an iterator that ended, or of an array with one dimension; any other answer as it is."""
    whole = (isinstance(answer, Iterated) and answer.whole) or (isinstance(answer, Array) and len(answer.shape) == 1)
    return answer.items if whole else answer  # type: ignore[attr-defined]


def _same_items(answer: Any, expected: Any) -> bool:
    """Return whether both are equal as sets; a TypeError counts as no.

    Only the expected items go into a hash table, and each is marked when it is found. A set of the answer's items could
    need the memory of a huge range, or quadratic time: decoding limits the keys of sets and dicts in an answer, but not
    the items of its lists.
    """
    wanted = distinct(list(expected))
    refuse_costly_dict(wanted)
    met = dict.fromkeys(wanted, False)
    for item in answer:
        if item not in met:
            return False
        met[item] = True
    return all(met.values())


def _is_root(answer: object, test: CallTest) -> bool:
    coefficients = test.arguments[0]
    if not isinstance(answer, int | float) or not isinstance(coefficients, list):
        return False
    value = 0.0
    for power, coefficient in enumerate(coefficients):  # no fsum: theirs rounds so, too
        value += coefficient * math.pow(answer, power)
    return abs(value) <= test.tolerance


def _approximate(answer: object, test: CallTest) -> bool:
    """Return whether shapes agree, and each number is within tolerance + 1e-7 × the expected one (numpy.testing)."""
    tolerance = test.tolerance or (DEFAULT_TOLERANCE if _is_floats(test.expected) else 0.0)
    near = functools.partial(_near_one, tolerance)
    return tolerance > 0 and _same_shape(answer, test.expected) and _pairwise(answer, test.expected, _same_shape, near)


def _is_floats(value: object) -> bool:
    if isinstance(value, dict):
        return bool(value) and all(map(_is_floats, value.values()))
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def _near_one(tolerance: float, answer: object, expected: object) -> bool:
    if not isinstance(answer, _MACHINE_NUMBERS) or not isinstance(expected, _MACHINE_NUMBERS):
        return bool(answer == expected)
    allowed = tolerance + RELATIVE * abs(expected)  # endless where infinity is expected, and then all would be near it
    return bool(answer == expected or abs(answer - expected) <= allowed < math.inf)


def _same_lists(answer: object, expected: object) -> bool:
    """Return whether both are equal when every tuple counts as a list, at any depth."""
    return _pairwise(answer, expected, _same_shape_in_json, _equal_one)


def _possible(expected: object) -> list[object]:
    only = expected if isinstance(expected, list | tuple) and len(expected) == 1 else ()
    return [expected, *only]


def spoofed(value: object) -> bool:
    """Return whether the value contains an instance of a subclass of a known type, at any depth."""
    return any(isinstance(part, Spoof) for part in codec.walk(value))
