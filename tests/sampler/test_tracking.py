"""Destinations of exports: trackers in their offline modes, and data sets; each holds every point of every curve."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from script import ROOT

from sampler.commands import cli
from sampler.exit_codes import Exit
from sampler.reporting.inputs import read_report
from sampler.reporting.report import Report
from sampler.tracking import LiveLog, RunName, curve_steps, wandb_project

MODELS = ("0.5b", "1.5b")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recorded samples of two models, with the verdicts that came with them taken as ours."""
    folder = tmp_path_factory.mktemp("tracked")
    path = folder / "mine.db"
    for size in MODELS:
        recorded = ROOT / "examples" / "replay" / f"qwen2.5-coder-{size}-instruct_HumanEval20_n10.jsonl.gz"
        done = CliRunner().invoke(cli, ["import", str(path), str(recorded)])
        assert done.exit_code == Exit.OK, done.output
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE tally SET scored = sampled, passed = sampled / 2")
    return path


def points(report: Report) -> set[tuple[str, str, int, float, float]]:
    return {
        (curve.model, table.unit.value, point.k, point.cost, point.rate)
        for table in report.tables
        for curve in table.curves
        for point in curve.points
    }


def export(store: Path, to: str, **environment: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", "from sampler.cli import main; main()", "export", str(store), "--to", to]
    return subprocess.run(
        words, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=300
    )


def logged(values: dict[str, float], model: str) -> set[tuple[str, str, int, float, float]]:
    """The points of one step."""
    units = {name.partition("/")[0] for name in values if "/" in name}
    k = int(values["k"])
    return {(model, unit, k, values[f"{unit}/cost"], values[f"{unit}/pass_rate"]) for unit in units}


def records(data: bytes) -> Iterator[bytes]:
    """The records of a run file of wandb: seven bytes, then the log format of LevelDB (doc/log_format.md)."""
    at, parts = 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
        length, kind = struct.unpack("<HB", data[at + 4 : at + 7])
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in {1, 4}:  # whole, or the last part
            yield parts
            parts = b""


def test_a_step_holds_a_point_of_each_unit(store: Path) -> None:
    report = read_report(store)
    wanted = points(report)
    assert len(wanted) >= 20
    found = {
        point
        for line in report.models
        for values in curve_steps(report, line.name).values()
        for point in logged(dict(values), line.name)
    }
    assert found == wanted


def test_trackio_holds_every_point(store: Path, tmp_path: Path) -> None:
    pytest.importorskip("trackio", reason="trackio is not installed (an extra of 190 MB)")
    done = export(store, "trackio:mine", TRACKIO_DIR=str(tmp_path))
    assert done.returncode == Exit.OK, done.stderr
    assert done.stdout.startswith("logged 10 points of ")
    with closing(sqlite3.connect(tmp_path / "mine.db")) as connection:
        rows = connection.execute("SELECT run_name, metrics FROM metrics").fetchall()
    found = {point for name, metrics in rows for point in logged(json.loads(metrics), name)}
    assert found == points(read_report(store))


def test_wandb_offline_writes_run_folders_that_hold_every_point(store: Path, tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed (an extra of 90 MB)")
    done = export(store, "wandb:mine", WANDB_MODE="offline", WANDB_DIR=str(tmp_path))
    assert done.returncode == Exit.OK, done.stderr
    from wandb.proto.wandb_internal_pb2 import Record

    found: set[tuple[str, str, int, float, float]] = set()
    files = list(tmp_path.rglob("*.wandb"))
    assert len(files) == len(MODELS)
    for file in files:
        name = ""
        for raw in records(file.read_bytes()):
            record = Record.FromString(raw)
            name = record.run.display_name or name
            items = {item.key or "/".join(item.nested_key): item.value_json for item in record.history.item}
            if "k" in items:
                found |= logged({key: json.loads(value) for key, value in items.items() if key[0] != "_"}, name)
    assert found == points(read_report(store))


def test_a_data_set_is_files_and_a_card_in_the_layout_of_the_hub(store: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / "set"
    done = export(store, f"hf:{folder}")
    assert (done.returncode, done.stdout) == (Exit.OK, f"wrote the data set {folder}\n"), done.stderr
    rows = parquet.read_table(folder / "data" / "curves.parquet").to_pylist()
    assert {(r["model"], r["unit"], r["k"], *list(r.values())[3:5]) for r in rows} == points(read_report(store))
    samples = parquet.read_table(folder / "data" / "samples.parquet")
    assert samples.num_rows == 2 * 20 * 10
    card = (folder / "README.md").read_text(encoding="utf-8")
    yaml = pytest.importorskip("yaml")
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["size_categories"] == ["n<1K"]
    assert [one["config_name"] for one in front["configs"]] == ["samples", "curves"]
    assert all((folder / one["data_files"]).is_file() for one in front["configs"])
    assert all(f"| `{name}` |" in card for name in samples.column_names)
    again = export(store, f"hf:{folder}")
    assert again.returncode == Exit.USAGE
    assert "is there already" in again.stderr


def test_a_set_that_cannot_be_sent_says_what_to_do(store: Path) -> None:
    pytest.importorskip("huggingface_hub")
    pytest.importorskip("pyarrow")
    done = export(store, "hf:somebody/something", HF_HUB_OFFLINE="1")
    assert done.returncode == Exit.USAGE
    assert "hf:./folder writes the same to this machine" in done.stderr


def test_a_hub_that_is_out_of_reach_is_no_bug_of_ours(store: Path) -> None:
    pytest.importorskip("huggingface_hub")
    pytest.importorskip("pyarrow")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = export(store, "hf:somebody/something", HF_ENDPOINT=f"http://127.0.0.1:{port}")
    assert done.returncode == Exit.USAGE, done.stderr
    assert "hf:somebody/something cannot be written: " in done.stderr
    assert "hf:./folder writes the same to this machine" in done.stderr


def test_a_project_of_wandb_may_have_an_entity_and_a_study_any_name() -> None:
    def asked(project: str, study: str) -> tuple[str | None, str]:
        return wandb_project(RunName(project=project, name="m", group=study, config={}))

    assert asked("team/mine", "s") == ("team", "mine")
    assert asked("mine", "s") == (None, "mine")
    assert asked("a/b: 50%?", "a/b: 50%?") == (None, "a-b- 50--")


@pytest.mark.parametrize("to", ["mlflow:mine", "jsonl:mine"])
def test_a_destination_that_is_none_is_refused(store: Path, to: str) -> None:
    done = CliRunner().invoke(cli, ["export", str(store), "--to", to])
    assert done.exit_code == Exit.USAGE
    assert to.partition(":")[0] in done.stderr


class Broken:
    """A tracker that fails when it is used."""

    def log(self, values: object, step: int) -> None:
        raise ConnectionError(f"no network for {values} at {step}")

    def finish(self) -> None:
        raise ConnectionError("no network")


def test_a_tracker_that_fails_is_told_once_and_stops_nothing() -> None:
    told: list[str] = []
    live = LiveLog(Broken, told.append)
    live.begin()
    for step in range(3):
        live.see(step, {"a": 1.0})
    live.close()
    assert told[:1] == [
        "the tracker failed, and nothing more is logged: ConnectionError: no network for {'a': 1.0} at 0"
    ]
    assert len(told) == 1


class Kept(list[tuple[int, float]]):
    """A tracker that keeps what it gets."""

    def log(self, values: dict[str, float], step: int) -> None:
        self.append((step, values["a"]))

    def finish(self) -> None:
        self.append((-1, 0.0))


def test_progress_is_logged_at_intervals_and_at_the_end() -> None:
    kept = Kept()
    live = LiveLog(lambda: kept, pytest.fail)
    live.begin()
    for step in (0, 1, 2, 2):
        live.see(step, {"a": float(step)})
    live.close()
    assert kept == [(0, 0.0), (2, 2.0), (-1, 0.0)]


def test_a_study_that_logs_to_no_tracker_is_refused_before_anything_is_sampled(tmp_path: Path) -> None:
    study = tmp_path / "mine.toml"
    recorded = ROOT / "examples" / "replay" / "qwen2.5-coder-0.5b-instruct_HumanEval20_n10.jsonl.gz"
    model = f'name = "small"\nbackend = "replay"\nfile = "{recorded}"\nsamples = 2'
    study.write_text(f'[problems]\nsource = "humaneval"\n[[models]]\n{model}\n[report]\nlog = "jsonl:mine"\n')
    done = CliRunner().invoke(cli, ["run", str(study)])
    assert done.exit_code == Exit.USAGE
    assert "'jsonl' is no tracker; write trackio or wandb" in done.stderr
    assert not (tmp_path / "mine.db").exists()


@pytest.mark.docker
@pytest.mark.slow
def test_a_study_that_logs_to_trackio_leaves_its_progress_and_every_point_there(tmp_path: Path) -> None:
    """The command as a user types it: recorded samples, real boxes, the tracker on this machine."""
    pytest.importorskip("trackio", reason="trackio is not installed (an extra of 190 MB)")
    recorded = ROOT / "examples" / "replay" / "qwen2.5-coder-0.5b-instruct_HumanEval20_n10.jsonl.gz"
    study = tmp_path / "mine.toml"
    model = f'name = "small"\nbackend = "replay"\nfile = "{recorded}"\nsamples = 2'
    source = '[problems]\nsource = "humaneval"\nevery = 8\nlimit = 20\n'
    study.write_text(f'{source}[[models]]\n{model}\n[report]\nlog = "trackio:mine"\n', encoding="utf-8")
    words = [sys.executable, "-c", "from sampler.cli import main; main()", "run", str(study)]
    tracked = tmp_path / "tracked"
    environment = {**os.environ, "TRACKIO_DIR": str(tracked)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == Exit.OK, done.stderr
    assert "logged 2 points of small" in done.stdout + done.stderr
    with closing(sqlite3.connect(tracked / "mine.db")) as connection:
        rows = connection.execute("SELECT run_name, metrics FROM metrics ORDER BY id").fetchall()
    progress = [json.loads(metrics) for name, metrics in rows if name == "mine, progress"]
    assert progress[-1]["small/scored"] == progress[-1]["small/sampled"] == 40
    curves = {point for name, told in rows if name == "small" for point in logged(json.loads(told), name)}
    assert curves == points(read_report(tmp_path / "mine.db"))
