"""Small questions over a screen: which format to export, and whether a command is to be carried out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Button, Static

_CSS = """
{name} {{ align: center middle; }}
{name} > Vertical {{ width: 76; max-width: 96%; height: auto; padding: 1 2; }}
{name} > Vertical {{ border: round $accent; background: $surface; }}
{name} Static {{ height: auto; margin-bottom: 1; }}
{name} Button {{ width: 100%; margin-bottom: 0; }}
"""


class PickScreen(ModalScreen[str | None]):
    """One of several answers, by its letter, by enter, or by a click."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Close", id="pick.close")]
    CSS = _CSS.format(name="PickScreen")

    def __init__(self, title: str, words: str, answers: Sequence[tuple[str, str, str]]) -> None:
        """`answers` are a letter, what it says, and what it gives back."""
        super().__init__()
        self._title = title
        self._words = words
        self._answers = answers

    def compose(self) -> ComposeResult:
        """The question and a button for each answer."""
        with Vertical() as box:
            box.border_title = Content(self._title)
            box.border_subtitle = Content("esc: do nothing")
            yield Static(Content(self._words), markup=False)
            for letter, label, value in self._answers:
                yield Button(Content(f"{letter}  {label}"), id=f"answer-{value}", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A click or enter."""
        self.dismiss((event.button.id or "").removeprefix("answer-"))

    def on_key(self, event: Key) -> None:
        """A letter."""
        for letter, _, value in self._answers:
            if event.character == letter:
                event.stop()
                self.dismiss(value)
