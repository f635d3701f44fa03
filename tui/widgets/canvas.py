"""Draw a plot on a grid of cells (dots finer than a cell, bands with soft edges, text), and place labels.

Only `tui.widgets.plot` draws on it: `rows` gives finished, immutable rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from rich.cells import cell_len

from tui.text import without_marks

DOTS_WIDE = 2
DOTS_HIGH = 4
_BRAILLE = 0x2800
_DOT = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_EIGHTHS = " ▁▂▃▄▅▆▇█"


class CellKind(Enum):
    """What a cell shows; the widget chooses its colours."""

    BLANK = "blank"
    AXIS = "axis"  # axis lines and their numbers
    GRID = "grid"
    LINE = "line"
    PICKED = "picked"  # the selected series: line, mark and label
    LABEL = "label"
    RULE = "rule"
    NOTE = "note"  # plain words
    BAND = "band"  # a piece of a cell in the band's colour


_TO_BE_SEEN = frozenset({CellKind.LINE, CellKind.PICKED, CellKind.LABEL, CellKind.NOTE, CellKind.AXIS, CellKind.RULE})


@dataclass(frozen=True, slots=True)
class Style:
    """The look of a cell: its kind, its series, and whose band is behind it."""

    kind: CellKind = CellKind.BLANK
    tone: int = -1  # the series' place in the palette; -1 where it belongs to none
    band: int = -1  # the tone of a band that fills the cell; -1: none


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring cells that look the same."""

    text: str
    style: Style


class Canvas:
    """`width` x `height` cells, empty at first."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._glyph = [[" "] * width for _ in range(height)]
        self._style = [[Style()] * width for _ in range(height)]
        self._dots: dict[tuple[int, int], int] = {}
        self._half: dict[tuple[int, int], int] = {}  # cells that a band covers by half and more, and its tone

    def put(self, column: int, row: int, text: str, kind: CellKind, tone: int = -1) -> None:
        """Write `text` from (column, row) on; parts outside are cut."""
        if not 0 <= row < self.height:
            return
        at = column
        for char in without_marks(text):
            cells = (char, "") if cell_len(char) == 2 else (char,)
            if at >= 0 and at + len(cells) <= self.width:
                for place, part in enumerate(cells, start=at):
                    self._clear(place, row)
                    self._glyph[row][place] = part
                    self._style[row][place] = Style(kind, tone, self._style[row][place].band)
            at += len(cells)

    def _clear(self, column: int, row: int) -> None:
        """Remove what is drawn in a cell; a character of two cells leaves both of them."""
        glyphs = self._glyph[row]
        if not glyphs[column]:
            glyphs[column - 1] = " "
        elif column + 1 < self.width and not glyphs[column + 1]:
            glyphs[column + 1] = " "
        glyphs[column] = " "
        self._dots.pop((column, row), None)

    def dot(self, x: int, y: int, style: Style) -> None:
        """Set one dot of a 2 x 4 cell; a cell shows only the dots of the last series drawn there."""
        column, row = x // DOTS_WIDE, y // DOTS_HIGH
        if not (0 <= column < self.width and 0 <= row < self.height):
            return
        held = self._style[row][column]
        mine = (held.kind, held.tone) == (style.kind, style.tone)
        bits = self._dots.get((column, row), 0) if mine else 0
        self._clear(column, row)
        bits |= _DOT[y % DOTS_HIGH][x % DOTS_WIDE]
        self._dots[column, row] = bits
        self._glyph[row][column] = chr(_BRAILLE + bits)
        band = held.band if held.band >= 0 else self._half.get((column, row), -1)
        self._style[row][column] = Style(style.kind, style.tone, band)

    def fill(self, column: int, top: float, bottom: float, tone: int) -> None:
        """Draw a band behind one column, from `top` to `bottom` in rows and fractions of rows."""
        top, bottom = max(0.0, top), min(float(self.height), bottom)
        for row in range(int(top), min(self.height, int(bottom) + 1)):
            covered = max(0.0, min(bottom, row + 1) - max(top, row))
            eighths = round(covered * 8)
            if eighths >= 4:
                self._half[column, row] = tone
            if eighths >= 8:
                if self._style[row][column].kind is CellKind.BAND:  # the edge of a band below
                    self._glyph[row][column], self._style[row][column] = " ", Style()
                self._style[row][column] = Style(self._style[row][column].kind, band=tone)
            elif eighths and bottom >= row + 1:  # the band reaches the lower edge of the cell
                self._glyph[row][column] = _EIGHTHS[eighths]
                self._style[row][column] = Style(CellKind.BAND, tone, self._style[row][column].band)
            elif eighths and top <= row:  # the band hangs from the upper edge, where there are fewer glyphs
                self._glyph[row][column] = "▀" if eighths > 2 else "▔"
                self._style[row][column] = Style(CellKind.BAND, tone, self._style[row][column].band)

    def busy(self, column: int, row: int) -> bool:
        """Return whether something that must stay visible is drawn there."""
        return self._style[row][column].kind in _TO_BE_SEEN

    def rows(self) -> tuple[tuple[Span, ...], ...]:
        """Return the drawing as rows of spans, each row `width` cells wide."""
        return tuple(self._row(y) for y in range(self.height))

    def _row(self, y: int) -> tuple[Span, ...]:
        spans: list[Span] = []
        start = 0
        styles, glyphs = self._style[y], self._glyph[y]
        for x in range(1, self.width + 1):
            if x == self.width or styles[x] != styles[start]:
                spans.append(Span("".join(glyphs[start:x]), styles[start]))
                start = x
        return tuple(spans)


_COVERED = 2  # covering one cell of a line is as bad as standing two rows away from one's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A text that begins at (column, row); `away` is the text to use if it must leave that row."""

    text: str
    away: str
    column: int
    row: int
    tone: int

    @property
    def end(self) -> int:
        """Return the first column after the text."""
        return self.column + cell_len(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectangle:
    """A rectangle of cells."""

    column: int
    row: int
    width: int
    height: int

    def meets(self, label: Label) -> bool:
        """Return whether a label would overlap it."""
        rows = self.row <= label.row < self.row + self.height
        return rows and label.column < self.column + self.width and self.column < label.end


Busy = Callable[[int, int], bool]


def place_labels(wanted: Sequence[Label], height: int, busy: Busy, kept_free: Sequence[Rectangle] = ()) -> list[Label]:
    """Return labels on rows 0 … height-1, earlier ones first, without overlaps with others or with `kept_free`.

    A label for which there is no room is left out.
    """
    placed: list[Label] = []
    for label in wanted:
        free = [seat for seat in _seats(label, height) if not any(_meet(seat, other) for other in placed)]
        free = [seat for seat in free if not any(box.meets(seat) for box in kept_free)]
        if free:
            placed.append(min(free, key=lambda seat: _cost(seat, label, busy)))
    return placed


def least_covering(boxes: Sequence[Rectangle], busy: Busy) -> Rectangle:
    """Return the box that would cover least; the first of equals."""
    return min(boxes, key=lambda box: _covered(box, busy))


def _covered(box: Rectangle, busy: Busy) -> int:
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
