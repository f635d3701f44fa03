"""Run a study: plan, sample, store, score, store.

The plan is what the study wants minus what the store holds, so a run after a crash and a run with more samples work
like a first run. Models of one place (this machine, or a server) are sampled one after the other, those of different
places at the same time, in a thread for each place. A model with several engines on a cluster is a place of its own,
which waits by itself until its nodes are free (`sampler.backends.replica_placement`). Every sample is stored at once,
and `Scoring` scores it from the store meanwhile. Engines and the sandbox are passed in as `Dependencies`; events are
sent as values to a subscriber.

Every fault of ours is recorded in the store and then raised as an exception. A crashed engine is restarted as long as
each restart yields samples. If a model cannot be sampled, the other models are still sampled, and then its error is
raised. An interrupt is no fault: after the first one no samples are requested, waiting programs are cancelled, and
running work finishes. A second one raises KeyboardInterrupt.
"""

from __future__ import annotations

import os
import platform
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, as_completed, wait
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from itertools import groupby

from sampler.backends.base import Backend, BackendError, EngineLost, Information, NotOpened
from sampler.costs import sample_flops
from sampler.running.early_stopping import after_look, next_round
from sampler.running.planning import TurnPlanner, first_requests, later_turn, requests
from sampler.running.progress import Goals, NodeWatch, Notice, Progress, Subscriber, Ticker, read_progress
from sampler.running.scoring import Executor, Scoring, ScoringJob
from sampler.store.reader import Reader, StoreError
from sampler.store.sample_readers import TurnReader
from sampler.store.write_models import OpenedModel, SampleRecord, StudyIds
from sampler.store.writer import Store
from sampler.study.problem_choice import choose_problems, choose_shots
from sampler.study.prompts import program_for
from sampler.study.spec import Study
from sampler.study.spec_models import ModelSpec
from sampler.study.strategies import StrategyKind
from sampler.values import STRIDE, ModelCard, Request, Sample, canonical_json, valid_text
from sandbox.extraction import Extracted
from sandbox.judging.judge import JUDGE_VERSION
from sandbox.problems import Problem
from sandbox.sanitize import first_few

AHEAD_PER_BOX = 4  # programs that wait for a box, so that none is ever idle
AHEAD_LEAST, AHEAD_OF_A_CLUSTER = 32, 4096
RESTARTS_IN_VAIN = 2  # engines in a row that were lost without a single sample
_Planned = tuple[ModelSpec, list[Request]]
_Lane = list[list[_Planned]]  # models of one place, each with its greedy companion
_Failures = dict[str, BackendError]  # by the model's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """How a run opens a model and a sandbox; `check` raises for a model that could not be opened.

    The run sets `ending` when it needs no further model: a backend that still waits to be opened raises NotOpened then.
    """

    check: Callable[[ModelSpec, Callable[[str], None]], None]  # the second hears what takes its time
    backend: Callable[[ModelSpec, Callable[[str], None]], Backend]  # the second hears of outages, on any thread
    executor: Callable[[Study], AbstractContextManager[Executor]]
    ending: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """How a run without an error ended, and what is missing if it is not complete."""

    interrupted: bool
    unsampled: int
    unscored: int

    @property
    def complete(self) -> bool:
        """Return whether every wanted sample is there and has a verdict."""
        return not self.unsampled and not self.unscored

    @property
    def status(self) -> str:
        """Return the store's word for the ending."""
        if self.complete:
            return "done"
        return "interrupted" if self.interrupted else "failed"

    @property
    def reason(self) -> str:
        """Return the reason as a line of text."""
        if self.complete:
            return "complete"
        how = "interrupted" if self.interrupted else "ended"
        return f"{how} with {self.unsampled} samples to draw, {self.unscored} to score; the same command continues"


class StudyRun:
    """One run of a study into its store."""

    def __init__(self, study: Study, store: Store, dependencies: Dependencies, tell: Subscriber) -> None:
        self._study = study
        self._store = store
        self._dependencies = dependencies
        self._tell = tell
        self._stop = threading.Event()
        dependencies.ending.clear()  # which an earlier run may have set
        self._broken = threading.Event()  # a fault ends the run, so the threads of other places end, too
        self._opened: set[Backend] = set()
        self._most = study.looks[0]  # samples of each problem up to the next look
        self._goals: Goals = {}
        self._drawn: Counter[frozenset[str]] = Counter()  # samples, by the models that share an engine

    def stop(self) -> None:
        """Request no more samples and finish running work; may be called from a signal handler."""
        self._stop.set()
        self._dependencies.ending.set()

    def __call__(self) -> RunEnd:
        """Run until nothing is missing; raises StoreError, SandboxError, BackendError or ProblemsError."""
        left_out: list[str] = []
        problems = choose_problems(self._study.problems, left_out.append)
        ids = self._store.open_study(self._study.record(problems))
        self._study, kept = self._study.as_stored(ids.limits)
        if kept:
            self._note(ids, "info", "sandbox", kept)
        for told in first_few(left_out):
            self._note(ids, "warning", "left_out", f"left out of the problems: {told}")
        planned = self._plan(ids, problems, self._study.looks[0])
        progress = self._progress(ids)
        if not planned and progress.scored >= progress.wanted and not self._study.spending.allot:
            return self._end(ids)
        for model in self._study.models if self._study.spending.bounded else [model for model, _ in planned]:
            self._dependencies.check(model, lambda message: self._note(ids, "info", "setup", message))
        self._store.begin_run(ids.study, versions=_versions())
        with self._recording_errors(ids), Ticker(self._store, ids.study, self._tell, lambda: self._goals):
            self._work(ids, problems, planned)
        return self._end(ids)

    def _plan(self, ids: StudyIds, problems: Sequence[Problem], most: int | None = None) -> list[_Planned]:
        """Return what is left to do, up to `most` samples of each problem (None: all, as far as this look goes)."""
        self._most = most or self._most
        held: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        with Reader(self._store.path) as reader:
            for row in reader.sample_keys(ids.study):
                held[row.model][row.problem].add(row.index)
        planned = []
        for whole in self._study.models:
            model = replace(whole, samples=min(whole.samples, self._most))
            asked = requests(model, problems, held[model.name], self._study.seed, self._shots(model))
            begun = model.sampling.strategy is not None and len(asked) < len(problems) * model.samples
            later, unfinished = self._later_turns(ids, model, problems) if begun else ([], False)
            if asked or later or unfinished:
                planned.append((model, asked + later))
        return planned + self._allotted(problems, held)

    def _allotted(self, problems: Sequence[Problem], held: Mapping[str, Mapping[str, set[int]]]) -> list[_Planned]:
        """Return what is left of the samples that a budget was allotted to."""
        planned = []
        for model in self._study.allotted:
            owner, goals = model.greedy_of or "", self._goals.get(model.greedy_of or "", {})
            both = {name: held[owner].get(name, set()) | held[model.name].get(name, set()) for name in goals}
            tried = [problem for problem in problems if problem.name in goals]
            goal = replace(model, samples=max(goals.values(), default=0))
            asked = requests(goal, tried, both, self._study.seed, self._shots(model))
            if asked:
                planned.append((model, asked))
        return planned

    def _later_turns(self, ids: StudyIds, model: ModelSpec, problems: Sequence[Problem]) -> tuple[list[Request], bool]:
        """Record the trees that have ended; return what is asked next, and whether any tree has not ended."""
        strategy = model.sampling.strategy
        if strategy is None:
            return [], False
        self._store.flush()
        firsts = first_requests(model, problems, self._study.seed)
        planner = TurnPlanner(model=model, strategy=strategy, limits=self._study.limits, firsts=firsts)
        with TurnReader(self._store.path) as reader:
            planned = planner.plan(reader, ids.models[model.name], {problem.name: problem for problem in problems})
        for tree in planned.ended:
            self._store.add_tree(tree)
        self._store.flush()
        return planned.requests, bool(planned.unfinished)

    def _shots(self, model: ModelSpec) -> tuple[Problem, ...]:
        return choose_shots(model.sampling.shots, self._study.problems)

    def _work(self, ids: StudyIds, problems: Sequence[Problem], planned: Sequence[_Planned]) -> None:
        by_name = {problem.name: problem for problem in problems}
        job = ScoringJob(
            store=self._store,
            study=ids.study,
            problems=by_name,
            limits=self._study.limits,
            chosen=self._study.chosen_limits,
            judge=JUDGE_VERSION,
            ahead=_ahead(self._study),
            tell_fault=lambda message: self._note(ids, "warning", "unscored", message),
        )
        with (
            self._dependencies.executor(self._study) as executor,
            NodeWatch(getattr(executor, "nodes", None), lambda *told: self._note(ids, *told)),
            Scoring(executor, job) as scoring,
        ):
            self._store.opened_executor(ids.study, executor.image)
            sample = partial(self._sample_in_turn, ids, by_name, scoring)
            while True:
                lanes = lanes_of(planned)
                failures = sample(lanes[0]) if len(lanes) == 1 else self._at_once(sample, lanes)
                if failures or not self._look_further(ids, scoring):
                    break
                planned = self._plan(ids, problems)
                if self._goals and not planned:  # what was tried has no verdict, because of a fault of ours
                    break
            scoring.finish(self._stop)
        if failures:
            raise _joined_error(failures)

    def _look_further(self, ids: StudyIds, scoring: Scoring) -> bool:
        """Look at a study that may stop early; return whether there is a further look to sample for."""
        if not self._study.spending.bounded or self._stopping:
            return False
        scoring.settle(lambda: self._stopping)
        if self._stopping:
            return False
        if self._study.spending.allot:
            return self._allot_further(ids)
        with Reader(self._store.path) as reader:
            following = after_look(reader, ids.study, self._study, self._most)
        if following.samples is None:
            if following.reason:
                self._store.limit_wanted(ids.study, self._most)
                message = f"{following.reason}: it ends with {self._most} samples of each problem"
                self._note(ids, "info", "look", message)
            return False
        self._most = following.samples
        return True

    def _allot_further(self, ids: StudyIds) -> bool:
        """Decide what is tried further within the study's budget; return whether anything is."""
        self._store.flush()
        with Reader(self._store.path) as reader:
            following = next_round(reader, ids.study, self._study)
        self._goals = following.goals
        if following.reason:
            self._note(ids, "info", "look", following.reason)
        for name, goals in following.goals.items():
            self._note(
                ids, "info", "look", f"{name}: {len(goals)} unsolved problems up to {max(goals.values())} samples"
            )
        self._progress(ids)
        return bool(following.goals)

    def _at_once(self, sample: Callable[[_Lane], _Failures], lanes: Sequence[_Lane]) -> _Failures:
        """Sample every lane in a thread of its own; return the models' failures, raise any other error."""
        with ThreadPoolExecutor(max_workers=max(1, len(lanes)), thread_name_prefix="sampling") as threads:
            begun = [threads.submit(sample, lane) for lane in lanes]
            try:
                wait(begun, return_when=FIRST_EXCEPTION)
            except BaseException:
                self._break_off()
                raise
            failures: _Failures = {}
            for lane in as_completed(begun):
                if lane.exception() is not None:
                    self._break_off()
                failures |= lane.result()
            return failures

    def _break_off(self) -> None:
        """Make the threads of all places end: no samples are requested, and those in flight are cancelled."""
        self._broken.set()
        self._dependencies.ending.set()
        for backend in tuple(self._opened):
            backend.close()

    def _sample_in_turn(self, ids: StudyIds, problems: dict[str, Problem], scoring: Scoring, lane: _Lane) -> _Failures:
        """Sample models one after the other; return the failures of those that could not be sampled to the end."""
        failures: _Failures = {}
        for group in lane:
            if self._stopping:
                break
            try:
                self._sample_to_the_end(ids, problems, group, scoring)
            except NotOpened:
                break
            except BackendError as error:  # the other models' work is not lost with this one's
                name = group[0][0].name
                failures[name] = error
                self._note(ids, "error", "model", f"{name}: {error}")
        return failures

    @property
    def _stopping(self) -> bool:
        return self._stop.is_set() or self._broken.is_set()

    def _sample_to_the_end(
        self, ids: StudyIds, problems: dict[str, Problem], group: list[_Planned], scoring: Scoring
    ) -> None:
        """Sample, with a new engine after each lost one, as long as each engine yields samples."""
        in_vain = 0
        names = frozenset(model.name for model, _ in group)
        while group:
            before = self._drawn[names]
            try:
                self._sample_with_one_engine(ids, problems, group, scoring)
                break
            except EngineLost as error:
                self._store.flush()
                left = [pair for pair in self._plan(ids, tuple(problems.values())) if pair[0].name in names]
                in_vain = in_vain + 1 if self._drawn[names] == before else 0
                if in_vain > RESTARTS_IN_VAIN or self._stopping:
                    raise
                self._note(ids, "warning", "engine", f"{group[0][0].name}: {error}; a fresh one takes over")
                group = left

    def _sample_with_one_engine(
        self, ids: StudyIds, problems: dict[str, Problem], group: Sequence[_Planned], scoring: Scoring
    ) -> None:
        """Draw the samples of a model, and those of its greedy companion."""

        def tell(message: str) -> None:
            level, kind = ("info", "engine") if isinstance(message, Information) else ("warning", "outage")
            self._note(ids, level, kind, f"{group[0][0].name}: {message}")

        with self._dependencies.backend(group[0][0], tell) as backend, self._listed(backend):
            for model, asked in group:
                told = backend.card
                card = told if model.architecture is None else replace(told, architecture=model.architecture)
                self._store.model_opened(OpenedModel(model_id=ids.models[model.name], card=card))
                count = _count([(model, asked)])
                self._note(ids, "info", "sampling", f"{model.name}: {count} samples, {card.engine}")
                if model.samples > 1 and not model.sampling.params.temperature and model.backend != "replay":
                    self._note(ids, "warning", "alike", _identical_samples_warning(model))
                self._tell_untested(ids, model, problems)
                drawn = frozenset(one.name for one, _ in group)
                turn: list[Request] | None = asked
                while turn is not None:
                    for record in self._draw(backend, card, (model, turn), ids, problems):
                        self._store.add_sample(record)
                        self._drawn[drawn] += 1
                        scoring.check()
                    turn = self._next_turn(ids, model, problems, scoring)

    def _next_turn(
        self, ids: StudyIds, model: ModelSpec, problems: Mapping[str, Problem], scoring: Scoring
    ) -> list[Request] | None:
        """Wait for the verdicts of a model's last turn; return what is asked next, None where nothing is."""
        if model.sampling.strategy is None or self._stopping:
            return None
        scoring.settle(lambda: self._stopping)
        return self._later_turns(ids, model, tuple(problems.values()))[0] or None

    def _draw(
        self, backend: Backend, card: ModelCard, planned: _Planned, ids: StudyIds, problems: dict[str, Problem]
    ) -> Iterator[SampleRecord]:
        """Yield the record of each sample as it arrives."""
        model, asked = planned
        drafts = {request.problem: request.prompt for request in asked if request.first < STRIDE}
        later = {(request.problem, request.first): request.prompt for request in asked if request.first >= STRIDE}
        for sample in backend.sample(self._until_stopped(asked), model.sampling.params):
            prompt = later.get((sample.problem, sample.index)) or drafts[sample.problem]
            clean = replace(sample, text=valid_text(sample.text))
            program = program_for(problems[sample.problem], prompt, clean.text)
            record = _record(ids, model.name, card, clean, program)
            form = None if model.backend == "replay" else prompt.form
            record = replace(record, prompt_form=form)
            if sample.index >= STRIDE and model.sampling.strategy is not None:
                record = later_turn(record, model.sampling.strategy, prompt)
            yield record

    def _tell_untested(self, ids: StudyIds, model: ModelSpec, problems: Mapping[str, Problem]) -> None:
        strategy = model.sampling.strategy
        untested = sum(problem.selected_by is None for problem in problems.values())
        if strategy is not None and strategy.kind is not StrategyKind.REVISE and untested:
            message = (
                f"{model.name}: {untested} of {len(problems)} problems have no public tests: drafts are answers there"
            )
            self._note(ids, "warning", "untested", f'{message}; [problems] selection = "examples" may make some')

    @contextmanager
    def _listed(self, backend: Backend) -> Iterator[None]:
        """Keep a backend among the open ones, so that it can be closed from another thread."""
        self._opened.add(backend)
        try:
            yield
        finally:
            self._opened.discard(backend)

    def _until_stopped(self, asked: Sequence[Request]) -> Iterator[Request]:
        for request in asked:
            if self._stopping:
                return
            yield request

    def _progress(self, ids: StudyIds) -> Progress:
        """Return and report the progress of the study, with everything recorded so far."""
        self._store.flush()
        with Reader(self._store.path) as reader:
            progress = read_progress(reader, ids.study, self._goals)
        self._tell(progress)
        return progress

    def _end(self, ids: StudyIds) -> RunEnd:
        progress = self._progress(ids)
        end = RunEnd(
            interrupted=self._stop.is_set(),
            unsampled=progress.wanted - progress.sampled,
            unscored=progress.sampled - progress.scored,
        )
        self._store.end_run(ids.study, end.status, end.reason)
        return end

    @contextmanager
    def _recording_errors(self, ids: StudyIds) -> Iterator[None]:
        """Record every error of the run in the store before it is raised again."""
        try:
            yield
        except KeyboardInterrupt:
            self._store.end_run(ids.study, "interrupted", "interrupted at once")
            raise
        except Exception as error:
            with suppress(StoreError):  # if it is the store that broke, the error itself says so
                self._store.add_event(ids.study, "error", "failed", str(error))
                self._store.end_run(ids.study, "failed", str(error))
            raise

    def _note(self, ids: StudyIds, level: str, kind: str, message: str) -> None:
        self._store.add_event(ids.study, level, kind, message)
        self._tell(Notice(level=level, kind=kind, message=message))


def _record(ids: StudyIds, model: str, card: ModelCard, sample: Sample, program: Extracted) -> SampleRecord:
    flops = sample_flops(card.architecture, sample)
    return SampleRecord(
        model_id=ids.models[model],
        problem_id=ids.problems[sample.problem],
        sample=sample,
        source=program.source,
        extraction=program.why,
        prompt_flops=None if flops is None else float(flops.prompt),
        decode_flops=None if flops is None else float(flops.decode),
        cached_flops=None if flops is None or flops.cached is None else float(flops.cached),
    )


def lanes_of(planned: Sequence[_Planned]) -> list[_Lane]:
    """Return the models by the place where they are sampled: this machine, a server, or engines of their own."""
    lanes: dict[str, _Lane] = {}
    for _, group in groupby(planned, key=lambda pair: pair[0].greedy_of or pair[0].name):
        together = list(group)
        lanes.setdefault(together[0][0].place, []).append(together)
    return list(lanes.values()) or [[]]


def _ahead(study: Study) -> int:
    """Return how many programs may wait; how many boxes a cluster has is not known before."""
    if study.cluster is not None:
        return AHEAD_OF_A_CLUSTER
    return max(AHEAD_LEAST, AHEAD_PER_BOX * (study.boxes or os.cpu_count() or 1))


def _identical_samples_warning(model: ModelSpec) -> str:
    return (
        f"{model.name}: at temperature 0 the {model.samples} samples of a problem are alike, and more of them bring "
        "nothing; raise the temperature, or ask for one (greedy = true has it beside the others)"
    )


def _count(planned: Sequence[_Planned]) -> int:
    return sum(request.count for _, asked in planned for request in asked)


def _joined_error(failures: dict[str, BackendError]) -> BackendError:
    """Return the error that ends the run, after everything possible is done."""
    if len(failures) == 1:
        return next(iter(failures.values()))
    return BackendError("; ".join(f"{name}: {error}" for name, error in failures.items()))


def _versions() -> str:
    return canonical_json({"codebudget": version("codebudget"), "python": platform.python_version()})
