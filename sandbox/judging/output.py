"""Holding what a program printed against what is expected, by the data set's rule. Pure; bytes in, yes or no out.

The work is linear in the bytes of both sides. No rule runs a pattern that could take long, and none believes more than ASCII
digits to be a number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from sandbox.values.output_rules import Layout, Numbers, OutputRule

MAX_DIGITS = 400  # of a number that has a tolerance: a float has 308; longer ones are compared exactly
_NUMBER = re.compile(rb"[+-]?(\d++(\.\d*+)?|\.\d++)([eE][+-]?\d{1,4})?", re.ASCII)
_DECIMALS = 3  # to which APPS's own evaluation rounds where all words are numbers


def holds(output: bytes, expected: bytes, rule: OutputRule) -> bool:
    """Return whether the output is what is expected.

    Line ends, spaces at the end of a line and empty lines at the end never matter.
    """
    if rule.any_case:
        output, expected = output.lower(), expected.lower()
    ours, theirs = _lines(output), _lines(expected)
    if ours == theirs:
        return True
    match rule.layout:
        case Layout.LINES:
            return _same_lines(ours, theirs, rule)
        case Layout.WORDS:
            return _same_words(output.split(), expected.split(), rule)
        case Layout.WORDS_OF_LINES:
            return _same_filled_lines(ours, theirs, rule)
        case Layout.UNORDERED:
            return sorted(ours) == sorted(theirs)
        case Layout.SETS:
            return _same_filled_lines(ours, theirs, rule) or _same_sets(ours, theirs)


def _lines(text: bytes) -> list[bytes]:
    lines = [line.rstrip() for line in text.rstrip().split(b"\n")]
    return lines[1:] if lines and not lines[0] and len(lines) > 1 else lines


def _same_lines(ours: Sequence[bytes], theirs: Sequence[bytes], rule: OutputRule) -> bool:
    """Whether lines of nothing but numbers are the same by value, and others to the letter but for spaces around them.

    Empty lines before the first one that is not empty do not count (LiveCodeBench's evaluation strips both texts).
    """
    if rule.numbers is Numbers.AS_WRITTEN:
        return False
    mine, wanted = _from_first_filled(ours), _from_first_filled(theirs)
    return len(mine) == len(wanted) and all(
        one.strip() == other.strip() or _same_numbers(one, other, rule) for one, other in zip(mine, wanted, strict=True)
    )


def _from_first_filled(lines: Sequence[bytes]) -> Sequence[bytes]:
    first = next((number for number, line in enumerate(lines) if line), len(lines))
    return lines[first:]


def _same_numbers(ours: bytes, theirs: bytes, rule: OutputRule) -> bool:
    mine, wanted = ours.split(), theirs.split()
    return all(map(_NUMBER.fullmatch, mine)) and all(map(_NUMBER.fullmatch, wanted)) and _same_words(mine, wanted, rule)


def _same_filled_lines(ours: Sequence[bytes], theirs: Sequence[bytes], rule: OutputRule) -> bool:
    """Whether the lines that are not empty have the same words."""
    mine, wanted = _filled(ours), _filled(theirs)
    return len(mine) == len(wanted) and all(
        _same_words(one, other, rule) for one, other in zip(mine, wanted, strict=True)
    )


def _filled(lines: Sequence[bytes]) -> list[list[bytes]]:
    return [words for line in lines if (words := line.split())]


def _same_words(ours: Sequence[bytes], theirs: Sequence[bytes], rule: OutputRule) -> bool:
    """Whether the words are the same one by one; only numbers may differ in how they are written."""
    if len(ours) != len(theirs):
        return False
    if rule.lone_numbers and len(theirs) != 1:
        rule = replace(rule, numbers=Numbers.BY_VALUE)
    return all(mine == wanted or _same_number(mine, wanted, rule) for mine, wanted in zip(ours, theirs, strict=True))


def _same_number(ours: bytes, theirs: bytes, rule: OutputRule) -> bool:
    if rule.numbers is Numbers.AS_WRITTEN or not (_NUMBER.fullmatch(ours) and _NUMBER.fullmatch(theirs)):
        return False
    if Decimal(ours.decode("ascii")) == Decimal(theirs.decode("ascii")):
        return True
    if max(len(ours), len(theirs)) > MAX_DIGITS or not _has_tolerance(ours, theirs, rule.numbers):
        return False
    mine, wanted = float(ours), float(theirs)  # of 1e9999 it is infinity, and the distance is no number
    return abs(mine - wanted) <= rule.absolute + rule.relative * abs(wanted) < float("inf")


def _has_tolerance(ours: bytes, theirs: bytes, numbers: Numbers) -> bool:
    match numbers:
        case Numbers.FRACTIONS:
            return not _is_integer(theirs)
        case Numbers.EITHER_FRACTION:
            return not (_is_integer(ours) and _is_integer(theirs))
        case Numbers.ALL:
            return True
        case Numbers.AS_WRITTEN | Numbers.BY_VALUE:
            return False


def _is_integer(number: bytes) -> bool:
    return number.lstrip(b"+-").isdigit()


def _same_sets(ours: Sequence[bytes], theirs: Sequence[bytes]) -> bool:
    """APPS's last resort: the same set of lines, each a set of words; numbers rounded, where all words are numbers."""
    mine, wanted = _filled(ours), _filled(theirs)
    if {frozenset(words) for words in mine} == {frozenset(words) for words in wanted}:
        return True
    if not all(_NUMBER.fullmatch(word) for words in (*mine, *wanted) for word in words):
        return False
    return _rounded(mine) == _rounded(wanted)


def _rounded(lines: Sequence[Sequence[bytes]]) -> set[frozenset[str]]:
    """As texts, because a program can choose numbers whose hashes are equal."""
    return {frozenset(str(round(float(word), _DECIMALS)) for word in words) for words in lines}


def first_difference(output: bytes, expected: bytes, rule: OutputRule) -> tuple[int, bytes, bytes]:
    """Return the number of the first line that differs, from 1, and both sides' line (empty where a side has ended).

    Where a line differs by the rule, it is the first such line; else the first that is not the same to the letter.
    """
    ours, theirs = _lines(output), _lines(expected)
    first = (0, b"", b"")
    for number in range(max(len(ours), len(theirs))):
        mine = ours[number] if number < len(ours) else b""
        wanted = theirs[number] if number < len(theirs) else b""
        if mine != wanted:
            here = (number + 1, mine, wanted)
            if not holds(mine, wanted, rule):
                return here
            first = first if first[0] else here
    return first
