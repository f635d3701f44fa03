"""Show the models of a study: the progress of each, what it reaches at the rule's budget, and its verdicts as bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.events import Resize
from textual.widget import Widget
from textual.widgets import DataTable

from sampler.plotting import fit, shorten_names
from sandbox.values import Verdict
from tui.data.snapshot import Snapshot
from tui.progress import scored_of
from tui.text import Severity, glyph, grouped, sanitize, severity_of
from tui.widgets.plot import CurveReading, mark, near_words, reading
from tui.widgets.styles import series_style, severity_style


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """One model in the table. `at_rule` is None without a curve or a rule."""

    tone: int
    name: str
    done: float
    pass_1: float | None
    at_rule: CurveReading | None


def model_lines(snapshot: Snapshot, rule: float | None) -> list[ModelSummary]:
    """Return the models in the order of the study."""
    curves = {one.tone: one for one in snapshot.curves.series} if snapshot.curves else {}
    lines = []
    for tone, model in enumerate(snapshot.models):
        wanted = model.wanted * snapshot.study.problems
        rows = [row for row in snapshot.tallies if row.model_id == model.id and row.scored]
        lines.append(
            ModelSummary(
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
_RATE = 20  # ≥100.0 [83.9, 100.0]
_K = 5
_WIDE = 60  # from which on every column is shown
_NARROW = 55  # below, there is no column for k
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
        self._lines: tuple[ModelSummary, ...] = ()
        self._budget = ""
        self._shown: list[list[Text]] = []

    def show(self, lines: Sequence[ModelSummary], budget: str) -> None:
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

    def width_for(self, longest: int) -> int:
        """Return the width in which a name of so many cells is whole, with every column beside it."""
        rest = (_DONE, _PASS_1, _RATE, _K)
        return max(_WIDE, 3 + sum(w + 2 for w in rest) + longest + 2) + 1  # and a scroll bar

    def _columns(self) -> list[tuple[str, int]]:
        """Return labels and widths; a cell has one cell of padding on either side.

        Where there is little room, what is done is shown only as long as something is not.
        """
        width = self.size.width
        done = width < _WIDE and all(line.done >= 1 for line in self._lines)
        rest = [] if done else [("done", _DONE)]
        if width >= _NARROWER:
            rest.append(("pass@1", _PASS_1))
        rest.append((f"  @{self._budget or '—'}", _RATE))
        if width >= _NARROW:
            rest.append(("k", _K))
        name = width - 3 - sum(w + 2 for _, w in rest) - 2
        return [("", 1), ("model", max(_SHORTEST_NAME, name)), *rest]

    def _cells(self, line: ModelSummary, name: str, columns: Sequence[tuple[str, int]]) -> list[Text]:
        cells = {
            "": Text(mark(line.tone), style=series_style(self, line.tone, bold=True)),
            "model": Text(name, no_wrap=True),
            "done": Text(f"{int(line.done * 100 + 1e-9)}%", justify="right"),
            "pass@1": Text("—" if line.pass_1 is None else f"{line.pass_1 * 100:.1f}", justify="right"),
            "k": Text(k_words(line.at_rule), justify="right"),
        }
        return [cells.get(label) or Text(rate_words(line.at_rule)) for label, _ in columns]


def rate_words(found: CurveReading | None) -> str:
    """Return what a model reaches at the rule: 81.2 [68.9, 93.5], with ≥ after its curve's end."""
    if found is None:
        return "    —"
    if found.rate is None:
        return "< 1 sample"
    rate = f"{'≥' if found.beyond else ''}{found.rate * 100:.1f}"
    return f"{rate:>6} {near_words(found)}".rstrip()


def k_words(found: CurveReading | None) -> str:
    """Return how many samples per problem the rule's budget buys."""
    if found is None or found.k is None:
        return "—"
    return f"{'>' if found.beyond else ''}{found.k:.0f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictCount:
    """How often one verdict came up."""

    verdict: str
    count: int
    share: float


def verdict_counts(snapshot: Snapshot, model: int) -> list[VerdictCount]:
    """Return the verdicts of one model (by its id): PASSED first, the others by how often they came up."""
    found = {verdict: n for (owner, verdict), n in snapshot.counts.items() if owner == model and n}
    total = sum(found.values())
    ordered = sorted(found, key=lambda verdict: (verdict != Verdict.PASSED, -found[verdict], verdict))
    return [VerdictCount(verdict=sanitize(v, 20), count=found[v], share=found[v] / total) for v in ordered]


def folded(found: Sequence[VerdictCount], rows: int) -> list[VerdictCount]:
    """Return at most `rows` bars; the last one adds up the verdicts that do not fit."""
    if len(found) <= rows or rows < 1:
        return list(found[: max(0, rows)])
    kept, rest = found[: rows - 1], found[rows - 1 :]
    return [*kept, VerdictCount(verdict="OTHERS", count=sum(b.count for b in rest), share=sum(b.share for b in rest))]


_EIGHTHS = " ▏▎▍▌▋▊▉█"
_WORD = 10
_SHARE = 7
_COUNT = 8
_COUNTED_FROM = 44


def bar_text(share: float, width: int) -> str:
    """Return a share of 0…1 as a bar of exactly `width` cells, fine to an eighth of a cell."""
    eighths = round(min(1.0, max(0.0, share)) * width * 8)
    if share > 0:
        eighths = max(1, eighths)
    whole, rest = divmod(eighths, 8)
    drawn = "█" * whole + (_EIGHTHS[rest] if rest else "")
    return drawn.ljust(width)


class VerdictBars(Widget):
    """One bar for each verdict, with most of the width; on a narrow screen the count is hidden first."""

    DEFAULT_CSS = "VerdictBars { width: 1fr; height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._bars: tuple[VerdictCount, ...] = ()

    def show(self, bars: Sequence[VerdictCount]) -> None:
        """Draw these bars from now on."""
        if tuple(bars) != self._bars:
            self._bars = tuple(bars)
            self.refresh()

    def render(self) -> Text:
        """Return as many bars as there are rows."""
        if not self._bars:
            return Text("no verdict yet", style=severity_style(self, Severity.FAINT), end="")
        lines = [self._line(bar, self.size.width) for bar in folded(self._bars, self.size.height)]
        return Text("\n", no_wrap=True, overflow="crop", end="").join(lines)

    def _line(self, bar: VerdictCount, width: int) -> Text:
        counted = width >= _COUNTED_FROM
        room = max(1, width - 2 - _WORD - 1 - _SHARE - (_COUNT if counted else 0))
        style = severity_style(self, Severity.WARN if bar.verdict == "OTHERS" else severity_of(bar.verdict))
        line = Text(no_wrap=True, overflow="crop", end="")
        line.append(f"{glyph(bar.verdict)} {fit(bar.verdict, _WORD)} ", style)
        line.append(bar_text(bar.share, room), style)
        if counted:
            line.append(f"{grouped(bar.count):>{_COUNT}}")
        line.append(f"{bar.share * 100:>{_SHARE - 1}.1f}%")
        return line
