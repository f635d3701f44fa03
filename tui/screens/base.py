"""Define what all screens share.

These are the application, which reads for them, and the frame of a screen (header, tabs, pause, keys).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from rich.text import Text
from textual import getters
from textual.app import App, ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Static

from sampler.store.read_models import SampleDetail
from tui.data.export import Tabular, write_table, written
from tui.data.query_worker import QueryWorker
from tui.data.snapshot import Snapshot, StoreProblem, with_compared
from tui.data.store_watcher import StoreWatcher
from tui.data.system_info import Machine
from tui.progress import HeaderPart, header_parts, replay_words
from tui.run_control import (
    Action,
    CannotAct,
    RunTarget,
    ShellCommand,
    command_for,
    execute,
    rerun_command,
    study_file_of,
)
from tui.screens import SCREENS
from tui.screens.dialogs import PickScreen
from tui.settings import Settings
from tui.text import Severity, sanitize
from tui.view_state import LABEL_WIDTH, ViewState, labels_of
from tui.widgets.header import HeaderLine, TabLine

Value = TypeVar("Value")

TABS = tuple((name, f"{number} {name.capitalize()}") for number, name in enumerate(SCREENS))
NAME_WIDTHS = (200, 32, LABEL_WIDTH, 12)  # cells of a name in a sentence, as far as that needs to be short
SLIM = 68  # columns below which side panes give way


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What the viewer may do beyond looking: run, pause and cancel studies (`act`). `study_file` is what it runs.

    `replay`: the store is a copy that fills as the study once did, which the header says.
    """

    act: bool = True
    replay: bool = False
    study_file: Path | None = None


class StudyApp(App[None]):
    """The application as screens use it: the two reading threads, the newest data, and the reader's choices."""

    DEFAULT_MODE = "live"

    class StoreRead(Message):
        """Something new was read from the store."""

        def __init__(self, news: Snapshot | StoreProblem) -> None:
            super().__init__()
            self.news = news

        def can_replace(self, message: Message) -> bool:
            """Return whether this news can replace one that is not drawn yet: a newer one holds all of it."""
            return isinstance(message, StudyApp.StoreRead) and isinstance(message.news, Snapshot)

    class QueryAnswered(Message):
        """The query worker has the result of a request."""

        def __init__(self, deliver: Callable[[], None]) -> None:
            super().__init__()
            self.deliver = deliver

    def __init__(
        self,
        watcher: StoreWatcher,
        *,
        rights: Rights | None = None,
        settings: Settings | None = None,
        start: str = "live",
        machine: Machine | None = None,
    ) -> None:
        super().__init__()
        self._watcher = watcher
        self._rights = rights or Rights()
        self._settings = settings or Settings()
        self._start = start
        self.machine = machine or Machine()
        self._folder = Path.cwd()
        self.query_worker = QueryWorker(watcher.path, self._answered, self._trouble)
        self.view_state = ViewState()
        self.news: Snapshot | StoreProblem | None = None
        self._trail: list[tuple[str, str]] = []  # the screens that led to the present one, each with its filter

    @property
    def store(self) -> Path:
        """Return the path of the shown store."""
        return self._watcher.path

    def on_mount(self) -> None:
        """Start the store watcher and the query worker, each in a thread."""
        if self._settings.theme:
            self.theme = self._settings.theme
        if self._settings.keymap:
            self.set_keymap(self._settings.keymap)
        self.run_worker(self._follow, name="follow", thread=True, exclusive=True, group="follow")
        self.run_worker(self.query_worker.run, name="query_worker", thread=True, group="query_worker")
        if self._start != self.DEFAULT_MODE:
            self.go(self._start)

    def on_unmount(self) -> None:
        """End the threads."""
        self._watcher.stop()
        self.query_worker.close()

    # news

    def on_study_app_store_read(self, message: StoreRead) -> None:
        """Pass the news to the screen in front; the others get it when they come to the front."""
        if not self.is_running:  # the widgets of a closing application go one by one
            return
        self.news = message.news
        for screen in self.screen_stack:
            if isinstance(screen, StudyScreen):
                screen.show(message.news)

    def on_study_app_query_answered(self, message: QueryAnswered) -> None:
        """Pass on a result of the query worker."""
        if self.is_running:
            message.deliver()

    def choose(self, view_state: ViewState) -> None:
        """Set the reader's choices and draw them."""
        if view_state.curves != self.view_state.curves:
            self._watcher.request(view_state.curves)
        self.view_state = view_state
        screen = self.screen
        if isinstance(screen, StudyScreen):
            screen.redraw()

    # where one goes

    def go(self, screen: str, *, returning: bool = False) -> None:
        """Show another of the main screens; with `returning` the present one keeps its steps until it is back."""
        while len(self.screen_stack) > 1 and not isinstance(self.screen, StudyScreen):
            self.pop_screen()
        if screen in self.MODES and screen != self.current_mode:
            if isinstance(self.screen, StudyScreen) and not returning:
                self.screen.forget_steps()
            self.switch_mode(screen)

    def list_samples(self, text: str) -> None:
        """Show the samples that match a filter."""
        self._trail.append((self.current_mode, self.view_state.filter))
        self.view_state = replace(self.view_state, filter=text)
        self.go("samples", returning=True)

    def step_back(self) -> None:
        """Show the screen from which the reader came here, as it was; without one, Live."""
        screen, text = self._trail.pop() if self._trail else ("live", self.view_state.filter)
        self.view_state = replace(self.view_state, filter=text)
        self.go(screen)

    def forget_trail(self) -> None:
        """Forget where the reader came from: a screen was chosen by its key."""
        self._trail.clear()

    @property
    def replays(self) -> bool:
        """Return whether the shown store is a replay."""
        return self._rights.replay

    def open_study(self, store: Path, study: int) -> None:
        """Show another study, perhaps of another store."""
        self._watcher.switch(store, study)
        self.query_worker.open(store)
        self.view_state = ViewState()
        self._watcher.request(self.view_state.curves)
        self.go("live")

    # what one does

    def action_control(self, name: str) -> None:
        """Run, pause or cancel the study by a command that the user confirms first."""
        if not self.may_act():
            return
        snapshot = self.news if isinstance(self.news, Snapshot) else None
        target = RunTarget(
            store=self.store, study_file=study_file_of(self.store, self._rights.study_file), host=self.machine.name
        )
        try:
            command = command_for(Action(name), snapshot, target, self.machine.clock())
        except CannotAct as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        question = f"{command.meaning}\n\n$ {sanitize(command.typed, 500)}"
        self.push_screen(
            PickScreen(f"{name.capitalize()} this study?", question, [("y", "yes", "yes"), ("n", "no", "no")]),
            lambda answer: self._execute(command) if answer == "yes" else None,
        )

    def may_act(self) -> bool:
        """Return whether commands may be started; show a message if not."""
        if not self._rights.act:
            self.notify("This viewer is read-only (--readonly).", severity="warning", markup=False)
        return self._rights.act

    def rerun_command(self, detail: SampleDetail, file: Path) -> ShellCommand:
        """Return the command that executes a sample's program, written to `file`, once more; raises CannotAct."""
        if not isinstance(self.news, Snapshot):
            raise CannotAct("The store cannot be read now.")
        near = (study_file_of(self.store, self._rights.study_file) or self.store).parent
        return rerun_command(detail, self.news.study.problems_source, near, file)

    def _execute(self, command: ShellCommand) -> None:
        try:
            execute(command)
        except CannotAct as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.notify(f"Started: {sanitize(command.typed, 200)}", markup=False)

    def tell(self, words: str) -> None:
        """Show a message for a moment."""
        self.notify(words, markup=False)

    # the threads

    def _follow(self) -> None:
        self._watcher.run(self._deliver)

    def _deliver(self, news: Snapshot | StoreProblem) -> None:
        self.post_message(self.StoreRead(news))

    def _answered(self, deliver: Callable[[], None]) -> None:
        self.post_message(self.QueryAnswered(deliver))

    def _trouble(self, words: str) -> None:
        self.notify(words, severity="error", markup=False)


@dataclass(frozen=True, slots=True)
class UndoStep:
    """Something that the reader changed, and how it is undone; steps that come `together` are undone as one."""

    undo: Callable[[], None]
    together: object = None


MOST_STEPS = 100


class StudyScreen(Screen[None]):
    """A header, tabs, a body, a footer. `draw` puts a snapshot into the body; nothing is drawn that is not in front."""

    NAME: ClassVar[str] = ""
    COMPARED: ClassVar[bool] = False  # whether a second store's models are shown among the study's own

    app = getters.app(StudyApp)

    def __init__(self) -> None:
        super().__init__()
        self._snapshot: Snapshot | None = None  # what is on the screen
        self._newest: Snapshot | None = None
        self._heard: Snapshot | None = None  # the newest, without the models of a second store
        self._paused = False
        self._titles: dict[str, tuple[str, str]] = {}
        self._steps: list[UndoStep] = []

    @property
    def snapshot(self) -> Snapshot | None:
        """Return the snapshot that is on the screen."""
        return self._snapshot

    def compose(self) -> ComposeResult:
        """Yield the widgets; CSS sets their places, `show` their contents."""
        yield HeaderLine(id="header")
        yield TabLine(TABS, self.NAME, id="tabs")
        yield Static(id="notice", markup=False)
        with Container(id="body"):
            yield from self.body()
        yield Footer(compact=True)

    @abstractmethod
    def body(self) -> Iterator[Widget]:
        """Return the widgets between tabs and footer."""

    @abstractmethod
    def draw(self, snapshot: Snapshot) -> None:
        """Put a snapshot on the screen."""

    def table(self) -> Tabular | None:
        """Return what is shown, for export; None where it is no table."""
        return None

    @property
    def settled(self) -> bool:
        """Return whether everything is loaded that the screen shows; screenshots wait for that."""
        return self._snapshot is not None and self._snapshot.curves is not None

    def export(self, file: Path) -> None:
        """Write what is shown into a file."""
        table = self.table()
        if table is None:
            self.notify("This screen has no table. Save a picture (s) instead.", markup=False)
        else:
            self.app.query_worker.run_in_background(
                lambda: written(file, lambda: write_table(table, file)), self.app.tell
            )

    def on_mount(self) -> None:
        """Update the header every second, also without new data."""
        self.set_interval(1.0, self._draw_header)

    def on_resize(self, event: Resize) -> None:
        """Hide side panes on a narrow screen."""
        self.set_class(event.size.width < SLIM, "-slim")

    def on_screen_resume(self) -> None:
        """Show the newest data when the screen is in front again."""
        if self.app.news is not None:
            self.show(self.app.news)

    def show(self, news: Snapshot | StoreProblem) -> None:
        """Draw new data, unless the display is paused."""
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
        """Return whether there are widgets to draw on; data can come before they exist and while they are removed."""
        return self.is_mounted and bool(self.query(HeaderLine))

    def redraw(self) -> None:
        """Draw the data again after another choice of the reader."""
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
            [
                *self._replay_mark(self._heard),
                *self.crumbs(),
                *header_parts(self._heard, self.app.machine.clock(), paused=missed),
            ]
        )

    def _replay_mark(self, snapshot: Snapshot) -> list[HeaderPart]:
        words = "» REPLAY" if self.app.replays else replay_words(snapshot)
        return [HeaderPart(text=words, priority=9, severity=Severity.WARN, strong=True)] if words else []

    def crumbs(self) -> list[HeaderPart]:
        """Return the path of screens for the header."""
        return []

    def set_title(self, pane: str, title: str, subtitle: str = "") -> None:
        """Set a border's title if it has changed, because that draws the pane again."""
        if self._titles.get(pane) != (title, subtitle):
            self._titles[pane] = (title, subtitle)
            widget = self.query_one(pane)
            widget.border_title, widget.border_subtitle = Content(title), Content(subtitle)

    def fit_sentence(self, say: Callable[[Mapping[str, str]], str], lines: int) -> str:
        """Return a sentence about models, with shorter names where it would need more lines than that.

        `say` makes it of what to call each model.
        """
        snapshot, words = self._snapshot, ""
        models = [model.name for model in snapshot.models] if snapshot else []
        for width in NAME_WIDTHS:
            labels = labels_of(snapshot, width) if snapshot else []
            words = sanitize(say(dict(zip(models, labels, strict=True))))
            if self.lines_of(words) <= lines:
                break
        return words

    def lines_of(self, words: str) -> int:
        """Return how many lines a sentence takes across the screen."""
        return len(Text(words).wrap(self.app.console, max(1, self.size.width - 2)))

    def copy(self, text: str, what: str) -> None:
        """Copy text to the clipboard of the terminal (OSC 52)."""
        self.app.copy_to_clipboard(text)
        self.notify(f"Copied: {what}", timeout=2, markup=False)

    def choose(self, *, together: object = None, **changes: Any) -> None:
        """Change what the reader has chosen; escape undoes it, but for the cursor on a model.

        Changes with the same `together`, one after the other, are undone as one.
        """
        before = self.app.view_state
        after = replaced(before, **changes)
        self.app.choose(after)
        names = [field.name for field in fields(ViewState) if field.name != "tone"]
        undone = {name: getattr(before, name) for name in names if getattr(before, name) != getattr(after, name)}
        if undone:
            self.remember(lambda: self.app.choose(replace(self.app.view_state, **undone)), together)

    def remember(self, undo: Callable[[], None], together: object = None) -> None:
        """Keep how the last change is undone, for escape."""
        if together is None or not self._steps or self._steps[-1].together != together:
            self._steps = [*self._steps[1 - MOST_STEPS :], UndoStep(undo, together)]

    def change(self, set_value: Callable[[Value], None], before: Value, after: Value) -> None:
        """Set a value of this screen, and keep how escape sets it back."""
        set_value(after)
        self.remember(lambda: set_value(before))

    def undo_step(self) -> bool:
        """Undo the last change that was made on this screen; return whether there was one."""
        if self._steps:
            self._steps.pop().undo()
            return True
        return False

    def forget_steps(self, undo: Callable[[], None] | None = None) -> None:
        """Forget what was changed, because the reader goes to another screen; or only the steps undone by `undo`."""
        self._steps = [step for step in self._steps if undo is not None and step.undo != undo]

    def action_pause(self) -> None:
        """Stop the display, or catch up."""
        self._paused = not self._paused
        if not self._paused:
            self._snapshot = self._newest
            self.redraw()
        self._draw_header()

    def action_zoom(self) -> None:
        """Show only the main pane, without borders, or everything again."""
        self.toggle_class("-zoomed")

    def action_back(self) -> None:
        """Leave the zoomed pane, undo the last change, or go to the screen that this one belongs to."""
        if self.has_class("-zoomed"):
            self.remove_class("-zoomed")
        elif not self.undo_step() and self.NAME != "live":
            self.app.step_back()


def replaced(view_state: ViewState, **changes: Any) -> ViewState:
    """Return a changed view state; with another unit the rule is at its default place."""
    request = changes.get("curves", view_state.curves)
    if request.unit != view_state.curves.unit and "rule" not in changes:
        changes["rule"] = None
    return replace(view_state, **changes)
