"""What a request asks of the boxes: to run a job, or to score a program, on this machine or on a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sandbox.boxes.pool import WorkerBoxes
from sandbox.cluster.pool import ClusterPool
from sandbox.scoring.compiling import Executed, execute
from sandbox.scoring.scorefile import score_fields
from sandbox.scoring.scorer import Scorer
from sandbox.values import Job, Limits, Program, Run, Score

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed(Generic[T]):
    """A result, how long its task waited for a box, and how long it was in one."""

    came: T
    queue_s: float
    run_s: float


@dataclass(frozen=True, slots=True)
class RunTask:
    """Runs a job, and compiles its program first where that is needed; `compile_s` limits that."""

    job: Job
    compile_s: float
    scorer: Scorer | ClusterPool

    def __call__(self, boxes: WorkerBoxes, /) -> Executed:
        """Do it in these boxes."""
        assert isinstance(self.scorer, Scorer)  # noqa: S101  (else `submit` is called)
        return execute(self.scorer.compiler, self.job, self.compile_s, boxes)

    def submit(self, pool: ClusterPool) -> Future[Run]:
        """Ask a cluster."""
        return pool.run(self.job)

    def read(self, run: Run) -> tuple[Executed, float]:
        """Return what the cluster answered, and how many seconds that took in a box."""
        return Executed(run=run), run.wall_s


@dataclass(frozen=True, slots=True)
class ScoreTask:
    """Scores a program, and returns the score as a row."""

    scorer: Scorer | ClusterPool
    program: Program
    limits: Limits

    def __call__(self, boxes: WorkerBoxes, /) -> dict[str, Any]:
        """Do it in these boxes."""
        assert isinstance(self.scorer, Scorer)  # noqa: S101  (else `submit` is called)
        asked = self.scorer.task(self.program, limits=self.limits)
        return self._row(asked if isinstance(asked, Score) else asked(boxes))

    def submit(self, pool: ClusterPool) -> Future[Score]:
        """Ask a cluster."""
        return pool.submit(self.program)

    def read(self, score: Score) -> tuple[dict[str, Any], float]:
        """Return what the cluster answered, and how many seconds that took in a box."""
        return self._row(score), score.run.wall_s

    def _row(self, score: Score) -> dict[str, Any]:
        return score_fields(score, self.program, self.limits)


def submit_elsewhere(
    task: RunTask | ScoreTask, pool: ClusterPool, clock: Callable[[], float] = time.monotonic
) -> Future[Timed[Any]]:
    """Ask a cluster; what a program did not spend in a box, it has waited."""
    asked, came = clock(), Future[Timed[Any]]()
    there: Future[Any] = task.submit(pool)

    def arrived(done: Future[Any]) -> None:
        if not came.set_running_or_notify_cancel():
            return
        try:
            result, run_s = task.read(done.result())
            came.set_result(Timed(came=result, queue_s=max(0.0, clock() - asked - run_s), run_s=run_s))
        except (Exception, CancelledError) as error:  # noqa: BLE001  (the future hands it on)
            came.set_exception(error)

    came.add_done_callback(lambda done: there.cancel() if done.cancelled() else None)
    there.add_done_callback(arrived)
    return came
