from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sampler.reporting.inputs import read_report
from sampler.stats.budget import Unit, UnitCost
from sampler.store.lock import StoreBusy
from sampler.store.reader import Reader, StoreError, StoreOld, StoreUnmade, sqlite_hint
from sampler.store.schema import APPLICATION, VERSIONS
from sampler.store.statements import OUTPUT_KEPT, StudyChanged
from sampler.store.write_models import ModelRecord, OpenedModel
from sampler.store.writer import Store, WriteFailed
from sampler.values import GivenCosts, ModelCard
from sandbox.values import Verdict


def query(path: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def assert_sums_agree(path: Path) -> None:
    """Every sum equals what counting the facts gives."""
    counted = query(
        path,
        "SELECT s.model_id, problem_id, count(*), count(v.id), total(v.verdict = 'PASSED'), sum(prompt_tokens),"
        " sum(completion_tokens), total(prompt_seconds), total(decode_seconds), total(prompt_flops), "
        "total(decode_flops),"
        " total(prompt_joules), total(decode_joules), total(cpu_s)"
        " FROM sample s LEFT JOIN latest_verdict v ON v.sample_id = s.id GROUP BY 1, 2 ORDER BY 1, 2",
    )
    kept = query(
        path,
        "SELECT model_id, problem_id, sampled, scored, passed, prompt_tokens, completion_tokens, prompt_seconds,"
        " decode_seconds, prompt_flops, decode_flops, coalesce(prompt_joules, 0), coalesce(decode_joules, 0), "
        "cpu_s FROM tally"
        " ORDER BY 1, 2",
    )
    assert kept == [pytest.approx(row) for row in counted]
    verdicts = query(
        path,
        "SELECT model_id, verdict, count(*) FROM latest_verdict v JOIN sample s ON s.id = v.sample_id"
        " GROUP BY 1, 2 ORDER BY 1, 2",
    )
    assert query(path, "SELECT model_id, verdict, n FROM verdict_tally ORDER BY 1, 2") == verdicts


def test_a_sample_recorded_twice_counts_once(tmp_path, support):
    path = tmp_path / "s.db"
    with Store(path) as store:
        ids = store.open_study(support.study_record())
        model, problem = ids.models["small"], ids.problems["P/0"]
        for _ in range(3):
            store.add_sample(support.sample_record(model, problem, 0))
            store.add_verdict(support.verdict_record(model, problem, 0))
        store.add_verdict(support.verdict_record(model, problem, 0, Verdict.WRONG))
    with Reader(path) as reader:
        (row,) = reader.tallies(ids.study)
        assert (row.sampled, row.scored, row.passed) == (1, 1, 1)
        assert (row.prompt_flops, row.decode_seconds) == (100.0, 0.25)
        assert reader.verdict_counts(ids.study) == {(model, "PASSED"): 1}
    assert_sums_agree(path)


def test_one_sample_whose_cost_is_not_known_makes_the_sum_unknown_and_no_other(tmp_path, support):
    path = tmp_path / "s.db"
    with Store(path) as store:
        ids = store.open_study(support.study_record())
        model, first, second = ids.models["small"], ids.problems["P/0"], ids.problems["P/1"]
        store.add_sample(support.sample_record(model, first, 0))
        timeless = support.sample_record(model, first, 1)
        untold = replace(timeless.sample, decode_seconds=None, finish=None, seed=None)
        store.add_sample(replace(timeless, sample=untold, decode_flops=None))
        store.add_sample(support.sample_record(model, second, 0))
    with Reader(path) as reader:
        untimed, timed = reader.tallies(ids.study)
    assert (untimed.decode_seconds, untimed.decode_flops, untimed.prompt_seconds) == (None, None, 1.0)
    assert (timed.decode_seconds, timed.decode_flops) == (0.25, 50.0)


def test_a_verdict_for_a_sample_that_is_not_stored_leaves_no_trace(tmp_path, support):
    path = tmp_path / "s.db"
    with Store(path) as store:
        ids = store.open_study(support.study_record())
        store.add_verdict(support.verdict_record(ids.models["small"], ids.problems["P/0"], 9))
    assert query(path, "SELECT count(*) FROM verdict") == [(0,)]
    assert query(path, "SELECT count(*) FROM verdict_tally") == [(0,)]


def test_equal_texts_are_kept_once_and_hostile_ones_survive(tmp_path, support):
    path = tmp_path / "s.db"
    hostile = "\x00\x1b[31m\ud800[bold]é\U0001f600"
    with Store(path) as store:
        ids = store.open_study(support.study_record())
        model, problem = ids.models["small"], ids.problems["P/0"]
        for index in range(3):
            store.add_sample(support.sample_record(model, problem, index, hostile))
        store.add_event(ids.study, "info", "said", hostile)
    held = {row[0] for row in query(path, "SELECT body FROM text")}
    assert held == {hostile.replace("\ud800", "?"), f"source of {hostile}".replace("\ud800", "?")}
    with Reader(path) as reader:
        assert reader.events(ids.study)[0].message == hostile.replace("\ud800", "?")
        assert reader.pending(ids.study)[0].source.startswith("source of \x00")


def test_a_flood_of_output_is_kept_up_to_a_bound(tmp_path, support):
    path = tmp_path / "s.db"
    with Store(path) as store:
        ids = store.open_study(support.study_record())
        model, problem = ids.models["small"], ids.problems["P/0"]
        store.add_sample(support.sample_record(model, problem, 0))
        flood = support.verdict_record(model, problem, 0)
        store.add_verdict(replace(flood, score=support.score(stdout=b"\xff" * 10 * OUTPUT_KEPT)))
    ((length,),) = query(path, "SELECT length(body) FROM text JOIN verdict ON stdout_sha = sha256")
    assert length == OUTPUT_KEPT + len("\n[cut here]")


def test_sums_agree_with_facts_after_kill_9_at_any_moment_and_nothing_is_there_twice(tmp_path, support, support_script):
    path = tmp_path / "s.db"
    moments = random.Random(5)
    held = 0
    for _ in range(4):
        process = subprocess.Popen([sys.executable, support_script, "write", path], stdout=subprocess.PIPE)
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"going\n"
            time.sleep(moments.uniform(0, 0.2))
            process.kill()
        assert_sums_agree(path)
        (now,) = query(path, "SELECT count(*) FROM sample")[0]
        assert now >= max(held, 101)
        assert query(path, "PRAGMA integrity_check") == [("ok",)]
        held = now
    with Store(path) as store:  # the lock of the killed process is gone
        store.open_study(support.study_record(count=5, wanted=100_000))
    assert query(path, "SELECT count(*), count(DISTINCT model_id || '/' || problem_id || '/' || idx) FROM sample") == [
        (held, held)
    ]


def write_old_store(path: Path) -> None:
    """A store as the first version wrote it, with a sample and its verdict."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(VERSIONS["v1"])
        connection.execute("CREATE TABLE _sqlite_migrations(id INTEGER PRIMARY KEY, migration_set, name, applied_at)")
        connection.execute("INSERT INTO _sqlite_migrations VALUES(1, ?, 'v1', '')", (APPLICATION,))
        connection.execute(
            "INSERT INTO study VALUES(1, 'u', 'old', '', 'd', 'here', 'd', 0, '{}', NULL, '{}', 'done', NULL, NULL, 0,"
            " NULL, NULL, NULL, NULL)"
        )
        connection.execute("INSERT INTO model VALUES(1, 1, 'm', 'replay', 'e', 'd', NULL, NULL, '{}', 1, 0)")
        connection.execute("INSERT INTO problem VALUES(1, 1, 'P/0', 'p', 't', 'f', 0)")
        connection.execute(
            "INSERT INTO sample VALUES(1, 1, 1, 0, 0, x'00', x'00', 'stop', 1, 1, 1, 1, NULL, NULL, NULL, 0, 0)"
        )
        connection.execute(
            "INSERT INTO verdict VALUES(1, 1, 1, 'PASSED', 'exited', 0, NULL, 0.75, 1, 9, NULL, NULL, NULL, NULL, "
            "'', '1', 0)"
        )
        connection.execute("INSERT INTO tally VALUES(1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0)")


def test_a_store_of_an_older_version_is_brought_up_to_date_and_loses_nothing(tmp_path):
    path = tmp_path / "s.db"
    write_old_store(path)
    with pytest.raises(
        StoreOld, match=r"was written by an older codebudget .*`sampler report .*` brings it up to date"
    ):
        Reader(path)
    made = read_report(path)
    assert (made.models[0].sampled, made.models[0].passed) == (1, 1)
    assert made.models[0].unit_costs[Unit.SANDBOX_SECONDS] == UnitCost(each=0.75)
    assert made.models[0].unit_costs[Unit.JOULES] is None


def test_a_greedy_sample_is_a_row_of_its_own_beside_its_model(tmp_path, support):
    path = tmp_path / "s.db"
    owner = ModelRecord(name="m", backend="replay", sampling="{}", wanted=4, costs='{"table_flops":2.0}')
    star = ModelRecord(name="m (greedy)", backend="replay", sampling="{}", wanted=1, greedy_of="m")
    with Store(path) as store:
        ids = store.open_study(support.study_record(models=(owner, star)))
        store.open_study(support.study_record(models=(replace(owner, costs="{}"), star)))  # prices decide no sample
        with Reader(path) as reader:
            assert [row.name for row in reader.models(ids.study)] == ["m"]
            assert reader.models(ids.study)[0].costs == GivenCosts()
            (greedy,) = reader.greedy(ids.study)
            assert (greedy.name, greedy.wanted, greedy.greedy_of) == ("m (greedy)", 1, ids.models["m"])


def test_two_processes_cannot_run_one_store(tmp_path, support_script):
    path = tmp_path / "s.db"
    with subprocess.Popen([sys.executable, support_script, "write", path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(StoreBusy, match=rf"process {process.pid} is running"):
            Store(path)
        assert read_report(path).status == "running"
        process.kill()
    assert query(path, "SELECT status FROM study") == [("running",)]
    told = read_report(path)
    assert told.status == "interrupted"
    assert told.notes[0].startswith("Interim: the study is interrupted;")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE study SET host = 'another machine'")
    assert read_report(path).status == "running", "of another machine's processes nothing is known"
    Store(path).close()


def test_a_closed_store_is_one_file_without_leftovers(tmp_path, support):
    path = tmp_path / "s.db"
    with Store(path) as store:
        store.open_study(support.study_record())
    assert [item.name for item in tmp_path.iterdir()] == ["s.db"]


def test_a_store_of_a_newer_version_is_refused_by_both_sides(tmp_path, support):
    path = tmp_path / "s.db"
    with Store(path) as store:
        store.open_study(support.study_record())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations(migration_set, name, applied_at) VALUES('codebudget', 'v99', '')"
        )
    for opening in (Store, Reader):
        with pytest.raises(StoreError, match=r"newer codebudget \(it has schema v99.*upgrade"):
            opening(path)
    assert not path.with_name("s.db.lock").exists()


@pytest.mark.parametrize("opening", [Store, Reader])
def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path, opening):
    text = tmp_path / "notes.txt"
    text.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match=r"notes\.txt"):
        opening(text)
    assert text.read_bytes() == b"not a database" * 100
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE mine(x)")
    with pytest.raises(StoreError, match="no store of codebudget"):
        opening(other)


def test_changes_of_what_decides_the_samples_are_refused_with_the_way_out(tmp_path, support):
    path = tmp_path / "s.db"
    changed_model = (ModelRecord(name="small", backend="replay", sampling='{"temperature":0}', wanted=4),)
    with Store(path) as store:
        ids = store.open_study(support.study_record())
        card = ModelCard(name="small", digest="one", architecture=None, engine="e")
        store.model_opened(OpenedModel(model_id=ids.models["small"], card=card))
        store.add_sample(support.sample_record(ids.models["small"], ids.problems["P/0"], 0))
        for changed in (
            support.study_record(seed=8),
            support.study_record(count=3),
            support.study_record(limits='{"cpu_s":1}'),
            support.study_record(models=changed_model),
        ):
            with pytest.raises(StudyChanged, match="change it back, give the study another name"):
                store.open_study(changed)
        other = OpenedModel(model_id=ids.models["small"], card=replace(card, digest="two"))
        with pytest.raises(StudyChanged, match="digest one, and now it is two"):
            store.model_opened(other)
        store.flush()  # a refusal breaks nothing
    with Reader(path) as reader:
        assert reader.models(ids.study)[0].wanted == 4


def test_more_samples_more_models_and_another_study_are_welcome(tmp_path, support):
    path = tmp_path / "s.db"
    small = ModelRecord(name="small", backend="replay", sampling="{}", wanted=9)
    large = ModelRecord(name="large", backend="replay", sampling="{}", wanted=2)
    with Store(path) as store:
        first = store.open_study(support.study_record())
        grown = store.open_study(support.study_record(models=(large, small)))
        assert grown.study == first.study
        assert grown.models["small"] == first.models["small"]
        other = store.open_study(support.study_record(name="another", seed=9))
        assert other.study != first.study
        alone = store.open_study(support.study_record(models=(large,)))
    with Reader(path) as reader:
        assert [row.name for row in reader.studies()] == ["another", "a study"]
        assert [(m.name, m.wanted) for m in reader.models(alone.study)] == [("large", 2), ("small", 0)]


FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import support
from sampler.store.writer import Store, WriteFailed
path = Path(sys.argv[1])
store = Store(path)
ids = store.open_study(support.study_record(wanted=100000))
size = 3_000_000
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
try:
    for n in range(100_000):
        store.add_sample(support.sample_record(ids.models["small"], ids.problems["P/0"], n, "x" * 1000 + str(n)))
    store.flush()
except WriteFailed as error:
    print("failed:", error)
try:
    store.flush()
except WriteFailed:
    print("and again")
store.close()
print("closed")
"""


def test_a_full_disk_is_told_to_the_caller_and_what_was_committed_stays(tmp_path, support_script):
    path = tmp_path / "s.db"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, path, support_script.parent],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    first, again, closed = done.stdout.splitlines()
    assert first.startswith("failed: cannot write the store")
    assert "make room" in first
    assert (again, closed) == ("and again", "closed")
    assert_sums_agree(path)
    assert query(path, "SELECT count(*) > 0 FROM sample") == [(1,)]


def test_a_failure_that_nobody_asked_about_is_told_when_the_store_is_closed(tmp_path, support):
    store = Store(tmp_path / "s.db")
    ids = store.open_study(support.study_record())
    store.add_sample(support.sample_record(999, ids.problems["P/0"], 0))  # no such model: the database refuses
    with pytest.raises(WriteFailed, match="FOREIGN KEY"):
        store.close()
    store.close()


def test_many_threads_may_write(tmp_path, support):
    path = tmp_path / "s.db"
    with Store(path) as store:
        ids = store.open_study(support.study_record(wanted=1000))
        model, problem = ids.models["small"], ids.problems["P/0"]

        def write(part: int) -> None:
            for index in range(part, 800, 4):
                store.add_sample(support.sample_record(model, problem, index, str(index)))
                store.add_verdict(support.verdict_record(model, problem, index))

        threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.flush()
    assert query(path, "SELECT scored FROM tally") == [(800,)]


def test_a_running_study_shows_its_process_and_a_fresh_heartbeat(tmp_path, support):
    path = tmp_path / "s.db"
    now = [1000.0]
    with Store(path, clock=lambda: now[0]) as store:
        ids = store.open_study(support.study_record())
        store.begin_run(ids.study)
        now[0] = 1010.0
        for _ in range(2000):
            store.flush()
            with Reader(path) as reader:
                row = reader.studies()[0]
            if row.heartbeat_at == 1010.0:
                break
            time.sleep(0.05)
        assert (row.status, row.pid, row.heartbeat_at) == ("running", os.getpid(), 1010.0)
        store.end_run(ids.study, "done", "complete")
        now[0] = 2000.0
        store.end_run(ids.study, "done", "complete")
    with Reader(path) as reader:
        assert (reader.studies()[0].status, reader.studies()[0].ended_at) == ("done", 1010.0)


def test_a_store_in_a_folder_that_is_not_there_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(StoreError, match="choose another place with --store"):
        Store(tmp_path / "no" / "s.db")


def test_a_directory_is_no_place_for_a_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path, Path(), Path("..")):
        with pytest.raises(StoreError, match="is a directory; give a store the name of a file"):
            Store(path)


FULL_FROM_THE_START = """
import resource, sys
from pathlib import Path
from sampler.store.writer import Store, WriteFailed
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    Store(Path(sys.argv[1]))
except WriteFailed as error:
    print("failed:", error)
"""


@pytest.mark.parametrize("size", [4096, 8192, 20_000])
def test_a_disk_that_is_full_at_the_first_opening_leaves_a_file_that_the_next_run_goes_on_with(tmp_path, support, size):
    path = tmp_path / "s.db"
    words = [sys.executable, "-c", FULL_FROM_THE_START, path, str(size)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.startswith("failed: cannot open the store"), done.stderr
    assert "make room or repair the disk" in done.stdout
    with Store(path) as store:
        store.open_study(support.study_record())
    with Reader(path) as reader:
        assert [row.name for row in reader.studies()] == ["a study"]


def test_a_store_whose_making_broke_off_is_told_apart_from_a_foreign_database_and_finished(tmp_path, support):
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE _sqlite_migrations(id INTEGER PRIMARY KEY, migration_set, name, applied_at)")
    with pytest.raises(StoreUnmade, match="only just being made"):
        Reader(path)
    with Store(path) as store:
        store.open_study(support.study_record())
    with Reader(path) as reader:
        assert len(reader.studies()) == 1


def test_a_store_that_another_program_has_locked_is_told_so(tmp_path):
    path = tmp_path / "s.db"
    Store(path).close()
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as holder,
        closing(sqlite3.connect(path, timeout=0)) as other,
    ):
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError) as caught:
            other.execute("BEGIN IMMEDIATE")
    assert "another program holds a lock" in sqlite_hint(caught.value)


def test_a_store_that_is_cut_short_is_called_damaged(tmp_path, support):
    path = tmp_path / "s.db"
    with Store(path) as store:
        store.open_study(support.study_record(count=50))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="damaged or cut short"), Reader(path) as reader:
        reader.studies()
    other = tmp_path / "t.db"
    other.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match=r"file is not a database; give the file that .* made"):
        Reader(other)
