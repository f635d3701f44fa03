"""What a table of budgets shows: who wins, where, and where nobody can say.

Every pair of models that a budget lets in is compared, paired by problem. All these comparisons of one table, of its pairs and
its budgets, are one family: their p values are corrected by Holm's rule, so that the chance of naming even one false winner in
the whole table is below 5 %. A winner is named where its lead over every other model is clear after that correction; the
intervals that are shown beside it are of 95 % each. Tables in other units are families of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations

import numpy as np

from sampler.stats.bootstrap import Difference, Floats, Interval, read_differences, resampled
from sampler.stats.curves import Counts, Curve, Reach, Standing, standing
from sampler.stats.paired import holm


class Finding(StrEnum):
    """What a budget shows."""

    CLEAR = "clear"  # one model is better than every other, beyond its interval
    NO_CLEAR_WINNER = "no_clear_winner"
    ONLY_ONE = "only_one"  # no other model's sample fits into the budget
    NOTHING_FITS = "nothing_fits"  # no model's sample does
    TOO_FEW_SAMPLES = "too_few_samples"  # some model was not sampled often enough to say


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One budget. `model` is the winner or the only one; `differences` are its paired leads over the others."""

    budget: float
    cells: tuple[Standing, ...]
    finding: Finding
    model: str | None
    differences: Mapping[str, Difference]


Entry = tuple[Counts, Curve]
Pairs = Mapping[tuple[str, str], Difference]


def rows_of(entries: Sequence[Entry], budgets: Sequence[float], draws: Floats | None) -> tuple[Row, ...]:
    """One row for each budget; without `draws` there are no comparisons."""
    cells = [tuple(standing(drawn, budget) for _, drawn in entries) for budget in budgets]
    claimed = _claimed(entries, cells, draws) if draws is not None else [{} for _ in cells]
    rows = zip(budgets, cells, claimed, strict=True)
    return tuple(_row(budget, row, found) for budget, row, found in rows)


def _claimed(entries: Sequence[Entry], rows: Sequence[Sequence[Standing]], draws: Floats) -> list[Pairs]:
    """Every pair of models at every budget, with p values corrected for all of them; one resampling serves all."""
    rates = [counts.rates for counts, _ in entries]
    compared = [_pairs(row) for row in rows]
    gaps = [
        rates[a][:, row[a].k - 1] - rates[b][:, row[b].k - 1]
        for row, pairs in zip(rows, compared, strict=True)
        for a, b in pairs
    ]
    if not gaps:
        return [{} for _ in rows]
    found = read_differences(resampled(np.stack(gaps, axis=1), draws))
    corrected = zip(found, holm([one.p for one in found]), strict=True)
    told = iter([replace(one, holm=p) for one, p in corrected])
    return [
        {(row[a].model, row[b].model): next(told) for a, b in pairs} for row, pairs in zip(rows, compared, strict=True)
    ]


def _pairs(cells: Sequence[Standing]) -> list[tuple[int, int]]:
    """Every pair of models at one budget; none where a model has too few samples to say."""
    if any(cell.reach is Reach.UNDEFINED for cell in cells):
        return []
    return list(combinations([at for at, cell in enumerate(cells) if cell.reach is Reach.REACHED], 2))


def _row(budget: float, cells: tuple[Standing, ...], pairs: Pairs) -> Row:
    reached = [cell for cell in cells if cell.reach is Reach.REACHED]
    undefined = any(cell.reach is Reach.UNDEFINED for cell in cells)
    if undefined or not reached:
        finding = Finding.TOO_FEW_SAMPLES if undefined else Finding.NOTHING_FITS
        return Row(budget=budget, cells=cells, finding=finding, model=None, differences={})
    best = max(reached, key=_rate)
    others = [cell.model for cell in reached if cell is not best]
    leads = {other: _lead(best.model, other, pairs) for other in others} if pairs else {}
    finding = _finding(alone=not others, leads=tuple(leads.values()))
    model = None if finding is Finding.NO_CLEAR_WINNER else best.model
    return Row(budget=budget, cells=cells, finding=finding, model=model, differences=leads)


def _lead(best: str, other: str, pairs: Pairs) -> Difference:
    """How much `best` leads, whichever way round the pair was compared."""
    if (best, other) in pairs:
        return pairs[best, other]
    found = pairs[other, best]
    return replace(found, mean=-found.mean, interval=Interval(-found.interval.high, -found.interval.low))


def _finding(*, alone: bool, leads: Sequence[Difference]) -> Finding:
    if alone:
        return Finding.ONLY_ONE
    return Finding.CLEAR if leads and all(lead.clear for lead in leads) else Finding.NO_CLEAR_WINNER


def _rate(cell: Standing) -> float:
    return cell.point.rate if cell.point else 0.0
