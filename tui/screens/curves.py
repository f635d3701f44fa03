"""The Curves screen: the plot as large as it gets, and what every model reaches at the rule.

`PlotScreen` is what all screens with a plot share: the rule, the unit, the axis, the band, the shown range of budgets.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from sampler.plotting import format_interval, quantity
from sampler.reporting.metrics import Metric, MetricChoice, metric_at
from sampler.reporting.render import NAMES as UNIT_NAMES
from sampler.stats.budget import Unit
from tui.data.export import Tabular
from tui.data.snapshot import Curves, Series, Snapshot
from tui.screens.base import StudyScreen
from tui.screens.dialogs import BudgetScreen
from tui.text import Severity, next_unit
from tui.view_state import bands_of, labels_of, names_of, rule_of, tone_of
from tui.widgets.list_table import Cell, Column, ListTable, StillTable
from tui.widgets.plot import STAR, CurvePlot, CurveReading, Options, mark, near_words, readings

Window = tuple[float, float]  # from a budget to a larger one
_LEAST = 1.05  # a window's ends differ at least by this factor


def whole(series: Sequence[Series]) -> Window | None:
    """Return the window that holds every curve; None without one that lies above 0."""
    begun = [one for one in series if one.xs and one.end > 0]
    lows = [next((x for x in one.xs if x > 0), one.end) for one in begun]
    return (min(lows), max(one.end for one in begun)) if begun and min(lows) < max(one.end for one in begun) else None


def clipped(one: Series, window: Window) -> Series:
    """Return the part of a curve that lies in the window; without steps where there is none."""
    low, high = window
    if not one.xs or one.end <= low or one.xs[0] >= high:
        return replace(one, xs=(), ys=(), low=(), high=(), ks=(), thin=None, star=None)
    first = one.step(low) or 0
    last = max(at for at, x in enumerate(one.xs) if x < high)
    kept = slice(first, last + 1)
    xs = (max(low, one.xs[first]), *one.xs[first + 1 : last + 1])
    thin = None if one.thin is None or one.thin > last else max(0, one.thin - first)
    return replace(
        one,
        xs=xs,
        ys=one.ys[kept],
        low=one.low[kept],
        high=one.high[kept],
        ks=one.ks[kept],
        thin=thin,
        end=min(one.end, high),
        star=one.star if one.star and low <= one.star[0] <= high else None,
    )


def scaled(window: Window, full: Window, around: float, factor: float) -> Window | None:
    """Return the window made larger or smaller around a budget, in equal shares of its logarithm.

    None where it holds everything.
    """
    low, high = (math.log(end) for end in window)
    centre = math.log(min(max(around, window[0]), window[1]))
    wide = max((high - low) * factor, math.log(_LEAST))
    share = (centre - low) / (high - low)
    return _inside((centre - share * wide, centre + (1 - share) * wide), full)


def slid(window: Window, full: Window, share: float) -> Window | None:
    """Return the window moved by a share of its width, kept inside."""
    low, high = (math.log(end) for end in window)
    step = (high - low) * share
    step = max(math.log(full[0]) - low, min(math.log(full[1]) - high, step))
    return _inside((low + step, high + step), full)


def _inside(logs: tuple[float, float], full: Window) -> Window | None:
    low, high = max(math.log(full[0]), logs[0]), min(math.log(full[1]), logs[1])
    if high - low >= (math.log(full[1]) - math.log(full[0])) * (1 - 1e-9):
        return None
    return math.exp(low), math.exp(high)


def plot_title(snapshot: Snapshot) -> str:
    """Return what the curves are, on which problems, and whether they are final."""
    curves = snapshot.curves
    if curves is None:
        return "pass rate by budget"
    words = [f"pass rate by {UNIT_NAMES[curves.unit]} per problem"]
    if snapshot.study.status != "done" or snapshot.study.scored < snapshot.study.wanted:
        words.append("interim")  # before the rest, which a narrow pane cuts
    if any(curves.problems):
        words.append(_rests_on(curves))
    if any(one.low for one in curves.series):
        words.append("95% interval")
    if any(one.star for one in curves.series):
        words.append("★ greedy")
    return " · ".join(words)


def rule_words(rule: float | None, unit: str) -> str:
    """Return the rule's budget, and the keys to move it."""
    return "" if rule is None else f"budget {quantity(rule, unit)} · ←→ move · x unit"


def _rests_on(curves: Curves) -> str:
    if curves.shared:
        count = max(curves.problems)
        return f"{count} problem{'s' * (count != 1)}"
    return f"each on its own problems: {', '.join(map(str, curves.problems))}"


FAR = 10


class PlotScreen(StudyScreen):
    """A screen with a `CurvePlot` in a pane named plot-pane."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "rule(-1)", "Rule", key_display="←→", id="plot.rule_left", tooltip="Move the budget rule left"),
        Binding("right", "rule(1)", "Rule right", id="plot.rule_right", show=False),
        Binding("shift+left", f"rule(-{FAR})", "Rule far left", id="plot.rule_far_left", show=False),
        Binding("shift+right", f"rule({FAR})", "Rule far right", id="plot.rule_far_right", show=False),
        Binding("backspace", "rule_home", "Reset the rule", id="plot.rule_home", show=False),
        Binding("up,k", "model(-1)", "Previous model", id="plot.model_up", show=False),
        Binding("down,j", "model(1)", "Next model", id="plot.model_down", show=False),
        Binding("x", "unit", "Unit", id="plot.unit", tooltip="Count budgets in FLOPs, seconds, tokens or samples"),
        Binding("l", "log", "Log", id="plot.log", show=False, tooltip="Use a logarithmic or a linear axis"),
        Binding("b", "budget", "Budget", id="plot.budget", tooltip="Type a budget, as 1T, 2 TFLOP, 30s or $0.02"),
        Binding(
            "B", "band", "Bands", id="plot.band", show=False, tooltip="Show the band of one model, of two, or of none"
        ),
        Binding(
            "p",
            "problems",
            "Problems",
            id="plot.problems",
            show=False,
            tooltip="Use shared problems, or each model's own",
        ),
        Binding("c", "pin", "Pin", id="plot.pin", show=False, tooltip="Pin this model to compare others with it"),
        Binding("z", "zoom", "Zoom", id="plot.zoom", tooltip="Show only the plot"),
        Binding(
            "space", "pause", "Pause", id="plot.pause", show=False, tooltip="Pause the display. The study goes on."
        ),
        Binding("escape", "back", "Back", id="plot.back", show=False),
    ]

    window: Window | None = None

    @property
    def curves_shown(self) -> bool:
        """Return whether a study with its curves is on the screen."""
        return self._snapshot is not None and self._snapshot.curves is not None

    def draw_plot(self, snapshot: Snapshot, *, readout: bool = True) -> None:
        """Put the curves into the plot, and words around it."""
        curves, view_state = snapshot.curves, self.app.view_state
        rule = rule_of(view_state, snapshot)
        options = Options(
            log=view_state.log,
            bands=bands_of(view_state, snapshot),
            dashes=self.app.no_color,
            selected=tone_of(view_state, snapshot),
            rule=rule,
            unit=UNIT_NAMES[curves.unit] if curves else "",
            readout=readout,
        )
        series = self.series(snapshot)
        self.query_one(CurvePlot).show(
            [clipped(one, self.window) for one in series] if self.window else series, options
        )
        self.set_title("#plot-pane", plot_title(snapshot), rule_words(rule, options.unit))

    def series(self, snapshot: Snapshot) -> list[Series]:
        """Return the curves of the models that this screen shows, with their whole names: the plot knows its room."""
        labels = names_of(snapshot)
        found = snapshot.curves.series if snapshot.curves else ()
        return [replace(one, label=labels[one.tone]) for one in found if one.tone < len(labels)]

    def on_curve_plot_rule_moved(self, event: CurvePlot.RuleMoved) -> None:
        """Move the rule to a clicked budget."""
        self.choose(rule=event.budget)

    def action_rule(self, columns: int) -> None:
        """Move the budget rule."""
        rule = rule_of(self.app.view_state, self._snapshot) if self._snapshot else None
        if rule is not None:
            self.choose(together="rule", rule=self.query_one(CurvePlot).plot.moved(rule, columns))

    def action_rule_home(self) -> None:
        """Move the rule to its default place."""
        self.choose(rule=None)

    def action_model(self, models: int) -> None:
        """Select another model."""
        if self._snapshot is not None:
            last = len(self._snapshot.models) - 1
            self.choose(tone=max(0, min(last, tone_of(self.app.view_state, self._snapshot) + models)))

    def action_unit(self) -> None:
        """Count budgets in the next unit that was measured."""
        if self._newest is None or self._newest.curves is None:
            return
        unit = next_unit(self._newest.curves.unit, self._newest.units)
        self.window = None
        self.choose(curves=replace(self.app.view_state.curves, unit=unit))

    def action_problems(self) -> None:
        """Compare on shared problems, or show each model on its own."""
        request = self.app.view_state.curves
        self.choose(curves=replace(request, shared=not request.shared))

    def action_log(self) -> None:
        """Switch between logarithmic and linear budgets."""
        self.choose(log=not self.app.view_state.log)

    def action_band(self) -> None:
        """Show the interval of the selected model, that of the pinned one too, or none."""
        self.choose(bands=(self.app.view_state.bands + 1) % 3)

    def action_budget(self) -> None:
        """Ask for a budget, and move the rule to it."""
        snapshot = self._newest
        if snapshot is None or snapshot.curves is None:
            return
        unit = snapshot.curves.unit
        self.app.push_screen(BudgetScreen(unit, snapshot.units), self._set_budget)

    def _set_budget(self, typed: tuple[Unit, float] | None) -> None:
        if typed is not None:
            unit, budget = typed
            request = self.app.view_state.curves
            if self._newest is None or self._newest.curves is None or unit != self._newest.curves.unit:
                self.window = None
                request = replace(request, unit=unit)
            self.choose(rule=budget, curves=request)

    def action_pin(self) -> None:
        """Compare others with the chosen model."""
        if self._snapshot is not None:
            tone = tone_of(self.app.view_state, self._snapshot)
            self.choose(pinned=tone)
            self.notify(
                f"{labels_of(self._snapshot)[tone]} is pinned. Press 6 to compare it with the selected model.",
                markup=False,
            )


COLUMNS = (
    Column(key="rank", label="", width=2, right=True),
    Column(key="model", label="model", width=32, names=True),
    Column(key="rate", label="pass rate %", width=11, right=True),
    Column(key="near", label="95% interval", width=13),
    Column(key="k", label="samples", width=8, right=True),
    Column(key="reliable", label="all k right", width=11, right=True, needs=112),
    Column(key="problems", label="problems", width=9, right=True, needs=84),
    Column(key="behind", label="behind the best", width=16, right=True, needs=100),
    Column(key="note", label="", width=0),
)
IN, OUT, SIDE = 0.6, 1 / 0.6, 0.2


# What the column of reliability shows, with its words; those of Bayes@N are of all samples, whatever the rule says.
RELIABLE: tuple[tuple[str, MetricChoice, str], ...] = (
    ("all k right", MetricChoice(Metric.ALL_OF_K), "pass^k: all of the k samples are right"),
    ("half right", MetricChoice(Metric.SHARE), "G-Pass@k: at least half of the k samples are right"),
    ("mean share", MetricChoice(Metric.MEAN_SHARE), "mG-Pass@k: the mean of that over shares from a half, of even k"),
    ("majority", MetricChoice(Metric.MAJORITY), "maj@k: more than half of the k samples are right"),
    (
        "bayes@n",
        MetricChoice(Metric.BAYES),
        "Bayes@N: a sample is right, with the credible interval for these problems",
    ),
)


def columns_for(metric: int) -> tuple[Column, ...]:
    """Return the columns, with one for the chosen metric of reliability."""
    label, choice, _ = RELIABLE[metric]
    width = 19 if choice.metric is Metric.BAYES else 11  # with its interval
    chosen = Column(key="reliable", label=label, width=width, right=True, needs=101 + width)
    return tuple(chosen if one.key == chosen.key else one for one in COLUMNS)


def reliability_words(one: CurveReading, metric: int) -> str:
    """Return a metric of reliability at the rule, in percent; a dash where it is not defined."""
    found = metric_at(RELIABLE[metric][1], one.hits, int(one.k or 0))
    if found is None:
        return "—"
    near = "" if found.interval is None else f" {format_interval(found.interval.low, found.interval.high)}"
    return f"{found.value * 100:.1f}{near}"


def readout_cells(
    one: CurveReading, rank: int, best: float | None, curves: Curves, metric: int = 0
) -> tuple[Cell, ...]:
    """Return the cells of one model at the rule; rates are in percent."""
    behind = "" if one.rate is None or best is None else f"{(one.rate - best) * 100:+.1f}" if one.rate < best else "—"
    star = (
        f"{STAR} greedy {one.star[1] * 100:.1f} % for {quantity(one.star[0], UNIT_NAMES[curves.unit])}"
        if one.star
        else ""
    )
    note = "< 1 sample" if one.rate is None else "beyond the samples: lower bound" if one.beyond else ""
    return (
        Cell(text=str(rank) if one.rate is not None else "", severity=Severity.FAINT),
        Cell(text=one.label, mark=mark(one.tone), tone=one.tone),
        Cell(text="—" if one.rate is None else f"{'≥' if one.beyond else ''}{one.rate * 100:.1f}", strong=True),
        Cell(text=near_words(one)),
        Cell(text="" if one.k is None else f"k={one.k:.0f}"),
        Cell(text=reliability_words(one, metric)),
        Cell(text=str(curves.problems[one.tone])),
        Cell(text=behind),
        Cell(text=" · ".join(part for part in (star, note) if part), severity=Severity.FAINT),
    )


class CurvesScreen(PlotScreen):
    """One plot and its readout."""

    NAME = "curves"
    COMPARED = True
    HELP: ClassVar[str] = """
Pass rate against budget per problem: a budget buys each model k samples, and the rate is the chance that one of k
passes; "all k right" is the chance that each of them does (pass^k), and m shows other metrics of reliability in its
place. The rule (←→ or a click) marks one budget. The
table below shows every model at this budget, the best first. ★ is a model's greedy sample, if the study has one: it has
its own cost and is not one of the curve's samples.

+ and - zoom in and out around the rule, ctrl+← and ctrl+→ move the range, = shows the whole range. x changes the unit
of budgets (FLOPs, seconds, tokens, samples), l makes the axis linear, b types a budget, B shows the
band of one model, of two (the pinned one) or none, p uses each model's own
problems instead of shared ones, c pins a model for Compare.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus", f"scale({IN})", "Zoom in", key_display="+-", id="curves.closer"),
        Binding("minus", f"scale({OUT})", "Zoom out", key_display="-", id="curves.out", show=False),
        Binding("equals_sign", "whole", "Whole range", key_display="=", id="curves.whole", show=False),
        Binding(
            "m",
            "metric",
            "Metric",
            id="curves.metric",
            show=False,
            tooltip="Show another metric of how reliable k samples are",
        ),
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
        table = self.query_one(ListTable)
        table.columns = columns_for(self.metric)
        table.set_names(names_of(snapshot))
        curves = snapshot.curves
        table.show_rows(
            [readout_cells(one, rank, best, curves, self.metric) for rank, one in enumerate(found, 1)]
            if curves
            else [],
            empty="no curve yet",
        )
        tones = [one.tone for one in found]
        tone = tone_of(self.app.view_state, snapshot)
        table.choose(tones.index(tone) if tone in tones else 0, tell=False)
        words = f"{RELIABLE[self.metric][2]} · " if self.metric else ""
        self.set_title("#readout-pane", "At the rule", f"{words}m metric · ↑↓ or a click selects a model")

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
        self.change(self._show_window, self.window, scaled(self.window or full, full, rule, factor))

    def action_slide(self, share: float) -> None:
        """Move the shown range left or right."""
        if self.window and self._full:
            self.change(self._show_window, self.window, slid(self.window, self._full, share))

    def action_metric(self) -> None:
        """Show the next metric of reliability."""
        self.change(self._show_metric, self.metric, (self.metric + 1) % len(RELIABLE))

    def _show_metric(self, metric: int) -> None:
        self.metric = metric
        self.redraw()

    def action_whole(self) -> None:
        """Show all budgets again."""
        if self.window:
            self.change(self._show_window, self.window, None)

    def _show_window(self, window: Window | None) -> None:
        self.window = window
        self.redraw()

    _full: tuple[float, float] | None = None
    metric = 0  # which of RELIABLE is shown

    def _readings(self, snapshot: Snapshot) -> list[CurveReading]:
        rule = rule_of(self.app.view_state, snapshot)
        return readings(self.series(snapshot), rule) if rule is not None else []
