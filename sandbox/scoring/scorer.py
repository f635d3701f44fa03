"""Score programs in a pool, each by the strategy for its kind of tests.

`Scorer.strategies` is the one table of kinds; a new kind needs a type of tests, a strategy and a line there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import fields, replace
from types import NoneType
from typing import Any

from sandbox.boxes import isolation_check
from sandbox.boxes.box_supply import MAX_BOXES, PoolSpec
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import USUAL, ImageSpec, ensure_image
from sandbox.boxes.pool import Pool, PoolTask, Suspended, WorkerBoxes
from sandbox.judging import judge
from sandbox.scoring.call_tests import CallStrategy, are_calls
from sandbox.scoring.collect_answers import PATIENCE, ProgramAnswers, collect_answers
from sandbox.scoring.compiler import Compiler, LanguageVisits, Translated, scaled
from sandbox.scoring.grader_tests import GraderStrategy, score_in_process
from sandbox.scoring.interactive_tests import InteractiveStrategy
from sandbox.scoring.language_tests import LanguageStrategy
from sandbox.scoring.references import References
from sandbox.scoring.stdin_tests import score_printed, score_with_others
from sandbox.scoring.strategy import ScoringOptions, Strategy, Visits
from sandbox.scoring.testlib_programs import TestlibPrograms
from sandbox.values import (
    PYTHON,
    Assumptions,
    CallTests,
    CheckTests,
    InteractiveTests,
    Job,
    LanguageTests,
    Limits,
    Program,
    ReferenceTests,
    Score,
    StdinTests,
    changed,
)


class Scorer:
    """Scores programs in the boxes of `pool`. `strategies` is the table that says how, for each type of tests."""

    def __init__(self, pool: Pool, options: ScoringOptions | None = None) -> None:
        self.pool, self.options = pool, options or ScoringOptions()
        self.compiler = Compiler(pool)
        self._calls = CallStrategy(References(self.options.kept))
        self._programs = TestlibPrograms(self.compiler)
        self.strategies: Mapping[type, Strategy] = {
            CallTests: self._calls,
            ReferenceTests: self._calls,
            StdinTests: score_printed,
            InteractiveTests: InteractiveStrategy(self._programs),
            CheckTests: GraderStrategy(),
            LanguageTests: LanguageStrategy(self.compiler),
            str: score_in_process,
            NoneType: score_in_process,
        }

    @property
    def limits(self) -> Limits:
        """Return the limits of each program."""
        return self.pool.spec.limits

    def limits_for(self, assumptions: Assumptions) -> Limits:
        """Return the limits of a program whose data set has these assumptions."""
        return assumptions.limits(self.limits, self.options.chosen | changed(self.limits), self.options.longest_s)

    @property
    def boxes(self) -> int:
        """Return how many programs may run at a time."""
        return self.pool.spec.boxes

    @property
    def image(self) -> str:
        """Return the box image's reference."""
        return self.pool.spec.image

    def submit(
        self, program: Program, stdin: bytes = b"", *, every_case: bool = False, limits: Limits | None = None
    ) -> Future[Score]:
        """Submit a program; return a future of its score, which can be cancelled.

        With `every_case`, or with the option of that name, the program goes on after a failed case. `limits` replace
        all others.

        The future raises a SandboxError if the program could not be judged because of a fault of ours. A program above
        the size limits is judged without a visit.
        """
        asked = self._job(program, stdin, every_case=every_case, limits=limits)
        if isinstance(asked, Score):
            scored: Future[Score] = Future()
            scored.set_result(asked)
            return scored
        job, options = asked
        return self.pool.submit_task(lambda boxes: self._begin(job, self._visits(boxes, options)))

    def cancel(self, future: Future[Any]) -> None:
        """Cancel what was submitted: it does not begin, or its program is ended soon."""
        self.pool.cancel(future)

    def task(self, program: Program, *, limits: Limits | None = None) -> PoolTask[Score] | Score:
        """Return the task that `submit` passes to the pool, or the score if no visit is needed.

        It is for callers that submit to the pool themselves.
        """
        asked = self._job(program, b"", every_case=False, limits=limits)
        if isinstance(asked, Score):
            return asked
        job, options = asked
        return lambda boxes: self._score(job, self._visits(boxes, options))

    def _visits(self, boxes: WorkerBoxes, options: ScoringOptions) -> Visits:
        return Visits(boxes=boxes, limits=self.limits, options=options, checker_programs=self._programs.ask)

    def _job(
        self, program: Program, stdin: bytes, *, every_case: bool, limits: Limits | None
    ) -> tuple[Job, ScoringOptions] | Score:
        """Return the job of a program with its options, or the score if no visit is needed."""
        try:
            job = Job(
                program=program,
                stdin=stdin,
                limits=limits or scaled(self.limits_for(program.assumptions), program.language),
                fresh=self.options.fresh,
                isolation=self.options.isolation,
            )
        except ValueError as error:
            return judge.too_large(str(error), program, limits or self.limits_for(program.assumptions))
        return job, replace(self.options, every_case=every_case or self.options.every_case)

    def ask(
        self, program: Program, tests: CallTests, *, cpu_s: float | None = None, patience: int = PATIENCE
    ) -> Future[ProgramAnswers]:
        """Submit a program; return a future of its answers to the calls of `tests`, without a verdict.

        The program's own tests are not run. `cpu_s` limits the CPU seconds of all calls together (None: the usual
        limit). The future raises as that of `submit`.
        """
        limits = self.limits_for(program.assumptions)
        try:
            job = Job(
                program=replace(program, tests=tests, selection=None),
                limits=replace(limits, cpu_s=cpu_s or limits.cpu_s),
                fresh=self.options.fresh,
                isolation=self.options.isolation,
            )
        except ValueError:  # larger than anything we take, so it is not executed
            silent: Future[ProgramAnswers] = Future()
            silent.set_result(ProgramAnswers(answers=(None,) * len(tests.cases), cpu_s=0.0, wall_s=0.0, visits=0))
            return silent
        return self.pool.submit_task(lambda boxes: collect_answers(job, tests, boxes.run, patience))

    def _begin(self, job: Job, visits: Visits) -> Score | Suspended[Score]:
        """Score a job; where a checker decides, it may wait for other programs that need the same one."""
        program = job.program
        checked = type(program.tests) is StdinTests and program.tests.checker is not None
        if checked and program.selection is None and program.language == PYTHON:
            return score_with_others(job, visits)
        return self._score(job, visits)

    def _score(self, job: Job, visits: Visits) -> Score:
        """Score a job on the worker's thread: by its tests and, apart from that, by its selection tests.

        If both sets of tests are calls, they share one visit. No input is run twice.
        """
        if job.program.language == PYTHON:
            return self._score_by(job, visits)
        translated = Translated(self.compiler, job.program)  # compiled once for all of its tests
        shared = {item.name: getattr(visits, item.name) for item in fields(visits)}
        score = self._score_by(job, LanguageVisits(**shared, translated=translated))
        return replace(score, compilation=translated.compilation)

    def _score_by(self, job: Job, visits: Visits) -> Score:
        tests, selection = job.program.tests, job.program.selection
        if selection is None:
            return self.strategies[type(tests)](job, visits)
        if are_calls(tests) and are_calls(selection):
            return self._calls.both(job, visits)
        selecting = replace(job, program=replace(job.program, tests=selection, selection=None))
        selected = self.strategies[type(selection)](selecting, visits)
        return replace(self.strategies[type(tests)](job, visits), selection=selected)

    def score(self, program: Program, stdin: bytes = b"") -> Score:
        """Score one program and wait for the result."""
        return self.submit(program, stdin).result()


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


@contextlib.contextmanager
def open_scorer(
    limits: Limits,
    *,
    boxes: int | None = None,
    options: ScoringOptions | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Scorer]:
    """Open a scorer with `boxes` warm boxes (None: one per core); build the box image if it is missing or stale.

    Raises a SandboxError (no engine, no image) before anything is scored; leaves no container behind.
    """
    options = options or ScoringOptions()
    with open_pool(limits, boxes=boxes, runtime=options.runtime, image_spec=options.image_spec, say=say) as pool:
        yield Scorer(pool, options)


@contextlib.contextmanager
def open_pool(
    limits: Limits,
    *,
    boxes: int | None = None,
    runtime: str | None = None,
    image_spec: ImageSpec = USUAL,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Pool]:
    """Open the pool of such a scorer, for callers that also submit other tasks to it.

    Raises ValueError for no boxes.
    """
    if boxes is not None and not 1 <= boxes <= MAX_BOXES:
        raise ValueError(f"boxes must be between 1 and {MAX_BOXES} (left out: one for each core), not {boxes}")
    with contextlib.closing(DockerClient()) as engine:
        engine.require_runtime(runtime)
        image = ensure_image(engine, image_spec, say=say)
        spec = PoolSpec(
            image=image,
            limits=limits,
            boxes=usable_cores() if boxes is None else boxes,
            runtime=runtime,
            proofs=isolation_check.usual_directory(),
        )
        with Pool(engine, spec, say=say) as pool:
            yield pool
