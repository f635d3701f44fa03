"""A pool of warm boxes, one for each core, a thread for each box.

A job goes to whichever box is free. A box that is lost or not proved clean is thrown away; a spare takes its place. A job
whose box was lost is tried again on another one: by a hand from outside (a removed container, a restarted engine) as often as
`PATIENCE` allows, but a program whose boxes die or fall silent from within twice, where another box then serves an honest
program, is judged, so that nobody can buy retries by breaking boxes. When the engine stays away, every waiting job gets the
exception; none gets a verdict. Nor does a program that the machine has kept waiting for a core: the box gives it that time
back (`inside/waiting.py`), but not for ever, and nobody else waits for it.
"""

from __future__ import annotations

import contextlib
import queue
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import tenacity

from sandbox.boxes.box import GRACE_S, Box
from sandbox.boxes.engine import Engine
from sandbox.boxes.owner import Owner
from sandbox.boxes.probing import require_walls
from sandbox.boxes.walls import LABEL, LABEL_OWNER, BoxSpec
from sandbox.errors import BoxLost, EngineUnavailable, MachineBusy, SandboxError
from sandbox.judging import judge
from sandbox.values import Ending, Flag, Job, Limits, Program, Run

T = TypeVar("T")
PATIENCE_S = 60.0
DEATHS_FROM_WITHIN = 2
MAX_BOXES = 512
OPENINGS = 3
HONEST = Job(program=Program(source=""))


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSpec:
    """What a pool is made of."""

    image: str
    limits: Limits
    boxes: int
    runtime: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.boxes <= MAX_BOXES:
            raise ValueError(f"a pool has between 1 and {MAX_BOXES} boxes, not {self.boxes}")


class Slot:
    """What one thread of a pool works with: a box for candidates and, opened when first needed, a box for graders.

    A box that is lost or not proved clean is replaced here. The grader box never holds a candidate's code.
    """

    def __init__(self, pool: Pool, core: int, box: Box) -> None:
        self._pool, self._core, self._box = pool, core, box
        self._grader: Box | None = None

    def run(self, job: Job) -> Run:
        """One visit of a candidate; raises MachineBusy where the machine kept it waiting for a core until the end."""
        run, self._box = self._pool.visit(self._box, self._core, job)
        return _not_starved(run, job.limits)

    @contextlib.contextmanager
    def repeating(self) -> Iterator[None]:
        """Jobs of one program with `repeat` belong in here; in the end the box has to be clean of it."""
        try:
            yield
        finally:
            self._box.farewell()

    def grade(self, job: Job) -> Run:
        """One visit of a data set's own code; raises MachineBusy as `run` does."""
        grader = self._grader or self._pool.replace(None, self._core)
        self._grader = grader
        run, self._grader = self._pool.visit(grader, self._core, job)
        return _not_starved(run, job.limits)


Conversation = Callable[[Slot], T]


@dataclass(slots=True)
class _Asked(Generic[T]):
    conversation: Conversation[T]
    future: Future[T]


class Pool:
    """Runs jobs in warm boxes. A context manager: leaving it removes every container of the pool."""

    def __init__(self, engine: Engine, spec: PoolSpec) -> None:
        """Open all boxes; raises a SandboxError and leaves nothing behind if one does not open."""
        self.spec = spec
        self._engine = engine
        self._queue: queue.SimpleQueue[_Asked[Any] | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._failure: SandboxError | None = None
        self._boxes: set[Box] = set()
        self._lock = threading.Lock()
        self._openers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="box-opener")
        reap(engine)
        first = [self._openers.submit(self._open_box, thorough=number == 0) for number in range(spec.boxes + 1)]
        try:
            ready = [future.result() for future in first]
        except BaseException:
            self._stopping.set()
            for box in self._abort_boxes():
                box.close()
            raise
        self._spare: Future[Box] = first[-1]
        cores = engine.facts().cores
        first_core = random.randrange(cores)  # noqa: S311  (or all pools of one box would share the first core)
        self._workers = [
            threading.Thread(
                target=self._work,
                args=(ready[number], (first_core + number) % cores),
                name=f"box-{number}",
                daemon=True,
            )
            for number in range(spec.boxes)
        ]
        for worker in self._workers:
            worker.start()

    @property
    def failure(self) -> SandboxError | None:
        """Why this pool will never run anything again; None while it works."""
        return self._failure

    def submit(self, job: Job) -> Future[Run]:
        """A future that holds the run, or raises a SandboxError. Any thread may ask."""
        if job.limits.walls != self.spec.limits.walls:
            raise ValueError(
                f"this pool's boxes were made for (memory MB, processes, disk MB, files) = {self.spec.limits.walls}, "
                f"the job wants {job.limits.walls}; open a pool with these limits"
            )
        return self.converse(lambda slot: slot.run(job))

    def converse(self, conversation: Conversation[T]) -> Future[T]:
        """A future for whatever a conversation with the boxes of one thread comes to."""
        if self._stopping.is_set():
            raise RuntimeError("this pool is closed")
        future: Future[T] = Future()
        self._queue.put(_Asked(conversation, future))
        return future

    def _work(self, box: Box, core: int) -> None:
        try:
            box.pin(core)
        except SandboxError:
            box.clean = False
        slot = Slot(self, core, box)
        while (asked := self._queue.get()) is not None:
            if not asked.future.set_running_or_notify_cancel():
                continue
            try:
                if self._failure is not None:
                    raise self._failure  # noqa: TRY301  (the same exception for every waiting job)
                came = asked.conversation(slot)
            except BaseException as error:  # noqa: BLE001  (it travels to whoever asked)
                asked.future.set_exception(error)
            else:
                asked.future.set_result(came)

    def visit(self, box: Box, core: int, job: Job) -> tuple[Run, Box]:
        """The run, and the box to use next."""
        deaths = 0
        waits = tenacity.Retrying(
            retry=tenacity.retry_if_exception(self._worth_another_try),
            wait=tenacity.wait_exponential(multiplier=0.05, max=5),
            stop=tenacity.stop_after_delay(PATIENCE_S + DEATHS_FROM_WITHIN * (job.limits.wall_s + GRACE_S)),
            reraise=True,
        )
        try:
            for attempt in waits:
                with attempt:
                    if not box.takes(job):
                        box = self.replace(box, core)
                    try:
                        return box.run(job), box
                    except BoxLost as lost:
                        deaths += box.broken_from_within(lost)
                        box.clean = False
                        if deaths < DEATHS_FROM_WITHIN:
                            raise
                    box = self.replace(box, core)
                    box.run(
                        replace(HONEST, limits=job.limits)
                    )  # a machine that loses this one, too, is to blame itself
                    return _broke_its_boxes(), box
        except EngineUnavailable as error:
            self._failure = error
            raise
        raise AssertionError("unreachable: tenacity re-raises")

    def _worth_another_try(self, error: BaseException) -> bool:
        return isinstance(error, BoxLost | EngineUnavailable) and not self._stopping.is_set()

    def replace(self, box: Box | None, core: int) -> Box:
        """Throw a box away (if there is one) and take the spare, while the next one opens."""
        if box is not None:
            self._drop(box)
        with self._lock:
            taken, self._spare = self._spare, self._openers.submit(self._open_box)
        fresh = taken.result()
        fresh.pin(core)
        return fresh

    def _open_box(self, *, thorough: bool = False) -> Box:
        """A box whose walls were tried; another one where it is lost meanwhile (see SECURITY.md on memory)."""
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, BoxLost) and not self._stopping.is_set()),
            stop=tenacity.stop_after_attempt(OPENINGS),
            reraise=True,
        )
        return tries(self._open_once, thorough=thorough)

    def _open_once(self, *, thorough: bool) -> Box:
        """One try, with all walls in the pool's first box; raises WallBroken or BoxLost."""
        spec = self.spec
        box = Box(
            self._engine,
            BoxSpec(image=spec.image, limits=spec.limits, owner=Owner.this().label(), runtime=spec.runtime),
        )
        with self._lock:
            stopping = self._stopping.is_set()
            if not stopping:
                self._boxes.add(box)
        try:
            if stopping:
                raise BoxLost("the pool was closed while a box opened")  # noqa: TRY301  (closed below, like the others)
            require_walls(box, spec.limits, thorough=thorough)
            box.hand_over()
        except BaseException:
            self._drop(box)
            raise
        return box

    def _drop(self, box: Box) -> None:
        with self._lock:
            self._boxes.discard(box)
        box.close()

    def close(self, *, finish: bool = False) -> None:
        """Remove every container. With `finish`, after the jobs that wait; else they are cancelled."""
        if not finish:
            self._stopping.set()
            self._cancel_waiting()
        for _ in self._workers:
            self._queue.put(None)
        if finish:
            for worker in self._workers:
                worker.join()
        self._stopping.set()
        with contextlib.ExitStack() as closing:  # all of it, even where the engine is gone and each removal fails
            for box in self._boxes_now():
                closing.callback(box.close)
            closing.callback(self._join_workers)
            closing.callback(self._abort_boxes)

    def _join_workers(self) -> None:
        for worker in self._workers:
            worker.join()

    def _boxes_now(self) -> set[Box]:
        with self._lock:
            return set(self._boxes)

    def _cancel_waiting(self) -> None:
        while True:
            try:
                asked = self._queue.get_nowait()
            except queue.Empty:
                return
            if asked is not None:
                asked.future.cancel()

    def _abort_boxes(self) -> set[Box]:
        """Remove all containers at once; ends the visits under way."""
        with self._lock:
            boxes, self._boxes = self._boxes, set()
        with ThreadPoolExecutor(max_workers=8) as aborters:
            aborting = [aborters.submit(box.abort) for box in boxes]
        self._openers.shutdown(wait=True, cancel_futures=True)
        for future in aborting:
            future.result()
        return boxes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(finish=kind is None)


def _not_starved(run: Run, limits: Limits) -> Run:
    if judge.starved(run, limits):
        raise MachineBusy(
            f"the machine was too busy: the program's box waited for a core for {run.waited_s:.1f} of {run.wall_s:.1f} s and "
            f"had {run.cpu_s:.2f} s of it; try again with fewer boxes, or when less is running here"
        )
    return run


def _broke_its_boxes() -> Run:
    """What is said of a program whose boxes died from within as often as we allow."""
    return Run(
        ending=Ending.SIGNALLED, exit_code=None, signal=9, cpu_s=0.0, wall_s=0.0, memory_mb=0.0, stdout=b"", stderr=b"",
        proved=False, flags=frozenset({Flag.LOST_TWICE}),
    )  # fmt: skip


def reap(engine: Engine) -> int:
    """Remove the boxes of processes that are gone; returns how many."""
    removed = 0
    for found in engine.containers(LABEL):
        owner = Owner.parse(found.labels.get(LABEL_OWNER, ""))
        if owner is not None and owner.is_gone():
            engine.remove(found.id)
            removed += 1
    return removed


def remove_all(engine: Engine) -> int:
    """Remove every box on this engine, whoever owns it; returns how many."""
    found = engine.containers(LABEL)
    for container in found:
        engine.remove(container.id)
    return len(found)
