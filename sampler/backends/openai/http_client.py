"""Send HTTP requests to a model server: one question, answered by events, over its own connection.

Each request has its own connection, because a stream must be closed from outside at any moment: this tells the server
to stop. The server is not trusted: lines and answers are capped, silence is timed, redirects are not followed (they
would carry the key elsewhere), and no message of ours repeats the key, whatever the server echoes.
"""

from __future__ import annotations

import json
import math
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, TypeVar
from urllib.parse import urlsplit

import tenacity

from sampler.backends.base import BackendError

MAX_LINE = 4 << 20
MAX_ANSWER = 32 << 20
_MAX_ERROR = 1 << 16
_TRY_AGAIN = frozenset({408, 409, 423, 425, 429, 499, 500, 502, 503, 504, 507, *range(520, 600)})  # 520 on: gateways
_SPENT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})  # 429, and no wait helps
# Words of an error within an answer, which has no status of its own, that make it one of the question.
_OF_THE_QUESTION = re.compile(
    r"invalid_?(request|argument|param|value|prompt|input)|bad_?request|context_?length|unprocessable|validation",
    re.IGNORECASE,
)


KEY_FORM = "a key is of printable ASCII characters, without spaces"


SECRET_LENGTH = 8  # a header's value of so many characters may be a secret, and is no word of a message
HEADER_FORM = "a header has a name of letters, digits and hyphens, and a value of printable ASCII characters"
OWN_HEADERS = frozenset({"accept", "connection", "content-length", "content-type", "host", "transfer-encoding"})

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie"})


def is_header(name: str, value: str) -> bool:
    """Return whether a header can be sent as it is."""
    return bool(re.fullmatch(r"[A-Za-z0-9-]{1,100}", name)) and value.isascii() and value.isprintable()


def is_key(text: str) -> bool:
    """Return whether a key is valid in a header: errors about an invalid one could quote it in another form."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


class Outage(BackendError):
    """The server could not answer now: try again, after `retry_after_s` seconds if the server says so."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class MalformedAnswer(Outage):
    """The server answered without a valid sample: it was aborted, is missing, or has an unknown form."""


class CallRefused(BackendError):
    """The server refuses this question, so a retry is useless; `status` is 0 if the HTTP status was no error."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status

    @property
    def concerns_all(self) -> bool:
        """Return whether every other question would be refused as well: the key, the model's name, the address."""
        return self.status in {401, 402, 403, 404, 405, 407, 429} or 300 <= self.status < 400


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """The server's address and the time limits for its answers."""

    base_url: str
    key: str | None = field(default=None, repr=False)
    connect_timeout_s: float
    answer_timeout_s: float
    call_timeout_s: float  # bounds a call, however lively the server seems
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # beside our own; they may hold secrets

    def __post_init__(self) -> None:
        if self.key is not None and not is_key(self.key):
            raise ValueError(f"that is no key: {KEY_FORM}")

    def target(self, path: str) -> str:
        """Return what is requested for a path: Azure's addresses have a query, which goes behind it."""
        url = urlsplit(self.base_url)
        return url.path.rstrip("/") + path + (f"?{url.query}" if url.query else "")

    def clean(self, text: str) -> str:
        """Return the server's words as one line of limited length, without the key."""
        if self.key:
            text = text.replace(self.key, "***")
        for value in self.headers.values():
            if len(value) >= SECRET_LENGTH:
                text = text.replace(value, "***")
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]


class Call:
    """One question; `events` may be read once, and `abort` may be called from another thread at any time."""

    def __init__(self, server: ServerAddress) -> None:
        self._server = server
        self._connection = _connection(server)
        self._socket: socket.socket | None = None
        self.began = time.monotonic()
        self.aborted = False
        self.finished = False  # whether the answer came to the end that its form prescribes

    def events(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Yield the objects of the answer: those of a stream as they come, or one; raises Outage or CallRefused.

        The caller has to check that a stream is complete, because a cut stream simply ends.
        """
        try:
            with self._errors(), closing(self._ask(method, path, body)) as response:
                if not 200 <= response.status < 300:
                    raise self._fault(response)
                if _is_stream(response):
                    yield from self._stream(response)
                else:
                    self.finished = True
                    yield self._object(_read(response, MAX_ANSWER))
        finally:
            self._connection.close()

    def abort(self) -> None:
        """Break the connection."""
        self.aborted = True
        if self._socket is not None:
            with suppress(OSError):  # it may be over already
                self._socket.shutdown(socket.SHUT_RDWR)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> HTTPResponse:
        self._connection.connect()
        self._socket = self._connection.sock
        self._socket.settimeout(self._server.answer_timeout_s)
        if self.aborted:
            raise Outage("called off")
        headers = {"Accept": "text/event-stream, application/json", "User-Agent": "codebudget"}
        if self._server.key:
            headers["Authorization"] = f"Bearer {self._server.key}"
        headers |= self._server.headers
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode("ascii")
        self._connection.request(method, self._server.target(path), data, headers)
        return self._connection.getresponse()

    def _stream(self, response: HTTPResponse) -> Iterator[dict[str, Any]]:
        """Yield server-sent events, each an object of JSON; anything else between them is skipped.

        An event may take several lines, and ends at an empty one. Servers that leave the empty one out have events of
        one line.
        """
        begun: list[bytes] = []
        for line in _lines(response):
            kind, _, data = line.partition(b":")
            data = data.strip()
            if not line and begun:
                yield self._object(b"\n".join(begun))
                begun = []
            if kind not in {b"data", b"error"} or data in _KEEP_ALIVES:
                continue
            if data == b"[DONE]":
                self.finished = True
                return
            value = None if begun else _json(data)
            if value is None:
                begun.append(data)
            else:
                yield self._checked(value, data)
        if begun:
            yield self._object(b"\n".join(begun))

    def _object(self, data: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise Outage(f"the server answered {self._shown(data)}, which is not JSON") from error
        return self._checked(answer, data)

    def _checked(self, answer: Any, data: bytes) -> dict[str, Any]:
        """Return an answer that is an object, and no error; raises what an error means."""
        found = _error_of(answer)
        if found is not None:
            raise self._error(found, None, None)
        if isinstance(answer, list):  # a list of models may come without the object around it, as from Together
            answer = {"data": answer}
        if not isinstance(answer, dict):
            raise Outage(f"the server answered {self._shown(data)}, which is no object")
        return answer

    def _fault(self, response: HTTPResponse) -> BackendError:
        data = _read(response, _MAX_ERROR)
        if 300 <= response.status < 400:
            to = self._server.clean(str(response.headers.get("Location")))
            return CallRefused(
                f"the server sends us on to {to}; put the right base_url into the study", response.status
            )
        wait = _wait_of(response.headers)
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError):
            answer = None
        found = _error_of(answer)
        if found is None:
            message = self._server.clean(data.decode("utf-8", "replace")) or "nothing"
            nowhere = response.status == 404 and not self._server.base_url.rstrip("/").endswith("/v1")
            found = {"message": f"{message}; base_url mostly ends in /v1" if nowhere else message}
        number = response.headers.get("x-request-id")
        return self._error(found, response.status, wait, f", request {self._server.clean(number)}" if number else "")

    def _error(
        self, error: Mapping[str, Any], status: int | None, wait_s: float | None, request: str = ""
    ) -> Outage | CallRefused:
        """Return the error that an error object means.

        Within an answer (`status` None) the object itself holds the status, or words that say whose fault it is.
        """
        code, kind = error.get("code"), error.get("type")
        told = int(code) if isinstance(code, int | str) and re.fullmatch(r"[45]\d\d", str(code)) else None
        if status is None and told is None:
            status = 400 if _OF_THE_QUESTION.search(f"{kind} {code}") else 500
        status = told or status or 500
        said = error.get("message")
        words = said if isinstance(said, str) else json.dumps(said or error)
        param = error.get("param")
        if isinstance(param, str) and param and param not in words:
            words += f" (parameter {param!r})"
        words = self._server.clean(words)
        spent = {str(code), str(kind)} & _SPENT
        if status in _TRY_AGAIN and not spent:
            return Outage(f"the server failed with status {status}{request}: {words}", wait_s)
        return CallRefused(f"the server refused with status {status}{request}: {words}", status)

    def _shown(self, data: bytes) -> str:
        return repr(self._server.clean(data[:200].decode("utf-8", "replace")))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        where = self._server.base_url
        try:
            yield
        except TimeoutError as error:
            raise Outage(f"the server at {where} was silent too long; raise answer_timeout_s, or repair it") from error
        except ssl.SSLCertVerificationError as error:
            raise CallRefused(f"the certificate of {where} does not hold: {error.verify_message}", 495) from error
        except (OSError, HTTPException, ValueError) as error:  # ValueError: read of a response closed from outside
            why = self._server.clean(str(error)) or type(error).__name__
            raise Outage(
                f"no connection to the server at {where}, or a broken one ({why}); does it run, and is base_url right?"
            ) from error


_BOM = b"\xef\xbb\xbf"
_KEEP_ALIVES = {b"", b"null", b"{}"}  # what some servers send to keep a connection alive
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b"error:", b":")


def _is_stream(response: HTTPResponse) -> bool:
    """Return whether an answer is a stream of events: gateways mislabel both forms, so its beginning decides."""
    begins = response.peek(64).removeprefix(_BOM).lstrip()
    named = "text/event-stream" in response.headers.get("Content-Type", "").lower()
    return begins.startswith(_FIELDS) or (named and not begins.startswith((b"{", b"[")))


def _lines(response: HTTPResponse) -> Iterator[bytes]:
    """Yield the lines of a stream of events without their ends, which may be CR, LF or both; raises Outage."""
    total = 0
    while line := response.readline(MAX_LINE):
        line = line if total else line.removeprefix(_BOM)
        total += len(line)
        if total > MAX_ANSWER or len(line) == MAX_LINE:
            raise Outage(f"the server sends without end ({total} bytes for one answer)")
        yield from line.removesuffix(b"\n").removesuffix(b"\r").split(b"\r")


def _json(data: bytes) -> Any:
    """Return the JSON of a line; None if it is none, as of an event that goes on (and "null" keeps a connection)."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _error_of(answer: Any) -> dict[str, Any] | None:
    """Return the error object of an answer, in the forms of many servers; None if the answer is no error."""
    if isinstance(answer, list) and answer:  # Gemini's
        answer = answer[0]
    if not isinstance(answer, dict):
        return None
    if answer.get("object") == "error":  # vLLM's older one, and Mistral's
        return answer
    error = answer.get("error")
    if not error:
        return None
    return error if isinstance(error, dict) else {"message": error}


def ask(server: ServerAddress, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the answer to a question that has one object as its answer; raises Outage or CallRefused."""
    call = Call(server)
    clock = threading.Timer(server.call_timeout_s, call.abort)
    clock.daemon = True
    clock.start()
    try:
        for event in call.events(method, path, body):
            return event
    finally:
        clock.cancel()
    raise Outage(f"the server at {server.base_url} answered {path} with an empty stream")


def _wait_of(headers: Message) -> float | None:
    """Return the seconds to wait by the header that OpenAI and Azure give in milliseconds, or else by Retry-After."""
    precise = retry_after(headers.get("Retry-After-Ms"), datetime.now(UTC))
    return retry_after(headers.get("Retry-After"), datetime.now(UTC)) if precise is None else precise / 1000


def retry_after(header: str | None, now: datetime) -> float | None:
    """Return the seconds to wait by a Retry-After header, which holds seconds or a date; None if it is invalid."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            then = parsedate_to_datetime(header)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        seconds = (then.replace(tzinfo=then.tzinfo or UTC) - now).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _connection(server: ServerAddress) -> HTTPConnection:
    url = urlsplit(server.base_url)
    host, port, timeout = url.hostname or "", url.port, server.connect_timeout_s
    if url.scheme == "https":
        return HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
    return HTTPConnection(host, port, timeout=timeout)


def _read(response: HTTPResponse, most: int) -> bytes:
    data = response.read(most + 1)
    if len(data) > most and most == MAX_ANSWER:
        raise Outage(f"the server sends without end (more than {most} bytes for one answer)")
    return data[:most]


LONGEST_BACKOFF_S = 60.0
QUIET_S = 10.0  # thirty calls that fail together are one outage, and worth one line
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLimits:
    """Limits of retries: waits double from `first_wait_s` up to a minute.

    `longest_wait_s` is the longest wait that a server may ask for.
    """

    attempts: int
    first_wait_s: float
    longest_wait_s: float


class RetryPolicy:
    """Tries again after an Outage; `tell` is called with each one, on the thread where it happens."""

    def __init__(
        self, patience: RetryLimits, tell: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience = patience
        self._tell = tell
        self._clock = clock
        self._told_at = float("-inf")
        self._lock = threading.Lock()

    def attempt(self, do: Callable[[], T], cancelled: threading.Event) -> T:
        """Return what `do` returns, and try again after outages.

        Raises the last Outage when the attempts are used up or the policy is cancelled; other errors are raised at
        once.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Outage),
            wait=self._wait,
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(self._patience.attempts),
                _WaitTooLong(self._patience.longest_wait_s),
                tenacity.stop_when_event_set(cancelled),
            ),
            sleep=tenacity.sleep_using_event(cancelled),
            before_sleep=self._say,
            reraise=True,
        )
        return retrying(do)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        first = self._patience.first_wait_s
        growing = tenacity.wait_exponential(multiplier=first, max=LONGEST_BACKOFF_S) + tenacity.wait_random(0, first)
        return max(growing(state), _server_wait_s(state))

    def _say(self, state: tenacity.RetryCallState) -> None:
        with self._lock:
            quiet = self._clock() - self._told_at < QUIET_S
            if not quiet:
                self._told_at = self._clock()
        if not quiet and state.outcome is not None:
            self._tell(
                f"{state.outcome.exception()}; attempt {state.attempt_number} of {self._patience.attempts},"
                f" the next in {state.upcoming_sleep:.1f} s"
            )


def _server_wait_s(state: tenacity.RetryCallState) -> float:
    """Return the seconds that the server asked to wait."""
    error = state.outcome.exception() if state.outcome is not None else None
    return (error.retry_after_s or 0.0) if isinstance(error, Outage) else 0.0


class _WaitTooLong(tenacity.stop.stop_base):
    """Stops the retries if the server asks for a longer wait than this, so that the user knows at once."""

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        return _server_wait_s(state) > self._longest_s
