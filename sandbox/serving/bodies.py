"""Read requests: JSON objects with limited sizes, and their fields; what cannot be served is `Refused`.

There is a limit for each body and one for all that are held at the same time. A field of the wrong type is refused by
name.
"""

from __future__ import annotations

import contextlib
import json
import reprlib
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sandbox.inside.environment import SCRATCH
from sandbox.languages import find_language
from sandbox.problems import json_fields
from sandbox.values import LIMIT_BOUNDS, PYTHON, Job, Limits, Program, Workspace


class SourceText(NamedTuple):
    """A program's text, and the name of its language."""

    text: str
    language: str


class Refused(Exception):
    """A request that is refused.

    It has an HTTP status, a message and, if useful, the seconds after which to retry.
    """

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.retry_after = status, message, retry_after


MOST_BODY_BYTES = 64 << 20
MOST_VALUES_BYTES = 256 << 20  # that the values of one body take in memory
MOST_HELD_BYTES = 512 << 20  # of all bodies and their values
VALUE_BYTES = 64  # the least that a container of JSON takes in memory


def weight(text: bytes | bytearray) -> int:
    """Estimate how many bytes a JSON text and its values take in memory, before it is parsed."""
    return len(text) + VALUE_BYTES * (text.count(b",") + text.count(b"[") + text.count(b"{"))


class Bodies:
    """Counts the bytes that the requests of one server hold; used only by its event loop."""

    def __init__(self, most: int = MOST_HELD_BYTES) -> None:
        self._most, self._held = most, 0

    @contextlib.contextmanager
    def hold(self) -> Iterator[Body]:
        """Yield a body that counts until the end of the block, when its request has been answered."""
        body = Body(self)
        try:
            yield body
        finally:
            self._held -= body.size

    def take(self, size: int) -> None:
        """Count new bytes; raises Refused if all requests together hold too many."""
        if self._held + size > self._most:
            raise Refused(429, f"the requests that are open hold {self._held >> 20} MB; come again later", 1)
        self._held += size


class Body:
    """The bytes of one request."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies, self.size = bodies, 0

    def _take(self, size: int) -> None:
        self._bodies.take(size)
        self.size += size

    async def read(self, pieces: AsyncIterator[bytes]) -> Mapping[str, object]:
        """Read the JSON object from the pieces; raises Refused."""
        data = bytearray()
        async for piece in pieces:
            self._take(len(piece))
            data += piece
            if len(data) > MOST_BODY_BYTES:
                raise Refused(413, f"the body is longer than the {MOST_BODY_BYTES} bytes that are taken")
        if (values := weight(data)) > MOST_VALUES_BYTES:
            raise Refused(
                413, f"the values of the body would take {values >> 20} MB, more than {MOST_VALUES_BYTES >> 20} MB"
            )
        self._take(values)
        try:
            body = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise Refused(400, f"the body is not JSON: {error}") from error
        if not isinstance(body, dict):
            raise Refused(422, f"the body must be an object, not {type(body).__name__}")
        return body


UNREADABLE = 422
LEAST_S = 0.01


def text(body: Mapping[str, object], name: str, default: str | None = None) -> str:
    """Return a text; without a default it is required."""
    value = body.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        what = "but it is missing" if value is None else f"not {reprlib.repr(value)}"
        raise Refused(UNREADABLE, f"{name} must be a text, {what}")
    return value


def number(body: Mapping[str, object], name: str, default: float) -> float:
    """Return a finite number."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise Refused(UNREADABLE, f"{name} must be a number, not {reprlib.repr(value)}")
    return float(value)


def items(body: Mapping[str, object], name: str) -> list[object]:
    """Return a list; empty if it is missing."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Refused(UNREADABLE, f"{name} must be a list, not {reprlib.repr(value)}")
    return value


def entries(body: Mapping[str, object], name: str) -> dict[str, object]:
    """Return an object; empty if it is missing."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(UNREADABLE, f"{name} must be an object, not {reprlib.repr(value)}")
    return value


def seconds(asked_s: float, ceiling_s: float, name: str) -> float:
    """Return a time limit that the client asks for; refused if it is more than this server grants."""
    if not LEAST_S <= asked_s <= ceiling_s:
        raise Refused(400, f"{name} must lie between {LEAST_S:g} s and {ceiling_s:g} s here, not {asked_s:g} s")
    return asked_s


def compile_seconds(asked_s: float, default_s: float, ceiling_s: float) -> float:
    """Return the wall time for a compiler; a client that names none, or too much, gets what there is."""
    return min(asked_s if asked_s >= LEAST_S else default_s, ceiling_s)


def language(body: Mapping[str, object], served: Sequence[str]) -> str:
    """Return the name of the language, which a client may call by any of its names."""
    language = text(body, "language")
    try:
        found = find_language(language)
        name = PYTHON if found is None else found.name
    except ValueError:
        name = ""
    if name not in served:
        raise Refused(400, f"language {language!r} is not served here; what is: {', '.join(served)}")
    return name


def job(source: SourceText, stdin: str, limits: Limits, workspace: Mapping[str, Any]) -> Job:
    """Return the job of a program without tests; `workspace` has the fields of a `Workspace`.

    It is refused if it is too large, or if its files have other names than a program's directory may hold.
    """
    try:
        beside = Workspace(**workspace)
    except ValueError as error:
        raise Refused(400, str(error)) from error
    if sum(len(content) for _, content in beside.files) > limits.disk_mb << 20:
        raise Refused(413, f"the files take more than the {limits.disk_mb} MB that a program may write here")
    try:
        return Job(
            program=Program(source=_valid(source.text), language=source.language, workspace=beside),
            stdin=stdin.encode("utf-8", "replace"),
            limits=limits,
        )
    except ValueError as error:
        raise Refused(413, str(error)) from error


def memory_mb(asked_mb: float, limits: Limits) -> int:
    """Return the memory of a program that a client wants to have so much; nothing or less means the server's limit."""
    least = int(LIMIT_BOUNDS["memory_mb"][0])
    return limits.memory_mb if asked_mb <= 0 else max(least, min(int(asked_mb), limits.memory_mb))


def file_name(name: str) -> str:
    """Return a name relative to the program's directory, which clients may write in front of it."""
    return name.removeprefix(f"{SCRATCH}/").removeprefix("./")


def unpacked(content: str, what: str) -> bytes:
    """Return the bytes of a text in base64, which may have several lines; refused if it is none."""
    try:
        return json_fields.from_base64(content)
    except ValueError as error:
        raise Refused(400, f"{what} is not base64: {error}; encode the file's bytes, as b64encode does") from error


def _valid(source: str) -> str:
    """Return the text without lone surrogates, which JSON can hold and a file cannot."""
    return source.encode("utf-8", "replace").decode("utf-8")
