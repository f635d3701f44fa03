"""Make long lists as ids: a scan in short slices, and the order in which they are shown.

Samples that wait for a verdict are listed once; afterwards only new samples and new verdicts are read.

A `SampleIndex` belongs to the reading thread. Each `step` reads one range of the store, newest first or new rows, and
returns a `SampleOrder`: an immutable copy of the ids so far, eight bytes each. Rows are read only for the visible ids.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampler.store.filters import EVERYTHING, Filter
from sampler.store.sample_readers import SampleReader

SLICE_SECONDS = 0.025
FIRST = 4_000
LEAST, MOST = 500, 200_000
SORT_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """What is listed, and how it is sorted."""

    study: int
    uid: str = ""  # which store's study that is
    filter: Filter = EVERYTHING
    sort: str = "newest"
    reverse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampleOrder:
    """Ids by position; `newer` ids arrived later, by rising id; `older` ids were there at first, by falling id."""

    newer: array[int]
    older: array[int]
    newest: int  # how many of `newer` count
    oldest: int  # how many of `older` count
    reverse: bool = False
    by_key: NDArray[np.int64] | None = None
    scanned: float = 1.0  # share of the store that was looked through
    behind: bool = False  # there is more to read at once

    @property
    def total(self) -> int:
        """Return how many ids there are."""
        return self.newest + self.oldest if self.by_key is None else len(self.by_key)

    def at(self, position: int) -> int:
        """Return the id at a position."""
        if self.by_key is not None:
            return int(self.by_key[position])
        position = self.total - 1 - position if self.reverse else position
        if position < self.newest:
            return self.newer[self.newest - 1 - position]
        return self.older[position - self.newest]

    def position(self, id_: int) -> int | None:
        """Return the position of an id; None if it is not in the list."""
        if self.by_key is not None:
            found = np.flatnonzero(self.by_key == id_)
            return int(found[0]) if len(found) else None
        at = bisect_left(self.newer, id_, 0, self.newest)
        if at < self.newest and self.newer[at] == id_:
            position = self.newest - 1 - at
        else:
            at = bisect_left(self.older, -id_, 0, self.oldest, key=lambda held: -held)
            if at >= self.oldest or self.older[at] != id_:
                return None
            position = self.newest + at
        return self.total - 1 - position if self.reverse else position

    def ids(self, first: int, count: int) -> list[int]:
        """Return the ids at `count` positions from `first` on, as far as there are any."""
        return [self.at(position) for position in range(max(0, first), min(self.total, first + count))]


NOTHING = SampleOrder(newer=array("q"), older=array("q"), newest=0, oldest=0, scanned=0.0)


class SampleIndex:
    """Makes one list and keeps it up to date; for one thread only."""

    def __init__(self, query: ListQuery, clock: Callable[[], float] = time.monotonic) -> None:
        self.query = query
        self._clock = clock
        self._stride = FIRST
        self._top: int | None = None  # up to here everything new was seen
        self._low = self._first = 0  # down to here everything old was seen; where that began
        self._newer, self._older = array("q"), array("q")
        self._newer_keys, self._older_keys = array("d"), array("d")
        self._sorted: NDArray[np.int64] | None = None
        self._sorted_at = 0.0
        self._sorted_from = (0, 0)
        self._judged = self._gone = (
            0  # where pending samples are listed: up to here verdicts were seen, so many were new
        )
        self._begin(None)

    def step(self, reader: SampleReader) -> SampleOrder:
        """Read another range."""
        top = reader.top(pending=self.query.filter.pending)
        if self._top is None or top < self._top:
            self._begin(top)
            self._judged = reader.top() if self.query.filter.pending else 0
        began = self._clock()
        if self.query.filter.pending:
            self._drop_judged(reader)
        if self._top is not None and top > self._top:
            self._catch_up(reader, top)
        elif self._low > 0:
            low = max(0, self._low - self._stride)
            found = reader.scan(self.query.study, self.query.filter, (low, self._low), self.query.sort)
            self._older.extend([id_ for id_, _ in found])
            if self.query.sort != "newest":
                self._older_keys.extend([key for _, key in found])
            self._low = low
        self._pace(self._clock() - began)
        return self._order(top)

    def _begin(self, top: int | None) -> None:
        self._top = top
        self._low = self._first = top or 0
        self._newer, self._older = array("q"), array("q")
        self._newer_keys, self._older_keys = array("d"), array("d")
        self._sorted = None
        self._sorted_at = -SORT_SECONDS

    def _drop_judged(self, reader: SampleReader) -> None:
        """Remove samples from a list of pending ones; only verdicts that are newer than the list are read."""
        last = reader.top()
        while self._judged < last:
            high = min(last, self._judged + MOST)
            gone = np.array(reader.judged_samples((self._judged, high)), dtype=np.int64)
            self._judged = high
            self._newer, self._newer_keys = _without(gone, self._newer, self._newer_keys)
            self._older, self._older_keys = _without(gone, self._older, self._older_keys)
            self._gone += len(gone)

    def _catch_up(self, reader: SampleReader, top: int) -> None:
        held = self._top or 0
        high = min(top, held + self._stride)
        if not self.query.filter.pending and reader.judged_again((held, high)):
            self._begin(top)
            return
        found = reader.scan(self.query.study, self.query.filter, (held, high), self.query.sort)
        self._newer.extend([id_ for id_, _ in reversed(found)])
        if self.query.sort != "newest":
            self._newer_keys.extend([key for _, key in reversed(found)])
        self._top = high

    def _pace(self, seconds: float) -> None:
        """Adapt the size of the next slice to the wanted time of a slice."""
        aim = self._stride * SLICE_SECONDS / max(seconds, 1e-4)
        self._stride = round(min(MOST, max(LEAST, min(aim, self._stride * 2))))

    def _order(self, top: int) -> SampleOrder:
        behind = self._low > 0 or (self._top is not None and top > self._top)
        if self.query.sort != "newest" and self._low == 0:
            self._sort()
        return SampleOrder(
            newer=self._newer,
            older=self._older,
            newest=len(self._newer),
            oldest=len(self._older),
            reverse=self.query.reverse,
            by_key=self._sorted,
            scanned=1.0 - self._low / self._first if self._first else 1.0,
            behind=behind,
        )

    def _sort(self) -> None:
        """Sort by falling key, newest first among equals, at limited intervals."""
        total = len(self._newer) + len(self._older)
        now = self._clock()
        now_from = (total, self._gone)
        if self._sorted is not None and (self._sorted_from == now_from or now - self._sorted_at < SORT_SECONDS):
            return
        ids = np.concatenate([np.array(self._newer, dtype=np.int64)[::-1], np.array(self._older, dtype=np.int64)])
        keys = np.concatenate([np.array(self._newer_keys)[::-1], np.array(self._older_keys)])
        order = np.argsort(keys if self.query.reverse else -keys, kind="stable")
        self._sorted, self._sorted_at, self._sorted_from = ids[order], now, now_from


def _without(gone: NDArray[np.int64], ids: array[int], keys: array[float]) -> tuple[array[int], array[float]]:
    """Return the remaining ids, with their keys if there are any, as new arrays, because orders hold the old ones."""
    stay = ~np.isin(np.frombuffer(ids, dtype=np.int64), gone) if len(ids) else np.zeros(0, dtype=bool)
    if stay.all():
        return ids, keys
    kept, kept_keys = array("q"), array("d")
    kept.frombytes(np.frombuffer(ids, dtype=np.int64)[stay].tobytes())
    if keys:
        kept_keys.frombytes(np.frombuffer(keys, dtype=np.float64)[stay].tobytes())
    return kept, kept_keys
