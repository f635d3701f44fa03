"""Problems x models: how often each model passes each problem, as lines of a list. Shades are said in numbers, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from tui.text import harmless
from tui.view import Mood, Snapshot
from tui.widgets.cells import Cell, Column
from tui.widgets.plot import mark

SHADES = " ░▒▓█"
ORDERS = ("order", "hardest", "easiest", "spread", "unfinished")
_WIDTH, _WIDEST = 14, 26
_NAME = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one model did on one problem."""

    scored: int
    passed: int

    @property
    def share(self) -> float | None:
        """Of its samples with a verdict, how many passed; None without one."""
        return self.passed / self.scored if self.scored else None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatLine:
    """One problem, with a rate for each model in the study's order; None where there is no sample."""

    problem: str
    rates: tuple[Rate | None, ...]

    @property
    def shares(self) -> list[float]:
        """The shares that are known."""
        return [rate.share for rate in self.rates if rate is not None and rate.share is not None]

    @property
    def mean(self) -> float:
        """The mean share over the models that have one; 0 without any."""
        return fmean(self.shares) if self.shares else 0.0

    @property
    def spread(self) -> float:
        """How far the models lie apart."""
        return max(self.shares) - min(self.shares) if self.shares else 0.0


def heat_lines(shot: Snapshot, order: str = "order") -> list[HeatLine]:
    """The problems that have a sample, in the wanted order."""
    by_problem: dict[str, dict[int, Rate]] = {}
    for row in shot.tallies:
        by_problem.setdefault(row.problem, {})[row.model_id] = Rate(scored=row.scored, passed=row.passed)
    lines = [
        HeatLine(problem=problem, rates=tuple(rates.get(model.id) for model in shot.models))
        for problem, rates in by_problem.items()
    ]
    match order:
        case "hardest":
            lines.sort(key=lambda line: line.mean)
        case "easiest":
            lines.sort(key=lambda line: -line.mean)
        case "spread":
            lines.sort(key=lambda line: -line.spread)
        case "unfinished":
            lines.sort(key=lambda line: sum(rate.scored for rate in line.rates if rate))
        case _:
            pass
    return lines


def shade(share: float) -> str:
    """A glyph as dark as a share is large."""
    return SHADES[min(len(SHADES) - 1, int(share * (len(SHADES) - 1) + 0.999))]


def _column_width(width: int, models: int) -> int:
    """How wide a model's column may be, where all of them have room; the least otherwise."""
    return max(_WIDTH, min(_WIDEST, (width - _NAME - 1 - 8) // max(1, models) - 1))


def name_width(width: int, models: int) -> int:
    """How long a model's name may be in its column, behind two marks and a blank."""
    return _column_width(width, models) - 3


def heat_columns(names: Sequence[str], chosen: int, width: int) -> tuple[Column, ...]:
    """A column for the problem, one for each model around the chosen one that has room, one for the mean."""
    each = _column_width(width, len(names))
    room = max(1, (width - _NAME - 1 - 8) // (each + 1))
    first = max(0, min(chosen - room // 2, len(names) - room))
    shown = range(first, min(len(names), first + room))
    models = [
        Column(
            key=f"model{tone}",
            label=f"{'▸' if tone == chosen else ' '}{mark(tone)} {names[tone]}",
            width=each,
            middle=True,
        )
        for tone in shown
    ]
    return (
        Column(key="problem", label="problem", width=_NAME, middle=True),
        *models,
        Column(key="mean", label="mean", width=6, right=True),
        Column(key="rest", label="", width=0),
    )


def heat_cells(line: HeatLine, columns: Sequence[Column]) -> tuple[Cell, ...]:
    """The cells of one problem, for the columns that are shown."""
    models: Mapping[str, Rate | None] = {f"model{tone}": rate for tone, rate in enumerate(line.rates)}
    cells: list[Cell] = []
    for column in columns:
        if column.key in models:
            cells.append(_rate_cell(models[column.key]))
        elif column.key == "problem":
            cells.append(Cell(text=harmless(line.problem, 200)))
        elif column.key == "mean":
            cells.append(Cell(text=f"{line.mean * 100:.0f}%" if line.shares else "—", strong=True))
        else:
            cells.append(Cell())
    return tuple(cells)


def _rate_cell(rate: Rate | None) -> Cell:
    if rate is None or rate.share is None:
        return Cell(text="     ·", mood=Mood.FAINT)
    glyphs = shade(rate.share) * 2
    return Cell(text=f"{glyphs}{rate.share * 100:>4.0f}% {rate.passed}/{rate.scored}", heat=rate.share)


def heat_words(lines: Sequence[HeatLine]) -> str:
    """What the map says in one line."""
    known = [line for line in lines if line.shares]
    nobody = sum(max(line.shares) == 0 for line in known)
    always = sum(min(line.shares) == 1 for line in known)
    return f"{len(known)} problems · {nobody} never passed · {always} always passed"
