from __future__ import annotations

import sqlite3
from array import array
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from sampler.store.filters import parse
from sampler.store.sample_readers import SampleReader
from tui.data.sample_index import ListQuery, SampleIndex, SampleOrder
from tui.widgets.list_table import MARKED, Column, ListTable, fitted_cell, lay_out

SAMPLES = 6_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, million: ModuleType) -> Path:
    path = tmp_path_factory.mktemp("listing") / "study.db"
    million.make(path, SAMPLES)
    return path


class Clock:
    """A slice always takes as long as it should, so that the stride stays as it is."""

    def __init__(self, step: float = 0.02) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def through(reader: SampleReader, listing: SampleIndex) -> SampleOrder:
    """The order once nothing more is to be read."""
    for _ in range(1000):
        order = listing.step(reader)
        if not order.behind:
            return order
    raise AssertionError("it never came to an end")


def listed(order: SampleOrder) -> list[int]:
    return order.ids(0, order.total)


def test_slices_make_up_the_whole_list(store: Path) -> None:
    with SampleReader(store) as reader:
        listing = SampleIndex(ListQuery(study=1), Clock(1.0))
        first = listing.step(reader)
        assert first.behind
        assert first.scanned < 1
        assert listed(first)[0] == SAMPLES
        assert listed(through(reader, listing)) == list(range(SAMPLES, 0, -1))


@pytest.mark.parametrize("sort", ["tok", "sec", "cpu", "problem", "model", "verdict"])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_sorted_list_is_sorted(store: Path, sort: str, reverse: bool) -> None:
    with SampleReader(store) as reader:
        order = through(reader, SampleIndex(ListQuery(study=1, filter=parse("failed", 0), sort=sort, reverse=reverse)))
        rows = reader.page(listed(order))
        keys = dict(reader.scan(1, parse("failed", 0), (0, SAMPLES), sort))
    assert len(rows) == order.total > 100
    found = [keys[row.verdict_id] for row in rows]
    assert found == sorted(found, reverse=not reverse)


def test_what_comes_while_one_looks_stands_on_top(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_bytes(store.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        with connection:
            connection.execute("DELETE FROM verdict WHERE id > 5900")
        with SampleReader(copy) as reader:
            listing = SampleIndex(ListQuery(study=1))
            before = through(reader, listing)
            assert before.total == 5900
            with connection:
                connection.executemany(
                    "INSERT INTO verdict(sample_id, verdict, ending, cpu_s, wall_s, memory_mb, judge, created_at)"
                    " VALUES(?, 'WRONG', 'exited', 0, 0, 0, '5', 0)",
                    [(number,) for number in range(5901, 5951)],
                )
            after = through(reader, listing)
            assert after.total == 5950
            assert listed(after)[50:] == listed(before), "an order that was handed out does not change"
            with connection:
                connection.execute(
                    "INSERT INTO verdict(sample_id, attempt, verdict, ending, cpu_s, wall_s, memory_mb, judge, "
                    "created_at)"
                    " VALUES(7, 2, 'PASSED', 'exited', 0, 0, 0, '6', 0)"
                )
            again = through(reader, listing)
            assert again.total == 5950, "a second judgement takes the place of the first"
            assert 7 not in listed(again)


INSERT_VERDICT = (
    "INSERT INTO verdict(sample_id, verdict, ending, cpu_s, wall_s, memory_mb, judge, created_at)"
    " VALUES(?, 'WRONG', 'exited', 0, 0, 0, '5', 0)"
)


@pytest.mark.parametrize("sort", ["newest", "tok"])
def test_samples_leave_the_list_of_pending_ones_by_their_verdicts_and_nothing_is_read_twice(
    store: Path, tmp_path: Path, sort: str
) -> None:
    copy = tmp_path / "copy.db"
    copy.write_bytes(store.read_bytes())
    with closing(sqlite3.connect(copy)) as connection, SampleReader(copy) as reader:
        with connection:
            connection.execute("DELETE FROM verdict WHERE id > 5000")
        listing = SampleIndex(ListQuery(study=1, filter=parse("pending", 0), sort=sort), Clock(3.0))
        before = through(reader, listing)
        assert sorted(listed(before)) == list(range(5001, SAMPLES + 1))
        with connection:
            connection.executemany(INSERT_VERDICT, [(number,) for number in (5001, 5500, SAMPLES)])
        after = through(reader, listing)
        assert sorted(listed(after)) == sorted({*listed(before)} - {5001, 5500, SAMPLES})
        assert before.total == 1000, "an order that was handed out does not change"
        read: list[object] = []
        reader._connection.set_trace_callback(read.append)
        assert not listing.step(reader).behind
        assert not [sql for sql in read if "FROM sample s" in str(sql)], (
            "what was looked through is not looked through again"
        )


def test_a_sample_that_is_judged_while_the_list_is_made_is_not_on_it(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_bytes(store.read_bytes())
    with closing(sqlite3.connect(copy)) as connection, SampleReader(copy) as reader:
        with connection:
            connection.execute("DELETE FROM verdict")
        listing = SampleIndex(ListQuery(study=1, filter=parse("pending", 0)), Clock(1.0))
        assert listing.step(reader).behind
        with connection:
            connection.executemany(INSERT_VERDICT, [(number,) for number in (3, SAMPLES)])
        assert listed(through(reader, listing)) == [n for n in range(SAMPLES - 1, 0, -1) if n != 3]


def test_a_store_made_anew_is_listed_anew(store: Path, tmp_path: Path, million: ModuleType) -> None:
    small = tmp_path / "small.db"
    million.make(small, 1000)
    listing = SampleIndex(ListQuery(study=1))
    with SampleReader(store) as reader:
        assert through(reader, listing).total == SAMPLES
    with SampleReader(small) as reader:
        assert through(reader, listing).total == 1000


def test_slices_grow_while_they_are_quick_and_shrink_when_they_are_slow(store: Path) -> None:
    with SampleReader(store) as reader:
        quick, slow = SampleIndex(ListQuery(study=1), Clock(0.001)), SampleIndex(ListQuery(study=1), Clock(1.0))
        for listing in (quick, slow):
            listing.step(reader)
        assert quick._stride > slow._stride


ORDERS = st.builds(
    lambda newer, older, reverse: (sorted(newer), sorted(older, reverse=True), reverse),
    st.sets(st.integers(1001, 2000), max_size=20),
    st.sets(st.integers(1, 1000), max_size=20),
    st.booleans(),
)


@given(ORDERS, st.integers(1, 2000))
def test_every_id_stands_where_the_order_says(parts: tuple[list[int], list[int], bool], other: int) -> None:
    newer, older, reverse = parts
    order = SampleOrder(
        newer=array("q", newer), older=array("q", older), newest=len(newer), oldest=len(older), reverse=reverse
    )
    ids = listed(order)
    assert ids == sorted(ids, reverse=not reverse)
    assert [order.position(id_) for id_ in ids] == list(range(order.total))
    if other not in ids:
        assert order.position(other) is None


COLUMNS = st.lists(
    st.builds(
        Column,
        key=st.uuids().map(str),
        label=st.text(max_size=8),
        width=st.integers(1, 20),
        right=st.booleans(),
        needs=st.integers(0, 80),
        middle=st.booleans(),
    ),
    max_size=8,
)


@given(COLUMNS, st.integers(0, 120), st.text("ab界é", max_size=30), st.integers(0, 60))
def test_columns_never_leave_the_list_and_cells_fill_theirs(
    columns: list[Column], width: int, text: str, wanted: int
) -> None:
    found = lay_out(columns, width, {column.key: wanted for column in columns})
    for place in found:
        assert place.left + place.width <= width
        assert cell_len(fitted_cell(text, place)) == place.width
    assert all(one.left + one.width < other.left for one, other in pairwise(found))


def test_what_shortened_names_leave_goes_to_the_last_column() -> None:
    columns = (
        Column(key="model", label="model", width=10, names=True),
        Column(key="error", label="error", width=0, least=4),
    )
    table = ListTable(columns)
    table.set_names(["qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"])
    for width in (30, 40, 60):
        model, error = table.places(width)
        shown = max(map(cell_len, table.shortened(model.width).values()))
        assert model.width == shown + MARKED
        assert error.left + error.width == width
