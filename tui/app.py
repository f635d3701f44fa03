"""The application: what all screens share.

It owns the two threads that read (store watcher and query worker), keeps the newest snapshot and what the reader has
chosen, and knows the keys that work everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.message import Message
from textual.screen import Screen

from sampler.store.read_models import SampleDetail
from tui.data.export import export_name, without_fonts, written
from tui.data.query_worker import QueryWorker
from tui.data.snapshot import Snapshot, StoreProblem
from tui.data.store_watcher import StoreWatcher
from tui.data.system_info import Machine
from tui.run_control import Action, CannotAct, Command, RunTarget, command_for, execute, rerun_command, study_file_of
from tui.screens.base import StudyScreen
from tui.screens.compare import CompareScreen
from tui.screens.curves import CurvesScreen
from tui.screens.dialogs import Entry, HelpScreen, JumpScreen, PickScreen, entries_of
from tui.screens.failures import FailuresScreen
from tui.screens.live import LiveScreen
from tui.screens.plot_base import PlotScreen
from tui.screens.problems import ProblemsScreen
from tui.screens.runs import RunsScreen
from tui.screens.sample_detail import DetailScreen
from tui.screens.samples import SamplesScreen
from tui.screens.system import SystemScreen
from tui.settings import Settings
from tui.text import sanitize
from tui.view_state import ViewState
from tui.widgets.header import SCREENS, TabLine
from tui.widgets.list_table import ListTable
from tui.widgets.models_table import ModelsTable
from tui.widgets.tail import Tail
from tui.widgets.text_view import TextView

WIDTHS = [(0, "-narrow"), (110, "-wide")]  # columns from which a class of the layout holds
HEIGHTS = [(0, "-tiny"), (23, "-short"), (30, "-tall")]  # lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What the viewer may do beyond looking: run, pause and cancel studies (`act`). `study_file` is what it runs."""

    act: bool = True
    study_file: Path | None = None


class BudgetApp(App[None]):
    """A viewer of one store at a time. Quitting it never touches a study."""

    TITLE = "budget-tui"
    MODES: ClassVar[dict[str, type[StudyScreen]]] = {  # type: ignore[assignment]
        "runs": RunsScreen,
        "live": LiveScreen,
        "curves": CurvesScreen,
        "samples": SamplesScreen,
        "failures": FailuresScreen,
        "problems": ProblemsScreen,
        "compare": CompareScreen,
        "system": SystemScreen,
    }
    DEFAULT_MODE = "live"
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    CSS = """
    #notice { display: none; width: 1fr; height: 1fr; content-align: center middle; text-align: center; padding: 0 4; }
    StudyScreen.-empty #notice { display: block; }
    StudyScreen.-empty #body { display: none; }
    #body { height: 1fr; layout: vertical; }
    .pane { border: round $foreground 30%; }
    .pane { border-title-color: $foreground 80%; border-subtitle-color: $foreground 70%; }
    .pane:focus-within { border: round $accent 80%; border-title-color: $foreground; }
    StudyScreen.-zoomed .pane { border: none; }
    StudyScreen.-zoomed TabLine { display: none; }
    StudyScreen.-tiny TabLine { display: none; }
    .field { display: none; height: 1; border: none; padding: 0 1; background: $foreground 10%; }
    .field.-shown { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"go('{name}')", name.capitalize(), id=f"app.{name}", show=False)
            for number, name in enumerate(SCREENS)
        ),
        Binding("R", "control('run')", "Run", id="app.run", show=False, tooltip="Run the study, or go on with it"),
        Binding(
            "P", "control('pause')", "Pause run", id="app.pause", show=False, tooltip="Let the run finish and stop"
        ),
        Binding("C", "control('cancel')", "Cancel run", id="app.cancel", show=False, tooltip="Ask the run to end"),
        Binding("e", "export", "Export", id="app.export", show=False, tooltip="What is shown, as CSV, JSON or SVG"),
        Binding("ctrl+o", "jump", "Jump", id="app.jump", show=False, tooltip="Go to a pane by a letter"),
        Binding("t", "change_theme", "Theme", id="app.theme", show=False),
        Binding("question_mark", "help", "Help", key_display="?", id="app.help"),
        Binding("q", "quit", "Quit", id="app.quit", tooltip="Quit the viewer; a study goes on"),
    ]

    class StoreRead(Message):
        """Something new was read from the store."""

        def __init__(self, news: Snapshot | StoreProblem) -> None:
            super().__init__()
            self.news = news

        def can_replace(self, message: Message) -> bool:
            """A newer snapshot holds all of an older one that is still waiting to be drawn."""
            return isinstance(message, BudgetApp.StoreRead) and isinstance(message.news, Snapshot)

    class Answered(Message):
        """The query worker has read what somebody asked for."""

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

    @property
    def store(self) -> Path:
        """The file that is looked at."""
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
        """Let the threads end."""
        self._watcher.stop()
        self.query_worker.close()

    # news

    def on_budget_app_store_read(self, message: StoreRead) -> None:
        """Hand the news to the screen in front; the others ask for it when they come to the front."""
        self.news = message.news
        for screen in self.screen_stack:
            if isinstance(screen, StudyScreen):
                screen.show(message.news)

    def on_budget_app_answered(self, message: Answered) -> None:
        """Hand over an answer of the query worker."""
        message.deliver()

    def choose(self, view_state: ViewState) -> None:
        """Take over what the reader has chosen, and draw it."""
        if view_state.curves != self.view_state.curves:
            self._watcher.request(view_state.curves)
        self.view_state = view_state
        screen = self.screen
        if isinstance(screen, StudyScreen):
            screen.redraw()

    # where one goes

    def go(self, screen: str) -> None:
        """Show another of the main screens."""
        while len(self.screen_stack) > 1 and not isinstance(self.screen, StudyScreen):
            self.pop_screen()
        if screen in self.MODES and screen != self.current_mode:
            self.switch_mode(screen)

    def action_go(self, screen: str) -> None:
        """Show another of the main screens."""
        self.go(screen)

    def on_tab_line_picked(self, event: TabLine.Picked) -> None:
        """A click on a tab."""
        self.go(event.key)

    def list_samples(self, text: str) -> None:
        """Show the samples that a filter lets through."""
        self.view_state = replace(self.view_state, filter=text)
        self.go("samples")

    def open_verdict(self, verdict: int) -> None:
        """Show the sample behind a verdict."""
        self.query_worker.ask(
            lambda reader: reader.page([verdict]),
            lambda rows: self._open(rows[0].sample_id) if rows else None,
        )

    def _open(self, sample: int) -> None:
        self.push_screen(DetailScreen(sample))

    def open_study(self, store: Path, study: int) -> None:
        """Look at another study, perhaps of another store."""
        self._watcher.switch(store, study)
        self.query_worker.open(store)
        self.view_state = ViewState()
        self._watcher.request(self.view_state.curves)
        self.go("live")

    # what one does

    def action_control(self, name: str) -> None:
        """Run, pause or cancel the study through the command that a person would type, once they say yes."""
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
            PickScreen(f"{name.capitalize()} this study?", question, [("y", "do it", "yes"), ("n", "leave it", "no")]),
            lambda answer: self._execute(command) if answer == "yes" else None,
        )

    def may_act(self) -> bool:
        """Whether commands may be started; says so where they may not."""
        if not self._rights.act:
            self.notify("this viewer only looks (--readonly)", severity="warning", markup=False)
        return self._rights.act

    def rerun_command(self, detail: SampleDetail, file: Path) -> Command:
        """The command that executes a sample's program, written to `file`, once more; raises CannotAct."""
        if not isinstance(self.news, Snapshot):
            raise CannotAct("the store cannot be read now")
        near = (study_file_of(self.store, self._rights.study_file) or self.store).parent
        return rerun_command(detail, self.news.study.problems_source, near, file)

    def _execute(self, command: Command) -> None:
        try:
            execute(command)
        except CannotAct as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.notify(f"started: {sanitize(command.typed, 200)}", markup=False)

    def action_export(self) -> None:
        """Write what is shown into a file of the present folder."""
        screen = self.screen
        if isinstance(screen, StudyScreen):
            answers = [
                ("c", "CSV, for spreadsheets", "csv"),
                ("j", "JSON, for programs", "json"),
                ("s", "SVG, a picture", "svg"),
            ]
            words = f"What the screen shows goes into a new file in {self._folder}."
            picture = self.export_screenshot(title="budget-tui")
            self.push_screen(PickScreen("Export", words, answers), lambda kind: self._export(screen, kind, picture))

    def _export(self, screen: StudyScreen, kind: str | None, picture: str) -> None:
        if kind is None or screen.snapshot is None:
            return
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        file = self._folder / export_name(screen.snapshot.study.name, screen.NAME, stamp, kind)
        if kind == "svg":
            self.query_worker.run_in_background(
                lambda: written(file, lambda: file.write_text(without_fonts(picture), encoding="utf-8")), self.tell
            )
        else:
            screen.export(file)

    def tell(self, words: str) -> None:
        """Say something for a moment."""
        self.notify(words, markup=False)

    # help

    def entries(self, screen: Screen[object]) -> list[Entry]:
        """Every key that works on a screen now, with what it does."""
        return entries_of(screen.active_bindings.values())

    def action_help(self) -> None:
        """Show the keys and the help of the present screen, or close them."""
        if isinstance(self.screen, HelpScreen):
            self.pop_screen()
        else:
            words = getattr(self.screen, "HELP", "") or ""
            self.push_screen(HelpScreen(self.entries(self.screen), words))

    def action_help_quit(self) -> None:
        """Ctrl-C ends nothing, since a hand may have meant to copy: it says which key does."""
        keys = [key for key, active in self.active_bindings.items() if active.binding.id == "app.quit"]
        self.tell(f"{' or '.join(keys) or 'ctrl+q'} quits the viewer; a study goes on")

    def action_jump(self) -> None:
        """Put a letter on every pane that can have the keys."""
        self.push_screen(JumpScreen(self.screen))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Textual's commands, and every action that has a key now."""
        entries = self.entries(screen)
        own = {entry.name for entry in entries}
        yield from (command for command in super().get_system_commands(screen) if command.title not in own)
        for entry in entries:
            yield SystemCommand(entry.name, f"{entry.words} (key {entry.key})", self._doing(entry))

    def _doing(self, entry: Entry) -> Callable[[], object]:
        return lambda: self.call_later(self.run_action, entry.action, entry.node)

    # the threads

    def _follow(self) -> None:
        self._watcher.run(self._deliver)

    def _deliver(self, news: Snapshot | StoreProblem) -> None:
        self.post_message(self.StoreRead(news))

    def _answered(self, deliver: Callable[[], None]) -> None:
        self.post_message(self.Answered(deliver))

    def _trouble(self, words: str) -> None:
        self.notify(words, severity="error", markup=False)


def known_ids() -> frozenset[str]:
    """What a keymap may name: the ids of every binding of the application, its screens and its widgets."""
    owners: list[type[DOMNode]] = [BudgetApp, DetailScreen, HelpScreen, ListTable, TextView, Tail, ModelsTable]
    owners += [*BudgetApp.MODES.values(), PlotScreen]
    return frozenset(
        binding.id
        for owner in owners
        for binding in owner.__dict__.get("BINDINGS", ())
        if isinstance(binding, Binding) and binding.id
    )
