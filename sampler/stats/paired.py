"""Compare two models on the same problems: who leads, from which budget on, and what these problems could show.

Every difference is paired by problem. Holm's step-down rule (1979) corrects p values without an assumption about their
dependence; claims of who leads are corrected by `sampler.stats.signflip`.

A *crossover* is the budget from which the model that leads at the end of the common range leads throughout. Its
interval is the percentile interval over resampled problems; an end that lies outside the range is None, because the
data do not determine it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from sampler.stats.bootstrap import LEVEL, Floats
from sampler.stats.differences import paired_spread

POWER = 0.8
_EQUAL = 1e-12  # differences of rates below this are rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectable:
    """What a comparison on so many problems can see.

    `difference` is the smallest true difference whose interval leaves out zero with the chance `POWER`; `problems` is
    how many of the same kind would show the difference that was measured as often (None where none was measured). The
    usual normal approximation (Miller 2024, section 5), with the interval's standard error. Correction for several
    claims comes on top.
    """

    difference: float
    problems: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossover:
    """From which budget on `leader` leads to the end of the range.

    `at` is None where it leads from the beginning. `low` None: it may lead from the beginning; `high` None: it may not
    lead at the end. `always` and `never` are the shares of resamples in which it leads throughout, and not at the end;
    where the two are equal somewhere, a resample counts half as if `leader` led there, and half as if not.
    """

    leader: str
    at: float | None
    low: float | None
    high: float | None
    always: float
    never: float


def holm(ps: Sequence[float]) -> list[float]:
    """Return each p value, corrected for being one of `len(ps)`: reject what stays below 1 - level (Holm 1979)."""
    order = sorted(range(len(ps)), key=lambda at: ps[at])
    corrected = [1.0] * len(ps)
    largest = 0.0
    for rank, at in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[at]))
        corrected[at] = largest
    return corrected


def detectable(gaps: Floats) -> Detectable:
    """Return what the paired differences of some problems could have shown."""
    problems = len(gaps)
    if problems < 2:
        raise ValueError(f"a detectable difference is undefined for {problems} problem(s)")
    deviation = float(paired_spread(gaps[:, None]).standard_error[0]) * sqrt(problems)
    reach = NormalDist().inv_cdf((1 + LEVEL) / 2) + NormalDist().inv_cdf(POWER)
    seen = abs(float(gaps.mean()))
    return Detectable(
        difference=reach * deviation / sqrt(problems),
        problems=ceil((reach * deviation / seen) ** 2) if seen > 0 else None,
    )


def crossover(names: tuple[str, str], budgets: Sequence[float], gaps: Floats, drawn: Floats) -> Crossover | None:
    """Return the crossover of two models; None where they are equal at the end of the range.

    `gaps` are the mean differences (first minus second) at rising budgets, `drawn` the same in each resample (a table
    of budgets x resamples). The interval takes equality for a lead at its low end, and for none at its high end.
    """
    if abs(gaps[-1]) <= _EQUAL:
        return None
    sign = 1.0 if gaps[-1] > 0 else -1.0
    at = int(_begins(sign * gaps[:, None] <= _EQUAL)[0])
    strict, weak = _begins(sign * drawn <= _EQUAL), _begins(sign * drawn < -_EQUAL)
    beyond = len(budgets)
    tail = (1 - LEVEL) / 2
    low = int(np.quantile(weak, tail, method="lower"))
    high = int(np.quantile(strict, 1 - tail, method="higher"))
    return Crossover(
        leader=names[0] if sign > 0 else names[1],
        at=budgets[at] if at else None,
        low=budgets[low] if 0 < low < beyond else None,
        high=budgets[high] if high < beyond else None,
        always=float((np.mean(strict == 0) + np.mean(weak == 0)) / 2),
        never=float((np.mean(strict == beyond) + np.mean(weak == beyond)) / 2),
    )


def _begins(behind: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Of each column: the first row from which on none is behind; the number of rows where the last one is."""
    rows = len(behind)
    last = rows - 1 - np.argmax(behind[::-1], axis=0)
    return np.asarray(np.where(behind.any(axis=0), last + 1, 0), dtype=np.int64)
