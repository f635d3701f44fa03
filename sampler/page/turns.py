"""Where one model begins to lead another: the budgets that a figure marks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from sampler.page.chart import Mark
from sampler.reporting.comparison import crossovers
from sampler.reporting.paired_data import PairedData
from sampler.reporting.render_comparison import crossover_words
from sampler.stats.budget import PromptCharge, Unit
from sampler.store.read_models import ModelRow

ALL_PAIRS = 4  # models; of more, only those are compared that cost nearly the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Two models and what is to be said of the budget from which one of them leads; `at` is None where none turns."""

    names: tuple[str, str]
    at: float | None
    said: str


def turns(paired: PairedData, unit: Unit, charge: PromptCharge) -> tuple[Turn, ...]:
    """The turns of the pairs of models that have a cost in `unit` and share a budget."""
    found = crossovers(paired, _pairs(paired, unit, charge), unit, charge) if paired.draws is not None else []
    return tuple(
        Turn(
            names=one.names,
            at=one.crossover.at if one.crossover else None,
            said=crossover_words(one.crossover, unit, one.end, clear=one.clear_at_end),
        )
        for one in found
    )


def _pairs(paired: PairedData, unit: Unit, charge: PromptCharge) -> Sequence[tuple[ModelRow, ModelRow]]:
    costs = ((paired.cost(model, unit, charge), model) for model in paired.models)
    known = sorted(((cost.of(1), at, model) for at, (cost, model) in enumerate(costs) if cost), key=lambda row: row[:2])
    models = [model for _, _, model in known]
    return list(combinations(models, 2)) if len(models) <= ALL_PAIRS else list(pairwise(models))


def marks(found: Sequence[Turn]) -> tuple[Mark, ...]:
    """The turns inside a figure, as vertical rules."""
    return tuple(Mark(x=turn.at, y=0.0, text=f"{' and '.join(turn.names)}: {turn.said}") for turn in found if turn.at)
