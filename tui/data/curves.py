"""Make the curves of a snapshot and compare two models, by the sampler's statistics on its sums. Pure, but slow.

Two models are compared at many budgets, and problem by problem at the budget rule. The difference is paired: both
models on the same problems. A lead is clear if the study's report calls it clear: its p value is corrected for all
budgets and all pairs of the study's models. While a study runs the result is interim, and repeated looks find a false
lead more often than 5 % of the time; only the final report decides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sampler.plotting import round_numbers
from sampler.reporting.paired_data import Entry, PairedData, pair_differences, paired_data
from sampler.reporting.render import conclusion
from sampler.reporting.report import Row, Table, table_at
from sampler.reporting.unit_costs import complete_problems, counts_of, shared_problems, unit_cost
from sampler.stats.bootstrap import RESAMPLES, draw_problems
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.stats.differences import Difference
from sampler.stats.passk import Counts, Curve, CurveValue, curve_over, shared_range, value_at
from sampler.store.read_models import ModelRow, TallyRow
from tui.data.snapshot import Curves, Series, Snapshot, with_compared
from tui.text import UNITS, sanitize

CHARGE = PromptCharge.EACH  # as in the report
INTERIM = 1000  # resamples while a study runs: a tenth of the report's, for all is drawn again and again
FEWEST = 2  # a model joins the shared problems when it has finished so many


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveRequest:
    """Which curves the reader wants; `shared` compares models on the problems that all of them have finished."""

    unit: Unit = Unit.FLOPS
    shared: bool = True


def available_units(snapshot: Snapshot) -> tuple[Unit, ...]:
    """Return the units in which some model has a cost, in the order in which they are offered."""
    snapshot = with_compared(snapshot)
    return tuple(
        unit
        for unit in UNITS
        if any(unit_cost(model, snapshot.tallies, unit, CHARGE) is not None for model in snapshot.models)
    )


def curves_of(snapshot: Snapshot, request: CurveRequest) -> Curves:
    """Return the curves in the requested unit, or in the first one in which some model has a cost.

    The curves of a second store come last.
    """
    snapshot = with_compared(snapshot)
    offered = available_units(snapshot)
    unit = request.unit if request.unit in offered or not offered else offered[0]
    chosen = _problems(snapshot.models, snapshot.tallies, shared=request.shared)
    resamples = INTERIM if snapshot.study.status == "running" else RESAMPLES
    # every model sees the same resampled problems, at every look, and those that the report sees
    draws = {
        count: draw_problems(count, np.random.default_rng(snapshot.study.seed), resamples)
        for count in {len(names) for names in chosen.values()}
        if count > 1
    }
    series = []
    for tone, model in enumerate(snapshot.models):
        problems = frozenset(chosen[model.id])
        rows = [row for row in snapshot.tallies if row.model_id == model.id and row.problem in problems]
        cost = unit_cost(model, rows, unit, CHARGE)
        if cost is not None:
            counts = counts_of(model, rows, chosen[model.id])
            found = curve_over(counts, cost, draws.get(len(problems)))
            star = _star(model, snapshot, chosen[model.id], unit)
            series.append(replace(_series(found, tone, cost), star=star, hits=equal_counts(counts)))
    rests = tuple(len(chosen[model.id]) for model in snapshot.models)
    same = len({tuple(names) for names in chosen.values() if names}) < 2
    return Curves(unit=unit, series=tuple(series), problems=rests, shared=same)


def equal_counts(counts: Counts) -> tuple[tuple[int, int], ...]:
    """Return (samples, correct samples) of each problem; empty if problems have different numbers of samples."""
    return tuple(zip(counts.scored, counts.passed, strict=True)) if counts.even else ()


def _star(owner: ModelRow, snapshot: Snapshot, problems: Sequence[str], unit: Unit) -> tuple[float, float] | None:
    """Return a model's greedy sample on these problems, as a budget and a rate.

    None until all of it is scored, as in the report.
    """
    held = frozenset(problems)
    for model in snapshot.greedy:
        if model.greedy_of == owner.id and model.wanted and held.issubset(complete_problems(model, snapshot.tallies)):
            rows = [row for row in snapshot.tallies if row.model_id == model.id and row.problem in held]
            cost = unit_cost(model, rows, unit, CHARGE)
            if cost is not None and rows:
                return cost.of(1), float(counts_of(model, rows, problems).rates[:, 0].mean())
    return None


def _problems(models: Sequence[ModelRow], tallies: Sequence[TallyRow], *, shared: bool) -> Mapping[int, list[str]]:
    """Return the problems on which each model's curve rests, by model id."""
    own = {model.id: complete_problems(model, tallies) for model in models}
    begun = [model for model in models if len(own[model.id]) >= FEWEST]
    if not shared or not begun:
        return own
    common = shared_problems(begun, tallies)
    return {model.id: common if model in begun else [] for model in models}


def _series(found: Curve, tone: int, cost: UnitCost) -> Series:
    bands = [point.interval for point in found.points]
    known = all(band is not None for band in bands)
    return Series(
        label=sanitize(found.model, 200),
        tone=tone,
        xs=tuple(point.cost for point in found.points),
        ys=tuple(point.rate for point in found.points),
        end=cost.of(found.n + 1),
        thin=next((index for index, point in enumerate(found.points) if point.thin), None),
        low=tuple(band.low for band in bands if band) if known else (),
        high=tuple(band.high for band in bands if band) if known else (),
        ks=tuple(float(point.k) for point in found.points),
    )


BUDGETS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class AtBudget:
    """Both models at one budget; None if a model has no value there."""

    budget: float
    ks: tuple[int, int]  # samples that the budget buys, the first model's and the second's
    rates: tuple[float | None, float | None]
    gap: Difference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One problem at the rule: the chance that each model solves it."""

    problem: str
    rates: tuple[float, float]

    @property
    def gap(self) -> float:
        """Return by how much the first model is ahead."""
        return self.rates[0] - self.rates[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelComparison:
    """The first model (the chosen one) against the second.

    `why_not` is the reason if there is nothing to compare.
    """

    tones: tuple[int, int]
    problems: int = 0
    rule: AtBudget | None = None
    ladder: tuple[AtBudget, ...] = ()
    flips: tuple[Flip, ...] = ()
    why_not: str = ""


def compare(snapshot: Snapshot, tones: tuple[int, int], unit: Unit, rule: float | None) -> ModelComparison:
    """Return the comparison of two models by their places in the study."""
    models = snapshot.models[tones[0]], snapshot.models[tones[1]]
    paired = _paired_data(models, snapshot)
    if len(paired.models) < 2 or len(paired.problems) < 2:
        return ModelComparison(tones=tones, why_not="fewer than two problems are complete for both models")
    pair, family = (paired.entries(some, unit, CHARGE) for some in (paired.models, paired.family))
    if len(pair) < 2:
        return ModelComparison(tones=tones, why_not=f"a model has no cost in {unit.value}")
    first, second = pair.values()
    ladder = _budgets((first[1], second[1]))
    found = _at([*ladder, *(() if rule is None else (rule,))], pair, family, paired.seed)
    here = found[-1] if rule is not None else None
    flips = _flips((first[0], second[0]), here.ks) if here is not None else ()
    return ModelComparison(
        tones=tones, problems=len(paired.problems), rule=here, ladder=tuple(found[: len(ladder)]), flips=flips
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """Which model to use: `sentence` says it at the budget of the rule, `rows` at round budgets from first to last.

    All claims belong to one family, as in the report of the study.
    """

    sentence: str
    rows: tuple[Row, ...] = ()
    interim: bool = False  # the study still runs
    at_rule: Table | None = None  # what the sentence says

    def with_names(self, called: Mapping[str, str]) -> str:
        """Return the sentence with shorter names for the models."""
        return _sentence(self.at_rule, interim=self.interim, called=called) if self.at_rule else self.sentence


def _sentence(table: Table, *, interim: bool, called: Mapping[str, str] | None = None) -> str:
    return f"{'interim: ' * interim}{conclusion(table, called)}"


def conclude(snapshot: Snapshot, unit: Unit, rule: float) -> Conclusion:
    """Return which model to use at the rule's budget and at round ones, and how sure that is, as the report says it."""
    models = [model for model in snapshot.models if model.wanted]
    paired = paired_data(models, snapshot.tallies, snapshot.study.seed)
    if not paired.models:
        return Conclusion(sentence="no problem is complete yet for any model")
    drawn = [one for _, one in paired.entries(paired.models, unit, CHARGE).values()]
    rounds = round_numbers(min(one.begin for one in drawn), max(one.end for one in drawn)) if drawn else []
    table = table_at(paired, unit, CHARGE, rule, *rounds)
    first, interim = replace(table, rows=table.rows[:1]), snapshot.study.status == "running"
    sentence = _sentence(first, interim=interim)
    return Conclusion(sentence=sentence, rows=table.rows[1:], interim=interim, at_rule=first)


def _paired_data(pair: Sequence[ModelRow], snapshot: Snapshot) -> PairedData:
    """Return the pair's paired data, with the family of its study's report; for two studies, the pair is the family."""
    paired = paired_data(pair, snapshot.tallies, snapshot.study.seed, intervals=False)
    second_store = {model.id < 0 for model in pair}  # a second store's models have ids below zero
    if len(second_store) > 1:
        return paired
    study = [model for model in snapshot.models if model.wanted and {model.id < 0} == second_store]
    return paired.corrected_for(study, snapshot.tallies)


def _budgets(pair: tuple[Curve, Curve]) -> list[float]:
    """Return budgets from the first to the last at which both have a value, in even steps of their logarithm."""
    low, end = shared_range(pair)
    high = end * (1 - 1e-9)
    if not low < high:
        return []
    step = (math.log(high) - math.log(low)) / (BUDGETS - 1)
    return [math.exp(math.log(low) + step * n) * (1 + 1e-12) for n in range(BUDGETS)]


def _at(budgets: Sequence[float], pair: Mapping[int, Entry], family: Mapping[int, Entry], seed: int) -> list[AtBudget]:
    """Return both models at each budget."""
    first, second = (curve for _, curve in pair.values())
    sides = [(value_at(first, budget), value_at(second, budget)) for budget in budgets]
    bought = [(a.k, b.k) for a, b in sides if a.point and b.point]
    gaps = iter(pair_differences(pair, family, bought, seed))
    return [
        AtBudget(
            budget=budget,
            ks=(a.k, b.k),
            rates=(_rate(a), _rate(b)),
            gap=next(gaps) if a.point and b.point else None,
        )
        for budget, (a, b) in zip(budgets, sides, strict=True)
    ]


def _rate(of: CurveValue) -> float | None:
    return of.point.rate if of.point else None


def _flips(pair: tuple[Counts, Counts], ks: tuple[int, int]) -> tuple[Flip, ...]:
    """Return the problems, largest differences first; more samples than were drawn count as all of them."""
    if 0 in ks:
        return ()
    first, second = (one.rates[:, min(k, one.n) - 1] for one, k in zip(pair, ks, strict=True))
    rows = [
        Flip(problem=name, rates=(float(x), float(y)))
        for name, x, y in zip(pair[0].problems, first, second, strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: -abs(row.gap)))
