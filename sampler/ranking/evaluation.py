"""Evaluate rankings: from rankings of single problems to lines with intervals and costs. Pure.

What a ranking is asked for, what it reads, and its results are plain values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from math import fsum, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sampler.backends.base import TextScorer
from sampler.ranking.generated_tests import Asker
from sampler.ranking.rankers import Ranking
from sampler.reporting.unit_costs import unit_cost
from sampler.stats.allocation import pareto
from sampler.stats.bootstrap import FEW, LEVEL, Interval, draw_problems, rate_intervals, wilson
from sampler.stats.budget import PromptCharge, Unit
from sampler.stats.passk import pass_at_k
from sampler.stats.ranking import DRAWS, Drawn, Votes, rank_score_at_k, rank_score_of_votes, selected_at_k
from sampler.stats.short_m_at_k import ShortVotes, rank_score_of_shortest
from sampler.store.read_models import ModelRow, TallyRow
from sampler.store.write_models import RankedRow
from sampler.study.spec import StudySandbox
from sampler.values import Architecture

USUAL = (1, 2, 5, 10, 20, 50, 100)


class Inputs(StrEnum):
    """Whose inputs programs are compared on; expected answers are not used."""

    JUDGE = "judge"  # as in the published results: the inputs are known, the outputs are not
    SELECTION = "selection"


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRequest:
    """Which rankers, at which k (empty: suitable ones), and with what evidence; `explicit` ones may not fail."""

    rankers: tuple[str, ...]
    explicit: bool = True
    ks: tuple[int, ...] = ()
    model: str | None = None  # whose opinion of the texts is asked for
    tests: Path | None = None
    scores: Path | None = None
    inputs: Inputs = Inputs.JUDGE
    charge: bool = False
    prompt: PromptCharge = PromptCharge.EACH
    draws: int = DRAWS
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TextModel:
    """A model that is ready to score texts."""

    name: str
    digest: str
    architecture: Architecture | None
    scorer: TextScorer


@dataclass(frozen=True, slots=True, kw_only=True)
class RankDependencies:
    """How a ranking opens a sandbox like a study's, and a model; `say` is called with progress messages."""

    asker: Callable[[StudySandbox], AbstractContextManager[Asker]]
    text_model: Callable[[str], AbstractContextManager[TextModel]]
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankPoint:
    """The value of handing out one of k samples.

    `error` is the standard error of drawing subsets, 0 where the value is exact. `costs` are those of the k samples
    and, if it is charged, of ranking them; None if a cost is not known.
    """

    k: int
    rate: float
    interval: Interval | None
    error: float
    costs: Mapping[Unit, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedPoint:
    """The value of handing out a random one of those of k samples that pass the selection tests, or none.

    `coverage` is the chance that a sample that is correct is among the k; `false_positive` the share of wrong ones
    among the answers that are handed out, None where none is. Each has its interval, by the name of the field.
    """

    k: int
    coverage: float
    answered: float
    correct: float
    false_positive: float | None
    intervals: Mapping[str, Interval | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankLine:
    """One ranker on one model's samples, over the problems for which it has what it needs."""

    ranker: str
    problems: int
    points: tuple[RankPoint, ...]
    selected: tuple[SelectedPoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedModel:
    """One model's lines, with the oracle's (pass@k: the judge's own tests choose) and greedy's, if there is one."""

    model: str
    samples: int
    oracle: RankLine
    greedy: float | None
    greedy_interval: Interval | None
    lines: tuple[RankLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """A (model, k, ranker) that no other one beats for its cost, with the value of its answer."""

    model: str
    ranker: str
    k: int
    cost: float
    rate: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RankReport:
    """Everything that a ranking found.

    `frontiers` are over lines that were evaluated on the same problems, for each unit in which every cost is known, by
    rising cost.
    """

    study: str
    charged: bool
    prompt: PromptCharge
    level: float
    resamples: int
    draws: int
    models: tuple[RankedModel, ...]
    frontiers: Mapping[Unit, tuple[Best, ...]]
    notes: tuple[str, ...]


UNITS = (Unit.FLOPS, Unit.SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedRanking:
    """A ranking of one problem's samples, and which are correct; `costs` of ranking each, if there are any."""

    ranking: Ranking
    passed: NDArray[np.bool_]
    selected: NDArray[np.bool_]
    costs: tuple[RankedRow, ...]


def model_lines(
    model: ModelRow,
    rows: Sequence[TallyRow],
    greedy: Sequence[TallyRow],
    evaluated: Mapping[str, Sequence[EvaluatedRanking]],
    request: RankRequest,
) -> RankedModel:
    """Return the lines of one model.

    `rows` are its tallies on the complete problems, `greedy` those of its greedy sample there.
    """
    samples = min(row.scored for row in rows)
    ks = choose_ks(request.ks, samples)
    costs = {unit: _sampling(model, rows, unit, request) for unit in UNITS}
    known = [([pass_at_k(row.scored, row.passed, k) for k in ks], [0.0] * len(ks)) for row in rows]
    star = np.array([[row.passed / row.scored] for row in greedy]) if len(greedy) == len(rows) else None
    return RankedModel(
        model=model.name,
        samples=samples,
        oracle=_line("oracle", known, ks, costs, request),
        greedy=None if star is None else float(star.mean()),
        greedy_interval=None if star is None else _bands(star, request.seed)[0],
        lines=tuple(_ranker_line(name, values, ks, costs, request) for name, values in evaluated.items() if values),
    )


def frontiers(models: Sequence[RankedModel]) -> Mapping[Unit, tuple[Best, ...]]:
    """Return the (model, k, ranker) that no other one beats for its cost, in each unit.

    Only models that were evaluated on the same problems are compared.
    """
    found = {}
    for unit in UNITS:
        every = [_best(model, line, point, unit) for model, line, point in _points(models)]
        known = [one for one in every if one is not None]
        if known and len(known) == len(every):
            found[unit] = tuple(pareto(known))
    return found


def _points(models: Sequence[RankedModel]) -> Iterator[tuple[RankedModel, RankLine, RankPoint]]:
    for model in models:
        for line in model.lines:
            if line.problems == model.oracle.problems:
                yield from ((model, line, point) for point in line.points)


def _best(model: RankedModel, line: RankLine, point: RankPoint, unit: Unit) -> Best | None:
    cost = point.costs[unit]
    if cost is None:
        return None
    return Best(model=model.model, ranker=line.ranker, k=point.k, cost=cost, rate=point.rate, interval=point.interval)


def choose_ks(asked: Sequence[int], samples: int) -> tuple[int, ...]:
    """Return those of the wanted k that are defined; by default the usual ones, and all samples."""
    wanted = asked or (*USUAL, samples)
    return tuple(sorted({k for k in wanted if 1 <= k <= samples}))


_Costs = Mapping[Unit, tuple[float, float] | None]  # once, and for each sample


def _sampling(
    model: ModelRow, rows: Sequence[TallyRow], unit: Unit, request: RankRequest
) -> tuple[float, float] | None:
    cost = unit_cost(model, rows, unit, request.prompt)
    return None if cost is None else (cost.once, cost.each)


def _ranker_line(
    name: str, values: Sequence[EvaluatedRanking], ks: Sequence[int], costs: _Costs, request: RankRequest
) -> RankLine:
    rng = np.random.default_rng(request.seed)
    drawn = [[_score(value, k, rng, request.draws) for k in ks] for value in values]
    table = [([one.mean for one in row], [one.error for one in row]) for row in drawn]
    line = _line(name, table, ks, _charged(costs, values) if request.charge else costs, request)
    if name != "selection-tests":
        return line
    return RankLine(
        ranker=name,
        problems=line.problems,
        points=line.points,
        selected=tuple(_selected(values, k, request) for k in ks),
    )


def _score(value: EvaluatedRanking, k: int, rng: np.random.Generator, draws: int) -> Drawn:
    if isinstance(value.ranking, ShortVotes):
        return rank_score_of_shortest(value.ranking, value.passed, k, rng, draws=draws)
    if isinstance(value.ranking, Votes):
        return rank_score_of_votes(value.ranking, value.passed, k, rng, draws=draws)
    return Drawn(rank_score_at_k(value.ranking, value.passed, k), 0.0)


_Table = Sequence[tuple[Sequence[float], Sequence[float]]]  # of each problem: values and their errors at every k


def _line(name: str, table: _Table, ks: Sequence[int], costs: _Costs, request: RankRequest) -> RankLine:
    values = np.array([row for row, _ in table])
    bands = _bands(values, request.seed)
    points = (
        RankPoint(
            k=k,
            rate=float(values[:, place].mean()),
            interval=bands[place],
            error=sqrt(fsum(errors[place] ** 2 for _, errors in table)) / len(table),
            costs={unit: None if cost is None else cost[0] + k * cost[1] for unit, cost in costs.items()},
        )
        for place, k in enumerate(ks)
    )
    return RankLine(ranker=name, problems=len(table), points=tuple(points))


def _bands(values: NDArray[np.float64], seed: int) -> Sequence[Interval | None]:
    problems, ks = values.shape
    if problems < 2:
        return [None] * ks
    return rate_intervals(values, draw_problems(problems, np.random.default_rng(seed)))


def _charged(costs: _Costs, values: Sequence[EvaluatedRanking]) -> _Costs:
    """Return the costs with ranking: its prompt once for a problem, and each sample; both as means over problems."""
    extra: dict[Unit, tuple[float, float] | None] = {
        Unit.FLOPS: _means([[(row.prompt_flops, row.flops) for row in value.costs] for value in values]),
        Unit.SECONDS: _means([[(0.0, row.seconds) for row in value.costs] for value in values]),
    }
    total: dict[Unit, tuple[float, float] | None] = {}
    for unit, cost in costs.items():
        more = extra[unit]
        total[unit] = None if cost is None or more is None else (cost[0] + more[0], cost[1] + more[1])
    return total


def _means(groups: Sequence[Sequence[tuple[float | None, float | None]]]) -> tuple[float, float] | None:
    once, each = [], []
    for group in groups:
        known = [(first, second) for first, second in group if first is not None and second is not None]
        if len(known) < len(group):
            return None
        once.append(sum(first for first, _ in known) / max(1, len(known)))
        each.append(sum(second for _, second in known) / max(1, len(known)))
    return sum(once) / len(once), sum(each) / len(each)


def _selected(values: Sequence[EvaluatedRanking], k: int, request: RankRequest) -> SelectedPoint:
    """Evaluate selection by tests at k.

    Sums are over problems, so that a problem counts by its chance of an answer.
    """
    found = []
    for value in values:
        both = int((value.passed & value.selected).sum())
        found.append(selected_at_k(len(value.passed), both, int((value.selected & ~value.passed).sum()), k))
    table = np.array(
        [
            [pass_at_k(len(value.passed), int(value.passed.sum()), k), one.answered, one.correct]
            for value, one in zip(values, found, strict=True)
        ]
    )
    coverage, handed_out, correct = (float(mean) for mean in table.mean(axis=0))
    near = dict(zip(("coverage", "answered", "correct"), _bands(table, request.seed), strict=True))
    return SelectedPoint(
        k=k,
        coverage=coverage,
        answered=handed_out,
        correct=correct,
        false_positive=1 - correct / handed_out if handed_out else None,
        intervals={**near, "false_positive": _wrong_share(table[:, 1], table[:, 2], request.seed)},
    )


def _wrong_share(answered: NDArray[np.float64], correct: NDArray[np.float64], seed: int) -> Interval | None:
    """Return percentiles of a ratio of sums over resampled problems, of which some have an answer.

    They are widened to Wilson's interval if few are wrong.
    """
    problems = len(answered)
    if problems < 2 or not answered.any():
        return None
    draws = draw_problems(problems, np.random.default_rng(seed))
    whole = draws @ answered
    shares = 1 - (draws @ correct)[whole > 0] / whole[whole > 0]
    low, high = np.quantile(shares, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    rate, said = 1 - correct.sum() / answered.sum(), float(answered.sum())
    few = wilson(float(rate), said) if said * min(rate, 1 - rate) < FEW else Interval(float(rate), float(rate))
    return Interval(min(float(low), few.low), max(float(high), few.high))
