"""Define the data of the screen at one moment: immutable values that one thread reads and another one draws."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from sampler.stats.budget import Unit
from sampler.store.read_models import EventRow, ModelRow, StudyRow, TailRow, TallyRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A step curve: from budget xs[i] on the rate is ys[i], until the next one; from `end` on nothing is known.

    `ks` tells how many samples per problem each budget buys; steps from index `thin` on rest on few subsets and are
    drawn thinly. `tone` is the series' place in the palette. `star` is the model's greedy sample: its own budget and
    its own rate. `hits` are the samples of each problem and how many of them are right, for metrics of reliability.
    """

    label: str
    tone: int
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    end: float
    thin: int | None = None
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    ks: tuple[float, ...] = ()
    star: tuple[float, float] | None = None
    hits: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        for name in ("ys", "low", "high", "ks"):
            held = getattr(self, name)
            if len(held) != len(self.xs) and (held or name == "ys"):
                raise ValueError(f"{self.label}: {len(held)} {name} for {len(self.xs)} budgets")
        if not all(
            math.isfinite(x) for held in (self.xs, self.ys, self.low, self.high, self.star or ()) for x in held
        ) or not math.isfinite(self.end):
            raise ValueError(f"{self.label}: budgets and rates must be finite")
        if any(a >= b for a, b in pairwise([*self.xs, self.end] if self.xs else [])):
            raise ValueError(f"{self.label}: budgets must ascend up to the end of the curve")

    def step(self, budget: float) -> int | None:
        """Return the step at `budget`; None if the budget does not buy one sample."""
        index = bisect_right(self.xs, budget) - 1
        return index if index >= 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """The curves of one unit, and on how many problems each model's rests."""

    unit: Unit
    series: tuple[Series, ...]
    problems: tuple[int, ...]
    shared: bool  # all on the same problems


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonModels:
    """The models of a second store, with ids below zero; none, and `why_not`, if it has other problems."""

    store: str
    models: tuple[ModelRow, ...] = ()
    greedy: tuple[ModelRow, ...] = ()
    tallies: tuple[TallyRow, ...] = ()
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A study as it was read at one moment. The tail and the log hold the newest rows, oldest first."""

    study: StudyRow
    models: tuple[ModelRow, ...]
    tallies: tuple[TallyRow, ...]
    counts: Mapping[tuple[int, str], int]
    tail: tuple[TailRow, ...]
    events: tuple[EventRow, ...]
    curves: Curves | None
    units: tuple[Unit, ...]  # those in which some model has a cost
    read_at: float
    process_gone: bool = False
    greedy: tuple[ModelRow, ...] = ()  # the models' greedy samples, whose tallies are among the others
    allotted: tuple[ModelRow, ...] = ()  # the further samples of an allotted budget, whose tallies are among the others
    compared: ComparisonModels | None = None  # a second store's models, for the screens that compare


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreProblem:
    """Why there is no snapshot, in one line; `waiting` if a snapshot may still come."""

    message: str
    waiting: bool


def with_compared(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with the models of the second store after its own, for curves and comparisons.

    A model that both stores have is called STORE:MODEL, as in `sampler compare`.
    """
    compared = snapshot.compared
    if compared is None:
        return snapshot
    own = {model.name for model in snapshot.models}
    named = [
        replace(model, name=f"{compared.store}:{model.name}") if model.name in own else model
        for model in compared.models
    ]
    return replace(
        snapshot,
        models=(*snapshot.models, *named),
        greedy=(*snapshot.greedy, *compared.greedy),
        tallies=(*snapshot.tallies, *compared.tallies),
        compared=replace(compared, models=(), greedy=(), tallies=()),
    )
