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
from functools import partial
from typing import TypeVar

from sandbox.boxes.pool import Pool, PoolTask, WorkerBoxes
from sandbox.cluster.pool import ClusterPool
from sandbox.serving.bodies import Refused
from sandbox.serving.metrics import Metrics
from sandbox.serving.tasks import RunTask, ScoreTask, Timed, submit_elsewhere

T = TypeVar("T")
FULL = 429
_SMOOTH = 0.05  # the share of the newest program in the mean time of one
_FIRST_S = 0.01  # before any program has run
_LONGEST_RETRY_S = 60


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
            assert isinstance(task, RunTask | ScoreTask)  # noqa: S101  (all that a server asks)
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
        said = _outcome(outcome, future)
        with self._lock:
            self._waiting -= 1
            if not future.cancelled() and future.exception() is None:
                timed = future.result()
                self._mean_s += _SMOOTH * (timed.run_s - self._mean_s)
                self._metrics.took("sandbox_queue_seconds", timed.queue_s)
                self._metrics.took("sandbox_run_seconds", timed.run_s)
        self._metrics.count("sandbox_programs_total", outcome=said)


def _outcome(outcome: Callable[[T], str], future: Future[Timed[T]]) -> str:
    try:
        return outcome(future.result().came)
    except CancelledError:
        return "cancelled"
    except Exception:  # noqa: BLE001  (the caller gets the exception; here it is counted)
        return "unscored"
