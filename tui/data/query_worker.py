"""Run queries of screens in one thread, urgent ones first, one at a time.

Every piece of work is short (a page, a slice of a scan): longer work requests its next piece again, so that a needed
page is read soon. Between two pieces no statement is open. Results go back through `post`, which passes a function to
the screen's own thread.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TypeVar

from sampler.store.reader import StoreError, StoreUnmade
from sampler.store.sample_readers import SampleReader

TURN_SECONDS = 0.2
T = TypeVar("T")
Post = Callable[[Callable[[], None]], None]


@dataclass(order=True, slots=True)
class _Slice:
    rank: int
    number: int
    work: Callable[[], Callable[[], None]] | None = field(compare=False)
    on_failure: Callable[[], None] | None = field(compare=False, default=None)


class QueryWorker:
    """Reads one store at a time. `run` belongs to one thread; the rest may be called from any."""

    def __init__(self, path: Path, post: Post, trouble: Callable[[str], None]) -> None:
        self._path = path
        self._post = post
        self._trouble = trouble
        self._queue: queue.PriorityQueue[_Slice] = queue.PriorityQueue()
        self._numbers = count()
        self._reader: SampleReader | None = None
        self._inode: int | None = None

    def open(self, path: Path) -> None:
        """Read another store from now on."""
        self._path = path

    def ask(
        self,
        work: Callable[[SampleReader], T],
        then: Callable[[T], None],
        *,
        on_failure: Callable[[], None] | None = None,
        low_priority: bool = False,
    ) -> None:
        """Do `work` with the reader, and pass its result to `then` on the screen's thread.

        Work of `low_priority` waits for other work. If the store cannot be read, `on_failure` is called instead of
        `then`.
        """

        def piece() -> Callable[[], None]:
            answer = work(self._open_reader())
            return lambda: then(answer)

        self._queue.put(_Slice(int(low_priority), next(self._numbers), piece, on_failure))

    def ask_in_slices(
        self,
        work: Callable[[SampleReader], T],
        then: Callable[[T], None],
        behind: Callable[[T], bool],
        on_failure: Callable[[], None],
    ) -> None:
        """Do slices of low-priority work until it is done, other work waits, or `TURN_SECONDS` are over.

        So a screen draws a few times a second while a list is made, not after each slice.
        """

        def slices(reader: SampleReader) -> T:
            until = time.monotonic() + TURN_SECONDS
            answer = work(reader)
            while behind(answer) and self._queue.empty() and time.monotonic() < until:
                answer = work(reader)
            return answer

        self.ask(slices, then, on_failure=on_failure, low_priority=True)

    def run_in_background(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Do `work` that needs no store, without blocking the screen."""

        def piece() -> Callable[[], None]:
            answer = work()
            return lambda: then(answer)

        self._queue.put(_Slice(1, next(self._numbers), piece))

    def close(self) -> None:
        """Make `run` return soon."""
        self._queue.put(_Slice(-1, next(self._numbers), None))

    def run(self) -> None:
        """Work until closed."""
        try:
            while (piece := self._queue.get()).work is not None:
                self._do(piece.work, piece.on_failure)
        finally:
            self._forget()

    def _do(self, work: Callable[[], Callable[[], None]], on_failure: Callable[[], None] | None) -> None:
        try:
            answer = work()
        except StoreError as error:
            self._forget()
            if not isinstance(error, StoreUnmade):
                words = str(error)
                self._post(lambda: self._trouble(words))
            if on_failure is not None:
                self._post(on_failure)
        else:
            self._post(answer)

    def _open_reader(self) -> SampleReader:
        """Return a reader of the file that is at the path now."""
        try:
            inode: int | None = self._path.stat().st_ino
        except OSError:
            inode = None
        if self._reader is None or inode != self._inode:
            self._forget()
            self._reader, self._inode = SampleReader(self._path), inode
        return self._reader

    def _forget(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader = None
