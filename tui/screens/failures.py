"""The Failures screen: what goes wrong, how often, and for which model.

`tui.data.failure_groups` makes the groups. Of wrong answers that are grouped by problem, what differs is read of the
newest one of each group in sight.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from sampler.reporting.verdict_explanation import explanation
from sampler.store.read_models import SampleDetail
from sampler.store.sample_readers import SampleReader
from sampler.values import sample_number
from tui.data.export import Tabular
from tui.data.failure_groups import (
    DifferenceCounter,
    FailureCounter,
    FailureGroup,
    GroupTable,
    filter_of,
    merge_messages,
    without_message,
)
from tui.data.snapshot import Snapshot
from tui.screens.base import StudyScreen
from tui.screens.sample_pages import coloured_lines, pages
from tui.text import Severity, glyph, grouped, sanitize, severity_of
from tui.view_state import tone_of, toned_names
from tui.widgets.list_table import Cell, Column, ListTable
from tui.widgets.plot import mark
from tui.widgets.styles import is_dark, series_style
from tui.widgets.text_view import TextView

NARROW = 96  # cells of the list, below which the error has no column of its own
COLUMNS = (
    Column(key="count", label="count", width=8, right=True),
    Column(key="share", label="share", width=6, right=True),
    Column(key="verdict", label="verdict", width=12),
    Column(key="error", label="error", width=19, middle=True, needs=NARROW),
    Column(key="models", label="by model", width=26, needs=110),
    Column(key="message", label="message", width=0),
)


def group_cells(
    group: FailureGroup, total: int, tones: Mapping[int, int], differs: str = "", *, brief: bool = False
) -> tuple[Cell, ...]:
    """Return the cells of one group; `tones` are the models' places, by id, `differs` what its newest sample did.

    With `brief` there is no column for the error, and the message begins with it.
    """
    error = f"{sanitize(group.error, 60)}: " if brief and group.error else ""
    parts = sorted((tones.get(model, 0), count) for model, count in group.by_model.items() if model in tones)
    return (
        Cell(text=f"{'≈' if group.estimated else ''}{grouped(group.count)}", strong=True),
        Cell(text=f"{group.count / total * 100:.1f}%" if total else "—"),
        Cell(text=f"{glyph(group.verdict)} {sanitize(group.verdict, 20)}", severity=severity_of(group.verdict)),
        Cell(text=sanitize(group.error, 100) or "—", severity=Severity.PLAIN if group.error else Severity.FAINT),
        Cell(pieces=tuple((f"{mark(tone)}{grouped(count)}", tone) for tone, count in parts)),
        Cell(text=error + message_words(group, differs), severity=Severity.FAINT),
    )


def message_words(group: FailureGroup, differs: str = "") -> str:
    """Return what the failures of a group have in common, or what the newest one of them did."""
    if group.message:
        return group.message
    said = differs or without_message(group)
    return f"{sanitize(group.problem, 60)}: {said}" if group.problem else said


_LINE = re.compile(r"\bline (\d+)\b")
_BEFORE = 4  # lines of code above the one that is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """The newest sample of a group: what happened, and its program, a line of which may be to blame."""

    detail: SampleDetail
    reason: str
    line: int | None


def read_example(reader: SampleReader, verdict: int) -> Example | None:
    """Return the sample of a verdict, and why it failed; None if it is no longer in the store."""
    rows = reader.page([verdict])
    detail = reader.detail(rows[0].sample_id) if rows else None
    if detail is None:
        return None
    reason = explanation(detail)[0].partition(": ")[2]
    blamed = _LINE.findall(reason) if rows[0].verdict in {"SYNTAX", "ERROR"} else []
    return Example(detail=detail, reason=reason, line=int(blamed[-1]) if blamed else None)


def example_lines(example: Example, named: Text, *, dark: bool) -> list[Text]:
    """Return an example as lines: which sample, why it failed, its program from a little above the blamed line on.

    `named` is the mark of its model.
    """
    row = example.detail.row
    page = pages(example.detail, (), None)[0]
    code = coloured_lines(page, dark=dark)
    start = max(0, (example.line or 0) - 1 - _BEFORE) if example.line and example.line <= len(code) else 0
    lines = [
        Text.assemble(
            named,
            (f"{sanitize(row.model, 200)} · {sanitize(row.problem, 200)} #{sample_number(row.index)}", "dim"),
        ),
        Text(f"{glyph(row.verdict or '')} {sanitize(example.reason, 600)}", "bold"),
    ]
    for number, line in enumerate(code[start:], start + 1):
        blamed = number == example.line
        lines.append(Text.assemble((f"{'▸' if blamed else ' '}{number:>3} ", "bold" if blamed else "dim"), line))
    return lines


class Grouping(StrEnum):
    """How failures are grouped."""

    MESSAGE = "verdict, error and message"
    DIFFERENCE = "what differs, across problems"
    ERROR = "verdict and error"


class FailuresScreen(StudyScreen):
    """Groups of failures, the largest first, and the newest sample of the chosen one."""

    NAME = "failures"
    HELP: ClassVar[str] = """
Every sample whose latest verdict is not PASSED, grouped by verdict, error and message. Quoted names and numbers are
replaced by … in a message, so that failures of one kind form one group. Wrong answers are grouped by problem, with what
the newest one answered and what was expected. "by model" shows the count of each model beside its mark. m groups
wrong answers by what differs, across problems ("off by one", "None where a list was expected"), and other failures by
their error alone; then all by error alone. ≈ marks counts that are estimated from 2,000 wrong answers chosen at random.

Below (or beside, in a wide window) is the newest sample of the chosen group: why it failed, and its code, with ▸ at the
line that the error names.

enter lists the samples of a group, o only those of the selected model.
"""
    CSS = """
    #failures { height: 1fr; layout: vertical; }
    #list-pane { height: 1fr; }
    FailuresScreen #example-pane { height: 1fr; }
    FailuresScreen.-vast #failures { layout: horizontal; }
    FailuresScreen.-vast #list-pane { width: 3fr; }
    FailuresScreen.-vast #example-pane { width: 2fr; }
    FailuresScreen.-tiny #example-pane, FailuresScreen.-zoomed #example-pane { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "m",
            "messages",
            "Group by",
            id="failures.messages",
            tooltip="Group by message and problem, by what differs across problems, or by error",
        ),
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
        self._grouping = Grouping.MESSAGE
        self._differences: DifferenceCounter | None = None
        self._differing = GroupTable()
        self._busy = False
        self._examples: dict[int, Example | None] = {}  # by the id of their verdict
        self._asked: set[int] = set()
        self._previewed: tuple[int, bool] | None = None

    def body(self) -> Iterator[Widget]:
        """Yield the list, and an example of the chosen group."""
        with Container(id="failures"):
            with Container(id="list-pane", classes="pane"):
                yield ListTable(COLUMNS, id="groups")
            with Container(id="example-pane", classes="pane"):
                yield TextView(id="example")

    def on_mount(self) -> None:
        """Focus the list."""
        super().on_mount()
        self.query_one(ListTable).focus()

    @property
    def settled(self) -> bool:
        """Return whether every failure is counted."""
        return not self._shown.behind and not self._busy and self._asked <= set(self._examples)

    def draw(self, snapshot: Snapshot) -> None:
        """Begin to count, or count what is new."""
        if self._counter is None or self._counter.uid != snapshot.study.uid:
            self._counter, self._counted = FailureCounter(snapshot.study.id, snapshot.study.uid), GroupTable()
            self._differences, self._differing = DifferenceCounter(snapshot.study.id), GroupTable()
            self._examples.clear()
            self._asked.clear()
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
        match self._grouping:
            case Grouping.MESSAGE:
                return self._counted
            case Grouping.DIFFERENCE:
                return self._differing
            case Grouping.ERROR:
                return merge_messages(self._counted)

    def _draw_groups(self) -> None:
        snapshot, table = self._snapshot, self._shown
        if snapshot is None:
            return
        tones = {model.id: tone for tone, model in enumerate(snapshot.models)}
        rows = table.groups
        words = "no failure yet" if not table.behind else "looking at what differs …"
        if self._counted.behind:
            words = f"{self._counted.scanned * 100:.0f} % scanned …"
        self.query_one(ListTable).show(
            len(rows),
            lambda at: self._cells(rows[at], table.total, tones) if at < len(rows) else None,
            empty=words,
        )
        self._draw_example()
        self._read_examples()
        told = f"Failures · {grouped(table.total)} of {grouped(sum(snapshot.counts.values()))} · {len(rows)} groups"
        if self._counted.behind:
            told += f" · {table.scanned * 100:.0f} % scanned"
        self.set_title("#list-pane", told, f"by {self._grouping} · m changes the grouping")

    def _cells(self, group: FailureGroup, total: int, tones: Mapping[int, int]) -> tuple[Cell, ...]:
        return group_cells(group, total, tones, self._differs(group), brief=self.query_one(ListTable).room < NARROW)

    def _differs(self, group: FailureGroup) -> str:
        example = self._examples.get(group.newest)
        return "" if example is None else sanitize(example.reason, 200)

    def _read_examples(self) -> None:
        """Ask for the examples of the groups in sight; wrong answers show theirs in the list, others in the pane."""
        table, rows = self.query_one(ListTable), self._shown.groups
        first = table.first_in_sight
        seen = rows[first : first + table.rows_in_sight]
        wanted = [group.newest for group in seen if not group.message]
        chosen = self._chosen
        if chosen is not None:
            wanted.insert(0, chosen.newest)
        for verdict in dict.fromkeys(wanted):
            if verdict not in self._asked:
                self._asked.add(verdict)
                self.app.query_worker.ask(
                    partial(read_example, verdict=verdict),
                    partial(self._example_read, verdict),
                    on_failure=partial(self._asked.discard, verdict),
                    low_priority=chosen is None or verdict != chosen.newest,
                )

    def _example_read(self, verdict: int, example: Example | None) -> None:
        self._examples[verdict] = example
        if self.is_attached:
            self.query_one(ListTable).refresh()
            self._draw_example()

    def _draw_example(self) -> None:
        group, dark, snapshot = self._chosen, is_dark(self), self._snapshot
        example = self._examples.get(group.newest) if group else None
        if group is None or example is None or self._previewed == (group.newest, dark):
            return
        self._previewed = (group.newest, dark)
        tone, _ = toned_names(snapshot).get(example.detail.row.model_id, (-1, "")) if snapshot else (-1, "")
        named = Text(f"{mark(tone)} ", series_style(self, tone)) if tone >= 0 else Text()
        self.query_one("#example", TextView).show(example_lines(example, named, dark=dark), wrapped=True, hang=5)
        self.set_title("#example-pane", "The newest of the group", "enter lists the group's samples")

    def on_list_table_chosen(self, _event: ListTable.Chosen) -> None:
        """Show an example of another group."""
        self._draw_example()
        self._read_examples()

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
        elif self._grouping is Grouping.DIFFERENCE:
            self._pump_differences()

    def _pump_differences(self) -> None:
        counter, counted = self._differences, self._counted
        if counter is None or self._busy or not self.is_attached:
            return
        self._busy = True
        self.app.query_worker.ask_in_slices(
            lambda reader: counter.step(reader, counted),
            lambda table: self._differed(counter, table),
            lambda table: table.behind,
            self._idle,
        )

    def _differed(self, counter: DifferenceCounter, table: GroupTable) -> None:
        self._busy = False
        if counter is self._differences and self.is_attached:
            self._differing = table
            self._draw_groups()
            if self.is_current and table.behind and self._grouping is Grouping.DIFFERENCE:
                self._pump_differences()

    @property
    def _chosen(self) -> FailureGroup | None:
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
        merged = self._grouping is not Grouping.MESSAGE
        self.app.list_samples(filter_of(group, model=model, any_message=merged))

    def action_messages(self) -> None:
        """Group in the next way."""
        ways = list(Grouping)
        self.change(self._group_by, self._grouping, ways[(ways.index(self._grouping) + 1) % len(ways)])

    def _group_by(self, grouping: Grouping) -> None:
        self._grouping = grouping
        self._draw_groups()
        if grouping is Grouping.DIFFERENCE and not self._counted.behind:
            self._pump_differences()

    def action_copy(self) -> None:
        """Copy the chosen group."""
        group = self._chosen
        if group is not None:
            words = message_words(group, self._differs(group))
            self.copy(f"{group.count}× {group.verdict} {group.error} {words}".replace("  ", " "), "group")
