"""Write a store: one process, one thread, one connection.

Callers put records on a queue and continue. The writer thread takes the records of 100 ms, or 200 records, whichever
comes first, and commits them as one `BEGIN IMMEDIATE` transaction: facts and their sums together. A killed process
loses at most that batch, and always all of it. Facts carry unique keys and are inserted with OR IGNORE, and a sum only
moves when its fact went in, so recording something twice counts once.

The worst case is a full disk: the batch is rolled back, and from then on every call raises WriteFailed. Nothing is
dropped silently, and what was committed before stays readable.

A store of an older version is migrated when it is opened; sqlite-utils records which migration was applied when. A
migration may rebuild a table that others refer to, so the connection must not check foreign keys meanwhile.
"""

from __future__ import annotations

import os
import queue
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import sqlite_utils

from sampler.exit_codes import Exit
from sampler.store import statements
from sampler.store.lock import StoreBusy, StoreLock
from sampler.store.read_models import StudyRow
from sampler.store.reader import (
    BOOKS,
    BUSY_SECONDS,
    Reader,
    StoreError,
    StoreOld,
    StoreUnmade,
    refuse_foreign,
    sqlite_hint,
)
from sampler.store.schema import APPLICATION, VERSIONS
from sampler.store.write_models import (
    JudgementRecord,
    OpenedModel,
    RankedRow,
    RankerRecord,
    SampleRecord,
    StudyIds,
    StudyRecord,
    TreeRecord,
    VerdictRecord,
)
from sampler.values import Closeable, NoSuchName, matching_name, valid_text

BATCH = 200  # most changes in one transaction
FLUSH_SECONDS = 0.1  # how long the first change of a transaction waits for others
HEARTBEAT_SECONDS = 5.0
QUEUED = 10_000  # above this, callers wait for the disk


def migrate(connection: sqlite3.Connection, versions: Mapping[str, str] = VERSIONS) -> None:
    """Apply the missing migrations, each in one transaction; the caller has already refused newer files."""
    migrations = sqlite_utils.Migrations(APPLICATION)
    for name, script in versions.items():
        migrations(name=name)(_runner(script))
    migrations.apply(sqlite_utils.Database(connection))


def _runner(script: str) -> Callable[[sqlite_utils.Database], None]:
    def run(database: sqlite_utils.Database) -> None:
        for statement in _statements(script):
            database.execute(statement)

    return run


def _statements(script: str) -> Iterator[str]:
    """Yield one statement at a time: `executescript` would commit the migration's transaction."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


T = TypeVar("T")


class WriteFailed(StoreError):
    """The disk is full or fails, or another program holds its lock; nothing more can be recorded."""

    exit_code = Exit.INFRASTRUCTURE


@dataclass(frozen=True, slots=True)
class _Piece:
    """One record to write; a caller may wait for `done` until it is committed."""

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

    def limit_wanted(self, study: int, samples: int) -> None:
        """Lower each model's wanted samples of a problem to at most `samples`, until the study is opened again."""
        self._call(partial(statements.limit_wanted, study=study, samples=samples))

    def begin_run(self, study: int, *, versions: str = "{}") -> None:
        """Record that the study runs in this process from now on; `versions` is JSON."""
        host = (socket.gethostname(), os.getpid())
        self._call(partial(statements.begin_run, study=study, host=host, versions=versions, now=self._clock()))
        self._beating = study

    def end_run(self, study: int, status: str, reason: str) -> None:
        """Record that the study has stopped; `status` is done, failed or interrupted."""
        self._beating = None
        self._call(partial(statements.end_run, study=study, status=status, reason=reason, now=self._clock()))

    def opened_executor(self, study: int, image: str) -> None:
        """Record the name of the image in which the study's programs run from now on."""
        self._call(partial(statements.opened_executor, study=study, image=image))

    def model_opened(self, opened: OpenedModel) -> None:
        """Record a backend's data on its model; raises StudyChanged if the held samples are another model's."""
        self._call(partial(statements.model_opened, opened=opened))

    def add_sample(self, record: SampleRecord) -> None:
        """Record a sample; one that is held already is left as it is."""
        self._put(_Piece(partial(statements.add_sample, record=record, now=self._clock())))

    def add_tree(self, record: TreeRecord) -> None:
        """Record that a draft's later turns have ended; one that is recorded stays as it is."""
        self._put(_Piece(partial(statements.add_tree, record=record, now=self._clock())))

    def add_verdict(self, record: VerdictRecord) -> None:
        """Record the verdict of a stored sample; one that has a verdict keeps it."""
        self._put(_Piece(partial(statements.add_verdict, record=record, now=self._clock())))

    def add_judgement(self, record: JudgementRecord) -> None:
        """Record a new judgement of the facts of a stored verdict, beside it."""
        self._put(_Piece(partial(statements.add_judgement, record=record, now=self._clock())))

    def retest_study(self, record: StudyRecord) -> int:
        """Replace the tests of a stored study by those of `record`; return its id. See `statements.retest_study`."""
        return self._call(partial(statements.retest_study, record=record))

    def open_ranker(self, record: RankerRecord) -> int:
        """Return the id of a ranker of a study; values that were made with another digest are deleted."""
        return self._call(partial(statements.open_ranker, record=record))

    def add_ranked(self, ranker: int, rows: Sequence[RankedRow]) -> None:
        """Record a ranker's scores of some samples, instead of its earlier ones."""
        self._put(_Piece(partial(statements.add_ranked, ranker=ranker, rows=rows, now=self._clock())))

    def transact(self, write: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Run `write` in its own transaction.

        The future has its result after the commit, or the error that prevented it.
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
        """Commit the remaining records, checkpoint the log, and release the lock. Idempotent."""
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
        """Run the writer thread: collect and commit until the end is queued."""
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
        """Return the waiting records, and whether the store is being closed.

        A record with a waiting caller ends the batch.
        """
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
        """Commit all of the batch or nothing of it, then notify waiting callers."""
        if self._failure is None:
            try:
                answers = self._transact(batch)
            except StoreError as error:  # a refusal by one piece: only records with a waiting caller are refused
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
        """Handle a refused record: it is the batch's last, as `_collect` ensures, and earlier ones are kept."""
        refused = batch.pop()
        if batch:
            self._commit(batch)
        if refused.done is not None:
            refused.done.set_exception(error)


def _connect(path: Path) -> sqlite3.Connection:
    """Return the writer's connection; from now on only the writer thread uses it."""
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
    """Raise StoreError for a foreign file; a file without tables of ours is new, also after a failed first run."""
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


AnyReader = TypeVar("AnyReader", bound=Reader)


def open_migrated(path: Path, kind: type[AnyReader]) -> AnyReader:
    """Open a reader of this kind; a store of an older version is migrated first. Raises StoreError."""
    try:
        return kind(path)
    except StoreOld:
        try:
            Store(path).close()
        except StoreBusy:
            raise
        except StoreError as error:
            raise StoreError(f"a store of an older version is brought up to date before it is read; {error}") from error
        return kind(path)


def remove(path: Path) -> None:
    """Remove a store and the files that a reader leaves beside it."""
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def chosen_study(studies: list[StudyRow], path: Path, name: str | None) -> StudyRow:
    """Return the study called `name`, or by a part of its name, or the newest one; raises StoreError."""
    chosen = [row for row in studies if name in (None, row.name, row.uid)]
    if not chosen and name is None:
        raise StoreError(f"{str(path)!r} is empty")
    if not chosen and name is not None:
        try:
            found = matching_name([row.name for row in studies], name, "study")
        except NoSuchName as error:
            raise StoreError(f"{str(path)!r}: {error}") from error
        chosen = [row for row in studies if row.name == found]
    return chosen[0]
