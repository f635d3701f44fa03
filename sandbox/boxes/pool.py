"""Run jobs in a pool of warm boxes: one box for each core, and one thread for each box.

A job goes to any free box. A box that is lost or not proved clean is removed; a spare takes its place (`box_supply`). A
job whose box was lost is tried again in another one. If the cause came from outside (a removed container, a restarted
engine), it is tried up to `PATIENCE` times. If the boxes of a program die or fall silent from within twice, and another
box then runs an honest program, the program is judged: breaking boxes brings no retries.

While the engine does not answer, every waiting job gets the exception, and none gets a verdict. A program that waited
for a core until its time was over gets none either. The box adds that waiting time to the program's time
(`inside/deadline.py`), but only up to a limit.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import tenacity

from sandbox.boxes.box import GRACE_S, Box
from sandbox.boxes.box_supply import (
    CANDIDATE,
    BoxRole,
    BoxSupply,
    PinnedBox,
    PoolSpec,
    Refusal,
    refuse_other_boxes,
    refuse_other_process,
)
from sandbox.boxes.conversation import Partner, ResidentSession, Session, converse
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ImageSpec, ensure_image
from sandbox.boxes.ownership import Cores, allowed_cores
from sandbox.errors import (
    LACKING,
    BoxLost,
    EngineUnavailable,
    MachineBusy,
    OutOfResources,
    SandboxError,
    TaskCancelled,
)
from sandbox.judging import judge
from sandbox.values import Ending, Flag, Job, Limits, Program, Run

T = TypeVar("T")
PATIENCE_S = 60.0
DEATHS_FROM_WITHIN = 2
MOST_TOGETHER = 16  # tasks that wait to be answered together
MOST_OTHERS = 4  # boxes of other languages that a thread keeps open
CANCELLED = "this program was cancelled"
CANCELLED_S = 2.0  # how long a cancelled visit may go on; a new box costs about as much
RECOVERY_S = 1.0  # between two questions whether an engine is back
FIRST_WAIT_S = 0.05  # before a job whose box was lost is tried again; then longer
HONEST = Job(program=Program(source=""))


GRADER = BoxRole("grader")  # runs code of the data set; never holds a candidate's code


class WorkerBoxes:
    """The boxes of one thread, one for each role: the candidate's is open, the others are opened when first needed.

    A box that is lost or not proved clean is replaced here.
    """

    def __init__(self, pool: Pool, core: int, box: Box) -> None:
        self._pool, self._core = pool, core
        self._boxes = {CANDIDATE: PinnedBox(core, box)}
        self.cancelled = threading.Event()
        self._resident = ResidentSession()

    def run(self, job: Job) -> Run:
        """Run a candidate's job in one visit; raises MachineBusy if it waited for a core until the end."""
        return self.visit(CANDIDATE, job)

    def visit(self, role: BoxRole, job: Job) -> Run:
        """Run a job in the box of a role; raises MachineBusy as `run` does."""
        return _not_starved(self._pool.visit(self._pinned(role), job, self.cancelled), job.limits)

    def session(self, job: Job) -> Session | None:
        """Return a program that stays in the grader box until that is visited; None the first time it is asked for."""
        return self._resident.session(job, lambda: self._pool.box_for(self._pinned(GRADER), job))

    def end_session(self) -> None:
        """End the program that stays in the grader box, if there is one."""
        self._resident.end()

    def _pinned(self, role: BoxRole) -> PinnedBox:
        if role == GRADER:
            self.end_session()
        if role not in self._boxes:
            self._pool.close_oldest(self._boxes)
            self._boxes[role] = PinnedBox(self._core, role=role)
        elif role.commands is not None:  # the last one used is the last in order
            self._boxes[role] = self._boxes.pop(role)
        return self._boxes[role]

    def converse(self, role: BoxRole, job: Job, partner: Partner) -> Run:
        """Run a job in the box of a role while it talks with its partner; raises MachineBusy as `run` does.

        The partner's run is in `partner.run`, unless the candidate broke its boxes: then there is none.
        """
        pinned, other = self._pinned(role), self._pinned(partner.role)
        partner.run = None
        run = _not_starved(self._pool.converse((pinned, job), (other, partner), self.cancelled), job.limits)
        if partner.run is not None:
            _not_starved(partner.run, partner.job.limits)
        return run

    @contextlib.contextmanager
    def repeating(self) -> Iterator[None]:
        """Run jobs of one program with `repeat` within this context; at its end the box must be clean again."""
        try:
            yield
        finally:
            pinned = self._boxes.get(CANDIDATE)
            if pinned is not None and pinned.box is not None:
                pinned.box.release_program()

    def abort(self) -> None:
        """Remove the boxes during a visit; the next visit gets new ones. Safe to call from any thread."""
        for pinned in tuple(self._boxes.values()):
            box = pinned.box
            if box is not None:
                box.abort()


@dataclass(frozen=True, slots=True)
class Suspended(Generic[T]):
    """What a task returns that waits for something which costs less for several tasks at once.

    `together` takes the requests of all such tasks of a thread and returns an answer for each, None where a task has to
    see to it alone. `go_on` takes the answer and returns what the task returns, or waits again. A task waits only while
    others are queued, and must have left the candidate's box free for them.
    """

    request: Any
    together: Callable[[WorkerBoxes, Sequence[Any]], Sequence[Any]]
    go_on: Callable[[Any], T | Suspended[T]]


PoolTask = Callable[[WorkerBoxes], T]
SteppedTask = Callable[[WorkerBoxes], T | Suspended[T]]


@dataclass(slots=True)
class _Deaths:
    """Counts the boxes that have died from within during one job; `run` says how the job is run in a box."""

    run: Callable[[Box, Job], Run]
    count: int = 0


@dataclass(slots=True)
class _QueuedTask(Generic[T]):
    task: SteppedTask[T]
    future: Future[T]
    cancelled: threading.Event = field(default_factory=threading.Event)


_Waiting = list[tuple[_QueuedTask[Any], Suspended[Any]]]


class Pool:
    """Runs jobs in warm boxes. A context manager: leaving it removes every container of the pool."""

    def __init__(self, engine: DockerClient, spec: PoolSpec, *, say: Callable[[str], None] = lambda _: None) -> None:
        """Open all boxes; raises a SandboxError and leaves nothing behind if one does not open.

        `say` is called when an image is built.
        """
        self.spec = spec
        self._engine, self._say = engine, say
        self._images: dict[ImageSpec, str] = {}
        self._images_lock = threading.Lock()
        self._queue: queue.SimpleQueue[_QueuedTask[Any] | None] = queue.SimpleQueue()
        self._failure: SandboxError | None = None
        self._running: dict[Future[Any], WorkerBoxes] = {}
        self._suspended: dict[Future[Any], threading.Event] = {}  # how to cancel tasks that wait for an answer
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._asked_engine = 0.0  # when the engine was last asked whether it is back
        self._supply = BoxSupply(engine, spec)
        ready = self._supply.first_boxes()
        self._submitted = 0
        self._cores = Cores(spec.boxes, allowed_cores(self._supply.cores))
        self._workers = [
            threading.Thread(target=self._work, args=(box, core), name=f"box-{number}", daemon=True)
            for number, (box, core) in enumerate(zip(ready, self._cores.chosen, strict=True))
        ]
        for worker in self._workers:
            worker.start()

    @property
    def limits(self) -> Limits:
        """Return the limits of each program."""
        return self.spec.limits

    @property
    def boxes(self) -> int:
        """Return how many programs run at a time."""
        return self.spec.boxes

    @property
    def failure(self) -> SandboxError | None:
        """Return why nothing runs; None while the pool works. See `recover`."""
        return self._failure

    def recover(self) -> bool:
        """Return whether the pool works, or works again because the engine answers again."""
        with self._lock:
            ask = self._failure is not None and time.monotonic() - self._asked_engine > RECOVERY_S
            if ask:
                self._asked_engine = time.monotonic()
        if ask and self._engine.answers():
            self._failure = None
        return self._failure is None

    def retry_opening(self) -> Refusal | None:
        """Return since when, and why, a worker has no box because the engine opens none; begin to open one anew."""
        return self._supply.retry()

    def submit(self, job: Job) -> Future[Run]:
        """Submit a job; return a future of its run, which may raise a SandboxError. Safe to call from any thread."""
        refuse_other_boxes(self.spec.limits, job.limits)
        return self.submit_task(lambda boxes: boxes.run(job))

    def submit_task(self, task: SteppedTask[T]) -> Future[T]:
        """Run `task` on one thread, with its boxes; return a future of what it returns in the end."""
        refuse_other_process(self._process)
        if self._supply.stopping.is_set():
            raise RuntimeError("this pool is closed")
        self._look_ahead()
        future: Future[T] = Future()
        self._queue.put(_QueuedTask(task, future))
        return future

    def _look_ahead(self) -> None:
        """Open the spare box when a second task is submitted.

        One program seldom needs it, and does not wait for it.
        """
        with self._lock:
            self._submitted += 1
            second = self._submitted == 2
        if second:
            self._supply.open_spare()

    def cancel(self, future: Future[Any]) -> None:
        """Cancel a task: it makes no further visit, and the present visit ends soon."""
        if future.cancel():
            return
        with self._lock:
            boxes = self._running.get(future)
            if boxes is not None:
                boxes.cancelled.set()
            elif future in self._suspended:
                self._suspended[future].set()
        if boxes is not None:
            timer = threading.Timer(CANCELLED_S, self._end, (future, boxes))
            timer.daemon = True
            timer.start()

    def _end(self, future: Future[Any], boxes: WorkerBoxes) -> None:
        """Remove the boxes of a cancelled task that still runs."""
        if self._running.get(future) is boxes:
            with contextlib.suppress(SandboxError):
                boxes.abort()

    def _work(self, box: Box, core: int) -> None:
        try:
            box.pin(core)
        except SandboxError:
            box.clean = False
        boxes, waiting = WorkerBoxes(self, core, box), _Waiting()
        while (queued := self._next_task(boxes, waiting)) is not None:
            if queued.future.set_running_or_notify_cancel():
                self._advance(queued, boxes, waiting, partial(queued.task, boxes))
        while waiting:
            self._answer(boxes, waiting)

    def _next_task(self, boxes: WorkerBoxes, waiting: _Waiting) -> _QueuedTask[Any] | None:
        """Return the next task; first answer those that wait if no other is queued, or if they are many."""
        while waiting and len(waiting) < MOST_TOGETHER:
            try:
                return self._queue.get_nowait()
            except queue.Empty:
                break
        while waiting:
            self._answer(boxes, waiting)
        return self._queue.get()

    def _answer(self, boxes: WorkerBoxes, waiting: _Waiting) -> None:
        """Answer the requests of the waiting tasks together, and resume each task; it may wait again.

        Tasks that were cancelled meanwhile end here, and nothing is asked for them.
        """
        held = [(queued, one) for queued, one in waiting if not queued.cancelled.is_set()]
        for queued, _ in waiting:
            if queued.cancelled.is_set():
                with self._lock:
                    self._suspended.pop(queued.future, None)
                queued.future.set_exception(TaskCancelled(CANCELLED))
        waiting.clear()
        for together in dict.fromkeys(one.together for _, one in held):
            some = [(queued, one) for queued, one in held if one.together == together]
            boxes.cancelled = threading.Event()
            try:
                answers = together(boxes, [one.request for _, one in some])
            except SandboxError:  # each meets the fault, or does without it, alone
                answers = [None] * len(some)
            for (queued, one), answer in zip(some, answers, strict=True):
                self._advance(queued, boxes, waiting, partial(one.go_on, answer))

    def _advance(
        self, queued: _QueuedTask[T], boxes: WorkerBoxes, waiting: _Waiting, step: Callable[[], T | Suspended[T]]
    ) -> None:
        """Run a task until it has its result or waits for an answer."""
        try:
            came = self._take_step(queued, boxes, step)
        except BaseException as error:  # noqa: BLE001  (the future hands it on)
            queued.future.set_exception(error)
            return
        if isinstance(came, Suspended):
            waiting.append((queued, came))
        else:
            queued.future.set_result(came)

    def _take_step(
        self, queued: _QueuedTask[T], boxes: WorkerBoxes, step: Callable[[], T | Suspended[T]]
    ) -> T | Suspended[T]:
        """Return what the step returns; meanwhile the task can be cancelled."""
        if not self.recover():
            assert self._failure is not None  # noqa: S101  (the same exception for every waiting job)
            raise self._failure
        boxes.cancelled = queued.cancelled
        with self._lock:
            self._suspended.pop(queued.future, None)
            self._running[queued.future] = boxes
        try:
            came = step()
        finally:
            with self._lock:
                del self._running[queued.future]
        if isinstance(came, Suspended):
            with self._lock:
                self._suspended[queued.future] = queued.cancelled
        return came

    def close_oldest(self, boxes: dict[BoxRole, PinnedBox]) -> None:
        """Remove the boxes of other languages that a thread has not used for longest, if it has many."""
        others = [role for role in boxes if role.commands is not None]
        for role in others[: max(0, len(others) + 1 - MOST_OTHERS)]:
            self._supply.close(boxes.pop(role))

    def image_of(self, spec: ImageSpec) -> str:
        """Return the reference of another image; build it first if it is missing or stale."""
        with self._images_lock:  # the first of several threads builds it
            if spec not in self._images:
                self._images[spec] = ensure_image(self._engine, spec, say=self._say)
            return self._images[spec]

    def visit(
        self, pinned: PinnedBox, job: Job, cancelled: threading.Event, run: Callable[[Box, Job], Run] = Box.run
    ) -> Run:
        """Return the run of a job in a worker's box, or in the one that replaces it; `run` says how it is run there."""
        deaths = _Deaths(run)
        try:
            try:
                return self._visit_once(pinned, job, cancelled, deaths)
            except (SandboxError, OSError) as error:
                if not self._worth_another_try(error, cancelled):
                    raise
            return self._visit_again(pinned, job, cancelled, deaths)
        except EngineUnavailable as error:
            self._failure, self._asked_engine = error, time.monotonic()
            raise

    def converse(
        self, mine: tuple[PinnedBox, Job], theirs: tuple[PinnedBox, Partner], cancelled: threading.Event
    ) -> Run:
        """Return the run of a job that talks with its partner, each in a worker's box or in one that replaces it."""
        (pinned, job), (other, partner) = mine, theirs

        def together(box: Box, job: Job) -> Run:
            return converse(box, job, self.box_for(other, partner.job), partner)

        return self.visit(pinned, job, cancelled, together)

    def box_for(self, pinned: PinnedBox, job: Job) -> Box:
        """Return a worker's box if it may run a job, else the one that replaces it."""
        return pinned.box if pinned.box is not None and pinned.box.accepts(job) else self._supply.replace(pinned)

    def _visit_again(self, pinned: PinnedBox, job: Job, cancelled: threading.Event, deaths: _Deaths) -> Run:
        """Return the run of a job whose first try has failed."""
        waits = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: self._worth_another_try(error, cancelled)),
            wait=tenacity.wait_exponential(multiplier=FIRST_WAIT_S, max=5),
            stop=tenacity.stop_after_delay(PATIENCE_S + DEATHS_FROM_WITHIN * (job.limits.wall_s + GRACE_S)),
            reraise=True,
        )
        time.sleep(FIRST_WAIT_S)
        return waits(self._visit_once, pinned, job, cancelled, deaths)

    def _visit_once(self, pinned: PinnedBox, job: Job, cancelled: threading.Event, deaths: _Deaths) -> Run:
        if cancelled.is_set():
            raise TaskCancelled(CANCELLED)
        box = self.box_for(pinned, job)
        try:
            return deaths.run(box, job)
        except BoxLost as lost:
            box.clean = False
            if cancelled.is_set():
                raise TaskCancelled(CANCELLED) from lost
            deaths.count += box.broken_from_within(lost)
            if deaths.count < DEATHS_FROM_WITHIN:
                raise
        # A machine that loses this one, too, is to blame itself.
        self._supply.replace(pinned).run(replace(HONEST, limits=job.limits))
        return _broke_its_boxes()

    def _worth_another_try(self, error: BaseException, cancelled: threading.Event) -> bool:
        lacking = isinstance(error, OSError) and error.errno in LACKING
        passing = lacking or isinstance(error, BoxLost | EngineUnavailable | OutOfResources)
        return passing and not self._supply.stopping.is_set() and not cancelled.is_set()

    def close(self, *, finish: bool = False) -> None:
        """Remove every container. With `finish`, run the waiting jobs first; else cancel them.

        In a fork of the process that opened the pool this does nothing: the containers are not the fork's.
        """
        if os.getpid() != self._process:
            return
        if not finish:
            self._supply.stopping.set()
            self._cancel_waiting()
        for _ in self._workers:
            self._queue.put(None)
        if finish:
            for worker in self._workers:
                worker.join()
        self._supply.stopping.set()
        with contextlib.ExitStack() as closing:  # all of it, even where the engine is gone and each removal fails
            closing.callback(self._engine.sweep)
            for box in self._supply.open_boxes():
                closing.callback(box.close)
            closing.callback(self._cores.close)
            closing.callback(self._join_workers)
            closing.callback(self._supply.abort)

    def _join_workers(self) -> None:
        for worker in self._workers:
            worker.join()

    def _cancel_waiting(self) -> None:
        while True:
            try:
                queued = self._queue.get_nowait()
            except queue.Empty:
                return
            if queued is not None and queued.future.cancel():
                queued.future.set_running_or_notify_cancel()  # for those who wait for several futures

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(finish=kind is None)


def _not_starved(run: Run, limits: Limits) -> Run:
    if judge.starved(run, limits):
        raise MachineBusy(
            f"the machine was too busy: the program's box waited for a core for {run.waited_s:.1f} of "
            f"{run.wall_s:.1f} s and had {run.cpu_s:.2f} s of it; try again with fewer boxes, or when less is running "
            "here"
        )
    return run


def _broke_its_boxes() -> Run:
    """Return the run of a program whose boxes died from within as often as we allow."""
    return Run(ending=Ending.SIGNALLED, signal=9, flags=frozenset({Flag.LOST_TWICE}))
