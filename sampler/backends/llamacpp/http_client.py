"""Send requests to the engine: one question and its answer, or a stream of events that a thread reads.

These are plain sockets, because a stream must be closed from outside: this tells the engine to stop.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

from sampler.backends.base import BackendError, EngineLost
from sampler.backends.llamacpp.process import EngineProcess

_MAX_ANSWER = 1 << 24
_MAX_EVENT = 1 << 22


def ask(engine: EngineProcess, path: str, body: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """Return the engine's answer to one question; raises BackendError."""
    with closing(_connection(engine, timeout_s)) as connection, _engine_errors(engine):
        return _object(_response(connection, path, body).read(_MAX_ANSWER))


class EventStream:
    """A running completion; `tell` is called from a thread: with each event, and last with None or a BackendError."""

    def __init__(
        self,
        engine: EngineProcess,
        body: dict[str, Any],
        timeout_s: float,
        tell: Callable[[dict[str, Any] | BackendError | None], None],
    ) -> None:
        self._engine = engine
        self._tell = tell
        self._called_off = False
        self._connection = _connection(engine, timeout_s)
        with _engine_errors(engine):
            self._connection.connect()
        self._socket = self._connection.sock
        self._thread = threading.Thread(target=self._listen, args=(body,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Cancel the completion, if it is still running."""
        self._called_off = True
        with suppress(OSError):  # it may be over already
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._connection.close()

    def _listen(self, body: dict[str, Any]) -> None:
        try:
            with _engine_errors(self._engine):
                self._hear(body)
        except BackendError as error:
            self._tell(error)
        else:
            self._tell(None)

    def _hear(self, body: dict[str, Any]) -> None:
        try:
            with closing(_response(self._connection, "/completion", body)) as response:
                for event in _events(response):
                    self._tell(event)
        except (OSError, HTTPException, ValueError):
            if not self._called_off:  # a line that we cut is no failure of the engine
                raise


def _connection(engine: EngineProcess, timeout_s: float) -> HTTPConnection:
    return HTTPConnection(engine.host, engine.port, timeout=timeout_s)


def _response(connection: HTTPConnection, path: str, body: dict[str, Any]) -> HTTPResponse:
    data = json.dumps(body).encode("ascii")  # json's escapes carry any text, lone surrogates included
    connection.request("POST", path, data, {"Content-Type": "application/json"})
    response = connection.getresponse()
    if response.status != 200:
        with closing(response):
            _object(response.read(_MAX_ANSWER))
            raise BackendError(f"the engine refused with status {response.status}")
    return response


def _events(response: HTTPResponse) -> Iterator[dict[str, Any]]:
    """Yield server-sent events, each one line of JSON."""
    while line := response.readline(_MAX_EVENT):
        kind, _, data = line.strip().partition(b": ")
        if kind in {b"data", b"error"} and data != b"[DONE]":
            yield _object(data)


def _object(data: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(data)
    except ValueError as error:
        raise BackendError(f"the engine answered {data[:200]!r}, which is not JSON") from error
    if not isinstance(answer, dict):
        raise BackendError(f"the engine answered {data[:200]!r}, which is no object")
    if "error" in answer:
        said = answer["error"]
        text = said.get("message", said) if isinstance(said, dict) else said
        raise BackendError(f"the engine refused: {' '.join(str(text).split())[:300]}")
    return answer


@contextmanager
def _engine_errors(engine: EngineProcess) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise EngineLost("the engine did not answer in time; raise answer_timeout_s in [models.options]") from error
    except (OSError, HTTPException, ValueError) as error:  # ValueError: read of a response closed from outside
        raise EngineLost(engine.death()) from error
