"""Show on the page which model to ask at each budget: the frontier as a figure, the best of each way as a table.

The functions are pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from sampler.page.chart import Chart, Extra, Line, chart
from sampler.reporting.allocation_report import Allocation, AllocationRow
from sampler.reporting.analyse import AnalysisRequest, allotment
from sampler.reporting.paired_data import PairedData
from sampler.reporting.render_analysis import WAYS, legs_words, short_names
from sampler.reporting.report import Table
from sampler.stats.allocation import Choice
from sampler.stats.bootstrap import Interval
from sampler.stats.crossfit import CrossValidated

MARGIN = 16  # on the right of a figure without names
MOST_MODELS = 8  # of more, cascades and mixtures would take longer than a page may


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The best choice of one way at one budget; `held` is its value on problems that were not used to choose it."""

    words: str
    choice: str
    seen: float
    held: CrossValidated | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """A budget, the best choice of each way within it, and what an oracle router reaches, with its interval."""

    budget: float
    ways: tuple[Way, ...]
    router: float | None
    router_interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The figure of the frontier, the models (how they are called here, name and tone), and the ways at each budget."""

    chart: Chart | None
    lines: tuple[Line, ...]
    key: tuple[tuple[str, str, int], ...]
    rows: tuple[Within, ...]


def choices(paired: PairedData, table: Table, seed: int) -> Choices | None:
    """Return which model to ask, in the unit of a table; None if there is no budget, or too many models."""
    budgets = [row.budget for row in table.rows]
    if not budgets or len(table.unit_costs) > MOST_MODELS:
        return None
    made = allotment(paired, AnalysisRequest(unit=table.unit, charge=table.charge, seed=seed), budgets)
    if made is None:
        return None
    tones = {drawn.model: tone for tone, drawn in enumerate(table.curves)}
    called = short_names(list(tones))
    ends = {drawn.model: drawn.end for drawn in table.curves}
    lines = tuple(_lines(made, tones, ends))
    return Choices(
        chart=chart(lines, Extra(margin=MARGIN)),
        lines=lines,
        key=tuple((called[name], name, tone) for name, tone in tones.items()),
        rows=tuple(_within(row, called) for row in made.rows if row.single is not None),
    )


def _lines(made: Allocation, tones: Mapping[str, int], ends: Mapping[str, float]) -> Iterator[Line]:
    """Return a piece for each part of the frontier that one model holds, up to the next model's part."""
    runs = [list(run) for _, run in groupby(made.frontier, key=_model)]
    for at, run in enumerate(runs):
        name = _model(run[0])
        near = [choice.interval for choice in run if choice.interval is not None]
        known = len(near) == len(run)
        yield Line(
            name=name,
            xs=tuple(choice.cost for choice in run),
            ys=tuple(choice.rate for choice in run),
            ks=tuple(choice.legs[0][1] for choice in run),
            low=tuple(one.low for one in near) if known else (),
            high=tuple(one.high for one in near) if known else (),
            end=runs[at + 1][0].cost if at + 1 < len(runs) else max(ends[name], run[-1].cost),
            thin=None,
            tone=tones[name],
            piece=True,
        )


def _model(choice: Choice) -> str:
    return choice.legs[0][0]


def _within(row: AllocationRow, called: Mapping[str, str]) -> Within:
    ways = tuple(_ways(row, called))
    return Within(budget=row.budget, ways=ways, router=row.oracle, router_interval=row.oracle_interval)


def _ways(row: AllocationRow, called: Mapping[str, str]) -> Iterator[Way]:
    for kind, words in WAYS.items():
        choice: Choice | None = getattr(row, kind)
        if choice is not None:
            yield Way(words=words, choice=legs_words(choice, called), seen=choice.rate, held=row.held[kind])
