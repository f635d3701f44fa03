"""The Samples screen: every sample of the study, filtered and sorted, however many there are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Input

from sampler.drawing.axis import quantity
from sampler.store.filters import FilterError, parse, toggled
from sampler.store.read_models import SampleRow
from sampler.store.reader_samples import SampleReader
from tui.data.export import SampleExport
from tui.data.sample_index import NOTHING, Listing, Order, Wanted
from tui.data.snapshot import Snapshot
from tui.formats import Mood, clock, glyph, grouped, mood
from tui.screens.base import StudyScreen
from tui.screens.sample_detail import DetailScreen
from tui.text import harmless
from tui.view_state import toned_names
from tui.widgets.list_table import Cell, Column, ListTable
from tui.widgets.paged_table import SqlTable
from tui.widgets.plot import mark

COLUMNS = (
    Column(key="mark", label="", width=1),
    Column(key="at", label="time", width=8, needs=100),
    Column(key="verdict", label="verdict", width=12),
    Column(key="model", label="model", width=22, middle=True),
    Column(key="problem", label="problem", width=14, middle=True),
    Column(key="idx", label="#", width=5, right=True),
    Column(key="tok", label="tok", width=6, right=True, needs=66),
    Column(key="sec", label="sec", width=7, right=True, needs=126),
    Column(key="flops", label="FLOPs", width=10, right=True, needs=120),
    Column(key="cpu", label="cpu s", width=7, right=True, needs=150),
    Column(key="mem", label="MB", width=6, right=True, needs=160),
    Column(key="error", label="error", width=0, needs=76),
)
SORTED_BY = {
    "at": "newest",
    **{key: key for key in ("verdict", "model", "problem", "tok", "sec", "flops", "cpu", "mem")},
}
SORT_ORDER = ("newest", "problem", "model", "verdict", "tok", "sec", "flops", "cpu", "mem")


def sample_cells(row: SampleRow, models: Mapping[int, tuple[int, str]]) -> Sequence[Cell]:
    """The cells of one sample; `models` are tones and short names, by id."""
    tone, name = models.get(row.model_id, (-1, harmless(row.model, 200)))
    verdict = row.verdict or "pending"
    return (
        Cell(text=" "),
        Cell(text=clock(row.at), mood=Mood.FAINT),
        Cell(text=verdict_words(row.verdict), mood=mood(verdict) if row.verdict else Mood.FAINT),
        Cell(text=f"{mark(tone)} {name}" if tone >= 0 else name, tone=tone),
        Cell(text=harmless(row.problem, 200)),
        Cell(text=str(row.index), mood=Mood.FAINT),
        Cell(text="—" if row.completion_tokens is None else str(row.completion_tokens)),
        Cell(text=f"{row.seconds:.2f}" if row.seconds else "—"),
        Cell(text=quantity(row.flops, "FLOPs") if row.flops else "—"),
        Cell(text="—" if row.cpu_s is None else f"{row.cpu_s:.3f}"),
        Cell(text="—" if row.memory_mb is None else f"{row.memory_mb:.0f}"),
        Cell(text=error_words(row), mood=Mood.PLAIN),
    )


def verdict_words(verdict: str | None) -> str:
    """A verdict with its glyph."""
    return "○ pending" if verdict is None else f"{glyph(verdict)} {harmless(verdict, 20)}"


def error_words(row: SampleRow) -> str:
    """How it failed, and what is odd about it."""
    told = ": ".join(harmless(part, 300) for part in (row.error_type, row.error_message) if part)
    flags = " ".join(f"[{harmless(flag, 40)}]" for flag in row.flags.split(",") if flag)
    return f"{told}  {flags}".strip()


def sample_words(row: SampleRow) -> str:
    """A sample on one line."""
    return "  ".join(
        part
        for part in (
            clock(row.at),
            verdict_words(row.verdict),
            f"{harmless(row.model, 200)} {harmless(row.problem, 200)} #{row.index}",
            "" if row.completion_tokens is None else f"{row.completion_tokens} tok",
            error_words(row),
        )
        if part
    )


def sample_json(rows: Sequence[SampleRow]) -> str:
    """Samples as JSON: an object, or a list of several."""
    told = [asdict(row) for row in rows]
    return json.dumps(told[0] if len(told) == 1 else told, ensure_ascii=True, indent=1)


HINT = "model:qwen*  verdict:timeout  tok>300  problem:HumanEval/3?  err:~IndexError  -infra  since:10m"


class SamplesScreen(StudyScreen):
    """A windowed list over the store."""

    NAME = "samples"
    HELP: ClassVar[str] = """
Every sample with its latest verdict, the newest first. Only the rows in sight are read, so a million are no burden.

Filter (/): words side by side must all hold, - turns one round.
  model:qwen*   verdict:timeout,wrong   problem:HumanEval/3?   err:IndexError   err:~"out of range"   flag:near_limit
  tok>300   sec<2   flops>1e12   cpu>1   mem>100   idx:0   since:10m   before:1h   code:~"import os"   finish:length
  passed   failed   pending (or infra: our fault left it without a verdict)   flagged   cut   and any other word

Marks (space) choose rows for Y, which copies them as JSON. e exports what the filter lets through.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", id="samples.filter", tooltip="Say which samples to list"),
        Binding(
            "exclamation_mark", "failures", "Failures", key_display="!", id="samples.failures", tooltip="Only failures"
        ),
        Binding("ctrl+slash,ctrl+underscore", "clear", "Clear filter", id="samples.clear", show=False),
        Binding("s", "sort", "Sort", id="samples.sort", tooltip="Sort by the next column"),
        Binding("S", "reverse", "Reverse", id="samples.reverse", show=False, tooltip="Turn the order round"),
        Binding("space", "mark", "Mark", id="samples.mark", show=False, tooltip="Mark the row, or take its mark away"),
        Binding("f", "follow", "Follow", id="samples.follow", show=False, tooltip="Stay with the newest"),
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
        self._listing: Listing | None = None
        self._order: Order = NOTHING
        self._busy = False
        self._before = ""  # the filter that escape brings back
        self._told = ""
        self._names: Mapping[int, tuple[int, str]] = {}

    def body(self) -> Iterator[Widget]:
        """The list and the filter."""
        with Container(id="list-pane", classes="pane"):
            yield SqlTable(COLUMNS, self._cells, id="samples")
        yield Input(id="filter", classes="field", placeholder=HINT, compact=True, select_on_focus=False)

    def on_mount(self) -> None:
        """The list has the keys at first."""
        super().on_mount()
        self._samples.focus()

    @property
    def _samples(self) -> SqlTable[SampleRow]:
        return self.query_one("#samples", SqlTable)

    @property
    def settled(self) -> bool:
        """Whether everything that the filter lets through is listed."""
        return self._listing is not None and not self._busy and not self._order.behind and self._samples.complete

    # the list

    def draw(self, shot: Snapshot) -> None:
        """Begin a list, or see what is new."""
        self._names = toned_names(shot)
        wanted = self._wanted(shot)
        if self._listing is None or self._changed(wanted):
            self._listing = Listing(wanted)
            self._order = NOTHING
            self._samples.begin_anew()
            self._draw_title()
        self._pump()
        self._samples.refresh()

    def _wanted(self, shot: Snapshot) -> Wanted:
        choice = self.hall.choice
        held = self._listing.wanted.filter if self._listing else None
        asked = (
            held if held is not None and held.text == choice.filter else parse(choice.filter, self.hall.machine.clock())
        )
        return Wanted(study=shot.study.id, uid=shot.study.uid, filter=asked, sort=choice.sort, reverse=choice.reverse)

    def _changed(self, wanted: Wanted) -> bool:
        return self._listing is not None and self._listing.wanted != wanted

    def _pump(self) -> None:
        """Ask for the next slice, one at a time."""
        listing = self._listing
        if listing is None or self._busy or not self.is_attached:
            return
        self._busy = True
        drawn = self._order is not NOTHING  # the first slice is shown at once
        self.hall.desk.go_on(
            listing.step,
            lambda order: self._stepped(listing, order),
            lambda order: drawn and order.behind and listing is self._listing,
            self._idle,
        )

    def _idle(self) -> None:
        self._busy = False

    def _stepped(self, listing: Listing, order: Order) -> None:
        self._busy = False
        if listing is self._listing and self.is_attached:
            self._order = order
            wanted = listing.wanted
            column = next((key for key, sort in SORTED_BY.items() if sort == wanted.sort), "")
            words = "no sample that the filter lets through" if wanted.filter.text else "no sample yet"
            empty = f"looked through {order.scanned * 100:.0f} % …" if order.behind else words
            self._samples.give_order(order, empty=empty, sort=(column, wanted.reverse))
            self._draw_title()
        if self.is_current and (order.behind or listing is not self._listing):
            self._pump()

    def _draw_title(self) -> None:
        shot, order, choice = self._shot, self._order, self.hall.choice
        if shot is None:
            return
        words = [f"Samples · {grouped(order.total)}"]
        if choice.filter:
            words[0] += f" of {grouped(shot.study.scored)}"
            words.append(harmless(choice.filter, 60))
        if order.behind:
            words.append(f"{order.scanned * 100:.0f} % looked through")
        marked = len(self._samples.marked)
        foot = [f"{marked} marked"] if marked else []
        foot.append(f"sorted by {choice.sort}{' ▲' if choice.reverse else ''}")
        if choice.sort == "newest" and self._samples.following and not choice.reverse:
            foot.append("following")
        self.entitle("#list-pane", " · ".join(words), " · ".join(foot))

    def _cells(self, row: SampleRow) -> Sequence[Cell]:
        return sample_cells(row, self._names)

    def on_sql_table_wants(self, event: SqlTable.Wants) -> None:
        """Read the rows that the list is about to draw."""
        pending = self._listing.wanted.filter.pending if self._listing else False
        ids = event.ids

        def read(reader: SampleReader) -> dict[int, SampleRow]:
            rows = reader.page(ids, pending=pending)
            return {(row.sample_id if pending else row.verdict_id or 0): row for row in rows}

        self.hall.desk.ask(
            read, lambda rows: self._samples.give(rows, ids), otherwise=lambda: self._samples.give({}, ids)
        )

    def on_list_table_chosen(self, _event: ListTable.Chosen) -> None:
        """Say whether the list follows."""
        self._draw_title()

    def on_list_table_opened(self, _event: ListTable.Opened) -> None:
        """See all of a sample."""
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
        """Sort by that column, or turn it round."""
        sort = SORTED_BY.get(event.key)
        if sort == self.hall.choice.sort:
            self.action_reverse()
        elif sort is not None:
            self.choose(sort=sort, reverse=False)

    # the filter

    def action_filter(self) -> None:
        """Say which samples to list."""
        field = self.query_one("#filter", Input)
        self._before = self.hall.choice.filter
        field.add_class("-shown")
        field.value = self._before
        field.cursor_position = len(self._before)
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """List at once what is typed, if it says something."""
        field = event.input
        if not field.has_class("-shown"):
            return
        try:
            parse(event.value, 0.0)
        except FilterError as error:
            field.add_class("-wrong")
            self._told = str(error)
            self.entitle("#list-pane", f"Samples · {harmless(self._told, 200)}")
            return
        field.remove_class("-wrong")
        self._told = ""
        if event.value != self.hall.choice.filter:
            self.choose(filter=event.value)

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
        """Only failures, or all again."""
        self.choose(filter=toggled(self.hall.choice.filter, "failed"))

    def action_clear(self) -> None:
        """No filter."""
        self.choose(filter="")

    def action_sort(self) -> None:
        """Sort by the next column."""
        at = SORT_ORDER.index(self.hall.choice.sort)
        self.choose(sort=SORT_ORDER[(at + 1) % len(SORT_ORDER)], reverse=False)

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.choose(reverse=not self.hall.choice.reverse)

    def action_mark(self) -> None:
        """Mark the row."""
        self._samples.action_mark()
        self._draw_title()

    def action_follow(self) -> None:
        """Back to the newest, and stay there."""
        self._samples.follow()
        self._draw_title()

    def action_copy(self) -> None:
        """Copy the row in words."""
        row = self._samples.chosen
        if row is not None:
            self.copy(sample_words(row), "row")

    def action_copy_json(self) -> None:
        """Copy the marked rows, or the chosen one, as JSON."""
        table = self._samples
        ids = list(table.marked) or ([table.chosen_id] if table.chosen_id is not None else [])
        pending = self._listing.wanted.filter.pending if self._listing else False
        if ids:
            self.hall.desk.ask(
                lambda reader: reader.page(ids[:500], pending=pending),
                lambda rows: self.copy(sample_json(rows), f"{len(rows)} rows as JSON"),
            )

    def export(self, file: Path) -> None:
        """Write every sample that the filter lets through, page by page."""
        pending = self._listing.wanted.filter.pending if self._listing else False
        self._go_on(SampleExport(self._order, file, pending=pending))

    def _go_on(self, export: SampleExport) -> None:
        def write(reader: SampleReader) -> tuple[int, bool] | str:
            try:
                return export.step(reader)
            except OSError as error:
                return f"cannot write {str(export.file)!r}: {error.strerror or error}"

        def told(found: tuple[int, bool] | str) -> None:
            if isinstance(found, str):
                self.hall.tell(found)
            elif found[1]:
                self.hall.tell(f"{export.file.name}: {found[0]} rows")
            else:
                self._go_on(export)

        self.hall.desk.ask(write, told, patient=True)

    def action_back(self) -> None:
        """Close the filter as it was, or leave."""
        if self.query_one("#filter", Input).has_class("-shown"):
            self.choose(filter=self._before)
            self._close_filter()
        else:
            super().action_back()
