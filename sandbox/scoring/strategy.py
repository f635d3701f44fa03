"""Define what a strategy is given: the options of scoring, and the boxes that it may visit.

A strategy scores a program by one kind of tests. `sandbox.scoring` describes the whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from sandbox.boxes.box_supply import CANDIDATE, BoxRole
from sandbox.boxes.conversation import Partner
from sandbox.boxes.image import USUAL, ImageSpec
from sandbox.boxes.pool import GRADER, WorkerBoxes
from sandbox.values import (
    MAX_ANSWERS_BYTES,
    Answer,
    AnswerLimits,
    CallTest,
    Checker,
    Isolation,
    Job,
    Limits,
    Program,
    Run,
    Score,
)

T = TypeVar("T")
GRADER_CPU_S, GRADER_WALL_S = 30.0, 60.0
GRADER_ANSWERS = AnswerLimits(size=MAX_ANSWERS_BYTES, items=12_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringOptions:
    """How programs are tested.

    With `every_case`, a program goes on after a failed case, so that partial credit can be counted. With `fresh`, each
    call is answered by its own process, which loads the program anew and holds no other call. `image_spec` names the
    Python and the packages of the image. `kept` is a directory where the answers of reference programs outlive this
    process. `isolation` says how programs are kept apart, `runtime` which container runtime the engine uses (None: its
    default). A data set's own times replace the limits that are not `chosen`, up to `longest_s` seconds.
    """

    every_case: bool = False
    fresh: bool = False
    image_spec: ImageSpec = USUAL
    kept: Path | None = None
    isolation: Isolation = Isolation.FORK
    runtime: str | None = None
    chosen: frozenset[str] = frozenset()
    longest_s: float = math.inf

    @property
    def text(self) -> str:
        """Return the options that can change a verdict, in one line."""
        image = f"{self.image_spec.python} {','.join(self.image_spec.packages)}"
        chosen = "".join(f" {name}" for name in sorted(self.chosen & {"cpu_s", "wall_s"}))
        return f"{self.every_case} {self.fresh} {image} {self.isolation} {self.runtime}{chosen}"


CheckerPrograms = Callable[[Checker, Sequence[CallTest], WorkerBoxes], tuple[Answer, ...]]


def _no_programs(checker: Checker, _calls: Sequence[CallTest], _boxes: WorkerBoxes) -> tuple[Answer, ...]:
    raise TypeError(f"nothing runs checkers in {checker.language} here")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """The visits that a strategy may make for one program, all on the thread that owns the boxes.

    `limits` are the limits of the pool. `printed` are the program's runs without tests, by their input and limits: both
    sets of tests of a program share them, so that no input is run twice. `checker_programs` asks checkers in other
    languages than Python (`testlib_programs`).

    Every visit raises a SandboxError if the program cannot be judged because of a fault of ours.
    """

    boxes: WorkerBoxes
    limits: Limits
    options: ScoringOptions
    printed: dict[tuple[bytes, Limits], Run] = field(default_factory=dict)
    checker_programs: CheckerPrograms = _no_programs

    def candidate(self, job: Job) -> Run:
        """Run a job in the candidate's box, under the job's own limits."""
        return self.boxes.run(job)

    def talking(self, job: Job, partner: Partner) -> Run:
        """Run a job in the candidate's box while it talks with a partner in another one."""
        return self.boxes.converse(CANDIDATE, job, partner)

    def repeating(self) -> AbstractContextManager[None]:
        """Run jobs with `repeat` in the candidate's box within this context (see `WorkerBoxes.repeating`)."""
        return self.boxes.repeating()

    def other(self, role: BoxRole, job: Job) -> Run:
        """Run a job in another box of this thread, for instance one that compiles, or one with another image."""
        return self.boxes.visit(role, job)

    def grader(self, program: Program, job: Job, wall_s: float = GRADER_WALL_S, cpu_s: float = GRADER_CPU_S) -> Run:
        """Run code of the data set in the grader box, which never holds a candidate's code.

        `job` is the candidate's: the data set's code may assume what its programs may. It has generous limits of time.
        """
        program = replace(program, assumptions=job.program.assumptions.of_the_interpreter)
        limits = replace(self.grader_limits, wall_s=wall_s, cpu_s=cpu_s)
        return self.boxes.visit(GRADER, Job(program=program, limits=limits, answers=GRADER_ANSWERS))

    @property
    def grader_limits(self) -> Limits:
        """Return the limits of the data set's own code."""
        return replace(self.limits, cpu_s=GRADER_CPU_S, wall_s=GRADER_WALL_S)


Strategy = Callable[[Job, Visits], Score]


def tests_of(job: Job, kind: type[T]) -> T:
    """Return the tests of a job; raises TypeError if they are not of the kind that a strategy is for."""
    if not isinstance(job.program.tests, kind):
        raise TypeError(f"a strategy for {kind.__name__} was given {type(job.program.tests).__name__}")
    return job.program.tests
