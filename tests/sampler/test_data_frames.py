"""Frames say what the store and the report say, to the last digit, with the columns that are documented."""

from __future__ import annotations

import math
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import sampler
from sampler.page.write import PlotError
from sampler.reporting.inputs import read_report
from sampler.stats.budget import Unit
from sampler.store.reader import StoreError

pd = pytest.importorskip("pandas", reason="pandas is not installed")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, support: ModuleType) -> Path:
    """Two models, six problems, four samples of each; one sample is not scored, one is judged twice."""
    folder = tmp_path_factory.mktemp("frames")
    models = [{"name": name, "backend": "replay", "file": "none.jsonl", "samples": 4} for name in ("small", "large")]
    study = sampler.Study("s.db", "problems.jsonl", models, seed=3, folder=folder)
    support.write_study(folder, count=6)
    sampler.run(study, dependencies=support.rule_dependencies(), log=sys.stderr)
    path = folder / "s.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM verdict WHERE sample_id = 2")
        row = connection.execute("SELECT * FROM verdict WHERE sample_id = 1").fetchone()
        columns = [one[1] for one in connection.execute("PRAGMA table_info(verdict)")]
        again = dict(zip(columns, row, strict=True)) | {"id": None, "attempt": 2, "verdict": "TIMEOUT"}
        marks = ", ".join("?" * len(again))
        connection.execute(f"INSERT INTO verdict({', '.join(again)}) VALUES ({marks})", list(again.values()))
    return path


def frames(path: Path, kind: str = "pandas") -> dict[str, object]:
    opened = sampler.open(path, kind=kind)
    report = opened.report("tokens")
    return {
        "samples": opened.samples(texts=True),
        "verdicts": opened.verdicts(),
        "costs": opened.costs(),
        "curves": opened.curves("tokens"),
        "compare": opened.compare("small", "large", unit="tokens"),
        "models": report.models,
        "budgets": report.budgets,
    }


def test_every_frame_has_the_columns_that_are_documented(store: Path) -> None:
    made = frames(store)
    assert {name: list(frame.columns) for name, frame in made.items()} == {  # type: ignore[attr-defined]
        name: list(columns) for name, columns in sampler.COLUMNS.items()
    }


def test_arrow_holds_the_same_values_as_pandas(store: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    ours, theirs = frames(store), frames(store, "arrow")
    for name, frame in ours.items():
        left = frame.astype(object).where(frame.notna(), None)  # type: ignore[attr-defined]
        assert left.to_dict("list") == theirs[name].to_pydict(), name  # type: ignore[attr-defined]


def test_polars_holds_the_same_values_as_arrow(store: Path) -> None:
    pytest.importorskip("polars", reason="polars is not installed (an extra of 180 MB)")
    ours, theirs = frames(store, "polars"), frames(store, "arrow")
    for name, frame in ours.items():
        assert type(frame).__module__.startswith("polars"), name
        assert frame.to_dict(as_series=False) == theirs[name].to_pydict(), name  # type: ignore[attr-defined]


def test_samples_have_their_latest_verdict_and_what_is_not_known_is_missing(store: Path) -> None:
    samples = sampler.open(store).samples(texts=True)
    assert len(samples) == 48
    assert samples.verdict[0] == "TIMEOUT"
    assert not samples.passed[0]
    assert samples.verdict.isna().sum() == samples.passed.isna().sum() == 1
    assert samples.prompt_joules.isna().all()
    assert samples.completion.str.startswith("    return").all()
    with closing(sqlite3.connect(store)) as connection:
        told = connection.execute(
            "SELECT m.name, p.name, idx, seed, completion_tokens, sum_logprob FROM sample s "
            "JOIN model m ON m.id = s.model_id JOIN problem p ON p.id = s.problem_id ORDER BY s.id"
        ).fetchall()
    named = samples[["model", "problem", "index", "seed", "completion_tokens", "sum_logprob"]]
    assert list(named.itertuples(index=False, name=None)) == told


def test_verdicts_keep_every_attempt_and_say_which_is_the_latest(store: Path) -> None:
    verdicts = sampler.open(store).verdicts()
    assert len(verdicts) == 48
    assert list(verdicts[verdicts.attempt == 2].verdict) == ["TIMEOUT"]
    assert (~verdicts.latest).sum() == 1
    wrong = verdicts[verdicts.verdict == "WRONG"]
    assert (wrong.error_type == "AssertionError").all()


@pytest.mark.parametrize("executable", [sys.executable, "/bin/false", "/none", ""])
def test_two_processes_read_what_one_reads(store: Path, monkeypatch: pytest.MonkeyPatch, executable: str) -> None:
    opened = sampler.open(store)
    alone = opened.samples(), opened.verdicts()
    monkeypatch.setattr("sampler.store.column_reader.LARGE", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(sys, "executable", executable)
    for one, two in zip(alone, (opened.samples(), opened.verdicts()), strict=True):
        pd.testing.assert_frame_equal(one, two)


def test_curves_and_budgets_are_those_of_the_report(store: Path) -> None:
    opened = sampler.open(store)
    table = read_report(store, units=(Unit.TOKENS,)).tables[0]
    points = [(one.model, point.k, point.cost, point.rate) for one in table.curves for point in one.points]
    curves = opened.curves("tokens")[["model", "k", "budget", "solved"]]
    assert list(curves.itertuples(index=False, name=None)) == points
    budgets = opened.report("tokens").budgets
    cells = [
        (row.budget, cell.model, cell.point.rate if cell.point else None) for row in table.rows for cell in row.cells
    ]
    rates = budgets.solved.astype(object).where(budgets.solved.notna(), None)
    assert list(zip(budgets.budget, budgets.model, rates, strict=True)) == cells


def test_a_comparison_turned_round_has_the_opposite_differences(store: Path) -> None:
    opened = sampler.open(store)
    one, other = opened.compare("small", "large", unit="tokens"), opened.compare("large", "small", unit="tokens")
    assert list(one.difference) == pytest.approx(list(-other.difference))
    assert (one.p.dropna() > 0).all()


def test_a_report_shows_its_table_in_a_notebook_and_escapes_names(tmp_path: Path, support: ModuleType) -> None:
    support.write_study(tmp_path, count=3)
    models = [{"name": "<b>x</b>", "backend": "replay", "file": "none.jsonl", "samples": 2}]
    study = sampler.Study("n.db", {"source": "problems.jsonl", "limit": 2}, models, folder=tmp_path)
    report = sampler.run(study, dependencies=support.rule_dependencies()).report("tokens")
    html = report._repr_html_()
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert "<b>x" not in html
    assert str(report).splitlines()[0] in html
    assert report.html.startswith("<!doctype html>")


class ZMQInteractiveShell:
    """What a cell of Jupyter finds under this name, by which Rich knows that it runs in a notebook."""


def test_in_a_kernel_a_report_is_text_where_text_is_asked_for_and_is_shown_once(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("builtins.get_ipython", ZMQInteractiveShell, raising=False)
    report = sampler.open(store).report("tokens")
    assert "pass@1" in str(report)
    html = report._repr_html_()
    assert "pass@1" in html
    assert re.match("<pre style=[^>]*monospace", html), "else its columns are not below one another"
    assert capsys.readouterr() == ("", "")


def test_a_figure_has_a_line_for_each_model(store: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    assert sampler.open(store).plot("tokens")._repr_png_().startswith(b"\x89PNG"), "else a notebook shows no picture"
    (axes,) = sampler.open(store).plot("tokens").axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["small", "large"]
    with pytest.raises(PlotError):
        sampler.open(store).plot("joules")


def test_a_study_from_code_is_the_file_that_it_says(tmp_path: Path, support: ModuleType) -> None:
    support.write_study(tmp_path, count=2)
    model = {"name": 'quoted " é \x7f', "backend": "replay", "file": Path("none.jsonl"), "samples": 2, "greedy": False}
    study = sampler.Study(
        "s.db", "problems.jsonl", [model], report={"budgets": {"tokens": [20, 30.5]}}, folder=tmp_path
    )
    (tmp_path / "s.toml").write_text(study.toml, encoding="utf-8")
    first = sampler.run(study, dependencies=support.rule_dependencies())
    again = sampler.run(tmp_path / "s.toml", dependencies=support.rule_dependencies())
    assert again.samples().model.tolist() == first.samples().model.tolist() == [model["name"]] * 4
    with pytest.raises(ValueError, match="sampels"):
        sampler.Study("s.db", "problems.jsonl", [model | {"sampels": 2}], folder=tmp_path).checked()
    with pytest.raises(TypeError, match="no form in a study file"):
        _ = sampler.Study("s.db", "problems.jsonl", [{"name": None}]).toml


def test_numbers_of_numpy_are_numbers_of_a_study_and_what_is_no_value_of_a_file_is_refused() -> None:
    plain = {"name": "m", "samples": 2, "greedy": True}
    counted = {"name": np.str_("m"), "samples": np.arange(3)[2], "greedy": np.bool_(True)}

    def study(model: object, **sampling: object) -> str:
        return sampler.Study("s.db", "p.jsonl", model, sampling=sampling).toml  # type: ignore[arg-type]

    wanted = study([plain], temperature=0.1, seed=7)
    assert study([counted], temperature=np.float32("0.1"), seed=np.uint64(7)) == wanted
    assert study((counted,), temperature=np.float64(0.1), seed=np.int8(7)) == wanted
    for wrong in (None, iter([plain]), [{"name": b"m"}], [{"name": {"m"}}], [{"name": np.arange(2)}]):
        with pytest.raises(TypeError, match="no form in a study file"):
            study(wrong)
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        study([{"name": "\ud800"}])
    with pytest.raises(ValueError, match="store = '' names no file"):
        sampler.Study("", "p.jsonl", [plain]).checked()


def test_a_study_from_code_takes_what_a_file_takes(tmp_path: Path, support: ModuleType) -> None:
    support.write_study(tmp_path, count=2)
    model = {"name": "m", "backend": "replay", "file": "none.jsonl", "samples": 2}
    costs = {"prices_of": "openai/gpt-5-mini", "prices_on": date(2026, 1, 1)}
    budget = {"max_dollars": 2.5, "first": 1}
    study = sampler.Study("s.db", ["problems.jsonl"], model | {"costs": costs}, budget=budget, folder=tmp_path)
    assert 'prices_on" = 2026-01-01' in study.toml
    pytest.importorskip("genai_prices", reason="the extra `prices` is not installed")
    checked = study.checked()
    assert checked.spending.max_dollars == 2.5
    assert checked.models[0].costs.completion_dollars == 2.0
    with pytest.raises(ValueError, match="temperature = nan is not a number"):
        sampler.Study("s.db", "problems.jsonl", [model], sampling={"temperature": math.nan}, folder=tmp_path).checked()


def test_a_word_that_is_no_unit_is_told_with_those_that_are(store: Path) -> None:
    opened = sampler.open(store)
    with pytest.raises(ValueError, match=r"'token' is no unit; the units are flops, .*tokens, samples"):
        opened.curves("token")
    with pytest.raises(ValueError, match="'twice' pays for no prompt; choose each, measured, once"):
        opened.report("tokens", prompt="twice")
    assert str(opened.report("tokens", metrics="pass^k")) == str(opened.report("tokens", metrics=["pass^k"]))


def test_what_cannot_be_opened_says_why(tmp_path: Path, store: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        sampler.open(tmp_path / "none.db")
    with pytest.raises(StoreError, match="no study is called 'other'"):
        sampler.open(store, "other")
    with pytest.raises(ValueError, match="choose pandas, arrow, polars"):
        sampler.open(store, kind="R")


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sampler, sys; print([m for m in ('numpy', 'pandas', 'rich', 'sqlite3', 'docker') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == "[]"
