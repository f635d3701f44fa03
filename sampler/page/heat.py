"""A map of problems: how often each model solves each of them, the hardest last. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sampler.store.read_models import ModelRow, TallyRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One model on one problem: passed of scored samples."""

    passed: int
    scored: int

    @property
    def share(self) -> float | None:
        """The share of right samples; None without a scored one."""
        return self.passed / self.scored if self.scored else None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatRow:
    """One problem, a cell for each model."""

    problem: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """The map. Its rows run from what everybody solves to what nobody does."""

    models: tuple[str, ...]
    rows: tuple[HeatRow, ...]

    @property
    def unsolved(self) -> int:
        """How many problems nobody has solved."""
        return sum(not any(cell.passed for cell in row.cells) for row in self.rows)


def heat(models: Sequence[ModelRow], tallies: Sequence[TallyRow]) -> Heat:
    """The map of all problems with a scored sample."""
    held = {(row.model_id, row.problem): Cell(passed=row.passed, scored=row.scored) for row in tallies}
    nothing = Cell(passed=0, scored=0)
    problems = dict.fromkeys(row.problem for row in tallies if row.scored)
    rows = [
        HeatRow(problem=problem, cells=tuple(held.get((model.id, problem), nothing) for model in models))
        for problem in problems
    ]
    return Heat(models=tuple(model.name for model in models), rows=tuple(sorted(rows, key=_ease, reverse=True)))


def _ease(row: HeatRow) -> float:
    shares = [cell.share for cell in row.cells if cell.share is not None]
    return sum(shares) / len(shares) if shares else 0.0
