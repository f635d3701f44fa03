"""The Compare screen: the chosen model against the pinned one, at every budget and problem by problem."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from sampler.plotting import format_interval, quantity
from sampler.reporting.render import NAMES as UNIT_NAMES
from sampler.store.filters import narrowed
from tui.data.curves import AtBudget, Flip, ModelComparison, compare
from tui.data.export import Tabular
from tui.data.snapshot import Series, Snapshot
from tui.screens.curves import PlotScreen
from tui.text import Severity, sanitize
from tui.view_state import LABEL_WIDTH, labels_of, names_of, pinned_of, rule_of, tone_of
from tui.widgets.list_table import Cell, Column, ListTable, PlainTable
from tui.widgets.plot import CurvePlot, mark

LADDER = (
    Column(key="budget", label="budget", width=11, right=True),
    Column(key="first", label="chosen", width=7, right=True),
    Column(key="second", label="pinned", width=7, right=True),
    Column(key="gap", label=" difference [95%]", width=21),
    Column(key="ks", label="k", width=6),
    Column(key="who", label="", width=0, names=True),
)
FLIPS = (
    Column(key="problem", label="problem", width=18, middle=True),
    Column(key="first", label="chosen", width=7, right=True),
    Column(key="second", label="pinned", width=7, right=True),
    Column(key="gap", label="gap", width=7, right=True),
    Column(key="bar", label="", width=64),
)


LINES = 2  # of the sentence
LEAST_LABEL = 12  # cells of a name in the title of the flips
BESIDE = 44  # cells beside its two names


def ladder_cells(at: AtBudget, models: Sequence[tuple[int, str]], unit: str) -> tuple[Cell, ...]:
    """Return the cells of one budget; `models` are the tones and names of the chosen and of the pinned model."""
    if at.gap is None:
        told, who = "—", Cell(text="< 1 sample" if 0 in at.ks else "beyond the samples", severity=Severity.FAINT)
    else:
        low, high = at.gap.interval.low * 100, at.gap.interval.high * 100
        told = f"{at.gap.mean * 100:+5.1f} [{low:+.1f}, {high:+.1f}]"
        who = Cell(text="no clear winner", severity=Severity.FAINT)
        if at.gap.clear:
            tone, name = models[0] if at.gap.mean > 0 else models[1]
            who = Cell(text=name, mark=mark(tone), tone=tone, strong=True)
    return (
        Cell(text=quantity(at.budget, unit)),
        *(Cell(text="—" if rate is None else f"{rate * 100:.1f}") for rate in at.rates),
        Cell(text=told),
        Cell(text=f"{at.ks[0]}:{at.ks[1]}", severity=Severity.FAINT),
        who,
    )


def flip_columns(tones: tuple[int, int]) -> tuple[Column, ...]:
    """Return the columns of the flips, with the marks of the chosen and of the pinned model in their heads."""
    marks = {"first": mark(tones[0]), "second": mark(tones[1])}
    return tuple(replace(one, label=f"{marks[one.key]}{one.label}") if one.key in marks else one for one in FLIPS)


def flip_cells(flip: Flip, width: int) -> tuple[Cell, ...]:
    """Return the cells of one problem, with a bar on the side of the leading model."""
    half = max(2, (width - 1) // 2)
    cells = round(abs(flip.gap) * half)
    left, right = ("█" * cells, "") if flip.gap > 0 else ("", "█" * cells)
    bar = f"{left:>{half}}│{right:<{half}}"
    return (
        Cell(text=sanitize(flip.problem, 200)),
        *(Cell(text=f"{rate * 100:.0f}%") for rate in flip.rates),
        Cell(text=f"{flip.gap * 100:+.0f}"),
        Cell(text=bar, severity=Severity.PLAIN if flip.gap else Severity.FAINT),
    )


def verdict_words(found: ModelComparison, names: tuple[str, str], unit: str) -> str:
    """Return the comparison at the rule in one sentence."""
    if found.why_not:
        return found.why_not
    at = found.rule
    if at is None or at.gap is None:
        return "one model has no value at this budget: move the rule (←→)"
    low, high = at.gap.interval.low, at.gap.interval.high
    if not at.gap.mean:
        both = f"{names[0]} and {names[1]} reach the same"
        return f"at {quantity(at.budget, unit)}: {both}, 0.0 {format_interval(low, high)} points apart"
    who = names[0] if at.gap.mean > 0 else names[1]
    if at.gap.mean < 0:
        low, high = -high, -low  # of the lead that is told, and not of its opposite
    lead = f"{abs(at.gap.mean) * 100:.1f} {format_interval(low, high)}"
    inside = low <= 0 <= high
    sure = (
        "clear"
        if at.gap.clear
        else f"{'the interval contains 0' if inside else 'not significant after correction'}: no clear winner"
    )
    return f"at {quantity(at.budget, unit)}: {who} ahead by {lead} points, {sure}"


class CompareScreen(PlotScreen):
    """Two curves, their paired difference, and the problems on which they differ."""

    NAME = "compare"
    COMPARED = True
    HELP: ClassVar[str] = """
The chosen model against the pinned one (c pins the next model, v swaps the two), on the problems that both have
finished. "difference" is chosen minus pinned in percentage points, paired by problem, with its 95 % interval. The last
column names a winner where the report would: the interval excludes 0, and the p value is below 5 % after correction for
all budgets and all pairs of the study's models. While a study runs, only the report at its end decides. In a small
window, d shows the table of differences instead of the plot.

With --against, the models of a second store are added here and in Curves. Each model is first compared with itself in
the other store.

Flips lists the problems by the difference between the models at the rule. enter lists the samples of both.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "next_pinned", "Other", id="compare.other", tooltip="Compare with the next model"),
        Binding(
            "d",
            "ladder",
            "Differences",
            id="compare.ladder",
            show=False,
            tooltip="In a small window: the table instead of the plot",
        ),
        Binding("v", "turn", "Swap", id="compare.turn", show=False, tooltip="Swap the chosen and the pinned model"),
    ]
    CSS = """
    CompareScreen #verdict { height: auto; min-height: 1; max-height: 2; padding: 0 1; text-style: bold; }
    CompareScreen #upper { height: 1fr; layout: horizontal; }
    CompareScreen #plot-pane { width: 1fr; height: 1fr; }
    CompareScreen #ladder-pane { width: 80; height: 1fr; }
    CompareScreen #flips-pane { height: 14; }
    CompareScreen.-narrow #upper { layout: vertical; height: 2fr; }
    CompareScreen.-narrow #flips-pane { height: 1fr; }
    CompareScreen.-narrow #ladder-pane { width: 1fr; height: 8; }
    CompareScreen.-short #flips-pane { height: 6; }
    CompareScreen.-short.-narrow #ladder-pane { display: none; height: 1fr; }
    CompareScreen.-short.-narrow.-ladder #ladder-pane { display: block; }
    CompareScreen.-short.-narrow.-ladder #plot-pane { display: none; }
    CompareScreen.-tiny #flips-pane { display: none; }
    CompareScreen.-zoomed #ladder-pane, CompareScreen.-zoomed #flips-pane { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._found: ModelComparison | None = None
        self._asked: tuple[object, ...] = ()
        self._busy = False

    def body(self) -> Iterator[Widget]:
        """Yield the sentence, plot and ladder, flips."""
        yield Static(id="verdict", markup=False)
        with Container(id="upper"):
            with Container(id="plot-pane", classes="pane"):
                yield CurvePlot(id="plot")
            with Container(id="ladder-pane", classes="pane"):
                yield PlainTable(LADDER, id="ladder")
        with Container(id="flips-pane", classes="pane"):
            yield ListTable(FLIPS, id="flips")

    def on_mount(self) -> None:
        """Focus the flips."""
        super().on_mount()
        self.query_one("#flips", ListTable).focus()

    def series(self, snapshot: Snapshot) -> list[Series]:
        """Return the two curves."""
        pair = {tone_of(self.app.view_state, snapshot), pinned_of(self.app.view_state, snapshot)}
        return [one for one in super().series(snapshot) if one.tone in pair]

    def draw(self, snapshot: Snapshot) -> None:
        """Draw the plot at once, and the numbers when they are computed."""
        self.draw_plot(snapshot)
        first, second = tone_of(self.app.view_state, snapshot), pinned_of(self.app.view_state, snapshot)
        if second is None or snapshot.curves is None:
            lacks = (snapshot.compared and snapshot.compared.why_not) or "a comparison needs two models with a curve"
            self.query_one("#verdict", Static).update(Content(sanitize(lacks)))
            return
        rule, unit = rule_of(self.app.view_state, snapshot), snapshot.curves.unit
        asked = (snapshot.study.uid, snapshot.tallies, first, second, unit, rule)
        if asked != self._asked and not self._busy:
            self._asked, self._busy = asked, True
            self.app.query_worker.run_in_background(
                lambda: compare(snapshot, (first, second), unit, rule), self._compared
            )
        self._draw_found(snapshot)

    def _compared(self, found: ModelComparison) -> None:
        self._found, self._busy = found, False
        if self.is_attached and self._snapshot is not None and self.is_current:
            self.draw(self._snapshot)

    def _draw_found(self, snapshot: Snapshot) -> None:
        found = self._found
        if found is None or max(found.tones) >= len(snapshot.models):
            return
        whole = names_of(snapshot)
        first, second = (snapshot.models[tone].name for tone in found.tones)
        unit = UNIT_NAMES[snapshot.curves.unit] if snapshot.curves else ""
        alone = f" · {sanitize(snapshot.compared.why_not)}" if snapshot.compared and snapshot.compared.why_not else ""
        words = self.fit_sentence(lambda of: verdict_words(found, (of[first], of[second]), unit) + alone, LINES)
        self.query_one("#verdict", Static).update(Content(words))
        ladder, flips = self.query_one("#ladder", ListTable), self.query_one("#flips", ListTable)
        ladder.set_names(whole)
        models = [(tone, whole[tone]) for tone in found.tones]
        ladder.show_rows([ladder_cells(at, models, unit) for at in found.ladder], empty=found.why_not)
        flips.columns = flip_columns(found.tones)
        taken = sum(column.width + 1 for column in FLIPS[:-1])
        rows = found.flips
        flips.show(
            len(rows),
            lambda at: flip_cells(rows[at], min(64, flips.room - taken)) if at < len(rows) else None,
            empty="move the rule to compare",
        )
        titled = labels_of(snapshot, max(LABEL_WIDTH, (ladder.room - len("● against ■ ") - 4) // 2))
        pair = " against ".join(f"{mark(tone)} {titled[tone]}" for tone in found.tones)
        self.set_title("#ladder-pane", pair, f"{found.problems} problems · chosen minus pinned")
        ahead = sum(row.gap > 0 for row in rows), sum(row.gap < 0 for row in rows)
        short = labels_of(snapshot, max(LEAST_LABEL, (flips.room - BESIDE) // 2))
        ours, theirs = (f"{mark(tone)} {short[tone]}" for tone in found.tones)
        told = f"Flips at the rule · {ahead[0]} for {ours} · {ahead[1]} for {theirs}"
        self.set_title("#flips-pane", told, "bar to the left: chosen ahead · to the right: pinned ahead")

    @property
    def settled(self) -> bool:
        """Return whether the numbers are made."""
        return super().settled and self._found is not None and not self._busy

    def table(self) -> Tabular | None:
        """Return the ladder."""
        if self._found is None:
            return None
        return Tabular(
            columns=("budget", "k_chosen", "k_pinned", "chosen", "pinned", "difference", "low", "high"),
            rows=(
                (
                    at.budget,
                    *at.ks,
                    *at.rates,
                    *((at.gap.mean, at.gap.interval.low, at.gap.interval.high) if at.gap else (None,) * 3),
                )
                for at in self._found.ladder
            ),
        )

    def on_list_table_opened(self, event: ListTable.Opened) -> None:
        """List the samples of a problem."""
        if event.table.id == "flips" and self._found is not None and event.position < len(self._found.flips):
            self.app.list_samples(narrowed("", "problem", self._found.flips[event.position].problem))

    def action_next_pinned(self) -> None:
        """Compare with the next model."""
        snapshot = self._snapshot
        if snapshot is None or len(snapshot.models) < 2:
            return
        chosen, pinned = tone_of(self.app.view_state, snapshot), pinned_of(self.app.view_state, snapshot)
        others = [tone for tone in range(len(snapshot.models)) if tone != chosen]
        at = others.index(pinned) if pinned in others else -1
        self.choose(pinned=others[(at + 1) % len(others)])

    def action_ladder(self) -> None:
        """On a narrow screen, show the table of differences instead of the plot, or the plot again."""
        self.toggle_class("-ladder")
        self.forget_steps(self.action_ladder)
        if self.has_class("-ladder"):
            self.remember(self.action_ladder)

    def action_turn(self) -> None:
        """Exchange the two."""
        snapshot = self._snapshot
        pinned = pinned_of(self.app.view_state, snapshot) if snapshot else None
        if snapshot is not None and pinned is not None:
            self.choose(tone=pinned, pinned=tone_of(self.app.view_state, snapshot))
