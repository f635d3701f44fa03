"""A store that is judged again after its tests were mended: no box, no sample lost, sums that stay true."""

from __future__ import annotations

import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from sampler.exit_codes import Exit
from sampler.running.headless import run_headless
from sampler.running.run_options import HeadlessOptions
from sampler.running.stored import rejudge_study
from sampler.store.reader import Reader, StoreError
from sampler.store.statements import StudyChanged
from sampler.store.writer import Store
from sampler.study.spec import load_study
from sandbox.boxes.docker_client import DockerClient
from sandbox.scoring.references import References

PROBLEM: dict[str, Any] = {
    "task_id": "T/0",
    "prompt": "def f(x):\n",
    "entry_point": "f",
    "canonical_solution": "    return x + 1\n",
    "test": "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(2) == 4\n",
    "example_test": "def check(candidate):\n    assert candidate(1) == 2\n",
}
STUDY = """
name = "again"
[problems]
source = "problems.jsonl"
[[models]]
name = "recorded"
backend = "replay"
file = "samples.jsonl"
samples = 4
[sandbox]
boxes = 1
"""
BODIES = ["    return x + 1\n", "    return 2 * x\n", "    return (\n", "    return x\n"]


@pytest.fixture
def study(tmp_path: Path, engine: DockerClient) -> Path:
    assert engine is not None
    recorded = {
        "task_id": "T/0",
        "model": "m",
        "completion_tokens": 5,
        "prompt_tokens": 9,
        "finish": "stop",
        "sum_nll": 1.0,
    }
    rows = [recorded | {"completion": body, "index": n} for n, body in enumerate(BODIES)]
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "problems.jsonl").write_text(json.dumps(PROBLEM), encoding="utf-8")
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    out = io.StringIO()
    assert (
        run_headless(tmp_path / "study.toml", run_options=HeadlessOptions(store=tmp_path / "s.db"), out=out) == Exit.OK
    ), out.getvalue()
    return tmp_path / "study.toml"


def again(study: Path) -> str:
    with Store(study.with_name("s.db")) as store:
        return rejudge_study(load_study(study), store, References()).line


def sums(study: Path) -> tuple[int, dict[str, int], list[tuple[int, str, str]]]:
    """Passed and verdicts by the tallies, and every judgement: sample, verdict, selection."""
    with sqlite3.connect(study.with_name("s.db")) as connection:
        rows = connection.execute("SELECT sample_id, verdict, selection FROM verdict ORDER BY id").fetchall()
        latest = connection.execute("SELECT verdict, count(*) FROM latest_verdict GROUP BY verdict").fetchall()
    with Reader(study.with_name("s.db")) as reader:
        counts = {verdict: n for (_, verdict), n in reader.verdict_counts(1).items()}
        assert counts == dict(latest)
        return reader.tallies(1)[0].passed, counts, rows


@pytest.mark.docker
def test_verdicts_follow_tests_that_were_mended(study: Path) -> None:
    passed, counts, rows = sums(study)
    assert (passed, counts) == (1, {"PASSED": 1, "WRONG": 2, "SYNTAX": 1})
    assert sorted(selection for _, _, selection in rows) == ["PASSED", "PASSED", "SYNTAX", "WRONG"]
    assert again(study).endswith("4 verdicts looked at, 0 changed")
    mended = PROBLEM | {"test": PROBLEM["test"].replace("== 4", "== 3")}
    study.with_name("problems.jsonl").write_text(json.dumps(mended), encoding="utf-8")
    assert "2 changed" in again(study)
    passed, counts, rows = sums(study)
    assert (passed, counts, len(rows)) == (1, {"PASSED": 1, "WRONG": 2, "SYNTAX": 1}, 6)
    assert again(study).endswith("4 verdicts looked at, 0 changed")
    assert run_headless(study, run_options=HeadlessOptions(store=study.with_name("s.db")), out=io.StringIO()) == Exit.OK


@pytest.mark.docker
def test_a_sample_whose_facts_cannot_be_read_costs_itself_alone(study: Path) -> None:
    with sqlite3.connect(study.with_name("s.db")) as connection:
        connection.execute("UPDATE verdict SET facts = x'00' WHERE id = 2")
    assert "4 verdicts looked at, 0 changed; the facts of sample 1 of T/0 cannot be read" in again(study)


@pytest.mark.docker
def test_other_prompts_are_another_study(study: Path) -> None:
    study.with_name("problems.jsonl").write_text(json.dumps(PROBLEM | {"prompt": "def f(y):\n"}), encoding="utf-8")
    with pytest.raises(StudyChanged, match="other names or prompts"):
        again(study)


def test_a_store_without_the_study_says_what_makes_it(tmp_path: Path) -> None:
    (tmp_path / "problems.jsonl").write_text(json.dumps(PROBLEM), encoding="utf-8")
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    with pytest.raises(StoreError, match="`sampler run` makes it"):
        again(tmp_path / "study.toml")
