"""Whose seconds: sharing the wall time of an engine that works on many things at once.

At any moment the wall's second is split by the tokens the engine is working on: a prompt that is being read weighs its
tokens, a sample that is being written weighs one. The shares therefore add up to the time during which the engine had
work, no more and no less, whatever overlaps. That is amortised throughput time, the kind that decides how long a study
takes; it is not the latency of a sample that runs alone.
"""

from __future__ import annotations

from collections.abc import Hashable


class WallShares:
    """The account. Told when something enters and leaves the engine, with the clock's reading at that moment."""

    def __init__(self) -> None:
        self._weights: dict[Hashable, int] = {}
        self._shares: dict[Hashable, float] = {}
        self._until = 0.0

    def enter(self, key: Hashable, weight: int, now: float) -> None:
        """`key` begins to occupy the engine with `weight` tokens at a time."""
        if weight < 1:
            raise ValueError(f"weight must be at least 1, not {weight}")
        self._settle(now)
        self._weights[key] = weight
        self._shares[key] = 0.0

    def leave(self, key: Hashable, now: float) -> float:
        """`key` is done; its seconds."""
        self._settle(now)
        del self._weights[key]
        return self._shares.pop(key)

    def _settle(self, now: float) -> None:
        """Give out the seconds since the last event; listeners may bring two events in the wrong order."""
        now = max(now, self._until)
        passed, everything = now - self._until, sum(self._weights.values())
        for key, weight in self._weights.items():
            self._shares[key] += passed * weight / everything
        self._until = now
