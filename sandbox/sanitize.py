"""Make hostile text safe to show: control characters and escape sequences become visible text.

Names, messages and outputs come from files, models and programs. `guard` replaces standard output and standard error by
filters, so that every text is cleaned. Rich needs escape sequences of its own: `console.SanitizingConsole` cleans the
text that it draws, and bypasses the filter.
"""

from __future__ import annotations

import codecs
import difflib
import io
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence

_KEPT = frozenset("\n\t")
_SUSPICIOUS = re.compile("[^\n\t -~]")


def sanitize(data: bytes | str) -> str:
    """Return text without control characters, escape sequences, direction overrides and lone surrogates.

    Line ends and tabs stay.
    """
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    if _SUSPICIOUS.search(text) is None:
        return text
    return "".join(character if _is_plain(character) else _visible(character) for character in text)


def one_line(text: str) -> str:
    """Return text on one line, made safe to show.

    A name with line ends or tabs must not look like several lines or columns of ours.
    """
    return sanitize(text).replace("\n", "\\n").replace("\t", "\\t")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return " (did you mean 'x'?)" for the known word that is most like `word`; an empty text if none is."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {str(near[0])!r}?)" if near else ""


def nearest_or_all(word: str, known: Sequence[str]) -> str:
    """Return " (did you mean 'x'?)" for the known word that is most like `word`; if none is, "; there are" and all."""
    return did_you_mean(word, known) or f"; there are {', '.join(known)}"


_FEW = 10  # lines of a list of rows that were left out: enough to see what they have in common


def first_few(lines: Sequence[str]) -> list[str]:
    """Return the first lines and, where there are others, how many more there are."""
    more = len(lines) - _FEW
    return [*lines[:_FEW], *([f"{more} more"] if more > 0 else [])]


def _is_plain(character: str) -> bool:
    return character in _KEPT or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def _visible(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class SanitizingStream(io.TextIOWrapper):
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
        sys.stdout = SanitizingStream(sys.stdout)
    if type(sys.stderr) is io.TextIOWrapper:
        sys.stderr = SanitizingStream(sys.stderr)
