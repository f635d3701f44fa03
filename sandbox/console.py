"""Rich's console, without anything in its texts that a terminal obeys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from sandbox.show import harmless


class HarmlessConsole(Console):
    """Rich's console. The text of all that it draws is made harmless, and written past the filter of its stream."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.file = getattr(self.file, "unfiltered", self.file)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Return the segments of a renderable; control sequences among them are Rich's own."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)
