"""Decide whom to ask: the stages of a policy, and what a study says of its models.

A stage asks one model, up to so many times. A policy is one stage, or a cascade of them: the next is asked when the
public tests have refused everything before. "Best" takes, of the models of a store, the one that answered most problems
rightly at the budget: drawn one by one until one passes the public tests, at the cost that each sample had.

How sure an answer is, is a count of the study: of the answers of this model that passed their public tests (or did
not), how many were right by the judge tests. It holds for problems like those of the study.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np

from sampler.exit_codes import CommandError, Exit
from sampler.reporting.tree_report import sample_cost, tries_of
from sampler.stats.bootstrap import Interval, wilson
from sampler.stats.budget import PromptCharge, Unit
from sampler.stats.trees import within_budget
from sampler.store.read_models import TurnRow
from sampler.store.sample_readers import TurnReader
from sampler.store.writer import chosen_study, open_migrated
from sampler.study.spec_models import ModelSpec
from sampler.values import NoSuchName, matching_name
from sandbox.values import Verdict


class NoPolicy(CommandError, ValueError):
    """A policy that names no model, or a store that cannot choose one."""

    exit_code = Exit.USAGE


@dataclass(frozen=True, slots=True)
class PolicyStage:
    """A model, and how many samples of it are drawn at most; a tree of repairs counts as one."""

    model: ModelSpec
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerAccuracy:
    """How often a study's answers of a kind were right: `right` of `answers`, with Wilson's 95% interval."""

    right: int
    answers: int

    @property
    def share(self) -> float | None:
        """Return the share; None without answers."""
        return self.right / self.answers if self.answers else None

    @property
    def interval(self) -> Interval | None:
        """Return its interval over answers; None without answers."""
        return wilson(self.right / self.answers, self.answers) if self.answers else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEstimate:
    """What a study says of a model: `rate` of problems answered rightly at `cost`, and how sure its answers are.

    It is the solver's own rule, replayed over the study's samples, at most `tries` of each problem; in the share
    `ran_out` they were not enough, so that more would have been reached. `accepted` counts samples that passed their
    public tests, `refused` those that did not, `untested` those whose problems have none.
    """

    model: str
    rate: float | None
    cost: float | None
    problems: int
    tries: int
    ran_out: float
    accepted: AnswerAccuracy
    refused: AnswerAccuracy
    untested: AnswerAccuracy

    def accuracy_of(self, *, passed: bool | None) -> AnswerAccuracy:
        """Return how sure an answer is that passed its public tests or not, or has none (None)."""
        return {True: self.accepted, False: self.refused, None: self.untested}[passed]


def stages_of(models: Sequence[ModelSpec], said: Sequence[str]) -> list[PolicyStage]:
    """Return the stages that texts such as "small:4" name; without texts, the first model; raises NoPolicy."""
    known = {model.name: model for model in models if model.greedy_of is None}
    stages = []
    for text in said or [next(iter(known))]:
        name, most = text, None
        before, _, number = text.rpartition(":")
        if text not in known and number.isdecimal() and int(number):
            name, most = before, int(number)
        try:
            name = matching_name(known, name)
        except NoSuchName as error:
            raise NoPolicy(f"{text!r} is no MODEL or MODEL:SAMPLES of the study: {error}") from error
        stages.append(PolicyStage(known[name], most or known[name].samples))
    return stages


def read_estimates(path: Path, study: str | None, unit: Unit, budget: float | None) -> dict[str, ModelEstimate]:
    """Return what a store says of each of its models at a budget; without one, with all samples that it has."""
    with open_migrated(path, TurnReader) as reader:
        row = chosen_study(reader.studies(), path, study)
        made = {}
        for model in reader.models(row.id):
            drafts = [turn for turn in reader.turns(model.id) if turn.turn == 0 and turn.scored]
            tries = tries_of(model, drafts, sample_cost(unit, PromptCharge.EACH))
            rng = np.random.default_rng(row.seed)
            replayed = [
                within_budget(found, inf if budget is None else budget, rng) for found in (tries or {}).values()
            ]
            rate, cost, ran_out = map(float, np.mean(replayed, axis=0)) if replayed else (None, None, 0.0)
            made[model.name] = ModelEstimate(
                model=model.name,
                rate=rate,
                cost=cost,
                problems=len(replayed),
                tries=max(map(len, (tries or {}).values()), default=0),
                ran_out=ran_out or 0.0,
                accepted=_accuracy([turn for turn in drafts if turn.selection == Verdict.PASSED]),
                refused=_accuracy([turn for turn in drafts if turn.selection not in {None, Verdict.PASSED}]),
                untested=_accuracy([turn for turn in drafts if turn.selection is None]),
            )
    return made


def _accuracy(turns: Sequence[TurnRow]) -> AnswerAccuracy:
    return AnswerAccuracy(right=sum(bool(turn.passed) for turn in turns), answers=len(turns))


def best_stage(models: Sequence[ModelSpec], estimates: dict[str, ModelEstimate]) -> PolicyStage:
    """Return the model with the highest estimate, and how many samples to draw; raises NoPolicy.

    The one that is best on the study's problems is a little lucky there, so its estimate is a little too high.
    """
    known = {model.name: model for model in models if model.greedy_of is None}
    rated = [estimate for name, estimate in estimates.items() if name in known and estimate.rate and estimate.tries]
    if not rated:
        raise NoPolicy(
            "no model of the study file has an answer in the store within this budget; raise it, or name one"
        )
    best = max(rated, key=lambda estimate: estimate.rate or 0.0)
    return PolicyStage(known[best.model], best.tries)
