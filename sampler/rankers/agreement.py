"""Which programs answer alike: the ground that `majority` and `mbr` stand on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sandbox.values import Answer

Answers = Sequence[Answer | None]  # of one program, to each call; None where it gave none
ENOUGH = 200  # camps that a program is compared with by value; what agrees with none of them stands alone


def camps(programs: Sequence[Answers], alike: Callable[[Answers, Answers], bool]) -> NDArray[np.int64]:
    """A label for each program, equal for those that answer alike."""
    first: list[tuple[Answers, int]] = []
    by_bytes: dict[tuple[object, ...], int] = {}
    found: list[int] = []
    for answers in programs:
        key = tuple(_bytes(answer) for answer in answers)
        if key not in by_bytes:
            same = (camp for other, camp in first[:ENOUGH] if alike(answers, other))
            camp = next(same, len(first))
            if camp == len(first):
                first.append((answers, camp))
            by_bytes[key] = camp
        found.append(by_bytes[key])
    return np.array(found, dtype=np.int64)


def _bytes(answer: Answer | None) -> object:
    if answer is None:
        return None
    return answer.data if answer.raised is None else (answer.raised.type,)


def equal(one: Answer | None, other: Answer | None) -> bool:
    """Whether both are values and equal by Python's ==, which runs no foreign code on the exact types of ours."""
    if one is None or other is None or one.raised is not None or other.raised is not None:
        return False
    try:
        return one.data == other.data or bool(one.value == other.value)
    except (RecursionError, ArithmeticError, ValueError, TypeError):  # too deep, a signalling NaN …
        return False


def failed(answer: Answer | None) -> bool:
    """Whether a program has no value to show for a call."""
    return answer is None or answer.raised is not None


def informative(programs: Sequence[Answers], numbers: Sequence[int]) -> list[Answers]:
    """The programs' answers to those of the numbered calls for which some program has a value."""
    kept = [number for number in numbers if not all(failed(answers[number]) for answers in programs)]
    return [tuple(answers[number] for number in kept) for answers in programs]
