"""Show the two lines above a screen's body: the study's state, and the tabs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style as RichStyle
from rich.text import Text
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from tui.progress import GAP, HeaderPart, fitted
from tui.text import Severity
from tui.widgets.styles import severity_style


class HeaderLine(Widget):
    """One line of parts; those of least priority go when it is narrow."""

    DEFAULT_CSS = """
    HeaderLine { height: 1; width: 1fr; padding: 0 1; background: $panel; color: $foreground; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._parts: tuple[HeaderPart, ...] = ()

    def show(self, parts: Sequence[HeaderPart]) -> None:
        """Show these parts from now on."""
        if tuple(parts) != self._parts:
            self._parts = tuple(parts)
            self.refresh()

    def render(self) -> Text:
        """Return the parts that fit."""
        text = Text(no_wrap=True, overflow="crop", end="")
        for index, part in enumerate(fitted(self._parts, self.size.width)):
            text.append(GAP if index else "")
            text.append(part.text, severity_style(self, part.severity, bold=part.strong))
        return text


Span = tuple[int, str, str]  # from which cell, which tab, in which words


def tab_spans(tabs: Sequence[tuple[str, str]], present: str, width: int) -> list[Span]:
    """Return the places of the tabs; on a narrow screen inactive tabs shrink to their first letter."""
    labels = [label for _, label in tabs]
    if sum(map(len, labels)) + len(labels) - 1 > width:
        labels = [label if key == present else label[0] for key, label in tabs]
    gap = 2 if sum(map(len, labels)) + 2 * len(labels) <= width else 1
    spans: list[Span] = []
    left = 0
    for (key, _), label in zip(tabs, labels, strict=True):
        spans.append((left, key, label))
        left += len(label) + gap
    return spans


class TabLine(Widget):
    """One line, as 0 Runs  1 Live."""

    DEFAULT_CSS = """
    TabLine { height: 1; width: 1fr; padding: 0 1; }
    """
    ALLOW_SELECT = False

    class Picked(Message):
        """The reader pointed at a tab."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, tabs: Sequence[tuple[str, str]], present: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tabs = tuple(tabs)
        self._present = present

    def show(self, tabs: Sequence[tuple[str, str]], present: str) -> None:
        """Show these tabs from now on."""
        if (tuple(tabs), present) != (self._tabs, self._present):
            self._tabs, self._present = tuple(tabs), present
            self.refresh()

    def render(self) -> Text:
        """Return the tabs that fit."""
        text = Text(no_wrap=True, overflow="crop", end="")
        for left, key, words in self._spans():
            text.append(" " * (left - len(text.plain)))
            present = key == self._present
            text.append(words, RichStyle(bold=True, reverse=True) if present else severity_style(self, Severity.FAINT))
        return text

    def on_click(self, event: Click) -> None:
        """Pick a tab at a click."""
        offset = event.get_content_offset(self)
        for left, key, words in self._spans():
            if offset is not None and left <= offset.x < left + len(words):
                self.post_message(self.Picked(key))

    def _spans(self) -> list[Span]:
        return tab_spans(self._tabs, self._present, self.size.width)
