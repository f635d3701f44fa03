"""By scores that somebody else has made: a trained ranker, a judge model, a person.

A file of JSON lines, one for each sample: `{"model": "…", "task_id": "HumanEval/0", "index": 3, "score": 1.25}`. Higher
is better; `model` may be left out where the store has one model only. The scores are taken as fixed: they do not change
with k.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sampler.rankers.values import Entry, RankingError, Scores

Given = Mapping[tuple[str | None, str, int], float]


def external(entries: Sequence[Entry], model: str, given: Given) -> Scores:
    """The scores of a file."""
    return np.array([_score(entry, model, given) for entry in entries])


def _score(entry: Entry, model: str, given: Given) -> float:
    for owner in (model, None):
        if (score := given.get((owner, entry.problem, entry.index))) is not None:
            return score
    raise RankingError(f"the file of scores has none for {entry.place} by {model!r}; every sample needs one")


def read_scores(path: Path) -> dict[tuple[str | None, str, int], float]:
    """The scores of a file; raises RankingError naming the line and what is wrong."""
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
