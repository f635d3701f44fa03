"""Holding what a program printed against what is expected, by the data set's rule. Pure; bytes in, yes or no out.

No rule runs a pattern that could take long, and none believes more than ASCII digits to be a number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal

from sandbox.values import OutputRule

RELATIVE, ABSOLUTE = 1e-5, 1e-8  # numpy.allclose's own, which APPS and its followers use
_NUMBER = re.compile(rb"[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,4})?", re.ASCII)


def holds(output: bytes, expected: bytes, rule: OutputRule) -> bool:
    """Whether the output is what is expected.

    Line ends, spaces at the end of a line and empty lines at the end never matter.
    """
    if _lines(output) == _lines(expected):
        return True
    match rule:
        case OutputRule.LINES:
            return False
        case OutputRule.TOKENS:
            return output.split() == expected.split()
        case OutputRule.NUMBERS:
            return _all(_equal_numbers, output.split(), expected.split())
        case OutputRule.CLOSE:
            return _all(_close_numbers, output.split(), expected.split())
        case OutputRule.UNORDERED:
            return sorted(_lines(output)) == sorted(_lines(expected))


def _lines(text: bytes) -> list[bytes]:
    lines = [line.rstrip() for line in text.rstrip().split(b"\n")]
    return lines[1:] if lines and not lines[0] and len(lines) > 1 else lines


def _all(same: Callable[[bytes, bytes], bool], output: list[bytes], expected: list[bytes]) -> bool:
    """Whether the words are the same one by one; only numbers may differ in how they are written."""
    if len(output) != len(expected):
        return False
    return all(
        ours == theirs or (_NUMBER.fullmatch(ours) and _NUMBER.fullmatch(theirs) and same(ours, theirs))
        for ours, theirs in zip(output, expected, strict=True)
    )


def _equal_numbers(ours: bytes, theirs: bytes) -> bool:
    return Decimal(ours.decode("ascii")) == Decimal(theirs.decode("ascii"))


def _close_numbers(ours: bytes, theirs: bytes) -> bool:
    mine, wanted = float(ours), float(theirs)
    if math.inf in {abs(mine), abs(wanted)}:  # a float has 308 digits; beyond them all numbers would be the same
        return _equal_numbers(ours, theirs)
    return math.isclose(mine, wanted, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def first_difference(output: bytes, expected: bytes) -> tuple[int, bytes, bytes]:
    """The number of the first line that differs, from 1, and both sides' line (empty where a side has ended)."""
    ours, theirs = _lines(output), _lines(expected)
    for number in range(max(len(ours), len(theirs))):
        mine = ours[number] if number < len(ours) else b""
        wanted = theirs[number] if number < len(theirs) else b""
        if mine != wanted:
            return number + 1, mine, wanted
    return 0, b"", b""
