"""Show the models of a study: their progress, and what each reaches at the rule's budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.events import Resize
from textual.widgets import DataTable

from tui.data.snapshot import Snapshot
from tui.progress import scored_of
from tui.text import sanitize, shorten_names
from tui.widgets.plot import Reading, mark, near_words, reading
from tui.widgets.styles import series_style


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLine:
    """One model in the table. `at_rule` is None without a curve or a rule."""

    tone: int
    name: str
    done: float
    pass_1: float | None
    at_rule: Reading | None


def model_lines(snapshot: Snapshot, rule: float | None) -> list[ModelLine]:
    """Return the models in the order of the study."""
    curves = {one.tone: one for one in snapshot.curves.series} if snapshot.curves else {}
    lines = []
    for tone, model in enumerate(snapshot.models):
        wanted = model.wanted * snapshot.study.problems
        rows = [row for row in snapshot.tallies if row.model_id == model.id and row.scored]
        lines.append(
            ModelLine(
                tone=tone,
                name=sanitize(model.name, 200),
                done=scored_of(snapshot, model) / wanted if wanted else 0.0,
                pass_1=sum(row.passed / row.scored for row in rows) / len(rows) if rows else None,
                at_rule=reading(curves[tone], rule) if rule is not None and tone in curves else None,
            )
        )
    return lines


_DONE = 4
_PASS_1 = 6
_RATE, _BRIEF = 18, 14  # with tenths in a lopsided interval, and without
_K = 5
_WIDE = 60  # below, a lopsided interval is told without tenths
_NARROW = 50  # below, there is no column for k
_NARROWER = 43  # below, none for pass@1 either
_SHORTEST_NAME = 8


class ModelsTable(DataTable[Text], inherit_bindings=False):
    """One row for each model; only cells that changed are drawn again."""

    DEFAULT_CSS = """
    ModelsTable {
        width: 1fr; height: auto; max-height: 100%; overflow-x: hidden; scrollbar-size-vertical: 1;
        background: transparent; background-tint: transparent;
        & > .datatable--header { background: transparent; color: $foreground 70%; text-style: none; }
        & > .datatable--cursor { background: $foreground 16%; color: $foreground; text-style: bold; }
        &:focus > .datatable--cursor { background: $foreground 22%; color: $foreground; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "page_up", "Page up", id="models.page_up", show=False),
        Binding("pagedown", "page_down", "Page down", id="models.page_down", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=False, cursor_foreground_priority="renderable")
        self._lines: tuple[ModelLine, ...] = ()
        self._budget = ""
        self._shown: list[list[Text]] = []

    def show(self, lines: Sequence[ModelLine], budget: str) -> None:
        """Show these models from now on; `budget` is that of the rule."""
        if (tuple(lines), budget) != (self._lines, self._budget):
            self._lines, self._budget = tuple(lines), budget
            self._draw()

    def on_resize(self, _event: Resize) -> None:
        """Show other columns after a change of size."""
        self._draw()

    def on_mount(self) -> None:
        """Draw again when the theme changes."""
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._draw())

    def choose(self, tone: int) -> None:
        """Move the cursor to a model."""
        if 0 <= tone < self.row_count:
            self.move_cursor(row=tone)

    def _draw(self) -> None:
        """Change the cells that differ; fill the table again only if its columns or models change."""
        columns = self._columns()
        names = shorten_names([line.name for line in self._lines], columns[1][1])
        cells = [self._cells(line, name, columns) for line, name in zip(self._lines, names, strict=True)]
        wanted = [f"{label}/{width}" for label, width in columns]
        same = len(cells) == self.row_count and wanted == [str(key.value) for key in self.columns]
        if not same:
            chosen = self.cursor_row
            self.clear(columns=True)
            for (label, width), key in zip(columns, wanted, strict=True):
                self.add_column(Text(label, justify="right" if width in {_DONE, _K} else "left"), width=width, key=key)
            for line in cells:
                self.add_row(*line)
            self.choose(max(0, min(chosen, len(cells) - 1)))
        else:
            for row, (before, after) in enumerate(zip(self._shown, cells, strict=True)):
                for column, cell in enumerate(after):
                    if cell != before[column] or cell.style != before[column].style:
                        self.update_cell_at(Coordinate(row, column), cell)
        self._shown = cells

    def _columns(self) -> list[tuple[str, int]]:
        """Labels and widths; a cell has one cell of padding on either side."""
        width = self.size.width
        rest = [("done", _DONE)]
        if width >= _NARROWER:
            rest.append(("pass@1", _PASS_1))
        rest.append((f"  @{self._budget or '—'}", _RATE if width >= _WIDE else _BRIEF))
        if width >= _NARROW:
            rest.append(("k", _K))
        name = width - 3 - sum(w + 2 for _, w in rest) - 2
        return [("", 1), ("model", max(_SHORTEST_NAME, name)), *rest]

    def _cells(self, line: ModelLine, name: str, columns: Sequence[tuple[str, int]]) -> list[Text]:
        cells = [
            Text(mark(line.tone), style=series_style(self, line.tone, bold=True)),
            Text(name, no_wrap=True),
            Text(f"{line.done * 100:.0f}%", justify="right"),
            Text("—" if line.pass_1 is None else f"{line.pass_1 * 100:.1f}", justify="right"),
            Text(rate_words(line.at_rule, brief=self.size.width < _WIDE)),
            Text(k_words(line.at_rule), justify="right"),
        ]
        if ("pass@1", _PASS_1) not in columns:
            del cells[3]
        return cells[: len(columns)]


def rate_words(found: Reading | None, *, brief: bool = False) -> str:
    """Return what a model reaches at the rule: 81.2 ±12.3 or 76.2 -23.8 +14.3, with ≥ after its curve's end."""
    if found is None:
        return "    —"
    if found.rate is None:
        return "< 1 sample"
    rate = f"{'≥' if found.beyond else ''}{found.rate * 100:.1f}"
    return f"{rate:>6} {near_words(found, brief=brief)}".rstrip()


def k_words(found: Reading | None) -> str:
    """Return how many samples per problem the rule's budget buys."""
    if found is None or found.k is None:
        return "—"
    return f"{'>' if found.beyond else ''}{found.k:.0f}"
