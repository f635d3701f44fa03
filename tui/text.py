"""Make text safe to show, and format values.

Texts of models and programs must not control the terminal: escape sequences change colours or make the terminal
answer, carriage returns overwrite earlier text, bidirectional controls reverse words, joiners and variation selectors
change widths, and stacked accents cover neighbouring rows. Each of them is replaced by something visible or removed.
Lines are cut before they are processed, and the caller wraps the result in a rich `Text`, so that markup is never
parsed.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum

from rich.cells import cell_len

from sampler.plotting import ELLIPSIS
from sampler.stats.budget import Unit
from sandbox.values import Verdict

LONGEST = 2_000
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_MOST_MARKS = 2  # accents on one letter; real scripts need no more on a line that is one cell high
_UNKNOWN = frozenset({"Cs", "Co", "Cn"})  # surrogate, private use, unassigned: no terminal agrees on their width
_BREAKS = frozenset({"Zl", "Zp"})


def sanitize(text: str, longest: int = LONGEST) -> str:
    """Return `text` on one line, without control characters; at most `longest` characters are read."""
    cut = text[:longest]
    marks = 0
    kept: list[str] = []
    for char in cut:
        if " " <= char <= "~":
            marks = 0
            kept.append(char)
            continue
        category = unicodedata.category(char)
        if category in {"Mn", "Me"}:
            marks += 1
            if marks <= _MOST_MARKS and not _is_variation_selector(char):
                kept.append(char)
            continue
        marks = 0
        kept.append(_shown(char, category))
    if len(text) > longest:
        kept.append(ELLIPSIS)
    return "".join(kept)


def json_pairs(flat: str) -> str:
    """Return a flat JSON object as pairs of names and values."""
    try:
        told = json.loads(flat)
    except ValueError:
        return sanitize(flat, 200)
    if not isinstance(told, dict):
        return sanitize(flat, 200)
    pairs = (f"{sanitize(str(name), 40)}={sanitize(str(value), 60)}" for name, value in told.items())
    return "  ".join(pairs)


def without_marks(text: str) -> str:
    """Return `text` without characters that take no cell, so that each of the others is one or two cells wide."""
    return text if text.isascii() and text.isprintable() else "".join(char for char in text if cell_len(char))


def _shown(char: str, category: str) -> str:
    if char == "\t":
        return " "
    if char < " ":
        return chr(0x2400 + ord(char))  # the Unicode pictures of the control characters
    if char == "\x7f":
        return "\u2421"
    if category in _UNKNOWN or category == "Cc":
        return REPLACEMENT
    if category == "Cf":
        return ""
    if category in _BREAKS:
        return "\u2424"
    if category == "Zs":
        return " "
    return char


def _is_variation_selector(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


UNITS = (Unit.FLOPS, Unit.SECONDS, Unit.JOULES, Unit.DOLLARS, Unit.TOKENS, Unit.SAMPLES)


class Severity(Enum):
    """How good or bad a result is; the widget gives it a colour, and the text says it, too."""

    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    PLAIN = "plain"
    FAINT = "faint"


GLYPHS: Mapping[str, str] = {
    "PASSED": "✓",
    "WRONG": "✗",
    "ERROR": "!",
    "SYNTAX": "?",
    "TIMEOUT": "◷",
    "MEMORY": "≡",
    "OUTPUT": "»",
    "CRASHED": "†",
    "EARLY_EXIT": "↵",
}


def glyph(verdict: str) -> str:
    """Return the glyph of a verdict, one cell wide."""
    return GLYPHS.get(verdict, "·")


def severity_of(verdict: str) -> Severity:
    """Return the severity of a verdict: good if it passed, bad for a wrong answer, warn for all others."""
    if verdict == Verdict.PASSED:
        return Severity.GOOD
    return Severity.BAD if verdict == Verdict.WRONG else Severity.WARN


def clock(at: float) -> str:
    """Return the local time of day."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")


def next_unit(unit: Unit, available: Sequence[Unit]) -> Unit:
    """Return the next unit in which some model has a cost; the same if there is no other."""
    start = UNITS.index(unit) if unit in UNITS else -1
    order = [UNITS[(start + step) % len(UNITS)] for step in range(1, len(UNITS) + 1)]
    return next((one for one in order if one in available), unit)


def grouped(count: int) -> str:
    """Return a whole number in groups of three digits, as in reports."""
    return f"{count:,}"


def percent_done(part: int, whole: int) -> str:
    """Return how much is done, in percent: 100 only when nothing is left."""
    return f"{min(part, whole) * 100 // whole}%"
