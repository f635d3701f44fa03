"""Connect to Ray: no other module imports `ray` or knows its names.

Ray places one process on each node and carries messages. It decides nothing here: which node runs what, and what
happens when one is lost, stands in `sandbox.cluster.schedule`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from sandbox.cluster.messages import ClusterUnavailable

CALLS = 8  # that an actor answers at a time: exchange, push, heartbeat, and what opening needs
BOXES = "boxes"  # a node's resource that says how many boxes it has
CONNECT_S, CLOSE_S = 30.0, 5.0
HEAD_SILENT_S = 20.0  # a head that has not answered for so long is lost
# Seconds after which Ray ends the process that has lost the head, even when it has disconnected: a trainer, a test run.
# What a lost head means is decided here (`ClusterUnavailable`), so Ray waits longer than any program runs.
RAY_RECONNECT = ("RAY_gcs_rpc_server_reconnect_timeout_s", str(10**8))
DISCONNECTED = "this process has disconnected from its Ray cluster"
_CLIENT = "ray://"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True, kw_only=True)
class RayNode:
    """A node that is alive, as Ray knows it."""

    id: str
    name: str
    cores: int
    boxes: int | None  # its resource `boxes`, if it has one
    gpus: int = 0
    free_gpus: int | None = None  # that nobody on the cluster has reserved, where Ray tells

    @property
    def host(self) -> str:
        """Return the name of its machine, which may run several nodes."""
        return self.name.rpartition("/")[0]


class ActorLost(Exception):
    """The process that was called is gone for good."""


class Actor:
    """A process on a node. It ends when this object's owner says so, or when its driver ends."""

    def __init__(self, handle: Any, name: str) -> None:
        self._handle, self.name = handle, name

    def call(self, method: str, *arguments: Any, **named: Any) -> Future[Any]:
        """Call a method; return a future that raises ActorLost, or what the method raised.

        An argument that is a `RemoteResult` is fetched by the actor's node from the node that has it.
        """
        if not _connected():
            lost: Future[Any] = Future()
            lost.set_exception(ActorLost(DISCONNECTED))
            return lost
        given = [argument.ref if isinstance(argument, RemoteResult) else argument for argument in arguments]
        return _translated(getattr(self._handle, method).remote(*given, **named))

    def hold(self, method: str, *arguments: Any) -> RemoteResult:
        """Call a method and leave its result where it is made; raises ActorLost."""
        if not _connected():
            raise ActorLost(DISCONNECTED)
        return RemoteResult(getattr(self._handle, method).remote(*arguments))

    def kill(self) -> None:
        """End the process at once."""
        import ray

        if _connected():
            with contextlib.suppress(Exception):  # it is gone already, or Ray itself is
                ray.kill(self._handle)


@dataclass(frozen=True, slots=True)
class RemoteResult:
    """A result that lies on some node."""

    ref: Any


class RayClient:
    """A connection to a cluster. A process has one, which all its clients share.

    The last client closes it, unless the process had it before the first one.
    """

    _lock = threading.Lock()
    _clients = 0
    _ours: object = None  # the connection, if we have made it

    def __init__(self, address: str) -> None:
        """Connect to the cluster at `address`: auto, ray://HOST:PORT or HOST:PORT; raises ClusterUnavailable.

        A process that is connected to another cluster already is refused.
        """
        os.environ.setdefault(*RAY_RECONNECT)  # noqa: TID251 - Ray reads it when it is imported
        try:
            import ray
        except ImportError as error:
            raise ClusterUnavailable("a cluster needs Ray; run `pip install 'codebudget[ray]'`") from error
        self._ray: Any = ray
        self._open = True
        with RayClient._lock:
            if not ray.is_initialized():
                _be_quiet()
                self._connect(address)
                _take_signals_back()
                RayClient._clients, RayClient._ours = 0, _connection(ray)
            else:
                _refuse_another(address, ray)
            RayClient._clients += 1

    def _connect(self, address: str) -> None:
        def connect() -> None:
            try:
                self._ray.init(
                    address=address,
                    namespace="codebudget",
                    log_to_driver=False,
                    configure_logging=False,
                    logging_level=logging.ERROR,
                )
                done.set_result(None)
            except BaseException as error:  # handed on below
                done.set_exception(error)

        done: Future[None] = Future()
        threading.Thread(target=connect, name="ray-init", daemon=True).start()
        try:
            done.result(CONNECT_S)
        except Exception as error:
            words = " ".join(f"{error}".split())
            if words.startswith("Version mismatch"):
                raise ClusterUnavailable(f"the Ray cluster at {address} has other versions: {words}") from error
            reason = f"{error}".strip().partition("\n")[0].partition(". Please")[0] or (
                f"nothing for {CONNECT_S:.0f} s" if isinstance(error, TimeoutError) else type(error).__name__
            )
            raise ClusterUnavailable(
                f"no Ray cluster answers at {address} ({reason}); start one with `ray start --head`, or name "
                "the address of yours"
            ) from error

    def nodes(self, *, all_kinds: bool = False) -> list[RayNode]:
        """Return the nodes that are alive and have cores or boxes; where some name boxes, only those.

        With `all_kinds`, return every node that is alive. Raises ClusterUnavailable if Ray was shut down.
        """
        if not _connected():
            raise ClusterUnavailable(DISCONNECTED)
        free = _free()
        alive = [_node(told, free.get(told["NodeID"])) for told in self._ray.nodes() if told["Alive"]]
        if all_kinds:
            return alive
        named = [node for node in alive if node.boxes]
        return named or [node for node in alive if node.cores]

    def nodes_later(self, *, all_kinds: bool = False) -> Future[list[RayNode]]:
        """Ask for the nodes on a thread of its own: a call whose head is gone does not return."""
        told: Future[list[RayNode]] = Future()

        def ask() -> None:
            try:
                told.set_result(self.nodes(all_kinds=all_kinds))
            except BaseException as error:  # handed on
                told.set_exception(error)

        threading.Thread(target=ask, name="cluster-nodes", daemon=True).start()
        return told

    def start(self, kind: type[Any], node: str, *arguments: Any, gpus: float = 0, name: str = "") -> Actor:
        """Start a process with an object of `kind` on a node, which must be importable there; raises ActorLost.

        `name` is how the node is called in messages.
        """
        if not _connected():
            raise ActorLost(DISCONNECTED)
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        made = self._ray.remote(kind).options(
            num_cpus=0,  # the boxes' work is not that process's; who shares the cores is said by `boxes`
            num_gpus=gpus,
            max_concurrency=CALLS,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        )
        return Actor(made.remote(*arguments), name)

    def close(self) -> None:
        """Disconnect, if nobody else uses the connection and it is ours."""
        with RayClient._lock:
            if not self._open:
                return
            self._open = False
            RayClient._clients -= 1
            ours, RayClient._ours = RayClient._ours, RayClient._ours if RayClient._clients > 0 else None
            if RayClient._clients > 0 or ours is None or ours != _connection(self._ray):
                return
            closing = threading.Thread(target=self._ray.shutdown, name="ray-shutdown", daemon=True)
            closing.start()
            closing.join(CLOSE_S)  # it may wait for a head that is gone


def _connected() -> bool:
    """Return whether this process is connected to Ray: a call without would start a cluster on this machine."""
    import ray

    return bool(ray.is_initialized())


def _connection(ray: Any) -> object:
    """Return the job id of this process's connection to Ray; None without a connection."""
    return ray.get_runtime_context().get_job_id() if ray.is_initialized() else None


def _refuse_another(address: str, ray: Any) -> None:
    """Raise ClusterUnavailable if this process is connected to another cluster than that at `address`.

    One cluster may have several addresses. It counts as another one if the ports differ, or if the hosts differ and
    neither is a loopback address.
    """
    if address == "auto" or address.startswith(_CLIENT):
        return
    own = ray.get_runtime_context().gcs_address
    own_host, _, own_port = own.rpartition(":")
    host, _, port = address.rpartition(":")
    hosts = {_address_of(own_host), _address_of(host)}
    loopback = any(one.startswith("127.") for one in hosts)  # may be this machine under another address
    if own_port != port or (len(hosts) > 1 and not loopback):
        raise ClusterUnavailable(
            f"this process is connected to the Ray cluster at {own} already, and cannot use {address} beside it; name "
            "that one or auto"
        )


def _address_of(host: str) -> str:
    try:
        return socket.gethostbyname(host)
    except OSError:
        return host


def own_gpus() -> tuple[str, ...]:
    """Return the GPUs that Ray has given this process alone, by number or UUID."""
    import ray

    return tuple(ray.get_runtime_context().get_accelerator_ids().get("GPU", ()))


def _be_quiet() -> None:
    """Keep Ray from printing to the standard output, where rows of scores go; what matters is told by our own words."""
    from ray._private import worker

    logging.getLogger("ray").setLevel(logging.CRITICAL)
    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None


def _take_signals_back() -> None:
    """Install the present signal handlers again: Ray's own print a stack where a command ends in order."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            if (handler := signal.getsignal(number)) is not None:
                signal.signal(number, handler)


def _free() -> Mapping[str, Mapping[str, float]]:
    """Return what nobody has reserved, by node; empty where Ray does not tell, as to a client from outside."""
    with contextlib.suppress(Exception):
        from ray._private import state

        ask: Callable[[], Mapping[str, Mapping[str, float]]] = state.available_resources_per_node
        return ask()
    return {}


def _node(told: Mapping[str, Any], free: Mapping[str, float] | None) -> RayNode:
    has: Mapping[str, float] = told["Resources"]
    return RayNode(
        id=told["NodeID"],
        name=f"{told['NodeManagerHostname']}/{told['NodeID'][:6]}",
        cores=int(has.get("CPU", 0)),
        boxes=int(has[BOXES]) if BOXES in has else None,
        gpus=int(has.get("GPU", 0)),
        free_gpus=None if free is None else int(free.get("GPU", 0)),
    )


def _translated(ref: Any) -> Future[Any]:
    """Return a future of the value behind a reference, with Ray's exceptions in our words."""
    came: Future[Any] = Future()

    def arrived(done: Future[Any]) -> None:
        try:
            value = done.result()
        except BaseException as error:  # handed on
            came.set_exception(_in_our_words(error))
        else:
            came.set_result(value)

    ref.future().add_done_callback(arrived)
    return came


def _why_lost(words: str) -> str:
    """Return Ray's reason in one line: of a process that could not start, the exception that ends the traceback."""
    if "actor died unexpectedly" in words:
        return "its process was killed, or its node with it"
    if "node has died" in words:
        return "its node has died"
    lines = [_COLOURS.sub("", line).strip() for line in words.strip().splitlines()] or [""]
    if "creation task" in lines[0]:
        return f"its process cannot start: {next(line for line in reversed(lines) if line)}"
    return lines[0]


def _in_our_words(error: BaseException) -> BaseException:
    from ray import exceptions

    if isinstance(error, exceptions.ActorUnavailableError):
        return TimeoutError(str(error))
    if isinstance(error, exceptions.RayActorError | exceptions.NodeDiedError | exceptions.ActorUnschedulableError):
        return ActorLost(_why_lost(str(error)))
    return error.cause if isinstance(error, exceptions.RayTaskError) and error.cause is not None else error
