"""Rank the samples of a store: store each ranker's scores, and report what its choice is worth.

Only problems on which every wanted sample of a model has a verdict count. The samples of one model on one problem are
ranked together, and only they are in memory. Scores that need an engine are stored one by one, so that an interrupted
ranking continues where it stopped. All other scores are computed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from sampler.ranking.evaluation import (
    EvaluatedRanking,
    RankDependencies,
    RankedModel,
    RankReport,
    RankRequest,
    frontiers,
    model_lines,
)
from sampler.ranking.evidence import EvidenceSource, Group, NoSelection, NoTestsWritten, StudySetup
from sampler.ranking.rankers import (
    BY_TEXT,
    Answers,
    Entry,
    Need,
    Ranking,
    RankingError,
    Scores,
    chance,
    external,
    need_of,
    rank_by,
)
from sampler.reporting.unit_costs import complete_problems
from sampler.stats.bootstrap import LEVEL, RESAMPLES
from sampler.stats.ranking import Votes
from sampler.stats.short_m_at_k import ShortVotes
from sampler.store.read_models import ModelRow, ProblemRow, StudyRow, TallyRow
from sampler.store.sample_readers import RankingReader
from sampler.store.write_models import RankedRow, RankerRecord
from sampler.store.writer import Store
from sampler.study.spec import stored_sandbox
from sandbox.scoring.collect_answers import matching_answers
from sandbox.values import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A ranking of a group, and its cost for each sample.

    There are no `rows` if the cost is negligible.
    """

    ranking: Ranking
    rows: tuple[RankedRow, ...] = ()


@dataclass(slots=True)
class _RankingRun:
    """A study that is being ranked."""

    store: Store
    reader: RankingReader
    study: StudyRow
    evidence: EvidenceSource
    request: RankRequest
    names: list[str]
    notes: list[str] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)


def _refuse_too_large(ks: Sequence[int], models: Sequence[ModelRow], tallies: Sequence[TallyRow]) -> None:
    """Raise an error for a k that is larger than the number of samples."""
    wanted = {model.id for model in models}
    most = max((row.scored for row in tallies if row.model_id in wanted), default=0)
    if ks and most and min(ks) > most:
        raise RankingError(
            f"--k {min(ks)}: no model has so many samples of a problem, the most is {most}; ask for fewer"
        )


def rank_study(store: Store, study: StudyRow, request: RankRequest, dependencies: RankDependencies) -> RankReport:
    """Rank the samples of a study; raises RankingError, StoreError, BackendError or SandboxError."""
    with ExitStack() as stack, RankingReader(store.path) as reader:
        names = [name for asked in request.rankers for name in _stored_names(asked, request)]
        setup = StudySetup(problems=study.problems_source, sandbox=stored_sandbox(reader.limits(study.id)))
        run = _RankingRun(
            store,
            reader,
            study,
            EvidenceSource(request, dependencies, stack, setup),
            request,
            list(dict.fromkeys(names)),
        )
        tallies = reader.tallies(study.id)
        models = [model for model in reader.models(study.id) if model.wanted]
        _refuse_too_large(request.ks, models, tallies)
        ranked = [found for model in models if (found := _rank_model(run, model, tallies)) and found.oracle.points]
        store.flush()
    complete = {frozenset(complete_problems(model, tallies)) for model in models} - {frozenset[str]()}
    if len(complete) > 1:
        run.notes.append("No frontier: the models are not complete on the same problems.")
    return RankReport(
        study=study.name,
        charged=request.charge,
        prompt=request.prompt,
        level=LEVEL,
        resamples=RESAMPLES,
        draws=request.draws,
        models=tuple(ranked),
        frontiers=frontiers(ranked) if len(complete) == 1 else {},
        notes=tuple(run.notes),
    )


def _stored_names(ranker: str, request: RankRequest) -> list[str]:
    """Return the name under which a ranker's scores are stored, with the scoring model if that is another one."""
    return [f"{ranker}@{request.model}" if request.model is not None and ranker in BY_TEXT else ranker]


def _rank_model(run: _RankingRun, model: ModelRow, tallies: Sequence[TallyRow]) -> RankedModel | None:
    complete = frozenset(complete_problems(model, tallies))
    problems = [problem for problem in run.reader.problems(run.study.id) if problem.name in complete]
    if not problems:
        run.notes.append(f"{model.name}: not ranked, because no problem of it is complete.")
        return None
    evaluated = _evaluate(run, model, problems)
    greedy = next((other.id for other in run.reader.greedy(run.study.id) if other.greedy_of == model.id), None)
    own, its = ([row for row in tallies if row.model_id == of and row.problem in complete] for of in (model.id, greedy))
    return model_lines(model, own, its, evaluated, run.request)


def _evaluate(run: _RankingRun, model: ModelRow, problems: Sequence[ProblemRow]) -> dict[str, list[EvaluatedRanking]]:
    """Return the ranking of each problem by each ranker.

    Rankers that were not requested and lack evidence are left out.
    """
    sampling = run.reader.sampling(run.study.id)[model.id]
    facts = any(need_of(name) is Need.ANSWERS for name in run.names)
    evaluated: dict[str, list[EvaluatedRanking]] = {name: [] for name in run.names}
    for problem in problems:
        rows = run.reader.rankable(model.id, problem.id, facts=facts and run.request.tests is None)
        group = Group(model=model, problem=problem, sampling=sampling, rows=tuple(rows))
        for name in list(evaluated):
            ranked = _rank_if_possible(run, name, group, evaluated)
            if ranked is not None:
                evaluated[name].append(_evaluate_one(group, ranked))
    for name, of_problems in evaluated.items():
        if not of_problems:
            raise RankingError(
                f"{model.name}: no problem has selection tests for {name} to go by; choose another ranker"
            )
        if len(of_problems) < len(problems):
            run.notes.append(
                f"{name}: {len(of_problems)} of {len(problems)} problems of {model.name} have selection tests."
            )
    return evaluated


def _rank_if_possible(
    run: _RankingRun, name: str, group: Group, evaluated: dict[str, list[EvaluatedRanking]]
) -> Ranked | None:
    """Return the ranking; None if a ranker that was not requested lacks evidence, or no test uses the function."""
    try:
        ranked = _rank(run, name, group)
    except NoTestsWritten:
        ranked = Ranked(ranking=chance(group.entries))  # nothing tells the samples apart
        note = f"{name}: no test was generated for {group.problem.name}, so its samples are all equal."
        run.notes += [note] if note not in run.notes else []
    except NoSelection:
        return None
    except RankingError as error:
        if run.request.explicit:
            raise
        run.notes.append(f"{name} is left out for {group.model.name}: {error}.")
        del evaluated[name]
        return None
    if "@" not in name:
        _store(run, name, group, ranked)
    return ranked


def _store(run: _RankingRun, name: str, group: Group, ranked: Ranked) -> None:
    scores = ranked.ranking.scores if isinstance(ranked.ranking, Votes | ShortVotes) else ranked.ranking
    costs = ranked.rows or tuple(RankedRow(sample_id=row.id, value=0.0) for row in group.rows)
    rows = [
        RankedRow(
            sample_id=row.sample_id,
            value=float(score),
            seconds=row.seconds,
            prompt_flops=row.prompt_flops,
            flops=row.flops,
        )
        for row, score in zip(costs, scores, strict=True)
    ]
    run.store.add_ranked(_ranker(run, name), rows)


def _ranker(run: _RankingRun, name: str) -> int:
    if name not in run.ids:
        record = RankerRecord(study=run.study.id, name=name, digest=run.evidence.digest(name))
        run.ids[name] = run.store.open_ranker(record)
    return run.ids[name]


def _evaluate_one(group: Group, ranked: Ranked) -> EvaluatedRanking:
    selected = [row.selection == Verdict.PASSED for row in group.rows]
    return EvaluatedRanking(
        ranking=ranked.ranking, passed=np.array(group.passed), selected=np.array(selected), costs=ranked.rows
    )


class _Evidence:
    """What a ranker may ask of a group of samples; `rows` hold the costs of what it has asked for."""

    def __init__(self, run: _RankingRun, group: Group) -> None:
        self._run, self._group = run, group
        self.rows: tuple[RankedRow, ...] = ()

    @property
    def entries(self) -> list[Entry]:
        return self._group.entries

    def answers(self) -> list[Answers]:
        answers, seconds = self._run.evidence.answers(self._group)
        self.rows = _timed(self._group, seconds)
        return answers

    def passed(self) -> tuple[list[Sequence[bool]], Sequence[int]]:
        executed, generated = self._run.evidence.executed(self._group)
        self.rows = _timed(self._group, [one.cpu_s for one in executed])
        return [matching_answers(one.answered, generated.tests) for one in executed], generated.written

    def selected(self) -> list[bool]:
        if any(row.selection is None for row in self._group.rows):
            raise NoSelection(f"{self._group.problem.name} has no selection tests, or was scored without them")
        self.rows = _timed(self._group, [row.cpu_s for row in self._group.rows])
        return [row.selection == Verdict.PASSED for row in self._group.rows]

    def given(self) -> Scores:
        return external(self._group.entries, self._group.model.name, self._run.evidence.given)


def _rank(run: _RankingRun, name: str, group: Group) -> Ranked:
    if "@" in name:
        return _rank_by_text(run, name.partition("@")[0], group)
    evidence = _Evidence(run, group)
    ranking = rank_by(name, evidence)
    return Ranked(ranking=ranking, rows=evidence.rows)


def _timed(group: Group, seconds: Sequence[float]) -> tuple[RankedRow, ...]:
    pairs = zip(group.rows, seconds, strict=True)
    return tuple(RankedRow(sample_id=row.id, value=0.0, seconds=each) for row, each in pairs)


def _rank_by_text(run: _RankingRun, kind: str, group: Group) -> Ranked:
    """Rank by another model's scores, which are stored one by one: a mean and a sum for each sample."""
    model = run.request.model
    ids = {name: _ranker(run, f"{name}@{model}") for name in BY_TEXT}
    stored = {
        name: dict(run.reader.ranked(run.study.id, f"{name}@{model}", group.model.id, group.problem.id)) for name in ids
    }
    for row in group.rows:
        if all(row.id in known for known in stored.values()):
            continue
        one = run.evidence.score_completion(group, row)
        values = {
            "mean-logprob": one.sum_logprob / one.tokens if one.tokens else -np.inf,
            "sum-logprob": one.sum_logprob if one.tokens else -np.inf,
        }
        for name, value in values.items():
            made = RankedRow(
                sample_id=row.id, value=value, seconds=one.seconds, prompt_flops=one.prompt_flops, flops=one.flops
            )
            run.store.add_ranked(ids[name], [made])
            stored[name][row.id] = made
    run.store.flush()
    rows = tuple(stored[kind][row.id] for row in group.rows)
    return Ranked(ranking=np.array([row.value for row in rows]), rows=rows)
