"""The first line of a screen: which study, how it stands, how far it is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.widget import Widget

from tui.header import GAP, Part, fitted
from tui.widgets.styles import mood_style


class HeaderLine(Widget):
    """One line of parts; those of least worth go when it is narrow."""

    DEFAULT_CSS = """
    HeaderLine { height: 1; width: 1fr; padding: 0 1; background: $panel; color: $foreground; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._parts: tuple[Part, ...] = ()

    def show(self, parts: Sequence[Part]) -> None:
        """Say this from now on."""
        if tuple(parts) != self._parts:
            self._parts = tuple(parts)
            self.refresh()

    def render(self) -> Text:
        """The parts that fit."""
        text = Text(no_wrap=True, overflow="crop", end="")
        for index, part in enumerate(fitted(self._parts, self.size.width)):
            text.append(GAP if index else "")
            text.append(part.text, mood_style(self, part.mood, bold=part.strong))
        return text
