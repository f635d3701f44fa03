"""Names of one family made short without making them alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, takewhile

from rich.cells import cell_len

from tui.text import ELLIPSIS, fit, fit_middle

_OWNER = re.compile(r"^.*(?:/|--)(?=.)")
_TUNING = re.compile(rf"[-_](?:instruct|chat|it|base){ELLIPSIS}?$", re.IGNORECASE)
_BOUNDARY = re.compile(r"[-_/: ]")


def short_names(names: Sequence[str], width: int) -> list[str]:
    """The names in at most `width` cells each.

    What all end with goes first, then owners ("Qwen/"), then how a model was tuned ("-instruct"), then what all begin
    with, and at last the middle. No more goes than must. Different names stay different as long as `width` holds a
    number.
    """
    short = list(names)
    if len(set(names)) > 1:
        for ways in (_ends, _without_owners, _without_tuning, _starts):
            short = _shorter(short, ways(short), width)
    short = [name if cell_len(name) <= width else fit_middle(name, width).rstrip() for name in short]
    return _told_apart(list(names), short, width)


def _shorter(names: list[str], ways: Iterable[list[str]], width: int) -> list[str]:
    """The first of the ways in which every name fits.

    The last of them where none does; the names as they are if they fit.
    """
    for way in chain([names], ways):
        if len(set(way)) < len(set(names)):
            break
        names = way
        if all(cell_len(name) <= width for name in way):
            break
    return names


def _common(names: Sequence[str]) -> str:
    """What all names begin with."""
    return "".join(chars[0] for chars in takewhile(lambda chars: len(set(chars)) == 1, zip(*names, strict=False)))


def _starts(names: list[str]) -> Iterator[list[str]]:
    for cut in (match.end() for match in _BOUNDARY.finditer(_common(names))):
        if cut > 1:
            yield [ELLIPSIS + name[cut:] for name in names]


def _without_owners(names: list[str]) -> Iterator[list[str]]:
    yield [_OWNER.sub("", name) for name in names]


def _without_tuning(names: list[str]) -> Iterator[list[str]]:
    yield [_TUNING.sub(ELLIPSIS, name) for name in names]


def _ends(names: list[str]) -> Iterator[list[str]]:
    for cut in (match.end() for match in _BOUNDARY.finditer(_common([name[::-1] for name in names]))):
        if cut > 1:
            yield [name[: len(name) - cut] + ELLIPSIS for name in names]


def _told_apart(names: list[str], short: list[str], width: int) -> list[str]:
    """Number those that became alike although they are not."""
    apart = []
    for at, (name, brief) in enumerate(zip(names, short, strict=True)):
        twins = [other for other, text in enumerate(short) if text == brief and names[other] != name]
        number = f"#{at + 1}"
        apart.append(fit(brief, max(0, width - len(number))).rstrip() + number if twins else brief)
    return apart
