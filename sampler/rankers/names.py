"""The rankers by their names, and what each needs beside the samples."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from enum import Enum

from sampler.rankers.values import RankingError


class Need(Enum):
    """What a ranker goes by."""

    SAMPLES = "the samples alone"
    LOGPROBS = "log-probabilities: the sampling model's own, or with --with MODEL another one's"
    ANSWERS = "what programs answer: to the tests' inputs, from the store, or with --tests FILE to generated ones"
    TESTS = "tests that a model wrote, --tests FILE"
    SELECTION = "selection tests, which the problems have or have not"
    FILE = "scores that somebody else has made, --scores FILE"


RANKERS = {
    "random": Need.SAMPLES,
    "mean-logprob": Need.LOGPROBS,
    "sum-logprob": Need.LOGPROBS,
    "shortest": Need.SAMPLES,
    "longest": Need.SAMPLES,
    "duplicates": Need.SAMPLES,
    "majority": Need.ANSWERS,
    "mbr-exec": Need.ANSWERS,
    "codet": Need.TESTS,
    "codet-product": Need.TESTS,
    "selection-tests": Need.SELECTION,
    "external": Need.FILE,
}


def known(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once; raises RankingError for one that is no ranker's."""
    for name in names:
        if name not in RANKERS:
            near = difflib.get_close_matches(name, RANKERS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(RANKERS)}"
            raise RankingError(f"no ranker {name!r}; {hint}")
    return tuple(dict.fromkeys(names))
