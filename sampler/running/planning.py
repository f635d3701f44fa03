"""Plan what is left to do: what the study wants minus what the store holds.

Every run starts here, so every run continues what is stored.

Where a budget is allotted, a model's further samples belong to a companion of it, so that all that is computed from
counts rests on samples that every problem has. The companion's indices and seeds go on where the model's end.

`TurnPlanner` plans the later turns of sequential strategies: which trees have ended, and what is asked next, in which
words. Everything follows from what the store holds, so an interrupted chain continues where it stopped. What a
prompt tells of a failed program is made from the facts of its *selection* tests, which the store keeps apart from those
of the judge tests; nothing else of a verdict is read here.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sampler.store.sample_readers import TurnReader
from sampler.store.write_models import SampleRecord, TreeRecord
from sampler.study.prompts import prompt_for, without_prefill
from sampler.study.spec_models import ModelSpec
from sampler.study.strategies import (
    Strategy,
    StrategyKind,
    index_at,
    next_in_tree,
    next_prompt,
    tell_selection,
    tree_and_place,
)
from sampler.values import Prompt, Request
from sandbox.judging.score_records import FactsError, rejudge, unpack
from sandbox.problems import Problem
from sandbox.scoring.references import ReferenceFailed, References, usual_directory
from sandbox.values import Limits, Score, Verdict

SEEDS = 1 << 30  # a problem's first seed lies below; with its index added it stays below 2**31


def first_seed(study_seed: int, problem: str) -> int:
    """Return the seed of sample 0 of a problem: a hash, so that neighbouring problems share no random stream."""
    digest = hashlib.sha256(f"{study_seed} {problem}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8], "big") % SEEDS


def missing(wanted: int, held: Collection[int]) -> Iterator[tuple[int, int]]:
    """Yield the indices below `wanted` that are not held, as (first, count) of each contiguous range, in order."""
    first: int | None = None
    for index in range(wanted + 1):
        lacking = index < wanted and index not in held
        if lacking and first is None:
            first = index
        if not lacking and first is not None:
            yield first, index - first
            first = None


def requests(
    model: ModelSpec,
    problems: Iterable[Problem],
    held: Mapping[str, Collection[int]],
    study_seed: int,
    shots: Sequence[Problem] = (),
) -> list[Request]:
    """Yield the requests to a model, with its shots.

    `held` names the indices that the store has of each problem.
    """
    asked = []
    for request in first_requests(model, problems, study_seed, shots).values():
        for first, count in missing(model.samples, held.get(request.problem, frozenset())):
            asked.append(replace(request, first=first, count=count, seed=request.seed + first))
    return asked


def first_requests(
    model: ModelSpec, problems: Iterable[Problem], study_seed: int, shots: Sequence[Problem] = ()
) -> dict[str, Request]:
    """Return the request for sample 0 of each problem, by the problem's name."""
    asked = {}
    for problem in problems:
        prompt = prompt_for(problem, model.sampling.style, shots, model.sampling.stop, model.sampling.template)
        if not model.sampling.begun:
            prompt = without_prefill(prompt)
        seed = first_seed(study_seed, problem.name)
        asked[problem.name] = Request(problem=problem.name, prompt=prompt, first=0, count=1, seed=seed)
    return asked


@dataclass(slots=True)
class PlannedTurns:
    """Trees that have ended, with their answers, and the requests for later turns; drafts are planned elsewhere."""

    ended: list[TreeRecord] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    unfinished: int = 0  # trees, those to be asked for among them


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnPlanner:
    """Plans the later turns of one model. `firsts` are the requests for the first sample of each problem."""

    model: ModelSpec
    strategy: Strategy
    limits: Limits
    firsts: Mapping[str, Request]
    references: References = field(default_factory=lambda: References(usual_directory()))

    def plan(self, reader: TurnReader, model_id: int, problems: Mapping[str, Problem]) -> PlannedTurns:
        """Return what is next in each of the model's trees that has a draft."""
        planned = PlannedTurns()
        ended = {(row.problem, row.tree) for row in reader.trees(model_id)}
        held: dict[tuple[str, int], dict[int, bool | None]] = defaultdict(dict)
        scored: dict[tuple[str, int], set[int]] = defaultdict(set)
        ids: dict[tuple[str, int], int] = {}
        for row in reader.turns(model_id):
            tree, place = tree_and_place(row.index)
            key = row.problem, tree
            if key in ended or row.problem not in problems:
                continue
            held[key][place] = None if row.selection is None else row.selection == Verdict.PASSED
            ids[row.problem, row.index] = row.id
            if row.scored:
                scored[key].add(place)
        for key, places in held.items():
            problem, tree = key
            if tree >= self.model.samples:
                continue
            state = next_in_tree(self.strategy, places, frozenset(scored[key]))
            if state.answer is not None:
                answer = ids[problem, index_at(tree, state.answer)]
                planned.ended.append(
                    TreeRecord(model_id=model_id, problem=problem, tree=tree, answer_id=answer, samples=len(places))
                )
            planned.unfinished += state.answer is None
            by_parent: dict[int, list[int]] = defaultdict(list)
            for place in state.wanted:
                if place:
                    by_parent[self.strategy.parent(place)].append(place)
            for parent, wanted in by_parent.items():
                prompt = self._prompt(reader, ids[problem, index_at(tree, parent)], problems[problem])
                planned.requests += self._requests(problem, tree, wanted, prompt)
        return planned

    def _requests(self, problem: str, tree: int, places: list[int], prompt: Prompt) -> Iterator[Request]:
        for place in places:
            index = index_at(tree, place)
            yield Request(problem=problem, prompt=prompt, first=index, count=1, seed=self.firsts[problem].seed + index)

    def _prompt(self, reader: TurnReader, parent: int, problem: Problem) -> Prompt:
        row = reader.parent(parent)
        told = ""
        if self.strategy.kind is StrategyKind.REPAIR:
            selection, limits = self._selection(row.facts, problem)
            told = tell_selection(self.strategy.feedback, selection, limits or self.limits, problem, row.program)
        return next_prompt(self.firsts[problem.name].prompt, self.strategy, row.program, told)

    def _selection(self, facts: bytes | None, problem: Problem) -> tuple[Score | None, Limits | None]:
        """Return the score of the selection tests, and its limits, from their own facts alone; None if not kept."""
        tests = problem.selected_by
        if facts is None or tests is None:
            return None, None
        try:
            own = unpack(facts).selection
            return (None, None) if own is None else (rejudge(own, self.references.without_box(tests)), own.limits)
        except (FactsError, ReferenceFailed):
            return None, None


def later_turn(record: SampleRecord, strategy: Strategy, prompt: Prompt) -> SampleRecord:
    """Return the record of a sample of a later turn with its parent, its turn, and what was sent."""
    tree, place = tree_and_place(record.sample.index)
    parent = index_at(tree, strategy.parent(place))
    sent = f"{prompt.system}\n\n{prompt.text}" if prompt.system else prompt.text
    return replace(record, parent=parent, turn=strategy.turn(place), prompt=sent)
