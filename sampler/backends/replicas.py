"""Sample one model with several engines at once, each in a process on a node of a Ray cluster.

Every replica has a short queue, from which its engine takes requests when it has room; the driver fills it, so that no
engine starves and none has much more than it works on. When no request is left, an idle replica gets what another one
has not begun. A sample's costs are those that its own engine attributes to it, as on one machine; its energy is
measured on its node, where the node's meters count that engine alone, and else unknown. The samples of a replica that
is lost are asked from the others: their seeds follow from their indices, and an index that has come is not taken twice.
`replica_placement` says which nodes they run on.

Weights are found on each node as on one machine, and all replicas must have the same.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sampler.backends.base import Backend, BackendError, CannotLoad, EngineLost, Information, NotOpened, WaitPolicy
from sampler.backends.replica_placement import RESERVATIONS, ReplicaSpec, Reservation
from sampler.values import Closeable, ModelCard, Request, Sample, SamplingParams
from sandbox.cluster.messages import ClusterUnavailable
from sandbox.cluster.ray_client import Actor, ActorLost, RayClient

QUEUED = 8  # requests that wait at a replica's engine
HEARTBEAT_S, LEASE_S, SILENT_S = 0.5, 30.0, 90.0
NO_ANSWER = f"it has not answered for {SILENT_S:.0f} s"
OPENING_S = 1800.0  # loading weights may take that long
_ERRORS = {kind.__name__: kind for kind in (BackendError, CannotLoad, EngineLost)}
ErrorWords = tuple[str, str]  # the name and the words of an exception


# Travels to the nodes, so it is a function of a module with plain arguments; `measured` says whether its energy can be.
OpenEngine = Callable[..., Backend]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawReply:
    """What a replica answers: samples up to number `last`, how many requests it can take, and whether it has ended.

    It has ended when it was told that no request follows, and has drawn all samples.
    """

    last: int
    samples: Sequence[Sample]
    room: int
    ended: bool
    error: ErrorWords | None


class ReplicaHost:
    """One engine on a node. Its methods are called by Ray, each on a thread of its own."""

    def __init__(self, lease_s: float = LEASE_S) -> None:
        self._lease_s = lease_s
        self._changed = threading.Condition()
        self._waiting: deque[Request] = deque()
        self._samples: deque[tuple[int, Sample]] = deque()
        self._last, self._round = 0, 0
        self._error: ErrorWords | None = None
        self._all_asked = self._ended = False
        self._heard = time.monotonic()
        self._backend: Backend | None = None
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="drawing")
        threading.Thread(target=self._watch_driver, daemon=True).start()

    def heartbeat(self) -> None:
        """Record that the driver is alive."""
        self._heard = time.monotonic()

    def open(self, engine: OpenEngine, *, measured: bool) -> ModelCard | ErrorWords:
        """Start the engine and load the model; return its card, or why it cannot."""
        try:
            self._backend = engine(measured=measured)
        except (BackendError, ValueError, OSError) as error:
            return _error_words(error)
        return self._backend.card

    def begin(self, params: SamplingParams) -> None:
        """Begin to draw samples; requests and samples of an earlier call are dropped."""
        with self._changed:
            self._round += 1
            self._waiting.clear()
            self._samples.clear()
            self._error, self._all_asked, self._ended = None, False, False
            self._changed.notify_all()
            this = self._round
        drawing = self._threads.submit(self._draw, this, params)
        drawing.add_done_callback(partial(self._drawn, this))

    def exchange(self, requests: Sequence[Request], confirmed: int, *, all_asked: bool) -> DrawReply:
        """Take requests, and return samples: as soon as there is one, or room for requests.

        `all_asked` says that no request follows, as far as is known.
        """
        self.heartbeat()
        with self._changed:
            while self._samples and self._samples[0][0] <= confirmed:
                self._samples.popleft()
            self._waiting.extend(requests)
            self._all_asked = all_asked
            self._changed.notify_all()
            self._changed.wait_for(self._has_news, HEARTBEAT_S)
            samples = [sample for _, sample in self._samples]
            return DrawReply(last=self._last, samples=samples, room=self._room, ended=self._ended, error=self._error)

    def _has_news(self) -> bool:
        hungry = 2 * len(self._waiting) <= QUEUED and not self._all_asked
        return bool(self._samples or self._error or self._ended or hungry)

    def give_back(self, count: int) -> list[Request]:
        """Return requests that the engine has not taken, the newest first."""
        with self._changed:
            return [self._waiting.pop() for _ in range(min(count, len(self._waiting)))]

    @property
    def _room(self) -> int:
        return max(0, QUEUED - len(self._waiting))

    def _draw(self, this: int, params: SamplingParams) -> None:
        if self._backend is None:
            raise EngineLost("the engine is closed")
        for sample in self._backend.sample(self._requests(this), params):
            with self._changed:
                if this != self._round:
                    return
                self._last += 1
                self._samples.append((self._last, sample))
                self._changed.notify_all()

    def _drawn(self, this: int, done: Future[None]) -> None:
        error = done.exception()
        with self._changed:
            if this == self._round:
                self._error, self._ended = None if error is None else _error_words(error), error is None
                self._changed.notify_all()

    def _requests(self, this: int) -> Iterator[Request]:
        """Yield requests as they come, until all were asked."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._all_asked or this != self._round)
                if this != self._round or not self._waiting:
                    return
                request = self._waiting.popleft()
                self._changed.notify_all()
            yield request

    def _watch_driver(self) -> None:
        while time.monotonic() - self._heard < self._lease_s:
            time.sleep(1.0)
        self.end()

    def end(self) -> None:
        """Close the engine, and end this process soon after."""
        backend, self._backend = self._backend, None
        try:
            if backend is not None:
                backend.close()
        finally:
            threading.Timer(0.5, os._exit, (0,)).start()


def _error_words(error: BaseException) -> ErrorWords:
    name = type(error).__name__
    return (name, str(error)) if name in _ERRORS else ("BackendError", f"{name}: {error}")


@dataclass(eq=False, slots=True)
class _Replica:
    """A replica, as the driver knows it: `owed` are the requests whose samples it still has to draw."""

    actor: Actor
    name: str
    confirmed: int = 0
    room: int = QUEUED
    ended: bool = False
    heard_at: float = 0.0
    owed: dict[tuple[str, int], Request] = field(default_factory=dict)  # by problem and index


class ReplicatedBackend(Closeable):
    """One model in several engines on a cluster; see the module.

    An engine ends `lease_s` after the last word of its driver, which a thread sends also while nobody asks for samples.
    """

    lease_s = LEASE_S

    def __init__(
        self,
        engine: OpenEngine,
        spec: ReplicaSpec,
        tell: Callable[[str], None],
        waiting: WaitPolicy | None = None,
    ) -> None:
        """Wait for nodes, start the engines and load the model in each; raises BackendError, and leaves none behind."""
        self._tell, self._waiting = tell, waiting or WaitPolicy()
        self._replicas: list[_Replica] = []
        self._closed = threading.Event()
        self._stack = ExitStack()  # the nodes, and below them the connection
        try:
            self._ray = RayClient(spec.cluster)
        except ClusterUnavailable as error:
            raise BackendError(str(error)) from error
        self._stack.callback(self._ray.close)
        try:
            self._card = self._opened(engine, self._reserved(spec))
        except BaseException:
            self.close()
            raise

    def _reserved(self, spec: ReplicaSpec) -> Reservation:
        nodes = partial(self._ray.nodes_later, all_kinds=True)
        return self._stack.enter_context(RESERVATIONS.reserved(spec, nodes, self._waiting, self._tell))

    @property
    def card(self) -> ModelCard:
        """Return the model's name, digest and architecture."""
        return self._card

    def _opened(self, engine: OpenEngine, reservation: Reservation) -> ModelCard:
        opening = []
        for node, measured in zip(reservation.nodes, reservation.measured, strict=True):
            actor = self._ray.start(ReplicaHost, node.id, self.lease_s, gpus=reservation.gpus)
            self._replicas.append(_Replica(actor, node.name))
            opening.append(actor.call("open", engine, measured=measured))
        beating = (self._replicas, self.lease_s / 6, self._closed)
        threading.Thread(target=_send_heartbeats, args=beating, name="replicas", daemon=True).start()
        cards: list[ModelCard] = []
        for replica, future in zip(self._replicas, opening, strict=True):
            card = self._waited(future, replica)
            if not isinstance(card, ModelCard):
                raise _ERRORS[card[0]](f"the replica on {replica.name}: {card[1]}")
            cards.append(card)
            if card.digest != cards[0].digest:
                raise CannotLoad(f"the nodes {self._replicas[0].name} and {replica.name} have different weights")
        shared = "" if all(reservation.measured) else "; energy is not measured, as they share machines"
        names = ", ".join(replica.name for replica in self._replicas)
        self._tell(Information(f"{len(cards)} replicas: {names}{shared}"))
        return cards[0]

    def _waited(self, future: Future[Any], replica: _Replica) -> Any:
        """Return what opening a replica came to."""
        deadline = time.monotonic() + OPENING_S
        while time.monotonic() < deadline:
            try:
                return future.result(HEARTBEAT_S)
            except TimeoutError:
                if self._waiting.stopping():
                    raise NotOpened(f"stopped while the replica on {replica.name} opened") from None
            except ActorLost as error:
                raise EngineLost(f"the replica on {replica.name} was lost while it opened: {error}") from error
        raise CannotLoad(f"the replica on {replica.name} has not opened within {OPENING_S:.0f} s; are its GPUs free?")

    def sample(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Sample]:
        """Yield every sample that the requests ask for, each exactly once; raises BackendError."""
        return _Drawing(self._replicas, requests, params, self._tell, self._waiting.stopping).samples()

    def close(self) -> None:
        """End all engines."""
        self._closed.set()
        replicas, self._replicas = self._replicas, []
        for ending in [replica.actor.call("end") for replica in replicas]:
            if ending.exception(SILENT_S) is not None:
                continue
        for replica in replicas:
            replica.actor.kill()
        self._stack.close()


def _send_heartbeats(replicas: list[_Replica], interval_s: float, closed: threading.Event) -> None:
    while not closed.wait(interval_s):
        for replica in list(replicas):
            replica.actor.call("heartbeat")


class _Drawing:
    """Gives the requests of one call of `sample` to the replicas, and takes what they draw."""

    def __init__(
        self,
        replicas: list[_Replica],
        requests: Iterable[Request],
        params: SamplingParams,
        tell: Callable[[str], None],
        stopping: Callable[[], bool],
    ) -> None:
        self._replicas, self._source, self._params, self._tell = replicas, iter(requests), params, tell
        self._stopping, self._stopped = stopping, False
        self._again: deque[Request] = deque()  # what a replica has not drawn
        self._all_asked = False
        self._asked: set[_Replica] = set()  # whose answer has not come
        self._events: queue.SimpleQueue[tuple[_Replica, Future[DrawReply]]] = queue.SimpleQueue()
        for replica in replicas:
            replica.ended = True
            replica.owed.clear()  # an earlier call was left before its end

    def samples(self) -> Iterator[Sample]:
        """Yield every sample once."""
        for replica in list(self._replicas):
            self._feed(replica)
        while self._asked:
            replica, done = self._events.get()
            self._asked.discard(replica)
            if self._stopping() and not self._stopped:
                self._stop()
            try:
                yield from _arrived(replica, done)
            except ActorLost as error:
                self._lose(replica, str(error))
                continue
            if replica.ended:
                self._again.extend(_undrawn(replica) or ([] if self._again else self._surplus(replica)))
            self._feed(replica)

    def _feed(self, replica: _Replica) -> None:
        """Give a replica requests, and ask for what it has drawn; one that has ended begins again if there are any."""
        if replica in self._asked or replica not in self._replicas:
            return  # it was lost, or fed instead of one that was
        given = self._following(QUEUED if replica.ended else replica.room)
        if replica.ended and not given:
            return
        if replica.ended:
            try:
                replica.actor.call("begin", self._params).result(SILENT_S)
            except (ActorLost, TimeoutError) as error:  # it was lost since the last call
                self._again.extendleft(reversed(given))
                self._lose(replica, str(error) or NO_ANSWER)
                return
            replica.ended, replica.heard_at = False, time.monotonic()
        for request in given:
            for number in range(request.count):
                replica.owed[request.problem, request.first + number] = request
        all_asked = self._stopped or (self._all_asked and not self._again)
        self._asked.add(replica)
        future = replica.actor.call("exchange", given, replica.confirmed, all_asked=all_asked)
        future.add_done_callback(lambda done: self._events.put((replica, done)))

    def _following(self, count: int) -> list[Request]:
        if self._stopped:
            return []
        taken = [self._again.popleft() for _ in range(min(count, len(self._again)))]
        while len(taken) < count and not self._all_asked:
            request = next(self._source, None)
            if request is None:
                self._all_asked = True
            else:
                taken.append(request)
        return taken

    def _lose(self, replica: _Replica, reason: str) -> None:
        """Drop a replica, and ask the others for what it has not drawn; raises EngineLost if it was the last one."""
        self._replicas.remove(replica)
        replica.actor.kill()
        self._tell(f"the replica on {replica.name} is lost: {reason}")
        if not self._replicas:
            raise EngineLost(f"all replicas are lost, the last one on {replica.name}: {reason}")
        self._again.extend(_undrawn(replica))
        for idle in [one for one in self._replicas if one not in self._asked]:
            self._feed(idle)

    def _surplus(self, idle: _Replica) -> list[Request]:
        """Return requests for an idle replica which another one has not begun."""
        busiest = max((one for one in self._replicas if one is not idle), key=lambda one: len(one.owed), default=None)
        return [] if busiest is None or not busiest.owed else _given_back(busiest, QUEUED // 2)

    def _stop(self) -> None:
        """Cancel, on every replica, the requests that its engine has not begun."""
        self._stopped = True
        for replica in self._replicas:
            _given_back(replica, QUEUED)


def _given_back(replica: _Replica, count: int) -> list[Request]:
    """Return requests that a replica's engine has not taken; it owes them no more."""
    try:
        given: list[Request] = replica.actor.call("give_back", count).result(SILENT_S)
    except (ActorLost, TimeoutError):
        return []  # its next answer will tell
    for request in given:
        for number in range(request.count):
            replica.owed.pop((request.problem, request.first + number), None)
    return given


def _arrived(replica: _Replica, done: Future[DrawReply]) -> Iterator[Sample]:
    """Yield the samples of an answer; raises ActorLost, or the error of the engine."""
    if isinstance(done.exception(), TimeoutError) and time.monotonic() - replica.heard_at < SILENT_S:
        time.sleep(HEARTBEAT_S)  # the network has failed for a moment; samples are kept there until they are confirmed
        replica.room = 0
        return
    try:
        drawn = done.result()
    except Exception as error:  # whatever it is, this replica answers no more
        raise ActorLost(str(error) or NO_ANSWER) from error
    replica.heard_at, replica.room, replica.ended = time.monotonic(), drawn.room, drawn.ended
    if drawn.error is not None:
        name, words = drawn.error
        if name == EngineLost.__name__:
            raise ActorLost(words)
        raise _ERRORS[name](f"the replica on {replica.name}: {words}")
    first = drawn.last - len(drawn.samples) + 1
    fresh = [sample for number, sample in enumerate(drawn.samples, first) if number > replica.confirmed]
    replica.confirmed = max(replica.confirmed, drawn.last)
    for sample in fresh:
        if replica.owed.pop((sample.problem, sample.index), None) is not None:
            yield sample


def _undrawn(replica: _Replica) -> list[Request]:
    """Return requests for what a replica owes, one for each sample, and forget that it does."""
    owed, replica.owed = replica.owed, {}
    return [_single(request, index) for (_, index), request in owed.items()]


def _single(request: Request, index: int) -> Request:
    """Return the request for one sample of a request; its seed follows from its place."""
    return replace(request, first=index, count=1, seed=request.seed + index - request.first)
