"""Find which model to ask at each budget, by which rule to spend it, and on which problems. Pure.

The report has the best single choice, cascade, mixture and greedy schedule, and an oracle router as upper bound.

The model stats decide which samples are accepted: those that pass the judge (an oracle) or the selection tests.
Cascades and mixtures go from the cheaper model to the more expensive one. The best of each kind is chosen on the
problems for which it is shown. So its value on problems that were not used for the choice is shown, too
(`sampler.stats.allocation`).

Four rules spend one budget: one k for all problems, each problem's own k, sample by sample, and in rounds. The first is
that of Hassid et al. and of every curve here; `sampler.stats.stopping` defines the others. The last rule has one budget
for the whole set of problems, and ends a problem at its first pass.

Strata are fifths of the problems by pass@1 of the most expensive model. Its own rates within them are too low for hard
problems and too high for easy ones, because the sorting depends on chance, too. The intervals come from resamples of
all problems, each sorted and divided again. So they describe fifths of new problems of the same kind, with the same
bias, and not these borders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, pairwise

import numpy as np

from sampler.reporting.paired_data import PairedData
from sampler.stats.allocation import (
    Choice,
    CrossValidated,
    ModelStats,
    Places,
    best_within,
    cascades,
    deal,
    few_ks,
    greedy,
    held_out,
    mixtures,
    oracle,
    outcome,
    pareto,
    scheduled,
    singles,
    strata,
    stratum_means,
)
from sampler.stats.betabinomial import Fit
from sampler.stats.bootstrap import Floats, Interval, rate_intervals, read_rates, resampled_statistic
from sampler.stats.budget import PromptCharge, UnitCost
from sampler.stats.passk import Counts
from sampler.stats.stopping import Orders, Spent, Stop, by_own_cost, reached_by, replay, rounds_intervals
from sampler.store.read_models import ModelRow, SpentRow

_COLUMNS = 256
Fits = Callable[[Places], Mapping[str, Fit]]  # of the models whose difficulty can be fitted to these problems
GROUPS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationRow:
    """The best of each kind that costs at most `budget` on average; None if there is none of the kind.

    `single` pays for all its k samples, `stopping` ends at the first pass. `oracle` is undefined if a model has fewer
    samples than the budget buys; its interval is around that bound, which is too high because of chance in single
    samples. `held` is, by kind, the value of such a choice on problems that were not used for it. It has the interval,
    because resamples of the problems used for a choice cannot show how much the choice overstates its value.
    """

    budget: float
    single: Choice | None
    stopping: Choice | None
    cascade: Choice | None
    mixture: Choice | None
    greedy: Choice | None
    oracle: float | None
    oracle_interval: Interval | None
    held: Mapping[str, CrossValidated | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """The frontier over (model, k), the greedy schedule in runs of one model, and the best of each kind at each budget.

    For a model with very many samples the frontier shows every k up to a hundred, and a hundred more.
    """

    frontier: tuple[Choice, ...]
    schedule: tuple[tuple[str, int], ...]
    rows: tuple[AllocationRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampling:
    """How the problems are resampled (not at all below two) and divided into parts."""

    draws: Floats | None
    seed: int


def allot(stats: Sequence[ModelStats], fits: Fits, budgets: Sequence[float], resampling: Resampling) -> Allocation:
    """Return the allocation for some models."""
    rising = sorted(stats, key=lambda one: one.mean_cost.of(1))
    whole = np.arange(len(rising[0].left))
    ways = {kind: make(rising, whole) for kind, make in _makers(fits).items()}
    return Allocation(
        frontier=_around(_thinned(ways["single"], rising), {one.model: one for one in rising}, resampling.draws),
        schedule=ways["greedy"][-1].legs if ways["greedy"] else (),
        rows=tuple(_rows(ways, rising, budgets, resampling.draws, _cross_validated(fits, rising, budgets, resampling))),
    )


def _rows(
    ways: Mapping[str, Sequence[Choice]],
    rising: Sequence[ModelStats],
    budgets: Sequence[float],
    draws: Floats | None,
    held: Mapping[str, Sequence[CrossValidated | None]],
) -> Iterator[AllocationRow]:
    for at, budget in enumerate(budgets):
        rate, near = _oracle(rising, budget, draws)
        yield AllocationRow(
            budget=budget,
            **{kind: best_within(choices, budget) for kind, choices in ways.items()},
            oracle=rate,
            oracle_interval=near,
            held={kind: found[at] for kind, found in held.items()},
        )


def _cross_validated(
    fits: Fits, rising: Sequence[ModelStats], budgets: Sequence[float], resampling: Resampling
) -> Mapping[str, Sequence[CrossValidated | None]]:
    parts = deal(len(rising[0].left), np.random.default_rng(resampling.seed))
    return {kind: held_out(make, rising, budgets, parts, resampling.draws) for kind, make in _makers(fits).items()}


_ChoiceMaker = Callable[[Sequence[ModelStats], Places], list[Choice]]


def _makers(fits: Fits) -> Mapping[str, _ChoiceMaker]:
    """Return the useful choices of each kind, for models by rising cost."""

    def scheduling(rising: Sequence[ModelStats], problems: Places) -> list[Choice]:
        order = _schedule(rising, fits(problems))
        return scheduled(order, {one.model: one for one in rising}) if order else []

    return {
        "single": lambda rising, _: pareto([choice for one in rising for choice in singles(one, stopping=False)]),
        "stopping": lambda rising, _: pareto([choice for one in rising for choice in singles(one, stopping=True)]),
        "cascade": lambda rising, _: pareto(
            [choice for pair in combinations(rising, 2) for choice in cascades(*pair).frontier()]
        ),
        "mixture": lambda rising, _: pareto(
            [choice for pair in combinations(rising, 2) for choice in mixtures(*pair).frontier()]
        ),
        "greedy": scheduling,
    }


def _schedule(rising: Sequence[ModelStats], fits: Mapping[str, Fit]) -> tuple[str, ...]:
    """Return the greedy order of the models whose difficulty could be fitted."""
    known = [one for one in rising if one.model in fits]
    return greedy(
        {one.model: fits[one.model] for one in known},
        {one.model: one.mean_cost for one in known},
        {one.model: one.n for one in known},
    )


def _oracle(stats: Sequence[ModelStats], budget: float, draws: Floats | None) -> tuple[float | None, Interval | None]:
    """Return what the oracle reaches; a budget that buys no sample reaches 0, without uncertainty."""
    bought = [one.mean_cost.affordable(budget) for one in stats]
    if any(k > one.n for k, one in zip(bought, stats, strict=True)):
        return None, None
    solved = oracle(stats, budget)
    near = None if draws is None or not any(bought) else rate_intervals(solved[:, None], draws)[0]
    return float(solved.mean()), near


def _thinned(frontier: Sequence[Choice], stats: Sequence[ModelStats]) -> list[Choice]:
    """Return the frontier without most of its many large k; points where another model takes over are kept."""
    known = {one.model: frozenset(few_ks(one.n).tolist()) for one in stats}
    legs = [choice.legs[0] for choice in frontier]
    names = [name for name, _ in legs]
    turns = {at for at in range(1, len(names)) if names[at] != names[at - 1]}
    return [
        choice
        for at, (choice, (name, k)) in enumerate(zip(frontier, legs, strict=True))
        if k in known[name] or at in turns or at + 1 in turns
    ]


def _around(choices: Sequence[Choice], stats: Mapping[str, ModelStats], draws: Floats | None) -> tuple[Choice, ...]:
    """Return the choices with intervals of their rates; they are computed in parts, to limit memory."""
    if draws is None:
        return tuple(choices)
    found: list[Choice] = []
    for begin in range(0, len(choices), _COLUMNS):
        some = choices[begin : begin + _COLUMNS]
        near = rate_intervals(np.stack([outcome(choice, stats)[1] for choice in some], axis=1), draws)
        found += [replace(choice, interval=around) for choice, around in zip(some, near, strict=True)]
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Problems of similar difficulty: pass@1 of the most expensive model there, and each model's rate at each budget.

    There is no interval for a budget that buys no sample, and none in a stratum of one problem.
    """

    problems: int
    reference: float
    reference_interval: Interval | None
    rates: Mapping[str, tuple[float | None, ...]]  # by model, in the order of the budgets; None where undefined
    intervals: Mapping[str, tuple[Interval | None, ...]]  # of the rates


_Bought = tuple[str, int]  # so many samples of a model


def strata_of(
    stats: Sequence[ModelStats], dearest: ModelStats, budgets: Sequence[float], draws: Floats | None
) -> tuple[Stratum, ...]:
    """Return the strata, the hardest first; `draws` are resamples of all problems."""
    bought = {one.model: [one.mean_cost.affordable(budget) for budget in budgets] for one in stats}
    columns = {(dearest.model, 1): dearest.answered[:, 1]}
    columns |= {(one.model, k): one.answered[:, k] for one in stats for k in bought[one.model] if 1 <= k <= one.n}
    table = np.stack(list(columns.values()), axis=1)
    first = dearest.answered[:, 1]
    groups = strata(first.tolist(), min(GROUPS, len(first)))
    ends = [0.0, *(np.cumsum([len(group) for group in groups]) / len(first)).tolist()]
    found = []
    for group, shares in zip(groups, pairwise(ends), strict=True):
        rates = dict(zip(columns, table[group].mean(axis=0).tolist(), strict=True))
        near = dict(zip(columns, _near(first, table, shares, len(group), draws), strict=True))
        found.append(_stratum(len(group), (dearest.model, 1), bought, rates, near))
    return tuple(found)


def _near(
    first: Floats, table: Floats, shares: tuple[float, float], size: int, draws: Floats | None
) -> Sequence[Interval | None]:
    """Return the interval of each column in a stratum of so many problems."""
    if draws is None or size < 2:
        return [None] * table.shape[1]
    drawn = resampled_statistic(partial(stratum_means, first, table, shares), draws)
    return read_rates(drawn, size)


def _stratum(
    problems: int,
    reference: _Bought,
    bought: Mapping[str, Sequence[int]],
    rates: Mapping[_Bought, float],
    near: Mapping[_Bought, Interval | None],
) -> Stratum:
    nothing = {(model, 0): 0.0 for model in bought}
    return Stratum(
        problems=problems,
        reference=rates[reference],
        reference_interval=near[reference],
        rates={model: tuple((nothing | dict(rates)).get((model, k)) for k in ks) for model, ks in bought.items()},
        intervals={model: tuple(near.get((model, k)) for k in ks) for model, ks in bought.items()},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """The share that is solved at a budget, by each rule; None if a rule has no value there.

    Each has its interval, by the name of the field; there is none if the budget buys no sample on any problem. The cost
    of a sample is taken as known, except for the rounds, where each resample has its own cost.
    """

    budget: float
    by_mean: float | None
    by_own: float | None
    by_sample: float | None
    in_rounds: float | None
    intervals: Mapping[str, Interval | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Solved:
    """What a rule solves of each problem at a budget, and whether the budget buys a sample at all."""

    rates: Floats
    measured: bool


def spending(
    of: ModelStats, counts: Counts, orders: Orders | None, budgets: Sequence[float], draws: Floats | None
) -> tuple[Spending, ...]:
    """Return what a model solves at each budget.

    Without `orders` the rule "sample by sample" has no value; without `draws` there are no intervals.
    """
    own = [UnitCost(each=float(each), once=float(once)) for each, once in zip(of.each, of.once, strict=True)]
    solved = [_solved(of, counts, own, orders, budget) for budget in budgets]
    rounds = _rounds(of, budgets, draws)
    near = _spending_intervals(solved, draws)
    return tuple(
        Spending(
            budget=budget,
            **{rule: float(one.rates.mean()) if one else None for rule, one in rules.items()},
            in_rounds=rounds[at][0],
            intervals={**{rule: near.get((at, rule)) for rule in rules}, "in_rounds": rounds[at][1]},
        )
        for at, (budget, rules) in enumerate(zip(budgets, solved, strict=True))
    )


def _solved(
    of: ModelStats, counts: Counts, own: Sequence[UnitCost], orders: Orders | None, budget: float
) -> dict[str, _Solved | None]:
    """Return the values of the three rules per problem; None if a rule needs more samples than there are."""
    k, ks = of.mean_cost.affordable(budget), [cost.affordable(budget) for cost in own]
    found: dict[str, _Solved | None] = dict.fromkeys(("by_mean", "by_own", "by_sample"))
    if k <= of.n:
        found["by_mean"] = _Solved(rates=of.answered[:, k], measured=k > 0)
    if all(bought <= n for bought, n in zip(ks, counts.scored, strict=True)):
        rates = by_own_cost(counts.scored, counts.passed, own, budget)
        found["by_own"] = _Solved(rates=rates, measured=any(ks))
    if orders and budget < orders.end:
        found["by_sample"] = _Solved(rates=orders.rates(budget), measured=budget >= orders.begin)
    return found


def _spending_intervals(
    solved: Sequence[Mapping[str, _Solved | None]], draws: Floats | None
) -> dict[tuple[int, str], Interval]:
    """Return the intervals of measured values, by the budget's place and the rule."""
    columns = {
        (at, rule): one.rates for at, rules in enumerate(solved) for rule, one in rules.items() if one and one.measured
    }
    if draws is None or not columns:
        return {}
    return dict(zip(columns, rate_intervals(np.stack(list(columns.values()), axis=1), draws), strict=True))


def _rounds(
    of: ModelStats, budgets: Sequence[float], draws: Floats | None
) -> list[tuple[float | None, Interval | None]]:
    """Return what rounds reach at each budget, with its interval; None when all samples are spent."""
    rates, costs = of.answered.mean(axis=0), of.stopped.mean(axis=0)
    stops = [Stop(k=k, cost=float(costs[k]), rate=float(rates[k])) for k in range(1, of.n + 1)]
    inside = [budget for budget in budgets if budget <= stops[-1].cost]
    near = iter(rounds_intervals(of.stopped, of.answered, inside, draws) if draws is not None else [None] * len(inside))
    return [(reached_by(stops, budget), next(near)) if budget in inside else (None, None) for budget in budgets]


def orders_of(paired: PairedData, model: ModelRow, rows: Iterable[SpentRow], charge: PromptCharge) -> Orders | None:
    """Return a model's samples in random orders; None unless each problem has samples with a cost."""
    by_problem: dict[str, list[SpentRow]] = {name: [] for name in paired.problems}
    for row in rows:
        if row.problem in by_problem:
            by_problem[row.problem].append(row)
    if not by_problem or not all(by_problem.values()):
        return None
    return replay([_spent(held, charge) for held in by_problem.values()], np.random.default_rng(model.id))


def _spent(rows: Sequence[SpentRow], charge: PromptCharge) -> Spent:
    passed = np.array([bool(row.passed) for row in rows])
    writing = np.array([float(row.writing) for row in rows])
    reading = np.array([float(row.reading) for row in rows])
    if charge is PromptCharge.ONCE:
        return Spent(costs=writing, passed=passed, once=float(reading.mean()))
    return Spent(costs=reading + writing, passed=passed)
