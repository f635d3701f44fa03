"""Writing a store: one process, one thread, one connection.

Whoever has something to record puts it on a queue and goes on; the writer thread takes what has gathered in 100 ms or
200 pieces, whichever is first, and commits it as one `BEGIN IMMEDIATE` transaction: facts and their sums together. A
process that is killed loses at most that batch, and loses it whole. Facts carry unique keys and are inserted with OR
IGNORE, and a sum only moves when its fact went in, so recording something twice counts once.

The worst case is a full disk: the batch is rolled back, and from then on every call raises WriteFailed. Nothing is
dropped silently, and what was committed before stays readable.
"""

from __future__ import annotations

import os
import queue
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sampler.closeable import Closeable
from sampler.exit_codes import Exit
from sampler.store import statements
from sampler.store.lock import StoreBusy, StoreLock
from sampler.store.migrations import migrate
from sampler.store.reader import BOOKS, BUSY_SECONDS, StoreError, StoreUnmade, refuse_foreign, sqlite_hint
from sampler.store.write_models import (
    OpenedModel,
    RankedRow,
    RankerRecord,
    SampleRecord,
    StudyIds,
    StudyRecord,
    VerdictRecord,
)
from sampler.values import valid_text
from sandbox.values import Score

BATCH = 200
FLUSH_SECONDS = 0.1
HEARTBEAT_SECONDS = 5.0
QUEUED = 10_000  # then whoever records waits for the disk

T = TypeVar("T")


class WriteFailed(StoreError):
    """The disk is full or fails, or another program keeps its lock; nothing more can be recorded."""

    exit_code = Exit.INFRASTRUCTURE


@dataclass(frozen=True, slots=True)
class _Piece:
    """One thing to write. Somebody waits for `done` until it is committed."""

    write: Callable[[sqlite3.Connection], Any]
    done: Future[Any] | None = None


class Store(Closeable):
    """The one writer of a store file. Its methods may be called from any thread."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Open or make the store at `path`; raises StoreError (StoreBusy if another process has it)."""
        self.path = path
        self._clock = clock
        self._queue: queue.Queue[_Piece | None] = queue.Queue(QUEUED)
        self._failure: WriteFailed | None = None
        self._told = False
        self._closed = False
        self._beating: int | None = None
        self._lock = StoreLock(path)
        try:
            self._connection = _connect(path)
        except BaseException:
            self._lock.release()
            raise
        self._thread = threading.Thread(target=self._work, name="store-writer")
        self._thread.start()

    def open_study(self, record: StudyRecord) -> StudyIds:
        """Find the study of this name or make it; raises StudyChanged if the stored samples are not of this study."""
        return self._call(partial(statements.open_study, record=record, now=self._clock()))

    def begin_run(self, study: int, *, versions: str = "{}") -> None:
        """The study runs, in this process, from now on; `versions` is JSON."""
        host = (socket.gethostname(), os.getpid())
        self._call(partial(statements.begin_run, study=study, host=host, versions=versions, now=self._clock()))
        self._beating = study

    def end_run(self, study: int, status: str, reason: str) -> None:
        """The study has stopped: `status` is done, failed or interrupted."""
        self._beating = None
        self._call(partial(statements.end_run, study=study, status=status, reason=reason, now=self._clock()))

    def opened_executor(self, study: int, image: str) -> None:
        """Keep the name of the image that the study's programs are executed in from now on."""
        self._call(partial(statements.opened_executor, study=study, image=image))

    def model_opened(self, opened: OpenedModel) -> None:
        """Keep what a backend told about its model; raises StudyChanged if the held samples are another model's."""
        self._call(partial(statements.model_opened, opened=opened))

    def add_sample(self, record: SampleRecord) -> None:
        """Record a sample; one that is held already is left as it is."""
        self._put(_Piece(partial(statements.add_sample, record=record, now=self._clock())))

    def add_verdict(self, record: VerdictRecord) -> None:
        """Record the verdict of a stored sample; one that has a verdict keeps it."""
        self._put(_Piece(partial(statements.add_verdict, record=record, now=self._clock())))

    def add_judgement(self, verdict: int, score: Score, judge: str) -> None:
        """Record what the judge now makes of the facts of a stored verdict, beside it."""
        self._put(
            _Piece(partial(statements.add_judgement, verdict=verdict, score=score, judge=judge, now=self._clock()))
        )

    def retest_study(self, record: StudyRecord) -> int:
        """Let the tests of a stored study be those of `record`; raises StudyChanged if more than tests has changed."""
        return self._call(partial(statements.retest_study, record=record))

    def open_ranker(self, record: RankerRecord) -> int:
        """The id of a ranker of a study; values that were made with another digest are forgotten."""
        return self._call(partial(statements.open_ranker, record=record))

    def add_ranked(self, ranker: int, rows: Sequence[RankedRow]) -> None:
        """Record what a ranker thinks of some samples, in the place of what it thought before."""
        self._put(_Piece(partial(statements.add_ranked, ranker=ranker, rows=rows, now=self._clock())))

    def transact(self, write: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Let `write` be a transaction of its own.

        The future has its answer once it is committed, or what refused it.
        """
        done: Future[T] = Future()
        self._put(_Piece(write, done))
        return done

    def add_event(self, study: int, level: str, kind: str, message: str) -> None:
        """Add a line to the study's log; `level` is info, warning or error."""
        row = (study, level, kind, valid_text(message), self._clock())
        self._put(_Piece(partial(statements.add_event, row=row)))

    def flush(self) -> None:
        """Wait until everything recorded so far is committed."""
        self._call(lambda _connection: None)

    def close(self) -> None:
        """Commit what is left, fold the log into the file, give the lock back. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        self._lock.release()
        if self._failure is not None and not self._told:
            raise self._failure

    def _call(self, write: Callable[[sqlite3.Connection], T]) -> T:
        done = self.transact(write)
        try:
            return done.result()
        except WriteFailed:
            self._told = True
            raise

    def _put(self, piece: _Piece) -> None:
        if self._failure is not None:
            self._told = True
            raise self._failure
        if self._closed:
            raise StoreError(f"the store {str(self.path)!r} is closed")
        self._queue.put(piece)

    def _work(self) -> None:
        """The writer thread: collect, commit, until the end is queued."""
        beaten = self._clock()
        ended = False
        while not ended:
            batch, ended = self._collect()
            if self._beating is not None and self._clock() - beaten >= HEARTBEAT_SECONDS:
                beaten = self._clock()
                batch.append(_Piece(partial(statements.heartbeat, study=self._beating, now=beaten)))
            if batch:
                self._commit(batch)
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error:
            pass  # what is committed is safe in the log; the next opening folds it in
        finally:
            self._connection.close()

    def _collect(self) -> tuple[list[_Piece], bool]:
        """What has gathered, and whether the store is being closed. A piece that somebody waits for ends the batch."""
        batch: list[_Piece] = []
        timeout = HEARTBEAT_SECONDS / 2
        deadline: float | None = None
        while len(batch) < BATCH:
            try:
                piece = self._queue.get(timeout=timeout)
            except queue.Empty:
                break
            if piece is None:
                return batch, True
            batch.append(piece)
            if piece.done is not None:
                break
            deadline = deadline or time.monotonic() + FLUSH_SECONDS
            timeout = max(0.0, deadline - time.monotonic())
        return batch, False

    def _commit(self, batch: list[_Piece]) -> None:
        """All of the batch or nothing of it; whoever waits hears of it after the commit."""
        if self._failure is None:
            try:
                answers = self._transact(batch)
            except StoreError as error:  # a refusal by one piece: only pieces that somebody waits for refuse
                self._refuse(batch, error)
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, who waits must hear of it, and nothing may be skipped
                self._failure = _unwritable(self.path, error)
            else:
                for piece, answer in zip(batch, answers, strict=True):
                    if piece.done is not None:
                        piece.done.set_result(answer)
                return
        for piece in batch:
            if piece.done is not None:
                piece.done.set_exception(self._failure)

    def _transact(self, batch: list[_Piece]) -> list[Any]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            answers = [piece.write(self._connection) for piece in batch]
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return answers

    def _refuse(self, batch: list[_Piece], error: StoreError) -> None:
        """The refused piece is the batch's last, as `_collect` ends a batch with it; what came before is kept."""
        refused = batch.pop()
        if batch:
            self._commit(batch)
        if refused.done is not None:
            refused.done.set_exception(error)


def _connect(path: Path) -> sqlite3.Connection:
    """The writer's connection. It is made here and from then on belongs to the writer thread alone."""
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)
        _refuse_foreign(connection, path)
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise StoreError(  # the connection is closed below
                f"the disk of {str(path)!r} cannot keep a write-ahead log; choose a local disk with --store"
            )
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(f"PRAGMA journal_size_limit={64 << 20}")
        connection.execute("PRAGMA foreign_keys=OFF")
        migrate(connection)
        connection.execute("PRAGMA foreign_keys=ON")
    except (sqlite3.Error, StoreError) as error:
        if connection is not None:
            connection.close()
        if isinstance(error, StoreError):
            raise
        raise _unopened(path, error) from error
    return connection


def _refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    """A file without a table of ours is new, also one whose making broke off, for instance on a full disk."""
    try:
        refuse_foreign(connection, path)
    except StoreUnmade:
        connection.execute(
            f"DROP TABLE IF EXISTS {BOOKS}"
        )  # sqlite-utils commits it by itself, before the first schema


def _unopened(path: Path, error: sqlite3.Error) -> StoreError:
    message = f"cannot open the store {str(path)!r}: {error}; {sqlite_hint(error)}"
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreBusy(message)
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return WriteFailed(message)
        case _:
            return StoreError(message)


def _unwritable(path: Path, error: Exception) -> WriteFailed:
    hint = sqlite_hint(error) if isinstance(error, sqlite3.Error) else "run the same command again"
    return WriteFailed(f"cannot write the store {str(path)!r}: {error}; {hint}")
