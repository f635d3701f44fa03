"""The Samples screen: every sample of the study, filtered and sorted, however many there are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Input

from sampler.plotting import quantity
from sampler.store.filters import FilterError, parse, toggled
from sampler.store.read_models import SampleRow, TallyRow
from sampler.store.sample_readers import SampleReader
from sampler.values import sample_number
from tui.data.export import SampleExport
from tui.data.sample_index import NOTHING, ListQuery, SampleIndex, SampleOrder
from tui.data.snapshot import Snapshot
from tui.screens.base import StudyScreen
from tui.screens.sample_detail import DetailScreen
from tui.text import Severity, clock, glyph, grouped, sanitize, severity_of
from tui.view_state import toned_names
from tui.widgets.list_table import Cell, Column, ListTable
from tui.widgets.paged_table import PagedTable
from tui.widgets.plot import mark

COLUMNS = (
    Column(key="mark", label="", width=1),
    Column(key="at", label="time", width=8, needs=100),
    Column(key="verdict", label="verdict", width=12),
    Column(key="model", label="model", width=22, names=True),
    Column(key="problem", label="problem", width=14, middle=True),
    Column(key="idx", label="#", width=5, right=True),
    Column(key="tok", label="tok", width=6, right=True, needs=66),
    Column(key="thought", label="think", width=6, right=True, needs=142),
    Column(key="sec", label="sec", width=7, right=True, needs=126),
    Column(key="flops", label="FLOPs", width=10, right=True, needs=120),
    Column(key="cpu", label="cpu s", width=7, right=True, needs=150),
    Column(key="mem", label="MB", width=6, right=True, needs=160),
    Column(key="error", label="error", width=0, needs=76),
)
THINKING = tuple(replace(one, needs=84) if one.key == "thought" else one for one in COLUMNS)  # where models think
SORTED_BY = {
    "at": "newest",
    **{key: key for key in ("verdict", "model", "problem", "tok", "thought", "sec", "flops", "cpu", "mem")},
}
SORT_ORDER = ("newest", "problem", "model", "verdict", "tok", "thought", "sec", "flops", "cpu", "mem")


def columns_for(tallies: Sequence[TallyRow]) -> tuple[Column, ...]:
    """Return the columns; how long a sample thought stands beside its verdict where any did, in most windows."""
    return THINKING if any(row.thought_tokens for row in tallies) else COLUMNS


def sample_cells(row: SampleRow, models: Mapping[int, tuple[int, str]]) -> Sequence[Cell]:
    """Return the cells of one sample; `models` are tones and names, by id."""
    tone, name = models.get(row.model_id, (-1, sanitize(row.model, 200)))
    verdict = row.verdict or "pending"
    return (
        Cell(text=" "),
        Cell(text=clock(row.at), severity=Severity.FAINT),
        Cell(text=verdict_words(row.verdict), severity=severity_of(verdict) if row.verdict else Severity.FAINT),
        Cell(text=name, mark=mark(tone) if tone >= 0 else "", tone=tone),
        Cell(text=sanitize(row.problem, 200)),
        Cell(text=sample_number(row.index), severity=Severity.FAINT),
        Cell(text="—" if row.completion_tokens is None else str(row.completion_tokens)),
        Cell(text="—" if row.thought_tokens is None else str(row.thought_tokens)),
        Cell(text=f"{row.seconds:.2f}" if row.seconds else "—"),
        Cell(text=quantity(row.flops, "FLOPs") if row.flops else "—"),
        Cell(text="—" if row.cpu_s is None else f"{row.cpu_s:.3f}"),
        Cell(text="—" if row.memory_mb is None else f"{row.memory_mb:.0f}"),
        Cell(text=error_words(row), severity=Severity.PLAIN),
    )


def verdict_words(verdict: str | None) -> str:
    """Return a verdict with its glyph."""
    return "○ pending" if verdict is None else f"{glyph(verdict)} {sanitize(verdict, 20)}"


def error_words(row: SampleRow) -> str:
    """Return how it failed, and what is odd about it."""
    told = ": ".join(sanitize(part, 300) for part in (row.error_type, row.error_message) if part)
    flags = " ".join(f"[{sanitize(flag, 40)}]" for flag in row.flags.split(",") if flag)
    return f"{told}  {flags}".strip()


def sample_words(row: SampleRow) -> str:
    """Return a sample on one line."""
    return "  ".join(
        part
        for part in (
            clock(row.at),
            verdict_words(row.verdict),
            f"{sanitize(row.model, 200)} {sanitize(row.problem, 200)} #{sample_number(row.index)}",
            "" if row.completion_tokens is None else f"{row.completion_tokens} tok",
            error_words(row),
        )
        if part
    )


def sample_json(rows: Sequence[SampleRow]) -> str:
    """Return samples as JSON: an object, or a list of several."""
    told = [asdict(row) for row in rows]
    return json.dumps(told[0] if len(told) == 1 else told, ensure_ascii=True, indent=1)


HINT = "model:qwen*  verdict:timeout  tok>300  problem:HumanEval/3?  err:~IndexError  -infra  since:10m"


class SamplesScreen(StudyScreen):
    """A windowed list over the store."""

    NAME = "samples"
    HELP: ClassVar[str] = """
Every sample with its latest verdict, the newest first. Only visible rows are read, so a long list is fast.

Filter (/): all words must match; - negates a word.
  model:qwen*   verdict:timeout,wrong   problem:HumanEval/3?   err:IndexError   err:~"out of range"   flag:near_limit
  tok>300   sec<2   flops>1e12   cpu>1   mem>100   idx:0   turn>0   since:10m   before:1h   code:~"import os"
  finish:length   passed   failed   pending (or infra: no verdict, because the sandbox failed)   flagged   cut
  and any other word

A later turn of a tree stands as #0+1: of the draft 0 the first program after it; its page says what it follows.

space marks rows; Y copies the marked rows as JSON. e exports all samples that match the filter.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", id="samples.filter", tooltip="Filter the list"),
        Binding(
            "exclamation_mark",
            "failures",
            "Failures",
            key_display="!",
            id="samples.failures",
            tooltip="List only failures, or all samples",
        ),
        Binding("ctrl+slash,ctrl+underscore", "clear", "Clear filter", id="samples.clear", show=False),
        Binding("s", "sort", "Sort", id="samples.sort", tooltip="Sort by the next column"),
        Binding("S", "reverse", "Reverse", id="samples.reverse", show=False, tooltip="Reverse the order"),
        Binding("space", "mark", "Mark", id="samples.mark", show=False, tooltip="Mark or unmark the row"),
        Binding("f", "follow", "Follow", id="samples.follow", show=False, tooltip="Follow the newest sample"),
        Binding("y", "copy", "Copy", id="samples.copy", show=False, tooltip="Copy the row"),
        Binding(
            "Y", "copy_json", "Copy JSON", id="samples.copy_json", show=False, tooltip="Copy the marked rows as JSON"
        ),
        Binding("z", "zoom", "Zoom", id="samples.zoom", show=False),
        Binding("escape", "back", "Back", id="samples.back", show=False),
    ]
    CSS = "#filter.-wrong { color: $error; }"

    def __init__(self) -> None:
        super().__init__()
        self._index: SampleIndex | None = None
        self._order: SampleOrder = NOTHING
        self._busy = False
        self._before = ""  # the filter that escape brings back
        self._typings = 0
        self._told = ""
        self._names: Mapping[int, tuple[int, str]] = {}

    def body(self) -> Iterator[Widget]:
        """Yield the list and the filter."""
        with Container(id="list-pane", classes="pane"):
            yield PagedTable(COLUMNS, self._cells, id="samples")
        yield Input(id="filter", classes="field", placeholder=HINT, compact=True, select_on_focus=False)

    def on_mount(self) -> None:
        """Focus the list."""
        super().on_mount()
        self._samples.focus()

    @property
    def _samples(self) -> PagedTable[SampleRow]:
        return self.query_one("#samples", PagedTable)

    @property
    def settled(self) -> bool:
        """Return whether all samples that match the filter are listed."""
        return self._index is not None and not self._busy and not self._order.behind and self._samples.complete

    # the list

    def draw(self, snapshot: Snapshot) -> None:
        """Begin a list, or read what is new."""
        self._names = toned_names(snapshot)
        self._samples.columns = columns_for(snapshot.tallies)
        self._samples.set_names([name for _, name in self._names.values()])
        self._samples.widen("problem", {sanitize(row.problem, 200) for row in snapshot.tallies})
        query = self._query(snapshot)
        if self._index is None or self._changed(query):
            self._index = SampleIndex(query)
            self._order = NOTHING
            self._samples.start_over()
            self._draw_title()
        self._pump()
        self._samples.refresh()

    def _query(self, snapshot: Snapshot) -> ListQuery:
        view_state = self.app.view_state
        held = self._index.query.filter if self._index else None
        asked = (
            held
            if held is not None and held.text == view_state.filter
            else parse(view_state.filter, self.app.machine.clock())
        )
        return ListQuery(
            study=snapshot.study.id,
            uid=snapshot.study.uid,
            filter=asked,
            sort=view_state.sort,
            reverse=view_state.reverse,
        )

    def _changed(self, query: ListQuery) -> bool:
        return self._index is not None and self._index.query != query

    def _pump(self) -> None:
        """Ask for the next slice, one at a time."""
        index = self._index
        if index is None or self._busy or not self.is_attached:
            return
        self._busy = True
        drawn = self._order is not NOTHING  # the first slice is shown at once
        self.app.query_worker.ask_in_slices(
            index.step,
            lambda order: self._stepped(index, order),
            lambda order: drawn and order.behind and index is self._index,
            self._idle,
        )

    def _idle(self) -> None:
        self._busy = False

    def _stepped(self, index: SampleIndex, order: SampleOrder) -> None:
        self._busy = False
        if index is self._index and self.is_attached:
            self._order = order
            query = index.query
            column = next((key for key, sort in SORTED_BY.items() if sort == query.sort), "")
            words = "no sample matches the filter" if query.filter.text else "no sample yet"
            empty = f"{order.scanned * 100:.0f} % scanned …" if order.behind else words
            self._samples.set_order(order, empty=empty, sort=(column, query.reverse))
            self._draw_title()
        if self.is_current and (order.behind or index is not self._index):
            self._pump()

    def _draw_title(self) -> None:
        snapshot, order, view_state = self._snapshot, self._order, self.app.view_state
        if snapshot is None:
            return
        words = [f"Samples · {grouped(order.total)}"]
        if view_state.filter:
            words[0] += f" of {grouped(snapshot.study.scored)}"
            words.append(sanitize(view_state.filter, 60))
        if order.behind:
            words.append(f"{order.scanned * 100:.0f} % scanned")
        marked = len(self._samples.marked)
        foot = [f"{marked} marked"] if marked else []
        foot.append(f"sorted by {view_state.sort}{' ▲' if view_state.reverse else ''}")
        if view_state.sort == "newest" and self._samples.following and not view_state.reverse:
            foot.append("following")
        self.set_title("#list-pane", " · ".join(words), " · ".join(foot))

    def _cells(self, row: SampleRow) -> Sequence[Cell]:
        return sample_cells(row, self._names)

    def on_paged_table_rows_needed(self, event: PagedTable.RowsNeeded) -> None:
        """Read the rows that the list is about to draw."""
        pending = self._index.query.filter.pending if self._index else False
        ids = event.ids

        def read(reader: SampleReader) -> dict[int, SampleRow]:
            rows = reader.page(ids, pending=pending)
            return {(row.sample_id if pending else row.verdict_id or 0): row for row in rows}

        self.app.query_worker.ask(
            read, lambda rows: self._samples.set_rows(rows, ids), on_failure=lambda: self._samples.set_rows({}, ids)
        )

    def on_list_table_chosen(self, _event: ListTable.Chosen) -> None:
        """Show whether the list follows."""
        self._draw_title()

    def on_list_table_opened(self, _event: ListTable.Opened) -> None:
        """Show all of a sample."""
        row = self._samples.chosen
        if row is not None:
            self.app.push_screen(DetailScreen(row.sample_id, self._neighbour))

    def _neighbour(self, step: int, failing: bool) -> int | None:  # noqa: FBT001 - as action_next
        """Move the cursor for the detail screen; the sample's id, if its row is here."""
        samples = self._samples
        position = samples.cursor + step
        while 0 <= position < samples.count:
            samples.choose(position)
            row = samples.chosen
            if row is None or not failing or row.verdict not in {"PASSED", None}:
                return row.sample_id if row else None
            position += step
        return None

    def on_list_table_head_clicked(self, event: ListTable.HeadClicked) -> None:
        """Sort by that column, or reverse its order."""
        sort = SORTED_BY.get(event.key)
        if sort == self.app.view_state.sort:
            self.action_reverse()
        elif sort is not None:
            self.choose(sort=sort, reverse=False)

    # the filter

    def action_filter(self) -> None:
        """Open the field for a filter."""
        field = self.query_one("#filter", Input)
        self._typings += 1
        self._before = self.app.view_state.filter
        field.add_class("-shown")
        field.value = self._before
        field.cursor_position = len(self._before)
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Apply the typed filter at once, if it is valid."""
        field = event.input
        if not field.has_class("-shown"):
            return
        try:
            parse(event.value, 0.0)
        except FilterError as error:
            field.add_class("-wrong")
            self._told = str(error)
            self.set_title("#list-pane", f"Samples · {sanitize(self._told, 200)}")
            return
        field.remove_class("-wrong")
        self._told = ""
        if event.value != self.app.view_state.filter:
            self.choose(together=("filter", self._typings), filter=event.value)

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Keep the filter."""
        if self._told:
            self.notify(self._told, severity="error", markup=False)
            return
        self._close_filter()

    def _close_filter(self) -> None:
        self.query_one("#filter", Input).remove_class("-shown", "-wrong")
        self._told = ""
        self._samples.focus()
        self._draw_title()

    def action_failures(self) -> None:
        """List only failures, or all samples again."""
        self.choose(filter=toggled(self.app.view_state.filter, "failed"))

    def action_clear(self) -> None:
        """Clear the filter."""
        self.choose(filter="")

    def action_sort(self) -> None:
        """Sort by the next column."""
        at = SORT_ORDER.index(self.app.view_state.sort)
        self.choose(sort=SORT_ORDER[(at + 1) % len(SORT_ORDER)], reverse=False)

    def action_reverse(self) -> None:
        """Reverse the order."""
        self.choose(reverse=not self.app.view_state.reverse)

    def action_mark(self) -> None:
        """Mark the row."""
        self._samples.action_mark()
        self._draw_title()

    def action_follow(self) -> None:
        """Go to the newest sample and follow it."""
        self._samples.follow()
        self._draw_title()

    def action_copy(self) -> None:
        """Copy the row as text."""
        row = self._samples.chosen
        if row is not None:
            self.copy(sample_words(row), "row")

    def action_copy_json(self) -> None:
        """Copy the marked rows, or the chosen one, as JSON."""
        table = self._samples
        ids = list(table.marked) or ([table.chosen_id] if table.chosen_id is not None else [])
        pending = self._index.query.filter.pending if self._index else False
        if ids:
            self.app.query_worker.ask(
                lambda reader: reader.page(ids[:500], pending=pending),
                lambda rows: self.copy(sample_json(rows), f"{len(rows)} rows as JSON"),
            )

    def export(self, file: Path) -> None:
        """Write every sample that matches the filter, page by page."""
        pending = self._index.query.filter.pending if self._index else False
        self._write_next_page(SampleExport(self._order, file, pending=pending))

    def _write_next_page(self, export: SampleExport) -> None:
        def write(reader: SampleReader) -> tuple[int, bool] | str:
            try:
                return export.step(reader)
            except OSError as error:
                return f"Cannot write {str(export.file)!r}: {error.strerror or error}"

        def written(found: tuple[int, bool] | str) -> None:
            if isinstance(found, str):
                self.app.tell(found)
            elif found[1]:
                self.app.tell(f"{export.file.name}: {found[0]} rows")
            else:
                self._write_next_page(export)

        self.app.query_worker.ask(write, written, low_priority=True)

    def action_back(self) -> None:
        """Close the filter without a change, or leave the screen."""
        if self.query_one("#filter", Input).has_class("-shown"):
            if self.app.view_state.filter != self._before:
                self.undo_step()
            self._close_filter()
        else:
            super().action_back()
