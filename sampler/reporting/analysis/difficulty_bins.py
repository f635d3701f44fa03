"""Compute how much each model solves of problems of similar difficulty. Pure.

Strata are fifths of the problems by pass@1 of the most expensive model. Its own rates within them are too low for hard
problems and too high for easy ones, because the sorting depends on chance, too. The intervals come from resamples of
all problems, each sorted and divided again. So they describe fifths of new problems of the same kind, with the same
bias, and not these borders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from sampler.stats.allocation import ModelStats, strata, stratum_means
from sampler.stats.bootstrap import Floats, Interval, read_rates, resampled_statistic

GROUPS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Problems of similar difficulty: pass@1 of the most expensive model there, and each model's rate at each budget.

    There is no interval for a budget that buys no sample, and none in a stratum of one problem.
    """

    problems: int
    reference: float
    reference_interval: Interval | None
    rates: Mapping[str, tuple[float | None, ...]]  # by model, in the order of the budgets; None where undefined
    intervals: Mapping[str, tuple[Interval | None, ...]]  # of the rates


_Bought = tuple[str, int]  # so many samples of a model


def strata_of(
    offers: Sequence[ModelStats], dearest: ModelStats, budgets: Sequence[float], draws: Floats | None
) -> tuple[Stratum, ...]:
    """Return the strata, the hardest first; `draws` are resamples of all problems."""
    bought = {one.model: [one.mean_cost.affordable(budget) for budget in budgets] for one in offers}
    columns = {(dearest.model, 1): dearest.answered[:, 1]}
    columns |= {(one.model, k): one.answered[:, k] for one in offers for k in bought[one.model] if 1 <= k <= one.n}
    table = np.stack(list(columns.values()), axis=1)
    first = dearest.answered[:, 1]
    groups = strata(first.tolist(), min(GROUPS, len(first)))
    ends = [0.0, *(np.cumsum([len(group) for group in groups]) / len(first)).tolist()]
    found = []
    for group, shares in zip(groups, pairwise(ends), strict=True):
        rates = dict(zip(columns, table[group].mean(axis=0).tolist(), strict=True))
        near = dict(zip(columns, _near(first, table, shares, len(group), draws), strict=True))
        found.append(_stratum(len(group), (dearest.model, 1), bought, rates, near))
    return tuple(found)


def _near(
    first: Floats, table: Floats, shares: tuple[float, float], size: int, draws: Floats | None
) -> Sequence[Interval | None]:
    """Return the interval of each column in a stratum of so many problems."""
    if draws is None or size < 2:
        return [None] * table.shape[1]
    drawn = resampled_statistic(partial(stratum_means, first, table, shares), draws)
    return read_rates(drawn, size)


def _stratum(
    problems: int,
    reference: _Bought,
    bought: Mapping[str, Sequence[int]],
    rates: Mapping[_Bought, float],
    near: Mapping[_Bought, Interval | None],
) -> Stratum:
    nothing = {(model, 0): 0.0 for model in bought}
    return Stratum(
        problems=problems,
        reference=rates[reference],
        reference_interval=near[reference],
        rates={model: tuple((nothing | dict(rates)).get((model, k)) for k in ks) for model, ks in bought.items()},
        intervals={model: tuple(near.get((model, k)) for k in ks) for model, ks in bought.items()},
    )
