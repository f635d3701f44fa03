"""Make hostile text safe to show: control characters and escape sequences become visible text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

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


def first_few(lines: Sequence[str], most: int = 10) -> list[str]:
    """Return the first lines and, where there are others, how many more there are."""
    more = len(lines) - most
    return [*lines[:most], *([f"{more} more"] if more > 0 else [])]


def _is_plain(character: str) -> bool:
    return character in _KEPT or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def _visible(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
