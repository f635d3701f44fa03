"""Analyse a study beyond its curves.

The analysis says what a solution costs, what more samples would bring, and which model to ask at a budget.

`analyse` is pure: a `PairedData` in, one `Analysis` out, in one unit. `read_analysis` makes its arguments from a store
or a file of counts. The analysis covers only the problems that are complete for every compared model. A model whose
cost in the unit is not known is named as `unknown` and left out of all that needs a cost. Intervals are from the paired
data's resamples of problems, the same for all models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TypedDict

import numpy as np

from sampler.program_normalization import normal_form
from sampler.reporting.allocation_report import (
    Allocation,
    Resampling,
    Spending,
    Stratum,
    allot,
    orders_of,
    spending,
    strata_of,
)
from sampler.reporting.comparison import NotComparable
from sampler.reporting.inputs import begins_as_counts, choose, facts_of, refuse_params_of_a_store
from sampler.reporting.paired_data import PairedData, paired_data
from sampler.reporting.report import choose_budgets
from sampler.stats.allocation import ModelStats, Places, SampleCounts, model_stats
from sampler.stats.betabinomial import Extrapolation, Fit, extrapolate, fit
from sampler.stats.bootstrap import LEVEL, Floats, Interval, draw_problems, intervals, rate_intervals
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.stats.passk import Counts
from sampler.stats.stopping import CostOfPass, Orders, Stop, cost_of_pass, costs_of_pass, frontier
from sampler.store.read_models import AcceptedRow, ModelRow, StudyRow
from sampler.store.reader import Reader
from sampler.store.sample_readers import SAMPLE_COSTS, RankingReader, SpentReader
from sampler.store.writer import open_migrated

# How many different right programs a model writes for a problem that it solves.
#
# Two programs are the same as a ranker by duplicates has it (`sampler.ranking.rankers`): their trees are, without
# looks and names of their own. A text that is too long to be parsed is a program of its own. More samples find more
# programs, so only models with equally many samples compare.
#
# Intervals are from resamples of the solved problems, as those of the cost of pass are: a resample of all problems may
# hold none of them. Where all solved problems have as many, an interval has no width, and promises too much.

TIMES = (2, 5, 10)  # how far beyond n, where no k is asked for
OFF = 0.02  # from here on a fit that misses what was measured is told
FAR = 5.0  # from here on the fitted distribution's tail, which few problems speak of, decides


@dataclass(frozen=True, slots=True, kw_only=True)
class Diversity:
    """Means over the problems with a right sample: right samples, different texts, different programs.

    Each has its interval, by the name of the field; none below two such problems.
    """

    solved: int
    correct: float
    texts: float
    programs: float
    intervals: Mapping[str, Interval | None]


def diversity(solved: Sequence[Sequence[tuple[str, int]]], rng: np.random.Generator) -> Diversity | None:
    """Return the diversity, from each solved problem's different right texts and their numbers of samples.

    None if nothing was solved.
    """
    if not solved:
        return None
    table = np.array([_counted(texts) for texts in solved], dtype=np.float64)
    correct, texts, programs = (float(mean) for mean in table.mean(axis=0))
    names = ("correct", "texts", "programs")
    near = intervals(table, draw_problems(len(table), rng)) if len(table) > 1 else [None] * len(names)
    return Diversity(
        solved=len(table),
        correct=correct,
        texts=texts,
        programs=programs,
        intervals=dict(zip(names, near, strict=True)),
    )


def _counted(texts: Sequence[tuple[str, int]]) -> tuple[int, int, int]:
    """Return for one problem: right samples, different texts, different programs."""
    programs = {normal_form(text) or text for text, _ in texts}
    return sum(count for _, count in texts), len(texts), len(programs)


class Accept(StrEnum):
    """Which tests accept an answer and end a search; the judge's tests say whether that answer is right."""

    JUDGE = "judge"  # an oracle
    SELECTION = "selection"  # the tests that a user has


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisRequest:
    """What is analysed; without budgets or ks they are chosen, and `seed` is that of the resamples."""

    accept: Accept = Accept.JUDGE

    unit: Unit = Unit.FLOPS
    charge: PromptCharge = PromptCharge.EACH
    budgets: tuple[float, ...] = ()
    ks: tuple[int, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """pass@k beyond the samples, with warnings."""

    promise: Extrapolation
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnalysis:
    """One model.

    `stopped` is what up to n samples cost and reach if the first pass ends them; costs are None if unknown. `spent` is
    what other rules of spending reach at the budgets. `fit` and `beyond` are missing if no sample or every sample
    passed, or if every problem has one sample; `not_fitted` gives the reason.
    """

    name: str
    n: int
    unit_cost: UnitCost | None
    stopped: Stop | None
    cost_of_pass: CostOfPass | None
    spent: tuple[Spending, ...]
    fit: Fit | None
    beyond: tuple[Beyond, ...]
    not_fitted: str | None
    diversity: Diversity | None
    measured: float | None = None  # pass@n over the samples drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Everything that `sampler analyse` reports; `cheapest` is the cost of pass with each problem's best model."""

    study: str
    unit: Unit
    charge: PromptCharge
    accept: Accept
    problems: int
    left_out: int
    level: float
    budgets: tuple[float, ...]
    models: tuple[ModelAnalysis, ...]
    unknown: tuple[str, ...]
    cheapest: CostOfPass | None
    allotment: Allocation | None
    reference: str | None
    notes: tuple[str, ...]
    strata: tuple[Stratum, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEvidence:
    """Data of single samples, by model id: how diverse the programs are, and the samples in random orders.

    `accepted` are the samples that pass the selection tests, in the order of the paired data's problems; if it is
    empty, the judge accepts. `untested` problems were left out, because they have no selection tests.
    """

    diversity: Mapping[int, Diversity] = field(default_factory=dict)
    orders: Mapping[int, Orders] = field(default_factory=dict)
    accepted: Mapping[int, Sequence[AcceptedRow]] = field(default_factory=dict)
    untested: int = 0


def analyse(study: str, paired: PairedData, request: AnalysisRequest, read: SampleEvidence | None = None) -> Analysis:
    """Return the analysis of the models of paired data, and of their samples as far as those were read."""
    read = read or SampleEvidence()
    stats = _model_stats(paired, request, read)
    fits, why_not = _fits(paired, range(len(paired.problems)))
    curves = [paired.curve(model, stats[model.id].mean_cost) for model in paired.models if model.id in stats]
    budgets = request.budgets or choose_budgets(curves)
    passes = _passes(paired, stats)
    resampling = Resampling(draws=paired.draws, seed=request.seed)
    dearest = max(stats.values(), key=lambda one: one.mean_cost.of(1), default=None)
    return Analysis(
        study=study,
        unit=request.unit,
        charge=request.charge,
        accept=request.accept,
        problems=len(paired.problems),
        left_out=read.untested,
        level=LEVEL,
        budgets=budgets,
        models=tuple(
            ModelAnalysis(
                name=model.name,
                n=paired.counts[model.id].even,
                **_costs(stats.get(model.id), passes.get(model.name), resampling),
                fit=fits.get(model.name),
                beyond=beyond(paired.counts[model.id], request) if model.name in fits else (),
                not_fitted=why_not.get(model.name),
                spent=spending(
                    stats[model.id], paired.counts[model.id], read.orders.get(model.id), budgets, paired.draws
                )
                if model.id in stats and request.accept is Accept.JUDGE
                else (),
                diversity=read.diversity.get(model.id),
                measured=_pass_at_n(paired.counts[model.id]),
            )
            for model in paired.models
        ),
        unknown=tuple(model.name for model in paired.models if model.id not in stats),
        cheapest=_cost_of_pass(frontier(passes), resampling) if passes else None,
        allotment=allotment(paired, request, budgets, read),
        reference=dearest.model if dearest else None,
        notes=paired.uneven_samples,
        strata=strata_of(list(stats.values()), dearest, budgets, paired.draws) if dearest else (),
    )


def _pass_at_n(counts: Counts) -> float | None:
    return float(counts.rates[:, -1].mean()) if counts.n and counts.problems else None


class _Costs(TypedDict):
    unit_cost: UnitCost | None
    stopped: Stop | None
    cost_of_pass: CostOfPass | None


def _model_stats(paired: PairedData, request: AnalysisRequest, read: SampleEvidence) -> dict[int, ModelStats]:
    found = ((model.id, _stats_of(model, paired, request, read.accepted.get(model.id))) for model in paired.models)
    return {model: made for model, made in found if made is not None}


def _stats_of(
    model: ModelRow, paired: PairedData, request: AnalysisRequest, accepted: Sequence[AcceptedRow] | None
) -> ModelStats | None:
    costs = paired.own_costs(model, request.unit, request.charge)
    counts = paired.counts[model.id]
    if costs is None or not counts.n:
        return None
    tried = SampleCounts(samples=counts.scored, accepted=counts.passed, right=counts.passed)
    if accepted is not None:
        tried = replace(tried, accepted=[row.accepted for row in accepted], right=[row.right for row in accepted])
    return model_stats(model.name, tried, costs, paired.cost(model, request.unit, request.charge))


def _passes(paired: PairedData, stats: Mapping[int, ModelStats]) -> dict[str, Floats]:
    """Return what a pass costs on each problem, by the model's name."""
    found = ((model.name, paired.counts[model.id], stats.get(model.id)) for model in paired.models)
    return {name: costs_of_pass(counts.scored, counts.passed, of.each) for name, counts, of in found if of is not None}


def _costs(of: ModelStats | None, passes: Floats | None, resampling: Resampling) -> _Costs:
    if of is None or passes is None:
        return {"unit_cost": None, "stopped": None, "cost_of_pass": None}
    found = _cost_of_pass(passes, resampling)
    return {"unit_cost": of.mean_cost, "stopped": _stopped(of, resampling.draws), "cost_of_pass": found}


def _cost_of_pass(passes: Floats, resampling: Resampling) -> CostOfPass:
    return cost_of_pass(passes, np.random.default_rng(resampling.seed), resampling.draws)


def _stopped(of: ModelStats, draws: Floats | None) -> Stop:
    """Return what up to n samples cost and reach if the first pass ends them."""
    costs, rates = of.stopped[:, -1:], of.answered[:, -1:]
    return Stop(
        k=of.n,
        cost=float(costs.mean()),
        rate=float(rates.mean()),
        cost_interval=None if draws is None else intervals(costs, draws)[0],
        rate_interval=None if draws is None else rate_intervals(rates, draws)[0],
    )


def allotment(
    paired: PairedData, request: AnalysisRequest, budgets: Sequence[float], read: SampleEvidence | None = None
) -> Allocation | None:
    """Return which model to ask at each budget; None if no model has a cost."""
    stats = list(_model_stats(paired, request, read or SampleEvidence()).values())

    def fits(problems: Places) -> Mapping[str, Fit]:
        return _fits(paired, problems.tolist())[0]

    return allot(stats, fits, budgets, Resampling(draws=paired.draws, seed=request.seed)) if stats else None


def _fits(paired: PairedData, problems: Sequence[int]) -> tuple[dict[str, Fit], dict[str, str]]:
    """Return the models whose difficulty can be fitted to some of the problems, and why the others cannot be fitted."""
    fits, why_not = {}, {}
    for model in paired.models:
        counts = paired.counts[model.id]
        try:
            fits[model.name] = fit([counts.scored[at] for at in problems], [counts.passed[at] for at in problems])
        except ValueError as error:
            why_not[model.name] = str(error)
    return fits, why_not


def beyond(counts: Counts, request: AnalysisRequest) -> tuple[Beyond, ...]:
    """Return pass@k at the wanted ks beyond the samples; raises ValueError if no sample or every sample passed."""
    ks = [k for k in request.ks or tuple(times * counts.n for times in TIMES) if k > counts.n]
    found = extrapolate(counts.scored, counts.passed, ks, np.random.default_rng(request.seed)) if ks else ()
    at_n = fit(counts.scored, counts.passed).pass_at(counts.even)
    return tuple(Beyond(promise=one, warnings=tuple(_warnings(one, counts, at_n))) for one in found)


def _warnings(promise: Extrapolation, counts: Counts, at_n: float) -> list[str]:
    words = []
    if promise.beyond > FAR:
        words.append(f"{promise.beyond:g} times the samples drawn: the fitted tail decides, not the data")
    measured = float(counts.rates[:, counts.even - 1].mean())
    if promise.rate < measured:
        words.append(f"below the measured pass@{counts.even} of {100 * measured:.1f}: the fit does not hold here")
    elif abs(at_n - measured) > OFF:
        words.append(f"the fit says {100 * at_n:.1f} for pass@{counts.even}, measured were {100 * measured:.1f}")
    unsolved = sum(not passed for passed in counts.passed)
    if 2 * unsolved > len(counts.passed):
        words.append(f"{unsolved} of {len(counts.passed)} problems were never solved: how many are possible is a guess")
    return words


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisSource:
    """What to read.

    It names a file, one of its studies, some of its models (by a part of their names), and whether to read programs.
    """

    path: Path
    study: str | None = None
    models: tuple[str, ...] = ()
    params: Mapping[str, float]
    programs: bool = False


def read_analysis(asked: AnalysisSource, request: AnalysisRequest) -> Analysis:
    """Return the analysis of a file; raises StoreError, CountsError or NotComparable."""
    counts = begins_as_counts(asked.path)
    refuse_params_of_a_store(asked.path, asked.params)
    if counts and asked.programs:
        raise NotComparable(f"{str(asked.path)!r} holds counts, not programs; ask a store for their diversity")
    facts = facts_of(asked.path, asked.params, asked.study)
    wanted = [model for model in facts.models if model.wanted]
    chosen = {choose(wanted, part).id for part in asked.models} or {model.id for model in wanted}
    compared = [model for model in wanted if model.id in chosen]
    paired = paired_data(compared, facts.tallies, facts.study.seed)
    accepted: dict[int, list[AcceptedRow]] = {}
    untested: frozenset[str] = frozenset()
    if request.accept is Accept.SELECTION:
        accepted, untested = _accepted(asked.path, paired, counts=counts)
        tested = [row for row in facts.tallies if row.problem not in untested]
        paired = paired_data(compared, tested, facts.study.seed) if untested else paired
    request = replace(request, seed=facts.study.seed)
    read = SampleEvidence(
        diversity=_diversity(asked.path, facts.study, paired) if asked.programs else {},
        orders={} if counts or request.accept is Accept.SELECTION else _orders(asked.path, paired, request),
        accepted=accepted,
        untested=len(untested),
    )
    return analyse(facts.study.name, paired, request, read)


def _accepted(path: Path, paired: PairedData, *, counts: bool) -> tuple[dict[int, list[AcceptedRow]], frozenset[str]]:
    """Return the samples that pass the selection tests, and the problems without selection tests."""
    if counts:
        raise NotComparable(f"{str(path)!r} holds counts, and no verdicts of selection tests; ask a store")
    with SpentReader(path) as reader:
        rows = {model.id: {row.problem: row for row in reader.accepted(model.id)} for model in paired.models}
    untested = frozenset(row.problem for held in rows.values() for row in held.values() if row.untested)
    tested = [name for name in paired.problems if name not in untested]
    if not tested:
        raise NotComparable(
            f"no complete problem of {str(path)!r} has verdicts of selection tests; leave --accept away, or study "
            "problems that have such tests"
        )
    return {model: [held[name] for name in tested] for model, held in rows.items()}, untested & set(paired.problems)


def _orders(path: Path, paired: PairedData, request: AnalysisRequest) -> dict[int, Orders]:
    """Return the models' samples in random orders, in a unit that single samples have."""
    found: dict[int, Orders] = {}
    if request.unit not in SAMPLE_COSTS:
        return found
    cached = request.charge is PromptCharge.MEASURED
    with SpentReader(path) as reader:
        for model in paired.models:
            made = orders_of(paired, model, reader.spent(model.id, request.unit, cached=cached), request.charge)
            if made is not None:
                found[model.id] = made
    return found


def _diversity(path: Path, study: StudyRow, paired: PairedData) -> dict[int, Diversity]:
    open_migrated(path, Reader).close()
    found = {}
    with RankingReader(path) as reader:
        problems = [row.id for row in reader.problems(study.id) if row.name in frozenset(paired.problems)]
        for model in paired.models:
            texts = [held for problem in problems if (held := reader.correct(model.id, problem))]
            made = diversity(texts, np.random.default_rng(study.seed))
            if made is not None:
                found[model.id] = made
    return found
