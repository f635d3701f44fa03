"""How many different right programs a model writes for a problem that it solves.

Two programs are the same as a ranker by duplicates has it (`sampler.rankers.duplicates`): their trees are, without
looks and names of their own. A text that is too long to be parsed is a program of its own. More samples find more
programs, so only models with equally many samples compare.

Intervals are from resamples of the solved problems, as those of the cost of pass are: a resample of all problems may
hold none of them. Where all solved problems have as many, an interval has no width, and promises too much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sampler.rankers.duplicates import normal_form
from sampler.stats.bootstrap import Interval, draw_problems, intervals


@dataclass(frozen=True, slots=True, kw_only=True)
class Diversity:
    """Means over the problems with a right sample: right samples, different texts, different programs.

    Each has its interval, by the name of the field; none below two such problems.
    """

    solved: int
    correct: float
    texts: float
    programs: float
    intervals: Mapping[str, Interval | None]


def diversity(solved: Sequence[Sequence[tuple[str, int]]], rng: np.random.Generator) -> Diversity | None:
    """From each solved problem's different right texts, and how many samples had each.

    None where nothing was solved.
    """
    if not solved:
        return None
    table = np.array([_counted(texts) for texts in solved], dtype=np.float64)
    correct, texts, programs = (float(mean) for mean in table.mean(axis=0))
    names = ("correct", "texts", "programs")
    near = intervals(table, draw_problems(len(table), rng)) if len(table) > 1 else [None] * len(names)
    return Diversity(
        solved=len(table),
        correct=correct,
        texts=texts,
        programs=programs,
        intervals=dict(zip(names, near, strict=True)),
    )


def _counted(texts: Sequence[tuple[str, int]]) -> tuple[int, int, int]:
    """Of one problem: right samples, different texts, different programs."""
    programs = {normal_form(text) or text for text, _ in texts}
    return sum(count for _, count in texts), len(texts), len(programs)
