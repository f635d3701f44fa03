"""Draw with Rich: a console that shows control characters as text, and a progress bar.

Rich takes a moment to import, so only commands that draw import this module.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.segment import Segment

from sandbox.sanitize import sanitize


class SanitizingConsole(Console):
    """Rich's console, with control characters in texts made visible; it bypasses the filter of its stream.

    In a notebook it writes to its file, too. By itself Rich shows there at once whatever is printed, to any file.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"force_jupyter": False, **options})
        self.file = getattr(self.file, "unfiltered", self.file)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Return the segments of a renderable; control sequences among them are Rich's own."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(sanitize(segment.text), segment.style)


@contextmanager
def progress(what: str, total: int, done: int) -> Iterator[Callable[[], None]]:
    """Show a bar on standard error, if that is a terminal; yield what advances it by one."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=SanitizingConsole(stderr=True), disable=not sys.stderr.isatty()) as bar:
        row = bar.add_task("", total=total, completed=done)
        yield lambda: bar.advance(row)
