"""Limit the number of connections, and the time of each for headers, body and reading an answer.

uvicorn limits neither: connections that send nothing would use up the descriptors of the process, which boxes need,
too.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import resource
from collections.abc import Mapping
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

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

    def look(self) -> None:
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


def look_after(connections: set[Any]) -> None:
    """Close the connections that take too long; call it about every second."""
    for one in list(connections):
        if isinstance(one, Connection):
            one.look()
