"""Score programs: run them in a pool and judge the runs."""

from __future__ import annotations

import contextlib
import math
import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sandbox.boxes import isolation_cache
from sandbox.boxes.box_supply import MAX_BOXES, PoolSpec
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import USUAL, Outfit, ensure_image
from sandbox.boxes.pool import Pool, PoolTask, WorkerBoxes
from sandbox.judging import judge
from sandbox.judging.merged_tests import Joined, join, seen_by_judge, seen_by_selection
from sandbox.scoring.collect_answers import PATIENCE, Answered, ask
from sandbox.scoring.grader_tests import GRADER_WALL_S, Rooms, grade
from sandbox.scoring.recording import Plan, Recordings, UngradableTests
from sandbox.scoring.references import Reference, References
from sandbox.scoring.separate_visits import ask_afresh, ask_on
from sandbox.values import (
    MANY,
    MAX_ANSWERS_BYTES,
    STAGES,
    AnswerLimits,
    AskedCalls,
    Assumptions,
    CallList,
    CallTests,
    CheckTests,
    Isolation,
    Job,
    Limits,
    Program,
    ReferenceTests,
    Run,
    Score,
    StdinTests,
    Verdict,
    changed,
)

GRADER_CPU_S = 30.0
GRADER_ANSWERS = AnswerLimits(size=MAX_ANSWERS_BYTES, items=12_000_000)
RUNNER_PAYS = 3  # cases; a runner costs 2 ms more than a visit does, and saves 0.6 ms and the compiling for each case
CHEAP_CPU_S = 0.01
REFERENCE_TIMES = 4  # a program may take so many times as long as the data set's own (EvalPlus's factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How programs are tested.

    With `every_case`, a program goes on after a failed case, so that partial credit can be counted. With `fresh`, each
    call is answered by its own process, which loads the program anew and holds no other call. `outfit` names the Python
    and the packages of the image. `kept` is a directory where the answers of reference programs outlive this process.
    `isolation` says how programs are kept apart, `runtime` which container runtime the engine uses (None: its default).
    A data set's own times replace the limits that are not `chosen`, up to `longest_s` seconds.
    """

    every_case: bool = False
    fresh: bool = False
    outfit: Outfit = USUAL
    kept: Path | None = None
    isolation: Isolation = Isolation.FORK
    runtime: str | None = None
    chosen: frozenset[str] = frozenset()
    longest_s: float = math.inf

    @property
    def text(self) -> str:
        """Return the options that can change a verdict, in one line."""
        outfit = f"{self.outfit.python} {','.join(self.outfit.packages)}"
        chosen = "".join(f" {name}" for name in sorted(self.chosen & {"cpu_s", "wall_s"}))
        return f"{self.every_case} {self.fresh} {outfit} {self.isolation} {self.runtime}{chosen}"


@dataclass(frozen=True, slots=True)
class _Stages:
    """Calls, and how many of them are asked at each stage."""

    calls: CallList
    counts: tuple[int, ...]


class Scorer:
    """Scores programs in a pool's boxes."""

    def __init__(self, pool: Pool, manner: Manner | None = None) -> None:
        self._pool, self._manner = pool, manner or Manner()
        self._recordings = Recordings()
        self._references = References(self._manner.kept)
        self._joined: dict[tuple[str, str], Joined] = {}

    @property
    def limits(self) -> Limits:
        """Return the limits of each program."""
        return self._pool.spec.limits

    def limits_for(self, assumptions: Assumptions) -> Limits:
        """Return the limits of a program whose data set has these assumptions."""
        return assumptions.limits(self.limits, self._manner.chosen | changed(self.limits), self._manner.longest_s)

    @property
    def image(self) -> str:
        """Return the box image's reference."""
        return self._pool.spec.image

    def submit(self, program: Program, stdin: bytes = b"") -> Future[Score]:
        """Submit a program; return a future of its score, which can be cancelled.

        The future raises a SandboxError if the program could not be judged by our fault. A program above the size
        limits is judged without a visit.
        """
        asked = self.task(program, stdin)
        if isinstance(asked, Score):
            scored: Future[Score] = Future()
            scored.set_result(asked)
            return scored
        return self._pool.submit_task(asked)

    def task(self, program: Program, stdin: bytes = b"") -> PoolTask[Score] | Score:
        """Return the task that `submit` passes to the pool, or the score if no visit is needed.

        It is for callers that submit to the pool themselves.
        """
        try:
            job = Job(
                program=program,
                stdin=stdin,
                limits=self.limits_for(program.assumptions),
                fresh=self._manner.fresh,
                isolation=self._manner.isolation,
            )
        except ValueError as error:
            return judge.too_large(str(error), program, self.limits_for(program.assumptions))
        return lambda boxes: self._examine(job, boxes)

    def ask(
        self, program: Program, tests: CallTests, *, cpu_s: float | None = None, patience: int = PATIENCE
    ) -> Future[Answered]:
        """Submit a program; return a future of its answers to the calls of `tests`, without a verdict.

        The program's own tests are not run. `cpu_s` limits the CPU seconds of all calls together (None: the usual
        limit). The future raises as that of `submit`.
        """
        limits = self.limits_for(program.assumptions)
        try:
            job = Job(
                program=replace(program, tests=tests, selection=None),
                limits=replace(limits, cpu_s=cpu_s or limits.cpu_s),
                fresh=self._manner.fresh,
                isolation=self._manner.isolation,
            )
        except ValueError:  # larger than anything we take, so it is not executed
            silent: Future[Answered] = Future()
            silent.set_result(Answered(answers=(None,) * len(tests.cases), cpu_s=0.0, wall_s=0.0, visits=0))
            return silent
        return self._pool.submit_task(lambda boxes: ask(job, tests, boxes.run, patience))

    def _examine(self, job: Job, boxes: WorkerBoxes) -> Score:
        """Run and judge a job on the worker's thread.

        If both sets of tests are calls, they share one visit. No input is run twice.
        """
        tests, selection = job.program.tests, job.program.selection
        if selection is None:
            return self._examine_one(job, boxes)
        if isinstance(tests, CallTests | ReferenceTests) and isinstance(selection, CallTests | ReferenceTests):
            whole, part = (self._expected(either, job, boxes) for either in (tests, selection))
            return self._examine_joined(job, whole, part, boxes)
        known: dict[tuple[bytes, Limits], Run] = {}
        selecting = replace(job, program=replace(job.program, tests=selection, selection=None))
        selected = self._examine_one(selecting, boxes, known)
        return replace(self._examine_one(job, boxes, known), selection=selected)

    def _examine_one(self, job: Job, boxes: WorkerBoxes, known: dict[tuple[bytes, Limits], Run] | None = None) -> Score:
        match job.program.tests:
            case CallTests() | ReferenceTests() as tests:
                return self._examine_called(job, self._expected(tests, job, boxes), boxes)
            case StdinTests() as tests:
                return self._examine_printed(job, tests, boxes, {} if known is None else known)
            case CheckTests() as tests:
                return self._examine_graded(job, tests, boxes)
            case _:
                return judge.score(boxes.run(job), job.program, job.limits)

    def _expected(self, tests: CallTests | ReferenceTests, job: Job, boxes: WorkerBoxes) -> Reference:
        """Return the tests with expected answers; if they have none, ask the data set's own program."""
        if isinstance(tests, ReferenceTests):
            return self._references.of(tests, partial(self._grader, boxes, job.program.assumptions))
        return Reference(tests=tests, cpu_s=0.0, size=0)

    def _examine_called(self, job: Job, reference: Reference, boxes: WorkerBoxes) -> Score:
        """Score calls; if a reference gave the answers, a program may take some multiple of the reference's time."""
        tests, job = reference.tests, _in_proportion(job, reference)
        stages = self._stages(tests.calls, reference.cpu_s)
        run = self._asked(job, stages, lambda run: judge.has_failed(run, tests), boxes)
        return _scored(run, job, tests)

    def _examine_joined(self, job: Job, whole: Reference, part: Reference, boxes: WorkerBoxes) -> Score:
        """Score two sets of calls, asked in one visit and judged apart."""
        key = part.tests.source, whole.tests.source
        joined = self._joined.get(key) or self._joined.setdefault(key, join(part.tests, whole.tests))

        def failed(run: Run) -> bool:
            return judge.has_failed(seen_by_judge(run, joined), joined.judge)

        job = _in_proportion(job, whole)
        run = self._asked(job, self._stages(joined.calls, whole.cpu_s), failed, boxes)
        selected = _scored(seen_by_selection(run, joined), job, part.tests)
        return replace(_scored(seen_by_judge(run, joined), job, joined.judge), selection=selected)

    def _stages(self, calls: CallList, cpu_s: float) -> _Stages:
        """Split many calls into stages that begin with the first few: most wrong programs fail there already.

        `cpu_s` is the reference's CPU time for all calls, 0 if there is no reference. If it is less than the cost of a
        visit, the second stage would cost passing programs more than it saves on failing ones.
        """
        stages = len(calls) - calls.apart >= MANY and not self._manner.every_case
        few = STAGES[:1] if 0 < cpu_s < CHEAP_CPU_S else STAGES
        counts = [calls.apart + more for more in few] if stages else []
        return _Stages(calls, (*counts, len(calls)))

    def _asked(self, job: Job, stages: _Stages, failed: Callable[[Run], bool], boxes: WorkerBoxes) -> Run:
        """Return the run of the last stage, or of the first stage that fails.

        If calls are fresh, or have their own time limits, it is one run merged from several visits.
        """
        calls, each = stages.calls, job.program.assumptions.time_per_test
        left_s = job.limits.tests_wall_s(len(calls)) if each else job.limits.sample_wall_s
        if self._manner.fresh:

            def enough(run: Run) -> bool:
                return len(run.answers) >= calls.apart and not self._manner.every_case and failed(run)

            return ask_afresh(job, calls.singly(), boxes.run, enough, left_s)
        for count in stages.counts:
            if each:
                run = ask_on(job, calls, count, boxes.run, left_s)
                left_s -= run.wall_s - run.waited_s
            else:
                run = boxes.run(replace(job, program=replace(job.program, tests=calls.first(count), selection=None)))
            if not run.proved or failed(run):
                break
        return run

    def _examine_printed(
        self, job: Job, tests: StdinTests, boxes: WorkerBoxes, known: dict[tuple[bytes, Limits], Run]
    ) -> Score:
        """Score a whole program: one process per case, in an order that no program can foresee.

        Most of these processes are forked from code that was compiled once. `known` are runs by their inputs and
        limits; new runs are added to it.
        """
        script = replace(job.program, tests=None, selection=None)
        order = list(range(len(tests.cases)))
        random.Random(f"{tests.source}{job.program.source}").shuffle(order)  # repeatable, no secret
        runs: dict[int, Run] = {}
        with boxes.repeating():
            for place, number in enumerate(order):
                case, repeat = tests.cases[number], self._repeats(place, len(order))
                asked = case.stdin, job.limits.with_room_for(case.expected)
                if asked not in known:
                    stdin, limits = asked
                    known[asked] = boxes.run(replace(job, program=script, stdin=stdin, limits=limits, repeat=repeat))
                runs[number] = known[asked]
                if not self._manner.every_case and not judge.printed_right(runs[number], tests, number):
                    break
        return judge.score_printed(runs, tests, job.limits)

    def _repeats(self, place: int, cases: int) -> bool:
        """Return whether keeping the compiled program in the box saves time.

        It is not for the first case, where most wrong programs stop, and not for a few cases.
        """
        if self._manner.isolation is not Isolation.FORK:
            return False
        first = 0 if self._manner.every_case else 1
        return place >= first and cases - first >= RUNNER_PAYS

    def _examine_graded(self, job: Job, tests: CheckTests, boxes: WorkerBoxes) -> Score:
        """Score by tests that are code: the candidate answers in its box, and the tests run in the grader box."""
        try:
            plan = self._plan(job.program, tests, boxes)
        except UngradableTests:  # a property of the problem: its tests have to stand beside the program
            beside = replace(job.program, tests=tests.source, selection=None)
            return judge.score(boxes.run(replace(job, program=beside)), beside, job.limits)
        run, graded = grade(job.program, tests, plan, self._rooms(job, boxes))
        return judge.score(run, job.program, job.limits, graded)

    def _plan(self, program: Program, tests: CheckTests, boxes: WorkerBoxes) -> Plan:
        """Return the calls that the tests will make; a data set's own solution has a grader's limits in every box."""
        solution = replace(program, source=tests.solution or "", tests=tests, selection=None)
        own = Job(program=solution, limits=self._grader_limits, answers=GRADER_ANSWERS)

        def passes(plan: Plan) -> bool:
            run, graded = grade(solution, tests, plan, self._rooms(own, boxes))
            return judge.judge(run, solution, graded) is Verdict.PASSED

        def passes_beside() -> bool:
            return boxes.run(replace(own, program=replace(solution, tests=tests.source))).proved

        return self._recordings.plan(tests, partial(self._grader, boxes, program.assumptions), passes, passes_beside)

    def _rooms(self, job: Job, boxes: WorkerBoxes) -> Rooms:
        def candidate(program: Program, wall_s: float) -> Run:
            if job.fresh and isinstance(program.tests, AskedCalls):
                return ask_afresh(
                    replace(job, program=program), program.tests.singly(), boxes.run, lambda _: False, wall_s
                )
            limits = replace(job.limits, wall_s=min(job.limits.wall_s, wall_s))
            return boxes.run(replace(job, program=program, limits=limits))

        return Rooms(candidate, partial(self._grader, boxes, job.program.assumptions), job.limits)

    def _grader(
        self, boxes: WorkerBoxes, assumptions: Assumptions, program: Program, wall_s: float = GRADER_WALL_S
    ) -> Run:
        """Run a data set's own code in the worker's grader box, with generous limits of time.

        The box's own walls hold, and the code may assume what programs may.
        """
        program = replace(program, assumptions=assumptions.of_the_interpreter)
        limits = replace(self._grader_limits, wall_s=wall_s)
        return boxes.grade(Job(program=program, limits=limits, answers=GRADER_ANSWERS))

    @property
    def _grader_limits(self) -> Limits:
        return replace(self.limits, cpu_s=GRADER_CPU_S, wall_s=GRADER_WALL_S)

    def score(self, program: Program, stdin: bytes = b"") -> Score:
        """Score one program and wait for the result."""
        return self.submit(program, stdin).result()


def _scored(run: Run, job: Job, tests: CallTests) -> Score:
    scored = judge.score(run, replace(job.program, tests=tests, selection=None), job.limits)
    return replace(scored, tests=tests)


def _in_proportion(job: Job, reference: Reference) -> Job:
    """Return the job with time limits that are at least some multiple of the reference's CPU time."""
    limits = replace(
        job.limits,
        cpu_s=max(job.limits.cpu_s, REFERENCE_TIMES * reference.cpu_s),
        wall_s=max(job.limits.wall_s, 2 * REFERENCE_TIMES * reference.cpu_s),
    )
    return replace(job, limits=limits)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


@contextlib.contextmanager
def open_scorer(
    limits: Limits,
    *,
    boxes: int | None = None,
    manner: Manner | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Scorer]:
    """Open a scorer with `boxes` warm boxes (None: one per core); build the box image if it is missing or stale.

    Raises a SandboxError (no engine, no image) before anything is scored; leaves no container behind.
    """
    manner = manner or Manner()
    with open_pool(limits, boxes=boxes, runtime=manner.runtime, outfit=manner.outfit, say=say) as pool:
        yield Scorer(pool, manner)


@contextlib.contextmanager
def open_pool(
    limits: Limits,
    *,
    boxes: int | None = None,
    runtime: str | None = None,
    outfit: Outfit = USUAL,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Pool]:
    """Open the pool of such a scorer, for callers that also submit other tasks to it.

    Raises ValueError for no boxes.
    """
    if boxes is not None and not 1 <= boxes <= MAX_BOXES:
        raise ValueError(f"boxes must be between 1 and {MAX_BOXES} (left out: one for each core), not {boxes}")
    with contextlib.closing(DockerClient()) as engine:
        engine.require_runtime(runtime)
        image = ensure_image(engine, outfit, say=say)
        spec = PoolSpec(
            image=image,
            limits=limits,
            boxes=usable_cores() if boxes is None else boxes,
            runtime=runtime,
            proofs=isolation_cache.usual_directory(),
        )
        with Pool(engine, spec) as pool:
            yield pool
