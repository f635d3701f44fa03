"""Jump mode: every pane that can have the keys wears a letter; the letter goes there."""

from __future__ import annotations

from string import ascii_lowercase
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Label


class JumpScreen(ModalScreen[None]):
    """Letters over the screen below."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+o", "dismiss", "Close", id="jump.close")]
    CSS = """
    JumpScreen { background: $background 20%; }
    JumpScreen Label { position: absolute; width: 5; height: 1;
      background: $warning; color: $background; text-style: bold;
      content-align: center middle; }
    """

    def __init__(self, below: Screen[object]) -> None:
        super().__init__()
        self._targets: dict[str, Widget] = dict(
            zip(ascii_lowercase, (widget for widget in below.focus_chain if widget.region), strict=False)
        )

    def compose(self) -> ComposeResult:
        """A letter at the corner of each pane."""
        for letter, widget in self._targets.items():
            label = Label(f"[{letter}]", markup=False)
            label.styles.offset = (widget.region.x, widget.region.y)
            yield label

    def on_key(self, event: Key) -> None:
        """Go to the pane with that letter; a key that is none of them only takes the letters away."""
        event.stop()
        self.dismiss()
        widget = self._targets.get(event.key)
        if widget is not None:
            widget.focus()
