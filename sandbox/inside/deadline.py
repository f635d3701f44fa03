"""When a visit's wall time is over: at its limit, and later by what the box has waited for its core meanwhile.

That has an end, too (`longest_s`). A program that the machine has kept waiting until then has not used up its limit,
which `sandbox.judging.judge.starved` sees in the facts.
"""

from __future__ import annotations

import time

from sandbox.inside.waiting import Waiting

_FIRST_LOOK_S = 0.05  # a short program ends before
_BEHIND_S = 0.02  # so long must the box have been off its core before anybody asks why
_SHARE = 40  # a look takes some tenths of a millisecond; no more than one in such a part of the visit
_TELL_S = 1.0


class Deadline:
    """The end of one visit's wall time, which begins when this is made."""

    def __init__(self, wall_s: float, longest_s: float, waiting: Waiting) -> None:
        self._waiting = waiting
        self.began = time.monotonic()
        self._wall_s, self._longest = wall_s, self.began + longest_s
        self._next_look, self._told = self.began + _FIRST_LOOK_S, self.began + wall_s

    @property
    def waited_s(self) -> float:
        """What the box has waited for its core, as far as it was looked."""
        return self._waiting.seconds

    def left_s(self, box_cpu_s: float, *, looking: bool) -> float:
        """Seconds left; negative when it is over. Looks before it says so, if it may: that takes memory of the box."""
        now = time.monotonic()
        due = now > self._next_look or now > self._end()
        if looking and due and now - self.began - box_cpu_s > _BEHIND_S:
            self._waiting.look(box_cpu_s)
            self._next_look = now + max(_FIRST_LOOK_S, (now - self.began) / _SHARE)
        return self._end() - now

    def has_moved(self) -> bool:
        """Whether it is later than was told last; once a second at most."""
        now = time.monotonic()
        if not self._told < now < self._end():
            return False
        self._told = max(self._end(), now + _TELL_S)
        return True

    def _end(self) -> float:
        return min(self.began + self._wall_s + self._waiting.seconds, self._longest)
