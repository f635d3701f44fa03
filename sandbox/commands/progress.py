"""A bar that shows how far a command is. Apart from the others, because Rich takes a moment to import."""

from __future__ import annotations

import sys
from collections.abc import Callable

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sandbox.console import HarmlessConsole


class progress:  # noqa: N801  (used as a function)
    """A bar on standard error; plain silence where that is no terminal."""

    def __init__(self, what: str, total: int, done: int) -> None:
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=HarmlessConsole(stderr=True), disable=not sys.stderr.isatty())
        self._row = self._bar.add_task("", total=total, completed=done)

    def __enter__(self) -> Callable[[], None]:
        self._bar.start()
        return lambda: self._bar.advance(self._row)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
