"""Show a list whose lines are rows of a database, loaded a few screens at a time.

`PagedTable` does not use the database. It holds ids by position and the rows of a few screens, posts `RowsNeeded` with
the ids that it is about to draw, gets the rows by `set_rows`, and shows a mark for a row that is not loaded yet. Its
cursor belongs to an id: it stays on its line when lines are added above, except on the first line, where it follows
the newest one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from textual.message import Message

from tui.data.sample_index import NOTHING, SampleOrder
from tui.widgets.list_table import Cell, Column, ListTable

Row = TypeVar("Row", bound=Hashable)
HELD = 2_000
AHEAD = 2  # screenfuls that are asked for in advance, in either direction
MARK = "▪"


class PagedTable(ListTable, Generic[Row]):
    """Rows of a database by the ids of a `SampleOrder`. The first column is for marks."""

    class RowsNeeded(Message):
        """Rows that are not loaded yet."""

        def __init__(self, ids: Sequence[int]) -> None:
            super().__init__()
            self.ids = tuple(ids)

    def __init__(
        self,
        columns: Sequence[Column],
        cells: Callable[[Row], Sequence[Cell]],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(columns, id=id)
        self._cells = cells
        self.order: SampleOrder = NOTHING
        self.following = True
        self._rows: OrderedDict[int, Row] = OrderedDict()
        self._asked: set[int] = set()
        self._chosen: int | None = None
        self.marked: dict[int, None] = {}

    def set_order(self, order: SampleOrder, *, empty: str = "", sort: tuple[str, bool] = ("", False)) -> None:
        """Show these ids from now on."""
        before = self.order
        self.order = order
        at = 0
        if not self.following and self._chosen is not None:
            found = order.position(self._chosen)
            at = min(self.cursor, max(0, order.total - 1)) if found is None else found
        moved = at - self.cursor if before.total else 0
        self.show(order.total, self._line, empty=empty, sort=sort)
        if not self.following and moved:  # the lines in sight stay where they are
            self.scroll_to(y=self.scroll_y + moved, animate=False, force=True, immediate=True)
        self.cursor = at
        self._into_sight()
        self._remember()
        self._look_ahead()

    def start_over(self) -> None:
        """Prepare for another list: choose its first line, and forget the loaded rows."""
        self.order, self.cursor, self.following = NOTHING, 0, True
        self._rows.clear()
        self._asked.clear()
        self._chosen = None
        self.scroll_to(y=0, animate=False, force=True, immediate=True)

    def set_rows(self, rows: Mapping[int, Row], asked: Iterable[int]) -> None:
        """Store rows by their ids; `asked` are the requested ids, found or not."""
        self._asked.difference_update(asked)
        self._rows.update(rows)
        while len(self._rows) > HELD:
            self._rows.popitem(last=False)
        self.refresh()

    @property
    def chosen(self) -> Row | None:
        """Return the row under the cursor, if it is loaded."""
        return self._rows.get(self._chosen) if self._chosen is not None else None

    @property
    def complete(self) -> bool:
        """Return whether every visible row is loaded."""
        return all(id_ in self._rows for id_ in self.order.ids(self.first_in_sight, self.rows_in_sight))

    @property
    def chosen_id(self) -> int | None:
        """Return the id under the cursor."""
        return self._chosen

    def follow(self) -> None:
        """Go to the first line and stay with it."""
        self.choose(0)
        self.following = True
        self._remember()

    def choose(self, position: int, *, tell: bool = True) -> None:
        """Put the cursor on a line; only on the first one it follows the newest line."""
        super().choose(position, tell=tell)
        self.following = self.cursor == 0
        self._remember()
        self._look_ahead()

    def action_mark(self) -> None:
        """Mark the chosen row, or remove its mark."""
        if self._chosen is not None:
            if self._chosen in self.marked:
                del self.marked[self._chosen]
            else:
                self.marked[self._chosen] = None
            self.action_move(1)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Request rows after scrolling."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._look_ahead()

    def on_resize(self) -> None:
        """Request rows after a change of size."""
        super().on_resize()
        self._look_ahead()

    def _line(self, position: int) -> Sequence[Cell] | None:
        if position >= self.order.total:
            return None
        id_ = self.order.at(position)
        row = self._rows.get(id_)
        if row is None:
            return None
        cells = list(self._cells(row))
        if id_ in self.marked:
            cells[0] = replace(cells[0], text=MARK, strong=True)
        return cells

    def _remember(self) -> None:
        self._chosen = self.order.at(self.cursor) if self.cursor < self.order.total else None

    def _look_ahead(self) -> None:
        """Request missing visible rows, with those of some screens around them."""
        rows, first = self.rows_in_sight, self.first_in_sight
        near = self.order.ids(first - rows // 2, 2 * rows)
        if all(id_ in self._rows or id_ in self._asked for id_ in near):
            return
        wide = self.order.ids(first - AHEAD * rows, (2 * AHEAD + 1) * rows)
        missing = [id_ for id_ in wide if id_ not in self._rows and id_ not in self._asked]
        self._asked.update(missing)
        self.post_message(self.RowsNeeded(missing))
