"""The socket of `sandbox serve`, the server behind it, and how it stops."""

from __future__ import annotations

import asyncio
import signal
import socket

import uvicorn

from sandbox.boxes.pool import Pool
from sandbox.errors import SandboxError
from sandbox.serving.app import Server, Service
from sandbox.values import Job, Program

LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
GRACE_S = 30  # that a server which is told to stop gives its last answers


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=2048)
    # Else an answer's second packet waits 40 ms until its first is acknowledged.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def python_of(pool: Pool) -> str:
    """The version of Python that programs run on, as one of them says."""
    asked = Job(program=Program(source="import platform\nprint(platform.python_version())"), limits=pool.spec.limits)
    return pool.submit(asked).result().stdout.decode("ascii", "replace").strip()


def serve(pool: Pool, service: Service, listening: socket.socket) -> SandboxError | None:
    """Answer until a signal says stop, and finish what was asked; returns the error when the pool broke meanwhile."""
    host = listening.getsockname()[0]
    server = Server(pool, service, python_of(pool))
    config = uvicorn.Config(
        server.app(LOOPBACK if host in LOOPBACK else ("*",)),
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    running = uvicorn.Server(config)
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn stops at them, and raises them once more afterwards
        signal.signal(number, lambda *_: None)
    asyncio.run(_until_stopped(running, pool, listening))
    return pool.failure


async def _until_stopped(running: uvicorn.Server, pool: Pool, listening: socket.socket) -> None:
    """Serve; a pool that will never work again stops the server."""
    serving = asyncio.ensure_future(running.serve(sockets=[listening]))
    while not serving.done():
        await asyncio.wait([serving], timeout=1.0)
        running.should_exit = running.should_exit or pool.failure is not None
    await serving
