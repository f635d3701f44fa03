"""Describe for a person where two values first differ.

Both come from the codec and have exact types, so no code of a candidate runs here.
"""

from __future__ import annotations

import reprlib

MAX_TEXT = 80
CUT = ("...", "…")  # what stands in a shown value where something was left out
CONTEXT = 20  # characters of a text before the place where it differs


def short(value: object) -> str:
    """Return a value as text of at most MAX_TEXT characters."""
    try:
        text = reprlib.repr(value)
    except (ValueError, RecursionError):  # an int longer than Python prints, a value nested more deeply
        text = f"a {type(value).__name__}"
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def first_difference(answer: object, expected: object) -> str | None:
    """Return the place of the first difference within two containers or texts, and both values there.

    For example: "at [2]['a']: 5 where 6 was expected". None for values that have no items.
    """
    place = ""
    while (step := _step(answer, expected)) is not None:
        where, answer, expected = step
        place += where
    if not place:
        return None
    return f"at {place}: {_shown(answer)} where {_shown(expected)} was expected"


class _Nothing:
    """Stands for the side that has already ended."""


def _shown(value: object) -> str:
    return "nothing" if isinstance(value, _Nothing) else short(value)


def _step(answer: object, expected: object) -> tuple[str, object, object] | None:
    """Return one step towards the first difference: its place, and the values of both sides there."""
    if type(answer) is not type(expected):
        return None
    if isinstance(answer, list | tuple) and isinstance(expected, list | tuple):
        return _into_items(list(answer), list(expected))
    if isinstance(answer, dict) and isinstance(expected, dict):
        return _into_keys(answer, expected)
    if isinstance(answer, str) and isinstance(expected, str) and max(len(answer), len(expected)) > CONTEXT:
        return _into_text(answer, expected)
    return None


def _into_items(answer: list[object], expected: list[object]) -> tuple[str, object, object] | None:
    for number in range(max(len(answer), len(expected))):
        mine = answer[number] if number < len(answer) else _Nothing()
        wanted = expected[number] if number < len(expected) else _Nothing()
        if not _same(mine, wanted):
            return f"[{number}]", mine, wanted
    return None


def _into_keys(answer: dict[object, object], expected: dict[object, object]) -> tuple[str, object, object] | None:
    for key in [*expected, *(key for key in answer if key not in expected)]:
        mine, wanted = answer.get(key, _Nothing()), expected.get(key, _Nothing())
        if not _same(mine, wanted):
            return f"[{short(key)}]", mine, wanted
    return None


def _into_text(answer: str, expected: str) -> tuple[str, object, object] | None:
    """Cut both texts around the first difference, with a little of their common text."""
    parted = next((n for n, (a, b) in enumerate(zip(answer, expected, strict=False)) if a != b), None)
    if parted is None:
        parted = min(len(answer), len(expected))
    if len(answer) == len(expected) == parted:
        return None
    start = max(0, parted - CONTEXT // 4)
    end = parted + CONTEXT - CONTEXT // 4 - 1
    return f"[{start}:]", answer[start:end], expected[start:end]


def _same(mine: object, wanted: object) -> bool:
    try:
        return bool(mine == wanted)
    except (RecursionError, ArithmeticError):
        return False
