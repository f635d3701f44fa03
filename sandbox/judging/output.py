"""Compare what a program printed with what is expected, by the data set's rule. Pure functions over bytes.

A program may print tens of MB, so both sides are read word by word and line by line, up to the first difference. The
work is linear in the bytes, and the memory is linear in the expected output. No pattern backtracks for long. Only ASCII
digits make a number.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import zip_longest

from sandbox.values.output_rules import Layout, Numbers, OutputRule

MAX_DIGITS = 400  # of a number that has a tolerance: a float has 308; longer ones are compared exactly
_WORD, _SPACE = re.compile(rb"\S++"), re.compile(rb"\s")
_PART = 1 << 20
_NUMBER = re.compile(rb"[+-]?(\d++(\.\d*+)?|\.\d++)([eE][+-]?\d{1,4})?", re.ASCII)
_DECIMALS = 3  # to which APPS's own evaluation rounds where all words are numbers


def matches(output: bytes, expected: bytes, rule: OutputRule) -> bool:
    """Return whether the output is what is expected.

    Line ends, spaces at the end of a line and empty lines at the end never matter.
    """
    if rule.any_case:
        output, expected = output.lower(), expected.lower()
    if output == expected or _pairwise(_lines(output), _lines(expected)):
        return True
    match rule.layout:
        case Layout.LINES:
            return rule.numbers is not Numbers.AS_WRITTEN and _same_lines(output, expected, rule)
        case Layout.WORDS:
            return _same_words(output, expected, rule)
        case Layout.WORDS_OF_LINES:
            return _same_filled_lines(output, expected, rule)
        case Layout.UNORDERED:
            return _line_count(output) == _line_count(expected) and sorted(_lines(output)) == sorted(_lines(expected))
        case Layout.SETS:
            return _same_filled_lines(output, expected, rule) or _same_sets(output, expected)


def _lines(text: bytes) -> Iterator[bytes]:
    """Yield the lines without trailing spaces, without an empty first line and without empty last lines."""
    for number, line in enumerate(io.BytesIO(text.rstrip())):
        if (kept := line.rstrip()) or number:
            yield kept


def _line_count(text: bytes) -> int:
    return sum(1 for _ in _lines(text))


def _words(text: bytes) -> Iterator[bytes]:
    return (found[0] for found in _WORD.finditer(text))


def _pairwise(
    ours: Iterable[bytes], theirs: Iterable[bytes], same: Callable[[bytes, bytes], bool] | None = None
) -> bool:
    """Return whether both sides have as many items, and items at the same place are equal or, if given, `same`."""
    for mine, wanted in zip_longest(ours, theirs):
        if mine != wanted and (same is None or mine is None or wanted is None or not same(mine, wanted)):
            return False
    return True


def _same_lines(output: bytes, expected: bytes, rule: OutputRule) -> bool:
    """Return whether lines of numbers are equal by value, and other lines by their text without outer spaces.

    Leading empty lines do not count (LiveCodeBench's evaluation strips both texts).
    """

    def same(ours: bytes, theirs: bytes) -> bool:
        return ours.strip() == theirs.strip() or (
            all(map(_NUMBER.fullmatch, _words(theirs))) and _same_words(ours, theirs, rule)
        )

    return _pairwise(_lines(output.lstrip()), _lines(expected.lstrip()), same)


def _same_filled_lines(output: bytes, expected: bytes, rule: OutputRule) -> bool:
    """Return whether the lines that are not empty have the same words."""
    return _pairwise(_filled(output), _filled(expected), lambda ours, theirs: _same_words(ours, theirs, rule))


def _filled(text: bytes) -> Iterator[bytes]:
    return (line for line in _lines(text) if line)


def _same_words(ours: bytes, theirs: bytes, rule: OutputRule) -> bool:
    """Return whether the words are equal one by one; only numbers may be written differently."""
    if rule.lone_numbers and len(theirs.split(None, 1)) != 1:
        rule = replace(rule, numbers=Numbers.BY_VALUE)
    return _pairwise(_words(ours), _words(theirs), lambda mine, wanted: _same_number(mine, wanted, rule))


def _same_number(ours: bytes, theirs: bytes, rule: OutputRule) -> bool:
    if rule.numbers is Numbers.AS_WRITTEN or not (_NUMBER.fullmatch(ours) and _NUMBER.fullmatch(theirs)):
        return False
    if Decimal(ours.decode("ascii")) == Decimal(theirs.decode("ascii")):
        return True
    if max(len(ours), len(theirs)) > MAX_DIGITS or not _has_tolerance(ours, theirs, rule.numbers):
        return False
    mine, wanted = float(ours), float(theirs)  # of 1e9999 it is infinity, and the distance is no number
    apart, most = abs(mine - wanted), rule.absolute + rule.relative * abs(wanted)
    if rule.numbers is Numbers.EITHER_FRACTION:
        return apart < most
    return apart <= most < float("inf")


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


def _same_sets(output: bytes, expected: bytes) -> bool:
    """Compare as sets of lines, each a set of words, as APPS does last; if all words are numbers, round them."""
    if _sets_equal(output, expected, frozenset):
        return True
    return all(map(_NUMBER.fullmatch, _words(expected))) and _sets_equal(output, expected, _rounded)


def _sets_equal(output: bytes, expected: bytes, form: Callable[[Iterable[bytes]], frozenset[bytes]]) -> bool:
    """Return whether both have the same set of lines, each a set of words in this form.

    Words that are not expected are not kept in memory.
    """
    theirs = {form(line.split()) for line in _filled(expected)}
    known: frozenset[bytes] = frozenset().union(*theirs)
    seen = set()
    for line in _filled(output):
        words: frozenset[bytes] = frozenset()
        for part in _parts(line):
            words |= form(part.split())
            if not words <= known:
                return False
        if words not in theirs:
            return False
        seen.add(words)
    return seen == theirs


def _parts(line: bytes) -> Iterator[bytes]:
    """Yield a line in parts of about 1 MB; no part ends within a word."""
    at = 0
    while at < len(line):
        space = _SPACE.search(line, at + _PART)
        end = space.start() if space else len(line)
        yield line[at:end]
        at = end


def _rounded(words: Iterable[bytes]) -> frozenset[bytes]:
    """Return numbers rounded, and other words as they are.

    Numbers stay texts, because a program could choose numbers with equal hashes.
    """
    distinct = set(words)
    return frozenset(
        str(round(float(word), _DECIMALS)).encode() if _NUMBER.fullmatch(word) else b"no number" for word in distinct
    )


def first_difference(output: bytes, expected: bytes, rule: OutputRule) -> tuple[int, bytes, bytes]:
    """Return the number of the first line that differs, from 1, and both sides' line (empty if a side has ended).

    It is the first line that differs by the rule, or else the first that is not identical.
    """
    first = (0, b"", b"")
    for number, (mine, wanted) in enumerate(zip_longest(_lines(output), _lines(expected), fillvalue=b""), 1):
        if mine != wanted:
            here = (number, mine, wanted)
            if not matches(mine, wanted, rule):
                return here
            first = first if first[0] else here
    return first
