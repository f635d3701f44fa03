"""Samples as lines of a list: the columns, what stands in them, and a row as words or as data to copy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from sampler.drawing.axis import quantity
from sampler.store.read_models import SampleRow
from tui.text import harmless
from tui.view import Mood, clock, glyph, mood
from tui.widgets.cells import Cell, Column
from tui.widgets.plot import mark

COLUMNS = (
    Column(key="mark", label="", width=1),
    Column(key="at", label="time", width=8, needs=100),
    Column(key="verdict", label="verdict", width=12),
    Column(key="model", label="model", width=22, middle=True),
    Column(key="problem", label="problem", width=14, middle=True),
    Column(key="idx", label="#", width=5, right=True),
    Column(key="tok", label="tok", width=6, right=True, needs=66),
    Column(key="sec", label="sec", width=7, right=True, needs=126),
    Column(key="flops", label="FLOPs", width=10, right=True, needs=120),
    Column(key="cpu", label="cpu s", width=7, right=True, needs=150),
    Column(key="mem", label="MB", width=6, right=True, needs=160),
    Column(key="error", label="error", width=0, needs=76),
)
SORTED_BY = {
    "at": "newest",
    **{key: key for key in ("verdict", "model", "problem", "tok", "sec", "flops", "cpu", "mem")},
}
SORT_ORDER = ("newest", "problem", "model", "verdict", "tok", "sec", "flops", "cpu", "mem")


def sample_cells(row: SampleRow, models: Mapping[int, tuple[int, str]]) -> Sequence[Cell]:
    """The cells of one sample; `models` are tones and short names, by id."""
    tone, name = models.get(row.model_id, (-1, harmless(row.model, 200)))
    verdict = row.verdict or "pending"
    return (
        Cell(text=" "),
        Cell(text=clock(row.at), mood=Mood.FAINT),
        Cell(text=verdict_words(row.verdict), mood=mood(verdict) if row.verdict else Mood.FAINT),
        Cell(text=f"{mark(tone)} {name}" if tone >= 0 else name, tone=tone),
        Cell(text=harmless(row.problem, 200)),
        Cell(text=str(row.index), mood=Mood.FAINT),
        Cell(text="—" if row.completion_tokens is None else str(row.completion_tokens)),
        Cell(text=f"{row.seconds:.2f}" if row.seconds else "—"),
        Cell(text=quantity(row.flops, "FLOPs") if row.flops else "—"),
        Cell(text="—" if row.cpu_s is None else f"{row.cpu_s:.3f}"),
        Cell(text="—" if row.memory_mb is None else f"{row.memory_mb:.0f}"),
        Cell(text=error_words(row), mood=Mood.PLAIN),
    )


def verdict_words(verdict: str | None) -> str:
    """A verdict with its glyph."""
    return "○ pending" if verdict is None else f"{glyph(verdict)} {harmless(verdict, 20)}"


def error_words(row: SampleRow) -> str:
    """How it failed, and what is odd about it."""
    told = ": ".join(harmless(part, 300) for part in (row.error_type, row.error_message) if part)
    flags = " ".join(f"[{harmless(flag, 40)}]" for flag in row.flags.split(",") if flag)
    return f"{told}  {flags}".strip()


def sample_words(row: SampleRow) -> str:
    """A sample on one line."""
    return "  ".join(
        part
        for part in (
            clock(row.at),
            verdict_words(row.verdict),
            f"{harmless(row.model, 200)} {harmless(row.problem, 200)} #{row.index}",
            "" if row.completion_tokens is None else f"{row.completion_tokens} tok",
            error_words(row),
        )
        if part
    )


def sample_json(rows: Sequence[SampleRow]) -> str:
    """Samples as JSON: an object, or a list of several."""
    told = [asdict(row) for row in rows]
    return json.dumps(told[0] if len(told) == 1 else told, ensure_ascii=True, indent=1)
