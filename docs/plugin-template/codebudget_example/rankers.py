"""A ranker: the program with the fewest lines first: `sampler rank results.db --ranker fewest-lines`."""

from __future__ import annotations

import numpy as np

from sampler.ranking.rankers import Evidence, Need, Ranker, Scores


def fewest_lines(evidence: Evidence) -> Scores:
    """Return a score for each sample, the best one highest; raise RankingError where something is lacking."""
    return -np.array([float(len(entry.source.split("\n"))) for entry in evidence.entries])


FEWEST_LINES = Ranker(need=Need.SAMPLES, rank=fewest_lines)
