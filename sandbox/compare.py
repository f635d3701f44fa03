"""Holding an answer against what is expected. Pure, and safe on hostile values: they are of exact types of our making.

`==` between such values is Python's own and runs no code of a candidate: 1 == 1.0, True == 1, an OrderedDict equals a dict,
and a mark (`codec.Spoof`, `codec.Opaque`, `codec.Iterated`) equals nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.inside.codec import Iterated, Spoof
from sandbox.values import CallTest, Comparison


def holds(answer: object, test: CallTest) -> bool:
    """Whether the answer is what the test expects."""
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
    except (RecursionError, ArithmeticError, ValueError, TypeError):  # too deep, a signalling NaN, an endless number …
        return False


def _close(answer: object, test: CallTest) -> bool:
    if not isinstance(answer, int | float) or not isinstance(test.expected, int | float):
        return False
    return abs(answer - test.expected) < test.tolerance


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
