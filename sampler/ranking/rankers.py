"""Define the rankers by name, what each needs, and those that score each sample separately.

A score is the same whichever other samples there are. Rankers by votes are in `votes`.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampler.exit_codes import CommandError, Exit
from sampler.stats.ranking import Votes

Scores = NDArray[np.float64]
Ranking = Scores | Votes


class RankingError(CommandError, ValueError):
    """A ranker lacks its evidence: the user's choice of rankers or inputs does not fit."""

    exit_code = Exit.USAGE


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
        """Return the sample's name, for messages."""
        return f"sample {self.index} of {self.problem}"


def tokens_of(entry: Entry) -> int:
    """Return how many tokens were written; raises RankingError if it is not known."""
    if entry.tokens is None:
        raise RankingError(f"{entry.place} has no count of tokens: its file did not tell; choose another ranker")
    return entry.tokens


class Need(Enum):
    """What a ranker needs."""

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
    """Return the names, each once; raises RankingError for a name that is no ranker's."""
    for name in names:
        if name not in RANKERS:
            near = difflib.get_close_matches(name, RANKERS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(RANKERS)}"
            raise RankingError(f"no ranker {name!r}; {hint}")
    return tuple(dict.fromkeys(names))


# No opinion: all samples are equal, and any of them is handed out.
#
# What every ranker has to beat; its rank-score is pass@1.


def chance(entries: Sequence[Entry]) -> Scores:
    """Give all samples the same score."""
    return np.zeros(len(entries))


# By length, in tokens that were written.
#
# Of k chains of thought the shortest tends to be right (Hassid et al. 2025, arXiv 2505.17813, short-1@k); of programs
# this is not known.


def shortest(entries: Sequence[Entry]) -> Scores:
    """Rank samples with the fewest tokens first."""
    return -longest(entries)


def longest(entries: Sequence[Entry]) -> Scores:
    """Rank samples with the most tokens first."""
    return np.array([float(tokens_of(entry)) for entry in entries])


# By log-probability: the mean over a completion's tokens, or their sum, which favours short texts.
#
# The mean is the ranker of Chen et al. 2021 (arXiv 2107.03374) and, with its sign turned, equation 7 of Hassid et al.
# 2024 (arXiv 2404.00725). The prompt's tokens are no part of either.
#
# The sampling model's own are before temperature, and are stored with the sample. Another model's come from a `Scorer`;
# they are over that model's tokens, and are compared within one engine only.


def mean_logprob(entries: Sequence[Entry]) -> Scores:
    """Score by nats per token; a completion without tokens comes last."""
    return np.array([_known(entry) / tokens if (tokens := tokens_of(entry)) else -np.inf for entry in entries])


def sum_logprob(entries: Sequence[Entry]) -> Scores:
    """Score by the nats of the whole completion."""
    return np.array([_known(entry) if tokens_of(entry) else -np.inf for entry in entries])


def _known(entry: Entry) -> float:
    if entry.sum_logprob is None:
        raise RankingError(
            f"{entry.place} has no log-probability: its engine or file did not tell; "
            "have a model score the text (--with MODEL), or choose another ranker"
        )
    return entry.sum_logprob


# By selection tests: those that may be used to choose an answer. Samples that pass come first.
#
# As a ranking it always hands out something: where nothing passes, any sample. `selected_at_k` says what becomes of it
# where one would rather hand out nothing.


def selection(passed: Sequence[bool]) -> Scores:
    """Score 1 for a sample that passes the selection tests, 0 for one that does not."""
    return np.array(passed, dtype=np.float64)


# By given scores: of a trained ranker, a judge model, a person.
#
# A file of JSON lines, one for each sample: `{"model": "…", "task_id": "HumanEval/0", "index": 3, "score": 1.25}`.
# Higher is better; `model` may be left out where the store has one model only. The scores are taken as fixed: they do
# not change with k.

Given = Mapping[tuple[str | None, str, int], float]


def external(entries: Sequence[Entry], model: str, given: Given) -> Scores:
    """Score by a file."""
    return np.array([_score(entry, model, given) for entry in entries])


def _score(entry: Entry, model: str, given: Given) -> float:
    for owner in (model, None):
        if (score := given.get((owner, entry.problem, entry.index))) is not None:
            return score
    raise RankingError(f"the file of scores has none for {entry.place} by {model!r}; every sample needs one")


def read_scores(path: Path) -> dict[tuple[str | None, str, int], float]:
    """Read the scores of a file; raises RankingError, which names the line and the fault."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise RankingError(f"cannot read scores from {str(path)!r}: {error}") from error
    found: dict[tuple[str | None, str, int], float] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            key, score = _row(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise RankingError(f"{path}, line {number}: {why}") from error
        if key in found:
            raise RankingError(f"{path}, line {number}: sample {key[2]} of {key[1]} stands there twice")
        found[key] = score
    return found


def _row(row: dict[str, Any]) -> tuple[tuple[str | None, str, int], float]:
    score, index = row["score"], row["index"]
    if isinstance(score, bool) or not isinstance(score, int | float) or math.isnan(score):
        raise ValueError(f"score is {score!r:.40}, not a number")
    if isinstance(index, bool) or not isinstance(index, int):
        raise TypeError(f"index is {index!r:.40}, not a whole number")
    return (row.get("model"), str(row["task_id"]), index), float(score)
