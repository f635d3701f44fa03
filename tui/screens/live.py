"""The Live screen: who wins at which budget, how sure that is, what fails, and what came last, while the study runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.events import Resize
from textual.widget import Widget
from textual.widgets import DataTable, Static

from sampler.plotting import format_interval, measured, quantity
from sampler.reporting.render import NAMES as UNIT_NAMES
from sampler.reporting.report import Finding, Row
from sampler.stats.budget import Unit
from sampler.stats.passk import Reach
from tui.data.curves import Conclusion, conclude
from tui.data.export import Tabular
from tui.data.snapshot import Snapshot
from tui.screens.curves import PlotScreen
from tui.screens.sample_detail import DetailScreen
from tui.text import Severity, sanitize
from tui.view_state import labels_of, names_of, rule_of, tone_of, toned_names
from tui.widgets.list_table import Cell, Column, ListTable
from tui.widgets.models_table import ModelsTable, VerdictBars, model_lines, verdict_counts
from tui.widgets.plot import CurvePlot, CurveReading, mark
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


ANSWERS = (
    Column(key="budget", label="budget", width=9, right=True),
    Column(key="model", label="best model", width=16, names=True),
    Column(key="k", label="k", width=3, right=True),
    Column(key="rate", label="solves [95%]", width=17),
    Column(key="sure", label="how sure", width=0, least=28),
)
NO_ANSWER = "No answer yet: no problem is complete for every model."
ROOMY = 110, 36  # columns and lines from which the answers stand below the plot
BESIDES = 8  # cells of a pane's title beside a name and its words
PANE = 2  # cells of a pane's border
LEFT_LEAST, PLOT_LEAST = 58, 52  # cells of the models and of the plot, side by side
MOST_ANSWERS = 8  # lines of answers where they stand below the plot
LEAST_MODELS = 6  # lines of the models' pane beside the verdicts
LEAST_VERDICTS, MOST_VERDICTS = 3, 6
MOST_LINES = 3  # of the first sentence; it is told with shorter names before it takes more, or a line of a small plot
SHORT_ANSWER = 2  # of its lines in a small window; of more, one is taken from the tail and none from the plot
NAMED = 94  # columns from which the verdicts have room for a title before the model's name
SHORT_LABEL = 12  # cells of a name in an answer
BESIDE_NAMES = 76  # cells of an answer beside its two names


def answer_cells(row: Row, tones: Mapping[str, int], called: Mapping[str, str], unit: Unit) -> tuple[Cell, ...]:
    """Return the cells of one budget: which model solves most there, how much, and how sure that is.

    `tones` are the models' places by their names, `called` their short names. A budget at which some model has too few
    samples has no best model.
    """
    budget = Cell(text=budget_words(row.budget, unit).lstrip())
    reached = [cell for cell in row.cells if cell.point is not None and cell.reach is Reach.REACHED]
    if row.finding is Finding.TOO_FEW_SAMPLES or not reached:
        short = [one for one in row.cells if one.reach is Reach.UNDEFINED]
        more = f" and {len(short) - 1} other{'s' * (len(short) > 2)}" if len(short) > 1 else ""
        needs = "" if more else f": needs k={short[0].k}" if short else ""
        words = f"too few samples of {called.get(short[0].model, '')}{more}{needs}" if short else "no sample fits"
        return budget, Cell(text="—"), Cell(), Cell(), Cell(text=words, severity=Severity.FAINT)
    best = max(reached, key=lambda cell: cell.point.rate if cell.point else 0.0)
    tone, clear = tones.get(best.model, -1), row.finding is Finding.CLEAR
    near = best.point.interval if best.point else None
    rate = f"{100 * best.point.rate:.1f}" if best.point else ""
    return (
        budget,
        Cell(text=sanitize(best.model, 200), mark=mark(tone) if tone >= 0 else "", tone=tone, strong=clear),
        Cell(text=str(best.k) if best.k < 1000 else f"{best.k // 1000}k"),
        Cell(text=f"{rate} {format_interval(near.low, near.high)}" if near else rate, strong=clear),
        Cell(text=_how_sure(row, called), severity=Severity.GOOD if clear else Severity.FAINT),
    )


def _how_sure(row: Row, called: Mapping[str, str]) -> str:
    """Return whether the lead is clear, and the lead over the nearest other model."""
    if row.finding is Finding.ONLY_ONE:
        return "no other fits" if len(row.cells) > 1 else "the only model"
    word = "clear" if row.finding is Finding.CLEAR else "not clear"
    nearest = min(row.differences.items(), key=lambda one: one[1].mean, default=None)
    if nearest is None:
        return word
    if not nearest[1].mean:
        return f"{word}: {called.get(nearest[0], nearest[0])} reaches the same"
    other, lead = nearest
    over = f" over {called.get(other, other)}" if len(row.cells) > 2 else ""
    return f"{word} {100 * lead.mean:+.1f} {format_interval(lead.interval.low, lead.interval.high)}{over}"


def _at_rule(found: CurveReading | None) -> tuple[float | None, ...]:
    """Return a reading as an export has it: rate, interval, k."""
    return (None,) * 4 if found is None else (found.rate, *(found.near or (None, None)), found.k)


class LiveScreen(PlotScreen):
    """A study as it runs."""

    NAME = "live"
    HELP: ClassVar[str] = """
The first line says which model to use at the budget of the rule, and how sure that is: the same sentence as in the
report. A winner is named only where its lead is clear. b types a budget, ←→ moves the rule.

Answers: the same at round budgets, as far as there are samples: the model that solves most, the k that the budget buys,
what it solves with its 95 % interval, and its lead over the nearest other model. "clear" is said where the report names
a winner. In a small window a shows them instead of the plot. enter moves the rule to a line's budget.

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
        Binding("a", "answers", "Answers", id="live.answers", tooltip="Which model at which budget, as a table"),
        Binding("space", "pause", "Pause", id="live.pause", tooltip="Pause the display. The study goes on."),
        Binding("f", "follow", "Follow", id="live.follow", show=False, tooltip="Keep the newest line in sight"),
        Binding("y", "copy", "Copy line", id="live.copy", show=False, tooltip="Copy the selected line of the tail"),
    ]

    CSS = """
    #answer { height: auto; min-height: 1; max-height: 3; padding: 0 1; text-style: bold; }
    #top { height: 1fr; layout: horizontal; }
    #left { width: 45%; min-width: 58; height: 1fr; layout: vertical; }
    #models-pane { height: auto; }
    #verdicts-pane { height: 1fr; min-height: 5; }
    #plot-pane { width: 1fr; height: 1fr; }
    #answers-pane { display: none; height: auto; }
    #answers { height: auto; }
    #tail-pane { height: 12; }
    LiveScreen.-roomy #answers-pane { display: block; }
    LiveScreen.-roomy #tail-pane { height: 8; }
    LiveScreen.-answers #top { height: 8; }
    LiveScreen.-answers.-short #top { height: 7; }
    LiveScreen.-answers #plot-pane { display: none; }
    LiveScreen.-answers #answers-pane { display: block; width: 1fr; height: 1fr; }
    LiveScreen.-answers #answers { height: 1fr; }
    LiveScreen.-narrow #top { layout: vertical; }
    LiveScreen.-narrow #left { width: 1fr; max-width: 100%; height: 8; layout: horizontal; }
    LiveScreen.-narrow #models-pane { width: 1fr; height: 1fr; max-height: 100%; }
    LiveScreen.-narrow #verdicts-pane { width: 34; height: 1fr; }
    LiveScreen.-brief #verdicts-pane { width: 26; }
    LiveScreen.-slim #verdicts-pane { display: none; }
    LiveScreen.-narrow #tail-pane { height: 6; }
    LiveScreen.-short #tail-pane { height: 4; }
    LiveScreen.-short.-wordy #tail-pane { height: 3; }
    LiveScreen.-short.-narrow #left { height: 7; }
    LiveScreen.-tiny #tail-pane { display: none; }
    LiveScreen.-zoomed #left, LiveScreen.-zoomed #answer, LiveScreen.-zoomed #tail-pane,
    LiveScreen.-zoomed #answers-pane { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._answer = Conclusion(sentence="")
        self._asked: tuple[object, ...] = ()
        self._busy = False

    def body(self) -> Iterator[Widget]:
        """Yield the answer, models and verdicts, the plot, the answers at round budgets, the tail."""
        yield Static(id="answer", markup=False)
        with Container(id="top"):
            with Container(id="left"):
                with Container(id="models-pane", classes="pane"):
                    yield ModelsTable(id="models")
                with Container(id="verdicts-pane", classes="pane"):
                    yield VerdictBars(id="verdicts")
            with Container(id="plot-pane", classes="pane"):
                yield CurvePlot(id="plot")
        with Container(id="answers-pane", classes="pane"):
            yield ListTable(ANSWERS, id="answers")
        with Container(id="tail-pane", classes="pane"):
            yield Tail(id="tail")

    def on_mount(self) -> None:
        """Focus the models."""
        super().on_mount()
        self.query_one(ModelsTable).focus()

    def draw(self, snapshot: Snapshot) -> None:
        """Draw every pane."""
        self._conclude(snapshot)
        self._draw_answer()
        self._draw_models(snapshot)
        self._draw_verdicts(snapshot)
        self.draw_plot(snapshot)
        self._draw_answers(snapshot)
        self.query_one(Tail).show(tail_rows(snapshot), toned_names(snapshot))
        self._draw_tail_title()

    def on_resize(self, event: Resize) -> None:
        """Show the answers below the plot where there is room for both."""
        super().on_resize(event)
        self.set_class(event.size.width >= ROOMY[0] and event.size.height >= ROOMY[1], "-roomy")
        self.set_class(event.size.width < NAMED, "-brief")
        self.call_after_refresh(self.redraw)

    def _conclude(self, snapshot: Snapshot) -> None:
        """Request the sentence on which model to use at the rule; it is shown once it is computed."""
        rule = rule_of(self.app.view_state, snapshot)
        if rule is None or snapshot.curves is None:
            if snapshot.curves is not None:
                self._answer, self._asked = Conclusion(sentence=NO_ANSWER), ()
            return
        unit = snapshot.curves.unit
        asked = (snapshot.study.uid, snapshot.study.status, snapshot.tallies, unit, rule)
        if asked != self._asked and not self._busy:
            self._asked, self._busy = asked, True
            self.app.query_worker.run_in_background(lambda: conclude(snapshot, unit, rule), self._concluded)

    def _concluded(self, found: Conclusion) -> None:
        self._busy = False
        if self.is_attached:
            self._answer = found
            if self._snapshot is not None and self.is_current:
                self._draw_answer()
                self._draw_answers(self._snapshot)
                self._conclude(self._snapshot)

    def _draw_answer(self) -> None:
        """Show the sentence whole: with shorter names if it needs more lines than there are."""
        lines = MOST_LINES if self.has_class("-tall") else SHORT_ANSWER
        words = self.fit_sentence(self._answer.with_names, lines) if self._answer.sentence else "computing …"
        self.query_one("#answer", Static).update(Content(words))
        self.set_class(self.lines_of(words) > SHORT_ANSWER, "-wordy")

    def _draw_answers(self, snapshot: Snapshot) -> None:
        rows, table = self._answer.rows, self.query_one("#answers", ListTable)
        unit = snapshot.curves.unit if snapshot.curves else Unit.FLOPS
        names = names_of(snapshot)
        tones = {model.name: tone for tone, model in enumerate(snapshot.models)}
        table.set_names(names)
        called = dict(
            zip(tones, labels_of(snapshot, max(SHORT_LABEL, (self.size.width - BESIDE_NAMES) // 2)), strict=True)
        )
        table.show_rows([answer_cells(row, tones, called, unit) for row in rows], empty="computing …")
        if not self.has_class("-answers"):
            table.styles.height = 1 + max(1, min(len(rows), MOST_ANSWERS))
        interim = " · interim" * self._answer.interim
        title = f"Answers at round budgets, {UNIT_NAMES[unit]} a problem{interim}"
        self.set_title("#answers-pane", title, "enter moves the rule")

    @property
    def settled(self) -> bool:
        """Return whether the answer is made, too."""
        rule = rule_of(self.app.view_state, self._snapshot) if self._snapshot else None
        return super().settled and not self._busy and (bool(self._answer.sentence) or rule is None)

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
        if not self.has_class("-narrow"):
            longest = max((cell_len(name) for name in names_of(snapshot)), default=0)
            whole = table.width_for(longest) + PANE
            self.query_one("#left").styles.width = max(LEFT_LEAST, min(whole, self.size.width - PLOT_LEAST))
        else:
            self.query_one("#left").styles.clear_rule("width")
        self._share_left(snapshot)
        self.set_title("#models-pane", f"Models ({len(snapshot.models)})")

    def _share_left(self, snapshot: Snapshot) -> None:
        """Set the height of the list of models to the lines that the verdicts below it leave free."""
        pane, height = self.query_one("#models-pane"), self.query_one("#left").size.height
        if self.has_class("-narrow") or not snapshot.models:
            pane.styles.clear_rule("max_height")
            return
        kinds = len(verdict_counts(snapshot, snapshot.models[tone_of(self.app.view_state, snapshot)].id))
        pane.styles.max_height = max(LEAST_MODELS, height - PANE - min(MOST_VERDICTS, max(kinds, LEAST_VERDICTS)))

    def _draw_verdicts(self, snapshot: Snapshot) -> None:
        if snapshot.models:
            tone = tone_of(self.app.view_state, snapshot)
            self.query_one(VerdictBars).show(verdict_counts(snapshot, snapshot.models[tone].id))
            pane = self.query_one("#verdicts-pane")
            head = "" if self.size.width < NAMED else "Verdicts · "  # the name needs the room
            label = labels_of(snapshot, max(BESIDES, pane.size.width - len(head) - BESIDES))[tone]
            self.set_title("#verdicts-pane", f"{head}{mark(tone)} {label}")

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

    def action_answers(self) -> None:
        """Show the answers at round budgets instead of the plot, or the plot again; go to them where they are."""
        table = self.query_one("#answers", ListTable)
        if self.has_class("-roomy"):
            (self.query_one(ModelsTable) if table.has_focus else table).focus()
            return
        self.toggle_class("-answers")
        table.styles.clear_rule("height")
        if self.has_class("-answers"):
            self.remember(self._hide_answers)
            table.focus()
        else:
            self._hide_answers()

    def _hide_answers(self) -> None:
        self.remove_class("-answers")
        self.forget_steps(self._hide_answers)
        self.query_one(ModelsTable).focus()

    def on_list_table_opened(self, event: ListTable.Opened) -> None:
        """Move the rule to the budget of an answer."""
        if event.position < len(self._answer.rows):
            self.choose(rule=self._answer.rows[event.position].budget)

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
