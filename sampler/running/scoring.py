"""Score the samples of a store, while sampling goes on.

One thread follows the store: every sample without a verdict, from an earlier run or just stored, is sent to the
executor in the order of storing. At most `ahead` programs wait there, so a backlog of a million costs no memory, and a
stop cancels them. Verdicts arrive on the executor's threads and go to the store. A sample whose scoring failed by our
fault stays without a verdict, for the next run to score; many such faults in a row mean that the sandbox itself is
broken, and stop the study.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from sampler.store.read_models import PendingRow
from sampler.store.reader import Reader
from sampler.store.write_models import VerdictRecord
from sampler.store.writer import Store
from sandbox.errors import SandboxError
from sandbox.judging.explaining import explain, wrong_answer
from sandbox.judging.score_records import packed
from sandbox.problems import ChosenTests, Form, Problem
from sandbox.values import Limits, Program, Score, Verdict


class Executor(Protocol):
    """An open sandbox; its opener closes it, and a program that still waits then gets no score.

    A future raises `sandbox.errors.SandboxError` if the fault is ours: then there is no score. A cancelled future frees
    its place in the queue.
    """

    @property
    def image(self) -> str:
        """Return the name of the programs' image; it changes with its contents and is kept with the study."""

    def submit(self, program: Program) -> Future[Score]:
        """Execute and judge a program as soon as there is room; does not block, and any thread may call it."""


FAULTS_IN_A_ROW = 8  # then it is the sandbox that is broken, and not single runs
LOOK_SECONDS = 0.1  # how long a new sample, or a stop, may go unnoticed


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringJob:
    """What is scored, where its verdicts go, and how many programs may wait.

    A data set's own limits replace `limits`, but not those that are named in `chosen`.
    `tell_fault` is called for every fault of ours, `explain` for every sample that did not pass, with the reason.
    """

    store: Store
    study: int
    problems: Mapping[str, Problem]
    limits: Limits
    chosen: frozenset[str]
    judge: str
    ahead: int
    tell_fault: Callable[[str], None]
    explain: Callable[[PendingRow, str], None] | None = None


class Scoring:
    """Scores stored samples and stores their verdicts; leaving the context stops it."""

    def __init__(self, executor: Executor, job: ScoringJob) -> None:
        self._executor = executor
        self._job = job
        self._room = threading.Semaphore(job.ahead)
        self._changed = threading.Condition()
        self._in_flight: dict[Future[Score], int] = {}  # each with the id of its sample
        self._submitted = 0  # every sample with an id up to this one was submitted, or has a verdict
        self._faults = 0
        self._failure: BaseException | None = None
        self._complete = threading.Event()
        self._stopped = threading.Event()
        self._feeder = threading.Thread(target=self._feed, name="scoring", daemon=True)

    def check(self) -> None:
        """Raise the error that ended the scoring, if any."""
        if self._failure is not None:
            raise self._failure

    def finish(self, stop: threading.Event) -> None:
        """Wait until every sample of the store is scored or, after `stop`, cancelled."""
        self._job.store.flush()
        self._complete.set()
        while self._feeder.is_alive() or self._in_flight:
            self.check()
            if stop.is_set():
                self.stop()
            with self._changed:
                self._changed.wait(LOOK_SECONDS)
        self.check()

    def settle(self, stopping: Callable[[], bool]) -> None:
        """Wait until every sample that is stored now has a verdict, or has none because of our fault; or for a stop."""
        self._job.store.flush()
        with Reader(self._job.store.path) as reader:
            last = reader.last_sample()
        while not stopping():
            self.check()
            with self._changed:
                if self._submitted >= last and all(sample > last for sample in self._in_flight.values()):
                    break
                self._changed.wait(LOOK_SECONDS)
        self.check()
        self._job.store.flush()

    def stop(self) -> None:
        """Submit nothing more, and cancel the submitted programs; the next run scores them."""
        self._stopped.set()
        with self._changed:
            waiting = list(self._in_flight)
        for future in waiting:
            future.cancel()

    def __enter__(self) -> Self:
        self._feeder.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._feeder.join()
        self.stop()

    def _feed(self) -> None:
        try:
            for row in self._pending():
                while not self._room.acquire(timeout=LOOK_SECONDS):
                    if self._stopped.is_set():
                        return
                self._submit(row)
        except Exception as error:  # noqa: BLE001 - handed to the main thread, which raises it
            self._failure = error
        finally:
            with self._changed:
                self._changed.notify_all()

    def _pending(self) -> Iterator[PendingRow]:
        """Yield samples without a verdict, as they are stored.

        Ends when the store is complete and read to its end, or on stop.
        """
        cursor = 0
        with Reader(self._job.store.path) as reader:
            while not self._stopped.is_set():
                complete = self._complete.is_set()  # asked before looking: what is stored later is not overlooked
                top = reader.last_sample()
                rows = reader.pending(self._job.study, after=cursor)
                for row in rows:
                    if self._stopped.is_set():
                        return
                    cursor = row.id
                    yield row
                if not rows:
                    with self._changed:
                        self._submitted = top
                        self._changed.notify_all()
                    if complete:
                        return
                    self._stopped.wait(LOOK_SECONDS)

    def _submit(self, row: PendingRow) -> None:
        future = self._executor.submit(self._program(row))
        with self._changed:
            self._in_flight[future] = row.id
        future.add_done_callback(lambda done: self._arrived(row, done))

    def _arrived(self, row: PendingRow, done: Future[Score]) -> None:
        """Store a verdict on a thread of the executor; all exceptions are handled here, because they would be lost."""
        try:
            self._record(row, done)
        except Exception as error:  # noqa: BLE001 - handed to the main thread, which raises it
            self._failure = self._failure or error
        finally:
            self._room.release()
            with self._changed:
                self._in_flight.pop(done, None)
                self._changed.notify_all()

    def _record(self, row: PendingRow, done: Future[Score]) -> None:
        try:
            score = done.result()
        except CancelledError:
            return
        except SandboxError as error:
            self._fault(row, error)
            return
        self._faults = 0
        if self._job.explain is not None and score.verdict is not Verdict.PASSED:
            told = explain(score, self._limits(row), self._program(row))
            self._job.explain(row, f"{score.verdict}: {told}")
        self._job.store.add_verdict(
            VerdictRecord(
                model_id=row.model_id,
                problem_id=row.problem_id,
                index=row.index,
                score=score,
                facts=packed(score, self._limits(row)),
                judge=self._job.judge,
                reason=unstored_reason(score, self._job.problems[row.problem]),
            )
        )

    def _program(self, row: PendingRow) -> Program:
        return self._job.problems[row.problem].solve(row.source, ChosenTests.BOTH)

    def _limits(self, row: PendingRow) -> Limits:
        """Return the limits of a program: the study's, unless the data set has its own times."""
        return self._job.problems[row.problem].assumptions.limits(self._job.limits, self._job.chosen)

    def _fault(self, row: PendingRow, error: SandboxError) -> None:
        if self._stopped.is_set():
            return  # the executor is being closed over its programs
        with self._changed:
            self._faults += 1
            broken = self._faults >= FAULTS_IN_A_ROW
        self._job.tell_fault(f"sample {row.index} of {row.problem} was not scored: {error}")
        if broken:
            raise error


def unstored_reason(score: Score, problem: Problem) -> str | None:
    """Return what a wrong answer was, for tests that are data: the store does not hold them."""
    return wrong_answer(score, problem.checked_by) if problem.form in {Form.CALLS, Form.DATA} else None
