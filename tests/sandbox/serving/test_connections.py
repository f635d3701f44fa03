"""How many connections a server holds and for how long, on a real socket of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from sandbox.serving.server import Connection, bounds, close_overdue

LONG = b"x" * (16 << 20)  # more than the kernel holds of a connection


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Reads the body, then says how long it was, or more than any buffer holds."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    said = LONG if scope["path"] == "/long" else str(size).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(said)).encode())]}
    )
    await send({"type": "http.response.body", "body": said})


@contextlib.contextmanager
def serving(**bounds: object) -> Iterator[int]:
    """The port of a server with such connections."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            app, http=type("Bounded", (Connection,), bounds), lifespan="off", log_level="warning", backlog=16
        )
    )

    async def run() -> None:
        running = asyncio.ensure_future(server._serve(sockets=[listening]))
        while not running.done():
            await asyncio.wait([running], timeout=0.05)
            close_overdue(server.server_state.connections)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)


def connected(port: int, said: bytes = b"") -> socket.socket:
    one = socket.create_connection(("127.0.0.1", port), timeout=30)
    one.sendall(said)
    return one


def asked(one: socket.socket, path: str = "/") -> bytes:
    one.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab".encode())
    came = one.recv(1 << 16)
    while came and path == "/" and not came.endswith(b"2"):
        came += one.recv(1 << 16)
    return came


def is_closed(one: socket.socket) -> bool:
    """Whether the server closes the connection while we wait."""
    try:
        while one.recv(1 << 16):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def test_a_new_connection_takes_the_place_of_the_one_that_has_waited_longest() -> None:
    with serving(most=4) as port, contextlib.ExitStack() as opened:
        idle = [opened.enter_context(contextlib.closing(connected(port))) for _ in range(12)]
        assert b"200 OK" in asked(opened.enter_context(contextlib.closing(connected(port))))
        assert is_closed(idle[0])
        assert b"200 OK" in asked(idle[-1])


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        ("headers", b""),
        ("headers", b"POST / HTTP/1.1\r\nHost: "),
        ("body", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"),
    ],
)
def test_a_client_that_does_not_go_on_is_hung_up_on(phase: str, said: bytes) -> None:
    with serving(patience_s={phase: 0.3}) as port, contextlib.closing(connected(port, said)) as slow:
        assert is_closed(slow)


def test_a_client_that_does_not_read_is_hung_up_on() -> None:
    with serving(patience_s={"reading": 0.3}) as port, contextlib.closing(connected(port)) as slow:
        asked(slow, "/long")
        slow.sendall(b"POST / HTTP/1.1\r\n")
        threading.Event().wait(1)  # it reads nothing for longer than it may
        assert is_closed(slow)


def test_clients_within_their_time_are_served_over_one_connection() -> None:
    with serving() as port, contextlib.closing(connected(port)) as one:
        assert asked(one).endswith(b"2")
        assert asked(one).endswith(b"2")


@pytest.mark.parametrize("boxes", [1, 8, 512])
def test_there_is_always_room_for_some_connections(boxes: int) -> None:
    most, burst = bounds(boxes)
    assert most >= 8
    assert burst >= 8
