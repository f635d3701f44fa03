"""The Problems screen: which model passes which problem, and how often. Shades are also said as numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.events import Resize
from textual.widget import Widget

from sampler.store.filters import narrowed
from tui.data.export import Tabular
from tui.data.snapshot import Snapshot
from tui.screens.base import StudyScreen
from tui.text import Severity, sanitize
from tui.view_state import labels_of, tone_of
from tui.widgets.list_table import Cell, Column, ListTable
from tui.widgets.plot import mark

SHADES = " ░▒▓█"
ORDERS = ("order", "hardest", "easiest", "spread", "unfinished")
_WIDTH = 14
_NAME = 18
_MARKS = 3  # cells before a name: two marks and a blank


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one model did on one problem."""

    scored: int
    passed: int

    @property
    def share(self) -> float | None:
        """Return how many of its samples with a verdict passed; None without one."""
        return self.passed / self.scored if self.scored else None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatLine:
    """One problem, with a rate for each model in the study's order; None where there is no sample."""

    problem: str
    rates: tuple[Rate | None, ...]

    @property
    def shares(self) -> list[float]:
        """Return the shares that are known."""
        return [rate.share for rate in self.rates if rate is not None and rate.share is not None]

    @property
    def mean(self) -> float:
        """Return the mean share over the models that have one; 0 without any."""
        return fmean(self.shares) if self.shares else 0.0

    @property
    def spread(self) -> float:
        """Return how far the models lie apart."""
        return max(self.shares) - min(self.shares) if self.shares else 0.0


def heat_lines(snapshot: Snapshot, order: str = "order") -> list[HeatLine]:
    """Return the problems that have a sample, in the wanted order."""
    by_problem: dict[str, dict[int, Rate]] = {}
    for row in snapshot.tallies:
        by_problem.setdefault(row.problem, {})[row.model_id] = Rate(scored=row.scored, passed=row.passed)
    lines = [
        HeatLine(problem=problem, rates=tuple(rates.get(model.id) for model in snapshot.models))
        for problem, rates in by_problem.items()
    ]
    match order:
        case "hardest":
            lines.sort(key=lambda line: line.mean)
        case "easiest":
            lines.sort(key=lambda line: -line.mean)
        case "spread":
            lines.sort(key=lambda line: -line.spread)
        case "unfinished":
            lines.sort(key=lambda line: sum(rate.scored for rate in line.rates if rate))
        case _:
            pass
    return lines


def shade(share: float) -> str:
    """Return a glyph as dark as a share is large."""
    return SHADES[min(len(SHADES) - 1, int(share * (len(SHADES) - 1) + 0.999))]


def _column_width(width: int, models: int) -> int:
    """Return how wide a model's column may be, where all of them have room; the least otherwise."""
    return max(_WIDTH, (width - _NAME - 1 - 8) // max(1, models) - 1)


def name_width(width: int, models: int) -> int:
    """Return how long a model's name may be in its column, behind two marks and a blank."""
    return _column_width(width, models) - _MARKS


def heat_columns(names: Sequence[str], chosen: int, width: int) -> tuple[Column, ...]:
    """Return a column for the problem, one for each model around the chosen one that has room, one for the mean."""
    longest = max((cell_len(name) for name in names), default=0) + _MARKS
    each = max(_WIDTH, min(_column_width(width, len(names)), longest))
    room = max(1, (width - _NAME - 1 - 8) // (each + 1))
    first = max(0, min(chosen - room // 2, len(names) - room))
    shown = range(first, min(len(names), first + room))
    models = [
        Column(
            key=f"model{tone}",
            label=f"{'▸' if tone == chosen else ' '}{mark(tone)} {names[tone]}",
            width=each,
            middle=True,
        )
        for tone in shown
    ]
    return (
        Column(key="problem", label="problem", width=_NAME, middle=True),
        *models,
        Column(key="mean", label="mean", width=6, right=True),
        Column(key="rest", label="", width=0),
    )


def heat_cells(line: HeatLine, columns: Sequence[Column]) -> tuple[Cell, ...]:
    """Return the cells of one problem, for the columns that are shown."""
    models: Mapping[str, Rate | None] = {f"model{tone}": rate for tone, rate in enumerate(line.rates)}
    cells: list[Cell] = []
    for column in columns:
        if column.key in models:
            cells.append(_rate_cell(models[column.key]))
        elif column.key == "problem":
            cells.append(Cell(text=sanitize(line.problem, 200)))
        elif column.key == "mean":
            cells.append(Cell(text=f"{line.mean * 100:.0f}%" if line.shares else "—", strong=True))
        else:
            cells.append(Cell())
    return tuple(cells)


def _rate_cell(rate: Rate | None) -> Cell:
    if rate is None or rate.share is None:
        return Cell(text="     ·", severity=Severity.FAINT)
    glyphs = shade(rate.share) * 2
    return Cell(text=f"{glyphs}{rate.share * 100:>4.0f}% {rate.passed}/{rate.scored}", heat=rate.share)


def heat_words(lines: Sequence[HeatLine]) -> str:
    """Return a summary of the map in one line."""
    known = [line for line in lines if line.shares]
    nobody = sum(max(line.shares) == 0 for line in known)
    always = sum(min(line.shares) == 1 for line in known)
    return f"{len(known)} problems · {nobody} never passed · {always} always passed"


class ProblemsScreen(StudyScreen):
    """A heat map: a line for each problem, a column for each model."""

    NAME = "problems"
    HELP: ClassVar[str] = """
Problems x models: the share of samples that passed, as a shade, in percent, and as passed/scored. · means that there is
no verdict yet.

←→ selects a model (▸). enter lists its samples of the problem, o those of all models. s changes the order: that of the
data set, hardest first, easiest first, largest difference between models first, least sampled first.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left,h",
            "model(-1)",
            "Model",
            key_display="←→",
            id="problems.model_left",
            tooltip="Select the previous model",
        ),
        Binding("right,l", "model(1)", "Next model", id="problems.model_right", show=False),
        Binding("s", "sort", "Sort", id="problems.sort", tooltip="Change the order"),
        Binding("o", "open_all", "All models", id="problems.open_all", tooltip="List the samples of all models"),
        Binding("y", "copy", "Copy", id="problems.copy", show=False, tooltip="Copy the problem's line"),
        Binding("z", "zoom", "Zoom", id="problems.zoom", show=False),
        Binding("space", "pause", "Pause", id="problems.pause", show=False),
        Binding("escape", "back", "Back", id="problems.back", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._order = ORDERS[0]
        self._lines: list[HeatLine] = []

    def body(self) -> Iterator[Widget]:
        """Yield the list."""
        with Container(id="list-pane", classes="pane"):
            yield ListTable((), id="heat")

    def on_mount(self) -> None:
        """Focus the list."""
        super().on_mount()
        self.query_one(ListTable).focus()

    def on_resize(self, event: Resize) -> None:
        """Draw again after a change of width."""
        super().on_resize(event)
        self.call_after_refresh(self.redraw)

    def draw(self, snapshot: Snapshot) -> None:
        """Draw the map."""
        table = self.query_one(ListTable)
        self._lines = lines = heat_lines(snapshot, self._order)
        width = table.room
        names = labels_of(snapshot, name_width(width, len(snapshot.models)))
        columns = heat_columns(names, tone_of(self.app.view_state, snapshot), width)
        table.columns = columns
        table.show(
            len(lines), lambda at: heat_cells(lines[at], columns) if at < len(lines) else None, empty="no sample yet"
        )
        self.set_title(
            "#list-pane",
            f"Problems · {heat_words(lines)}",
            "in the data set's order" if self._order == ORDERS[0] else f"sorted by {self._order}",
        )

    def table(self) -> Tabular | None:
        """Return the map as numbers."""
        snapshot = self._snapshot
        if snapshot is None:
            return None
        names = [model.name for model in snapshot.models]
        return Tabular(
            columns=("problem", "model", "scored", "passed"),
            rows=(
                (line.problem, name, rate.scored, rate.passed)
                for line in self._lines
                for name, rate in zip(names, line.rates, strict=True)
                if rate is not None
            ),
        )

    def action_model(self, models: int) -> None:
        """Choose another model."""
        if self._snapshot is not None:
            last = len(self._snapshot.models) - 1
            self.choose(tone=max(0, min(last, tone_of(self.app.view_state, self._snapshot) + models)))

    def action_sort(self) -> None:
        """Sort in the next order."""
        self.change(self._sort, self._order, ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)])

    def _sort(self, order: str) -> None:
        self._order = order
        self.redraw()

    @property
    def _chosen(self) -> HeatLine | None:
        at = self.query_one(ListTable).cursor
        return self._lines[at] if at < len(self._lines) else None

    def on_list_table_opened(self, _event: ListTable.Opened) -> None:
        """List the chosen model's samples of a problem."""
        line, snapshot = self._chosen, self._snapshot
        if line is not None and snapshot is not None and snapshot.models:
            model = snapshot.models[tone_of(self.app.view_state, snapshot)].name
            self.app.list_samples(narrowed(narrowed("", "problem", line.problem), "model", model))

    def action_open_all(self) -> None:
        """List every model's samples of a problem."""
        if self._chosen is not None:
            self.app.list_samples(narrowed("", "problem", self._chosen.problem))

    def action_copy(self) -> None:
        """Copy the chosen line."""
        line, snapshot = self._chosen, self._snapshot
        if line is not None and snapshot is not None:
            told = [
                f"{model.name} {rate.passed}/{rate.scored}"
                for model, rate in zip(snapshot.models, line.rates, strict=True)
                if rate is not None
            ]
            self.copy(f"{line.problem}: {', '.join(told)}", "line")
