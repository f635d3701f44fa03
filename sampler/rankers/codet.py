"""CodeT (Chen et al. 2022, arXiv 2207.10397): programs and tests that a model wrote vouch for each other.

Samples that pass exactly the same generated tests are a group. With |S| samples in it and |T| tests passed, both
counted as often as they were written, its score is sqrt(|S|) · |T| (the authors' code, and the paper's appendix) or |S|
· |T| (its main text). A sample that passes no test is worth nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sampler.stats.ranking import Votes

DAMPED, PLAIN = 0.5, 1.0


def codet(passed: Sequence[Sequence[bool]], written: Sequence[int], power: float = DAMPED) -> Votes:
    """`passed` says for each sample which tests it passes, `written` how often each test was written."""
    groups: dict[tuple[bool, ...], int] = {}
    return Votes(
        camps=np.array([groups.setdefault(tuple(row), len(groups)) for row in passed], dtype=np.int64),
        weights=np.array([float(sum(n for n, ok in zip(written, row, strict=True) if ok)) for row in passed]),
        power=power,
    )


def groups_of(votes: Votes, correct: Sequence[bool]) -> list[tuple[int, int]]:
    """The groups as (size, correct), best first, those of equal score taken as one, without the worthless."""
    scores, right = votes.scores, np.asarray(correct)
    return [_counted(right[scores == score]) for score in sorted(set(scores), reverse=True) if score > 0]


def _counted(right: NDArray[np.bool_]) -> tuple[int, int]:
    return int(right.size), int(right.sum())
