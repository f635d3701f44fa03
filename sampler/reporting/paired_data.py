"""Make the paired data of a comparison.

They are the problems that are complete for every model, and what each model reaches on them.

They are made once for every unit, every pair and every table: all use the same resamples of the same problems.

Claims are corrected for a family of comparisons: every pair of models at every budget at which both have a value. It
depends on the models, their problems and their costs in one unit, and not on the budgets that a table shows. So a
report, a page, a comparison of two of the models and a screen agree on the same budget. The chance that any of them
names even one false winner, at any budget, is below 5 %. Each unit has its own family. Of long curves the family holds
`STEPS` budgets for each pair of models, evenly in their logarithm: neighbouring budgets say nearly the same, and a
budget between two of them is corrected as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from sampler.reporting.unit_costs import complete_problems, counts_of, shared_problems, uneven_samples, unit_cost
from sampler.stats import bootstrap
from sampler.stats import differences as paired
from sampler.stats.bootstrap import Floats, draw_problems
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.stats.differences import Difference, differences_of
from sampler.stats.passk import Counts, Curve, curve_over, recosted, shared_range
from sampler.stats.signflip import FLIPS, family_tests
from sampler.store.read_models import ModelRow, TallyRow

STEPS = 40
FEWEST_STEPS = 8
MOST = 4000  # comparisons, of many models

Entry = tuple[Counts, Curve]


@dataclass(frozen=True, slots=True, kw_only=True)
class Methods:
    """The methods of intervals and tests: of one rate, of a paired difference, and of claims of a lead."""

    interval: str
    difference: str
    test: str


METHODS = Methods(interval=bootstrap.METHOD, difference=paired.METHOD, test=paired.TEST)


@dataclass(frozen=True, slots=True)
class Pairing:
    """Pass@k of one model against that of another: their places among the entries, and how many samples each has."""

    first: int
    first_k: int
    second: int
    second_k: int


def differences(entries: Sequence[Entry], asked: Sequence[Pairing], seed: int, flips: int = FLIPS) -> list[Difference]:
    """Return the requested paired differences, corrected for the family of all entries.

    All entries have the same problems, at least two of them.
    """
    if not asked:
        return []
    if len({counts.problems for counts, _ in entries}) > 1:
        raise ValueError("a paired difference needs the same problems on both sides")
    columns = _Columns(entries)
    members = [columns.pair(one) for one in _family([curve for _, curve in entries])]
    wanted = [columns.pair(one) for one in asked]
    values = columns.values()
    gaps = np.stack([values[:, first] - values[:, second] for first, second in wanted], axis=1)
    found = differences_of(gaps, family_tests(values, members, wanted, seed, flips))
    return [_over_looks(one, max(counts.looks for counts, _ in entries)) for one in found]


def _over_looks(found: Difference, looks: int) -> Difference:
    """Return the difference with its p values corrected for the looks at which the study could have stopped."""
    if looks == 1:
        return found
    corrected = None if found.p_corrected is None else min(1.0, looks * found.p_corrected)
    return replace(found, p=min(1.0, looks * found.p), p_corrected=corrected)


def pair_differences(
    pair: Mapping[int, Entry], family: Mapping[int, Entry], bought: Sequence[tuple[int, int]], seed: int
) -> list[Difference]:
    """Return the first model of a pair minus the second, for each pair of sample numbers; corrected for the family.

    Models are named by their ids. If the family is empty, nothing may be claimed about the differences.
    """
    entries = family or pair
    first, second = (list(entries).index(model) for model in pair)
    found = differences(list(entries.values()), [Pairing(first, a, second, b) for a, b in bought], seed)
    return found if family else [replace(one, p_corrected=None) for one in found]


def shared_budgets(first: Curve, second: Curve) -> list[float]:
    """Return the budgets at which one of two models gets a further sample, as far as both curves have a value."""
    if not first.points or not second.points:
        return []
    begin, end = shared_range((first, second))
    return sorted({point.cost for one in (first, second) for point in one.points if begin <= point.cost < end})


def _family(curves: Sequence[Curve]) -> Iterator[Pairing]:
    pairs = list(combinations(range(len(curves)), 2))
    most = min(STEPS, max(FEWEST_STEPS, MOST // max(1, len(pairs))))
    for first, second in pairs:
        a, b = curves[first], curves[second]
        found = {(a.cost.affordable(at), b.cost.affordable(at)) for at in _log_spaced(shared_budgets(a, b), most)}
        yield from (Pairing(first, a_k, second, b_k) for a_k, b_k in sorted(found))


def _log_spaced(budgets: Sequence[float], most: int) -> Sequence[float]:
    """Return at most so many of the rising budgets, evenly in their logarithm."""
    if len(budgets) <= most:
        return budgets
    places = np.searchsorted(budgets, np.geomspace(budgets[0], budgets[-1], most) * (1 + 1e-12), "right") - 1
    return [budgets[at] for at in sorted({int(at) for at in places})]


class _Columns:
    """Columns of pass@k, each made once."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._rates = [counts.rates if counts.n else None for counts, _ in entries]
        self._places: dict[tuple[int, int], int] = {}

    def pair(self, one: Pairing) -> tuple[int, int]:
        return self._place(one.first, one.first_k), self._place(one.second, one.second_k)

    def _place(self, entry: int, k: int) -> int:
        rates = self._rates[entry]
        if rates is None or not 1 <= k <= rates.shape[1]:
            raise ValueError(f"pass@{k} is undefined for {0 if rates is None else rates.shape[1]} samples")
        return self._places.setdefault((entry, k), len(self._places))

    def values(self) -> Floats:
        found = [table[:, k - 1] for entry, k in self._places if (table := self._rates[entry]) is not None]
        return np.stack(found, axis=1)


_ONE = UnitCost(each=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedData:
    """The models with a complete problem, and their results on the shared problems.

    `curves` count cost in samples. There are no `draws` below two problems, or if no intervals are wanted. `family` are
    the models for whose comparisons claims are corrected; if it is empty, nothing may be claimed.
    """

    models: tuple[ModelRow, ...]
    problems: tuple[str, ...]
    tallies: Mapping[int, tuple[TallyRow, ...]]  # by model, in the order of `problems`
    counts: Mapping[int, Counts]
    curves: Mapping[int, Curve]
    draws: Floats | None
    seed: int
    family: tuple[ModelRow, ...]

    def cost(self, model: ModelRow, unit: Unit, charge: PromptCharge) -> UnitCost | None:
        """Return what a sample of a model costs on average over the problems; None if that is not known."""
        return unit_cost(model, self.tallies[model.id], unit, charge)

    def own_costs(self, model: ModelRow, unit: Unit, charge: PromptCharge) -> list[UnitCost] | None:
        """Return what a sample of a model costs on each problem; None if one of them is not known."""
        costs = [unit_cost(model, [row], unit, charge) for row in self.tallies[model.id]]
        known = [cost for cost in costs if cost is not None]
        return known if len(known) == len(costs) else None

    @property
    def uneven_samples(self) -> tuple[str, ...]:
        """Return messages on models whose problems have unequal numbers of samples."""
        found = (uneven_samples(model, self.tallies[model.id], self.problems) for model in self.models)
        return tuple(words for words in found if words)

    def entries(self, models: Sequence[ModelRow], unit: Unit, charge: PromptCharge) -> dict[int, Entry]:
        """Return counts and curve of the models that have samples and a known cost in a unit, by model id."""
        costs = [(model, self.cost(model, unit, charge)) for model in models if self.counts[model.id].n]
        return {model.id: (self.counts[model.id], self.curve(model, cost)) for model, cost in costs if cost is not None}

    def corrected_for(self, study: Sequence[ModelRow], tallies: Sequence[TallyRow]) -> PairedData:
        """Return the same paired data, with all models of a study as the family, as in the study's report.

        If the report uses other problems, because a third model lacks verdicts, the family is empty.
        """
        ready = [model for model in study if complete_problems(model, tallies)]
        if tuple(shared_problems(ready, tallies)) != self.problems:
            return replace(self, family=())
        others = [model for model in ready if model.id not in self.counts]
        counts = {model.id: counts_of(model, tallies, self.problems) for model in others}
        return replace(
            self,
            tallies={**self.tallies, **{model.id: _of(model, tallies, self.problems) for model in others}},
            counts={**self.counts, **counts},
            curves={**self.curves, **{key: curve_over(one, _ONE, None) for key, one in counts.items()}},
            family=tuple(ready),
        )

    def curve(self, model: ModelRow, cost: UnitCost) -> Curve:
        """Return a model's curve in a unit."""
        return recosted(self.curves[model.id], cost)


def paired_data(
    models: Sequence[ModelRow], tallies: Sequence[TallyRow], seed: int, *, intervals: bool = True
) -> PairedData:
    """Return the paired data of the models that have a complete problem.

    Without `intervals` this is far faster.
    """
    ready = [model for model in models if complete_problems(model, tallies)]
    problems = tuple(shared_problems(ready, tallies))
    draws = draw_problems(len(problems), np.random.default_rng(seed)) if intervals and len(problems) > 1 else None
    counts = {model.id: counts_of(model, tallies, problems) for model in ready}
    return PairedData(
        models=tuple(ready),
        problems=problems,
        tallies={model.id: _of(model, tallies, problems) for model in ready},
        counts=counts,
        curves={model.id: curve_over(counts[model.id], _ONE, draws) for model in ready},
        draws=draws,
        seed=seed,
        family=tuple(ready),
    )


def _of(model: ModelRow, tallies: Sequence[TallyRow], problems: Sequence[str]) -> tuple[TallyRow, ...]:
    by_name = {row.problem: row for row in tallies if row.model_id == model.id}
    return tuple(by_name[name] for name in problems)
