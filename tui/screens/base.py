"""What the screens of a study share: the lines around the body, the pause, and the way to what all of them know."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.events import Resize
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Static

from sampler.store.read_models import SampleDetail
from tui.data.export import Tabular, write_table, written
from tui.data.query_worker import QueryWorker
from tui.data.snapshot import Snapshot, StoreProblem, with_compared
from tui.data.system_info import Machine
from tui.progress import Part, header_parts
from tui.run_control import Command
from tui.text import sanitize
from tui.view_state import ViewState
from tui.widgets.header import HeaderLine, TabLine

SLIM = 68  # columns below which side panes give way


class Hall(Protocol):
    """What every screen may ask of the application."""

    view_state: ViewState
    news: Snapshot | StoreProblem | None
    query_worker: QueryWorker
    store: Path
    machine: Machine
    no_color: bool

    def choose(self, view_state: ViewState) -> None:
        """Take over what the reader has chosen, and draw it."""

    def go(self, screen: str) -> None:
        """Show another of the main screens."""

    def tell(self, words: str) -> None:
        """Say something for a moment."""

    def open_verdict(self, verdict: int) -> None:
        """Show the sample behind a verdict."""

    def list_samples(self, text: str) -> None:
        """Show the samples that a filter lets through."""

    def action_control(self, name: str) -> None:
        """Run, pause or cancel the study, once the person says yes."""

    def may_act(self) -> bool:
        """Whether commands may be started; says so where they may not."""

    def rerun_command(self, detail: SampleDetail, file: Path) -> Command:
        """The command that executes a sample's program, written to `file`, once more; raises CannotAct."""

    def open_study(self, store: Path, study: int) -> None:
        """Look at another study, perhaps of another store."""


class StudyScreen(Screen[None]):
    """A header, tabs, a body, a footer. `draw` puts a snapshot into the body; nothing is drawn that is not in front."""

    NAME: ClassVar[str] = ""
    COMPARED: ClassVar[bool] = False  # whether a second store's models are shown among the study's own

    def __init__(self) -> None:
        super().__init__()
        self._snapshot: Snapshot | None = None  # what is on the screen
        self._newest: Snapshot | None = None
        self._heard: Snapshot | None = None  # the newest, without the models of a second store
        self._paused = False
        self._titles: dict[str, tuple[str, str]] = {}

    @property
    def hall(self) -> Hall:
        """The application, as screens know it."""
        return cast("Hall", self.app)

    @property
    def snapshot(self) -> Snapshot | None:
        """The snapshot that is on the screen."""
        return self._snapshot

    def compose(self) -> ComposeResult:
        """The widgets; their places are CSS, their contents come by `show`."""
        yield HeaderLine(id="header")
        yield TabLine(self.NAME, id="tabs")
        yield Static(id="notice", markup=False)
        with Container(id="body"):
            yield from self.body()
        yield Footer(compact=True)

    @abstractmethod
    def body(self) -> Iterator[Widget]:
        """The widgets between tabs and footer."""

    @abstractmethod
    def draw(self, snapshot: Snapshot) -> None:
        """Put a snapshot on the screen."""

    def table(self) -> Tabular | None:
        """What is shown, for export; None where it is no table."""
        return None

    @property
    def settled(self) -> bool:
        """Whether all that the screen wants to show is there: for pictures."""
        return self._snapshot is not None and self._snapshot.curves is not None

    def export(self, file: Path) -> None:
        """Write what is shown into a file."""
        table = self.table()
        if table is None:
            self.notify("there is no table on this screen; a picture (s) can be made", markup=False)
        else:
            self.hall.query_worker.run_in_background(
                lambda: written(file, lambda: write_table(table, file)), self.hall.tell
            )

    def on_mount(self) -> None:
        """Seconds pass without any news."""
        self.set_interval(1.0, self._draw_header)

    def on_resize(self, event: Resize) -> None:
        """Where it is slim, side panes give way."""
        self.set_class(event.size.width < SLIM, "-slim")

    def on_screen_resume(self) -> None:
        """In front again: show what is newest."""
        if self.hall.news is not None:
            self.show(self.hall.news)

    def show(self, news: Snapshot | StoreProblem) -> None:
        """Draw what was read, unless the display is paused."""
        if not self._stands:
            return
        if isinstance(news, StoreProblem):
            self._tell(news)
            return
        self._heard = news
        self._newest = with_compared(news) if self.COMPARED else news
        if not self._paused or self._snapshot is None:
            self._snapshot = self._newest
            self.redraw()
        self._draw_header()

    @property
    def _stands(self) -> bool:
        """Whether there are widgets to draw on. News can come before there are, and while they are being taken down."""
        return self.is_mounted and bool(self.query(HeaderLine))

    def redraw(self) -> None:
        """Draw what is shown once more: the reader has chosen something else."""
        if self._snapshot is not None and self._stands and self.is_current:
            self.remove_class("-empty")
            self.draw(self._snapshot)

    def _tell(self, trouble: StoreProblem) -> None:
        words = sanitize(trouble.message)
        if self._snapshot is None:
            self.query_one("#notice", Static).update(Content(f"◌ waiting\n\n{words}" if trouble.waiting else words))
            self.add_class("-empty")
        else:
            self.notify(words, severity="warning", markup=False)

    def _draw_header(self) -> None:
        if self._heard is None or not self._stands or not self.is_current:
            return
        missed = None
        if self._paused and self._snapshot is not None:
            missed = self._heard.study.scored - self._snapshot.study.scored
        self.query_one(HeaderLine).show(
            [*self.crumbs(), *header_parts(self._heard, self.hall.machine.clock(), paused=missed)]
        )

    def crumbs(self) -> list[Part]:
        """Where one is, for the header."""
        return []

    def set_title(self, pane: str, title: str, subtitle: str = "") -> None:
        """Put words into a border; only others than before, because that draws the pane anew."""
        if self._titles.get(pane) != (title, subtitle):
            self._titles[pane] = (title, subtitle)
            widget = self.query_one(pane)
            widget.border_title, widget.border_subtitle = Content(title), Content(subtitle)

    def copy(self, text: str, what: str) -> None:
        """Put text into the clipboard of the terminal (OSC 52)."""
        self.app.copy_to_clipboard(text)
        self.notify(f"{what} copied", timeout=2, markup=False)

    def choose(self, **changes: Any) -> None:
        """Change what the reader has chosen."""
        self.hall.choose(replaced(self.hall.view_state, **changes))

    def action_pause(self) -> None:
        """Stop the display, or catch up."""
        self._paused = not self._paused
        if not self._paused:
            self._snapshot = self._newest
            self.redraw()
        self._draw_header()

    def action_zoom(self) -> None:
        """The main pane alone, without borders, or everything again."""
        self.toggle_class("-zoomed")

    def action_back(self) -> None:
        """Leave the zoomed pane, or go to the screen that this one belongs to."""
        if self.has_class("-zoomed"):
            self.remove_class("-zoomed")
        elif self.NAME != "live":
            self.hall.go("live")


def replaced(view_state: ViewState, **changes: Any) -> ViewState:
    """Return a changed view state; with another unit the rule stands at its default place."""
    request = changes.get("curves", view_state.curves)
    if request.unit != view_state.curves.unit and "rule" not in changes:
        changes["rule"] = None
    return replace(view_state, **changes)
