"""Watch a store: a loop in its own thread reads new rows and delivers one immutable value.

The loop checks twenty times a second whether anything was committed. If so, it reads the new verdicts and log lines in
slices, the sums when they are due, and delivers a `Snapshot`. Curves cost more (a bootstrap), so they are made at most
twice a second and only when the sums, the unit or the selection of problems changed; the rows are delivered before
them. Between two checks no statement is open, so the writer never waits for a screen. A missing store is waited for; a
broken one is reported once as `StoreProblem`, and tried again.

A second store can be read beside the first, to compare its newest study's models with those of the first. Its ids are
negated (-1, -2 …), so that they never meet those of the first store; problems are matched by their names, and only
where both studies have the same problems, which their digests tell.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from sampler.reporting.comparison import NotComparable
from sampler.reporting.inputs import refuse_other_problems
from sampler.store.lock import is_abandoned, process_exists
from sampler.store.read_models import EventRow, ModelRow, StudyRow, TailRow
from sampler.store.reader import Reader, StoreError, StoreUnmade
from sampler.values import Closeable
from tui.data.curves import CurveRequest, available_units, curves_of
from tui.data.snapshot import ComparisonModels, Curves, Snapshot, StoreProblem

__all__ = ["ComparisonReader", "NotComparable", "refuse_other_store"]


class ComparisonReader(Closeable):
    """Reads the second store after each commit there; not for use from several threads at once."""

    def __init__(self, path: Path) -> None:
        """Open the store; raises StoreError."""
        self._path = path
        self._reader = Reader(path)

    def changed(self) -> bool:
        """Return whether there is something new (True on the first call)."""
        return self._reader.changed()

    def compared(self, host: StudyRow, store: Path) -> ComparisonModels:
        """Return the models of the newest study, for the study of another store; none if it has other problems."""
        studies = self._reader.studies()
        if not studies:
            return ComparisonModels(store=self._path.stem, why_not=f"{self._path} holds no study yet")
        study = studies[0]
        try:
            refuse_other_problems((store, self._path), (host.problems_digest, study.problems_digest))
        except NotComparable as error:
            return ComparisonModels(store=self._path.stem, why_not=str(error))
        return ComparisonModels(
            store=self._path.stem,
            models=_negated(model for model in self._reader.models(study.id) if model.wanted),
            greedy=_negated(self._reader.greedy(study.id)),
            tallies=tuple(replace(row, model_id=-row.model_id) for row in self._reader.tallies(study.id)),
        )

    def close(self) -> None:
        """Close the connection."""
        self._reader.close()


def _negated(models: Iterable[ModelRow]) -> tuple[ModelRow, ...]:
    return tuple(
        replace(model, id=-model.id, greedy_of=None if model.greedy_of is None else -model.greedy_of)
        for model in models
    )


def refuse_other_store(store: Path, other: Path) -> None:
    """Raise NotComparable if the newest studies of two stores have different problems, StoreError for a broken one."""
    with Reader(store) as first, Reader(other) as second:
        newest = first.studies()[:1], second.studies()[:1]
    if all(newest):
        refuse_other_problems((store, other), (newest[0][0].problems_digest, newest[1][0].problems_digest))


POLL_SECONDS = 0.05
SUMS_SECONDS = 0.15
RETRY_SECONDS = 0.5
ALIVE_SECONDS = 1.0
CURVE_SECONDS = 0.5
SLICE = 500
SLICES_SECONDS = 0.05
KEPT = 2_000
SHARE = 0.2  # at most this part of the time goes into reading sums and making curves

Deliver = Callable[[Snapshot | StoreProblem], None]


@dataclass
class _Throttle:
    """Limits how often something is done: at least `least` seconds apart, and with limited use of the processor."""

    least: float
    at: float = 0.0

    def done(self, began: float, ended: float) -> None:
        self.at = began + max(self.least, (ended - began) / SHARE)


@dataclass
class StoreWatcher:
    """Watches a study of a store, and makes the requested curves.

    `run` belongs to one thread; `request` and `stop` may be called from any.
    """

    path: Path
    hint: str = "sampler run STUDY.toml"  # what makes a store
    host: str = field(default_factory=socket.gethostname)
    exists: Callable[[int], bool] = process_exists
    clock: Callable[[], float] = time.time
    study: int | None = None  # which study of the store; None for the newest
    against: Path | None = None  # a second store, whose models are compared with those of the first

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._request = CurveRequest()
        self._switched = False

    def request(self, request: CurveRequest) -> None:
        """Make these curves from now on; takes effect at once."""
        self._request = request
        self._wake.set()

    def switch(self, path: Path, study: int) -> None:
        """Watch another study from now on, perhaps in another store."""
        self.path, self.study, self._switched = path, study, True
        self._wake.set()

    def stop(self) -> None:
        """Let `run` return soon."""
        self._stop.set()
        self._wake.set()

    def run(self, deliver: Deliver) -> None:
        """Watch until stopped."""
        told: StoreProblem | None = None
        while not self._stop.is_set():
            self._switched = False
            try:
                with Reader(self.path) as reader, self._second() as second:
                    told = None
                    self._follow(_StudyReader(reader, self, second), deliver)
            except StoreError as error:
                trouble = self._trouble("" if isinstance(error, StoreUnmade) else str(error))
                if trouble != told:
                    deliver(trouble)
                told = trouble
            if not self._switched:
                self._rest(RETRY_SECONDS)

    def _follow(self, reader: _StudyReader, deliver: Deliver) -> None:
        """Watch until stopped, or until another file replaces the open one."""
        opened = _inode(self.path)
        told_empty = False
        while not self._stop.is_set() and not self._switched:
            snapshot = reader.look()
            if snapshot is not None:
                deliver(snapshot)
            elif reader.empty and not told_empty:
                told_empty = True
                deliver(self._trouble(""))
            curved = reader.curve(self._request)
            if curved is not None:
                deliver(curved)
            if _inode(self.path) not in {opened, None}:
                return
            self._rest(POLL_SECONDS)

    def _second(self) -> ComparisonReader | nullcontext[None]:
        return ComparisonReader(self.against) if self.against is not None else nullcontext()

    def _trouble(self, message: str) -> StoreProblem:
        """Return why there is nothing to show; a missing or empty file is expected to be written soon."""
        if message and _written(self.path):
            return StoreProblem(message=message, waiting=False)
        return StoreProblem(message=f"{self.path} holds no study yet. Start one with: {self.hint}", waiting=True)

    def _rest(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()


def _written(path: Path) -> bool:
    """Return whether there is anything that could be a store: one that is just being made is still empty."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


class _StudyReader:
    """One open reader and what was last seen through it."""

    def __init__(self, reader: Reader, watcher: StoreWatcher, second: ComparisonReader | None) -> None:
        self._reader = reader
        self._second = second
        self._watcher = watcher
        self._snapshot: Snapshot | None = None
        self._tail: deque[TailRow] = deque(maxlen=KEPT)
        self._events: deque[EventRow] = deque(maxlen=KEPT)
        self._curves: Curves | None = None
        self._curved_from: tuple[object, ...] = ()
        self._behind = False  # something was committed that is not in the snapshot yet
        self._sums_due = _Throttle(SUMS_SECONDS)
        self._curves_due = _Throttle(CURVE_SECONDS)
        self._alive_due = _Throttle(ALIVE_SECONDS)

    @property
    def empty(self) -> bool:
        """Return whether the store was read and holds no study."""
        return self._snapshot is None and not self._behind

    def look(self) -> Snapshot | None:
        """Return a new snapshot if there is anything new."""
        fresh = [source.changed() for source in (self._reader, self._second) if source is not None]
        self._behind = any(fresh) or self._behind
        began = time.monotonic()
        if self._behind and began >= self._sums_due.at:
            self._behind = False
            snapshot = self._read()
            self._sums_due.done(began, time.monotonic())
            return self._keep(snapshot) if snapshot else None
        if self._snapshot is not None and began >= self._alive_due.at:
            self._alive_due.done(began, time.monotonic())
            gone = self._gone(self._snapshot.study)
            if gone != self._snapshot.process_gone:
                return self._keep(replace(self._snapshot, process_gone=gone))
        return None

    def curve(self, request: CurveRequest) -> Snapshot | None:
        """Return the same snapshot with new curves, if they are due and would differ."""
        snapshot, began = self._snapshot, time.monotonic()
        if snapshot is None:
            return None
        origin = (request, snapshot.study.id, snapshot.tallies, snapshot.models, snapshot.compared)
        asked = self._curved_from[:1] != (request,)
        if origin == self._curved_from or (began < self._curves_due.at and not asked):
            return None
        self._curved_from = origin
        self._curves = curves_of(snapshot, request)
        self._curves_due.done(began, time.monotonic())
        return self._keep(replace(snapshot, curves=self._curves, units=available_units(snapshot)))

    def _keep(self, snapshot: Snapshot) -> Snapshot:
        self._snapshot = snapshot
        return snapshot

    def _read(self) -> Snapshot | None:
        studies = self._reader.studies()
        if not studies:
            return None
        study = next((one for one in studies if one.id == self._watcher.study), studies[0])
        if self._snapshot is None or self._snapshot.study.id != study.id:
            self._tail.clear()
            self._events.clear()
            self._curves = None
        self._catch_up(study.id)
        return Snapshot(
            study=study,
            models=tuple(model for model in self._reader.models(study.id) if model.wanted),  # as in the report
            tallies=tuple(self._reader.tallies(study.id)),
            counts=self._reader.verdict_counts(study.id),
            tail=tuple(self._tail),
            events=tuple(self._events),
            curves=self._curves,
            units=self._snapshot.units if self._snapshot else (),
            read_at=self._watcher.clock(),
            process_gone=self._gone(study),
            greedy=tuple(self._reader.greedy(study.id)),
            allotted=tuple(self._reader.allotted(study.id)),
            compared=self._second.compared(study, self._watcher.path) if self._second else None,
        )

    def _catch_up(self, study: int) -> None:
        """Read new verdicts and log lines, slice by slice; what takes too long is left for the next look."""
        began = time.monotonic()
        while True:
            rows = self._reader.tail(study, after=self._tail[-1].id if self._tail else 0, limit=SLICE)
            self._tail.extend(rows)
            if len(rows) < SLICE:
                break
            if time.monotonic() - began > SLICES_SECONDS:
                self._behind = True
                break
        self._events.extend(self._reader.events(study, after=self._events[-1].id if self._events else 0, limit=SLICE))

    def _gone(self, study: StudyRow) -> bool:
        return is_abandoned(study, self._watcher.host, self._watcher.exists)
