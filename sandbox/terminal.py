"""Filter control characters out of standard output and standard error.

Names, messages and outputs come from files, models and programs. `guard` replaces both streams by filters, so that
every text is cleaned. Rich needs escape sequences of its own: `console.HarmlessConsole` cleans the text that it draws,
and bypasses the filter.
"""

from __future__ import annotations

import codecs
import io
import sys

from sandbox.sanitize import sanitize


class HarmlessText(io.TextIOWrapper):
    """A text stream over the bytes of another one, which stays in `unfiltered`.

    Control characters in written text become visible text.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        ascii_only = codecs.lookup(stream.encoding).name == "ascii"  # click writes past a stream of that encoding
        super().__init__(
            stream.buffer,
            encoding="utf-8" if ascii_only else stream.encoding,
            errors="replace",
            newline="\n",
            line_buffering=stream.line_buffering,
            write_through=True,
        )
        stream.reconfigure(errors="replace")  # a terminal that cannot show ± shows ?
        self.unfiltered = stream

    def write(self, text: str, /) -> int:
        """Write the text; return how many characters it has."""
        super().write(sanitize(text))
        return len(text)


def guard() -> None:
    """Filter whatever this process writes to its standard output and error from now on."""
    if type(sys.stdout) is io.TextIOWrapper:
        sys.stdout = HarmlessText(sys.stdout)
    if type(sys.stderr) is io.TextIOWrapper:
        sys.stderr = HarmlessText(sys.stderr)
