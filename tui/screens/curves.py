"""The Curves screen: the plot as large as it gets, and what every model reaches at the rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from sampler.drawing.axis import measured
from tui.data.export import Tabular
from tui.data.snapshot import Snapshot
from tui.formats import Severity
from tui.screens.plot_base import PlotScreen, scaled, slid, whole
from tui.view_state import rule_of, tone_of
from tui.widgets.curve_plot import CurvePlot
from tui.widgets.list_table import Cell, Column, ListTable, StillTable
from tui.widgets.plot import STAR, Reading, mark, near_words, readings

COLUMNS = (
    Column(key="rank", label="", width=2, right=True),
    Column(key="model", label="model", width=32, middle=True),
    Column(key="rate", label="pass rate", width=10, right=True),
    Column(key="near", label="± 95%", width=11, right=True),
    Column(key="k", label="samples", width=8, right=True),
    Column(key="problems", label="problems", width=9, right=True, needs=84),
    Column(key="behind", label="behind the best", width=16, right=True, needs=100),
    Column(key="note", label="", width=0),
)
IN, OUT, SIDE = 0.6, 1 / 0.6, 0.2


def readout_cells(one: Reading, rank: int, best: float | None, problems: int) -> tuple[Cell, ...]:
    """Return the cells of one model at the rule."""
    behind = "" if one.rate is None or best is None else f"{(one.rate - best) * 100:+.1f}" if one.rate < best else "—"
    star = f"{STAR} greedy {one.star[1] * 100:.1f}% at {measured(one.star[0])}" if one.star else ""
    note = "< 1 sample" if one.rate is None else "beyond the samples: lower bound" if one.beyond else ""
    return (
        Cell(text=str(rank) if one.rate is not None else "", severity=Severity.FAINT),
        Cell(text=f"{mark(one.tone)} {one.label}", tone=one.tone),
        Cell(text="—" if one.rate is None else f"{'≥' if one.beyond else ''}{one.rate * 100:.1f}%", strong=True),
        Cell(text=near_words(one)),
        Cell(text="" if one.k is None else f"k={one.k:.0f}"),
        Cell(text=str(problems)),
        Cell(text=behind),
        Cell(text=" · ".join(part for part in (star, note) if part), severity=Severity.FAINT),
    )


class CurvesScreen(PlotScreen):
    """One plot and its readout."""

    NAME = "curves"
    COMPARED = True
    LABELS = 30
    HELP: ClassVar[str] = """
Pass rate against budget per problem: a budget buys each model k samples, and the rate is the chance that one of k
passes. The rule (←→ or a click) marks one budget. The table below shows every model at this budget, the best first. ★
is a model's greedy sample, if the study has one: it has its own cost and is not one of the curve's samples.

+ and - zoom in and out around the rule, ctrl+← and ctrl+→ move the range, = shows the whole range. x changes the unit
of budgets (FLOPs, seconds, tokens, samples), l makes the axis linear, b hides the band, p uses each model's own
problems instead of shared ones, c pins a model for Compare.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus", f"scale({IN})", "Zoom in", key_display="+-", id="curves.closer"),
        Binding("minus", f"scale({OUT})", "Zoom out", key_display="-", id="curves.out", show=False),
        Binding("equals_sign", "whole", "Whole range", key_display="=", id="curves.whole", show=False),
        Binding("ctrl+left", f"slide(-{SIDE})", "Slide left", id="curves.slide_left", show=False),
        Binding("ctrl+right", f"slide({SIDE})", "Slide right", id="curves.slide_right", show=False),
    ]
    CSS = """
    CurvesScreen #plot-pane { width: 1fr; height: 1fr; }
    CurvesScreen #readout-pane { height: 9; }
    CurvesScreen.-short #readout-pane { height: 6; }
    CurvesScreen.-zoomed #readout-pane { display: none; }
    """

    def body(self) -> Iterator[Widget]:
        """Yield the plot above, the readout below."""
        with Container(id="plot-pane", classes="pane"):
            yield CurvePlot(id="plot")
        with Container(id="readout-pane", classes="pane"):
            yield StillTable(COLUMNS, id="readout")

    def draw(self, snapshot: Snapshot) -> None:
        """Draw plot and readout."""
        self.draw_plot(snapshot, readout=False)
        found = self._readings(snapshot)
        best = max((one.rate for one in found if one.rate is not None), default=None)
        problems = snapshot.curves.problems if snapshot.curves else ()
        table = self.query_one(ListTable)
        table.show_rows(
            [readout_cells(one, rank, best, problems[one.tone]) for rank, one in enumerate(found, 1)],
            empty="no curve yet",
        )
        tones = [one.tone for one in found]
        tone = tone_of(self.app.view_state, snapshot)
        table.choose(tones.index(tone) if tone in tones else 0, tell=False)
        self.set_title("#readout-pane", "At the rule", "↑↓ or a click selects a model")

    def table(self) -> Tabular | None:
        """Return every step of every curve."""
        curves = self._snapshot.curves if self._snapshot else None
        if curves is None:
            return None
        return Tabular(
            columns=("model", "unit", "budget", "k", "rate", "low", "high"),
            rows=(
                (
                    one.label,
                    curves.unit.value,
                    x,
                    one.ks[at] if one.ks else None,
                    one.ys[at],
                    one.low[at] if one.low else None,
                    one.high[at] if one.high else None,
                )
                for one in curves.series
                for at, x in enumerate(one.xs)
            ),
        )

    def on_list_table_chosen(self, event: ListTable.Chosen) -> None:
        """Select a clicked model."""
        found = self._readings(self._snapshot) if self._snapshot else []
        if event.position < len(found):
            self.choose(tone=found[event.position].tone)

    def action_scale(self, factor: float) -> None:
        """Zoom in or out."""
        full = whole(self.series(self._snapshot)) if self._snapshot and not self.window else self._full
        rule = rule_of(self.app.view_state, self._snapshot) if self._snapshot else None
        if full is None or rule is None:
            return
        self._full = full
        self.window = scaled(self.window or full, full, rule, factor)
        self.redraw()

    def action_slide(self, share: float) -> None:
        """Move the shown range left or right."""
        if self.window and self._full:
            self.window = slid(self.window, self._full, share)
            self.redraw()

    def action_whole(self) -> None:
        """Show all budgets again."""
        self.window = None
        self.redraw()

    _full: tuple[float, float] | None = None

    def _readings(self, snapshot: Snapshot) -> list[Reading]:
        rule = rule_of(self.app.view_state, snapshot)
        return readings(self.series(snapshot), rule) if rule is not None else []
