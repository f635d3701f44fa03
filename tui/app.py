"""The application: what all screens share.

It owns the follower, keeps the newest snapshot, and knows the keys that work everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol, runtime_checkable

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import HelpPanel

from tui.follow import Follower
from tui.screens.live import LiveScreen
from tui.view import Snapshot, Trouble

WIDE = 110
SHORT = 23
TALL = 30


@runtime_checkable
class Shows(Protocol):
    """What a screen of ours can do."""

    def show(self, news: Snapshot | Trouble) -> None:
        """Draw what was read."""


class BudgetApp(App[None]):
    """A viewer of one store. Quitting it never touches a study."""

    TITLE = "budget-tui"
    MODES = {"live": LiveScreen}  # noqa: RUF012 - Textual's way
    DEFAULT_MODE = "live"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (SHORT, "-short"), (TALL, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "change_theme", "Theme", id="app.theme", show=False),
        Binding("question_mark", "help", "Help", key_display="?", id="app.help"),
        Binding("q", "quit", "Quit", id="app.quit", tooltip="Quit the viewer; a study goes on"),
    ]

    class Followed(Message):
        """Something new was read from the store."""

        def __init__(self, news: Snapshot | Trouble) -> None:
            super().__init__()
            self.news = news

        def can_replace(self, message: Message) -> bool:
            """A newer snapshot holds all of an older one that is still waiting to be drawn."""
            return isinstance(message, BudgetApp.Followed) and isinstance(message.news, Snapshot)

    def __init__(self, follower: Follower) -> None:
        super().__init__()
        self._follower = follower
        self.news: Snapshot | Trouble | None = None

    def on_mount(self) -> None:
        """Begin to follow, in a thread."""
        self.run_worker(self._follow, name="follow", thread=True, exclusive=True, group="follow")

    def on_unmount(self) -> None:
        """Let the thread end."""
        self._follower.stop()

    def on_budget_app_followed(self, message: Followed) -> None:
        """Hand the news to every screen that is open."""
        self.news = message.news
        for screen in self.screen_stack:
            if isinstance(screen, Shows):
                screen.show(message.news)

    def on_live_screen_wished(self, message: LiveScreen.Wished) -> None:
        """The reader wants other curves."""
        self._follower.wish(message.wish)

    def action_help(self) -> None:
        """Show or hide the keys and the help of the present screen."""
        if self.screen.query(HelpPanel):
            self.action_hide_help_panel()
        else:
            self.action_show_help_panel()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Textual's commands, and every action of the screen in front."""
        yield from super().get_system_commands(screen)
        for binding in screen.BINDINGS:
            if isinstance(binding, Binding) and binding.description:
                yield SystemCommand(
                    binding.description,
                    f"{binding.tooltip or binding.description} (key {binding.key_display or binding.key})",
                    self._doing(screen, binding.action),
                )

    def _doing(self, screen: Screen[object], action: str) -> Callable[[], object]:
        return lambda: self.call_later(screen.run_action, action)

    def _follow(self) -> None:
        self._follower.run(self._deliver)

    def _deliver(self, news: Snapshot | Trouble) -> None:
        self.post_message(self.Followed(news))
