"""Find which model to ask at each budget.

The report has the best single choice, cascade, mixture and greedy schedule, and an oracle router as upper bound.

The model stats decide which samples are accepted: those that pass the judge (an oracle) or the selection tests.
Cascades and mixtures go from the cheaper model to the more expensive one. The best of each kind is chosen on the
problems for which it is shown. So its value on problems that were not used for the choice is shown, too
(`sampler.stats.crossfit`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from sampler.stats.allocation import (
    Choice,
    ModelStats,
    best_within,
    cascades,
    few_ks,
    greedy,
    mixtures,
    oracle,
    outcome,
    pareto,
    scheduled,
    singles,
)
from sampler.stats.betabinomial import Fit
from sampler.stats.bootstrap import Floats, Interval, rate_intervals
from sampler.stats.crossfit import CrossValidated, Places, deal, held_out

_COLUMNS = 256
Fits = Callable[[Places], Mapping[str, Fit]]  # of the models whose difficulty can be fitted to these problems


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


def allot(offers: Sequence[ModelStats], fits: Fits, budgets: Sequence[float], resampling: Resampling) -> Allocation:
    """Return the allocation for some models."""
    rising = sorted(offers, key=lambda one: one.mean_cost.of(1))
    whole = np.arange(len(rising[0].left))
    ways = {kind: make(rising, whole) for kind, make in _ways(fits).items()}
    return Allocation(
        frontier=_around(_few(ways["single"], rising), {one.model: one for one in rising}, resampling.draws),
        schedule=ways["greedy"][-1].legs if ways["greedy"] else (),
        rows=tuple(_rows(ways, rising, budgets, resampling.draws, _held(fits, rising, budgets, resampling))),
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


def _held(
    fits: Fits, rising: Sequence[ModelStats], budgets: Sequence[float], resampling: Resampling
) -> Mapping[str, Sequence[CrossValidated | None]]:
    parts = deal(len(rising[0].left), np.random.default_rng(resampling.seed))
    return {kind: held_out(make, rising, budgets, parts, resampling.draws) for kind, make in _ways(fits).items()}


_Way = Callable[[Sequence[ModelStats], Places], list[Choice]]


def _ways(fits: Fits) -> Mapping[str, _Way]:
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


def _oracle(offers: Sequence[ModelStats], budget: float, draws: Floats | None) -> tuple[float | None, Interval | None]:
    """Return what the oracle reaches; a budget that buys no sample reaches 0, without uncertainty."""
    bought = [one.mean_cost.affordable(budget) for one in offers]
    if any(k > one.n for k, one in zip(bought, offers, strict=True)):
        return None, None
    solved = oracle(offers, budget)
    near = None if draws is None or not any(bought) else rate_intervals(solved[:, None], draws)[0]
    return float(solved.mean()), near


def _few(frontier: Sequence[Choice], offers: Sequence[ModelStats]) -> list[Choice]:
    """Return the frontier without most of its many large k; points where another model takes over are kept."""
    known = {one.model: frozenset(few_ks(one.n).tolist()) for one in offers}
    legs = [choice.legs[0] for choice in frontier]
    names = [name for name, _ in legs]
    turns = {at for at in range(1, len(names)) if names[at] != names[at - 1]}
    return [
        choice
        for at, (choice, (name, k)) in enumerate(zip(frontier, legs, strict=True))
        if k in known[name] or at in turns or at + 1 in turns
    ]


def _around(choices: Sequence[Choice], offers: Mapping[str, ModelStats], draws: Floats | None) -> tuple[Choice, ...]:
    """Return the choices with intervals of their rates; they are computed in parts, to limit memory."""
    if draws is None:
        return tuple(choices)
    found: list[Choice] = []
    for begin in range(0, len(choices), _COLUMNS):
        some = choices[begin : begin + _COLUMNS]
        near = rate_intervals(np.stack([outcome(choice, offers)[1] for choice in some], axis=1), draws)
        found += [replace(choice, interval=around) for choice, around in zip(some, near, strict=True)]
    return tuple(found)
