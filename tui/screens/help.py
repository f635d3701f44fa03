"""Help: every key that works on the screen below, searched by typing, and what that screen shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.screens.keymap_help import Entry, matching, paragraphs
from tui.widgets.text_view import TextView

_KEY = 16


class HelpScreen(ModalScreen[None]):
    """A box over the screen; typing filters it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,question_mark", "dismiss", "Close", id="help.close"),
        Binding("down", "scroll(1)", "Down", id="help.down", show=False),
        Binding("up", "scroll(-1)", "Up", id="help.up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", id="help.page_down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", id="help.page_up", show=False),
    ]
    CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > Vertical {
        width: 90%; max-width: 110; height: 90%; max-height: 50; border: round $accent; background: $surface;
    }
    HelpScreen Input { height: 1; border: none; padding: 0 1; background: $foreground 10%; }
    """

    def __init__(self, entries: Sequence[Entry], words: str) -> None:
        super().__init__()
        self._entries = entries
        self._words = paragraphs(words)

    def compose(self) -> ComposeResult:
        """A field to type into, and the text."""
        with Vertical() as box:
            box.border_title = Content("Help · type to search · esc closes")
            yield Input(placeholder="which key does …", compact=True)
            yield TextView(id="text")

    def on_mount(self) -> None:
        """Everything at first."""
        self.query_one(Input).focus()
        self._draw("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """What holds the words typed. A question mark in an empty field closes, as it opened."""
        if event.value == "?":
            self.dismiss()
            return
        self._draw(event.value)

    def action_scroll(self, lines: int) -> None:
        """Scroll the text."""
        self.query_one(TextView).action_scroll_lines(lines)

    def _draw(self, typed: str) -> None:
        lines: list[Text] = []
        words = [line for line in self._words if not typed or typed.lower() in line.lower()]
        if words:
            lines += [*(Text(line) for line in words), Text()]
        group = ""
        for entry in matching(self._entries, typed):
            if entry.group != group:
                group = entry.group
                lines.append(Text(group, "bold underline"))
            line = Text(f"  {entry.key:<{_KEY}} ", "bold")
            line.append(entry.name, "not bold")
            if entry.words != entry.name:
                line.append(f" · {entry.words}", "not bold dim")
            lines.append(line)
        self.query_one(TextView).show(lines or [Text("  nothing found", "dim")], wrapped=True)
