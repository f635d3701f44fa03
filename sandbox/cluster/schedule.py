"""Decide which node runs which program: pure decisions over values, without Ray, threads or clocks.

A program waits in one queue until a node has room. Room is what keeps a node's boxes busy until the next message, and
no more: so a slow node holds little, and a node that joins finds work. When the queue is empty and a node is idle,
others give back programs that they have not begun. A program whose node is lost, or whose node's engine is gone, is put
back in front; one that is under way for longer than its limits allow is given to a second node, and the first result
counts. Equal programs that are under way share one run.

A program that has lost two nodes may be the cause: from then on it has a node to itself, and after `MAX_LOSSES` it is
given up with an exception, never with a verdict.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sandbox.cluster.messages import ClusterUnavailable, Fault, NodeLost, Plain

AHEAD = 2  # programs per box: one runs, one is next
BUSY_LINGER_S = 0.2  # the longest time that nodes gather results while programs wait: a message costs much CPU
LAG_S = 0.06  # beside the time that results are gathered: how long a message may take on a busy machine
SUSPECT, MAX_LOSSES = 2, 5
MAX_FAULTS, MAX_GONE = 3, 10  # in one program's way: of the moment, and of nodes
OVERDUE_S = 15.0  # beyond a program's own limits
PATIENCE_S = 60.0  # without any node that works
SMOOTH = 0.3  # the share of the newest measurement in a node's rate
LOOK_BACK = 64  # programs that are looked at for one that may go to a node
# Faults of the node, not of the program. TaskCancelled is one: a node that seemed lost was told to cancel the program,
# but somebody still waits for it.
GONE = frozenset({"EngineUnavailable", "ImageMissing", "RuntimeUnknown", "PoolInOtherProcess", "TaskCancelled"})
PASSING = frozenset({"BoxLost", "BoxSilent", "MachineBusy", "OutOfResources"})  # the moment may be to blame


class NodeState(StrEnum):
    """What a node is doing."""

    OPENING = "opening"
    WORKING = "working"
    RESTING = "resting"  # its engine does not answer, or its boxes do not open
    LOST = "lost"
    LEFT_OUT = "left out"  # it cannot open boxes, for the reason that is told


@dataclass(eq=False, slots=True)
class Task:
    """One program that was asked for, and the futures of those who wait for it."""

    number: int
    kind: str
    sheet: int
    source: str
    more: Plain = None
    longest_s: float = 60.0
    key: Hashable = None  # equal tasks have the same; None: it is run for itself
    futures: dict[Future[Any], None] = field(default_factory=dict)  # those that were not cancelled
    losses: int = 0
    faults: int = 0
    last_fault: Fault | None = None
    avoided: set[str] = field(default_factory=set)  # nodes that have failed it
    places: dict[Node, float] = field(default_factory=dict)  # where it is now, and since when
    done: bool = False

    @property
    def wanted(self) -> bool:
        """Return whether anybody still waits for it."""
        return bool(self.futures) and not self.done


@dataclass(eq=False, slots=True)
class Node:
    """One node, as the driver knows it."""

    id: str
    name: str
    boxes: int = 0
    state: NodeState = NodeState.OPENING
    reason: str = ""
    under_way: dict[int, Task] = field(default_factory=dict)
    sheets: set[int] = field(default_factory=set)  # that were sent
    cancelled: list[int] = field(default_factory=list)  # to be told
    programs: int = 0
    faults: int = 0
    rate: float = 0.0  # programs a second
    asked_back: int = 0  # programs that it was asked to give back and has not yet
    alone: Task | None = None  # the one program that it may have

    @property
    def idle(self) -> int:
        """Return how many of its boxes have nothing to do."""
        return max(0, self.boxes - len(self.under_way)) if self.state is NodeState.WORKING else 0


@dataclass(slots=True)
class Delivery:
    """What a task's futures are to be given."""

    task: Task
    result: Any = None
    error: Exception | None = None

    def resolve(self) -> None:
        """Give it to them; what they call then may take any lock."""
        for future in self.task.futures:
            if future.set_running_or_notify_cancel():
                if self.error is not None:
                    future.set_exception(self.error)
                else:
                    future.set_result(self.result)


class Schedule:
    """The queue and the nodes. Not safe for several threads at once: its owner holds a lock."""

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        self.nodes: dict[str, Node] = {}
        self._linger_s = 0.0
        self._patience_s = patience_s
        self._queue: deque[Task] = deque()
        self._asked: dict[Hashable, Task] = {}
        self._tasks = 0
        self._nobody_since: float | None = None

    @property
    def waiting(self) -> int:
        """Return how many programs wait for a node."""
        return len(self._queue)

    @property
    def linger_s(self) -> float:
        """Return how long nodes gather results before they send them, in seconds.

        While programs are queued it is longer, because no node becomes idle by that. It never exceeds the time that the
        queue needs, so the last results of a batch come without delay.
        """
        rate = sum(node.rate for node in self.working)
        waiting_s = len(self._queue) / rate if rate else 0.0
        return max(self._linger_s, min(BUSY_LINGER_S, waiting_s))

    @linger_s.setter
    def linger_s(self, seconds: float) -> None:
        self._linger_s = seconds

    @property
    def working(self) -> list[Node]:
        """Return the nodes that work."""
        return [node for node in self.nodes.values() if node.state is NodeState.WORKING]

    def submit(self, task: Task, future: Future[Any]) -> Task:
        """Put a task into the queue, or let the future share an equal one; return the task."""
        known = self._asked.get(task.key) if task.key is not None else None
        if known is not None and known.wanted:
            known.futures[future] = None
            return known
        task.futures[future] = None
        if task.key is not None:
            self._asked[task.key] = task
        self._queue.append(task)
        return task

    def tasks(self) -> list[Task]:
        """Return all tasks that wait or are under way."""
        on_nodes = (task for node in self.nodes.values() for task in node.under_way.values())
        return [task for task in dict.fromkeys([*self._queue, *on_nodes]) if task.wanted]

    def next_number(self) -> int:
        """Return a number for a new task."""
        self._tasks += 1
        return self._tasks

    def room(self, node: Node) -> int:
        """Return how many programs may be sent to a node now."""
        if node.state is not NodeState.WORKING or (node.alone is not None and node.alone.number in node.under_way):
            return 0
        window = AHEAD * node.boxes + math.ceil(node.rate * (max(self._linger_s, BUSY_LINGER_S) + LAG_S))
        return max(0, window - len(node.under_way))

    def take(self, node: Node, now: float) -> list[Task]:
        """Move programs from the queue to a node: as many as it has room for, and no idle box elsewhere could take."""
        taken: list[Task] = []
        passed: list[Task] = []
        others = {other.id for other in self.working} - {node.id}
        spare = len(self._queue) - sum(self.nodes[id_].idle for id_ in others)
        room = min(self.room(node), max(node.idle, spare))
        while self._queue and len(taken) < room and len(passed) < LOOK_BACK:
            task = self._queue.popleft()
            if not task.wanted:
                self._forget(task)
                continue
            suspect = task.losses >= SUSPECT
            if (node.id in task.avoided and others - task.avoided) or (suspect and (node.under_way or taken)):
                passed.append(task)
                continue
            taken.append(task)
            if suspect:
                node.alone = task
                break
        self._queue.extendleft(reversed(passed))
        for task in taken:
            self._place(task, node, now)
        return taken

    def _place(self, task: Task, node: Node, now: float) -> None:
        task.places[node] = now
        node.under_way[task.number] = task

    def surplus(self) -> Iterator[tuple[Node, int]]:
        """Yield the nodes that are to give back programs which they have not begun, and how many."""
        idle = 0 if self._queue else sum(node.idle for node in self.working)
        for node in self.working:
            count = min(idle, len(node.under_way) - node.boxes - node.asked_back)
            if count > 0:
                idle -= count
                node.asked_back += count
                yield node, count

    def overdue(self, now: float) -> Iterator[tuple[Node, Task]]:
        """Yield programs that are under way for too long, each with an idle node, where it is placed as well."""
        for slow in self.working:
            for task in [task for task in slow.under_way.values() if len(task.places) == 1 and task.wanted]:
                if now - task.places[slow] < task.longest_s + OVERDUE_S:
                    continue
                idle = [node for node in self.working if node is not slow and node.idle]
                if idle and not self._queue:
                    self._place(task, idle[0], now)
                    yield idle[0], task

    def finished(self, node: Node, number: int, result: Any) -> Delivery | None:
        """Note a result from a node; return what is to be delivered, if anything.

        A second result of the same task, or one that nobody waits for, delivers nothing.
        """
        task = node.under_way.pop(number, None)
        if task is None:
            return None
        task.places.pop(node, None)
        if task.done:
            return None
        if isinstance(result, Fault):
            return self._failed(task, node, result)
        node.programs += 1
        return self._deliver(Delivery(task, result))

    def _failed(self, task: Task, node: Node, fault: Fault) -> Delivery | None:
        """Retry the task if the fault is of a node or temporary; else deliver the exception."""
        node.faults += 1
        task.last_fault = fault
        task.faults += 1
        most = MAX_FAULTS if fault.kind in PASSING else MAX_GONE if fault.kind in GONE else 0
        if task.faults < most:
            task.avoided.add(node.id)
            if not task.places:
                self._queue.appendleft(task)
            return None
        return self._deliver(Delivery(task, error=fault.error()))

    def _deliver(self, delivery: Delivery) -> Delivery:
        task = delivery.task
        task.done = True
        self._forget(task)
        for other in task.places:
            other.cancelled.append(task.number)
        return delivery

    def _forget(self, task: Task) -> None:
        if task.key is not None and self._asked.get(task.key) is task:
            del self._asked[task.key]

    def gave_back(self, node: Node, numbers: Iterable[int]) -> None:
        """Put programs that a node has not begun back in front."""
        for number in numbers:
            task = node.under_way.pop(number, None)
            if task is not None:
                task.places.pop(node, None)
                if task.wanted and not task.places:
                    self._queue.appendleft(task)

    def cancelled(self, task: Task, future: Future[Any]) -> bool:
        """Note that a future of the task was cancelled; where nobody waits any more, its nodes are told.

        Return False if it comes too late: then the result is on its way to the future.
        """
        if task.done or future not in task.futures:
            return False
        del task.futures[future]
        if not task.futures:
            task.done = True
            self._forget(task)
            for node in task.places:
                node.cancelled.append(task.number)
        return True

    def rests(self, node: Node, reason: str) -> None:
        """Note that a node's boxes do not work now; its programs go elsewhere, which is not their fault."""
        node.state, node.reason = NodeState.RESTING, reason
        node.cancelled += node.under_way
        for task in self._taken_from(node):
            task.avoided.add(node.id)
            task.last_fault = Fault("EngineUnavailable", f"{node.name}: {reason}")

    def lost(self, node: Node, state: NodeState, reason: str) -> list[Delivery]:
        """Note that a node is gone; return the exceptions of programs that have lost too many nodes."""
        node.state, node.reason, node.boxes = state, reason, 0
        node.cancelled.clear()
        node.sheets.clear()
        deliveries = []
        for task in self._taken_from(node):
            task.losses += 1
            if task.losses >= MAX_LOSSES:
                told = (
                    f"{task.losses} nodes were lost while they ran this program, the last one is {node.name}: {reason}"
                )
                deliveries.append(self._deliver(Delivery(task, error=NodeLost(told))))
        if deliveries:
            self._queue = deque(task for task in self._queue if not task.done)
        return deliveries

    def _taken_from(self, node: Node) -> list[Task]:
        """Take all programs from a node, and put back in front those that are nowhere else."""
        tasks = list(node.under_way.values())
        node.under_way.clear()
        node.asked_back, node.rate = 0, 0.0
        for task in reversed(tasks):
            task.places.pop(node, None)
            if task.wanted and not task.places:
                self._queue.appendleft(task)
        return [task for task in tasks if not task.done]

    def given_up(self, now: float) -> list[Delivery]:
        """Return exceptions for all that waits, if no node has worked for too long."""
        if self.working or not self._queue:
            self._nobody_since = None
            return []
        self._nobody_since = self._nobody_since or now
        if now - self._nobody_since < self._patience_s and any(
            node.state is not NodeState.LEFT_OUT for node in self.nodes.values()
        ):
            return []
        return self.fail_all(ClusterUnavailable(f"no node of the cluster runs programs: {self.reasons()}"))

    def fail_all(self, error: Exception) -> list[Delivery]:
        """Return the same exception for everything that waits or is under way."""
        tasks = self.tasks()
        self._queue.clear()
        return [self._deliver(Delivery(task, error=error)) for task in tasks]

    def end(self, error: Exception) -> list[Delivery]:
        """Return the exception for everything that waits or is under way; no node works any more."""
        deliveries = self.fail_all(error)
        for node in self.nodes.values():
            self.lost(node, NodeState.LOST, str(error))
        return deliveries

    def reasons(self) -> str:
        """Return why each node does not work."""
        states = [f"{node.name}: {node.state}{', ' * bool(node.reason)}{node.reason}" for node in self.nodes.values()]
        return "; ".join(states) or "it has no node with cores"

    def measured(self, node: Node, programs: int, seconds: float) -> None:
        """Note how many programs a node has finished in some seconds."""
        if seconds > 0:
            node.rate += SMOOTH * (programs / seconds - node.rate)
