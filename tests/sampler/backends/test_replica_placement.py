"""Where engines run on a cluster, and how models wait for each other's nodes."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from sampler.backends.base import BackendError, NotOpened, WaitPolicy
from sampler.backends.replica_placement import AskNodes, NodeReservations, ReplicaSpec, Reservation, placed
from sandbox.cluster.ray_client import RayNode

LONG_S = 120.0  # a bound for what happens at once


def node(name: str, cores: int = 4, gpus: int = 0, free: int | None = None, host: str = "") -> RayNode:
    return RayNode(id=name, name=f"{host or name}/{name}", cores=cores, boxes=None, gpus=gpus, free_gpus=free)


def names(found: tuple[list[RayNode], int]) -> str:
    return " ".join(one.id for one in found[0]) + f" × {found[1]}"


def cluster(*nodes: RayNode) -> AskNodes:
    def ask() -> Future[list[RayNode]]:
        told: Future[list[RayNode]] = Future()
        told.set_result(list(nodes))
        return told

    return ask


def test_engines_are_spread_over_nodes_by_their_gpus_and_else_by_their_cores() -> None:
    cpus = [node("a"), node("b"), node("head", cores=0)]
    assert names(placed(cpus, ReplicaSpec(replicas=3, gpus=2))) == "a b a × 0"
    assert names(placed(cpus, ReplicaSpec(replicas=4, cores=2))) == "a b a b × 0"
    assert names(placed(cpus, ReplicaSpec(replicas=2, cores=0))) == "a b × 0"
    gpus = [node("a", gpus=4), node("b", gpus=8), node("c")]
    assert names(placed(gpus, ReplicaSpec(replicas=5, gpus=2))) == "a b a b b × 2"
    assert names(placed(gpus, ReplicaSpec(replicas=3, cores=3))) == "a b c × 0"


def test_nodes_of_which_least_is_held_come_first() -> None:
    cpus = [node("a"), node("b"), node("c")]
    assert names(placed(cpus, ReplicaSpec(replicas=3, cores=2), {("a", "cores"): 2, ("b", "cores"): 2})) == "c a b × 0"
    assert names(placed(cpus, ReplicaSpec(replicas=2, cores=0), {("a", "cores"): 1})) == "b c × 0"


@pytest.mark.parametrize(
    ("nodes", "spec", "said"),
    [
        ([node("a", gpus=3)], ReplicaSpec(replicas=2, gpus=2), "room for 1 replicas of 2 GPUs each, and 2"),
        ([node("a", cores=0)], ReplicaSpec(replicas=2), "no node with cores"),
        ([node("a"), node("b")], ReplicaSpec(replicas=3, cores=3), "room for 2 replicas of 3 cores each, and 3"),
        ([node("a"), node("b")], ReplicaSpec(replicas=3, cores=0), "room for 2 replicas of all cores of a node each"),
        ([node("a"), node("b")], ReplicaSpec(replicas=2, cores=5), "room for 0 replicas"),
    ],
)
def test_a_cluster_without_room_is_told_before_an_engine_starts(
    nodes: list[RayNode], spec: ReplicaSpec, said: str
) -> None:
    with pytest.raises(BackendError, match=said):
        placed(nodes, spec)
    reservations = NodeReservations()
    with pytest.raises(BackendError, match=said), reservations.reserved(spec, cluster(*nodes)):
        pass


class Models:
    """Models that hold their nodes, each on a thread, until they are told to end."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._reservations = NodeReservations()
        self._threads = threads
        self.stopped = threading.Event()

    @contextmanager
    def opened(self, spec: ReplicaSpec, ask: AskNodes):
        """Yield what a model reserved, which came at once."""
        with self._reservations.reserved(spec, ask, WaitPolicy(allowed=False)) as reservation:
            yield reservation

    def here(self) -> object:
        return self._reservations.here(WaitPolicy(allowed=False), lambda _: None)

    def waiting(self, spec: ReplicaSpec, ask: AskNodes) -> tuple[Future[Reservation], Callable[[], None]]:
        """Return the reservation of a model that has to wait, and what ends the model; it has begun to wait."""
        waits, end = threading.Event(), threading.Event()

        def run() -> None:
            try:
                policy = WaitPolicy(stopping=self.stopped.is_set)
                with self._reservations.reserved(spec, ask, policy, lambda _: waits.set()) as reservation:
                    told.set_result(reservation)
                    end.wait(LONG_S)
            except BackendError as error:
                told.set_exception(error)

        told: Future[Reservation] = Future()
        running = self._threads.submit(run)
        assert waits.wait(LONG_S)

        def ended() -> None:
            end.set()
            running.result(LONG_S)

        return told, ended


@pytest.fixture
def models():
    with ThreadPoolExecutor() as threads:
        made = Models(threads)
        yield made
        made.stopped.set()


def test_models_that_fit_beside_each_other_run_at_once_and_others_wait_for_room(models: Models) -> None:
    nodes = cluster(node("a"), node("b"), node("c"))
    one, two = ReplicaSpec(replicas=2, cores=4), ReplicaSpec(replicas=3, cores=4)
    with models.opened(one, nodes), models.opened(ReplicaSpec(replicas=1, cores=4), nodes) as small:
        assert [node.id for node in small.nodes] == ["c"]
        told, ended = models.waiting(two, nodes)
        assert not told.done()
    assert [node.id for node in told.result(LONG_S).nodes] == ["a", "b", "c"]
    ended()
    with models.opened(two, nodes):
        pass


def test_who_came_first_is_served_first_and_a_small_model_passes_one_that_does_not_fit_yet(models: Models) -> None:
    nodes = cluster(node("a"), node("b"))
    with models.opened(ReplicaSpec(replicas=1, cores=4), nodes):
        large, large_ended = models.waiting(ReplicaSpec(replicas=2, cores=4), nodes)
        with models.opened(ReplicaSpec(replicas=1, cores=4), nodes) as small:
            assert [node.id for node in small.nodes] == ["b"]
            second, second_ended = models.waiting(ReplicaSpec(replicas=2, cores=4), nodes)
    assert large.result(LONG_S)
    assert not second.done()
    large_ended()
    assert second.result(LONG_S)
    second_ended()


def test_a_model_that_fails_gives_its_nodes_back(models: Models) -> None:
    nodes = cluster(node("a"), node("b"))
    with pytest.raises(BackendError, match="broken"), models.opened(ReplicaSpec(replicas=2, cores=0), nodes):
        raise BackendError("broken weights")
    with models.opened(ReplicaSpec(replicas=2, cores=0), nodes):
        pass


def test_a_stop_ends_the_waiting(models: Models) -> None:
    nodes = cluster(node("a"))
    with models.opened(ReplicaSpec(replicas=1, cores=0), nodes):
        told, _ = models.waiting(ReplicaSpec(replicas=1), nodes)
        models.stopped.set()
        assert isinstance(told.exception(LONG_S), NotOpened)


def test_who_may_not_wait_is_told_that_others_hold_the_nodes(models: Models) -> None:
    nodes = cluster(node("a"))
    with (
        models.opened(ReplicaSpec(replicas=1, cores=0), nodes),
        pytest.raises(BackendError, match="stay open, hold what it needs: 1 × 2 cores"),
        models.opened(ReplicaSpec(replicas=1, cores=2), nodes),
    ):
        pass


def test_gpus_that_another_process_has_reserved_are_waited_for(models: Models) -> None:
    busy = cluster(node("a", gpus=4, free=1))
    told, _ = models.waiting(ReplicaSpec(replicas=2, gpus=1), busy)
    models.stopped.set()
    assert isinstance(told.exception(LONG_S), NotOpened)
    with models.opened(ReplicaSpec(replicas=1, gpus=1), busy) as reservation:
        assert (reservation.gpus, reservation.measured) == (1, [True])


def test_an_engine_of_this_machine_and_those_of_the_cluster_on_it_exclude_each_other(models: Models) -> None:
    nodes = cluster(node("a", host=socket.gethostname()), node("b"))
    one, both = ReplicaSpec(replicas=1, cores=4), ReplicaSpec(replicas=2, cores=4)
    with models.here(), models.here(), models.opened(one, nodes) as reservation:
        assert [node.id for node in reservation.nodes] == ["b"]
        with pytest.raises(BackendError, match="hold what"), models.opened(one, nodes):
            pass
    with (
        models.opened(both, nodes),
        pytest.raises(BackendError, match="hold what it needs: this machine"),
        models.here(),
    ):
        pass
    with models.here():
        pass


def test_energy_is_measured_where_an_engine_has_a_machine_for_itself(models: Models) -> None:
    def measured(spec: ReplicaSpec, *nodes: RayNode) -> list[bool]:
        with models.opened(spec, cluster(*nodes)) as reservation:
            return list(reservation.measured)

    assert measured(ReplicaSpec(replicas=2, cores=0), node("a"), node("b")) == [True, True]
    assert measured(ReplicaSpec(replicas=2, cores=4), node("a"), node("b", cores=8)) == [True, False]
    assert measured(ReplicaSpec(replicas=2, cores=0), node("a", host="same"), node("b", host="same")) == [False, False]
    assert measured(ReplicaSpec(replicas=1, cores=0), node("a", host="one"), node("head", cores=0, host="one")) == [
        True
    ]
