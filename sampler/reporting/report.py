"""Make the report of a study: what each model reaches alone, and which one reaches more at equal budget.

Pure: rows of a store in, one `Report` out. Models are compared only on problems that are complete for all of them;
their unit costs are means over those problems. The winner at each budget is decided here by one rule for models of all
sizes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import combinations

import numpy as np

from sampler.reporting.metrics import MetricChoice, MetricTable, metric_tables
from sampler.reporting.paired_data import METHODS, Entry, Methods, PairedData, Pairing, differences, paired_data
from sampler.reporting.thought_lengths import Thinking, thinking_of
from sampler.reporting.unit_costs import complete_problems, counts_of, unit_cost
from sampler.stats.bootstrap import LEVEL, RESAMPLES
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.stats.differences import Difference
from sampler.stats.passk import Curve, CurveValue, Point, Reach, curve, shared_range, value_at
from sampler.stats.signflip import FLIPS
from sampler.store.read_models import LengthRow, ModelRow, StudyRow, TallyRow

# What a table of budgets shows: who wins, where, and where it is not known.
#
# Every pair of models that a budget lets in is compared, paired by problem. A winner is named where its lead over every
# other model is clear, corrected for the whole family of comparisons (`sampler.reporting.paired_data`), so that
# the chance of naming even one false winner in the whole table is below 5 %. The intervals that are shown beside it
# are of 95 % each.


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
    cells: tuple[CurveValue, ...]
    finding: Finding
    model: str | None
    differences: Mapping[str, Difference]

    @property
    def lead(self) -> Difference | None:
        """Return the lead over the nearest other model; None without one, or if it is nothing at all."""
        nearest = min(self.differences.values(), key=lambda one: one.mean, default=None)
        return nearest if nearest is not None and nearest.mean else None


Pairs = Mapping[tuple[str, str], Difference]


def rows_of(
    entries: Sequence[Entry], budgets: Sequence[float], seed: int | None, flips: int = FLIPS
) -> tuple[Row, ...]:
    """Return one row for each budget; without a `seed` there are no comparisons."""
    cells = [tuple(value_at(drawn, budget) for _, drawn in entries) for budget in budgets]
    claimed = _claimed(entries, cells, seed, flips) if seed is not None else [{} for _ in cells]
    rows = zip(budgets, cells, claimed, strict=True)
    return tuple(_row(budget, row, found) for budget, row, found in rows)


def _claimed(entries: Sequence[Entry], rows: Sequence[Sequence[CurveValue]], seed: int, flips: int) -> list[Pairs]:
    """Return every pair of models at every budget."""
    compared = [_pairs(row) for row in rows]
    asked = [Pairing(a, row[a].k, b, row[b].k) for row, pairs in zip(rows, compared, strict=True) for a, b in pairs]
    told = iter(differences(entries, asked, seed, flips))
    return [
        {(row[a].model, row[b].model): next(told) for a, b in pairs} for row, pairs in zip(rows, compared, strict=True)
    ]


def _pairs(cells: Sequence[CurveValue]) -> list[tuple[int, int]]:
    """Return every pair of models at one budget; none if a model has too few samples."""
    if any(cell.reach is Reach.UNDEFINED for cell in cells):
        return []
    return list(combinations([at for at, cell in enumerate(cells) if cell.reach is Reach.REACHED], 2))


def _row(budget: float, cells: tuple[CurveValue, ...], pairs: Pairs) -> Row:
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
    """Return how much `best` leads, for either order of the pair."""
    if (best, other) in pairs:
        return pairs[best, other]
    return pairs[other, best].reversed


def _finding(*, alone: bool, leads: Sequence[Difference]) -> Finding:
    if alone:
        return Finding.ONLY_ONE
    return Finding.CLEAR if leads and all(lead.clear for lead in leads) else Finding.NO_CLEAR_WINNER


def _rate(cell: CurveValue) -> float:
    return cell.point.rate if cell.point else 0.0


__all__ = [
    "Finding",
    "ModelLine",
    "Report",
    "ReportRequest",
    "Row",
    "StudyFacts",
    "Table",
    "choose_budgets",
    "make_report",
    "table_at",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFacts:
    """What a store says about one study.

    `verdicts` counts by (model id, verdict); `greedy` are the models' greedy samples. `lengths` has the samples of
    models that think, by model id.
    """

    study: StudyRow
    models: Sequence[ModelRow]
    tallies: Sequence[TallyRow]
    verdicts: Mapping[tuple[int, str], int]
    greedy: Sequence[ModelRow] = ()
    lengths: Mapping[int, Sequence[LengthRow]] = field(default_factory=dict)


WITHOUT_COSTS = (Unit.FLOPS_PARAMS, Unit.TOKENS, Unit.SAMPLES)  # the last one is known of every model


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """What a report should show.

    Budgets that are not given are chosen from the costs of samples; `seed` is that of the bootstrap. `metrics` are
    shown beside pass@k, each in a table of its own. Where no model has a cost in any of `units`, the first unit of
    `instead` in which one has is shown before them.
    """

    units: tuple[Unit, ...] = (Unit.FLOPS, Unit.SECONDS)
    instead: tuple[Unit, ...] = ()
    charge: PromptCharge = PromptCharge.EACH
    budgets: Mapping[Unit, tuple[float, ...]]
    seed: int = 0
    metrics: tuple[MetricChoice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLine:
    """One model alone, on its own complete problems; a mean is None before there is a sample.

    `greedy` is its pass@1 at temperature 0, from one separate sample of each problem; None without it.
    """

    name: str
    engine: str | None
    params: int | None
    problems: int
    samples: int  # of each complete problem
    sampled: int
    scored: int
    passed: int
    first: Point | None  # pass@1
    most: Point | None  # pass@n
    greedy: Point | None
    prompt_tokens: float | None
    completion_tokens: float | None
    unit_costs: Mapping[Unit, UnitCost | None]
    verdicts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The comparison in one unit.

    `unknown` are the models whose cost in it is not known: they are not compared. From the budget `end` on, the model
    `ends` has no value, because it has too few samples. `greedy` are the models' greedy samples on the compared
    problems, each a point with its own cost; a model is missing until all of its greedy samples are scored.
    """

    unit: Unit
    charge: PromptCharge
    unit_costs: Mapping[str, UnitCost]
    unknown: tuple[str, ...]
    rows: tuple[Row, ...]
    curves: tuple[Curve, ...]
    greedy: Mapping[str, Point]
    ends: str | None
    end: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything in a report; `render` and `report_json` print it."""

    study: str
    status: str
    problems: int
    compared: int
    models: tuple[ModelLine, ...]
    tables: tuple[Table, ...]
    metrics: tuple[MetricTable, ...]
    thinking: tuple[Thinking, ...]
    level: float
    resamples: int
    methods: Methods
    notes: tuple[str, ...]


def make_report(facts: StudyFacts, request: ReportRequest) -> Report:
    """Return the report of one study."""
    models = [model for model in facts.models if model.wanted]
    paired = paired_data(models, facts.tallies, request.seed)
    waiting = [model.name for model in models if model not in paired.models]
    return Report(
        study=facts.study.name,
        status=facts.study.status,
        problems=facts.study.problems,
        compared=len(paired.problems),
        models=tuple(_line(model, facts, request, paired) for model in models),
        tables=tuple(
            replace(
                _table(paired, unit, request), greedy=_stars(paired.models, facts, paired.problems, (unit, request))
            )
            for unit in _units(paired, request)
        ),
        metrics=metric_tables(paired, request.metrics),
        thinking=thinking_of(paired.models, facts.lengths, paired.problems, request.seed),
        level=LEVEL,
        resamples=RESAMPLES,
        methods=METHODS,
        notes=(*_notes(facts, waiting, len(paired.problems)), *paired.uneven_samples),
    )


def _units(paired: PairedData, request: ReportRequest) -> tuple[Unit, ...]:
    """Return the units of the tables: those of the request, and one before them where no model has a cost in those."""

    def known(unit: Unit) -> bool:
        return any(paired.cost(model, unit, request.charge) for model in paired.models)

    if any(known(unit) for unit in request.units):
        return request.units
    return (*[unit for unit in request.instead if known(unit)][:1], *request.units)


def _line(model: ModelRow, facts: StudyFacts, request: ReportRequest, paired: PairedData) -> ModelLine:
    rows = [row for row in facts.tallies if row.model_id == model.id]
    complete = complete_problems(model, rows)
    points = _curve_of(model, rows, complete, paired, request.seed).points
    sampled = sum(row.sampled for row in rows)
    stars = (
        _star(row, facts.tallies, complete_problems(row, facts.tallies), Unit.SAMPLES, request)
        for row in facts.greedy
        if row.greedy_of == model.id and row.wanted
    )
    return ModelLine(
        name=model.name,
        engine=model.engine,
        params=model.params,
        problems=len(complete),
        samples=points[-1].k if points else 0,
        sampled=sampled,
        scored=sum(row.scored for row in rows),
        passed=sum(row.passed for row in rows),
        first=points[0] if points else None,
        most=points[-1] if points else None,
        greedy=next(stars, None),
        prompt_tokens=_mean_cost([row.prompt_tokens for row in rows], sampled),
        completion_tokens=_mean_cost([row.completion_tokens for row in rows], sampled),
        unit_costs={unit: unit_cost(model, rows, unit, request.charge) for unit in Unit},
        verdicts={verdict: count for (owner, verdict), count in facts.verdicts.items() if owner == model.id},
    )


def _curve_of(
    model: ModelRow, rows: Sequence[TallyRow], complete: Sequence[str], paired: PairedData, seed: int
) -> Curve:
    """Return a model's curve on its own complete problems, which may be more than those that all models share."""
    if model.id in paired.curves and tuple(complete) == paired.problems:
        return paired.curves[model.id]
    return curve(counts_of(model, rows, complete), UnitCost(each=1.0), np.random.default_rng(seed))


def _mean_cost(sums: Sequence[int | None], sampled: int) -> float | None:
    """Return the mean cost of a sample; None before there is one, or if the cost of some sample is not known."""
    known = [total for total in sums if total is not None]
    return sum(known) / sampled if sampled and len(known) == len(sums) else None


def _stars(
    models: Sequence[ModelRow], facts: StudyFacts, problems: Sequence[str], shown: tuple[Unit, ReportRequest]
) -> Mapping[str, Point]:
    """Return the greedy samples as points, for models that are complete on the compared problems."""
    owners = {model.id: model.name for model in models}
    stars = {}
    for row in facts.greedy:
        complete = frozenset(complete_problems(row, facts.tallies))
        if row.greedy_of in owners and row.wanted and complete.issuperset(problems):
            star = _star(row, facts.tallies, problems, *shown)
            if star is not None:
                stars[owners[row.greedy_of]] = star
    return stars


def _star(
    row: ModelRow, tallies: Sequence[TallyRow], problems: Sequence[str], unit: Unit, request: ReportRequest
) -> Point | None:
    """Return the point of a greedy sample: its own cost and rate; None if one of them is not known."""
    chosen = frozenset(problems)
    cost = unit_cost(row, [tally for tally in tallies if tally.problem in chosen], unit, request.charge)
    if cost is None or not problems:
        return None
    points = curve(counts_of(row, tallies, problems), cost, np.random.default_rng(request.seed)).points
    return replace(points[0], thin=False)  # one of one: no subset was taken


def _table(paired: PairedData, unit: Unit, request: ReportRequest) -> Table:
    costs = {model.name: paired.cost(model, unit, request.charge) for model in paired.models}
    known = {name: cost for name, cost in costs.items() if cost is not None}
    entries = list(paired.entries(paired.models, unit, request.charge).values())
    curves = [drawn for _, drawn in entries]
    budgets = request.budgets.get(unit) or choose_budgets(curves)
    shortest = min(curves, key=lambda drawn: drawn.end, default=None)
    return Table(
        unit=unit,
        charge=request.charge,
        unit_costs=known,
        unknown=tuple(name for name, cost in costs.items() if cost is None),
        rows=rows_of(entries, budgets, paired.seed if len(paired.problems) > 1 else None) if entries else (),
        curves=tuple(curves),
        greedy={},
        ends=None if shortest is None else shortest.model,
        end=None if shortest is None else shortest.end,
    )


def table_at(paired: PairedData, unit: Unit, charge: PromptCharge, *budgets: float) -> Table:
    """Return the comparison of all models at these budgets, with claims as in the report of the study."""
    return _table(paired, unit, ReportRequest(units=(unit,), charge=charge, budgets={unit: budgets}))


def choose_budgets(curves: Sequence[Curve]) -> tuple[float, ...]:
    """Return budgets for rows: 1, 2, 4 … samples of the most expensive model, one of each model, and all of each.

    Budgets end where the first curve ends, because nothing can be compared beyond. Of budgets that are equal in three
    digits the largest is taken, which buys all that the others buy.
    """
    if not curves:
        return ()
    dearest = max(curves, key=lambda drawn: drawn.begin)
    doublings = [2**power for power in range(dearest.n.bit_length()) if 2**power <= dearest.n]
    wanted = {dearest.cost.of(k) for k in doublings}
    wanted |= {drawn.cost.of(k) for drawn in curves for k in (1, drawn.n)}
    _, end = shared_range(curves)
    read_as = {f"{budget:.3g}": budget for budget in sorted(wanted) if budget < end}
    return tuple(read_as.values())


def _notes(facts: StudyFacts, waiting: Sequence[str], compared: int) -> list[str]:
    notes = []
    looks = max((model.looks for model in facts.models), default=1)
    if looks > 1:
        notes.append(
            f"The study could stop at {looks} declared looks, for what it saw there. Claims are corrected for all of "
            "them (Bonferroni); intervals are of one look, and the lead at which it stopped is a little too large."
        )
    notes += _allotted(facts)
    if facts.study.status != "done":
        notes.append(f"Interim: the study is {facts.study.status}; every number may still move.")
    if waiting:
        notes.append(f"Not compared, because no problem of theirs is complete: {', '.join(waiting)}.")
    if compared < facts.study.problems:
        notes.append(
            f"Compared on {compared} of {facts.study.problems} problems: the others lack verdicts of some model."
        )
    if compared < 2:
        notes.append("Intervals and findings need at least two problems.")
    return notes


def _allotted(facts: StudyFacts) -> list[str]:
    """Return a note on a budget that was allotted: what each number is estimated from."""
    reached = []
    for model in facts.models:
        rows = [row for row in facts.tallies if row.model_id == model.id and row.scored >= max(1, model.wanted)]
        counts = counts_of(model, rows, [row.problem for row in rows])
        more = sum(max(0, row.tries - row.scored) for row in rows)
        if more:
            reached.append(f"{model.name} {more} more, to k = {counts.n}")
    if not reached:
        return []
    even = min(model.wanted for model in facts.models if model.wanted)
    note = (
        f"What the budget left after {even} samples of each problem was allotted to problems without a pass "
        f"({'; '.join(reached)}). pass@k up to {even} is Chen's estimator on those {even}; beyond, it is the share of "
        "problems of which one of the first k samples passed, as if all had k. Both are unbiased; the share of all "
        "samples that passed would not be, and all else in this report rests on the first samples."
    )
    return [note]
