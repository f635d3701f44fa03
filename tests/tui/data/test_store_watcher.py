from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sampler.stats.budget import Unit
from sampler.store.lock import began_after, process_exists
from tui.data.curves import CurveRequest
from tui.data.snapshot import Snapshot, StoreProblem
from tui.data.store_watcher import StoreWatcher

PATIENCE = 120.0

Writers = Callable[..., Any]


@contextmanager
def next_unit(watcher: StoreWatcher) -> Iterator[list[Snapshot | StoreProblem]]:
    """What a watcher delivers, while it runs in a thread of its own."""
    news: list[Snapshot | StoreProblem] = []
    thread = threading.Thread(target=watcher.run, args=(news.append,))
    thread.start()
    try:
        yield news
    finally:
        watcher.stop()
        thread.join(timeout=PATIENCE)
        assert not thread.is_alive()


def wait_for(told: Callable[[], object]) -> None:
    began = time.monotonic()
    while not told():
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.01)


def test_no_verdict_is_lost_or_told_twice_while_a_study_writes(new_writer: Writers, store_path: Path) -> None:
    writer = new_writer(problems=20, wanted=30)
    writer.add("toy-coder-1.5b", "Toy/0", 0)
    writer.store.flush()
    with next_unit(StoreWatcher(path=store_path)) as news:
        wait_for(lambda: news)
        for problem in writer.problems:
            for index in range(writer.wanted):
                writer.add("toy-coder-0.5b", problem.name, index)
        writer.store.flush()
        wait_for(lambda: news and isinstance(news[-1], Snapshot) and len(news[-1].tail) == 601)
        ids = [row.id for row in news[-1].tail]
        assert ids == sorted(set(ids))
        assert sum(row.scored for row in news[-1].tallies) == 601


def test_an_idle_study_is_delivered_once_and_once_more_with_its_curves(finished: Path) -> None:
    with next_unit(StoreWatcher(path=finished)) as news:
        wait_for(lambda: len(news) == 2)
        time.sleep(0.5)
        assert [snapshot.curves is not None for snapshot in news] == [False, True]


def test_another_unit_is_heard_though_nothing_is_new(finished: Path) -> None:
    watcher = StoreWatcher(path=finished)
    with next_unit(watcher) as news:
        wait_for(lambda: len(news) == 2)
        watcher.request(CurveRequest(unit=Unit.TOKENS))
        wait_for(lambda: news[-1].curves.unit is Unit.TOKENS)


def made(news: list[Snapshot | StoreProblem]) -> set[int]:
    """The curves that were delivered."""
    return {id(snapshot.curves) for snapshot in news if isinstance(snapshot, Snapshot) and snapshot.curves}


def test_curves_are_made_anew_at_most_twice_a_second(new_writer: Writers, store_path: Path) -> None:
    writer = new_writer(wanted=2)
    writer.fill(models=1)
    with next_unit(StoreWatcher(path=store_path)) as news:
        wait_for(lambda: len(news) >= 2)
        began = time.monotonic()
        index = 0
        while time.monotonic() - began < 1.5:
            writer.add("toy-coder-3b", f"Toy/{index % 8}", index // 8)
            writer.store.flush()
            index += 1
            time.sleep(0.05)
        wait_for(lambda: len(made(news)) >= 2)
        passed = time.monotonic() - began
    assert len(made(news)) <= passed / 0.5 + 2


def test_a_reader_at_rest_lets_the_log_be_folded_in(new_writer: Writers, store_path: Path) -> None:
    writer = new_writer()
    with next_unit(StoreWatcher(path=store_path)) as news:
        writer.fill()
        wait_for(lambda: news and isinstance(news[-1], Snapshot) and news[-1].study.scored == 120)
        writer.finish()
        writer.store.close()  # checkpoints; an open statement of the reader would keep the log
        log = store_path.with_name(store_path.name + "-wal")
        assert not log.exists() or log.stat().st_size == 0


def test_trouble_is_told_once_and_recovered_from(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("this is no database\n" * 50)
    with next_unit(StoreWatcher(path=path)) as news:
        wait_for(lambda: news)
        time.sleep(0.8)
        assert len(news) == 1
        assert isinstance(news[0], StoreProblem)
        assert news[0].waiting is False
        assert "notes.db" in news[0].message


def test_a_dead_child_that_nobody_waited_for_does_not_exist() -> None:
    assert process_exists(os.getpid())
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        wait_for(lambda: not process_exists(child.pid))
    assert not process_exists(child.pid)


def test_a_process_that_began_after_the_run_is_another_one() -> None:
    assert not began_after(os.getpid(), time.time())
    assert began_after(os.getpid(), time.time() - 365 * 86400)
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        child.wait()
    assert not began_after(child.pid, 0.0), "there is none"


def test_a_store_that_is_only_just_being_made_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE _sqlite_migrations(id INTEGER PRIMARY KEY, migration_set, name, applied_at)")
    watcher = StoreWatcher(path=path)
    told: list[Snapshot | StoreProblem] = []

    def deliver(news: Snapshot | StoreProblem) -> None:
        told.append(news)
        watcher.stop()

    watcher.run(deliver)
    (trouble,) = told
    assert isinstance(trouble, StoreProblem)
    assert trouble.waiting
