"""By majority of outputs: programs that answer every input alike are one camp, and the largest is handed out first.

So AlphaCode clusters (Li et al. 2022, arXiv 2203.07814). To raise an exception of the same type, or to give no answer,
is to answer alike, since a program may be right to refuse an input; one that fails on every input gets no vote.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sampler.rankers.agreement import Answers, camps, equal, failed
from sampler.stats.ranking import Votes
from sandbox.values import Answer


def majority(programs: Sequence[Answers]) -> Votes:
    """Each sample's camp is all whose programs do the same on every input."""
    return Votes(
        camps=camps(programs, _alike),
        weights=np.array([float(not all(map(failed, answers))) for answers in programs]),
    )


def _alike(one: Answers, other: Answers) -> bool:
    return all(_same(mine, its) for mine, its in zip(one, other, strict=True))


def _same(one: Answer | None, other: Answer | None) -> bool:
    return _failure(one) == _failure(other) if failed(one) or failed(other) else equal(one, other)


def _failure(answer: Answer | None) -> str | None:
    """The type of the exception; None for a call without an answer; what no exception is called for a value."""
    if answer is None:
        return None
    return answer.raised.type if answer.raised is not None else ""
