"""The Runs screen: every study of this store and of the stores beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from tui.data.runs import COLUMNS, Run, find_runs, run_cells
from tui.data.tabular import Tabular
from tui.screens.base import StudyScreen
from tui.view import Snapshot, Trouble
from tui.widgets.list_table import ListTable

LOOK_SECONDS = 2.0


class RunsScreen(StudyScreen):
    """Studies; enter opens one."""

    NAME = "runs"
    HELP: ClassVar[str] = """
The studies of the store that is open (▸) and of every other *.db in its folder, the latest first. A study that says it
runs but whose process is gone is CRASHED; one that has not given a sign for half a minute is STALE. enter opens one on
the Live screen.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy", id="runs.copy", show=False, tooltip="Copy the store's path"),
        Binding("escape", "back", "Back", id="runs.back", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._runs: list[Run] = []

    def body(self) -> Iterator[Widget]:
        """One list."""
        with Container(id="list-pane", classes="pane"):
            yield ListTable(COLUMNS, id="runs")

    def on_mount(self) -> None:
        """The folder is looked at now and then."""
        super().on_mount()
        self.query_one(ListTable).focus()
        self.set_interval(LOOK_SECONDS, self._look)
        self._look()

    def show(self, news: Snapshot | Trouble) -> None:
        """A store that cannot be read is no reason to hide the others."""
        if isinstance(news, Snapshot):
            super().show(news)

    def draw(self, shot: Snapshot) -> None:
        """The list, with the present study marked."""
        now, present = self.hall.machine.clock(), self.hall.store
        rows = self._runs
        self.query_one(ListTable).show(
            len(rows),
            lambda at: run_cells(rows[at], now, here=self._is_here(rows[at], shot)) if at < len(rows) else None,
            empty="looking …",
        )
        self.entitle("#list-pane", f"Runs · {len(rows)} in {present.parent}", "enter opens")

    def _is_here(self, run: Run, shot: Snapshot) -> bool:
        return run.store == self.hall.store and run.study is not None and run.study.id == shot.study.id

    @property
    def settled(self) -> bool:
        """Whether the folder was looked at."""
        return bool(self._runs)

    def table(self) -> Tabular | None:
        """The list."""
        return Tabular(
            columns=("store", "study", "status", "scored", "wanted"),
            rows=(
                (str(r.store), r.study.name, r.study.status, r.study.scored, r.study.wanted)
                for r in self._runs
                if r.study
            ),
        )

    def _look(self) -> None:
        if self.is_current:
            present, host = self.hall.store, self.hall.machine.name
            self.hall.desk.think(lambda: find_runs(present, host), self._found)

    def _found(self, runs: list[Run]) -> None:
        self._runs = runs
        self.redraw()

    def on_list_table_opened(self, event: ListTable.Opened) -> None:
        """Look at that study."""
        run = self._runs[event.position] if event.position < len(self._runs) else None
        if run is not None and run.study is not None:
            self.hall.open_study(run.store, run.study.id)

    def action_copy(self) -> None:
        """Copy the path of the store."""
        at = self.query_one(ListTable).cursor
        if at < len(self._runs):
            self.copy(str(self._runs[at].store), "path")
