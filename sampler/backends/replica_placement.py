"""Decide which nodes of a cluster the engines of a model run on, and wait until these are free.

Several models of a process share a cluster. Each reserves the nodes' cores or GPUs for all of its engines at once,
before it loads anything, and gives them back when it is closed or has failed. So two models never wait for each other,
and models that fit beside each other run at the same time. The model that has waited longest is served first; a smaller
one may overtake a larger one that does not fit yet. An engine outside the cluster holds the nodes on this machine, if
there are any. What other processes have reserved of Ray's GPUs counts as taken, too.

A reservation also says which engines have their devices for themselves: only those have their energy measured, because
a counter of processors counts the whole machine.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from sampler.backends.base import Backend, BackendError, Information, NotOpened, WaitPolicy
from sampler.values import Closeable, ModelCard, Request, Sample, SamplingParams
from sandbox.cluster.messages import ClusterUnavailable
from sandbox.cluster.ray_client import HEAD_SILENT_S, RayClient, RayNode

POLL_S = 0.5
Reserved = Mapping[Hashable, int]  # by (node id, "cores") and (node id, "gpus"); engines by ("host", name) and "here"
NOTHING: Reserved = {}
AskNodes = Callable[[], Future[list[RayNode]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaSpec:
    """How many engines there are, on which cluster, and how many GPUs each has, or else how many cores.

    An engine with 0 cores takes all those of its node.
    """

    replicas: int
    cluster: str = "auto"
    gpus: int = 0
    cores: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A node for each engine, and how many GPUs each has; `measured` says whose meters count that engine alone."""

    nodes: Sequence[RayNode]
    gpus: int
    measured: Sequence[bool]


@dataclass(eq=False, slots=True)
class _Claim:
    """What a model asks for (without a spec: this machine, outside the cluster), and what it holds."""

    spec: ReplicaSpec | None
    held: Counter[Hashable] = field(default_factory=Counter)


class NodeReservations:
    """What the models of this process hold of clusters' nodes. Safe for several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._claims: list[_Claim] = []  # in the order of coming; those that hold nothing wait

    @contextmanager
    def reserved(
        self,
        spec: ReplicaSpec,
        nodes: AskNodes,
        waiting: WaitPolicy | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> Iterator[Reservation]:
        """Wait until a model's engines fit beside those of the others, and hold their nodes within the context.

        Raises BackendError if they would not fit on the whole cluster, and NotOpened after a stop.
        """
        waiting = waiting or WaitPolicy()
        with self._claim(spec) as claim:
            for turn in count():
                alive = _alive_nodes(nodes, waiting)
                _, gpus = placed(alive, spec)  # raises if it can never be
                wanted = f"{spec.replicas} × {_share(spec, gpus)}"
                with self._changed:
                    reservation = self._take(claim, spec, alive)
                    never = not waiting.allowed and not _fits(self._usable(alive), spec, self._held())
                if reservation is not None:
                    yield reservation
                    return
                if never:
                    raise BackendError(_held_by_others(wanted))
                self._wait(turn, wanted, f"waits until the cluster has {wanted} free", waiting, tell)

    @contextmanager
    def here(self, waiting: WaitPolicy, tell: Callable[[str], None]) -> Iterator[None]:
        """Wait until no engine of a cluster runs on this machine, and keep them away within the context."""
        until = "waits until engines of the cluster on this machine have ended"
        with self._claim(None) as claim:
            for turn in count():
                with self._changed:
                    if not self._held()["host", socket.gethostname()]:
                        claim.held["here"] = 1
                        break
                    if not waiting.allowed:
                        raise BackendError(_held_by_others("this machine"))
                self._wait(turn, "this machine", until, waiting, tell)
            yield

    def _wait(self, turn: int, wanted: str, until: str, waiting: WaitPolicy, tell: Callable[[str], None]) -> None:
        """Say at the first turn that a model waits, and later wait for a change; raises NotOpened after a stop."""
        if turn == 0:
            tell(Information(until))
        else:
            with self._changed:
                self._changed.wait(POLL_S)
        if waiting.stopping():
            raise NotOpened(f"stopped while it waited for {wanted}")

    @contextmanager
    def _claim(self, spec: ReplicaSpec | None) -> Iterator[_Claim]:
        claim = _Claim(spec)
        with self._changed:
            self._claims.append(claim)
        try:
            yield claim
        finally:
            with self._changed:
                self._claims.remove(claim)
                self._changed.notify_all()

    def _held(self) -> Counter[Hashable]:
        held: Counter[Hashable] = Counter()
        for claim in self._claims:
            held.update(claim.held)
        return held

    def _usable(self, alive: Sequence[RayNode]) -> list[RayNode]:
        """Return the nodes that no engine outside the cluster holds."""
        here = self._held()["here"]
        return [node for node in alive if not (here and node.host == socket.gethostname())]

    def _take(self, claim: _Claim, spec: ReplicaSpec, alive: Sequence[RayNode]) -> Reservation | None:
        """Reserve a model's nodes if they are free and no earlier claim could use them; return whether it did."""
        held = self._held()
        for node in alive:
            if node.free_gpus is not None:  # another process may have reserved some
                held[node.id, "gpus"] = max(held[node.id, "gpus"], node.gpus - node.free_gpus)
        usable = self._usable(alive)
        before = [other.spec for other in self._claims[: self._claims.index(claim)] if not other.held]
        if not _fits(usable, spec, held) or any(one is not None and _fits(usable, one, held) for one in before):
            return None
        found, gpus = placed(usable, spec, held)
        for node in found:
            kind, amount = ("gpus", gpus) if gpus else ("cores", spec.cores or node.cores)
            claim.held[node.id, kind] += amount
            claim.held["host", node.host] += 1
        return Reservation(
            nodes=found, gpus=gpus, measured=[bool(gpus) or _is_whole(node, alive, spec) for node in found]
        )


RESERVATIONS = NodeReservations()  # of this process


@contextmanager
def connected(model: str, spec: ReplicaSpec) -> Iterator[None]:
    """Connect to a model's cluster within the context; raises BackendError if its engines would not fit there."""
    try:
        client = RayClient(spec.cluster)
    except ClusterUnavailable as error:
        raise BackendError(f"model {model!r}: {error}") from error
    with closing(client):
        try:
            placed(_alive_nodes(partial(client.nodes_later, all_kinds=True), WaitPolicy()), spec)
        except BackendError as error:
            raise BackendError(f"model {model!r}: {error}") from error
        yield


def placed(nodes: Sequence[RayNode], spec: ReplicaSpec, held: Reserved = NOTHING) -> tuple[list[RayNode], int]:
    """Return a node for each engine, and how many GPUs each has; raises BackendError if there is no room.

    Where the cluster has GPUs, an engine that wants some has as many as its spec says; elsewhere it has cores. Engines
    are spread over the nodes, those first of which least is held.
    """
    gpus = spec.gpus if any(node.gpus for node in nodes) else 0
    if not gpus and not any(node.cores for node in nodes):
        raise BackendError("the cluster has no node with cores")
    kind = "gpus" if gpus else "cores"
    rooms = [
        [node] * _count(node, spec, gpus, held.get((node.id, kind), 0))
        for node in sorted(nodes, key=lambda node: held.get((node.id, kind), 0))
    ]
    deepest = max(map(len, rooms))
    spread = [room[level] for level in range(deepest) for room in rooms if level < len(room)]
    if len(spread) < spec.replicas:
        raise BackendError(
            f"the cluster has room for {len(spread)} replicas of {_share(spec, gpus)} each, and {spec.replicas} are "
            f"asked for; lower replicas{'' if gpus else ' or threads'}, or add nodes"
        )
    return spread[: spec.replicas], gpus


def _count(node: RayNode, spec: ReplicaSpec, gpus: int, held: int) -> int:
    """Return how many engines a node has room for."""
    if gpus:
        return max(0, node.gpus - held) // gpus
    if spec.cores:
        return max(0, node.cores - held) // spec.cores
    return int(node.cores > 0 and not held)


def _held_by_others(wanted: str) -> str:
    return f"other models, which stay open, hold what it needs: {wanted}; lower replicas or add nodes"


def _fits(nodes: Sequence[RayNode], spec: ReplicaSpec, held: Reserved) -> bool:
    try:
        placed(nodes, spec, held)
    except BackendError:
        return False
    return True


def _is_whole(node: RayNode, alive: Sequence[RayNode], spec: ReplicaSpec) -> bool:
    """Return whether an engine has all cores of a machine, which no other node of Ray is on."""
    whole = spec.cores in {0, node.cores}
    return whole and sum(other.host == node.host and other.cores > 0 for other in alive) == 1


def _share(spec: ReplicaSpec, gpus: int) -> str:
    if gpus:
        return f"{gpus} GPUs"
    return f"{spec.cores} cores" if spec.cores else "all cores of a node"


def _alive_nodes(nodes: AskNodes, waiting: WaitPolicy) -> Sequence[RayNode]:
    """Return the nodes of the cluster; raises BackendError if its head does not answer."""
    told, deadline = nodes(), time.monotonic() + HEAD_SILENT_S
    while time.monotonic() < deadline:
        try:
            return told.result(POLL_S)
        except TimeoutError:
            if waiting.stopping():
                raise NotOpened("stopped while it waited for the cluster") from None
        except Exception as error:
            raise BackendError(f"the cluster cannot be asked for its nodes: {error}") from error
    raise BackendError(f"the head of the Ray cluster has not answered for {HEAD_SILENT_S:.0f} s")


class LocalBackend(Closeable):
    """An engine on this machine, which keeps engines of the cluster away from it until it is closed."""

    def __init__(self, open_engine: Callable[[], Backend], waiting: WaitPolicy, tell: Callable[[str], None]) -> None:
        """Wait, and open the engine; raises BackendError."""
        with ExitStack() as stack:
            stack.enter_context(RESERVATIONS.here(waiting, tell))
            self._inner = stack.enter_context(open_engine())
            self._held = stack.pop_all()

    @property
    def card(self) -> ModelCard:
        """Return the engine's card."""
        return self._inner.card

    def sample(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Sample]:
        """Yield the engine's samples; raises BackendError."""
        return self._inner.sample(requests, params)

    def close(self) -> None:
        """Close the engine."""
        self._held.close()
