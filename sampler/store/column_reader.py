"""Read whole columns of a store's tables as numpy arrays; of a large store, half in a second process.

Statements return numbers alone, which numpy takes row by row without keeping a Python object: a million samples of
twenty columns need about 160 MB. Words come as places in a list of the different rows of words. A NULL is to be
written by the statement as a number of its own.

Nearly all of the time goes into making Python's numbers, which one thread does at a time. The rows of the upper ids of
a large store are therefore read by another process, which runs this file as a program and hands the columns over as
bytes. Rows are only ever added, so both see the same ones up to ids that are fixed before. It is a process and not a
second library of SQLite in this one, because closing a file there would drop the locks of a run here
(sqlite.org/howtocorrupt.html). It has nothing to import but numpy, so it begins soon.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
LARGE = 200_000  # ids from which a second process saves more than it takes to start
UPPER_SHARE = 0.48  # of the ids, for the second process: it has to start first, and to hand over
CHUNK = 8192  # rows that are made columns of at a time: they stay in the processor's cache


class Query(NamedTuple):
    """What is read of a table, in the order of its ids: SQL expressions, each a number, or all of them `words`."""

    table: str
    cells: Sequence[str]
    words: bool = False

    @property
    def columns(self) -> int:
        """Return how many columns of numbers come of it."""
        return 1 if self.words else len(self.cells)


class Read(NamedTuple):
    """Columns of a table, each in one piece, and the different rows of words that their places are of."""

    columns: Numbers
    words: Sequence[tuple[Any, ...]]


class _Places(dict[tuple[Any, ...], int]):
    """A place for each different row, in the order in which they come."""

    def __missing__(self, row: tuple[Any, ...]) -> int:
        self[row] = place = len(self)
        return place


class ColumnReader:
    """Reads tables up to the ids that they have when it is made. To be used with `with`, on one thread.

    Errors of SQLite are raised as they are.
    """

    def __init__(self, connection: sqlite3.Connection, uri: str, tables: Sequence[str]) -> None:
        """Fix the ids of `tables`, and start a second process where one of them is large."""
        self._connection, self._uri = connection, uri
        self._tops: Mapping[str, int] = {
            table: connection.execute(f"SELECT ifnull(max(id), 0) FROM {table}").fetchone()[0] for table in tables
        }
        shared = max(self._tops.values(), default=0) >= LARGE and (os.cpu_count() or 1) > 1 and sys.executable
        self._other = _started() if shared else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._other is not None:
            self._other.kill()
            with self._other:
                pass

    def read(self, queries: Sequence[Query]) -> list[Read]:
        """Return what is asked for; once for each reader."""
        halves = [round(self._tops[query.table] * (1 - UPPER_SHARE * bool(self._other))) for query in queries]
        parts = [(query, half, self._tops[query.table]) for query, half in zip(queries, halves, strict=True)]
        if self._other is not None:
            _order(self._other, self._uri, parts)
        found = [np.empty((query.columns, top)) for query, _, top in parts]
        lower = [
            _read(self._connection, query, 0, half, into) for (query, half, _), into in zip(parts, found, strict=True)
        ]
        rests = [into[:, rows:] for into, (rows, _) in zip(found, lower, strict=True)]
        upper = _received(self._other, rests) if self._other is not None else None
        if upper is None:
            upper = [
                _read(self._connection, query, half, top, into)
                for (query, half, top), into in zip(parts, rests, strict=True)
            ]
        return [
            _joined(query, into, one, other)
            for query, into, one, other in zip(queries, found, lower, upper, strict=True)
        ]


_Part = tuple[Query, int, int]  # the rows of ids above the first number, up to the second
_Came = tuple[int, Sequence[tuple[Any, ...]]]  # rows, and the different rows of words


def _read(connection: sqlite3.Connection, query: Query, low: int, high: int, into: Numbers) -> _Came:
    """Fill columns with the rows of a range of ids."""
    cursor = connection.cursor()
    cursor.row_factory = None  # tuples are made faster than named rows, and can be told apart
    rows = cursor.execute(
        f"SELECT {', '.join(query.cells)} FROM {query.table} WHERE id > ? AND id <= ? ORDER BY id", (low, high)
    )
    places = _Places()
    cells: Iterator[Any] = map(places.__getitem__, rows) if query.words else chain.from_iterable(rows)
    at = 0
    while (flat := np.fromiter(islice(cells, CHUNK * query.columns), np.float64)).size:
        block = flat.reshape(-1, query.columns)
        into[:, at : at + len(block)] = block.T
        at += len(block)
    return at, list(places)


def _joined(query: Query, into: Numbers, lower: _Came, upper: _Came) -> Read:
    """Return the rows of two ranges, of which the upper ones stand behind the lower ones."""
    (rows, words), (more, further) = lower, upper
    columns = into[:, : rows + more]
    if not (query.words and more):
        return Read(columns, words)
    places = _Places(zip(words, range(len(words)), strict=True))
    moved = np.array([places[row] for row in further], np.float64)
    columns[0, rows:] = moved[columns[0, rows:].astype(np.int64)]
    return Read(columns, list(places))


# the second process


def _started() -> subprocess.Popen[bytes] | None:
    """Start another process; None if none can be started."""
    with suppress(OSError):
        return subprocess.Popen(
            [sys.executable, "-I", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    return None


def _order(other: subprocess.Popen[bytes], uri: str, parts: Sequence[_Part]) -> None:
    with suppress(BrokenPipeError):  # it has ended already, which its exit code tells
        if other.stdin is not None:
            with other.stdin as order:
                order.write(json.dumps([uri, parts]).encode())


def _received(other: subprocess.Popen[bytes], rests: Sequence[Numbers]) -> list[_Came] | None:
    """Fill columns with what another process has read; return None if it failed: then this process has to read."""
    came: list[_Came] = []
    with other, suppress(ValueError, EOFError):  # of a process that ended early
        for into in rests:
            rows, told = json.loads(other.stdout.readline() if other.stdout else b"")
            for column in into[:, :rows]:
                _fill(other, memoryview(column).cast("B"))
            came.append((rows, [tuple(row) for row in told]))
    return came if len(came) == len(rests) and not other.returncode else None


def _fill(other: subprocess.Popen[bytes], column: memoryview) -> None:
    while len(column):
        count = other.stdout.readinto(column) if other.stdout else 0  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        column = column[count:]


def _answer() -> None:
    """Read what another process orders, and write it when all is read: it takes nothing before."""
    uri, parts = json.load(sys.stdin)
    connection = sqlite3.connect(uri, uri=True)
    read = []
    for told, low, high in parts:
        query = Query(*told)
        into = np.empty((query.columns, high - low))
        read.append((into, *_read(connection, query, low, high, into)))
    for into, rows, words in read:
        sys.stdout.buffer.write(json.dumps([rows, words]).encode() + b"\n")
        for column in into:
            sys.stdout.buffer.write(column[:rows].data)


if __name__ == "__main__":
    _answer()
