"""The Runs screen: every study of this store and of the stores beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from sampler.plotting import duration
from sampler.store.lock import is_abandoned
from sampler.store.read_models import StudyRow
from sampler.store.reader import Reader, StoreError
from tui.data.export import Tabular
from tui.data.snapshot import Snapshot, StoreProblem
from tui.progress import STATE_SEVERITY, run_state
from tui.screens.base import StudyScreen
from tui.text import Severity, grouped, percent_done, sanitize
from tui.widgets.list_table import Cell, Column, ListTable

MOST = 200  # stores that are looked into

COLUMNS = (
    Column(key="here", label="", width=1),
    Column(key="study", label="study", width=24, middle=True),
    Column(key="state", label="state", width=13),
    Column(key="done", label="done", width=5, right=True),
    Column(key="samples", label="samples", width=19, right=True, needs=76),
    Column(key="problems", label="problems", width=9, right=True, needs=96),
    Column(key="began", label="started", width=15, right=True, needs=92),
    Column(key="took", label="took", width=11, right=True, needs=110),
    Column(key="store", label="store", width=0, middle=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyEntry:
    """One study in one store; a store that cannot be read is a run without a study and with a reason."""

    store: Path
    study: StudyRow | None
    why_not: str = ""


def find_studies(present: Path, host: str) -> list[StudyEntry]:
    """Return the studies of this store and of the stores beside it, latest first; `host` is this machine's name."""
    stores = {present, *sorted(present.parent.glob("*.db"), key=_age)[:MOST]}
    runs: list[StudyEntry] = []
    for store in sorted(stores):
        try:
            with Reader(store) as reader:
                runs += [
                    StudyEntry(store=store, study=study, why_not="gone" * is_abandoned(study, host))
                    for study in reader.studies()
                ]
        except StoreError as error:
            if store == present:
                runs.append(StudyEntry(store=store, study=None, why_not=str(error)))
    return sorted(runs, key=lambda run: -(run.study.started_at or run.study.created_at) if run.study else 0.0)


def _age(file: Path) -> float:
    try:
        return -file.stat().st_mtime
    except OSError:
        return 0.0


def study_cells(run: StudyEntry, now: float, *, here: bool) -> tuple[Cell, ...]:
    """Return the cells of one study."""
    study = run.study
    mark = Cell(text="▸" if here else " ", strong=True)
    if study is None:
        return (
            mark,
            Cell(text=run.store.name),
            Cell(text="unreadable", severity=Severity.BAD),
            *[Cell()] * 5,
            Cell(text=sanitize(run.why_not, 300)),
        )
    found = run_state(study, now, process_gone=bool(run.why_not))
    began = study.started_at or study.created_at
    until = study.ended_at or study.heartbeat_at or began
    return (
        mark,
        Cell(text=sanitize(study.name, 100), strong=here),
        Cell(text=f"{found.glyph} {found.word}", severity=STATE_SEVERITY[found]),
        Cell(text=percent_done(study.scored, study.wanted) if study.wanted else "—"),
        Cell(text=f"{grouped(study.scored)}/{grouped(study.wanted)}"),
        Cell(text=grouped(study.problems)),
        Cell(text=f"{duration(now - began)} ago"),
        Cell(text=duration(until - began)),
        Cell(text=sanitize(run.store.name, 200), severity=Severity.FAINT),
    )


LOOK_SECONDS = 2.0


class RunsScreen(StudyScreen):
    """Studies; enter opens one."""

    NAME = "runs"
    HELP: ClassVar[str] = """
The studies of the store that is open (▸) and of every other *.db in its folder, the latest first. A study that says it
runs, but whose process is gone, is CRASHED. A study without a heartbeat for 30 seconds is STALE. enter opens a study on
the Live screen.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy", id="runs.copy", show=False, tooltip="Copy the store's path"),
        Binding("escape", "back", "Back", id="runs.back", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._runs: list[StudyEntry] = []

    def body(self) -> Iterator[Widget]:
        """Yield the list."""
        with Container(id="list-pane", classes="pane"):
            yield ListTable(COLUMNS, id="runs")

    def on_mount(self) -> None:
        """Read the folder again at intervals."""
        super().on_mount()
        self.query_one(ListTable).focus()
        self.set_interval(LOOK_SECONDS, self._find_studies)
        self._find_studies()

    def show(self, news: Snapshot | StoreProblem) -> None:
        """Show all studies, even if one store cannot be read."""
        if isinstance(news, Snapshot):
            super().show(news)

    def draw(self, snapshot: Snapshot) -> None:
        """Draw the list, with the present study marked."""
        now, present = self.app.machine.clock(), self.app.store
        rows = self._runs
        table = self.query_one(ListTable)
        table.widen("study", (sanitize(row.study.name, 100) for row in rows if row.study))
        table.show(
            len(rows),
            lambda at: study_cells(rows[at], now, here=self._is_here(rows[at], snapshot)) if at < len(rows) else None,
            empty="searching …",
        )
        self.set_title("#list-pane", f"Runs · {len(rows)} in {present.parent}", "enter opens")

    def _is_here(self, run: StudyEntry, snapshot: Snapshot) -> bool:
        return run.store == self.app.store and run.study is not None and run.study.id == snapshot.study.id

    @property
    def settled(self) -> bool:
        """Return whether the folder was looked at."""
        return bool(self._runs)

    def table(self) -> Tabular | None:
        """Return the list."""
        return Tabular(
            columns=("store", "study", "status", "scored", "wanted"),
            rows=(
                (str(r.store), r.study.name, r.study.status, r.study.scored, r.study.wanted)
                for r in self._runs
                if r.study
            ),
        )

    def _find_studies(self) -> None:
        if self.is_current:
            present, host = self.app.store, self.app.machine.name
            self.app.query_worker.run_in_background(lambda: find_studies(present, host), self._studies_found)

    def _studies_found(self, runs: list[StudyEntry]) -> None:
        self._runs = runs
        self.redraw()

    def on_list_table_opened(self, event: ListTable.Opened) -> None:
        """Show that study."""
        run = self._runs[event.position] if event.position < len(self._runs) else None
        if run is not None and run.study is not None:
            self.app.open_study(run.store, run.study.id)

    def action_copy(self) -> None:
        """Copy the path of the store."""
        at = self.query_one(ListTable).cursor
        if at < len(self._runs):
            self.copy(str(self._runs[at].store), "path")
