"""Own all that happens in a cluster's pool: messages of nodes, nodes that come and go, programs that are submitted.

One thread takes one event after the other, holding the lock, and resolves futures without it. What is decided stands in
`sandbox.cluster.schedule`; here it is carried out. Another thread looks for nodes, and at the clock.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sandbox.boxes.image import ImageSpec
from sandbox.cluster.image_transfer import ImageSupply
from sandbox.cluster.messages import ClusterUnavailable, Fault, Plain, SheetBook, read_result, with_tests
from sandbox.cluster.node import NodeHost, NodeReply, NodeRequest, NodeSpec
from sandbox.cluster.ray_client import HEAD_SILENT_S, Actor, ActorLost, RayClient, RayNode
from sandbox.cluster.schedule import PASSING, Delivery, Node, NodeState, Schedule, Task
from sandbox.errors import SandboxError
from sandbox.languages import find_language
from sandbox.scoring.compiler import images_of
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import Limits, Program, Score

QUIET_S, SILENT_S = 6.0, 30.0  # an exchange without an answer: its programs are asked elsewhere; its node is lost
LOOK_S = 1.0  # between two looks for nodes
HEAD_LOST = "the head of the Ray cluster does not answer any more"
AGAIN_S = (1.0, 2.0, 5.0, 15.0, 30.0)  # before a node whose process or engine was lost is opened again
LINGER_PER_NODE_S, MOST_LINGER_S = 0.002, 1.0  # so that all nodes together send some 500 messages a second
CLOSING_S = 10.0
FORGOTTEN_S = 3600.0  # after which a node that has left is not shown any more: nodes may come and go for weeks
PASSES_SOON = frozenset({"EngineUnavailable", "ImageNotSent", *PASSING})  # a node that says so is opened again
Event = Callable[[], "list[Delivery] | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSpec:
    """Which cluster, and what its nodes open.

    `boxes` is the number of boxes of each node (None: its resource `boxes`, else one per core). `registry` is where
    images may be fetched from, before they are carried from node to node. `languages` are those of the programs: every
    node has the same images for them from the start; for others, each node builds its own when they are first needed.
    """

    address: str = "auto"
    limits: Limits = Limits()
    options: ScoringOptions = field(default_factory=ScoringOptions)
    boxes: int | None = None
    registry: str | None = None
    languages: tuple[str, ...] = ()
    patience_s: float = 60.0


@dataclass(slots=True)
class _Link:
    """The process on a node, and what was sent to it."""

    actor: Actor
    asked: RayNode
    confirmed: int = 0
    replied_at: float = 0.0
    unsent: list[Task] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)


class _TaskFuture(Future[Any]):
    """A future of a task that calls `on_cancel` when it is cancelled.

    If `on_cancel` returns True, no result will be delivered, so the future itself notifies those who wait.
    """

    task: Task  # no done callback does this: it would run for every result, and few futures are cancelled

    def __init__(self, on_cancel: Callable[[Task, Future[Any]], bool]) -> None:
        super().__init__()
        self._on_cancel = on_cancel

    def cancel(self) -> bool:
        if not super().cancel():
            return False
        if self._on_cancel(self.task, self):
            self.set_running_or_notify_cancel()  # for those who wait for several futures
        return True


class Dispatcher:
    """Runs tasks on the nodes of a cluster. `host` is what runs on each node."""

    def __init__(self, spec: ClusterSpec, host: type[NodeHost], say: Callable[[str], None]) -> None:
        """Connect, and begin to open nodes; raises ClusterUnavailable, and ValueError for an unknown language."""
        self._spec, self._host, self._say = spec, host, say
        self._images = [ImageSupply(image, spec.registry, say) for image in _images_of(spec)]
        self._ray = RayClient(spec.address)
        self.schedule = Schedule(patience_s=spec.patience_s)
        self._links: dict[str, _Link] = {}
        self._sheets = SheetBook()
        self._reopen_at: dict[str, float] = {}
        self._retries: dict[str, int] = {}
        self.lock = threading.RLock()
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._woken = False
        self.ended: SandboxError | None = None
        self._closed = threading.Event()
        self._first = threading.Event()
        self._ticked_at = self.worked_at = time.monotonic()  # worked_at: when a node last worked
        self._thread = threading.Thread(target=self._dispatch, name="cluster", daemon=True)
        self._thread.start()
        threading.Thread(target=self._watch_nodes, name="cluster-nodes", daemon=True).start()

    def wait_for_a_node(self) -> None:
        """Wait until a node works; raises ClusterUnavailable, with the reasons, if none can."""
        self._first.wait()
        if not self.schedule.working:
            raise self.ended or ClusterUnavailable(f"no node of the cluster can open boxes: {self.schedule.reasons()}")

    def submit(self, program: Program, kind: str, more: Plain, longest_s: float, *, shared: bool = True) -> Future[Any]:
        """Submit a program; return a future of its result. Where `shared`, equal ones that are under way are one."""
        with self.lock:
            if self.ended is not None or self._closed.is_set():
                raise self.ended or RuntimeError("this pool is closed")
            sheet = self._sheets.of(program).number
            task = Task(
                number=self.schedule.next_number(),
                kind=kind,
                sheet=sheet,
                source=program.source,
                more=more,
                longest_s=longest_s,
                key=(kind, sheet, program.source, more) if shared else None,
            )
            future = _TaskFuture(self._cancelled)
            future.task = self.schedule.submit(task, future)
            wake, self._woken = not self._woken, True
        if wake:
            self._events.put(self._woke)
        return future

    def _cancelled(self, task: Task, future: Future[Any]) -> bool:
        with self.lock:
            return self.schedule.cancelled(task, future)

    def _dispatch(self) -> None:
        while (event := self._events.get()) is not None:
            with self.lock:
                try:
                    deliveries = event() or []
                except Exception as error:  # a bug of ours: nobody may wait for this thread in vain
                    deliveries = self._end(SandboxError(f"the cluster's pool has failed: {error!r}"))
            for delivery in deliveries:
                delivery.resolve()

    def _post(self, event: Event) -> None:
        """Queue an event for the dispatcher's thread, which runs it under the lock and delivers what it returns."""
        self._events.put(event)

    def _woke(self) -> None:
        self._woken = False
        self._send_all()

    def _send_all(self) -> None:
        """Send waiting programs to nodes with room, and have surplus ones given back."""
        now = time.monotonic()
        for node in sorted(self.schedule.working, key=lambda one: -self.schedule.room(one)):
            if taken := self.schedule.take(node, now):
                self._push(node, taken)
        for node, count in list(self.schedule.surplus()):
            self._push(node, [], give_back=count)

    def _request(self, node: Node, link: _Link, tasks: Sequence[Task], give_back: int = 0) -> NodeRequest:
        tasks, link.unsent = [*link.unsent, *tasks], []
        tasks = [task for task in tasks if task.number in node.under_way]
        sheets = {task.sheet for task in tasks} - node.sheets
        node.sheets |= sheets
        cancelled, node.cancelled = node.cancelled, []
        dropped, link.dropped = link.dropped, []
        return NodeRequest(
            programs=[(task.number, task.kind, task.sheet, task.source, task.more) for task in tasks],
            sheets=[(number, self._sheets[number].sheet.bare()) for number in sheets],
            dropped=dropped,
            cancelled=cancelled,
            give_back=give_back,
            confirmed=link.confirmed,
            linger_s=self.schedule.linger_s,
        )

    def _push(self, node: Node, tasks: Sequence[Task], give_back: int = 0) -> None:
        link = self._links[node.id]
        request = self._request(node, link, tasks, give_back)

        def pushed(done: Future[Any]) -> None:
            if done.exception() is not None:
                self._post(lambda: self._not_arrived(node, link, request))

        link.actor.call("push", request).add_done_callback(pushed)

    def _not_arrived(self, node: Node, link: _Link, request: NodeRequest) -> None:
        """Send again what may not have arrived, with the next exchange."""
        if self._links.get(node.id) is link:
            link.unsent += [node.under_way[told[0]] for told in request.programs if told[0] in node.under_way]
            node.sheets -= {number for number, _ in request.sheets}
            node.cancelled += request.cancelled
            link.dropped += request.dropped

    def _exchange(self, node: Node, link: _Link) -> None:
        if self._links.get(node.id) is not link:
            return
        request = self._request(node, link, self.schedule.take(node, time.monotonic()))

        def answered(done: Future[NodeReply]) -> None:
            self._post(lambda: self._replied(node, link, request, done))

        link.actor.call("exchange", request).add_done_callback(answered)

    def _replied(self, node: Node, link: _Link, request: NodeRequest, done: Future[NodeReply]) -> list[Delivery]:
        if self._links.get(node.id) is not link or self._closed.is_set():
            return []
        now = time.monotonic()
        if (error := done.exception()) is not None:
            if isinstance(error, ActorLost) or now - link.replied_at > SILENT_S:
                return self._lose(node, str(error))
            self._not_arrived(node, link, request)
            _after(0.5, lambda: self._post(lambda: self._exchange(node, link)))
            return []
        reply = done.result()
        deliveries = self._receive_results(node, link, reply)
        if ran := sum(told is not None for _, told, _ in reply.results):
            self.schedule.measured(node, ran, now - link.replied_at)
        link.replied_at = now
        self._note_failure(node, reply.failure)
        self._exchange(node, link)
        if not self.schedule.waiting or any(other.idle for other in self.schedule.working):
            self._send_all()
        return deliveries

    def _receive_results(self, node: Node, link: _Link, reply: NodeReply) -> list[Delivery]:
        """Note the results of a reply; return what is to be delivered."""
        deliveries, given_back = [], []
        for place, (number, told, tests) in enumerate(reply.results, reply.last - len(reply.results) + 1):
            if place <= link.confirmed:
                continue  # it came before, and the node had not heard so
            if tests is not None and (known := self._sheets.get(tests[0])) is not None:
                known.learn(*tests[1:])
            task = node.under_way.get(number)
            if told is None:
                given_back.append(number)
                continue
            if task is None or task.done:
                self.schedule.finished(node, number, None)
                continue
            result = read_result(told)
            if isinstance(result, Score) and (its := self._sheets.get(task.sheet)) is not None and its.told is not None:
                result = with_tests(result, *its.told)
            if isinstance(result, Fault) and result.kind == "SheetMissing":
                node.sheets.discard(task.sheet)
                self.schedule.gave_back(node, [number])
                continue
            delivery = self.schedule.finished(node, number, result)
            if delivery is not None:
                deliveries.append(delivery)
        link.confirmed = max(link.confirmed, reply.last)
        node.asked_back = max(0, node.asked_back - len(given_back)) if given_back else 0
        self.schedule.gave_back(node, given_back)
        return deliveries

    def _note_failure(self, node: Node, failure: str | None) -> None:
        if failure is not None and node.state is NodeState.WORKING:
            self.schedule.rests(node, failure)
            self._say(f"{node.name} rests: {failure}")
            self._send_all()
        elif failure is None and node.state is NodeState.RESTING:
            node.state, node.reason = NodeState.WORKING, ""
            self._say(f"{node.name} works again")

    # nodes

    def _watch_nodes(self) -> None:
        """Poll the cluster for nodes that came or went, and trigger the checks of time limits, until closed."""
        asked, silent_s, looked_at = self._ray.nodes_later(), 0.0, time.monotonic()
        while True:
            now = time.monotonic()
            silent_s += min(now - looked_at, 2 * LOOK_S)  # this process may have been stopped for a while
            looked_at = now
            try:
                self._post(partial(self._update_nodes, asked.result(LOOK_S)))
                silent_s = 0.0
            except ClusterUnavailable as error:
                self._post(partial(self._end, error))
            except Exception:  # it is silent, or is not there
                if silent_s > HEAD_SILENT_S:
                    self._post(partial(self._end, ClusterUnavailable(HEAD_LOST)))
            self._post(self._tick)
            if self._closed.wait(LOOK_S):
                return
            if asked.done():
                asked = self._ray.nodes_later()

    def _update_nodes(self, found: list[RayNode]) -> list[Delivery]:
        now, deliveries = time.monotonic(), []
        alive = {node.id: node for node in found}
        for node in list(self.schedule.nodes.values()):
            if node.id not in alive and node.state is not NodeState.LOST:
                deliveries += self._lose(node, "it has left the cluster")
            elif node.id not in alive and now - self._reopen_at.get(node.id, now) > FORGOTTEN_S:
                del self.schedule.nodes[node.id], self._reopen_at[node.id], self._retries[node.id]
        for id_, asked in alive.items():
            known = self.schedule.nodes.get(id_)
            closed = known is not None and known.state in {NodeState.LOST, NodeState.LEFT_OUT}
            if known is None or (closed and now >= self._reopen_at.get(id_, 0.0)):
                self._open(asked)
        if not alive:
            self._ready()
        self.schedule.linger_s = min(MOST_LINGER_S, LINGER_PER_NODE_S * len(self.schedule.working))
        return deliveries

    def _open(self, asked: RayNode) -> None:
        """Start this pool's process on a node, and have it open its boxes."""
        if self._closed.is_set() or self.ended is not None:
            return
        node = self.schedule.nodes.get(asked.id)
        if node is None:
            node = self.schedule.nodes[asked.id] = Node(asked.id, asked.name)
        node.state, node.reason = NodeState.OPENING, ""
        link = self._links[asked.id] = _Link(self._ray.start(self._host, asked.id, name=asked.name), asked)
        spec = self._spec

        def opened(done: Future[int | Fault]) -> None:
            self._post(lambda: self._opened(node, link, done))

        boxes = spec.boxes or asked.boxes or asked.cores
        _open_node(link.actor, self._images, spec.limits, spec.options, boxes).add_done_callback(opened)

    def _opened(self, node: Node, link: _Link, done: Future[int | Fault]) -> list[Delivery]:
        if self._links.get(node.id) is not link:
            return []
        deliveries = []
        if (error := done.exception()) is not None:
            deliveries = self._lose(node, str(error))
        elif isinstance(boxes := done.result(), Fault):
            deliveries = self._leave_out(node, link, boxes)
        else:
            node.boxes, node.state = boxes, NodeState.WORKING
            self._retries.pop(node.id, None)
            link.replied_at = time.monotonic()
            self._say(f"{node.name}: {node.boxes} box{'es' * (node.boxes != 1)}")
            self._exchange(node, link)
            self._send_all()
        self._ready()
        return deliveries

    def _leave_out(self, node: Node, link: _Link, fault: Fault) -> list[Delivery]:
        """Note that a node cannot open boxes; it is tried again where its engine may only not have started yet."""
        retries = self._count_retry(node)
        if not retries:
            self._say(f"{node.name} is left out: {fault.message}")
        again_s = _reopen_wait_s(retries + 2) if fault.kind in PASSES_SOON else math.inf
        self._reopen_at[node.id] = time.monotonic() + again_s
        link.actor.kill()
        del self._links[node.id]
        return self.schedule.lost(node, NodeState.LEFT_OUT, fault.message)

    def _count_retry(self, node: Node) -> int:
        """Return how often a node was lost before, and count this time."""
        self._retries[node.id] = self._retries.get(node.id, -1) + 1
        return self._retries[node.id]

    def _ready(self) -> None:
        """Wake the thread that opens the pool when a node works, or when none can."""
        nodes = self.schedule.nodes.values()
        if self.schedule.working or all(node.state in {NodeState.LOST, NodeState.LEFT_OUT} for node in nodes):
            self._first.set()

    def _lose(self, node: Node, reason: str) -> list[Delivery]:
        """Note that a node's process is gone; it is opened again after a while, if the node is still there."""
        link = self._links.pop(node.id, None)
        if link is not None:
            link.actor.kill()
        retries = self._count_retry(node)
        self._reopen_at[node.id] = time.monotonic() + _reopen_wait_s(retries)
        if not retries:
            self._say(f"{node.name} is lost: {reason}")
        deliveries = self.schedule.lost(node, NodeState.LOST, reason)
        self._send_all()
        return deliveries

    def _tick(self) -> list[Delivery]:
        """Check the time limits of nodes and programs: silent nodes are lost, overdue programs are sent again."""
        now, deliveries = time.monotonic(), []
        stopped_s = max(0.0, now - self._ticked_at - 3 * LOOK_S)  # for which this process has not run: no node's fault
        self._ticked_at, self.worked_at = now, now if self.schedule.working else self.worked_at + stopped_s
        for node in list(self.schedule.nodes.values()):
            link = self._links.get(node.id)
            if link is None:
                continue
            link.replied_at = min(now, link.replied_at + stopped_s)
            if node.state is NodeState.OPENING:
                link.actor.call("heartbeat")
            elif (quiet_s := now - link.replied_at) > SILENT_S:
                deliveries += self._lose(node, f"it has not answered for {quiet_s:.0f} s")
            elif quiet_s > QUIET_S:
                self._note_failure(node, f"it has not answered for {quiet_s:.0f} s")
        for node, task in list(self.schedule.overdue(now)):
            self._push(node, [task])
        self._forget_sheets()
        return deliveries + self.schedule.given_up(now)

    def _end(self, error: SandboxError) -> list[Delivery]:
        """Fail all programs, present and later ones, with this error."""
        if self.ended is not None:
            return []
        self.ended = error
        self._say(str(error))
        self._first.set()
        return self.schedule.end(error)

    def _forget_sheets(self) -> None:
        """Have nodes drop the tests that no program uses any more."""
        gone = self._sheets.forget(lambda: {task.sheet for task in self.schedule.tasks()})
        for id_, link in self._links.items():
            node = self.schedule.nodes[id_]
            link.dropped += node.sheets.intersection(gone)
            node.sheets.difference_update(gone)

    # closing

    def wait(self) -> None:
        """Wait until nothing is under way."""
        while True:
            with self.lock:
                futures = [future for task in self.schedule.tasks() for future in task.futures]
            if not futures:
                return
            wait(futures)

    def close(self) -> None:
        """Cancel what is under way, and end every process on the nodes."""
        with self.lock:
            if self._closed.is_set():
                return
            self._closed.set()
            futures = [future for task in self.schedule.tasks() for future in task.futures]
            links, self._links = list(self._links.values()), {}
        for future in futures:
            future.cancel()
        self._events.put(None)
        if threading.current_thread() is not self._thread:  # a future's callback may close the pool
            self._thread.join(CLOSING_S)
        wait([link.actor.call("end") for link in links], CLOSING_S)
        for link in links:
            link.actor.kill()
        self._ray.close()


def _images_of(spec: ClusterSpec) -> list[ImageSpec]:
    """Return the images that every node needs; raises ValueError for a language that is not known."""
    found = [find_language(name) for name in spec.languages]
    return [spec.options.image_spec, *images_of(language for language in found if language is not None)]


def _open_node(
    node: Actor, images: Sequence[ImageSupply], limits: Limits, options: ScoringOptions, boxes: int
) -> Future[int | Fault]:
    """Open a node's boxes on a thread of its own; return a future of their number, or of why it cannot."""
    opened: Future[int | Fault] = Future()

    def opening() -> None:
        try:
            digests = []
            for supply in images:
                digest = supply.provide(node)
                if isinstance(digest, Fault):
                    opened.set_result(digest)
                    return
                digests.append((supply.image, digest))
            spec = NodeSpec(limits=limits, options=options, digests=digests, boxes=boxes)
            opened.set_result(node.call("open", spec).result())
        except BaseException as error:  # the node is lost, and the future says why
            opened.set_exception(error)

    threading.Thread(target=opening, name="cluster-opening", daemon=True).start()
    return opened


def _reopen_wait_s(retries: int) -> float:
    return AGAIN_S[min(retries, len(AGAIN_S) - 1)]


def _after(seconds: float, do: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, do)
    timer.daemon = True
    timer.start()
