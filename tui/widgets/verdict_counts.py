"""How often each verdict came up for a model, as bars: which, in which order, and what is added up where room lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.text import harmless
from tui.view import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """How often one verdict came up."""

    verdict: str
    count: int
    share: float


def bars(shot: Snapshot, model: int) -> list[Bar]:
    """The verdicts of one model (by its id): PASSED first, the others by how often they came up."""
    found = {verdict: n for (owner, verdict), n in shot.counts.items() if owner == model and n}
    total = sum(found.values())
    ordered = sorted(found, key=lambda verdict: (verdict != "PASSED", -found[verdict], verdict))
    return [Bar(verdict=harmless(v, 20), count=found[v], share=found[v] / total) for v in ordered]


def folded(found: Sequence[Bar], rows: int) -> list[Bar]:
    """At most `rows` bars: what does not fit is added up in the last one."""
    if len(found) <= rows or rows < 1:
        return list(found[: max(0, rows)])
    kept, rest = found[: rows - 1], found[rows - 1 :]
    return [*kept, Bar(verdict="OTHERS", count=sum(b.count for b in rest), share=sum(b.share for b in rest))]
