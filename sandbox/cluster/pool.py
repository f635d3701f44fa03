"""Score programs on all nodes of a Ray cluster, with the interface of one machine's pool and scorer.

    from sandbox import ClusterPool, load_problems, score

    with ClusterPool("auto") as pool:
        scores = score(completions, load_problems("humaneval")[0], pool=pool)

One thread, the dispatcher, owns all that happens: messages from nodes, nodes that come and go, programs that are
submitted. What it decides stands in `sandbox.cluster.schedule`. Futures are resolved on that thread, or on the one that
closes the pool.

In a program that runs on Ray already (a trainer's reward worker), the pool uses its connection. The processes on the
nodes belong to this driver: they end when it closes the pool, when it ends, and when it is silent for 20 seconds.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from functools import partial
from types import TracebackType
from typing import Any, Self

from sandbox.boxes.image import image_tag
from sandbox.cluster.messages import ClusterUnavailable, Fault, Plain, Sheet, read_result, with_tests
from sandbox.cluster.node import Letter, NodeHost, Reply
from sandbox.cluster.opening import ImageSupply, open_node
from sandbox.cluster.ray_client import Actor, ActorLost, RayClient, RayNode
from sandbox.cluster.schedule import Delivery, Node, NodeState, Schedule, Task
from sandbox.errors import SandboxError
from sandbox.judging import judge
from sandbox.scoring.collect_answers import PATIENCE, ProgramAnswers
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

QUIET_S, SILENT_S = 6.0, 30.0  # an exchange without an answer: its programs are asked elsewhere; its node is lost
LOOK_S = 1.0  # between two looks for nodes
HEAD_SILENT_S = 15.0  # a head that has not answered for so long is lost
AGAIN_S = (1.0, 2.0, 5.0, 15.0, 30.0)  # before a node whose process was lost is opened again
LINGER_PER_NODE_S = 0.0005
CLOSING_S = 10.0
Event = Callable[[], "list[Delivery] | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSpec:
    """Which cluster, and what its nodes open.

    `boxes` is the number of boxes of each node (None: its resource `boxes`, else one per core). `registry` is where the
    box image may be fetched from, before it is carried from node to node.
    """

    address: str = "auto"
    limits: Limits = field(default_factory=Limits)
    options: ScoringOptions = field(default_factory=ScoringOptions)
    boxes: int | None = None
    registry: str | None = None
    patience_s: float = 60.0


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


@dataclass(slots=True)
class _Link:
    """The process on a node, and what was sent to it."""

    actor: Actor
    asked: RayNode
    confirmed: int = 0
    replied_at: float = 0.0
    unsent: list[Task] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _KnownSheet:
    """A sheet of this driver, and the expected answers that nodes have told of it."""

    number: int
    sheet: Sheet
    longest_s: float  # that a program of it may take
    told: tuple[CallTests | None, CallTests | None] | None = None


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
        self.spec, self._say = spec, say
        self._ray = RayClient(spec.address)
        self._schedule = Schedule(patience_s=spec.patience_s)
        self._images = ImageSupply(spec.options.image_spec, spec.registry, say)
        self._links: dict[str, _Link] = {}
        self._sheets: dict[object, _KnownSheet] = {}
        self._by_number: dict[int, _KnownSheet] = {}
        self._reopen_at: dict[str, float] = {}
        self._vain: dict[str, int] = {}
        self._lock = threading.RLock()
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._woken = False
        self._ended: SandboxError | None = None
        self._closed = threading.Event()
        self._first = threading.Event()
        self._seen_at = time.monotonic()
        self._dispatcher = threading.Thread(target=self._dispatch, name="cluster", daemon=True)
        self._lookout = threading.Thread(target=self._look, name="cluster-nodes", daemon=True)
        self._dispatcher.start()
        self._lookout.start()
        self._finalizer = weakref.finalize(self, _abandon, self._closed, self._events)
        self._first.wait()
        if not self._schedule.working:
            reasons = self._schedule.reasons()
            self.close(finish=False)
            raise self._ended or ClusterUnavailable(f"no node of the cluster can open boxes: {reasons}")

    # what callers of a pool and a scorer use

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
        return sum(node.boxes for node in self._schedule.working)

    @property
    def failure(self) -> SandboxError | None:
        """Return why nothing runs; None while a node works."""
        if self._ended is not None:
            return self._ended
        with self._lock:
            working = bool(self._schedule.working)
            return None if working else ClusterUnavailable(f"no node works: {self._schedule.reasons()}")

    def recover(self) -> bool:
        """Return whether a node works; the pool looks for nodes by itself."""
        return self.failure is None

    def limits_for(self, assumptions: Assumptions) -> Limits:
        """Return the limits of a program whose data set has these assumptions."""
        options = self.spec.options
        return assumptions.limits(self.limits, options.chosen | changed(self.limits), options.longest_s)

    def submit(self, program: Program, stdin: bytes = b"", *, every_case: bool = False) -> Future[Score]:
        """Submit a program; return a future of its score, which raises SandboxError if we could not judge it.

        With `every_case`, or with the option of that name, the program goes on after a failed case.
        Equal programs that are under way share one run. The future can be cancelled at any time.
        """
        if len(program.source) > MAX_SOURCE_BYTES:
            done: Future[Score] = Future()
            size = f"the program has {len(program.source)} characters; at most {MAX_SOURCE_BYTES} are taken"
            done.set_result(judge.too_large(size, program, self.limits_for(program.assumptions)))
            return done
        return self._submit("score", program, (stdin, every_case))

    def ask(
        self, program: Program, tests: CallTests, *, cpu_s: float | None = None, patience: int = PATIENCE
    ) -> Future[ProgramAnswers]:
        """Submit a program; return a future of its answers to the calls of `tests`, without a verdict."""
        return self._submit("ask", replace(program, tests=tests, selection=None), (cpu_s, patience))

    def run(self, job: Job) -> Future[Run]:
        """Submit a job; return a future of its run."""
        return self._submit("run", job.program, replace(job, program=Program(source="")), shared=False)

    def cancel(self, future: Future[Any]) -> None:
        """Cancel a program: it makes no further visit, and its present one ends soon."""
        future.cancel()

    def nodes(self) -> list[NodeStatus]:
        """Return what each node is doing."""
        with self._lock:
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
                for node in self._schedule.nodes.values()
            ]

    def _submit(self, kind: str, program: Program, more: Any, *, shared: bool = True) -> Future[Any]:
        future: Future[Any] = Future()
        with self._lock:
            if self._ended is not None or self._closed.is_set():
                raise self._ended or RuntimeError("this pool is closed")
            sheet = self._sheet_of(program)
            key = (kind, sheet.number, program.source, more) if shared else None
            task = self._schedule.submit(
                Task(
                    number=self._schedule.next_number(),
                    kind=kind,
                    sheet=sheet.number,
                    source=program.source,
                    more=more,
                    longest_s=sheet.longest_s,
                    key=key,
                ),
                future,
            )
            wake, self._woken = not self._woken, True
        future.add_done_callback(lambda done: self._left(done, task))
        if wake:
            self._events.put(self._woke)
        return future

    def _sheet_of(self, program: Program) -> _KnownSheet:
        """Return the program's sheet; tests that are one object, or have the same text, are the same."""
        at = (id(program.tests), id(program.selection), program.assumptions)
        known = self._sheets.get(at)
        if known is None:
            same = (type(program.tests), type(program.selection), program.tests_source, program.assumptions)
            known = self._sheets.get(same)
            if known is None:
                longest_s = self.limits_for(program.assumptions).sample_wall_s
                known = _KnownSheet(len(self._by_number) + 1, Sheet.of(program), longest_s)
                self._by_number[known.number] = self._sheets[same] = known
            if known.sheet.tests is program.tests and known.sheet.selection is program.selection:
                self._sheets[at] = known  # the sheet holds them, so that no other object gets these ids
        return known

    def _left(self, future: Future[Any], task: Task) -> None:
        if future.cancelled():
            with self._lock:
                self._schedule.cancelled(task)

    # the dispatcher

    def _dispatch(self) -> None:
        while (event := self._events.get()) is not None:
            with self._lock:
                deliveries = event() or []
            for delivery in deliveries:
                _resolve(delivery)

    def _later(self, event: Event) -> None:
        """Have the dispatcher do something, holding the lock, and deliver what it returns."""
        self._events.put(event)

    def _woke(self) -> None:
        self._woken = False
        self._send_all()

    def _send_all(self) -> None:
        """Send waiting programs to nodes with room, and have surplus ones given back."""
        now = time.monotonic()
        for node in sorted(self._schedule.working, key=lambda one: -self._schedule.room(one)):
            if taken := self._schedule.take(node, now):
                self._push(node, taken)
        for node, count in list(self._schedule.surplus()):
            self._push(node, [], give_back=count)

    def _letter(self, node: Node, link: _Link, tasks: Sequence[Task], give_back: int = 0) -> Letter:
        tasks, link.unsent = [*link.unsent, *tasks], []
        tasks = [task for task in tasks if task.number in node.under_way]
        sheets = {task.sheet for task in tasks} - node.sheets
        node.sheets |= sheets
        cancelled, node.cancelled = node.cancelled, []
        dropped, link.dropped = link.dropped, []
        return Letter(
            programs=[(task.number, task.kind, task.sheet, task.source, task.more) for task in tasks],
            sheets=[(number, self._by_number[number].sheet.bare()) for number in sheets],
            dropped=dropped,
            cancelled=cancelled,
            give_back=give_back,
            confirmed=link.confirmed,
            linger_s=self._schedule.linger_s,
        )

    def _push(self, node: Node, tasks: Sequence[Task], give_back: int = 0) -> None:
        link = self._links[node.id]
        letter = self._letter(node, link, tasks, give_back)

        def pushed(done: Future[Any]) -> None:
            if done.exception() is not None:
                self._later(lambda: self._not_arrived(node, link, letter))

        link.actor.call("push", letter).add_done_callback(pushed)

    def _not_arrived(self, node: Node, link: _Link, letter: Letter) -> None:
        """Send again what may not have arrived, with the next exchange."""
        if self._links.get(node.id) is link:
            link.unsent += [node.under_way[told[0]] for told in letter.programs if told[0] in node.under_way]
            node.sheets -= {number for number, _ in letter.sheets}
            node.cancelled += letter.cancelled
            link.dropped += letter.dropped

    def _exchange(self, node: Node, link: _Link) -> None:
        now = time.monotonic()
        letter = self._letter(node, link, self._schedule.take(node, now))

        def answered(done: Future[Reply]) -> None:
            self._later(lambda: self._replied(node, link, letter, done))

        link.actor.call("exchange", letter).add_done_callback(answered)

    def _replied(self, node: Node, link: _Link, letter: Letter, done: Future[Reply]) -> list[Delivery]:
        if self._links.get(node.id) is not link or self._closed.is_set():
            return []
        now = time.monotonic()
        if (error := done.exception()) is not None:
            if isinstance(error, ActorLost) or now - link.replied_at > SILENT_S:
                return self._lose(node, str(error))
            self._not_arrived(node, link, letter)
            _after(0.5, lambda: self._later(lambda: self._exchange_if(node, link)))
            return []
        reply = done.result()
        deliveries = self._take_in(node, link, reply)
        if reply.results:
            self._schedule.measured(node, len(reply.results), now - link.replied_at)
        link.replied_at = now
        self._note_failure(node, reply.failure)
        self._exchange(node, link)
        if not self._schedule.waiting:
            self._send_all()
        return deliveries

    def _exchange_if(self, node: Node, link: _Link) -> None:
        if self._links.get(node.id) is link:
            self._exchange(node, link)

    def _take_in(self, node: Node, link: _Link, reply: Reply) -> list[Delivery]:
        """Note the results of a reply; return what is to be delivered."""
        deliveries = []
        for place, (number, told, tests) in enumerate(reply.results, reply.last - len(reply.results) + 1):
            if place <= link.confirmed:
                continue  # it came before, and the node had not heard so
            if tests is not None:
                sheet, *expected = tests
                known = self._by_number[sheet]
                known.told = known.told or (
                    _same(expected[0], known.sheet.tests),
                    _same(expected[1], known.sheet.selection),
                )
            task = node.under_way.get(number)
            if task is None or task.done:
                self._schedule.finished(node, number, None)
                continue
            result = _read(told)
            if isinstance(result, Score) and (known := self._by_number[task.sheet]).told is not None:
                result = with_tests(result, *known.told)
            if isinstance(result, Fault) and result.kind == "SheetMissing":
                node.sheets.discard(task.sheet)
                self._schedule.gave_back(node, [number])
                continue
            delivery = self._schedule.finished(node, number, result)
            if delivery is not None:
                deliveries.append(delivery)
        link.confirmed = max(link.confirmed, reply.last)
        node.asked_back = max(0, node.asked_back - len(reply.given_back)) if reply.given_back else 0
        self._schedule.gave_back(node, reply.given_back)
        return deliveries

    def _note_failure(self, node: Node, failure: str | None) -> None:
        if failure is not None and node.state is NodeState.WORKING:
            self._schedule.rests(node, failure)
            self._say(f"{node.name} rests: {failure}")
            self._send_all()
        elif failure is None and node.state is NodeState.RESTING:
            node.state, node.reason = NodeState.WORKING, ""
            self._say(f"{node.name} works again")

    # nodes

    def _look(self) -> None:
        """Look for nodes that came or went, and for messages that take too long."""
        while True:
            looked: Future[list[RayNode]] = Future()
            threading.Thread(target=_fill, args=(looked, self._ray.nodes), daemon=True).start()
            with contextlib.suppress(Exception):
                found = looked.result(HEAD_SILENT_S)
                self._seen_at = time.monotonic()
                self._later(partial(self._seen, found))
            self._later(self._tick)
            if self._closed.wait(LOOK_S):
                return

    def _seen(self, found: list[RayNode]) -> list[Delivery]:
        now, deliveries = time.monotonic(), []
        alive = {node.id: node for node in found}
        for node in list(self._schedule.nodes.values()):
            if node.id not in alive and node.state is not NodeState.LOST:
                deliveries += self._lose(node, "it has left the cluster")
        for id_, asked in alive.items():
            known = self._schedule.nodes.get(id_)
            if known is None or (known.state is NodeState.LOST and now >= self._reopen_at.get(id_, 0.0)):
                self._open(asked)
        if not alive:
            self._ready()
        self._schedule.linger_s = LINGER_PER_NODE_S * len(self._schedule.working)
        return deliveries

    def _open(self, asked: RayNode) -> None:
        """Start this pool's process on a node, and have it open its boxes."""
        if self._closed.is_set():
            return
        node = self._schedule.nodes.get(asked.id)
        if node is None:
            node = self._schedule.nodes[asked.id] = Node(asked.id, asked.name)
        node.state, node.reason = NodeState.OPENING, ""
        link = self._links[asked.id] = _Link(self._ray.start(self.host, asked.id), asked)
        spec = self.spec

        def opened(done: Future[int | Fault]) -> None:
            self._later(lambda: self._opened(node, link, done))

        boxes = spec.boxes or asked.boxes or asked.cores
        open_node(link.actor, self._images, spec.limits, spec.options, boxes).add_done_callback(opened)

    def _opened(self, node: Node, link: _Link, done: Future[int | Fault]) -> list[Delivery]:
        if self._links.get(node.id) is not link:
            return []
        deliveries = []
        if (error := done.exception()) is not None:
            deliveries = self._lose(node, str(error))
        elif isinstance(boxes := done.result(), Fault):
            self._say(f"{node.name} is left out: {boxes.message}")
            link.actor.kill()
            del self._links[node.id]
            deliveries = self._schedule.lost(node, NodeState.LEFT_OUT, boxes.message)
        else:
            node.boxes, node.state = boxes, NodeState.WORKING
            self._vain.pop(node.id, None)
            link.replied_at = time.monotonic()
            self._say(f"{node.name}: {node.boxes} box{'es' * (node.boxes != 1)}")
            self._exchange(node, link)
            self._send_all()
        self._ready()
        return deliveries

    def _ready(self) -> None:
        """Let the opener go on when a node works, or when none can."""
        nodes = self._schedule.nodes.values()
        if self._schedule.working or all(node.state in {NodeState.LOST, NodeState.LEFT_OUT} for node in nodes):
            self._first.set()

    def _lose(self, node: Node, reason: str) -> list[Delivery]:
        """Note that a node's process is gone; it is opened again after a while, if the node is still there."""
        link = self._links.pop(node.id, None)
        if link is not None:
            link.actor.kill()
        vain = self._vain[node.id] = self._vain.get(node.id, -1) + 1
        self._reopen_at[node.id] = time.monotonic() + AGAIN_S[min(vain, len(AGAIN_S) - 1)]
        self._say(f"{node.name} is lost: {reason}")
        deliveries = self._schedule.lost(node, NodeState.LOST, reason)
        self._send_all()
        return deliveries

    def _tick(self) -> list[Delivery]:
        """Look after what takes too long."""
        now, deliveries = time.monotonic(), []
        for node in list(self._schedule.nodes.values()):
            link = self._links.get(node.id)
            if link is None:
                continue
            if node.state is NodeState.OPENING:
                link.actor.call("beat")
            elif (quiet_s := now - link.replied_at) > SILENT_S:
                deliveries += self._lose(node, f"it has not answered for {quiet_s:.0f} s")
            elif quiet_s > QUIET_S:
                self._note_failure(node, f"it has not answered for {quiet_s:.0f} s")
        for node, task in list(self._schedule.overdue(now)):
            self._push(node, [task])
        if now - self._seen_at > HEAD_SILENT_S and self._ended is None:
            self._ended = ClusterUnavailable("the head of the Ray cluster does not answer any more")
            self._say(str(self._ended))
            deliveries += self._schedule.fail_all(self._ended)
            self._first.set()
        return deliveries + self._schedule.given_up(now)

    # closing

    def close(self, *, finish: bool = True) -> None:
        """Wait for the submitted programs (with `finish`), then end every process of this pool."""
        if self._closed.is_set():
            return
        if finish:
            self._wait()
        self._finalizer.detach()
        with self._lock:
            self._closed.set()
            deliveries = self._schedule.fail_all(self._ended or SandboxError("the pool was closed"))
            links, self._links = list(self._links.values()), {}
        for delivery in deliveries:
            for future in delivery.task.futures:
                future.cancel()
        self._events.put(None)
        self._dispatcher.join(CLOSING_S)
        wait([link.actor.call("end") for link in links], CLOSING_S)
        for link in links:
            link.actor.kill()
        self._ray.close()

    def _wait(self) -> None:
        while True:
            with self._lock:
                tasks = self._schedule.tasks()
            futures = [future for task in tasks for future in task.futures]
            if not futures:
                return
            wait(futures)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(finish=kind is None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where programs run: on the nodes of the cluster at this address, or (None) on this machine, in so many boxes."""

    cluster: str | None = None
    boxes: int | None = None
    registry: str | None = None

    def spec(self, limits: Limits, options: ScoringOptions) -> ClusterSpec:
        """Return what a pool of this cluster is opened with."""
        return ClusterSpec(
            address=self.cluster or "auto", limits=limits, options=options, boxes=self.boxes, registry=self.registry
        )


@contextlib.contextmanager
def open_anywhere(
    place: Place, limits: Limits, options: ScoringOptions, say: Callable[[str], None] = lambda _: None
) -> Iterator[Scorer | ClusterPool]:
    """Open boxes here or on a cluster; raises SandboxError before anything is scored, and leaves nothing behind."""
    if place.cluster is None:
        with open_scorer(limits, boxes=place.boxes, options=options, say=say) as scorer:
            yield scorer
        return
    with ClusterPool.of(place.spec(limits, options), say) as pool:
        yield pool


def _read(told: Plain) -> Any:
    """Return a result that arrived; what cannot be read is a bug of ours, and costs one program."""
    try:
        return read_result(told)
    except Exception as error:
        return Fault.of(error)


def _same(told: CallTests | None, own: object) -> CallTests | None:
    """Return the tests that a node told, as the driver's own object where they are equal to it."""
    return own if isinstance(own, CallTests) and told is not None and _alike(told, own) else told


def _alike(one: CallTests, other: CallTests) -> bool:
    return one.source == other.source and one.arranged == other.arranged and len(one.cases) == len(other.cases)


def _fill(future: Future[Any], ask: Callable[[], Any]) -> None:
    try:
        future.set_result(ask())
    except BaseException as error:  # handed on
        future.set_exception(error)


def _after(seconds: float, do: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, do)
    timer.daemon = True
    timer.start()


def _abandon(closed: threading.Event, events: queue.SimpleQueue[Any]) -> None:
    """End the threads of a pool that nobody closed; its processes end by themselves, for lack of a driver."""
    closed.set()
    events.put(None)


def _resolve(delivery: Delivery) -> None:
    for future in delivery.task.futures:
        if future.set_running_or_notify_cancel():
            if delivery.error is not None:
                future.set_exception(delivery.error)
            else:
                future.set_result(delivery.result)
