"""Run the application that all screens share.

It owns the two reading threads (store watcher and query worker), keeps the newest snapshot and the reader's choices,
and defines the keys that work everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen

from tui.data.export import export_name, without_fonts, written
from tui.screens import SCREENS
from tui.screens.base import StudyApp, StudyScreen
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
from tui.widgets.header import TabLine
from tui.widgets.list_table import ListTable
from tui.widgets.models_table import ModelsTable
from tui.widgets.tail import Tail
from tui.widgets.text_view import TextView

WIDTHS = [(0, "-narrow"), (110, "-wide")]  # columns from which a class of the layout holds
HEIGHTS = [(0, "-tiny"), (23, "-short"), (30, "-tall")]  # lines


class BudgetApp(StudyApp):
    """A viewer of one store at a time. Quitting it never touches a study."""

    TITLE = "budget-tui"
    MODES: ClassVar[dict[str, type[StudyScreen]]] = {  # type: ignore[assignment]
        screen.NAME: screen
        for screen in (
            RunsScreen,
            LiveScreen,
            CurvesScreen,
            SamplesScreen,
            FailuresScreen,
            ProblemsScreen,
            CompareScreen,
            SystemScreen,
        )
    }
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
        Binding("R", "control('run')", "Run", id="app.run", show=False, tooltip="Run or resume the study"),
        Binding(
            "P",
            "control('pause')",
            "Pause run",
            id="app.pause",
            show=False,
            tooltip="Finish what is running, then stop",
        ),
        Binding("C", "control('cancel')", "Cancel run", id="app.cancel", show=False, tooltip="End the run"),
        Binding("e", "export", "Export", id="app.export", show=False, tooltip="Save what is shown as CSV, JSON or SVG"),
        Binding("ctrl+o", "jump", "Jump", id="app.jump", show=False, tooltip="Go to a pane by a letter"),
        Binding("t", "change_theme", "Theme", id="app.theme", show=False),
        Binding("question_mark", "help", "Help", key_display="?", id="app.help"),
        Binding("q", "quit", "Quit", id="app.quit", tooltip="Quit the viewer. The study goes on."),
    ]

    def action_go(self, screen: str) -> None:
        """Show another of the main screens."""
        self.go(screen)

    def on_tab_line_picked(self, event: TabLine.Picked) -> None:
        """Show the screen of a clicked tab."""
        self.go(event.key)

    def action_export(self) -> None:
        """Write the shown data to a file in the current folder."""
        screen = self.screen
        if isinstance(screen, StudyScreen):
            answers = [
                ("c", "CSV, for spreadsheets", "csv"),
                ("j", "JSON, for programs", "json"),
                ("s", "SVG, a picture", "svg"),
            ]
            words = f"What the screen shows is saved to a new file in {self._folder}."
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

    # help

    def entries(self, screen: Screen[object]) -> list[Entry]:
        """Return every key that works on a screen now, with its action."""
        return entries_of(screen.active_bindings.values())

    def action_help(self) -> None:
        """Show the keys and the help of the present screen, or close them."""
        if isinstance(self.screen, HelpScreen):
            self.pop_screen()
        else:
            words = getattr(self.screen, "HELP", "") or ""
            self.push_screen(HelpScreen(self.entries(self.screen), words))

    def action_help_quit(self) -> None:
        """Show which key quits: ctrl-C does not quit, because the user may have wanted to copy."""
        keys = [key for key, active in self.active_bindings.items() if active.binding.id == "app.quit"]
        self.tell(f"{' or '.join(keys) or 'ctrl+q'} quits the viewer. The study goes on.")

    def action_jump(self) -> None:
        """Show a letter on every pane that can get the focus."""
        self.push_screen(JumpScreen(self.screen))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield Textual's commands, and every action that has a key now."""
        entries = self.entries(screen)
        own = {entry.name for entry in entries}
        yield from (command for command in super().get_system_commands(screen) if command.title not in own)
        for entry in entries:
            yield SystemCommand(entry.name, f"{entry.words} (key {entry.key})", self._doing(entry))

    def _doing(self, entry: Entry) -> Callable[[], object]:
        return lambda: self.call_later(self.run_action, entry.action, entry.node)


def known_ids() -> frozenset[str]:
    """Return the ids that a keymap may use: those of all bindings of the application, its screens and its widgets."""
    owners: list[type[DOMNode]] = [BudgetApp, DetailScreen, HelpScreen, ListTable, TextView, Tail, ModelsTable]
    owners += [*BudgetApp.MODES.values(), PlotScreen]
    return frozenset(
        binding.id
        for owner in owners
        for binding in owner.__dict__.get("BINDINGS", ())
        if isinstance(binding, Binding) and binding.id
    )
