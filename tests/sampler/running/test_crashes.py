"""Runs that are killed and disks that are full.

What was committed stays, nothing is there twice, the same command finishes.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from sampler.commands import cli
from sampler.exit_codes import Exit
from sampler.running.headless import run_study
from sampler.store.writer import WriteFailed
from sampler.study.spec import load_study

STUDY = """
name = "replayed"
[problems]
source = "problems.jsonl"
[[models]]
name = "recorded"
backend = "replay"
file = "recording.jsonl"
samples = {samples}
"""


def query(path: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def facts(path: Path) -> dict[str, list[tuple]]:
    """Everything of a run but its clocks and the order in which things came."""
    return {
        "samples": query(
            path,
            "SELECT problem.name, idx, seed, c.body, p.body, finish, prompt_tokens, completion_tokens, "
            "sum_logprob, verdict"
            " FROM sample s JOIN problem ON problem.id = problem_id JOIN text c ON c.sha256 = completion_sha"
            " JOIN text p ON p.sha256 = program_sha JOIN verdict ON sample_id = s.id ORDER BY 1, 2",
        ),
        "sums": query(path, "SELECT problem_id, sampled, scored, passed, prompt_tokens, completion_tokens FROM tally"),
        "verdicts": query(path, "SELECT verdict, n FROM verdict_tally ORDER BY 1"),
    }


def write_replay(folder: Path, support, *, samples: int, text: str = "    return x  # {n}\n") -> Path:
    """A study of three problems that replays a recording of so many samples of each."""
    support.write_study(folder)
    with (folder / "recording.jsonl").open("w") as file:
        for p in range(3):
            for n in range(samples):
                row = {"task_id": f"P/{p}", "model": "recorded", "index": n, "completion": text.format(n=n % 900)}
                file.write(json.dumps(row | {"prompt_tokens": 9, "completion_tokens": 4, "finish": "stop"}) + "\n")
    path = folder / "replayed.toml"
    path.write_text(STUDY.format(samples=samples))
    return path


def start(support_script: Path, study: Path, store: Path) -> subprocess.Popen:
    words = [sys.executable, support_script, "replay", study, store]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def test_a_live_run_killed_twenty_times_ends_with_the_samples_of_one_left_alone(tmp_path, support, support_script):
    study = write_replay(tmp_path, support, samples=2000)
    alone, killed = tmp_path / "alone.db", tmp_path / "killed.db"
    with start(support_script, study, alone) as process:
        process.stdout.readline()
        began = time.monotonic()
        assert process.wait() == Exit.OK
        took = time.monotonic() - began
    moments = random.Random(20)
    held: list[tuple[int, int]] = []
    kills = 0
    for _ in range(20):
        with start(support_script, study, killed) as process:
            process.stdout.readline()
            time.sleep(moments.uniform(0, took / 8))
            process.kill()
            kills += process.wait() == -signal.SIGKILL
        held.append(query(killed, "SELECT (SELECT count(*) FROM sample), (SELECT count(*) FROM verdict)")[0])
    assert kills >= 5
    assert held == sorted(held)
    with start(support_script, study, killed) as process:
        process.communicate()
    assert process.returncode == Exit.OK
    assert facts(killed) == facts(alone)
    assert len(facts(killed)["samples"]) == 6000
    assert query(killed, "PRAGMA integrity_check") == [("ok",)]


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of two megabytes."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def grow(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)


def test_a_run_on_a_disk_that_fills_up_says_so_and_goes_on_when_there_is_room(tmp_path, support, small_disk):
    long = "    return x  # {n}" + "y" * 4000 + "\n"
    study = load_study(write_replay(tmp_path, support, samples=300, text=long))
    study = replace(study, store=small_disk / "s.db")
    with pytest.raises(WriteFailed, match="make room"):
        run_study(study, support.replay_dependencies(), lambda _event: None)
    (held,) = query(study.store, "SELECT count(*) FROM sample")[0]
    assert held < 900
    grow(small_disk)
    assert run_study(study, support.replay_dependencies(), lambda _event: None) is Exit.OK
    assert query(study.store, "SELECT sum(sampled), sum(scored) FROM tally") == [(900, 900)]
    assert query(study.store, "PRAGMA integrity_check") == [("ok",)]


def test_an_import_on_a_disk_that_fills_up_says_so_and_goes_on_when_there_is_room(tmp_path, support, small_disk):
    write_replay(tmp_path, support, samples=300, text="    return x  # {n}" + "y" * 4000 + "\n")
    words = ["import", str(small_disk / "s.db"), str(tmp_path / "recording.jsonl")]
    words += ["--problems", str(tmp_path / "problems.jsonl")]
    full = CliRunner().invoke(cli, words)
    assert full.exit_code == Exit.INFRASTRUCTURE
    assert "make room" in full.stderr
    assert len(full.stderr.splitlines()) == 1
    grow(small_disk)
    done = CliRunner().invoke(cli, words)
    assert (done.exit_code, done.stderr) == (Exit.OK, "")
    assert query(small_disk / "s.db", "SELECT sum(sampled) FROM tally") == [(900,)]
