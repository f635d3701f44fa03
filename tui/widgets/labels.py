"""Where the names of lines go: beside the line's end, moved up or down as little as keeps them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

_COVERED = 2  # covering one cell of a line is as bad as standing two rows away from one's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One-cell characters that begin at (column, row); `away` is the text to use if they must leave that row."""

    text: str
    away: str
    column: int
    row: int
    tone: int

    @property
    def end(self) -> int:
        """The first column behind the text."""
        return self.column + len(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle of cells."""

    column: int
    row: int
    width: int
    height: int

    def meets(self, label: Label) -> bool:
        """Whether a label would stand in it."""
        rows = self.row <= label.row < self.row + self.height
        return rows and label.column < self.column + self.width and self.column < label.end


Busy = Callable[[int, int], bool]


def place(wanted: Sequence[Label], height: int, busy: Busy, kept_free: Sequence[Box] = ()) -> list[Label]:
    """The labels on rows 0 … height-1, the earlier ones first served, none over another nor over a box of `kept_free`.

    A label for which there is no room is left out.
    """
    placed: list[Label] = []
    for label in wanted:
        free = [seat for seat in _seats(label, height) if not any(_meet(seat, other) for other in placed)]
        free = [seat for seat in free if not any(box.meets(seat) for box in kept_free)]
        if free:
            placed.append(min(free, key=lambda seat: _cost(seat, label, busy)))
    return placed


def quietest(boxes: Sequence[Box], busy: Busy) -> Box:
    """The box that would cover least; the first of equals."""
    return min(boxes, key=lambda box: _covered(box, busy))


def _covered(box: Box, busy: Busy) -> int:
    cells = ((x, y) for y in range(box.row, box.row + box.height) for x in range(box.column, box.column + box.width))
    return sum(busy(x, y) for x, y in cells)


def _seats(label: Label, height: int) -> Iterator[Label]:
    for row in range(height):
        yield label if row == label.row else replace(label, row=row, text=label.away)


def _meet(one: Label, other: Label) -> bool:
    return one.row == other.row and one.column < other.end and other.column < one.end


def _cost(seat: Label, label: Label, busy: Busy) -> tuple[int, int]:
    covered = sum(busy(column, seat.row) for column in range(seat.column, seat.end))
    return abs(seat.row - label.row) + _COVERED * covered, seat.row
