"""The Failures screen: what goes wrong, how often, and for which model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from tui.data.export import Tabular
from tui.data.failure_groups import FailureCounter, Group, GroupTable, filter_of, merge_messages
from tui.data.snapshot import Snapshot
from tui.formats import Severity, glyph, grouped, severity_of
from tui.screens.base import StudyScreen
from tui.text import sanitize
from tui.view_state import tone_of
from tui.widgets.list_table import Cell, Column, ListTable
from tui.widgets.plot import mark

COLUMNS = (
    Column(key="count", label="count", width=8, right=True),
    Column(key="share", label="share", width=6, right=True),
    Column(key="verdict", label="verdict", width=12),
    Column(key="error", label="error", width=19, middle=True),
    Column(key="models", label="by model", width=26, needs=110),
    Column(key="message", label="message", width=0),
)


def group_cells(group: Group, total: int, tones: Mapping[int, int]) -> tuple[Cell, ...]:
    """Return the cells of one group; `tones` are the models' places, by id."""
    parts = sorted((tones.get(model, 0), count) for model, count in group.by_model.items() if model in tones)
    return (
        Cell(text=grouped(group.count), strong=True),
        Cell(text=f"{group.count / total * 100:.1f}%" if total else "—"),
        Cell(text=f"{glyph(group.verdict)} {sanitize(group.verdict, 20)}", severity=severity_of(group.verdict)),
        Cell(text=sanitize(group.error, 100) or "—", severity=Severity.PLAIN if group.error else Severity.FAINT),
        Cell(text=" ".join(f"{mark(tone)}{grouped(count)}" for tone, count in parts)),
        Cell(text=group.message or _without_message(group), severity=Severity.FAINT),
    )


def _without_message(group: Group) -> str:
    if group.verdict != "WRONG":
        return "—"
    return "an assertion failed" if group.error == "AssertionError" else "answers differ"


class FailuresScreen(StudyScreen):
    """FailureCounter of failures, the largest first."""

    NAME = "failures"
    HELP: ClassVar[str] = """
Every sample whose latest verdict is not PASSED, grouped by verdict, error and message. Quoted names and numbers are
replaced by … in a message, so that failures of one kind form one group. "by model" shows the count of each model beside
its mark.

enter lists the samples of a group, o only those of the selected model. m merges the messages of an error.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "messages", "Messages", id="failures.messages", tooltip="Group by error, or by error and message"),
        Binding(
            "o",
            "open_model",
            "Samples of the model",
            id="failures.open_model",
            show=False,
            tooltip="List the selected model's samples",
        ),
        Binding("y", "copy", "Copy", id="failures.copy", show=False, tooltip="Copy the group"),
        Binding("z", "zoom", "Zoom", id="failures.zoom", show=False),
        Binding("space", "pause", "Pause", id="failures.pause", show=False),
        Binding("escape", "back", "Back", id="failures.back", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._counter: FailureCounter | None = None
        self._counted = GroupTable()
        self._coarse = False
        self._busy = False

    def body(self) -> Iterator[Widget]:
        """One list."""
        with Container(id="list-pane", classes="pane"):
            yield ListTable(COLUMNS, id="groups")

    def on_mount(self) -> None:
        """Focus the list."""
        super().on_mount()
        self.query_one(ListTable).focus()

    @property
    def settled(self) -> bool:
        """Return whether every failure is counted."""
        return not self._counted.behind and not self._busy

    def draw(self, snapshot: Snapshot) -> None:
        """Begin to count, or count what is new."""
        if self._counter is None or self._counter.uid != snapshot.study.uid:
            self._counter, self._counted = FailureCounter(snapshot.study.id, snapshot.study.uid), GroupTable()
        self._pump()
        self._draw_groups()

    def table(self) -> Tabular | None:
        """Return the groups."""
        return Tabular(
            columns=("verdict", "error", "message", "count"),
            rows=((group.verdict, group.error, group.message, group.count) for group in self._shown.groups),
        )

    @property
    def _shown(self) -> GroupTable:
        return merge_messages(self._counted) if self._coarse else self._counted

    def _draw_groups(self) -> None:
        snapshot, table = self._snapshot, self._shown
        if snapshot is None:
            return
        tones = {model.id: tone for tone, model in enumerate(snapshot.models)}
        rows = table.groups
        words = "no failure yet" if not table.behind else f"{table.scanned * 100:.0f} % scanned …"
        self.query_one(ListTable).show(
            len(rows), lambda at: group_cells(rows[at], table.total, tones) if at < len(rows) else None, empty=words
        )
        told = f"Failures · {grouped(table.total)} of {grouped(snapshot.study.scored)} · {len(rows)} groups"
        if table.behind:
            told += f" · {table.scanned * 100:.0f} % scanned"
        self.set_title("#list-pane", told, "by verdict and error" if self._coarse else "by verdict, error and message")

    def _pump(self) -> None:
        counter = self._counter
        if counter is None or self._busy or not self.is_attached:
            return
        self._busy = True
        self.app.query_worker.ask_in_slices(
            counter.step, lambda table: self._stepped(counter, table), lambda table: table.behind, self._idle
        )

    def _idle(self) -> None:
        self._busy = False

    def _stepped(self, counter: FailureCounter, table: GroupTable) -> None:
        self._busy = False
        if counter is self._counter and self.is_attached:
            self._counted = table
            self._draw_groups()
        if self.is_current and (table.behind or counter is not self._counter):
            self._pump()

    @property
    def _chosen(self) -> Group | None:
        at, rows = self.query_one(ListTable).cursor, self._shown.groups
        return rows[at] if at < len(rows) else None

    def on_list_table_opened(self, _event: ListTable.Opened) -> None:
        """List the samples of a group."""
        self._list(None)

    def action_open_model(self) -> None:
        """List the chosen model's samples of a group."""
        snapshot = self._snapshot
        if snapshot is not None and snapshot.models:
            self._list(snapshot.models[tone_of(self.app.view_state, snapshot)].name)

    def _list(self, model: str | None) -> None:
        group = self._chosen
        if group is None:
            return
        self.app.list_samples(filter_of(group, model=model, any_message=self._coarse))

    def action_messages(self) -> None:
        """Group by error only, or by message, too."""
        self._coarse = not self._coarse
        self._draw_groups()

    def action_copy(self) -> None:
        """Copy the chosen group."""
        group = self._chosen
        if group is not None:
            self.copy(f"{group.count}× {group.verdict} {group.error} {group.message}".strip(), "group")
