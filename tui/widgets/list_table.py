"""Show a list of lines with a cursor; only visible lines are formatted, so a million cost no more than fifty.

It requests a line's cells by position when it draws the line. The caller's `lines` decide where a line comes from (a
tuple, pages of a database). Cells and columns are values; pure functions make them.
`paged_table` is the list whose lines are rows of a database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from sampler.plotting import fit, fit_middle, shorten_names
from tui.text import Severity
from tui.widgets.styles import cursor_style, heat_style, series_style, severity_style

GAP = 1
MARKED = 2  # a mark and a blank before a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column; the one of width 0 takes the remaining width. It is hidden if the list is narrower than `needs`."""

    key: str
    label: str
    width: int
    right: bool = False
    needs: int = 0
    least: int = 0  # cells that the one of width 0 keeps, whatever other columns want
    middle: bool = False  # what does not fit is cut in the middle: names differ at their end
    names: bool = False  # holds the table's `names`: grows into free room, and shortens them so that they still differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The content of one cell; `tone` is a series' colour (-1: none), `heat` a share of 0…1 for its shade."""

    text: str = ""
    severity: Severity = Severity.PLAIN
    tone: int = -1
    strong: bool = False
    heat: float | None = None
    mark: str = ""  # stands before the text and is never cut
    pieces: tuple[tuple[str, int], ...] = ()  # instead of a text: words, each in the colour of its series


BLANK = Cell()


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnLayout:
    """The place of a column in a list of a certain width."""

    column: Column
    left: int
    width: int


def lay_out(columns: Sequence[Column], width: int, wanted: Mapping[str, int] | None = None) -> list[ColumnLayout]:
    """Return the places of the columns that fit; together they are never wider than `width`.

    `wanted` says how wide a column must be so that nothing in it is cut. Columns grow up to that width, in order, at
    the cost of the column of width 0. That one keeps what it wants, or else half of its width and at least `least`.
    """
    shown = [column for column in columns if width >= column.needs]
    fixed = sum(column.width for column in shown) + GAP * max(0, len(shown) - 1)
    rest = max(0, width - fixed)
    wishes = wanted or {}
    last = next((column for column in shown if not column.width), None)
    free = rest if last is None else max(0, rest - min(wishes.get(last.key, rest), max(rest // 2, last.least)))
    grown: dict[str, int] = {}
    for column in shown:
        if column.width and wishes.get(column.key, 0) > column.width:
            grown[column.key] = min(wishes[column.key] - column.width, free)
            free -= grown[column.key]
    rest -= sum(grown.values())
    found: list[ColumnLayout] = []
    left = 0
    for column in shown:
        wide = min(column.width + grown.get(column.key, 0) if column.width else rest, max(0, width - left))
        if wide > 0:
            found.append(ColumnLayout(column=column, left=left, width=wide))
        left += wide + GAP
    return found


def fitted_cell(text: str, layout: ColumnLayout) -> str:
    """Return the text of a cell in exactly the width of its column."""
    if layout.column.right:
        return (
            " " * (layout.width - cell_len(text)) + text if cell_len(text) < layout.width else fit(text, layout.width)
        )
    return (fit_middle if layout.column.middle else fit)(text, layout.width)


def head_cell(layout: ColumnLayout, sort: str, *, reverse: bool) -> str:
    """Return the head of a column, with an arrow if the list is sorted by it."""
    label = layout.column.label
    if layout.column.key == sort:
        arrow = "▲" if reverse else "▼"
        label = f"{arrow}{label}" if layout.column.right else f"{label}{arrow}"
    return fitted_cell(label, layout)


HEAD = 1  # the line of column heads
Lines = Callable[[int], Sequence[Cell] | None]  # the cells of a line, one for each column; None: not there yet


class ListTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Columns with heads, lines below, one of them chosen."""

    DEFAULT_CSS = """
    ListTable { width: 1fr; height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; background: transparent; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Line up", id="list.up", show=False),
        Binding("down,j", "move(1)", "Line down", id="list.down", show=False),
        Binding("pageup", "page(-1)", "Page up", id="list.page_up", show=False),
        Binding("pagedown", "page(1)", "Page down", id="list.page_down", show=False),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", id="list.half_up", show=False),
        Binding("ctrl+d", "page(0.5)", "Half a page down", id="list.half_down", show=False),
        Binding("home,g", "first", "First line", id="list.first", show=False),
        Binding("end,G", "last", "Last line", id="list.last", show=False),
        Binding("enter", "open", "Open", id="list.open"),
    ]
    ALLOW_SELECT = False
    CURSOR: ClassVar[bool] = True  # whether the chosen line is to be seen

    class Chosen(Message):
        """The cursor stands on another line."""

        def __init__(self, table: ListTable, position: int) -> None:
            super().__init__()
            self.table = table
            self.position = position

        @property
        def control(self) -> ListTable:
            """Return the list that sent the message."""
            return self.table

    class Opened(Chosen):
        """The reader wants to see more of a line."""

    class HeadClicked(Message):
        """The reader pointed at the head of a column."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, columns: Sequence[Column], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self._lines: Lines = lambda _position: None
        self.count = 0
        self.cursor = 0
        self._sort = ("", False)
        self._empty = ""
        self._names: tuple[str, ...] = ()
        self._short: dict[int, Mapping[str, str]] = {}  # the names' short forms, by width
        self._wanted: dict[str, int] = {}

    def set_names(self, names: Sequence[str]) -> None:
        """Set the names that columns with `names` hold; they are shortened together, so that they stay different."""
        if tuple(names) != self._names:
            self._names = tuple(names)
            self._short.clear()
            longest = max(map(cell_len, names), default=0) + MARKED
            self._wanted |= {column.key: longest for column in self.columns if column.names}
            self.refresh()

    def widen(self, key: str, texts: Iterable[str]) -> None:
        """Widen a column, as far as there is room, until none of these texts is cut."""
        wanted = max(map(cell_len, texts), default=0)
        if self._wanted.get(key) != wanted:
            self._wanted[key] = wanted
            self.refresh()

    def show(self, count: int, lines: Lines, *, empty: str = "", sort: tuple[str, bool] = ("", False)) -> None:
        """Set the number of lines; `empty` is shown if there is none."""
        self._lines, self._empty, self._sort = lines, empty, sort
        if count != self.count:
            self.count = count
            self.cursor = min(self.cursor, max(0, count - 1))
            self._resize()
        self.refresh()

    def show_rows(self, rows: Sequence[Sequence[Cell]], *, empty: str = "") -> None:
        """Show lines that are all in memory; the last column is measured, so that names may have the rest."""
        for at, column in enumerate(self.columns):
            if not column.width and not column.names:
                texts = (row[at].mark + row[at].text for row in rows if at < len(row))
                self._wanted[column.key] = max(map(cell_len, texts), default=0)
        self.show(len(rows), lambda at: rows[at] if at < len(rows) else None, empty=empty)

    def choose(self, position: int, *, tell: bool = True) -> None:
        """Put the cursor on a line and scroll to it."""
        position = min(max(0, position), max(0, self.count - 1))
        moved, self.cursor = position != self.cursor, position
        self._into_sight()
        self.refresh()
        if moved and tell and self.count:
            self.post_message(self.Chosen(self, position))

    @property
    def rows_in_sight(self) -> int:
        """Return how many lines fit below the heads."""
        return max(1, self.size.height - HEAD)

    @property
    def first_in_sight(self) -> int:
        """Return the position of the uppermost line."""
        return round(self.scroll_y)

    def action_move(self, lines: int) -> None:
        """Move the cursor."""
        self.choose(self.cursor + lines)

    def action_page(self, pages: float) -> None:
        """Move the cursor by screenfuls."""
        step = round(pages * self.rows_in_sight) or (1 if pages > 0 else -1)
        self.scroll_to(y=self.scroll_y + step, animate=False, force=True, immediate=True)
        self.choose(self.cursor + step)

    def action_first(self) -> None:
        """Go to the first line."""
        self.choose(0)

    def action_last(self) -> None:
        """Go to the last line."""
        self.choose(self.count - 1)

    def action_open(self) -> None:
        """Open the chosen line."""
        if self.count:
            self.post_message(self.Opened(self, self.cursor))

    def on_click(self, event: Click) -> None:
        """Choose a clicked line, open a chosen line, or sort by a clicked head."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < HEAD:
            for layout in self._layout():
                if layout.left <= offset.x < layout.left + layout.width:
                    self.post_message(self.HeadClicked(layout.column.key))
            return
        position = self.first_in_sight + offset.y - HEAD
        if position >= self.count:
            return
        if position == self.cursor:
            self.action_open()
        else:
            self.choose(position)

    def on_resize(self) -> None:
        """Show other lines after a change of size."""
        self._resize()
        self._into_sight()

    def render_line(self, y: int) -> Strip:
        """Return a line of heads, or of cells."""
        base = self.visual_style.rich_style
        width = self.room
        if y < HEAD:
            return self._head(base).adjust_cell_length(width, base)
        position = self.first_in_sight + y - HEAD
        if position >= self.count:
            words = self._empty if not self.count and y == HEAD + 1 else ""
            return Strip([Segment(f"  {words}", base + severity_style(self, Severity.FAINT))]).adjust_cell_length(
                width, base
            )
        cells = self._lines(position)
        if position == self.cursor and self.CURSOR:
            base += cursor_style(self, base)
        if cells is None:
            return Strip([Segment("  …", base + severity_style(self, Severity.FAINT))]).adjust_cell_length(width, base)
        return Strip(self._segments(cells, base)).adjust_cell_length(width, base)

    def _head(self, base: RichStyle) -> Strip:
        look = base + severity_style(self, Severity.FAINT)
        segments: list[Segment] = []
        for layout in self._layout():
            text = head_cell(layout, self._sort[0], reverse=self._sort[1])
            segments += [Segment(text, look), Segment(" " * GAP, base)]
        return Strip(segments)

    def _segments(self, cells: Sequence[Cell], base: RichStyle) -> list[Segment]:
        by_column = dict(zip((column.key for column in self.columns), cells, strict=False))
        segments: list[Segment] = []
        for layout in self._layout():
            cell = by_column.get(layout.column.key, Cell())
            if cell.pieces:
                segments += [*self._pieces(cell, layout, base), Segment(" " * GAP, base)]
                continue
            look = self._cell_style(cell)
            if cell.strong:
                look += RichStyle(bold=True)
            segments += [Segment(self._text(cell, layout), base + look), Segment(" " * GAP, base)]
        return segments

    def _text(self, cell: Cell, layout: ColumnLayout) -> str:
        text = cell.text
        if layout.column.names:
            text = self.shortened(layout.width).get(text, text)
        return fitted_cell(f"{cell.mark} {text}" if cell.mark else text, layout)

    def _pieces(self, cell: Cell, layout: ColumnLayout, base: RichStyle) -> list[Segment]:
        found: list[Segment] = []
        room = layout.width
        for at, (words, tone) in enumerate(cell.pieces):
            text = f"{' ' if at else ''}{words}"
            if cell_len(text) > room:
                break  # a cut number would be another number
            found.append(Segment(text, base + self._cell_style(replace(cell, tone=tone))))
            room -= cell_len(text)
        return [*found, Segment(" " * room, base)]

    def _cell_style(self, cell: Cell) -> RichStyle:
        if cell.heat is not None:
            return heat_style(self, cell.heat)
        return (
            series_style(self, cell.tone, bold=cell.strong) if cell.tone >= 0 else severity_style(self, cell.severity)
        )

    @property
    def room(self) -> int:
        """Return the columns that the scroll bar leaves."""
        return self.scrollable_content_region.width

    def _layout(self) -> list[ColumnLayout]:
        return self.places(self.room)

    def places(self, width: int) -> list[ColumnLayout]:
        """Return the columns' places; what shortened names leave free goes to the column of width 0."""
        places = lay_out(self.columns, width, self._wanted)
        used = {one.column.key: self._used(one) for one in places if one.column.names and one.column.width}
        if not any(used[one.column.key] < one.width for one in places if one.column.key in used):
            return places
        exact = tuple(
            replace(column, width=used[column.key], names=False) if column.key in used else column
            for column in self.columns
        )
        by_key = {column.key: column for column in self.columns}
        others = {key: wide for key, wide in self._wanted.items() if key not in used}
        return [replace(one, column=by_key[one.column.key]) for one in lay_out(exact, width, others)]

    def _used(self, of: ColumnLayout) -> int:
        """Return the cells that the names take in a column that is too narrow for them; else its width."""
        if not self._names or self._wanted.get(of.column.key, 0) <= of.width:
            return of.width
        longest = max(map(cell_len, self.shortened(of.width).values())) + MARKED
        return min(of.width, max(longest, cell_len(of.column.label)))

    def shortened(self, width: int) -> Mapping[str, str]:
        """Return the names' forms in a column of this width, by whole name."""
        room = max(1, width - MARKED)
        if room not in self._short:
            self._short[room] = dict(zip(self._names, shorten_names(self._names, room), strict=True))
        return self._short[room]

    def _resize(self) -> None:
        wanted = Size(self.room, self.count + HEAD)
        if wanted != self.virtual_size:
            self.virtual_size = wanted

    def _into_sight(self) -> None:
        rows = self.rows_in_sight
        top = min(max(self.first_in_sight, self.cursor - rows + 1), self.cursor)
        top = min(top, max(0, self.count - rows))
        if top != self.first_in_sight:
            self.scroll_to(y=top, animate=False, force=True, immediate=True)


class StillTable(ListTable, can_focus=False):
    """A list without its own keys; its chosen line shows what is selected elsewhere."""


class PlainTable(ListTable, can_focus=False):
    """A list without keys and without a chosen line."""

    CURSOR = False
