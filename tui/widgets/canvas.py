"""A grid of cells to draw on: dots finer than a cell, bands with soft edges, text that knows its place.

Only `tui.widgets.plot` draws on it, and nobody sees it afterwards: `rows` gives finished, immutable rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tui.text import narrow

DOTS_WIDE = 2
DOTS_HIGH = 4
_BRAILLE = 0x2800
_DOT = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_EIGHTHS = " ▁▂▃▄▅▆▇█"


class Ink(Enum):
    """What a cell is, so that the widget can choose how it looks."""

    BLANK = "blank"
    AXIS = "axis"  # axis lines and their numbers
    GRID = "grid"
    LINE = "line"
    PICKED = "picked"  # the selected series: line, mark and label
    LABEL = "label"
    RULE = "rule"
    NOTE = "note"  # plain words
    BAND = "band"  # a piece of a cell in the band's colour


_TO_BE_SEEN = frozenset({Ink.LINE, Ink.PICKED, Ink.LABEL, Ink.NOTE, Ink.AXIS, Ink.RULE})


@dataclass(frozen=True, slots=True)
class Style:
    """How a cell is to look: its ink, whose it is, and whether the band lies behind it."""

    ink: Ink = Ink.BLANK
    tone: int = -1  # the series' place in the palette; -1 where it belongs to none
    band: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring cells that look the same. Every character is one cell wide."""

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
        self._half: set[tuple[int, int]] = set()  # cells that the band covers by half and more

    def put(self, column: int, row: int, text: str, ink: Ink, tone: int = -1) -> None:
        """Write `text` from (column, row) on, one cell for each character; what lies outside is left away."""
        if not 0 <= row < self.height:
            return
        for at, char in enumerate(narrow(text), start=column):
            if 0 <= at < self.width:
                self._glyph[row][at] = char
                self._style[row][at] = Style(ink, tone, self._style[row][at].band)
                self._dots.pop((at, row), None)

    def dot(self, x: int, y: int, style: Style) -> None:
        """Set one dot of a 2 x 4 cell. A cell shows the dots of whoever drew there last."""
        column, row = x // DOTS_WIDE, y // DOTS_HIGH
        if not (0 <= column < self.width and 0 <= row < self.height):
            return
        held = self._style[row][column]
        mine = (held.ink, held.tone) == (style.ink, style.tone)
        bits = self._dots.get((column, row), 0) if mine else 0
        bits |= _DOT[y % DOTS_HIGH][x % DOTS_WIDE]
        self._dots[column, row] = bits
        self._glyph[row][column] = chr(_BRAILLE + bits)
        self._style[row][column] = Style(style.ink, style.tone, held.band or (column, row) in self._half)

    def fill(self, column: int, top: float, bottom: float, tone: int) -> None:
        """Lay a band behind one column, from `top` to `bottom` in rows and fractions of rows."""
        top, bottom = max(0.0, top), min(float(self.height), bottom)
        for row in range(int(top), min(self.height, int(bottom) + 1)):
            covered = max(0.0, min(bottom, row + 1) - max(top, row))
            eighths = round(covered * 8)
            if eighths >= 4:
                self._half.add((column, row))
            if eighths >= 8:
                self._style[row][column] = Style(self._style[row][column].ink, band=True)
            elif eighths and bottom >= row + 1:  # the band reaches the lower edge of the cell
                self._glyph[row][column] = _EIGHTHS[eighths]
                self._style[row][column] = Style(Ink.BAND, tone)
            elif eighths and top <= row:  # the band hangs from the upper edge, where there are fewer glyphs
                self._glyph[row][column] = "▀" if eighths > 2 else "▔"
                self._style[row][column] = Style(Ink.BAND, tone)

    def busy(self, column: int, row: int) -> bool:
        """Whether something that should stay in sight is drawn there."""
        return self._style[row][column].ink in _TO_BE_SEEN

    def rows(self) -> tuple[tuple[Span, ...], ...]:
        """What was drawn, as rows of spans that are `width` cells wide together."""
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
