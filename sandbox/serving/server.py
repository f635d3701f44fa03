"""Open the socket of `sandbox serve`, bound its connections, and run and stop the server.

uvicorn limits neither the number of connections nor the time of each for headers, body and reading an answer:
connections that send nothing would use up the descriptors of the process, which boxes need, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import resource
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.boxes.pool import Pool
from sandbox.cluster.pool import ClusterPool
from sandbox.errors import SandboxError
from sandbox.languages import Language
from sandbox.scoring.compiler import build_images
from sandbox.serving.app import Server, Service
from sandbox.values import PYTHON, Job, Program

HEADERS_S, BODY_S, READING_S = 15.0, 60.0, 120.0
MOST = 4096
OURS, FOR_A_BOX = 64, 8  # descriptors that are kept back: files, the engine's API, and for each box
BURST = 128  # connections that the event loop accepts at one time


def bounds(boxes: int) -> tuple[int, int]:
    """Return how many connections to hold and how many to accept at once.

    The limit on descriptors is first raised to its maximum.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    left = (1 << 20 if soft == resource.RLIM_INFINITY else soft) - OURS - FOR_A_BOX * boxes
    burst = max(8, min(BURST, left // 3))
    return max(8, min(MOST, left - burst)), burst


class Connection(H11Protocol):
    """A connection that records what it waits for, and since when; at most `most` of them may be open."""

    most = MOST
    patience_s: ClassVar[Mapping[str, float]] = {"headers": HEADERS_S, "body": BODY_S, "reading": READING_S}
    _phase: tuple[str, int] = ("headers", 0)
    since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Register the connection; if there are too many, close the one that has waited longest for a request."""
        super().connection_made(transport)
        self.since = self.loop.time()
        if len(self.connections) > self.most:
            waiting = [one for one in self.connections if isinstance(one, Connection) and one.waits()]
            min(waiting, key=lambda one: one.since, default=self).abort()

    def waits(self) -> bool:
        """Return whether no request is being handled."""
        return self.cycle is None or self.cycle.response_complete

    def abort(self) -> None:
        """Close the connection at once, even with data in its buffers."""
        self.connections.discard(self)
        self.transport.abort()

    def close_if_overdue(self) -> None:
        """Close the connection if the client has taken too long for its present step."""
        phase, now = self._now_in(), self.loop.time()
        if phase != self._phase:
            self._phase, self.since = phase, now
        elif now - self.since > self.patience_s.get(phase[0], math.inf):
            self.abort()

    def _now_in(self) -> tuple[str, int]:
        cycle = id(self.cycle)
        if self.transport.get_write_buffer_size():
            return "reading", cycle
        if self.waits():
            return "headers", cycle
        return ("body" if self.cycle.more_body else "answer"), cycle


def close_overdue(connections: set[Any]) -> None:
    """Close the connections that take too long; call it about every second."""
    for one in list(connections):
        if isinstance(one, Connection):
            one.close_if_overdue()


LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
GRACE_S = 20  # after a server was told to stop, what has not ended is given up
ENDING_S = 8  # that clients then have to read their last answers


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=2048)
    # Else an answer's second packet waits 40 ms until its first is acknowledged.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def python_of(pool: Pool | ClusterPool) -> str:
    """Return the version of Python that programs run on, as one of them reports it."""
    job = Job(program=Program(source="import platform\nprint(platform.python_version())"), limits=pool.limits)
    ran = pool.run(job) if isinstance(pool, ClusterPool) else pool.submit(job)
    return ran.result().stdout.decode("ascii", "replace").strip()


def versions(pool: Pool | ClusterPool, languages: Sequence[Language], *, build: bool) -> dict[str, str]:
    """Return the versions of Python and of these languages; with `build`, build their images where they are missing.

    The nodes of a cluster have had the images of its languages since they were opened, and it runs no others.
    """
    python = {PYTHON: python_of(pool)}
    if isinstance(pool, ClusterPool):
        languages = [language for language in languages if language.name in pool.spec.languages]
    elif build:
        build_images(pool, languages)
    return python | {language.name: language.version for language in languages}


def serve(pool: Pool | ClusterPool, service: Service, listening: socket.socket) -> SandboxError | None:
    """Serve until a signal, then finish open requests; return the error if the pool failed meanwhile.

    Requests that are not finished GRACE_S after the signal are cancelled with an error, and their boxes are removed.
    """
    host = listening.getsockname()[0]
    server = Server(pool, service)
    connections, burst = bounds(pool.boxes)
    config = uvicorn.Config(
        server.app(LOOPBACK if host in LOOPBACK else ("*",)),
        http=type("Bounded", (Connection,), {"most": connections}),
        backlog=burst,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S + ENDING_S,
    )
    running = uvicorn.Server(config)
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn stops at them, and raises them once more afterwards
        signal.signal(number, lambda *_: None)
    try:
        asyncio.run(_until_stopped(running, pool, listening))
    finally:
        pool.close(finish=False)  # no request is served any more
    return pool.failure


async def _until_stopped(running: uvicorn.Server, pool: Pool | ClusterPool, listening: socket.socket) -> None:
    """Serve; stop the server if the engine does not come back.

    After that it waits at most GRACE_S.
    """
    serving = asyncio.ensure_future(running.serve(sockets=[listening]))
    gives_up_at = math.inf
    while not serving.done():
        await asyncio.wait([serving], timeout=1.0)
        close_overdue(running.server_state.connections)
        if pool.failure is not None and not await asyncio.to_thread(pool.recover):
            running.should_exit = True
        if running.should_exit and gives_up_at == math.inf:
            gives_up_at = time.monotonic() + GRACE_S
        if time.monotonic() > gives_up_at:
            await asyncio.to_thread(pool.close, finish=False)
    await serving
