"""No opinion: all samples are equal, and any of them is handed out.

What every ranker has to beat; its rank-score is pass@1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sampler.rankers.values import Entry, Scores


def chance(entries: Sequence[Entry]) -> Scores:
    """The same score for all."""
    return np.zeros(len(entries))
