"""Queue programs for a box: a limited number, timed and counted.

When a client gives up, its tasks are cancelled: they wait no more, make no further visit to a box, and leave their
present box.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from sandbox.boxes.pool import Pool, PoolTask, WorkerBoxes
from sandbox.cluster.pool import ClusterPool
from sandbox.scoring.compiler import Executed, execute
from sandbox.scoring.scorefile import score_fields
from sandbox.scoring.scorer import Scorer
from sandbox.serving.bodies import Refused
from sandbox.serving.metrics import Metrics
from sandbox.values import Job, Limits, Program, Score

T = TypeVar("T")
FULL = 429
_SMOOTH = 0.05  # the share of the newest program in the mean time of one
_FIRST_S = 0.01  # before any program has run
_LONGEST_RETRY_S = 60


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
    scorer: Scorer | None = None  # on this machine

    def __call__(self, boxes: WorkerBoxes, /) -> Executed:
        """Compile and run the program in these boxes."""
        if self.scorer is None:
            raise TypeError("a job for a cluster was given to boxes of this machine")
        return execute(self.scorer.compiler, self.job, self.compile_s, boxes)

    def submit(self, pool: ClusterPool) -> Future[Executed]:
        """Submit the job to a cluster; return a future of its run."""
        return pool.execute(self.job, self.compile_s)

    def read(self, executed: Executed) -> tuple[Executed, float]:
        """Return what the cluster answered, and how many seconds that took in a box."""
        compiled_s = 0.0 if executed.compilation is None else executed.compilation.run.wall_s
        return executed, compiled_s + (0.0 if executed.run is None else executed.run.wall_s)


@dataclass(frozen=True, slots=True)
class ScoreTask:
    """Scores a program, and returns the score as a row."""

    program: Program
    limits: Limits
    asked: PoolTask[Score] | Score | None = None  # of a scorer, on this machine

    def __call__(self, boxes: WorkerBoxes, /) -> dict[str, Any]:
        """Score the program in these boxes; return its row of the answer."""
        if self.asked is None:
            raise TypeError("a program for a cluster was given to boxes of this machine")
        return self._row(self.asked if isinstance(self.asked, Score) else self.asked(boxes))

    def submit(self, pool: ClusterPool) -> Future[Score]:
        """Submit the program to a cluster; return a future of its score."""
        return pool.submit(self.program, limits=self.limits)

    def read(self, score: Score) -> tuple[dict[str, Any], float]:
        """Return what the cluster answered, and how many seconds that took in a box."""
        return self._row(score), score.run.wall_s

    def _row(self, score: Score) -> dict[str, Any]:
        return score_fields(score, self.program, self.limits)


def submit_elsewhere(
    task: RunTask | ScoreTask, pool: ClusterPool, clock: Callable[[], float] = time.monotonic
) -> Future[Timed[Any]]:
    """Submit a task to a cluster; its queue time is what its program did not spend in a box."""
    asked_at, came = clock(), Future[Timed[Any]]()
    there: Future[Any] = task.submit(pool)

    def arrived(done: Future[Any]) -> None:
        if not came.set_running_or_notify_cancel():
            return
        error = CancelledError() if done.cancelled() else done.exception()
        if error is not None:
            came.set_exception(error)
            return
        result, run_s = task.read(done.result())
        came.set_result(Timed(came=result, queue_s=max(0.0, clock() - asked_at - run_s), run_s=run_s))

    came.add_done_callback(lambda done: there.cancel() if done.cancelled() else None)
    there.add_done_callback(arrived)
    return came


class AdmissionQueue:
    """Submits tasks to a pool, at most `room` at a time; safe to call from any thread."""

    def __init__(
        self, pool: Pool | ClusterPool, metrics: Metrics, room: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool, self._metrics, self._clock = pool, metrics, clock
        self.room = room
        self._lock = threading.Lock()
        self._waiting = 0
        self._mean_s = _FIRST_S

    @property
    def waiting(self) -> int:
        """Return how many tasks wait for a box or are in one."""
        return self._waiting

    def ask(
        self, tasks: Sequence[PoolTask[T]], outcome: Callable[[T], str], full: int = FULL
    ) -> list[Future[Timed[T]]]:
        """Return a future for each task; if there is no room for all, raise Refused with the status `full`.

        `outcome` names the result, for the counts.
        """
        self._take(len(tasks), full)
        futures = []
        for task in tasks:
            future = self._submit(task)
            future.add_done_callback(partial(self._finished, outcome))
            futures.append(future)
        return futures

    def _submit(self, task: PoolTask[T]) -> Future[Timed[T]]:
        if isinstance(self._pool, ClusterPool):
            if not isinstance(task, RunTask | ScoreTask):
                raise TypeError(f"a cluster cannot be asked for {task!r}")
            return submit_elsewhere(task, self._pool, self._clock)
        return self._pool.submit_task(partial(self._timed, task, self._clock()))

    def cancel(self, future: Future[Timed[T]]) -> None:
        """Cancel the tasks that are not finished."""
        if not future.done():
            self._pool.cancel(future)

    def _take(self, places: int, full: int) -> None:
        with self._lock:
            if self._waiting + places > self.room:
                boxes = max(1, self._pool.boxes)
                seconds = math.ceil(min(self._waiting * self._mean_s / boxes, _LONGEST_RETRY_S))
                raise Refused(
                    full, f"{self._waiting} programs wait and {self.room} may; come again later", max(1, seconds)
                )
            self._waiting += places

    def _timed(self, task: PoolTask[T], asked: float, boxes: WorkerBoxes) -> Timed[T]:
        began = self._clock()
        came = task(boxes)
        return Timed(came=came, queue_s=began - asked, run_s=self._clock() - began)

    def _finished(self, outcome: Callable[[T], str], future: Future[Timed[T]]) -> None:
        result = _outcome(outcome, future)
        with self._lock:
            self._waiting -= 1
            if not future.cancelled() and future.exception() is None:
                timed = future.result()
                self._mean_s += _SMOOTH * (timed.run_s - self._mean_s)
                self._metrics.took("sandbox_queue_seconds", timed.queue_s)
                self._metrics.took("sandbox_run_seconds", timed.run_s)
        self._metrics.count("sandbox_programs_total", outcome=result)


def _outcome(outcome: Callable[[T], str], future: Future[Timed[T]]) -> str:
    try:
        return outcome(future.result().came)
    except CancelledError:
        return "cancelled"
    except Exception:  # noqa: BLE001  (the caller gets the exception; here it is counted)
        return "unscored"
