from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from sampler.store.filters import EVERYTHING, parse
from sampler.store.sample_readers import SORTS, SampleReader

SAMPLES = 2_000
SLICE = 300


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, million: ModuleType) -> Path:
    path = tmp_path_factory.mktemp("samples") / "study.db"
    million.make(path, SAMPLES)
    return path


def listed(reader: SampleReader, text: str, sort: str = "newest") -> list[tuple[int, float]]:
    """A whole list, put together from stretches as a screen does it."""
    asked = parse(text, 0.0)
    high = reader.top(pending=asked.pending)
    found: list[tuple[int, float]] = []
    while high > 0:
        found += reader.scan(1, asked, (max(0, high - SLICE), high), sort)
        high -= SLICE
    return found


def test_stretches_make_up_every_sample_once_newest_first(store: Path) -> None:
    with SampleReader(store) as reader:
        ids = [id_ for id_, _ in listed(reader, "")]
    assert ids == list(range(SAMPLES, 0, -1))


@pytest.mark.parametrize("text", ["failed", "model:*3b tok>300", "err:~IndexError", "problem:Toy/3?", "nothinglikeit"])
def test_a_filtered_list_holds_what_the_filter_says(store: Path, text: str) -> None:
    with SampleReader(store) as reader:
        ids = {id_ for id_, _ in listed(reader, text)}
        every = reader.page(range(1, SAMPLES + 1))
    tests = {
        "failed": lambda row: row.verdict != "PASSED",
        "model:*3b tok>300": lambda row: row.model.endswith("3b") and row.completion_tokens > 300,
        "err:~IndexError": lambda row: "IndexError" in (row.error_type or ""),
        "problem:Toy/3?": lambda row: row.problem.startswith("Toy/3") and len(row.problem) == 6,
        "nothinglikeit": lambda _row: False,
    }
    assert ids == {row.verdict_id for row in every if tests[text](row)}


@pytest.mark.parametrize("sort", SORTS)
def test_a_list_can_be_sorted_by_every_column(store: Path, sort: str) -> None:
    with SampleReader(store) as reader:
        keys = dict(listed(reader, "", sort))
        rows = reader.page(list(keys))
    taken = {"tok": lambda r: r.completion_tokens, "sec": lambda r: r.seconds, "flops": lambda r: r.flops}
    if sort in taken:
        assert keys == {row.verdict_id: pytest.approx(taken[sort](row)) for row in rows}
    assert len(keys) == SAMPLES


def test_a_page_comes_in_the_order_asked_for_and_skips_what_is_not_there(store: Path) -> None:
    with SampleReader(store) as reader:
        assert [row.verdict_id for row in reader.page([7, 1999, 5_000_000, 3])] == [7, 1999, 3]
        assert reader.page([]) == []


def test_groups_of_stretches_add_up_to_the_failures(store: Path) -> None:
    with SampleReader(store) as reader:
        rows = [row for high in range(SLICE, SAMPLES + SLICE, SLICE) for row in reader.groups(1, (high - SLICE, high))]
        counts = reader.verdict_counts(1)
    found: Counter[tuple[int, str]] = Counter()
    for row in rows:
        found[row.model_id, row.verdict] += row.count
    assert found == {key: n for key, n in counts.items() if key[1] != "PASSED"}


def test_failing_problems_come_with_their_newest_failure_the_worst_first(store: Path) -> None:
    with SampleReader(store) as reader:
        found = reader.failing(1, 3)
        failures = Counter(row.problem for row in reader.page([key for key, _ in listed(reader, "failed")]))
    assert [count for count, _ in found] == [count for _, count in failures.most_common(3)]
    assert all(failures[detail.row.problem] == count for count, detail in found)
    assert all(detail.row.verdict != "PASSED" and detail.program for _, detail in found)


def test_a_detail_holds_every_text_and_a_passing_sample_is_of_the_same_problem(store: Path) -> None:
    with SampleReader(store) as reader:
        failed = reader.page([listed(reader, "failed")[0][0]])[0]
        detail = reader.detail(failed.sample_id)
        passing = reader.passing(failed.sample_id)
        assert reader.detail(10**9) is None
    assert detail is not None
    assert detail.row == failed
    assert "return x +" in detail.program
    assert "def check" in detail.tests
    assert detail.attempts[0].verdict == failed.verdict
    assert passing is not None
    assert (passing.problem, passing.verdict) == (failed.problem, "PASSED")


def test_a_second_judgement_takes_the_place_of_the_first(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_bytes(store.read_bytes())
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute(
            "INSERT INTO verdict(sample_id, attempt, verdict, ending, cpu_s, wall_s, memory_mb, judge, created_at)"
            " VALUES(5, 2, 'OUTPUT', 'exited', 0, 0, 0, '6', 0)"
        )
    with SampleReader(copy) as reader:
        ids = [id_ for id_, _ in listed(reader, "")]
        assert 5 not in ids
        assert ids[0] == SAMPLES + 1
        assert reader.judged_again((SAMPLES, SAMPLES + 1))
        assert not reader.judged_again((0, SAMPLES))
        assert [a.verdict for a in reader.detail(5).attempts][-1] == "OUTPUT"
        assert reader.page([5])[:1] == []


def test_pending_samples_are_listed_by_their_own_ids(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_bytes(store.read_bytes())
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("DELETE FROM verdict WHERE id IN (3, 1500)")
    with SampleReader(copy) as reader:
        assert [id_ for id_, _ in listed(reader, "pending")] == [1500, 3]
        row = reader.page([1500], pending=True)[0]
        assert (row.sample_id, row.verdict_id, row.verdict) == (1500, None, None)
        assert len(listed(reader, "")) == SAMPLES - 2


def test_no_statement_stays_open_between_calls(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_bytes(store.read_bytes())
    with SampleReader(copy) as reader, closing(sqlite3.connect(copy, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        reader.scan(1, EVERYTHING, (0, 100))
        reader.page([1, 2])
        reader.groups(1, (0, 100))
        reader.detail(1)
        writer.execute("UPDATE study SET heartbeat_at = 1")
        assert writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, "somebody still reads"


def test_settings_and_usage_are_what_the_run_noted(store: Path) -> None:
    with SampleReader(store) as reader:
        assert '"cpu_s":3.0' in reader.settings(1).limits_json
        usage = reader.usage(1, limit=10)
    assert len(usage) == 10
    assert all(row.memory_mb > 0 for row in usage)
