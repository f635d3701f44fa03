"""The package of docs/plugin-template: built, installed beside codebudget without a network, and used in each group."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from script import ROOT

BINARIES = Path(sys.executable).parent
STUDY = """
[problems]
source = "sums"
[[models]]
name = "parrot"
backend = "canned"
samples = 2
options = { answers = ["print(3)\\n# of two\\n", "print(6)"] }
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the built package is installed into."""
    pytest.importorskip("hatchling", reason="hatchling builds the package; it comes with codebudget[dev]")
    folder = tmp_path_factory.mktemp("plugins")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    offline = ["--quiet", "--no-index", "--no-deps"]
    made = [*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", str(folder / "wheels")]
    template = ROOT / "docs" / "plugin-template"
    subprocess.run([*made, str(template)], check=True, timeout=120)
    (wheel,) = (folder / "wheels").glob("*.whl")
    subprocess.run([*pip, "install", *offline, "--target", str(folder / "site"), str(wheel)], check=True, timeout=120)
    return folder / "site"


def call(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "120"}
    words = (str(BINARIES / words[0]), *words[1:])
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300)


def test_its_plugins_are_listed_with_package_and_version(installed: Path, tmp_path: Path) -> None:
    told = call(installed, tmp_path, "sampler", "plugins", "--added", "--json")
    assert told.returncode == 0, told.stderr
    rows = json.loads(told.stdout)
    assert {(row["group"], row["name"]) for row in rows} == {
        ("problems", "sums"),
        ("languages", "rpn"),
        ("backends", "canned"),
        ("rankers", "fewest-lines"),
        ("exporters", "csv"),
        ("exporters", "counts"),
    }
    assert {(row["package"], row["version"], row["error"]) for row in rows} == {("codebudget-example", "1.0.0", None)}
    table = call(installed, tmp_path, "sampler", "plugins").stdout
    assert "codebudget-example" in table
    assert "llamacpp" in table


def test_its_problems_are_read_by_their_fields_and_by_the_name_of_the_set(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text('{"id": "four", "sum_of": 4}\n')
    assert "sums/four" in call(installed, tmp_path, "sandbox", "problems", "mine.jsonl").stdout
    (tmp_path / "bad.jsonl").write_text('{"id": "none", "sum_of": 0}\n')
    bad = call(installed, tmp_path, "sandbox", "problems", "bad.jsonl")
    assert bad.returncode == 2
    assert "bad.jsonl, line 1: sum_of is 0" in bad.stderr
    listed = call(installed, tmp_path, "sandbox", "problems", "--list").stdout.splitlines()
    assert listed[-1] == "sums\tof the package codebudget-example 1.0.0"
    named = call(installed, tmp_path, "sandbox", "problems", "sums")
    assert [name in named.stdout for name in ("sums/2", "sums/3", "sums/5")] == [True] * 3, named.stderr


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_its_language_runs_in_a_box(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "sum.rpn").write_text("1 2 + 3 *")
    ran = call(installed, tmp_path, "sandbox", "exec", "sum.rpn")
    assert (ran.returncode, ran.stdout) == (0, "9\n"), ran.stderr
    without = call(tmp_path, tmp_path, "sandbox", "exec", "--language", "rpn", "sum.rpn")
    assert without.returncode == 2
    assert "language 'rpn' is not known" in without.stderr


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_a_study_runs_on_its_backend_and_is_ranked_and_exported_by_it(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(STUDY)
    ran = call(installed, tmp_path, "sampler", "run", "mine.toml", "--display", "none")
    assert ran.returncode == 0, ran.stderr
    ranked = call(installed, tmp_path, "sampler", "rank", "mine.db", "--ranker", "fewest-lines", "--json")
    assert ranked.returncode == 0, ranked.stderr
    assert "fewest-lines" in ranked.stdout
    told = call(installed, tmp_path, "sampler", "export", "mine.db", "--to", "out.csv", "--format", "csv")
    assert (told.returncode, told.stdout) == (0, "wrote out.csv\n"), told.stderr
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    passed = {(row["problem"], row["index"]) for row in rows if row["verdict"] == "PASSED"}
    assert len(rows) == 6
    assert passed == {("sums/2", "0"), ("sums/3", "1")}
    sent = call(installed, tmp_path, "sampler", "export", "mine.db", "--to", "counts:counts.txt")
    assert (sent.returncode, sent.stdout) == (0, "appended 1 models to counts.txt\n"), sent.stderr
    assert (tmp_path / "counts.txt").read_text() == "parrot 2\n"
    lost = call(tmp_path, tmp_path, "sampler", "run", "mine.toml", "--store", "other.db", "--display", "none")
    assert lost.returncode == 2
    assert "backend" in lost.stderr
