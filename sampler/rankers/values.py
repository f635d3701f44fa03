"""The words of ranking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampler.stats.ranking import Votes

Scores = NDArray[np.float64]
Ranking = Scores | Votes


class RankingError(ValueError):
    """A ranker lacks what it would rank by: the user's choice, nobody's fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One sample as a ranker sees it: the program made of it, how many tokens were written, and their log-probability.

    None where the engine or file did not tell.
    """

    problem: str
    index: int
    source: str
    tokens: int | None
    sum_logprob: float | None

    @property
    def place(self) -> str:
        """The sample's name, for messages."""
        return f"sample {self.index} of {self.problem}"


def tokens_of(entry: Entry) -> int:
    """How many tokens were written; raises RankingError where nobody told."""
    if entry.tokens is None:
        raise RankingError(f"{entry.place} has no count of tokens: its file did not tell; choose another ranker")
    return entry.tokens
