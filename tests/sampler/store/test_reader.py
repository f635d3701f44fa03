from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from sampler.store.reader import Reader, StoreError
from sampler.store.writer import Store
from sandbox.values import Verdict


def test_a_reader_follows_a_writing_process_and_misses_nothing(tmp_path, support_script):
    path = tmp_path / "s.db"
    with subprocess.Popen([sys.executable, support_script, "write", path], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            seen: list[int] = []
            with Reader(path) as reader:
                assert reader.changed()
                while len(seen) < 3000:
                    began = time.monotonic()
                    while not reader.changed():
                        assert time.monotonic() - began < 120
                        time.sleep(0.01)
                    while rows := reader.tail(1, after=seen[-1] if seen else 0, limit=500):
                        if not seen:
                            rows = reader.tail(1, after=rows[0].id, limit=500)
                        seen.extend(row.id for row in rows)
                    (study,) = reader.studies()
                    assert study.status == "running"
                    assert study.pid == process.pid
        finally:
            process.kill()
    with closing(sqlite3.connect(path)) as connection:
        stored = connection.execute("SELECT id FROM verdict WHERE id BETWEEN ? AND ? ORDER BY id", (seen[0], seen[-1]))
        assert seen == [row[0] for row in stored]


def test_a_reader_holds_no_transaction_between_calls(tmp_path, support):
    path = tmp_path / "s.db"
    with Store(path) as store:
        ids = store.open_study(support.study_record())
        with Reader(path) as reader:
            store.add_sample(support.sample_record(ids.models["small"], ids.problems["P/0"], 0))
            store.flush()
            for call in (
                reader.studies,
                lambda: reader.models(1),
                lambda: reader.tallies(1),
                lambda: reader.tail(1),
                lambda: reader.events(1),
                lambda: reader.pending(1),
                lambda: reader.sample_keys(1),
            ):
                call()
                assert not reader._connection.in_transaction
            store.close()  # folds the log into the file although the reader is still open
            assert path.with_name("s.db-wal").stat().st_size == 0


def test_changed_tells_of_other_connections_commits_only(tmp_path, support):
    path = tmp_path / "s.db"
    with Store(path) as store:
        ids = store.open_study(support.study_record())
        with Reader(path) as reader:
            assert reader.changed()
            assert not reader.changed()
            store.add_event(ids.study, "info", "x", "hello")
            store.flush()
            assert reader.changed()
            assert not reader.changed()


def test_tail_and_events_give_the_newest_first_time_and_then_what_follows(tmp_path, support):
    path = tmp_path / "s.db"
    with Store(path) as store:
        ids = store.open_study(support.study_record(wanted=10))
        model, problem = ids.models["small"], ids.problems["P/1"]
        for index in range(6):
            store.add_sample(support.sample_record(model, problem, index))
            store.add_verdict(support.verdict_record(model, problem, index, Verdict.WRONG))
            store.add_event(ids.study, "warning", "kind", f"event {index}")
    with Reader(path) as reader:
        assert [row.id for row in reader.tail(1, limit=2)] == [5, 6]
        assert [row.id for row in reader.tail(1, after=2, limit=3)] == [3, 4, 5]
        row = reader.tail(1)[0]
        assert (row.model, row.problem, row.index, row.verdict) == ("small", "P/1", 0, "WRONG")
        assert (row.seconds, row.flops, row.error_type, row.error_message) == (0.75, 150.0, "AssertionError", "no")
        assert [row.message for row in reader.events(1, limit=2)] == ["event 4", "event 5"]
        assert [row.message for row in reader.events(1, after=4)] == ["event 4", "event 5"]


def test_a_study_row_counts_what_is_wanted_and_done(tmp_path, support):
    path = tmp_path / "s.db"
    with Store(path) as store:
        ids = store.open_study(support.study_record(count=3, wanted=5))
        store.add_sample(support.sample_record(ids.models["small"], ids.problems["P/0"], 0))
        store.add_sample(support.sample_record(ids.models["small"], ids.problems["P/2"], 0))
        store.add_verdict(support.verdict_record(ids.models["small"], ids.problems["P/2"], 0))
        other = store.open_study(support.study_record(name="empty"))
    with Reader(path) as reader:
        newest, row = reader.studies()
        assert (newest.id, newest.sampled, newest.scored, newest.wanted) == (other.study, 0, 0, 8)
        assert (row.problems, row.wanted, row.sampled, row.scored, row.status) == (3, 15, 2, 1, "created")
        assert [row.problem for row in reader.pending(ids.study)] == ["P/0"]
        assert [tally.problem for tally in reader.tallies(ids.study)] == ["P/0", "P/2"]
        assert reader.tallies(other.study) == []


def test_a_missing_store_is_one_line_with_the_way_out(tmp_path):
    with pytest.raises(StoreError, match=r"there is no store at .*sampler run"):
        Reader(tmp_path / "no.db")


def test_a_store_may_have_any_name(tmp_path, support):
    path = tmp_path / "a b?#%20é.db"
    with Store(path) as store:
        store.open_study(support.study_record())
    with Reader(path) as reader:
        assert len(reader.studies()) == 1


def test_a_reader_cannot_write(tmp_path, support):
    path = tmp_path / "s.db"
    with Store(path) as store:
        store.open_study(support.study_record())
    with Reader(path) as reader, pytest.raises(StoreError, match="readonly"):
        reader._rows("DELETE FROM study RETURNING id")
