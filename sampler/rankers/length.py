"""By length, in tokens that were written.

Of k chains of thought the shortest tends to be right (Hassid et al. 2025, arXiv 2505.17813, short-1@k); of programs
nobody has promised it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sampler.rankers.values import Entry, Scores, tokens_of


def shortest(entries: Sequence[Entry]) -> Scores:
    """The fewest tokens first."""
    return -longest(entries)


def longest(entries: Sequence[Entry]) -> Scores:
    """The most tokens first."""
    return np.array([float(tokens_of(entry)) for entry in entries])
