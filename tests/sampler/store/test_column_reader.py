"""Columns of a table are the same however they are read, whatever becomes of the second process."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sampler.store import column_reader
from sampler.store.column_reader import ColumnReader, Query, Read

NUMBERS = Query("t", ("id", "ifnull(x, 9e999)"))
WORDS = Query("t", ("a", "b"), words=True)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[tuple[sqlite3.Connection, str]]:
    path = tmp_path / "t.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, x REAL, a TEXT, b TEXT)")
        connection.execute("CREATE TABLE none(id INTEGER PRIMARY KEY)")
        rows = [
            (number, None if number % 7 == 0 else number / 3, f"ä{number % 5}\n", None if number > 600 else "\0")
            for number in range(1, 1001)
            if number % 10  # ids have gaps
        ]
        connection.executemany("INSERT INTO t VALUES(?, ?, ?, ?)", rows)
        connection.commit()
        yield connection, f"{path.as_uri()}?mode=ro"


def read(table: tuple[sqlite3.Connection, str]) -> tuple[list[list[float]], list[tuple[str | None, ...]], Read]:
    with ColumnReader(*table, ("t", "none")) as reader:
        numbers, words, nothing = reader.read([NUMBERS, WORDS, Query("none", ("id",))])
    return numbers.columns.tolist(), [tuple(words.words[int(place)]) for place in words.columns[0]], nothing


def test_numbers_and_words_come_in_the_order_of_ids(table: tuple[sqlite3.Connection, str]) -> None:
    numbers, words, nothing = read(table)
    expected = table[0].execute("SELECT id, ifnull(x, 9e999), a, b FROM t ORDER BY id").fetchall()
    assert list(zip(*numbers, words, strict=True)) == [(one, x, (a, b)) for one, x, a, b in expected]
    assert nothing.columns.shape == (1, 0)


@pytest.mark.parametrize(
    "executable",
    [
        pytest.param(sys.executable, id="it works"),
        pytest.param("/bin/false", id="it fails"),
        pytest.param("/bin/cat", id="it writes something else"),
        pytest.param("/none", id="it cannot be started"),
    ],
)
@pytest.mark.parametrize("share", [0.0, 0.46, 1.0])
def test_a_second_process_changes_nothing(
    table: tuple[sqlite3.Connection, str], monkeypatch: pytest.MonkeyPatch, executable: str, share: float
) -> None:
    alone, python, came = read(table), sys.executable, []
    received = column_reader._received

    def kept(other: Any, rests: Any) -> Any:
        came.append(received(other, rests))
        return came[-1]

    monkeypatch.setattr(column_reader, "_received", kept)
    monkeypatch.setattr(column_reader, "LARGE", 1)
    monkeypatch.setattr(column_reader, "UPPER_SHARE", share)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(sys, "executable", executable)
    both = read(table)
    assert [one is not None for one in came] == {python: [True], "/none": []}.get(executable, [False])
    assert both[:2] == alone[:2]
    assert np.array_equal(both[2].columns, alone[2].columns)


def test_rows_that_come_while_it_reads_are_left_out(
    table: tuple[sqlite3.Connection, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(column_reader, "LARGE", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with ColumnReader(*table, ("t",)) as reader:
        table[0].execute("INSERT INTO t VALUES(2000, 1, 'late', 'late')")
        table[0].commit()
        (numbers,) = reader.read([NUMBERS])
    assert numbers.columns[0].max() == 999


def test_an_error_ends_the_second_process(
    table: tuple[sqlite3.Connection, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(column_reader, "LARGE", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with ColumnReader(*table, ("t",)) as reader:
        other = reader._other
        with pytest.raises(sqlite3.OperationalError):
            reader.read([Query("t", ("no_such_column",))])
    assert other is not None
    assert other.returncode is not None
