"""Cells and columns of a list, as values.

What stands in a place, how it feels, and which columns a width has room for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from tui.text import fit, fit_middle
from tui.view import Mood

GAP = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column; the one of width 0 takes what is left. It is left out where the list is narrower than `needs`."""

    key: str
    label: str
    width: int
    right: bool = False
    needs: int = 0
    middle: bool = False  # what does not fit is cut in the middle: names differ at their end


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What stands in one place. `tone` is a series' colour, -1 without one; `heat` a share of 0…1 to shade it by."""

    text: str = ""
    mood: Mood = Mood.PLAIN
    tone: int = -1
    strong: bool = False
    heat: float | None = None


BLANK = Cell()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A column as it lies in a list of a certain width."""

    column: Column
    left: int
    width: int


def places(columns: Sequence[Column], width: int) -> list[Place]:
    """Where the columns that have room lie; together they are never wider than `width`."""
    shown = [column for column in columns if width >= column.needs]
    fixed = sum(column.width for column in shown) + GAP * max(0, len(shown) - 1)
    rest = max(0, width - fixed)
    found: list[Place] = []
    left = 0
    for column in shown:
        wide = min(column.width or rest, max(0, width - left))
        if wide > 0:
            found.append(Place(column=column, left=left, width=wide))
        left += wide + GAP
    return found


def fitted_cell(text: str, place: Place) -> str:
    """The text of a cell in exactly the width of its place."""
    if place.column.right:
        return " " * (place.width - cell_len(text)) + text if cell_len(text) < place.width else fit(text, place.width)
    return (fit_middle if place.column.middle else fit)(text, place.width)


def heading_cell(place: Place, sort: str, *, reverse: bool) -> str:
    """The head of a column, with an arrow where the list is sorted by it."""
    label = place.column.label
    if place.column.key == sort:
        arrow = "▲" if reverse else "▼"
        label = f"{arrow}{label}" if place.column.right else f"{label}{arrow}"
    return fitted_cell(label, place)
