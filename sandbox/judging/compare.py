"""Holding an answer against what is expected. Pure, and safe on hostile values: they are of exact types of our making.

`==` between such values is Python's own and runs no code of a candidate: 1 == 1.0, True == 1, an OrderedDict equals a dict,
and a mark (`codec.Spoof`, `codec.Opaque`, `codec.Iterated`) equals nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sandbox.inside import codec
from sandbox.inside.codec import Iterated, Spoof
from sandbox.inside.tables import distinct, refuse_costly_dict
from sandbox.values import CallTest, Comparison

DEFAULT_TOLERANCE, RELATIVE = 1e-6, 1e-7
_EQUAL_HOLDS = frozenset({Comparison.EQUAL, Comparison.LISTS, Comparison.ONLY_ITEM, Comparison.APPROXIMATE})


def holds(answer: object, test: CallTest) -> bool:
    """Whether the answer is what the test expects, or also right."""
    if answer is test.expected and test.comparison in _EQUAL_HOLDS and bool(answer == answer):  # noqa: PLR0124  (a NaN is not)
        return True
    return _holds(answer, test) or any(_holds(answer, replace(test, expected=other, also=())) for other in test.also)


def _holds(answer: object, test: CallTest) -> bool:
    if isinstance(answer, codec.Digest) or isinstance(test.expected, codec.Digest):
        return test.comparison is Comparison.ANYTHING or _digest(answer) == _digest(test.expected)
    try:
        match test.comparison:
            case Comparison.EQUAL:
                return bool(answer == test.expected)
            case Comparison.IS:
                return answer is test.expected
            case Comparison.TRUE:
                return not _is_mark(answer) and bool(answer)
            case Comparison.FALSE:
                return not _is_mark(answer) and not answer
            case Comparison.CLOSE:
                return _close(answer, test)
            case Comparison.LISTS:
                return bool(_listed(answer) == _listed(test.expected))
            case Comparison.ONLY_ITEM:
                return _listed(answer) in _possible(_listed(test.expected))
            case _:
                return _holds_by_evalplus(answer, test)
    except (RecursionError, ArithmeticError, ValueError, TypeError):  # too deep, a signalling NaN, an endless number …
        return False


def _digest(value: object) -> object:
    """Values too large to travel are equal or not, whatever the comparison."""
    return value if isinstance(value, codec.Digest) else codec.decode(codec.digest(value))


def _close(answer: object, test: CallTest) -> bool:
    if not isinstance(answer, int | float) or not isinstance(test.expected, int | float):
        return False
    return abs(answer - test.expected) < test.tolerance


def _holds_by_evalplus(answer: object, test: CallTest) -> bool:
    """The comparisons that HumanEval+ and MBPP+ define."""
    match test.comparison:
        case Comparison.SET:
            return _same_items(answer, test.expected)
        case Comparison.NOT_NONE:
            return bool((answer if isinstance(answer, bool) else answer is not None) == test.expected)
        case Comparison.ROOT:
            return _is_root(answer, test)
        case Comparison.ANYTHING:
            return True
        case _:
            return bool(answer == test.expected) or _approximate(answer, test)


def _same_items(answer: Any, expected: Any) -> bool:
    """Equal as sets; a TypeError is a no. The only hash table is one of the expected items, each marked when it is met.

    A set of the answer could take the memory of a range without end, or quadratic time: decoding bounds the keys of sets and
    dicts that stand in an answer, but not the items of its lists.
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
    tolerance = test.tolerance or (DEFAULT_TOLERANCE if _is_floats(test.expected) else 0.0)
    return tolerance > 0 and type(answer) is type(test.expected) and _near(answer, test.expected, tolerance)


def _is_floats(value: object) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def _near(answer: object, expected: object, tolerance: float) -> bool:
    """The same shape, and each number within `tolerance` + 1e-7 of the expected one's size (numpy.testing's rule)."""
    if isinstance(expected, list | tuple):
        if not isinstance(answer, list | tuple):
            return False
        same = type(answer) is type(expected) and len(answer) == len(expected)
        return same and all(_near(mine, its, tolerance) for mine, its in zip(answer, expected, strict=True))
    if not isinstance(answer, int | float | complex) or not isinstance(expected, int | float | complex):
        return False
    allowed = tolerance + RELATIVE * abs(expected)  # endless where infinity is expected, and then all would be near it
    return bool(answer == expected or abs(answer - expected) <= allowed < math.inf)


def _listed(value: object) -> Any:
    """The value with every tuple turned into a list, at any depth that the codec lets through."""
    if isinstance(value, list | tuple):
        return [_listed(item) for item in value]
    return {key: _listed(item) for key, item in value.items()} if isinstance(value, dict) else value


def _possible(expected: object) -> list[object]:
    only = expected if isinstance(expected, list) and len(expected) == 1 else []
    return [expected, *only]


def _is_mark(value: object) -> bool:
    return isinstance(value, Spoof | Iterated) or type(value).__module__ == Spoof.__module__


def spoofed(value: object) -> bool:
    """Whether an instance of a subclass of a known type stands anywhere in the value."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Spoof):
            return True
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, Iterated):
            waiting += one.items
        elif isinstance(one, Iterable) and not isinstance(one, str | bytes | range):
            waiting += one
    return False
