"""Score or judge again the samples of a store, without its study's engines.

An imported study has no study file: every sample without a verdict is executed. After a change of the judge or of the
problems' tests, the facts that the store keeps are judged again, and no program runs.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field

from sampler.running.progress import Notice, Progress, Subscriber, Ticker, read_progress
from sampler.running.run import AHEAD_LEAST, AHEAD_PER_BOX, RunEnd
from sampler.running.scoring import Executor, Scoring, ScoringJob, unstored_reason
from sampler.store.import_statements import BACKEND
from sampler.store.read_models import JudgedRow, PendingRow, StudyRow
from sampler.store.reader import Reader, StoreError
from sampler.store.write_models import JudgementRecord, problems_digest
from sampler.store.writer import Store
from sampler.study.problem_choice import choose_problems
from sampler.study.spec import Study, StudySandbox, stored_sandbox
from sandbox.judging.judge import JUDGE_VERSION
from sandbox.judging.score_records import FactsError, NotEnough, Unreadable, rejudge, unpack
from sandbox.problems import ChosenTests, Problem
from sandbox.scoring.references import References
from sandbox.values import Limits, Score


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredScoring:
    """Which study is scored, where its problems are now (None: unchanged), and in which sandbox.

    `explain` is called with a line for each sample that did not pass: its model, problem and index, its verdict, and
    the reason.
    """

    study: StudyRow
    problems: str | None
    executor: Callable[[Limits], AbstractContextManager[Executor]]
    boxes: int | None
    explain: Callable[[str], None] | None = None


def score_stored(request: StoredScoring, store: Store, tell: Subscriber, stop: threading.Event) -> RunEnd:
    """Score the samples without a verdict; raises StoreError, ProblemsError or SandboxError."""
    study = request.study.id
    with Reader(store.path) as reader:
        _refuse_drawn(reader, request.study)
        sandbox = stored_sandbox(reader.limits(study))
        problems, limits = _problems(reader, request, sandbox), sandbox.limits
        waiting = bool(reader.pending(study, limit=1))
    if waiting:
        store.begin_run(study)
        try:
            _score(request, store, tell, stop, (problems, limits))
        except BaseException as error:
            with suppress(StoreError):
                store.end_run(study, "failed", str(error) or "interrupted at once")
            raise
    end = _end(request.study, store, tell, stop)
    store.end_run(study, end.status, end.reason)
    return end


def _score(
    request: StoredScoring,
    store: Store,
    tell: Subscriber,
    stop: threading.Event,
    given: tuple[dict[str, Problem], Limits],
) -> None:
    problems, limits = given

    def note(message: str) -> None:
        store.add_event(request.study.id, "warning", "unscored", message)
        tell(Notice(level="warning", kind="unscored", message=message))

    job = ScoringJob(
        store=store,
        study=request.study.id,
        problems=problems,
        limits=limits,
        chosen=frozenset(),  # nothing sets the limits of an imported study
        judge=JUDGE_VERSION,
        ahead=max(AHEAD_LEAST, AHEAD_PER_BOX * (request.boxes or os.cpu_count() or 1)),
        tell_fault=note,
        explain=_explaining(request, store),
    )
    with Ticker(store, request.study.id, tell), request.executor(limits) as executor, Scoring(executor, job) as scoring:
        store.opened_executor(request.study.id, executor.image)
        scoring.finish(stop)


def _explaining(request: StoredScoring, store: Store) -> Callable[[PendingRow, str], None] | None:
    tell = request.explain
    if tell is None:
        return None
    with Reader(store.path) as reader:
        names = {model.id: model.name for model in reader.models(request.study.id)}
    return lambda row, why: tell(f"{names.get(row.model_id, '?')} {row.problem} #{row.index}: {why}")


def _refuse_drawn(reader: Reader, study: StudyRow) -> None:
    """Raise an error for a study with a study file: that may ask for another sandbox, so `sampler run` scores it."""
    drawn = [model.name for model in reader.models(study.id) if model.backend != BACKEND]
    if drawn:
        raise StoreError(
            f"study {study.name!r} was made by `sampler run` (model {drawn[0]!r} is none that was imported); "
            "`sampler run` with its study file scores it"
        )


def _problems(reader: Reader, request: StoredScoring, sandbox: StudySandbox) -> dict[str, Problem]:
    """Return the study's problems; raises StoreError if they are not those that its samples were made for."""
    source = request.problems or request.study.problems_source
    names = tuple(reader.problem_names(request.study.id))  # chosen when the study was made; other rows are no matter
    chosen = choose_problems(sandbox.problems_of(source, names=names))
    if problems_digest(chosen) != request.study.problems_digest:
        raise StoreError(
            f"the problems of {source!r} are not those of study {request.study.name!r}: a prompt or a test has "
            "changed; give the right ones with --problems"
        )
    return {problem.name: problem for problem in chosen}


def _end(study: StudyRow, store: Store, tell: Subscriber, stop: threading.Event) -> RunEnd:
    """Return how the run ended; imported models lack no samples, because their files hold all of them."""
    store.flush()
    with Reader(store.path) as reader:
        progress: Progress = read_progress(reader, study.id)
        unscored = sum(row.sampled - row.scored for row in reader.tallies(study.id))
    tell(progress)
    return RunEnd(interrupted=stop.is_set(), unsampled=0, unscored=unscored)


# Judging what a store holds again, from the facts it keeps: after a change of the judge or of the problems' tests.
#
# No box.
#
# A judgement that comes out as it was is left alone; another one becomes a new row beside the old one, and the sums
# move over. Killed half-way, the same command does the rest.

_SHOWN = 5


@dataclass(slots=True)
class Rejudged:
    """How many verdicts were judged again, which changed (from, to), and which could not be made again."""

    looked_at: int = 0
    changed: Counter[tuple[str, str]] = field(default_factory=Counter)
    without_facts: int = 0
    unreadable: list[str] = field(default_factory=list)  # the samples whose facts cannot be read

    @property
    def line(self) -> str:
        """Return a line for people."""
        moved = ", ".join(f"{n} from {old} to {new}" for (old, new), n in self.changed.most_common())
        kept = f"; {self.without_facts} carry too few facts and stay as they were" if self.without_facts else ""
        kept += f"; the facts of {_named(self.unreadable)} cannot be read: score them again" if self.unreadable else ""
        return (
            f"judge {JUDGE_VERSION}: {self.looked_at} verdicts looked at, {self.changed.total()} changed"
            f"{': ' if moved else ''}{moved}{kept}"
        )


def _named(samples: list[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = len(samples) - _SHOWN
    return ", ".join(samples[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def rejudge_study(study: Study, store: Store, references: References) -> Rejudged:
    """Judge every sample of a study again.

    A row whose facts cannot be read stays as it is. Raises StoreError, ProblemsError, FactsError (facts of other tests)
    or ReferenceFailed (answers that are not kept here).
    """
    problems = choose_problems(study.problems)
    id_ = store.retest_study(study.record(problems))
    by_name = {problem.name: problem for problem in problems}
    done = Rejudged()
    with Reader(store.path) as reader:
        for row in _rows(reader, id_):
            done.looked_at += 1
            if row.facts is None:
                done.without_facts += 1
                continue
            try:
                score = _rejudged(row, by_name, references)
            except Unreadable:
                done.unreadable.append(f"sample {row.index} of {row.problem}")
                continue
            except NotEnough:
                done.without_facts += 1
                continue
            selection = score.selection and score.selection.verdict.value
            if (score.verdict.value, selection) != (row.verdict, row.selection):
                reason = unstored_reason(score, by_name[row.problem])
                store.add_judgement(JudgementRecord(verdict_id=row.id, score=score, judge=JUDGE_VERSION, reason=reason))
                done.changed[row.verdict, score.verdict.value] += 1
    store.add_event(id_, "info", "rejudged", done.line)
    store.flush()
    return done


def _rows(reader: Reader, study: int) -> Iterator[JudgedRow]:
    """Yield every latest verdict at the time of the call, without judgements that are added meanwhile."""
    cursor, last = 0, reader.last_verdict()
    while rows := reader.judged(study, after=cursor, last=last):
        yield from rows
        cursor = rows[-1].id


def _rejudged(row: JudgedRow, problems: Mapping[str, Problem], references: References) -> Score:
    tests, selection = problems[row.problem].tests_for(ChosenTests.BOTH)
    try:
        facts = unpack(row.facts or b"")
        return rejudge(facts, references.without_box(tests), selection and references.without_box(selection))
    except (NotEnough, Unreadable):
        raise
    except FactsError as error:
        raise FactsError(f"sample {row.index} of {row.problem}: {error}") from error
