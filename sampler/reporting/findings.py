"""What a table of budgets shows: who wins, where, and where nobody can say.

Every pair of models that a budget lets in is compared, paired by problem. A winner is named where its lead over every
other model is clear, corrected for the whole family of comparisons (`sampler.reporting.family`), so that the chance of
naming even one false winner in the whole table is below 5 %. The intervals that are shown beside it are of 95 % each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from sampler.reporting.family import Entry, Pairing, differences
from sampler.stats.curves import Reach, Standing, standing
from sampler.stats.differences import Difference
from sampler.stats.signflip import FLIPS


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


Pairs = Mapping[tuple[str, str], Difference]


def rows_of(
    entries: Sequence[Entry], budgets: Sequence[float], seed: int | None, flips: int = FLIPS
) -> tuple[Row, ...]:
    """One row for each budget; without a `seed` there are no comparisons."""
    cells = [tuple(standing(drawn, budget) for _, drawn in entries) for budget in budgets]
    claimed = _claimed(entries, cells, seed, flips) if seed is not None else [{} for _ in cells]
    rows = zip(budgets, cells, claimed, strict=True)
    return tuple(_row(budget, row, found) for budget, row, found in rows)


def _claimed(entries: Sequence[Entry], rows: Sequence[Sequence[Standing]], seed: int, flips: int) -> list[Pairs]:
    """Every pair of models at every budget."""
    compared = [_pairs(row) for row in rows]
    asked = [Pairing(a, row[a].k, b, row[b].k) for row, pairs in zip(rows, compared, strict=True) for a, b in pairs]
    told = iter(differences(entries, asked, seed, flips))
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
    return pairs[other, best].reversed


def _finding(*, alone: bool, leads: Sequence[Difference]) -> Finding:
    if alone:
        return Finding.ONLY_ONE
    return Finding.CLEAR if leads and all(lead.clear for lead in leads) else Finding.NO_CLEAR_WINNER


def _rate(cell: Standing) -> float:
    return cell.point.rate if cell.point else 0.0
