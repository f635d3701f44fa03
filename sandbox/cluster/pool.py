"""Score programs on all nodes of a Ray cluster, with the interface of one machine's pool and scorer.

    from sandbox import ClusterPool, load_problems, score

    with ClusterPool("auto") as pool:
        scores = score(completions, load_problems("humaneval")[0], pool=pool)

Futures are resolved on one thread, the dispatcher's (`sandbox.cluster.dispatcher`).

In a program that runs on Ray already (a trainer's reward worker), the pool uses its connection. The processes on the
nodes belong to this driver: they end when it closes the pool, when it ends, and when it is silent for 20 seconds.
"""

from __future__ import annotations

import contextlib
import gc
import os
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, NoReturn, Self

from sandbox.boxes.box_supply import MAX_BOXES, refuse_other_boxes, refuse_other_process
from sandbox.boxes.image import image_tag
from sandbox.cluster.dispatcher import ClusterSpec, Dispatcher
from sandbox.cluster.messages import ClusterUnavailable
from sandbox.cluster.node import NodeHost
from sandbox.cluster.schedule import NodeState
from sandbox.errors import SandboxError
from sandbox.judging import judge
from sandbox.scoring.collect_answers import PATIENCE, ProgramAnswers
from sandbox.scoring.compiler import Executed, scaled
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import (
    MAX_SOURCE_BYTES,
    Assumptions,
    CallTests,
    Job,
    Limits,
    Program,
    Run,
    Score,
    changed,
)

MOST_ASSUMPTIONS = 4096  # whose limits are kept
NOTHING = Program(source="")  # instead of a program, which travels beside its job


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """What is known of a node now."""

    name: str
    state: NodeState
    boxes: int
    under_way: int
    programs: int
    rate: float  # programs a second
    faults: int
    reason: str = ""


class ClusterPool:
    """Boxes on the nodes of a cluster. A context manager: leaving it removes every box and every process of it."""

    host: type[NodeHost] = NodeHost  # what runs on each node

    def __init__(
        self,
        address: str = "auto",
        limits: Limits | None = None,
        *,
        boxes: int | None = None,
        options: ScoringOptions | None = None,
    ) -> None:
        """Connect, and open the boxes of each node; raises SandboxError if no node can open any.

        `boxes` is for each node (None: its resource `boxes`, else one per core). `of` takes more options.
        """
        spec = ClusterSpec(address=address, limits=limits or Limits(), options=options or ScoringOptions(), boxes=boxes)
        self._begin(spec, lambda _: None)

    @classmethod
    def of(cls, spec: ClusterSpec, say: Callable[[str], None] = lambda _: None) -> Self:
        """Open what the spec says."""
        self = cls.__new__(cls)
        self._begin(spec, say)
        return self

    def _begin(self, spec: ClusterSpec, say: Callable[[str], None]) -> None:
        if spec.boxes is not None and not 1 <= spec.boxes <= MAX_BOXES:
            raise ValueError(
                f"boxes of each node must be between 1 and {MAX_BOXES} (left out: as many as it says), not {spec.boxes}"
            )
        self.spec, self._process = spec, os.getpid()
        self._dispatcher = Dispatcher(spec, self.host, say)
        self._longest: dict[tuple[Assumptions, str], float] = {}
        try:
            self._dispatcher.wait_for_a_node()
        except BaseException:
            self._dispatcher.close()
            raise
        self._closed = weakref.finalize(self, _close_quietly, self._dispatcher, self._process)

    @property
    def limits(self) -> Limits:
        """Return the limits of each program."""
        return self.spec.limits

    @property
    def image(self) -> str:
        """Return the box image's reference."""
        return image_tag(self.spec.options.image_spec)

    @property
    def boxes(self) -> int:
        """Return how many boxes work now."""
        with self._dispatcher.lock:
            return sum(node.boxes for node in self._dispatcher.schedule.working)

    @property
    def failure(self) -> SandboxError | None:
        """Return why nothing runs; None while a node works."""
        if self._dispatcher.ended is not None:
            return self._dispatcher.ended
        with self._dispatcher.lock:
            working = bool(self._dispatcher.schedule.working)
            return None if working else ClusterUnavailable(f"no node works: {self._dispatcher.schedule.reasons()}")

    def recover(self) -> bool:
        """Return whether a node works, or did within `patience_s` seconds; the pool looks for nodes by itself."""
        dispatcher = self._dispatcher
        return dispatcher.ended is None and time.monotonic() - dispatcher.worked_at < self.spec.patience_s

    def limits_for(self, assumptions: Assumptions) -> Limits:
        """Return the limits of a program whose data set has these assumptions."""
        options = self.spec.options
        return assumptions.limits(self.limits, options.chosen | changed(self.limits), options.longest_s)

    def submit(
        self, program: Program, stdin: bytes = b"", *, every_case: bool = False, limits: Limits | None = None
    ) -> Future[Score]:
        """Submit a program; return a future of its score, which raises SandboxError if we could not judge it.

        With `every_case`, or with the option of that name, the program goes on after a failed case. `limits` replace
        all others; raises ValueError for those that no box of this pool has.
        Equal programs that are under way share one run. The future can be cancelled at any time.
        """
        if len(program.source) > MAX_SOURCE_BYTES:
            done: Future[Score] = Future()
            size = f"the program has {len(program.source)} characters; at most {MAX_SOURCE_BYTES} are taken"
            done.set_result(judge.too_large(size, program, self.limits_for(program.assumptions)))
            return done
        return self._submit("score", program, (stdin, every_case, limits), limits=limits)

    def ask(
        self, program: Program, tests: CallTests, *, cpu_s: float | None = None, patience: int = PATIENCE
    ) -> Future[ProgramAnswers]:
        """Submit a program; return a future of its answers to the calls of `tests`, without a verdict."""
        return self._submit("ask", replace(program, tests=tests, selection=None), (cpu_s, patience))

    def run(self, job: Job) -> Future[Run]:
        """Submit a job; return a future of its run."""
        return self._submit("run", job.program, replace(job, program=NOTHING), limits=job.limits, shared=False)

    def execute(self, job: Job, compile_s: float) -> Future[Executed]:
        """Submit a job of any language; return a future of its run and of its compilation, which `compile_s` limits."""
        more = replace(job, program=NOTHING), compile_s
        return self._submit("execute", job.program, more, limits=job.limits, shared=False)

    def cancel(self, future: Future[Any]) -> None:
        """Cancel a program: it makes no further visit, and its present one ends soon."""
        future.cancel()

    def nodes(self) -> list[NodeStatus]:
        """Return what each node is doing."""
        with self._dispatcher.lock:
            return [
                NodeStatus(
                    name=node.name,
                    state=node.state,
                    boxes=node.boxes,
                    under_way=len(node.under_way),
                    programs=node.programs,
                    rate=node.rate,
                    faults=node.faults,
                    reason=node.reason,
                )
                for node in self._dispatcher.schedule.nodes.values()
            ]

    def _submit(
        self, kind: str, program: Program, more: Any, *, limits: Limits | None = None, shared: bool = True
    ) -> Future[Any]:
        refuse_other_process(self._process)
        if limits is not None:
            refuse_other_boxes(self.limits, limits)
        return self._dispatcher.submit(program, kind, more, self._longest_s(program, limits), shared=shared)

    def _longest_s(self, program: Program, limits: Limits | None) -> float:
        """Return for how long a program may be under way, in seconds."""
        if limits is not None:
            return limits.sample_wall_s
        same = program.assumptions, program.language
        longest_s = self._longest.get(same)
        if longest_s is None:
            if len(self._longest) > MOST_ASSUMPTIONS:
                self._longest.clear()
            limits = self.limits_for(program.assumptions)
            with contextlib.suppress(ValueError):  # an unknown language is judged on the node
                limits = scaled(limits, program.language)
            longest_s = self._longest[same] = limits.sample_wall_s
        return longest_s

    def close(self, *, finish: bool = True) -> None:
        """Wait for the submitted programs (with `finish`), then end every process of this pool.

        In a fork of the process that opened the pool this does nothing: the processes are not the fork's.
        """
        if os.getpid() != self._process:
            return
        if finish:
            self._dispatcher.wait()
        self._closed.detach()
        self._dispatcher.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a pool belongs to the process that opened it; open one in each process")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(finish=kind is None)


def _close_quietly(dispatcher: Dispatcher, process: int) -> None:
    """Close a pool that is still open when the process ends or the pool is garbage-collected."""
    if os.getpid() == process:
        with contextlib.suppress(Exception):
            dispatcher.close()


@dataclass(frozen=True, slots=True)
class PoolPlace:
    """Where programs run: on the nodes of the cluster at this address, or (None) on this machine, in so many boxes.

    `languages` are those of the programs, if they are known before.
    """

    cluster: str | None = None
    boxes: int | None = None
    registry: str | None = None
    languages: tuple[str, ...] = ()

    def spec(self, limits: Limits, options: ScoringOptions) -> ClusterSpec:
        """Return what a pool of this cluster is opened with."""
        return ClusterSpec(
            address=self.cluster or "auto",
            limits=limits,
            options=options,
            boxes=self.boxes,
            registry=self.registry,
            languages=self.languages,
        )


@contextlib.contextmanager
def open_anywhere(
    place: PoolPlace, limits: Limits, options: ScoringOptions, say: Callable[[str], None] = lambda _: None
) -> Iterator[Scorer | ClusterPool]:
    """Open boxes here or on a cluster; raises SandboxError before anything is scored, and leaves nothing behind."""
    if place.cluster is None:
        with open_scorer(limits, boxes=place.boxes, options=options, say=say) as scorer:
            yield scorer
        return
    with rarer_collections(), ClusterPool.of(place.spec(limits, options), say) as pool:
        yield pool


@contextlib.contextmanager
def rarer_collections() -> Iterator[None]:
    """Run Python's full garbage collection a tenth as often: it takes half of a driver's time.

    Thousands of programs are under way in a process of ours; a program of somebody else decides for itself.
    """
    usual = gc.get_threshold()
    gc.set_threshold(*usual[:2], 10 * usual[2])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
