"""Decide whether models got worse (`sampler gate`). Pure arithmetic over each problem's rate before and after.

A *drop* is pass@budget before minus after, on the same problems. The comparison is paired by problem: the samples of
one problem are not independent, and problems differ far more than versions of a model do. There are two modes.

`significant` fails a model when the data show that its drop is larger than allowed: one-sided p below alpha, corrected
by Holm over all tests of the gate, so that at most alpha of all gates over unchanged models fail. Two tests have to
agree: Student's t with the standard error of `sampler.stats.differences`, and sign flips (where nothing changed, before
and after are exchangeable, so that this test is exact for any number of problems).

`non-inferior` fails a model unless the data show that its drop is smaller than allowed: p below alpha, by the same t
with `PROOF` of a problem added on each side, because a loss on a few whole problems may easily not be drawn. Each model
is tested by itself, so nothing is corrected. Too few problems fail a model, too, which is what a release wants; the
message says how many would be enough if there was no true drop. Where no problem differs, 101 are enough at the
defaults. A study that is compared with a copy of itself has lost nothing, however few its problems.

`least` is a minimum of pass@budget, tested in the same mode: `significant` fails a model that is shown to solve less,
`non-inferior` one that is not shown to solve as much, each less `margin`. The printed verdict is computed here once,
and is the exit code. `tests/bench/gate_null.py` measures false alarms and power.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from statistics import NormalDist

import numpy as np

from sampler.reporting.report import StudyFacts, choose_budgets
from sampler.reporting.unit_costs import counts_of, shared_problems, unit_cost
from sampler.stats.bootstrap import Floats, Interval, t_quantile
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.stats.differences import (
    POWER,
    difference_intervals,
    holm,
    p_above,
    p_below,
    paired_spread,
    problems_needed,
)
from sampler.stats.passk import Counts, curve_over, shared_range
from sampler.stats.signflip import one_sided_p
from sampler.store.read_models import ModelRow
from sampler.values import NoSuchName, matching_name

PROOF = 0.75  # of a problem added on each side where a small drop has to be shown
_MOST_NEEDED = 10**9


class Mode(StrEnum):
    """Which claim the data have to show."""

    SIGNIFICANT = "significant"  # that the model got worse; else it passes
    NON_INFERIOR = "non-inferior"  # that the model did not get worse; else it fails


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What passes. `max_drop`, `least` and `margin` are shares of problems; `seed` is that of the sign flips."""

    mode: Mode = Mode.SIGNIFICANT
    max_drop: float = 0.02
    alpha: float = 0.05
    least: float | None = None
    margin: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.max_drop < 1:
            raise ValueError(f"a drop is a share of problems: from 0 to below 1, not {self.max_drop}")
        if not 0 < self.alpha < 0.5:
            raise ValueError(f"alpha lies between 0 and 0.5, not {self.alpha}")
        if self.least is not None and not 0 <= self.least <= 1:
            raise ValueError(f"a minimum is a share of problems, such as 0.35: from 0 to 1, not {self.least}")
        if not 0 <= self.margin < 1:
            raise ValueError(f"a margin is a share of problems: from 0 to below 1, not {self.margin}")
        if self.mode is Mode.NON_INFERIOR and self.floor == 1:
            raise ValueError(
                "non-inferior needs a margin below a minimum of 1: no data can show that everything is solved"
            )
        if self.mode is Mode.NON_INFERIOR and not self.max_drop:
            raise ValueError("non-inferior needs some drop that is allowed: no data can show that there is none at all")

    @property
    def floor(self) -> float | None:
        """Return the rate that a model has to reach: the minimum less the margin."""
        return None if self.least is None else max(0.0, self.least - self.margin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What a model solves within a budget.

    It is given as k samples for each problem, and the chance for each problem that one of them is right.
    """

    k: int
    rates: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Return pass@budget."""
        return sum(self.rates) / len(self.rates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A model at a budget now and, where there is a baseline, before, on the same problems in the same order.

    `same`: the baseline is a copy of the study, so before and after are the same samples.
    """

    model: str
    budget: float
    problems: tuple[str, ...]
    after: Side
    before: Side | None = None
    same: bool = False

    def __post_init__(self) -> None:
        sides = [side for side in (self.after, self.before) if side is not None]
        if len(self.problems) < 2 or any(len(side.rates) != len(self.problems) for side in sides):
            raise ValueError(f"{self.model}: a gate needs at least two problems, the same on both sides")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """How much worse a model is than before. `p` is of the rule's mode; `corrected` is p by Holm, or p itself.

    `detectable` is the smallest true drop that these problems would have shown with probability `POWER`; None where no
    problem differs, because then their spread is unknown. `needed` is how many problems of this kind would show with
    that probability that the drop is smaller than allowed, if there was no true drop.
    """

    mean: float
    interval: Interval
    p: float
    corrected: float
    detectable: float | None
    needed: int
    broken: tuple[str, ...]  # solved by some sample before, by none now
    fixed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum:
    """The test of a model against a minimum. `p` is of the rule's mode; `corrected` is p by Holm, or p itself.

    `needed` is how many such problems would show, with probability `POWER`, that it is reached; None where the measured
    rate is below.
    """

    floor: float
    p: float
    corrected: float
    needed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The result of one model at one budget; `against` are the reasons why it fails."""

    pair: Pair
    drop: Drop | None
    minimum: Minimum | None
    against: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Return whether the gate passes it."""
        return not self.against


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The results of all models and budgets."""

    rule: Rule
    checked: tuple[Checked, ...]

    @property
    def passed(self) -> bool:
        """Return whether every model passed at every budget."""
        return all(one.passed for one in self.checked)


def decide(pairs: Sequence[Pair], rule: Rule) -> Decision:
    """Decide over these models and budgets; at least one is needed, because a gate without checks has not passed."""
    if not pairs:
        raise ValueError("a gate over nothing")
    drops = [_drop_p(pair, rule) for pair in pairs if pair.before is not None]
    minimums = [_minimum_p(pair, rule.mode, rule.floor) for pair in pairs if rule.floor is not None]
    ps = [*drops, *minimums]
    corrected = holm(ps) if rule.mode is Mode.SIGNIFICANT else ps
    tests = iter(zip(ps, corrected, strict=True))
    found = [None if pair.before is None else _drop(pair, next(tests), rule) for pair in pairs]
    least = [None if rule.floor is None else _minimum(pair, next(tests), rule, rule.floor) for pair in pairs]
    return Decision(rule=rule, checked=tuple(_checked(*row, rule) for row in zip(pairs, found, least, strict=True)))


def _gaps(pair: Pair) -> Floats:
    before = pair.before.rates if pair.before is not None else pair.after.rates
    gaps: Floats = np.array(before) - np.array(pair.after.rates)
    return gaps


def _rates(pair: Pair) -> Floats:
    return np.array(pair.after.rates, dtype=np.float64)


def _drop_p(pair: Pair, rule: Rule) -> float:
    """Return the one-sided p value of the claim about a drop that the mode wants shown."""
    if pair.same:
        return 1.0 if rule.mode is Mode.SIGNIFICANT else 0.0
    gaps = _gaps(pair)
    if rule.mode is Mode.NON_INFERIOR:
        return paired_spread(gaps[:, None], PROOF).p_below(rule.max_drop)[0]
    return max(paired_spread(gaps[:, None]).p_above(rule.max_drop)[0], one_sided_p(gaps - rule.max_drop, rule.seed))


def _minimum_p(pair: Pair, mode: Mode, floor: float) -> float:
    return (p_below if mode is Mode.SIGNIFICANT else p_above)(_rates(pair), floor)


def _drop(pair: Pair, p: tuple[float, float], rule: Rule) -> Drop:
    gaps, before = _gaps(pair), pair.before.rates if pair.before is not None else ()
    of = paired_spread(gaps[:, None])
    changed = list(zip(pair.problems, before, pair.after.rates, strict=True))
    return Drop(
        mean=float(gaps.mean()),
        interval=Interval(0.0, 0.0) if pair.same else difference_intervals(gaps[:, None])[0],
        p=p[0],
        corrected=p[1],
        detectable=rule.max_drop + _reach(rule) * float(of.standard_error[0]) if gaps.any() else None,
        needed=_needed(gaps, rule),
        broken=tuple(name for name, was, now in changed if was > 0 and now == 0),
        fixed=tuple(name for name, was, now in changed if was == 0 and now > 0),
    )


def _reach(rule: Rule) -> float:
    return NormalDist().inv_cdf(1 - rule.alpha) + NormalDist().inv_cdf(POWER)


def _needed(gaps: Floats, rule: Rule) -> int:
    """Return the least number of problems with which a model without a true drop passes.

    Where all gaps are equal it always does.
    """
    low, high = 1, 2
    while not _enough(high, gaps, rule) and high < _MOST_NEEDED:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _enough(middle, gaps, rule) else (middle, high)
    return high


def _enough(problems: int, gaps: Floats, rule: Rule) -> bool:
    spread = float(gaps.var())
    reach = t_quantile(1 - rule.alpha, problems - 1) + (NormalDist().inv_cdf(POWER) if spread else 0.0)
    size = problems + 2 * PROOF
    return reach * sqrt((spread * problems + 2 * PROOF) / size / size) < rule.max_drop


def _minimum(pair: Pair, p: tuple[float, float], rule: Rule, floor: float) -> Minimum:
    needed = problems_needed(_rates(pair), floor, rule.alpha, POWER)
    return Minimum(floor=floor, p=p[0], corrected=p[1], needed=needed)


def _checked(pair: Pair, drop: Drop | None, minimum: Minimum | None, rule: Rule) -> Checked:
    said = [
        None if drop is None else _against_drop(drop, rule),
        None if minimum is None else _against_minimum(pair.after.rate, minimum, rule),
    ]
    return Checked(pair=pair, drop=drop, minimum=minimum, against=tuple(words for words in said if words))


def _against_drop(drop: Drop, rule: Rule) -> str | None:
    """Return why a drop does not pass; None if it passes."""
    shown = drop.corrected < rule.alpha
    match rule.mode:
        case Mode.SIGNIFICANT if drop.mean > rule.max_drop and shown:
            return (
                f"dropped by {100 * drop.mean:.1f} points, more than {100 * rule.max_drop:.1f} (p = "
                f"{drop.corrected:.2g})"
            )
        case Mode.NON_INFERIOR if not shown:
            return (
                f"may have dropped by more than {100 * rule.max_drop:.1f} points (measured {100 * drop.mean:.1f}, "
                f"p = {drop.corrected:.2g}; with no true drop, {drop.needed} problems like these would be enough)"
            )
        case _:
            return None


def _against_minimum(rate: float, minimum: Minimum, rule: Rule) -> str | None:
    """Return why a rate does not pass; None if it passes."""
    shown = minimum.corrected < rule.alpha
    floor = f"the minimum of {minimum.floor:.1%}"
    match rule.mode:
        case Mode.SIGNIFICANT if rate < minimum.floor and shown:
            return f"solves {rate:.1%}, less than {floor} (p = {minimum.corrected:.2g})"
        case Mode.NON_INFERIOR if not shown:
            more = "" if minimum.needed is None else f"; {minimum.needed} problems like these would be enough"
            return f"solves {rate:.1%}, not shown to reach {floor} (p = {minimum.corrected:.2g}{more})"
        case _:
            return None


class GateError(Exception):
    """Studies that cannot be compared; the message says what could be."""


class DifferentProblems(GateError):
    """Studies of different problems."""


class IncompleteStudy(GateError):
    """A study that still lacks samples or verdicts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRequest:
    """Budgets, unit and models of a gate (all models of the baseline if none is named)."""

    budgets: tuple[float, ...]
    unit: Unit = Unit.FLOPS
    models: tuple[str, ...] = ()


def pairs(after: StudyFacts, before: StudyFacts | None, wanted: GateRequest) -> list[Pair]:
    """Return a pair for each model and budget.

    Raises GateError if a pair cannot be made: nothing is left out silently.
    """
    sides = _sides(after, before, wanted.models)
    return [_pair(now, then, budget, wanted.unit) for now, then in sides for budget in wanted.budgets]


def usual_budgets(
    after: StudyFacts, before: StudyFacts | None, wanted: GateRequest, given: Sequence[float]
) -> tuple[float, ...]:
    """Return the default budgets of a gate.

    They are those `given` by the study file, or else those that a report would show. Only budgets at which every model
    has a value on both sides are used; raises GateError if there is none.
    """
    sides = _sides(after, before, wanted.models)
    curves = [
        curve_over(counts, cost, None)
        for now, then in sides
        for counts, cost in (_counted(one, wanted.unit) for one in (now, then) if one is not None)
    ]
    begin, end = shared_range(curves)
    found = tuple(budget for budget in given or choose_budgets(curves) if begin <= budget < end)
    if not found:
        raise GateError(
            f"at no budget in {wanted.unit} that {'the study names' if given else 'a report shows'} can all models be "
            "read; give an --at"
        )
    return found


def _sides(
    after: StudyFacts, before: StudyFacts | None, models: tuple[str, ...]
) -> list[tuple[_ModelFacts, _ModelFacts | None]]:
    """Return each model now and before."""
    _refuse(after)
    if before is not None:
        _refuse(before)
        if before.study.problems_digest != after.study.problems_digest:
            raise DifferentProblems(
                f"{after.study.name!r} and its baseline {before.study.name!r} are of different problems "
                f"({after.study.problems_digest[:12]} and {before.study.problems_digest[:12]}); run both on the same"
            )
    names = models or tuple(model.name for model in (before or after).models if model.wanted)
    return [(_model(after, name), None if before is None else _model(before, name)) for name in names]


@dataclass(frozen=True, slots=True)
class _ModelFacts:
    facts: StudyFacts
    model: ModelRow


def _refuse(facts: StudyFacts) -> None:
    study = facts.study
    if study.scored < study.wanted:
        raise IncompleteStudy(
            f"{study.name!r} has {study.scored} of {study.wanted} verdicts; a gate wants all: run the study to its end"
        )


def _model(facts: StudyFacts, name: str) -> _ModelFacts:
    held = {model.name: model for model in facts.models if model.wanted}
    try:
        return _ModelFacts(facts, held[matching_name(held, name)])
    except NoSuchName as error:
        raise GateError(f"{facts.study.name!r}: {error}; name what is to be compared with --model") from error


def _pair(after: _ModelFacts, before: _ModelFacts | None, budget: float, unit: Unit) -> Pair:
    problems = shared_problems([after.model], after.facts.tallies)
    now = _side(after, problems, budget, unit)
    then = None if before is None else _baseline(before, problems, budget, unit)
    copies = before is not None and before.facts.study.uid == after.facts.study.uid
    return Pair(
        model=after.model.name,
        budget=budget,
        problems=tuple(problems),
        after=now,
        before=then,
        same=copies and now == then,  # a copy whose verdicts have changed since is no longer the same
    )


def _baseline(of: _ModelFacts, problems: Sequence[str], budget: float, unit: Unit) -> Side:
    side = _side(of, problems, budget, unit)
    if side.k == 0:
        raise GateError(
            f"{of.model.name}: {budget:g} {unit} buys not even one sample of the baseline; give a larger --at"
        )
    return side


def _side(of: _ModelFacts, problems: Sequence[str], budget: float, unit: Unit) -> Side:
    """Return what the budget buys; nothing if a sample costs more."""
    counts, cost = _counted(of, unit, problems)
    k = cost.affordable(budget)
    if k > counts.n:
        raise GateError(
            f"{of.model.name}: {budget:g} {unit} buys {k} samples, and {counts.n} were drawn; give an --at below "
            f"{cost.of(counts.n + 1):.3g}"
        )
    rates = counts.rates[:, k - 1] if k else [0.0] * len(problems)
    return Side(k=k, rates=tuple(float(rate) for rate in rates))


def _counted(of: _ModelFacts, unit: Unit, problems: Sequence[str] | None = None) -> tuple[Counts, UnitCost]:
    """Return a model's counts, and what its samples cost."""
    cost = unit_cost(of.model, of.facts.tallies, unit, PromptCharge.EACH)
    if cost is None:
        raise GateError(f"{of.model.name}: what its samples cost in {unit} is not known; choose another --unit")
    return counts_of(of.model, of.facts.tallies, problems or shared_problems([of.model], of.facts.tallies)), cost
