"""Whether models got worse: the decision of `sampler gate`. Pure arithmetic over what each problem was worth before and after.

A *drop* is pass@budget before minus after, on the same problems, so the comparison is paired by problem: the samples of one
problem are no independent draws, and problems differ far more than versions of a model do. There are two ways to be strict.
`significant` fails a model when its drop is beyond what is allowed and the data show it: p below alpha, one-sided, corrected by
Holm over all models and budgets, so that a gate of twenty comparisons still cries wolf in no more than alpha of its runs. Two
tests have to agree there: the bootstrap, and random signs (before and after are exchangeable where nothing changed, so that
one is exact for any number of problems, where the bootstrap is too sure of few; `tests/bench/gate_null.py`).
`non-inferior` fails it unless the data show that the drop is smaller than what is allowed: too few problems fail it, too, which
is what a release wants. There each model has to convince by itself, so nothing is corrected. Where no problem differs at all
there is nothing to resample; then what counts is the chance of that if a share `max_drop` of problems were lost.

`least` is an absolute minimum for the estimate itself, with or without a comparison. The verdict that is printed is computed
here once, and is the exit code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, sqrt
from statistics import NormalDist

import numpy as np

from sampler.stats.bootstrap import RESAMPLES, Floats, Interval, draw_problems, p_values, read_intervals, resampled
from sampler.stats.paired import POWER, holm


class Mode(StrEnum):
    """Who bears the doubt."""

    SIGNIFICANT = "significant"  # the one who says that it got worse
    NON_INFERIOR = "non-inferior"  # the one who says that it did not


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What passes. `max_drop` and `least` are shares of problems; `seed` is the bootstrap's."""

    mode: Mode = Mode.SIGNIFICANT
    max_drop: float = 0.02
    alpha: float = 0.05
    least: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.max_drop < 1:
            raise ValueError(f"a drop is a share of problems: from 0 to below 1, not {self.max_drop}")
        if not 0 < self.alpha < 0.5:
            raise ValueError(f"alpha lies between 0 and 0.5, not {self.alpha}")
        if self.least is not None and not 0 <= self.least <= 1:
            raise ValueError(f"a minimum is a share of problems: from 0 to 1, not {self.least}")
        if self.mode is Mode.NON_INFERIOR and not self.max_drop:
            raise ValueError("non-inferior needs some drop that is allowed: no data can show that there is none at all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What a model solves within a budget: k samples a problem, and of each problem the chance that one of them is right."""

    k: int
    rates: tuple[float, ...]

    @property
    def rate(self) -> float:
        """pass@budget."""
        return sum(self.rates) / len(self.rates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A model at a budget now and, where there is a baseline, before, on the same problems in the same order."""

    model: str
    budget: float
    problems: tuple[str, ...]
    after: Side
    before: Side | None = None

    def __post_init__(self) -> None:
        sides = [side for side in (self.after, self.before) if side is not None]
        if len(self.problems) < 2 or any(len(side.rates) != len(self.problems) for side in sides):
            raise ValueError(f"{self.model}: a gate needs at least two problems, the same on both sides")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """How much worse a model is than before. `p` speaks for the rule's mode; `corrected` is p by Holm, or p itself.

    `detectable` is the smallest true drop that these problems would have shown with the chance `POWER`, beyond what is allowed;
    None where no problem differs, because nothing tells then how much problems differ.
    """

    mean: float
    interval: Interval
    p: float
    corrected: float
    detectable: float | None
    broken: tuple[str, ...]  # solved by some sample before, by none now
    fixed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of one model at one budget; it passed where nothing is said against it."""

    pair: Pair
    drop: Drop | None
    against: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the gate lets it through."""
        return not self.against


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What came of all."""

    rule: Rule
    checked: tuple[Checked, ...]

    @property
    def passed(self) -> bool:
        """Whether every model passed at every budget."""
        return all(one.passed for one in self.checked)


def decide(pairs: Sequence[Pair], rule: Rule) -> Decision:
    """The decision over these models and budgets. Needs at least one: a gate that checks nothing has not passed."""
    if not pairs:
        raise ValueError("a gate over nothing")
    compared = [pair for pair in pairs if pair.before is not None]
    resamples = max(RESAMPLES, ceil(4 * len(compared) / rule.alpha))  # so that the least p can stay below alpha by Holm
    found = [_compared(pair, rule, resamples) for pair in compared]
    ps = [p for _, p in found]
    corrected = holm(ps) if rule.mode is Mode.SIGNIFICANT else ps
    drops = {
        id(pair): _drop(pair, interval, p, adjusted, rule)
        for pair, (interval, p), adjusted in zip(compared, found, corrected, strict=True)
    }
    return Decision(rule=rule, checked=tuple(_checked(pair, drops.get(id(pair)), rule) for pair in pairs))


def _gaps(pair: Pair) -> Floats:
    before = pair.before.rates if pair.before is not None else pair.after.rates
    gaps: Floats = np.array(before) - np.array(pair.after.rates)
    return gaps


def _compared(pair: Pair, rule: Rule, resamples: int) -> tuple[Interval, float]:
    """The drop's interval, and the one-sided p value for what the mode wants shown."""
    draws = draw_problems(len(pair.problems), np.random.default_rng(rule.seed), resamples)
    drawn = resampled(_gaps(pair)[:, None] - rule.max_drop, draws)
    (interval,), (both_sides,) = read_intervals(drawn), p_values(drawn)
    beyond = float(drawn.estimates[0])
    worse = both_sides / 2 if beyond > 0 else 1 - both_sides / 2
    shifted = Interval(interval.low + rule.max_drop, interval.high + rule.max_drop)
    if rule.mode is Mode.SIGNIFICANT:
        return shifted, max(worse, _by_signs(_gaps(pair) - rule.max_drop, rule.seed, resamples))
    unseen = (1 - rule.max_drop) ** len(pair.problems)
    return shifted, max(1 - worse, unseen)


def _by_signs(gaps: Floats, seed: int, times: int) -> float:
    """How often a sum as large comes out when each gap's sign is a coin's (Fisher's randomisation test, one-sided)."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(times, len(gaps)))
    as_large = int((signs @ gaps >= gaps.sum() - 1e-9).sum())
    return (1 + as_large) / (1 + times)


def _drop(pair: Pair, interval: Interval, p: float, corrected: float, rule: Rule) -> Drop:
    gaps, before = _gaps(pair), pair.before.rates if pair.before is not None else ()
    reach = NormalDist().inv_cdf(1 - rule.alpha) + NormalDist().inv_cdf(POWER)
    changed = list(zip(pair.problems, before, pair.after.rates, strict=True))
    return Drop(
        mean=float(gaps.mean()),
        interval=interval,
        p=p,
        corrected=corrected,
        detectable=rule.max_drop + reach * float(gaps.std(ddof=1)) / sqrt(len(gaps)) if gaps.any() else None,
        broken=tuple(name for name, was, now in changed if was > 0 and now == 0),
        fixed=tuple(name for name, was, now in changed if was == 0 and now > 0),
    )


def _checked(pair: Pair, drop: Drop | None, rule: Rule) -> Checked:
    against = []
    if drop is not None and (said := _held_against(drop, rule)):
        against.append(said)
    if rule.least is not None and pair.after.rate < rule.least:
        against.append(f"solves {pair.after.rate:.1%}, less than the {rule.least:.1%} that are asked")
    return Checked(pair=pair, drop=drop, against=tuple(against))


def _held_against(drop: Drop, rule: Rule) -> str | None:
    """Why a drop does not pass; None where it does."""
    shown = drop.corrected < rule.alpha
    match rule.mode:
        case Mode.SIGNIFICANT if drop.mean > rule.max_drop and shown:
            return f"dropped by {100 * drop.mean:.1f} points, more than {100 * rule.max_drop:.1f} (p = {drop.corrected:.2g})"
        case Mode.NON_INFERIOR if not shown:
            return (
                f"may have dropped by more than {100 * rule.max_drop:.1f} points (measured {100 * drop.mean:.1f}, "
                f"p = {drop.corrected:.2g})"
            )
        case _:
            return None
