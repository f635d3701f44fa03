"""How many different right programs a model writes for a problem that it solves.

Two programs are the same as a ranker by duplicates has it (`sampler.rankers.duplicates`): their trees are, without looks and
names of their own. A text that is too long to be parsed is a program of its own. More samples find more programs, so only
models with equally many samples compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sampler.rankers.duplicates import normal_form


@dataclass(frozen=True, slots=True, kw_only=True)
class Diversity:
    """Means over the problems with a right sample: right samples, different texts, different programs."""

    solved: int
    correct: float
    texts: float
    programs: float


def diversity(solved: Sequence[Sequence[tuple[str, int]]]) -> Diversity | None:
    """From each solved problem's different right texts, and how many samples had each; None where nothing was solved."""
    if not solved:
        return None
    problems = len(solved)
    return Diversity(
        solved=problems,
        correct=sum(count for texts in solved for _, count in texts) / problems,
        texts=sum(map(len, solved)) / problems,
        programs=sum(len({normal_form(text) or text for text, _ in texts}) for texts in solved) / problems,
    )
