"""Read bodies of requests: JSON objects, with a limit for each and one for all that are held at the same time."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping

from sandbox.serving.http_errors import Refused

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
