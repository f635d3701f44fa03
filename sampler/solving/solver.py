"""Answer a problem: sample, run the public tests in the boxes, stop at the first pass or at the budget.

The rule is the one that `sampler.stats.trees.within_budget` replays: a sample is begun while less than the budget was
spent, so the last one may exceed it; the first program that passes the public tests is the answer, else the last one.
A stage whose model has a strategy repairs what failed before it draws a new draft. Without public tests nothing can be
told apart, so the first sample is the answer.

Our faults are exceptions: a program whose run was lost is never called refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from math import inf
from typing import Self

import numpy as np

from sampler.backends.base import Backend, BackendError
from sampler.costs import params_flops, sample_flops
from sampler.running.planning import first_requests
from sampler.running.scoring import Executor
from sampler.solving.policy import AnswerAccuracy, ModelEstimate, PolicyStage
from sampler.stats.budget import Unit
from sampler.stats.sequential import PRIOR, expected_gains
from sampler.study.prompts import program_for
from sampler.study.spec_models import ModelSpec
from sampler.study.strategies import Strategy, StrategyKind, index_at, next_prompt, tell_selection
from sampler.values import Closeable, ModelCard, Prompt, Request, Sample, valid_text
from sandbox.problems import ChosenTests, Problem
from sandbox.values import Limits, Score, Verdict

UNITS = (Unit.TOKENS, Unit.FLOPS, Unit.FLOPS_PARAMS, Unit.SECONDS, Unit.DOLLARS, Unit.SAMPLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most that one answer may cost; infinite: only the stages end it."""

    unit: Unit = Unit.SAMPLES
    amount: float = inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One program that was tried, whether it passed the public tests (None: there are none), and what it cost."""

    model: str
    turn: int
    program: str
    passed: bool | None
    passed_cases: int | None
    cases: int | None
    prompt_tokens: int
    completion_tokens: int
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The answer, all attempts, and how sure it is; `sure` is None where no study tells."""

    problem: str
    attempts: tuple[Attempt, ...]
    unit: Unit
    sure: AnswerAccuracy | None

    @property
    def answer(self) -> Attempt:
        """Return the first attempt that passed its public tests, else the last."""
        return next((one for one in self.attempts if one.passed), self.attempts[-1])

    @property
    def cost(self) -> float:
        """Return what all attempts cost together."""
        return sum(one.cost for one in self.attempts)


def cost_of(sample: Sample, card: ModelCard, model: ModelSpec, unit: Unit) -> float:
    """Return what a sample costs in one of `UNITS`; raises BackendError where the engine does not tell."""
    read, written = sample.prompt_tokens, sample.completion_tokens
    costs = model.costs
    found: float | None = None
    match unit:
        case Unit.SAMPLES:
            found = 1.0
        case Unit.SECONDS:
            known = sample.prompt_seconds is not None and sample.decode_seconds is not None
            found = (sample.prompt_seconds or 0.0) + (sample.decode_seconds or 0.0) if known else None
        case _ if read is None or written is None:
            pass
        case Unit.TOKENS:
            found = float(read + written)
        case Unit.FLOPS_PARAMS if card.architecture is not None:
            found = float(params_flops(card.architecture.params, read + written))
        case Unit.FLOPS:
            flops = sample_flops(card.architecture, sample)
            found = None if flops is None else float(flops.prompt + flops.decode)
        case Unit.DOLLARS if costs.prompt_dollars is not None and costs.completion_dollars is not None:
            thoughts = 0 if costs.thought_dollars is None else sample.thought_tokens
            if thoughts is not None:
                thinking = (costs.thought_dollars or 0.0) * thoughts
                found = (costs.prompt_dollars * read + costs.completion_dollars * (written - thoughts) + thinking) / 1e6
        case _:
            pass
    if found is None:
        raise BackendError(f"what a sample of {model.name!r} costs in {unit.value} is not known; take another --unit")
    return found


@dataclass(slots=True)
class Solver(Closeable):
    """Answers one problem after another; engines are opened when they are first asked, and stay open."""

    stages: Sequence[PolicyStage]
    open_backend: Callable[[ModelSpec], Backend]
    executor: Executor
    limits: Limits
    estimates: dict[str, ModelEstimate] = field(default_factory=dict)
    _opened: dict[str, Backend] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def solve(self, problem: Problem, budget: Budget, seed: int) -> Solution:
        """Return the answer to a problem; raises BackendError or SandboxError. One at a time; others wait."""
        with self._lock:
            attempts: list[Attempt] = []
            for one in self._attempts(problem, budget, seed):
                attempts.append(one)
                if one.passed or problem.selected_by is None or sum(a.cost for a in attempts) >= budget.amount:
                    break
        return self._solution(problem, attempts, budget)

    def solve_together(self, problems: Sequence[Problem], total: Budget, seed: int) -> list[Solution]:
        """Return the answers to problems that share a budget; a problem that got no sample has no answer.

        The next sample is always of the problem that it is most likely to solve for its cost: after t vain ones the
        chance is a / (a + b + t), under the prior `PRIOR`. A problem is charged the mean of its own samples.
        """
        drawing = {at: self._attempts(problem, total, seed) for at, problem in enumerate(problems)}
        attempts: list[list[Attempt]] = [[] for _ in problems]
        spent = 0.0
        with self._lock:
            while drawing and spent < total.amount:
                usual = spent / max(1, sum(map(len, attempts))) or 1.0
                open_ = list(drawing)
                costs = [
                    sum(a.cost for a in attempts[at]) / len(attempts[at]) if attempts[at] else usual for at in open_
                ]
                gains = expected_gains([len(attempts[at]) for at in open_], costs, PRIOR)
                at = open_[int(np.argmax(gains))]
                one = next(drawing[at], None)
                if one is not None:
                    attempts[at].append(one)
                    spent += one.cost
                if one is None or one.passed or problems[at].selected_by is None:
                    del drawing[at]
        pairs = zip(problems, attempts, strict=True)
        return [self._solution(problem, tried, total) for problem, tried in pairs if tried]

    def _solution(self, problem: Problem, attempts: Sequence[Attempt], budget: Budget) -> Solution:
        solution = Solution(problem=problem.name, attempts=tuple(attempts), unit=budget.unit, sure=None)
        estimate = self.estimates.get(solution.answer.model)
        if estimate is None:
            return solution
        return replace(solution, sure=estimate.accuracy_of(passed=solution.answer.passed))

    def _attempts(self, problem: Problem, budget: Budget, seed: int) -> Iterator[Attempt]:
        for stage in self.stages:
            backend = self._backend(stage.model)
            first = first_requests(stage.model, [problem], seed)[problem.name]
            for tree in range(stage.most):
                yield from self._tree(
                    stage.model, backend, problem, replace(first, first=tree, seed=first.seed + tree), budget
                )

    def _tree(
        self, model: ModelSpec, backend: Backend, problem: Problem, draft: Request, budget: Budget
    ) -> Iterator[Attempt]:
        """Yield a draft and, where the model has a strategy, its later turns as a chain."""
        strategy = model.sampling.strategy
        request, turn = draft, 0
        while True:
            (sample,) = backend.sample([request], model.sampling.params)
            program = program_for(problem, request.prompt, valid_text(sample.text)).source
            score = self._score(problem, program)
            passed = None if score is None else score.verdict is Verdict.PASSED
            yield Attempt(
                model=model.name,
                turn=turn,
                program=program,
                passed=passed,
                passed_cases=None if score is None else score.passed_cases,
                cases=None if score is None else score.cases,
                prompt_tokens=sample.prompt_tokens or 0,
                completion_tokens=sample.completion_tokens or 0,
                cost=cost_of(sample, backend.card, model, budget.unit),
            )
            if strategy is None or turn == strategy.turns or passed:
                return
            turn += 1
            prompt = self._next(draft.prompt, strategy, problem, program, score)
            index = index_at(draft.first, turn)
            request = replace(draft, prompt=prompt, first=index, seed=draft.seed - draft.first + index)

    def _next(self, first: Prompt, strategy: Strategy, problem: Problem, program: str, score: Score | None) -> Prompt:
        told = ""
        if strategy.kind is StrategyKind.REPAIR:
            told = tell_selection(strategy.feedback, score, self.limits, problem, program)
        return next_prompt(first, strategy, program, told)

    def _score(self, problem: Problem, program: str) -> Score | None:
        """Return the score by the public tests; None without tests."""
        if problem.selected_by is None:
            return None
        return self.executor.submit(problem.solve(program, ChosenTests.SELECTION)).result()

    def _backend(self, model: ModelSpec) -> Backend:
        if model.name not in self._opened:
            self._opened[model.name] = self._stack.enter_context(self.open_backend(model))
        return self._opened[model.name]

    def close(self) -> None:
        """Close the engines."""
        self._opened.clear()
        self._stack.close()

    def __enter__(self) -> Self:
        return self
