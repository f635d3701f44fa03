"""How values are written on the screen: units, durations, counts, times, and the sign and the severity of a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum

from sampler.stats.budget import Unit

UNITS = (Unit.FLOPS, Unit.SECONDS, Unit.JOULES, Unit.DOLLARS, Unit.TOKENS, Unit.SAMPLES)


class Severity(Enum):
    """Whether something is good news; the widget gives it a colour, the words say it too."""

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
    """One cell that stands for a verdict beside its word."""
    return GLYPHS.get(verdict, "·")


def severity_of(verdict: str) -> Severity:
    """Passing is good; a wrong answer is plain bad; the rest is a program that did not get that far."""
    if verdict == "PASSED":
        return Severity.GOOD
    return Severity.BAD if verdict == "WRONG" else Severity.WARN


def clock(at: float) -> str:
    """The local time of day."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")


def next_unit(unit: Unit, available: Sequence[Unit]) -> Unit:
    """The next unit that somebody has a cost in; the same where there is no other."""
    start = UNITS.index(unit) if unit in UNITS else -1
    order = [UNITS[(start + step) % len(UNITS)] for step in range(1, len(UNITS) + 1)]
    return next((one for one in order if one in available), unit)


def grouped(count: int) -> str:
    """A whole number in groups of three digits."""
    return f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
