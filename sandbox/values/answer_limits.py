"""Limits of calls and their answers. docs/problems.md describes them to users."""

from __future__ import annotations

from dataclasses import dataclass

MAX_TESTS_CHARACTERS = 64 << 20  # of tests that are code
MAX_CALLS_BYTES = 96 << 20  # of all calls of a problem, as they are handed over
MAX_EXPECTED_BYTES = 48 << 20  # of all that is expected of them
MAX_ANSWERS_BYTES = 112 << 20  # of all answers of a visit: they leave the box in one frame, with what was printed
TIMES_EXPECTED = 8  # a Fraction takes several times the bytes of the int that it equals
_STEP = 8 << 20  # the program's process knows the limit; in such steps the limit does not tell what is expected


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLimits:
    """How many bytes all answers of a visit may have, and how many items the host makes of them.

    An item of a heavy type counts as many (`sandbox.inside.decoding.WEIGHTS`).
    """

    size: int = 8 << 20
    items: int = 1_000_000

    def with_room_for(self, size: int, items: int) -> AnswerLimits:
        """Return the limits of a program that should answer with `size` bytes and `items` items."""
        steps = -(-TIMES_EXPECTED * size // _STEP) if size > self.size // TIMES_EXPECTED else 0
        return AnswerLimits(
            size=min(self.size + steps * _STEP, MAX_ANSWERS_BYTES), items=self.items + TIMES_EXPECTED * items
        )


USUAL_LIMITS = AnswerLimits()
FOR_TESTS = AnswerLimits(size=32 << 20, items=3_000_000)  # where tests are code, nothing says what they expect
