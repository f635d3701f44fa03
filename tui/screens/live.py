"""The Live screen: who wins at which budget, how sure that is, what fails, and what came last, while the study runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Static

from tui.curves import Wish
from tui.heading import budget_words, heading, plot_title, rule_words
from tui.names import short_names
from tui.plot import Options, mark
from tui.text import harmless
from tui.view import UNIT_NAMES, Snapshot, Trouble, bars, default_rule, following, model_lines, tail_rows
from tui.widgets.curve_plot import CurvePlot
from tui.widgets.header_line import HeaderLine
from tui.widgets.models_table import ModelsTable
from tui.widgets.tail import Tail
from tui.widgets.verdict_bars import VerdictBars

LABEL_WIDTH = 20
SLIM = 68  # columns below which the models need all of them
FAR = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the reader has chosen. Without a rule of their own it goes where a comparison says most."""

    tone: int = 0
    rule: float | None = None
    log: bool = True
    band: bool = True
    wish: Wish = Wish()  # noqa: RUF009 - frozen


class LiveScreen(Screen[None]):
    """A study as it runs."""

    HELP: ClassVar[str] = """
# Live

**Models**: share of samples scored, pass@1 over them, and at the rule's budget the pass rate ± half of its 95 % interval
(1 000 resamples of the problems) with the number of samples per problem, *k*, that the budget buys.
`≥` marks a budget beyond what was sampled, `buys none` one below a single sample.

**Plot**: pass rate against budget per problem; every sample is charged its prompt. The thick line is the selected
model, with its interval. Where a line thins out, k is above half of the samples and the estimate rests on few of them.

While the study runs, numbers are interim: models are compared on the problems that all have finished (`p` changes that).
"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "rule(-1)", "Rule", key_display="←→", id="live.rule_left", tooltip="Move the budget rule left"),
        Binding("right", "rule(1)", "Rule right", id="live.rule_right", show=False),
        Binding("shift+left", f"rule(-{FAR})", "Rule far left", id="live.rule_far_left", show=False),
        Binding("shift+right", f"rule({FAR})", "Rule far right", id="live.rule_far_right", show=False),
        Binding("0", "rule_home", "Rule to its own place", id="live.rule_home", show=False),
        Binding("up,k", "model(-1)", "Previous model", id="live.model_up", show=False),
        Binding("down,j", "model(1)", "Next model", id="live.model_down", show=False),
        Binding("x", "unit", "Unit", id="live.unit", tooltip="Count budgets in FLOPs, seconds, tokens or samples"),
        Binding("l", "log", "Log", id="live.log", show=False, tooltip="Logarithmic or linear budgets"),
        Binding("b", "band", "Band", id="live.band", tooltip="The selected model's 95 % interval on or off"),
        Binding("p", "problems", "Problems", id="live.problems", show=False, tooltip="Shared problems or each its own"),
        Binding("z", "zoom", "Zoom", id="live.zoom", tooltip="The plot alone"),
        Binding("space", "pause", "Pause", id="live.pause", tooltip="Stop the display; the study goes on"),
        Binding("f", "follow", "Follow", id="live.follow", show=False, tooltip="Keep the newest line in sight"),
        Binding("y", "copy", "Copy line", id="live.copy", show=False),
        Binding("escape", "back", "Back", id="live.back", show=False),
    ]

    CSS = """
    #notice { display: none; width: 1fr; height: 1fr; content-align: center middle; text-align: center; padding: 0 4; }
    LiveScreen.-empty #notice { display: block; }
    LiveScreen.-empty #body { display: none; }
    #body { height: 1fr; layout: vertical; }
    #top { height: 1fr; layout: horizontal; }
    #left { width: 42%; min-width: 58; max-width: 76; height: 1fr; layout: vertical; }
    .pane { border: round $foreground 30%; border-title-color: $foreground 80%; border-subtitle-color: $foreground 70%; }
    .pane:focus-within { border: round $accent 80%; border-title-color: $foreground; }
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
    LiveScreen.-short #tail-pane { height: 5; }
    LiveScreen.-tiny #tail-pane { display: none; }
    LiveScreen.-zoomed #left, LiveScreen.-zoomed #tail-pane { display: none; }
    LiveScreen.-zoomed #plot-pane { border: none; }
    """

    class Wished(Message):
        """The reader wants other curves."""

        def __init__(self, wish: Wish) -> None:
            super().__init__()
            self.wish = wish

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._clock = clock
        self._chosen = Chosen()
        self._shot: Snapshot | None = None  # what is on the screen
        self._newest: Snapshot | None = None
        self._paused = False
        self._titles: dict[str, tuple[str, str]] = {}

    def compose(self) -> ComposeResult:
        """The widgets; their places are CSS, their contents come by `show`."""
        yield HeaderLine(id="header")
        yield Static(id="notice", markup=False)
        with Container(id="body"):
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
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Seconds pass without any news."""
        self.set_interval(1.0, self._draw_header)
        self.query_one(ModelsTable).focus()

    def on_resize(self, event: Resize) -> None:
        """Where it is slim, the verdicts give way to the models."""
        self.set_class(event.size.width < SLIM, "-slim")

    def show(self, news: Snapshot | Trouble) -> None:
        """Draw what was read, unless the display is paused."""
        if isinstance(news, Trouble):
            self._tell(news)
            return
        self._newest = news
        if not self._paused:
            self._shot = news
            self._draw()
        self._draw_header()

    @property
    def curves_shown(self) -> bool:
        """Whether a study with its curves is on the screen."""
        return self._shot is not None and self._shot.curves is not None

    def _tell(self, trouble: Trouble) -> None:
        words = harmless(trouble.message)
        if self._shot is None:
            self.query_one("#notice", Static).update(Content(f"◌ waiting\n\n{words}" if trouble.waiting else words))
            self.add_class("-empty")
        else:
            self.notify(words, severity="warning", markup=False)

    # what is drawn

    def _draw(self) -> None:
        shot = self._shot
        if shot is None:
            return
        self.remove_class("-empty")
        self._draw_models(shot)
        self._draw_verdicts(shot)
        self._draw_plot(shot)
        names = {
            m.id: f"{mark(tone)} {label}"
            for tone, (m, label) in enumerate(zip(shot.models, self._labels(shot), strict=True))
        }
        self.query_one(Tail).show(tail_rows(shot), names)
        self._draw_tail_title()

    def _draw_models(self, shot: Snapshot) -> None:
        rule = self._rule
        budget = budget_words(rule, shot.curves.unit) if rule is not None and shot.curves else ""
        self.query_one(ModelsTable).show(model_lines(shot, rule), budget)
        self._title("#models-pane", f"Models ({len(shot.models)})")

    def _draw_header(self) -> None:
        if self._newest is None:
            return
        missed = None
        if self._paused and self._shot is not None:
            missed = self._newest.study.scored - self._shot.study.scored
        self.query_one(HeaderLine).show(heading(self._newest, self._clock(), paused=missed))

    def _draw_verdicts(self, shot: Snapshot) -> None:
        if not shot.models:
            return
        tone = min(self._chosen.tone, len(shot.models) - 1)
        self.query_one(VerdictBars).show(bars(shot, shot.models[tone].id))
        self._title("#verdicts-pane", f"Verdicts · {self._labels(shot)[tone]}")

    def _draw_plot(self, shot: Snapshot) -> None:
        curves, chosen = shot.curves, self._chosen
        labels = self._labels(shot)
        options = Options(
            log=chosen.log,
            band=chosen.band,
            dashes=self.app.no_color,
            selected=chosen.tone,
            rule=self._rule,
            unit=UNIT_NAMES[curves.unit] if curves else "",
        )
        series = [replace(one, label=labels[one.tone]) for one in curves.series] if curves else []
        self.query_one(CurvePlot).show(series, options)
        self._title("#plot-pane", plot_title(shot), rule_words(self._rule, options.unit))

    def _draw_tail_title(self) -> None:
        tail = self.query_one(Tail)
        words = "following" if tail.following else f"+{tail.unseen} newer, f follows"
        self._title("#tail-pane", f"Tail ({words})")

    def _title(self, pane: str, title: str, subtitle: str = "") -> None:
        """Put words into a border; only others than before, because that draws the pane anew."""
        if self._titles.get(pane) != (title, subtitle):
            self._titles[pane] = (title, subtitle)
            widget = self.query_one(pane)
            widget.border_title, widget.border_subtitle = Content(title), Content(subtitle)

    def _labels(self, shot: Snapshot) -> list[str]:
        return short_names([harmless(model.name, 200) for model in shot.models], LABEL_WIDTH)

    @property
    def _rule(self) -> float | None:
        """Where the rule stands: where the reader put it, or at its own place."""
        if self._chosen.rule is not None:
            return self._chosen.rule
        return default_rule(self._shot.curves) if self._shot else None

    def _choose(self, chosen: Chosen) -> None:
        self._chosen = chosen
        self._draw()

    # what the reader does

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """The cursor of the models table is the selected model."""
        if event.cursor_row != self._chosen.tone:
            self._choose(replace(self._chosen, tone=event.cursor_row))

    def on_curve_plot_rule_moved(self, event: CurvePlot.RuleMoved) -> None:
        """The reader pointed at a budget."""
        self._choose(replace(self._chosen, rule=event.budget))

    def on_tail_looked(self, _event: Tail.Looked) -> None:
        """Say whether the tail follows."""
        self._draw_tail_title()

    def action_rule(self, columns: int) -> None:
        """Move the budget rule."""
        rule = self._rule
        if rule is not None:
            moved = self.query_one(CurvePlot).plot.moved(rule, columns)
            self._choose(replace(self._chosen, rule=moved))

    def action_rule_home(self) -> None:
        """Let the rule stand at its own place again."""
        self._choose(replace(self._chosen, rule=None))

    def action_model(self, rows: int) -> None:
        """Select another model."""
        self.query_one(ModelsTable).choose(self._chosen.tone + rows)

    def action_unit(self) -> None:
        """Count budgets in the next unit that was measured."""
        if self._newest is None or self._newest.curves is None:
            return
        unit = following(self._newest.curves.unit, self._newest.units)
        self._wish(replace(self._chosen.wish, unit=unit))

    def action_problems(self) -> None:
        """Compare on shared problems, or show each model on its own."""
        self._wish(replace(self._chosen.wish, shared=not self._chosen.wish.shared))

    def _wish(self, wish: Wish) -> None:
        rule = self._chosen.rule if wish.unit == self._chosen.wish.unit else None
        self._chosen = replace(self._chosen, wish=wish, rule=rule)
        self.post_message(self.Wished(wish))

    def action_log(self) -> None:
        """Logarithmic or linear budgets."""
        self._choose(replace(self._chosen, log=not self._chosen.log))

    def action_band(self) -> None:
        """The interval on or off."""
        self._choose(replace(self._chosen, band=not self._chosen.band))

    def action_zoom(self) -> None:
        """The plot alone, without borders, or everything again."""
        self.toggle_class("-zoomed")

    def action_pause(self) -> None:
        """Stop the display, or catch up."""
        self._paused = not self._paused
        if not self._paused:
            self._shot = self._newest
            self._draw()
        self._draw_header()

    def action_follow(self) -> None:
        """Follow the newest line of the tail."""
        self.query_one(Tail).action_follow()

    def action_copy(self) -> None:
        """Copy the chosen line of the tail to the clipboard of the terminal."""
        text = self.query_one(Tail).chosen_text()
        if text:
            self.app.copy_to_clipboard(text)
            self.notify("line copied", timeout=2, markup=False)

    def action_back(self) -> None:
        """Leave the zoomed plot, or go back to the models."""
        self.remove_class("-zoomed")
        self.query_one(ModelsTable).focus()
