"""MBR-EXEC (Shi et al. 2022, arXiv 2204.11454): the program whose answers differ from the fewest others.

The loss between two programs is 1 if they differ on any input, else 0, and a program that fails on an input differs
there from every other, even from one that fails, too. So the least total loss is the largest camp of programs that
answer every input, and all alike; those that fail come last. Equals are told apart by log-probability, where it is
known.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sampler.rankers.agreement import Answers, camps, equal, failed
from sampler.rankers.values import Entry
from sampler.stats.ranking import Votes


def mbr_exec(entries: Sequence[Entry], programs: Sequence[Answers]) -> Votes:
    """Each sample's camp is all that answer everything, and alike; what fails on an input gets no vote."""
    return Votes(
        camps=camps(programs, lambda one, other: all(map(equal, one, other))),
        weights=np.array([float(not any(map(failed, answers))) for answers in programs]),
        tie=np.array([-np.inf if entry.sum_logprob is None else entry.sum_logprob for entry in entries]),
    )
