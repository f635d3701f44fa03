"""The Live screen: who wins at which budget, how sure that is, what fails, and what came last, while the study runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widget import Widget
from textual.widgets import DataTable, Static

from sampler.plotting import measured, quantity
from sampler.reporting.render import NAMES as UNIT_NAMES
from sampler.stats.budget import Unit
from tui.data.curves import conclude
from tui.data.export import Tabular
from tui.data.snapshot import Snapshot
from tui.screens.curves import PlotScreen
from tui.screens.sample_detail import DetailScreen
from tui.text import sanitize
from tui.view_state import LABEL_WIDTH, labels_of, marked_names, rule_of, tone_of
from tui.widgets.models_table import ModelsTable, VerdictBars, model_lines, verdict_counts
from tui.widgets.plot import CurvePlot, CurveReading
from tui.widgets.tail import Tail, tail_rows

_SHORT_UNITS: Mapping[Unit, str] = {
    Unit.SECONDS: " s",
    Unit.JOULES: " J",
    Unit.DOLLARS: " $",
    Unit.TOKENS: " tok",
    Unit.SAMPLES: "x",
}


def budget_words(budget: float, unit: Unit) -> str:
    """Return a budget for the head of a column."""
    if unit in _SHORT_UNITS:
        return f"{measured(budget)}{_SHORT_UNITS[unit]}"
    return quantity(budget, UNIT_NAMES[unit].partition(" ")[0])


NARROW_LABEL = 12


def _at_rule(found: CurveReading | None) -> tuple[float | None, ...]:
    """Return a reading as an export has it: rate, interval, k."""
    return (None,) * 4 if found is None else (found.rate, *(found.near or (None, None)), found.k)


class LiveScreen(PlotScreen):
    """A study as it runs."""

    NAME = "live"
    HELP: ClassVar[str] = """
The first line says which model to use at the budget of the rule, and how sure that is: the same sentence as in the
report. A winner is named only where its lead is clear. b types a budget, ←→ moves the rule.

Models: the share of samples scored, pass@1 over them, and at the rule's budget the pass rate with its 95 % interval
and k, the number of samples per problem that the budget buys. The interval comes from 10,000 bootstrap resamples of
the problems, as in the report (1,000 while the study runs). ≥ marks a budget beyond the samples: the rate is a lower
bound. "< 1 sample" marks a budget below the cost of one sample.

Plot: pass rate against budget per problem. Every sample pays for its prompt. The thick line is the selected model, with
its interval. A line is thin where k is above half of the samples: there the estimate rests on few of them.

While the study runs, numbers are interim. Models are compared on the problems that all of them have finished (p changes
this).
"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pause", "Pause", id="live.pause", tooltip="Pause the display. The study goes on."),
        Binding("f", "follow", "Follow", id="live.follow", show=False, tooltip="Keep the newest line in sight"),
        Binding("y", "copy", "Copy line", id="live.copy", show=False, tooltip="Copy the selected line of the tail"),
    ]

    CSS = """
    #answer { height: auto; min-height: 1; max-height: 2; padding: 0 1; text-style: bold; }
    #top { height: 1fr; layout: horizontal; }
    #left { width: 45%; min-width: 58; max-width: 76; height: 1fr; layout: vertical; }
    #models-pane { height: auto; max-height: 60%; }
    #verdicts-pane { height: 1fr; min-height: 5; }
    #plot-pane { width: 1fr; height: 1fr; }
    #tail-pane { height: 12; }
    LiveScreen.-narrow #top { layout: vertical; }
    LiveScreen.-narrow #left { width: 1fr; max-width: 100%; height: 8; layout: horizontal; }
    LiveScreen.-narrow #models-pane { width: 1fr; height: 1fr; max-height: 100%; }
    LiveScreen.-narrow #verdicts-pane { width: 29; height: 1fr; }
    LiveScreen.-slim #verdicts-pane { display: none; }
    LiveScreen.-narrow #tail-pane { height: 6; }
    LiveScreen.-short #tail-pane { height: 4; }
    LiveScreen.-short.-narrow #left { height: 7; }
    LiveScreen.-tiny #answer { max-height: 1; }
    LiveScreen.-tiny #tail-pane { display: none; }
    LiveScreen.-zoomed #left, LiveScreen.-zoomed #answer, LiveScreen.-zoomed #tail-pane { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._answer = ""
        self._asked: tuple[object, ...] = ()
        self._busy = False

    def body(self) -> Iterator[Widget]:
        """Yield the answer, models and verdicts, the plot, the tail."""
        yield Static(id="answer", markup=False)
        with Container(id="top"):
            with Container(id="left"):
                with Container(id="models-pane", classes="pane"):
                    yield ModelsTable(id="models")
                with Container(id="verdicts-pane", classes="pane"):
                    yield VerdictBars(id="verdicts")
            with Container(id="plot-pane", classes="pane"):
                yield CurvePlot(id="plot")
        with Container(id="tail-pane", classes="pane"):
            yield Tail(id="tail")

    def on_mount(self) -> None:
        """Focus the models."""
        super().on_mount()
        self.query_one(ModelsTable).focus()

    def draw(self, snapshot: Snapshot) -> None:
        """Draw every pane."""
        self._conclude(snapshot)
        self._draw_models(snapshot)
        self._draw_verdicts(snapshot)
        self.draw_plot(snapshot)
        self.query_one(Tail).show(tail_rows(snapshot), marked_names(snapshot))
        self._draw_tail_title()

    def _conclude(self, snapshot: Snapshot) -> None:
        """Say which model to use at the rule, as soon as that is computed."""
        rule = rule_of(self.app.view_state, snapshot)
        if rule is None or snapshot.curves is None:
            return
        unit = snapshot.curves.unit
        asked = (snapshot.study.uid, snapshot.study.status, snapshot.tallies, unit, rule)
        if asked != self._asked and not self._busy:
            self._asked, self._busy = asked, True
            self.app.query_worker.run_in_background(lambda: conclude(snapshot, unit, rule), self._concluded)

    def _concluded(self, words: str) -> None:
        self._busy = False
        if self.is_attached:
            self._answer = words
            self.query_one("#answer", Static).update(Content(sanitize(words)))
            if self._snapshot is not None and self.is_current:
                self._conclude(self._snapshot)

    @property
    def settled(self) -> bool:
        """Return whether the answer is made, too."""
        rule = rule_of(self.app.view_state, self._snapshot) if self._snapshot else None
        return super().settled and not self._busy and (bool(self._answer) or rule is None)

    def table(self) -> Tabular | None:
        """Return the models."""
        snapshot = self._snapshot
        if snapshot is None:
            return None
        lines = model_lines(snapshot, rule_of(self.app.view_state, snapshot))
        return Tabular(
            columns=("model", "done", "pass_at_1", "rate_at_rule", "low", "high", "k"),
            rows=((line.name, line.done, line.pass_1, *_at_rule(line.at_rule)) for line in lines),
        )

    def _draw_models(self, snapshot: Snapshot) -> None:
        rule = rule_of(self.app.view_state, snapshot)
        budget = budget_words(rule, snapshot.curves.unit) if rule is not None and snapshot.curves else ""
        table = self.query_one(ModelsTable)
        table.show(model_lines(snapshot, rule), budget)
        table.choose(tone_of(self.app.view_state, snapshot))
        self.set_title("#models-pane", f"Models ({len(snapshot.models)})")

    def _draw_verdicts(self, snapshot: Snapshot) -> None:
        if snapshot.models:
            tone = tone_of(self.app.view_state, snapshot)
            self.query_one(VerdictBars).show(verdict_counts(snapshot, snapshot.models[tone].id))
            self.set_title(
                "#verdicts-pane",
                f"Verdicts · {labels_of(snapshot, NARROW_LABEL if self.has_class('-narrow') else LABEL_WIDTH)[tone]}",
            )

    def _draw_tail_title(self) -> None:
        tail = self.query_one(Tail)
        words = "following" if tail.following else f"+{tail.unseen} newer, f follows"
        self.set_title("#tail-pane", f"Tail ({words})")

    # what the reader does

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Select the model under the cursor of the models table."""
        if event.cursor_row != self.app.view_state.tone:
            self.choose(tone=event.cursor_row)

    def on_tail_moved(self, _event: Tail.Moved) -> None:
        """Show whether the tail follows."""
        self._draw_tail_title()

    def on_tail_sample_opened(self, event: Tail.SampleOpened) -> None:
        """Show the sample of a line."""
        self.app.query_worker.ask(
            lambda reader: reader.page([event.verdict]),
            lambda rows: self._open(rows[0].sample_id) if rows else None,
        )

    def _open(self, sample: int) -> None:
        self.app.push_screen(DetailScreen(sample))

    def action_model(self, models: int) -> None:
        """Select another model."""
        self.query_one(ModelsTable).choose(self.app.view_state.tone + models)

    def action_follow(self) -> None:
        """Follow the newest line of the tail."""
        self.query_one(Tail).action_follow()

    def action_copy(self) -> None:
        """Copy the chosen line of the tail to the clipboard of the terminal."""
        text = self.query_one(Tail).chosen_text()
        if text:
            self.copy(text, "line")

    def action_back(self) -> None:
        """Leave the zoomed plot, or go back to the models."""
        super().action_back()
        self.query_one(ModelsTable).focus()
