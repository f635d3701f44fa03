"""Verdicts that came with imported samples, against ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sampler.store.read_models import ClaimCount


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Of one model: how often a claim and our verdict said the same, and how they differed."""

    model: str
    both_passed: int
    both_failed: int
    claimed_only: int  # the file says passed, we say not
    ours_only: int  # we say passed, the file says not
    unscored: int  # claims of samples that have no verdict of ours yet

    @property
    def compared(self) -> int:
        """Samples with both."""
        return self.both_passed + self.both_failed + self.claimed_only + self.ours_only

    @property
    def share(self) -> float | None:
        """The share that agrees; None where nothing can be compared."""
        return (self.both_passed + self.both_failed) / self.compared if self.compared else None


def agreements(counts: Iterable[ClaimCount]) -> list[Agreement]:
    """One for each model that has claims, in the order of the counts."""
    models: dict[str, dict[tuple[bool, bool | None], int]] = {}
    for count in counts:
        models.setdefault(count.model, {})[count.claimed, count.passed] = count.count
    return [
        Agreement(
            model=model,
            both_passed=cells.get((True, True), 0),
            both_failed=cells.get((False, False), 0),
            claimed_only=cells.get((True, False), 0),
            ours_only=cells.get((False, True), 0),
            unscored=cells.get((True, None), 0) + cells.get((False, None), 0),
        )
        for model, cells in models.items()
    ]


def as_json(rows: Sequence[Agreement]) -> list[dict[str, Any]]:
    """The table as plain values."""
    return [
        {
            "model": row.model,
            "compared": row.compared,
            "agree": row.share,
            "both_passed": row.both_passed,
            "both_failed": row.both_failed,
            "claimed_only": row.claimed_only,
            "ours_only": row.ours_only,
            "unscored": row.unscored,
        }
        for row in rows
    ]
