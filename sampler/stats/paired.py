"""Two models on the same problems: who leads at which budget, from where on, and what these problems could have shown.

Every difference is paired by problem. Where a claim is made over several budgets or models, p values are corrected by Holm's
step-down rule (1979), which needs no assumption about how the claims hang together; a simultaneous band does the same for a
whole curve of differences.

A *crossover* is the budget from which the model that leads at the end of the common range leads throughout. Its interval is the
percentile interval over resampled problems; an end that lies outside the range is None: the data cannot say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist

import numpy as np

from sampler.stats.bootstrap import LEVEL, Floats

POWER = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectable:
    """What a comparison on so many problems can see.

    `difference` is the smallest true difference that comes out clear with the chance `POWER`; `problems` is how many of the
    same kind would make the difference that was measured come out clear as often (None where none was measured). The usual
    normal approximation (Miller 2024, section 5).
    """

    difference: float
    problems: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossover:
    """From which budget on `leader` leads to the end of the range.

    `at` is None where it leads from the beginning. `low` None: it may lead from the beginning; `high` None: it may not lead at
    the end. `always` and `never` are the shares of resamples in which it leads throughout, and not at the end.
    """

    leader: str
    at: float | None
    low: float | None
    high: float | None
    always: float
    never: float


def holm(ps: Sequence[float]) -> list[float]:
    """Each p value, corrected for being one of `len(ps)`: reject what stays below 1 - level (Holm 1979)."""
    order = sorted(range(len(ps)), key=lambda at: ps[at])
    corrected = [1.0] * len(ps)
    largest = 0.0
    for rank, at in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[at]))
        corrected[at] = largest
    return corrected


def detectable(gaps: Floats) -> Detectable:
    """What the paired differences of some problems could have shown."""
    problems = len(gaps)
    if problems < 2:
        raise ValueError(f"a detectable difference is undefined for {problems} problem(s)")
    deviation = float(gaps.std(ddof=1))
    reach = NormalDist().inv_cdf((1 + LEVEL) / 2) + NormalDist().inv_cdf(POWER)
    seen = abs(float(gaps.mean()))
    return Detectable(
        difference=reach * deviation / sqrt(problems),
        problems=ceil((reach * deviation / seen) ** 2) if seen > 0 and deviation > 0 else None,
    )


def crossover(names: tuple[str, str], budgets: Sequence[float], gaps: Floats, drawn: Floats) -> Crossover | None:
    """The crossover of two models; None where they are equal at the end of the range.

    `gaps` are the mean differences (first minus second) at rising budgets, `drawn` the same in each resample
    (a table of budgets x resamples).
    """
    if not gaps[-1]:
        return None
    sign = 1.0 if gaps[-1] > 0 else -1.0
    at = int(_begins(sign * gaps[:, None])[0])
    begins = _begins(sign * drawn)
    beyond = len(budgets)
    tail = (1 - LEVEL) / 2
    low = int(np.quantile(begins, tail, method="lower"))
    high = int(np.quantile(begins, 1 - tail, method="higher"))
    return Crossover(
        leader=names[0] if sign > 0 else names[1],
        at=budgets[at] if at else None,
        low=budgets[low] if 0 < low < beyond else None,
        high=budgets[high] if high < beyond else None,
        always=float((begins == 0).mean()),
        never=float((begins == beyond).mean()),
    )


def _begins(leads: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Of each column: the first row from which all are above zero; the number of rows where the last one is not."""
    behind = leads <= 0
    rows = len(leads)
    last = rows - 1 - np.argmax(behind[::-1], axis=0)
    return np.asarray(np.where(behind.any(axis=0), last + 1, 0), dtype=np.int64)
