"""Run the application that all screens share.

`BudgetApp` has the keys that work everywhere; `take_screenshot` runs it without a terminal.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.keys import REPLACED_KEYS, Keys
from textual.pilot import Pilot
from textual.screen import Screen

from tui.data.export import PICTURES, export_name, picture_of, written
from tui.data.snapshot import StoreProblem
from tui.data.store_watcher import StoreWatcher
from tui.screens import SCREENS
from tui.screens.base import StudyApp, StudyScreen
from tui.screens.compare import CompareScreen
from tui.screens.curves import CurvesScreen
from tui.screens.dialogs import HelpScreen, JumpScreen, KeyEntry, PickScreen, entries_of
from tui.screens.failures import FailuresScreen
from tui.screens.live import LiveScreen
from tui.screens.more import MoreScreen
from tui.screens.problems import ProblemsScreen
from tui.screens.runs import RunsScreen
from tui.screens.samples import SamplesScreen
from tui.screens.system import SystemScreen
from tui.settings import Settings
from tui.widgets.header import TabLine

WIDTHS = [(0, "-narrow"), (110, "-wide"), (160, "-vast")]  # columns from which a class of the layout holds
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
            MoreScreen,
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
    StudyScreen.-narrow TabLine { padding: 0; }
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
        Binding(
            "e", "export", "Export", id="app.export", show=False, tooltip="Save what is shown as CSV, JSON, SVG or PNG"
        ),
        Binding("ctrl+o", "jump", "Jump", id="app.jump", show=False, tooltip="Go to a pane by a letter"),
        Binding("t", "change_theme", "Theme", id="app.theme", show=False),
        Binding("question_mark", "help", "Help", key_display="?", id="app.help"),
        Binding("q", "quit", "Quit", id="app.quit", tooltip="Quit the viewer. The study goes on."),
    ]

    def action_go(self, screen: str) -> None:
        """Show another of the main screens."""
        self.forget_trail()
        self.go(screen)

    def on_tab_line_picked(self, event: TabLine.Picked) -> None:
        """Show the screen of a clicked tab."""
        self.forget_trail()
        self.go(event.key)

    def action_export(self) -> None:
        """Write the shown data to a file in the current folder."""
        screen = self.screen
        if isinstance(screen, StudyScreen):
            answers = [
                ("c", "CSV, for spreadsheets", "csv"),
                ("j", "JSON, for programs", "json"),
                ("s", "SVG, a picture", "svg"),
                ("p", "PNG, a picture", "png"),
            ]
            words = f"What the screen shows is saved to a new file in {self._folder}."
            picture = self.export_screenshot(title="budget-tui")
            self.push_screen(PickScreen("Export", words, answers), lambda kind: self._export(screen, kind, picture))

    def _export(self, screen: StudyScreen, kind: str | None, picture: str) -> None:
        if kind is None or screen.snapshot is None:
            return
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        file = self._folder / export_name(screen.snapshot.study.name, screen.NAME, stamp, kind)
        if file.suffix in PICTURES:
            self.query_worker.run_in_background(
                lambda: written(file, lambda: file.write_bytes(picture_of(picture, file))), self.tell
            )
        else:
            screen.export(file)

    # help

    def entries(self, screen: Screen[object]) -> list[KeyEntry]:
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

    def _doing(self, entry: KeyEntry) -> Callable[[], object]:
        return lambda: self.call_later(self.run_action, entry.action, entry.node)


def known_ids() -> frozenset[str]:
    """Return the ids that a keymap may use: those of all bindings of the application, its screens and its widgets."""
    return frozenset(
        binding.id
        for owner in _subclasses(DOMNode)
        if owner.__module__.startswith("tui.")
        for binding in owner.__dict__.get("BINDINGS", ())
        if isinstance(binding, Binding) and binding.id
    )


def _subclasses(owner: type[DOMNode]) -> Iterator[type[DOMNode]]:
    for one in owner.__subclasses__():
        yield one
        yield from _subclasses(one)


TIMEOUT_SECONDS = 20.0
STEP_SECONDS = 0.05


class ScreenshotError(Exception):
    """The store has nothing to show; the message says why."""


class UnknownKey(Exception):
    """A word that is no key's name; the message says which names are valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenshotSpec:
    """What is to be seen: a screen, after some keys, so large, in a theme."""

    screen: str = "live"
    size: tuple[int, int] = (140, 40)
    keys: Sequence[str] = ()
    theme: str = ""


def take_screenshot(store: Path, spec: ScreenshotSpec, against: Path | None = None) -> str:
    """Return a store's screen as SVG, perhaps with a second store; raises ScreenshotError or UnknownKey."""
    refuse_unknown_keys(spec.keys)
    app = BudgetApp(StoreWatcher(path=store, against=against), settings=Settings(theme=spec.theme), start=spec.screen)
    taken: list[str] = []

    async def look(pilot: Pilot[object]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + TIMEOUT_SECONDS
        while loop.time() < until and not isinstance(app.news, StoreProblem):
            if app.current_mode == spec.screen and isinstance(app.screen, StudyScreen) and app.screen.settled:
                for key in spec.keys:
                    await pilot.press(key)
                    await _settle(pilot)
                await _settle(pilot)
                taken.append(app.export_screenshot(title="budget-tui"))
                break
            await pilot.pause(STEP_SECONDS)
        app.exit()

    app.run(headless=True, size=spec.size, auto_pilot=look)
    if taken:
        return taken[0]
    if isinstance(app.news, StoreProblem):
        raise ScreenshotError(app.news.message)
    raise ScreenshotError(f"nothing could be drawn from {str(store)!r} in {TIMEOUT_SECONDS:.0f} seconds")


def refuse_unknown_keys(keys: Sequence[str]) -> None:
    """Raise UnknownKey for a word that is neither one character nor a key's name: pressing it would do nothing."""
    named = {key.value for key in Keys} | {*REPLACED_KEYS, *REPLACED_KEYS.values()}
    for key in keys:
        last = key.rpartition("+")[2] or "+"  # behind ctrl+, shift+, alt+
        if len(last) != 1 and key not in named and last not in named and not _is_character(last):
            near = get_close_matches(key, named, n=1)
            meant = f" (did you mean {near[0]}?)" if near else ""
            raise UnknownKey(
                f"{key!r} is no key{meant}; write 'x' for a letter, or a name such as down, enter, escape, ctrl+p"
            )


def _is_character(name: str) -> bool:
    """Return whether it is Textual's name of a character, such as question_mark."""
    try:
        unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return False
    return True


async def _settle(pilot: Pilot[object]) -> None:
    """Wait until everything is read and drawn."""
    for _ in range(4):
        await pilot.pause(STEP_SECONDS)
