"""The Problems screen: which model passes which problem, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.events import Resize
from textual.widget import Widget

from sampler.store.filters import narrowed
from tui.data.tabular import Tabular
from tui.screens.base import StudyScreen
from tui.screens.heatmap import ORDERS, HeatLine, heat_cells, heat_columns, heat_lines, heat_words, name_width
from tui.view import Snapshot
from tui.view_state import labels_of, tone_of
from tui.widgets.list_table import ListTable


class ProblemsScreen(StudyScreen):
    """A heat map: a line for each problem, a column for each model."""

    NAME = "problems"
    HELP: ClassVar[str] = """
Problems x models: the share of samples that pass, as a shade, in percent, and as passed/scored. · means: no verdict
yet.

←→ chooses the model (▸), enter lists its samples of the problem, o those of every model. s sorts: the data set's order,
hardest first, easiest first, where models differ most, least sampled.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left,h", "model(-1)", "Model", key_display="←→", id="problems.model_left", tooltip="The previous model"
        ),
        Binding("right,l", "model(1)", "Next model", id="problems.model_right", show=False),
        Binding("s", "sort", "Sort", id="problems.sort", tooltip="Another order"),
        Binding("o", "open_all", "All models", id="problems.open_all", tooltip="List the samples of every model"),
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
        """One list."""
        with Container(id="list-pane", classes="pane"):
            yield ListTable((), id="heat")

    def on_mount(self) -> None:
        """The list has the keys at first."""
        super().on_mount()
        self.query_one(ListTable).focus()

    def on_resize(self, event: Resize) -> None:
        """Another width has room for other models."""
        super().on_resize(event)
        self.call_after_refresh(self.redraw)

    def draw(self, shot: Snapshot) -> None:
        """The map."""
        table = self.query_one(ListTable)
        self._lines = lines = heat_lines(shot, self._order)
        width = table.room
        names = labels_of(shot, name_width(width, len(shot.models)))
        columns = heat_columns(names, tone_of(self.hall.choice, shot), width)
        table.columns = columns
        table.show(
            len(lines), lambda at: heat_cells(lines[at], columns) if at < len(lines) else None, empty="no sample yet"
        )
        self.entitle(
            "#list-pane",
            f"Problems · {heat_words(lines)}",
            "in the data set's order" if self._order == ORDERS[0] else f"sorted by {self._order}",
        )

    def table(self) -> Tabular | None:
        """The map as numbers."""
        shot = self._shot
        if shot is None:
            return None
        names = [model.name for model in shot.models]
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
        if self._shot is not None:
            last = len(self._shot.models) - 1
            self.choose(tone=max(0, min(last, tone_of(self.hall.choice, self._shot) + models)))

    def action_sort(self) -> None:
        """Another order."""
        self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
        self.redraw()

    @property
    def _chosen(self) -> HeatLine | None:
        at = self.query_one(ListTable).cursor
        return self._lines[at] if at < len(self._lines) else None

    def on_list_table_opened(self, _event: ListTable.Opened) -> None:
        """List the chosen model's samples of a problem."""
        line, shot = self._chosen, self._shot
        if line is not None and shot is not None and shot.models:
            model = shot.models[tone_of(self.hall.choice, shot)].name
            self.hall.list_samples(narrowed(narrowed("", "problem", line.problem), "model", model))

    def action_open_all(self) -> None:
        """List every model's samples of a problem."""
        if self._chosen is not None:
            self.hall.list_samples(narrowed("", "problem", self._chosen.problem))

    def action_copy(self) -> None:
        """Copy the chosen line."""
        line, shot = self._chosen, self._shot
        if line is not None and shot is not None:
            told = [
                f"{model.name} {rate.passed}/{rate.scored}"
                for model, rate in zip(shot.models, line.rates, strict=True)
                if rate is not None
            ]
            self.copy(f"{line.problem}: {', '.join(told)}", "line")
