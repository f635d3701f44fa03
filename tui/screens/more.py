"""The More samples screen: what more samples, another way of spending, and more problems would bring.

The numbers are those of `sampler analyse`, at the budget of the rule. They are computed by the query worker, because
fits and resamples take a second or more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from rich.cells import cell_len
from textual.containers import Container
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from sampler.plotting import format_interval, quantity
from sampler.reporting.allocation_report import AllocationRow
from sampler.reporting.analyse import Analysis, AnalysisRequest, ModelAnalysis, analyse
from sampler.reporting.paired_data import PairedData, paired_data
from sampler.reporting.render import NAMES as UNIT_NAMES
from sampler.reporting.render_analysis import WAYS, analysis_conclusion, legs_words
from sampler.reporting.report import Finding, table_at
from sampler.stats.betabinomial import Extrapolation
from sampler.stats.budget import Unit
from sampler.stats.differences import detectable
from sampler.stats.passk import Reach
from tui.data.curves import CHARGE
from tui.data.export import Tabular
from tui.data.snapshot import Snapshot
from tui.screens.curves import PlotScreen
from tui.text import Severity, sanitize
from tui.view_state import labels_of, names_of, rule_of
from tui.widgets.list_table import Cell, Column, PlainTable
from tui.widgets.plot import mark

PROMISES = (
    Column(key="model", label="model", width=14, names=True),
    Column(key="measured", label="measured", width=13),
    Column(key="first", label="promised by a fit", width=26),
    Column(key="second", label="", width=26, needs=98),
    Column(key="third", label="", width=27, needs=126),
    Column(key="beware", label="", width=0, needs=126),
)
SPENDING = (
    Column(key="way", label="way", width=10),
    Column(key="choice", label="whom to ask", width=0, middle=True),
    Column(key="rate", label="solves [95%]", width=18),
    Column(key="cost", label="for", width=17),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreSamples:
    """The analysis at the rule, and a sentence on how many problems would make the lead clear, by models' names."""

    analysis: Analysis
    problems: Callable[[Mapping[str, str]], str]


def more_samples(snapshot: Snapshot, unit: Unit, rule: float) -> MoreSamples:
    """Return what more samples and more problems would bring at the rule's budget."""
    models = [model for model in snapshot.models if model.wanted]
    paired = paired_data(models, snapshot.tallies, snapshot.study.seed)
    request = AnalysisRequest(unit=unit, charge=CHARGE, budgets=(rule,), seed=snapshot.study.seed)
    return MoreSamples(
        analysis=analyse(snapshot.study.name, paired, request), problems=problems_words(paired, unit, rule)
    )


def problems_words(paired: PairedData, unit: Unit, rule: float) -> Callable[[Mapping[str, str]], str]:
    """Return how many problems of the same kind would show the lead that was measured at a budget.

    The sentence takes what to call each model.
    """
    if len(paired.problems) < 2 or len(paired.models) < 2:
        why = "How many problems it takes cannot be said: that needs two models and two complete problems."
        return lambda _: why
    table = table_at(paired, unit, CHARGE, rule)
    row = table.rows[0] if table.rows else None
    cells = [cell for cell in row.cells if cell.point and cell.reach is Reach.REACHED] if row else []
    if row is None or len(cells) < 2 or row.finding not in {Finding.CLEAR, Finding.NO_CLEAR_WINNER}:
        return lambda _: "At this budget no two models can be compared: move the rule (b, ←→)."
    if row.finding is Finding.CLEAR:
        winner = row.model or ""
        return lambda names: f"{names.get(winner, winner)} already leads clearly on {len(paired.problems)} problems."
    best, second = sorted(cells, key=lambda cell: cell.point.rate if cell.point else 0.0, reverse=True)[:2]
    rates = {counts.model: counts.rates for counts in paired.counts.values()}
    gaps = rates[best.model][:, best.k - 1] - rates[second.model][:, second.k - 1]
    found = detectable(np.asarray(gaps, dtype=np.float64))
    least = f"{len(paired.problems)} problems show a lead of {100 * found.difference:.1f} points or more"
    if found.problems is None:
        return lambda _: f"The two best are equal here; {least}."
    lead, needed = 100 * float(gaps.mean()), found.problems
    return lambda names: (
        f"About {needed} problems of this kind would show the lead of {lead:.1f} points of "
        f"{names.get(best.model, best.model)} over {names.get(second.model, second.model)}; {least}."
    )


def promise_cells(model: ModelAnalysis, name: str, tone: int) -> tuple[Cell, ...]:
    """Return the cells of one model: pass@n as measured, and what a fit promises beyond."""
    promised = [promise_words(one.promise) for one in model.beyond[:3]]
    if model.not_fitted:
        promised = [sanitize(model.not_fitted, 100)]
    promised += [""] * (3 - len(promised))
    warning = model.beyond[0].warnings[0] if model.beyond and model.beyond[0].warnings else ""
    measured = "—" if model.measured is None else f"{100 * model.measured:.1f} k={model.n}"
    return (
        Cell(text=name, mark=mark(tone), tone=tone),
        Cell(text=measured, strong=True),
        *(Cell(text=words) for words in promised),
        Cell(text=sanitize(warning, 200), severity=Severity.FAINT),
    )


def promise_words(promise: Extrapolation) -> str:
    """Return a promised rate with its interval and its k."""
    near = format_interval(promise.interval.low, promise.interval.high)
    return f"{100 * promise.rate:.1f} {near} k={promise.k}"


def spending_cells(row: AllocationRow, labels: dict[str, str], unit: str) -> Iterator[tuple[Cell, ...]]:
    """Yield a line for each way of spending the budget, valued on problems that it was not chosen on."""
    rates = [held.rate for held in row.held.values() if held and held.rate is not None and not held.over(row.budget)]
    best = max(rates, default=None)
    for kind, words in WAYS.items():
        choice, held = getattr(row, kind), row.held.get(kind)
        if choice is None:
            continue
        rate, cost = "—", ""
        if held is not None and held.rate is not None:
            near = f" {format_interval(held.interval.low, held.interval.high)}" if held.interval else ""
            rate = f"{100 * held.rate:.1f}{near}"
            cost = f"{quantity(held.cost, unit)}{' (over)' if held.over(row.budget) else ''}"
        yield (
            Cell(text=words),
            Cell(text=legs_words(choice, labels or {name: name for name, _ in choice.legs})),
            Cell(text=rate, strong=held is not None and held.rate == best),
            Cell(text=cost, severity=Severity.FAINT),
        )


def spending_columns(rows: Sequence[tuple[Cell, ...]]) -> tuple[Column, ...]:
    """Return the columns of the ways, no wider than what stands in them, so that choices have the rest."""
    longest = {
        column.key: max(cell_len(text) for text in (column.label, *(row[at].text for row in rows)))
        for at, column in enumerate(SPENDING)
    }
    return tuple(replace(column, width=longest[column.key]) if column.width else column for column in SPENDING)


ANSWER_LINES, PROBLEMS_LINES = 4, 3
LEGS = 20  # cells of a choice beside its names: marks, "k=10", "mixed"
LABEL = 7  # cells that each name of a choice has at least


class MoreScreen(PlotScreen):
    """What to draw next. It has no plot, but the keys that move the rule."""

    NAME = "more"
    HELP: ClassVar[str] = """
What would more samples bring? A distribution of difficulty is fitted to each model's counts (beta-binomial), and tells
pass@k at two, five and ten times the samples drawn, with the 95 % interval of refits to resampled problems. It is a
promise, not a measurement.

Ways to spend the budget of the rule: k samples of one model; up to k, until the first passes; a cascade; a mixture; the
greedy schedule. Each is valued on problems that it was not chosen on. A pass is that of the judge's tests.

How many problems: so many of the same kind would show the measured lead with 80 % chance.
`sampler analyse` prints the same. b types a budget, x changes the unit.
"""
    CSS = """
    MoreScreen #answer { height: auto; max-height: 6; padding: 0 1; text-style: bold; }
    MoreScreen #problems { height: auto; max-height: 3; padding: 0 1; }
    MoreScreen #promises-pane { height: 1fr; }
    MoreScreen #spending-pane { height: 8; }
    MoreScreen.-tiny #spending-pane { display: none; }
    MoreScreen.-zoomed #spending-pane { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._found: MoreSamples | None = None
        self._asked: tuple[object, ...] = ()
        self._busy = False

    def body(self) -> Iterator[Widget]:
        """Yield the answer, what more samples and other ways bring, and how many problems it takes."""
        yield Static("computing …", id="answer", markup=False)
        yield Static(id="problems", markup=False)
        with Container(id="promises-pane", classes="pane"):
            yield PlainTable(PROMISES, id="promises")
        with Container(id="spending-pane", classes="pane"):
            yield PlainTable(SPENDING, id="spending")

    def draw(self, snapshot: Snapshot) -> None:
        """Draw what is known, and ask for what is not."""
        rule = rule_of(self.app.view_state, snapshot)
        if rule is None or snapshot.curves is None:
            why = "no curve yet: no problem is complete" if snapshot.curves else "computing …"
            self.query_one("#answer", Static).update(Content(why))
            return
        unit = snapshot.curves.unit
        asked = (snapshot.study.uid, snapshot.study.status, snapshot.tallies, unit, rule)
        if asked != self._asked and not self._busy:
            self._asked, self._busy = asked, True
            self.app.query_worker.run_in_background(lambda: more_samples(snapshot, unit, rule), self._computed)
        self._draw_found(snapshot)

    def _computed(self, found: MoreSamples) -> None:
        self._found, self._busy = found, False
        if self.is_attached and self._snapshot is not None and self.is_current:
            self.draw(self._snapshot)

    def _draw_found(self, snapshot: Snapshot) -> None:
        if self._found is None:
            return
        made, unit = self._found.analysis, UNIT_NAMES[self._found.analysis.unit]
        tones = {model.name: tone for tone, model in enumerate(snapshot.models)}
        whole = names_of(snapshot)
        spending = self.query_one("#spending", PlainTable)
        rows: Sequence[AllocationRow] = made.allotment.rows if made.allotment else ()
        spending.columns = spending_columns([cells for row in rows for cells in spending_cells(row, {}, unit)])
        beside = LEGS + sum(column.width + 1 for column in spending.columns)
        labels = labels_of(snapshot, max(LABEL, (spending.room - beside) // min(2, max(1, len(whole)))))
        shown = [model for model in made.models if model.name in tones]
        words = self.fit_sentence(lambda names: analysis_conclusion(made, names), ANSWER_LINES)
        self.query_one("#answer", Static).update(Content(words))
        self.query_one("#problems", Static).update(Content(self.fit_sentence(self._found.problems, PROBLEMS_LINES)))
        promises = self.query_one("#promises", PlainTable)
        promises.set_names(whole)
        promises.show_rows(
            [promise_cells(model, whole[tones[model.name]], tones[model.name]) for model in shown],
            empty="no problem is complete yet",
        )
        names = {name: f"{mark(tone)} {labels[tone]}" for name, tone in tones.items()}
        spending.show_rows(
            [cells for row in rows for cells in spending_cells(row, names, unit)], empty="no model fits the budget"
        )
        self.set_title("#promises-pane", "pass@k with more samples", f"{made.problems} problems")
        budget = quantity(made.budgets[0], unit) if made.budgets else ""
        self.set_title("#spending-pane", f"Ways to spend {budget} a problem", "b types a budget · ←→ move · x unit")

    @property
    def settled(self) -> bool:
        """Return whether the numbers are made."""
        rule = rule_of(self.app.view_state, self._snapshot) if self._snapshot else None
        return super().settled and not self._busy and (self._found is not None or rule is None)

    def table(self) -> Tabular | None:
        """Return what the fits promise."""
        if self._found is None:
            return None
        return Tabular(
            columns=("model", "n", "measured", "k", "promised", "low", "high"),
            rows=(
                (model.name, model.n, model.measured, one.k, one.rate, one.interval.low, one.interval.high)
                for model in self._found.analysis.models
                for one in (beyond.promise for beyond in model.beyond)
            ),
        )

    def action_rule(self, columns: int) -> None:
        """Move the rule by a twentieth of its budget for each column: there is no plot to take columns from."""
        rule = rule_of(self.app.view_state, self._snapshot) if self._snapshot else None
        if rule is not None:
            self.choose(together="rule", rule=rule * 1.05**columns)
