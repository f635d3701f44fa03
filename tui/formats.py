"""Format values for the screen: units, durations, counts, times, and the glyph and severity of a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum

from sampler.stats.budget import Unit

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
    if verdict == "PASSED":
        return Severity.GOOD
    return Severity.BAD if verdict == "WRONG" else Severity.WARN


def clock(at: float) -> str:
    """Return the local time of day."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")


def next_unit(unit: Unit, available: Sequence[Unit]) -> Unit:
    """Return the next unit in which some model has a cost; the same if there is no other."""
    start = UNITS.index(unit) if unit in UNITS else -1
    order = [UNITS[(start + step) % len(UNITS)] for step in range(1, len(UNITS) + 1)]
    return next((one for one in order if one in available), unit)


def grouped(count: int) -> str:
    """Return a whole number in groups of three digits."""
    return f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
