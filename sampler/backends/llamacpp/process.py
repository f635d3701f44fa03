"""Start, watch and end the engine's process, and send it requests.

A request is one question and its answer, or a stream of events that a thread reads. These are plain sockets, because a
stream must be closed from outside: this tells the engine to stop.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, Any

from sampler.backends.base import BackendError, CannotLoad, EngineLost

_LAST_WORDS = 12  # lines of standard error that are kept
_MAX_LINE = 4096
_MAX_ANSWER = 1 << 24
_MAX_EVENT = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """How the engine is started. `context` counts tokens over all slots; a prompt counts once for its samples."""

    path: str
    slots: int
    context: int
    threads: int
    chat_template: str = ""  # instead of the model's own
    opened: str = ""  # the mark that is open where every text begins, for a bound of thoughts


class EngineProcess:
    """The child that serves one model; the constructor starts it (raises BackendError), `close` ends it."""

    def __init__(self, options: EngineOptions, *, start_timeout_s: float) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "sampler.backends.llamacpp.server_process", json.dumps(asdict(options))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            start_new_session=True,  # a ctrl-C at the terminal is for the study, which then ends the engine
        )
        self._last_words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        try:
            hello = self._hello(Path(options.path).name, start_timeout_s)
            self.host, self.port = _address(hello["address"])
            self.version: str = hello["version"]
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Return the child's process id."""
        return self._child.pid

    def death(self) -> str:
        """Return what happened to the child, in one line of limited length."""
        try:
            code = self._child.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "the engine broke the connection"
        self._listener.join(timeout=1)
        last_output = " | ".join(self._last_words)[-600:] or "nothing"
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"the engine {how}; its last words: {last_output}"

    def close(self) -> None:
        """End the child; calling it again does nothing."""
        end_child(self._child)
        self._listener.join(timeout=5)
        if self._child.stderr is not None:
            self._child.stderr.close()

    def _hello(self, model: str, timeout_s: float) -> dict[str, str]:
        line = _first_line(_pipe(self._child.stdout), timeout_s)
        if line is None:
            raise BackendError(
                f"the engine did not load {model} within {timeout_s:g} s; raise start_timeout_s in [models.options]"
            )
        if not line and self._child.wait(timeout=5) == -signal.SIGKILL:
            raise BackendError(
                f"the engine was killed while it loaded {model}, mostly for want of memory; choose a smaller model, "
                "or lower context and slots in [models.options]"
            )
        if not line:
            raise CannotLoad(f"cannot load {model}: {self.death()}")
        hello: dict[str, str] = json.loads(line)
        refuse_missing(hello)
        if "error" in hello:
            why = [*self._last_words, hello["error"]][-1]
            raise CannotLoad(f"cannot load {model}: {why}; is it a whole GGUF file that this engine knows?")
        return hello

    def _listen(self) -> None:
        """Keep the last lines of the child's standard error, so that its pipe never fills."""
        for line in _lines(_pipe(self._child.stderr)):
            if line.strip():
                self._last_words.append(line.strip())


def end_child(child: subprocess.Popen[bytes]) -> None:
    """Close the pipes of a child, which ends it; kill it if it does not end. A second call does nothing."""
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with suppress(OSError):  # the child may have gone with something of ours unread
                pipe.close()
    try:
        child.wait(timeout=5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def refuse_missing(hello: Mapping[str, str]) -> None:
    """Raise BackendError if a child says that it has no engine."""
    if "missing" in hello:
        raise BackendError(f"the engine is not installed ({hello['missing']}); pip install 'codebudget[llamacpp]'")


def physical_cores() -> int:
    """Return the number of cores that this process may use, counting the threads of one core once."""
    threads = os.sched_getaffinity(0)
    siblings = set()
    for cpu in threads:
        path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            siblings.add(path.read_text("ascii").strip())
        except OSError:
            return len(threads)
    return len(siblings)


def _first_line(pipe: IO[bytes], timeout_s: float) -> bytes | None:
    """Return the first line; empty if the other side has closed, None if it says nothing in time."""
    deadline = time.monotonic() + timeout_s
    data = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not data.endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None
            piece = os.read(pipe.fileno(), _MAX_LINE)
            if not piece:
                return b""
            data += piece
    return data


def _lines(pipe: IO[bytes]) -> Iterable[str]:
    while line := pipe.readline(_MAX_LINE):
        yield "".join(c if c.isprintable() else " " for c in line.decode("utf-8", "replace"))


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise BackendError("the engine was started without its pipes")
    return pipe


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.rpartition("://")[2].partition(":")
    return host, int(port)


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
