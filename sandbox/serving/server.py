"""Open the socket of `sandbox serve`, and run and stop the server."""

from __future__ import annotations

import asyncio
import math
import signal
import socket
import time

import uvicorn

from sandbox.boxes.pool import Pool
from sandbox.errors import SandboxError
from sandbox.serving.app import Server, Service
from sandbox.serving.connections import Connection, bounds, look_after
from sandbox.values import Job, Program

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


def python_of(pool: Pool) -> str:
    """Return the version of Python that programs run on, as one of them reports it."""
    asked = Job(program=Program(source="import platform\nprint(platform.python_version())"), limits=pool.spec.limits)
    return pool.submit(asked).result().stdout.decode("ascii", "replace").strip()


def serve(pool: Pool, service: Service, listening: socket.socket) -> SandboxError | None:
    """Serve until a signal, then finish open requests; return the error if the pool failed meanwhile.

    Requests that are not finished GRACE_S after the signal are cancelled with an error, and their boxes are removed.
    """
    host = listening.getsockname()[0]
    server = Server(pool, service, python_of(pool))
    connections, burst = bounds(pool.spec.boxes)
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
        pool.close()  # no request is served any more
    return pool.failure


async def _until_stopped(running: uvicorn.Server, pool: Pool, listening: socket.socket) -> None:
    """Serve; stop the server if the engine does not come back.

    After that it waits at most GRACE_S.
    """
    serving = asyncio.ensure_future(running.serve(sockets=[listening]))
    gives_up_at = math.inf
    while not serving.done():
        await asyncio.wait([serving], timeout=1.0)
        look_after(running.server_state.connections)
        if pool.failure is not None and not await asyncio.to_thread(pool.recover):
            running.should_exit = True
        if running.should_exit and gives_up_at == math.inf:
            gives_up_at = time.monotonic() + GRACE_S
        if time.monotonic() > gives_up_at:
            await asyncio.to_thread(pool.close)
    await serving
