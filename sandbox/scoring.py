"""Scoring: programs in, verdicts out. Ties the pool and the judge together for everyone who wants no more than that."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace

from sandbox import judge
from sandbox.engine import Engine
from sandbox.grading import Recordings, Reference, References, Rooms, UngradableTests, Visit, grade
from sandbox.image import ensure_image
from sandbox.pool import Pool, PoolSpec, Slot
from sandbox.values import CheckTests, Job, Limits, Program, ReferenceTests, Run, Score, StdinTests, Verdict

GRADER_CPU_S, GRADER_WALL_S, GRADER_ANSWERS_MB = 30.0, 60.0, 128
REFERENCE_TIMES = 4  # a program may take so many times as long as the data set's own (EvalPlus's factor)


class Scorer:
    """Scores programs in a pool's boxes."""

    def __init__(self, pool: Pool, *, every_case: bool = False) -> None:
        """With `every_case`, a program goes on after a case that failed, so that partial credit can be counted."""
        self._pool, self._every_case = pool, every_case
        self._recordings = Recordings()
        self._references = References()

    @property
    def limits(self) -> Limits:
        """What each program may use."""
        return self._pool.spec.limits

    @property
    def image(self) -> str:
        """The box image's reference."""
        return self._pool.spec.image

    def submit(self, program: Program, stdin: bytes = b"") -> Future[Score]:
        """A future that holds the score; cancelling it gives the program's place back.

        It raises a SandboxError when the program was not judged by our fault. A program larger than anything we take is
        judged without a visit.
        """
        try:
            job = Job(program=program, stdin=stdin, limits=self.limits)
        except ValueError as error:
            scored: Future[Score] = Future()
            scored.set_result(judge.too_large(str(error), program, self.limits))
            return scored
        return self._pool.converse(lambda slot: self._examine(job, slot))

    def _examine(self, job: Job, slot: Slot) -> Score:
        """Runs and judges on the slot's thread."""
        match job.program.tests:
            case ReferenceTests() as tests:
                return self._examine_referred(job, self._references.of(tests, self._grader(slot)), slot)
            case StdinTests() as tests:
                return self._examine_printed(job, tests, slot)
            case CheckTests() as tests:
                return self._examine_graded(job, tests, slot)
            case _:
                return judge.score(slot.run(job), job.program, job.limits)

    def _examine_referred(self, job: Job, reference: Reference, slot: Slot) -> Score:
        """Calls whose answers the reference gives; they may be many, so a program has some multiple of its time and room.

        A program that fails a stage is asked no more; to pass, it has to answer everything in one visit.
        """
        limits = replace(
            job.limits,
            cpu_s=max(job.limits.cpu_s, REFERENCE_TIMES * reference.cpu_s),
            wall_s=max(job.limits.wall_s, 2 * REFERENCE_TIMES * reference.cpu_s),
        )
        job = replace(job, limits=limits, answers_mb=job.answers_mb + (2 * reference.size >> 20))
        for tests in reference.stages[-1:] if self._every_case else reference.stages:
            asked = replace(job.program, tests=tests)
            scored = judge.score(slot.run(replace(job, program=asked)), asked, limits)
            if scored.verdict is not Verdict.PASSED:
                break
        return replace(scored, tests=reference.tests)

    def _examine_printed(self, job: Job, tests: StdinTests, slot: Slot) -> Score:
        """A process for each case, in an order that no program can foresee from its place in the file."""
        script = Program(source=job.program.source)
        order = list(range(len(tests.cases)))
        random.Random(f"{tests.source}{job.program.source}").shuffle(order)  # noqa: S311  (repeatable, no secret)
        runs: dict[int, Run] = {}
        for number in order:
            runs[number] = slot.run(Job(program=script, stdin=tests.cases[number].stdin, limits=job.limits))
            if not self._every_case and not judge.printed_right(runs[number], tests, number):
                break
        return judge.score_printed(runs, tests, job.limits)

    def _examine_graded(self, job: Job, tests: CheckTests, slot: Slot) -> Score:
        """The candidate answers in its box, the tests run in the grader's."""
        rooms = Rooms(
            candidate=lambda program: slot.run(Job(program=program, limits=self.limits)),
            grader=self._grader(slot),
        )
        try:
            run, graded = grade(job.program.source, tests, rooms, self._recordings)
        except UngradableTests:  # a property of the problem: its tests have to stand beside the program
            beside = Program(source=job.program.source, tests=tests.source)
            return judge.score(slot.run(replace(job, program=beside)), beside, job.limits)
        return judge.score(run, job.program, job.limits, graded)

    def _grader(self, slot: Slot) -> Visit:
        """The slot's grader box. A data set's code has all the time that it needs; the walls are the boxes' own."""
        limits = replace(self.limits, cpu_s=GRADER_CPU_S, wall_s=GRADER_WALL_S)
        return lambda program: slot.grade(Job(program=program, limits=limits, answers_mb=GRADER_ANSWERS_MB))

    def score(self, program: Program, stdin: bytes = b"") -> Score:
        """One program, waited for."""
        return self.submit(program, stdin).result()


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


@contextlib.contextmanager
def open_scorer(
    limits: Limits, *, boxes: int | None = None, runtime: str | None = None, say: Callable[[str], None] = lambda _: None
) -> Iterator[Scorer]:
    """A scorer with `boxes` warm boxes (one per core if not given); builds the box image when it is missing or stale.

    Raises a SandboxError (no engine, no image) before anything is scored; leaves no container behind.
    """
    with contextlib.closing(Engine()) as engine:
        image = ensure_image(engine, say=say)
        spec = PoolSpec(image=image, limits=limits, boxes=boxes or usable_cores(), runtime=runtime)
        with Pool(engine, spec) as pool:
            yield Scorer(pool)
