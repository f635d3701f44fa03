"""By log-probability: the mean over a completion's tokens, or their sum, which favours short texts.

The mean is the ranker of Chen et al. 2021 (arXiv 2107.03374) and, with its sign turned, equation 7 of Hassid et al.
2024 (arXiv 2404.00725). The prompt's tokens are no part of either.

The sampling model's own are before temperature, and are stored with the sample. Another model's come from a `Scorer`;
they are over that model's tokens, and are compared within one engine only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sampler.rankers.values import Entry, RankingError, Scores, tokens_of


def mean_logprob(entries: Sequence[Entry]) -> Scores:
    """Nats a token; a completion without tokens says nothing and comes last."""
    return np.array([_known(entry) / tokens if (tokens := tokens_of(entry)) else -np.inf for entry in entries])


def sum_logprob(entries: Sequence[Entry]) -> Scores:
    """Nats of the whole completion."""
    return np.array([_known(entry) if tokens_of(entry) else -np.inf for entry in entries])


def _known(entry: Entry) -> float:
    if entry.sum_logprob is None:
        raise RankingError(
            f"{entry.place} has no log-probability: its engine or file did not tell; "
            "have a model score the text (--with MODEL), or choose another ranker"
        )
    return entry.sum_logprob
