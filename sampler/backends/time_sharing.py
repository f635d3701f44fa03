"""Share the wall time of an engine among the prompts and samples that it works on at once.

At any moment the wall time is split by the tokens that the engine works on: a prompt that is being read counts as its
number of tokens, a sample that is being written counts as one. So the shares add up exactly to the time during which
the engine had work. This is amortised throughput time, which decides how long a study takes; it is not the latency of a
sample that runs alone.
"""

from __future__ import annotations

from collections.abc import Hashable


class WallShares:
    """Accounts for wall time; call it when something enters or leaves the engine, with the clock's reading then."""

    def __init__(self) -> None:
        self._weights: dict[Hashable, int] = {}
        self._shares: dict[Hashable, float] = {}
        self._until = 0.0

    def enter(self, key: Hashable, weight: int, now: float) -> None:
        """Record that `key` begins to occupy the engine, with `weight` tokens at a time."""
        if weight < 1:
            raise ValueError(f"weight must be at least 1, not {weight}")
        self._settle(now)
        self._weights[key] = weight
        self._shares[key] = 0.0

    def leave(self, key: Hashable, now: float) -> float:
        """Record that `key` has left the engine; return its seconds."""
        self._settle(now)
        del self._weights[key]
        return self._shares.pop(key)

    def _settle(self, now: float) -> None:
        """Share the seconds since the last event; two threads may report events in the wrong order."""
        now = max(now, self._until)
        passed, everything = now - self._until, sum(self._weights.values())
        for key, weight in self._weights.items():
            self._shares[key] += passed * weight / everything
        self._until = now
