from __future__ import annotations

import gzip
import json
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from sampler.commands import cli
from sampler.exit_codes import Exit
from sampler.importing.imported_sample import ImportFault, Reading
from sampler.importing.importer import import_files
from sampler.importing.prepare import ReadingJob, prepare_samples
from sampler.importing.sample_files import ImportRequest
from sampler.models.catalogue import find
from sampler.reporting.inputs import read_report
from sampler.running.stored import StoredScoring, score_stored
from sampler.stats.budget import Unit
from sampler.store.lock import StoreBusy
from sampler.store.reader import Reader
from sampler.store.sample_readers import ClaimReader
from sampler.store.statements import StudyChanged
from sampler.store.writer import Store
from sandbox.problems import ProblemsError, load_problems
from sandbox.problems.json_fields import long_integers
from sandbox.scoring.samples import ReadOptions, read_samples
from sandbox.values import MAX_SOURCE_BYTES, Limits


def call(*words: object):
    return CliRunner().invoke(cli, [str(word) for word in words])


def query(path: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def content(path: Path) -> dict[str, list[tuple]]:
    """All that an import decides: the samples with their texts, the claims, and the sums."""
    return {
        "samples": query(
            path,
            "SELECT s.id, model.name, problem.name, idx, s.seed, c.body, p.body, finish, s.prompt_tokens,"
            " s.completion_tokens, s.prompt_seconds, s.decode_seconds, prompt_flops, decode_flops, sum_logprob"
            " FROM sample s JOIN model ON model.id = model_id JOIN problem ON problem.id = problem_id"
            " JOIN text c ON c.sha256 = completion_sha JOIN text p ON p.sha256 = program_sha ORDER BY s.id",
        ),
        "claims": query(path, "SELECT * FROM claim ORDER BY 1"),
        "tallies": query(path, "SELECT * FROM tally ORDER BY 1, 2"),
        "wanted": query(path, "SELECT name, wanted FROM model ORDER BY id"),
        "texts": query(path, "SELECT sha256 FROM text ORDER BY 1"),
    }


def write_lines(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def folder(tmp_path, support) -> Path:
    """A folder with problems.jsonl: P/0, P/1 and P/2."""
    support.write_study(tmp_path)
    return tmp_path


def request(folder: Path, *files: Path, **changed: object) -> ImportRequest:
    values = {"files": files, "study": "s", "problems": str(folder / "problems.jsonl"), "model": "small"}
    return ImportRequest(**{**values, **changed})


def take(folder: Path, *files: Path, store: str = "s.db", **changed: object):
    with Store(folder / store) as opened:
        return import_files(request(folder, *files, **changed), opened)


def rows(count: int, *, problems: int = 3, right: int = 2) -> list[dict]:
    """`count` samples of each problem; every `right`-th one is right, and claims to be."""
    return [
        {"task_id": f"P/{p}", "completion": f"    return x  # {n}\n" if n % right == 0 else f"    return {n}\n"}
        | {"passed": n % right == 0}
        for n in range(count)
        for p in range(problems)
    ]


def score(path: Path, support, executor=None, explain=None) -> None:
    with Reader(path) as reader:
        (study,) = reader.studies()
    wish = StoredScoring(
        study=study,
        problems=None,
        executor=lambda _limits: executor or support.FakeExecutor(),
        boxes=None,
        explain=explain,
    )
    with Store(path) as store:
        return score_stored(wish, store, lambda _event: None, threading.Event())


def test_an_imported_store_is_scored_and_reported_like_any_other(folder, support):
    end = take(folder, write_lines(folder / "a.jsonl", rows(4)))
    assert (end.read, end.added["small"], end.wanted, end.claims) == (12, 12, {"small": 4}, 12)
    assert score(folder / "s.db", support).reason == "complete"
    report = read_report(folder / "s.db", units=(Unit.SAMPLES, Unit.TOKENS, Unit.SECONDS, Unit.FLOPS))
    (line,) = report.models
    assert (line.sampled, line.scored, line.passed, line.first.rate) == (12, 12, 6, 0.5)
    assert report.status == "done"
    assert [table.unknown for table in report.tables] == [(), ("small",), ("small",), ("small",)]
    assert query(folder / "s.db", "SELECT DISTINCT prompt_tokens, seed, finish FROM sample") == [(None, None, None)]


ANSWER = "```python\ndef f(x):\n    return x\n```\n"
ANALYSIS, FINAL = "<|channel|>analysis<|message|>", "<|channel|>final<|message|>"
PYTHON = 'def f(x):\n    """About <think> and </think>."""\n    return x\n'


@pytest.mark.parametrize(
    ("text", "reading", "expected"),
    [
        (f"<think>\nhm </think>\n\n{ANSWER}", "answer", ("hm", ANSWER, "stop", None)),
        (f"hm\n</think>\n{ANSWER}", "answer", ("hm", ANSWER, "stop", None)),
        (f"[THINK]hm[/THINK]{ANSWER}", "answer", ("hm", ANSWER, "stop", None)),
        (f"{ANALYSIS}hm<|end|><|start|>assistant{FINAL}{ANSWER}", "answer", ("hm", ANSWER, "stop", None)),
        ("<think>I still think", "answer", ("I still think", "", "thought", 40)),
        (f"{ANALYSIS}I still think", "answer", ("I still think", "", "thought", 40)),
        (f"<think>hm</think>{ANSWER}", "completion", ("hm", ANSWER, "stop", None)),
        (ANSWER, "answer", (None, ANSWER, "stop", None)),
        (PYTHON, "answer", (None, PYTHON, "stop", None)),
    ],
)
def test_a_thought_within_a_text_is_set_apart_and_its_tokens_are_paid(folder, text, reading, expected):
    thought, answer, finish, tokens = expected
    row = {"task_id": "P/0", "model": "small", "index": 0, "completion": text, "finish": "stop"}
    line = row | {"prompt_tokens": 9, "completion_tokens": 40}
    take(folder, write_lines(folder / "a.jsonl", [line]), reading=Reading(reading))
    told = query(
        folder / "s.db",
        "SELECT (SELECT body FROM text WHERE sha256 = thought_sha), (SELECT body FROM text WHERE"
        " sha256 = completion_sha), finish, thought_tokens, prompt_tokens, completion_tokens FROM sample",
    )
    assert [(told[0][0], told[0][1].rstrip("\n"), *told[0][2:])] == [
        (thought, answer.rstrip("\n"), finish, tokens, 9, 40)
    ]
    (program,) = query(folder / "s.db", "SELECT body FROM text JOIN sample ON sha256 = program_sha")[0]
    assert ("return x" in program) == bool(answer)
    assert "hm" not in program


def test_a_field_for_the_thought_wins_over_marks_in_the_text(folder):
    row = {"task_id": "P/0", "model": "small", "index": 0, "completion": "a </think> b", "thought": "hm"}
    take(folder, write_lines(folder / "a.jsonl", [row]), reading=Reading.ANSWER)
    found = query(folder / "s.db", "SELECT body FROM text JOIN sample ON sha256 IN (thought_sha, completion_sha)")
    assert sorted(body for (body,) in found) == ["a </think> b", "hm"]


def test_scoring_tells_of_each_sample_that_did_not_pass_why(folder, support):
    take(folder, write_lines(folder / "a.jsonl", rows(2, problems=2)))
    told: list[str] = []
    score(folder / "s.db", support, explain=told.append)
    assert sorted(line.split(": ")[:2] for line in told) == [["small P/0 #1", "WRONG"], ["small P/1 #1", "WRONG"]]
    assert all(line.split(": ", 2)[2] for line in told)


def test_costs_that_a_file_tells_are_the_samples_and_only_those(folder, support):
    told = [
        {"task_id": f"P/{p}", "response": "    return x\n", "eval_count": 10 * (p + 1), "eval_duration": 500_000_000}
        | ({} if p == 2 else {"prompt_eval_count": 7, "prompt_eval_duration": 250_000_000})
        for p in range(3)
    ]
    take(folder, write_lines(folder / "a.jsonl", told[:2]), sampled_only=True, params=1000)
    score(folder / "s.db", support)
    wanted = (Unit.TOKENS, Unit.SECONDS, Unit.FLOPS_PARAMS, Unit.FLOPS)
    report = read_report(folder / "s.db", units=wanted)
    assert report.models[0].unit_costs[Unit.SECONDS].each == 0.75
    assert report.models[0].unit_costs[Unit.TOKENS].each == 7 + 15
    assert report.models[0].unit_costs[Unit.FLOPS_PARAMS].each == 2 * 1000 * (7 + 15)
    assert report.models[0].unit_costs[Unit.FLOPS] is None
    take(folder, write_lines(folder / "b.jsonl", told), store="b.db")
    assert read_report(folder / "b.db").models[0].unit_costs[Unit.SECONDS] is None


def test_importing_again_adds_nothing_and_other_files_under_the_same_name_are_refused(folder):
    file = write_lines(folder / "a.jsonl", rows(4))
    take(folder, file)
    before = content(folder / "s.db")
    assert take(folder, file).added.total() == 0
    assert content(folder / "s.db") == before
    longer = write_lines(folder / "b.jsonl", rows(5))
    with pytest.raises(StudyChanged, match=r"from other files.*another --model"):
        take(folder, longer)
    with pytest.raises(StudyChanged, match="another way"):
        take(folder, file, reading=Reading.PROGRAM)
    assert content(folder / "s.db") == before


TEXTS = (
    "    return x\n\n\ndef g():\n    pass\n",
    "Here:\n```python\ndef f0(x):\n    return x\n```",
    "def f0(x):\n    '''\n```\n'''\n    return x",
    "\r\n    return 1<|im_end|>",
)


READINGS = (None, Reading.ANSWER, Reading.COMPLETION, Reading.PROGRAM)
RECORDED = {"model": "m", "index": 0}


@pytest.mark.parametrize(
    ("key", "beside", "reading"),
    [
        *((key, {}, reading) for key in ("completion", "solution") for reading in READINGS),
        *(("completion", RECORDED, reading) for reading in READINGS),
        ("completion", {**RECORDED, "program": "def f0(x): return 7"}, None),
    ],
)
def test_a_file_means_the_same_to_an_import_and_to_the_sandbox(folder, key, beside, reading):
    problems = {problem.name: problem for problem in load_problems(folder / "problems.jsonl")}
    rows = [{"task_id": "P/0", key: text, **beside} for text in TEXTS]
    path = write_lines(folder / "samples.jsonl", rows)
    given = {None: None, Reading.PROGRAM: "solution"}.get(reading, reading and reading.value)
    scored = read_samples(path, problems, Limits(), options=ReadOptions(given=given))
    job = ReadingJob(path=path, request=request(folder, path, reading=reading), problems=tuple(problems.values()))
    assert [one.program.source for one in scored] == [one.program for one in prepare_samples(job)]


def test_why_a_program_is_what_it_is_stands_beside_the_sample(folder):
    rows = [{"task_id": "P/0", "completion": "Here:\n```python\ndef f0(x):\n    return x\n```"}]
    path = write_lines(folder / "answers.jsonl", rows)
    store = folder / "s.db"
    assert call("import", store, path, "--problems", folder / "problems.jsonl", "--as", "answer").exit_code == Exit.OK
    assert query(store, "SELECT extraction, prompt_form FROM sample") == [
        ("the only closed block that defines f0", None)
    ]
    call("export", store, "--to", folder / "out.jsonl")
    assert json.loads((folder / "out.jsonl").read_text())["extraction"] == "the only closed block that defines f0"


def test_a_second_model_joins_the_first_and_leaves_it_as_it_was(folder):
    take(folder, write_lines(folder / "a.jsonl", rows(4)))
    take(folder, write_lines(folder / "b.jsonl", rows(2)), model="big")
    assert query(folder / "s.db", "SELECT name, wanted, position FROM model ORDER BY position") == [
        ("small", 4, 0),
        ("big", 2, 1),
    ]
    named = [row | {"model": "own", "index": n // 3} for n, row in enumerate(rows(1))]
    take(folder, write_lines(folder / "c.jsonl", named))
    assert query(folder / "s.db", "SELECT name FROM model ORDER BY position")[-1] == ("own",)


def test_every_problem_wants_what_all_sampled_problems_have(folder):
    file = write_lines(folder / "a.jsonl", [*rows(2, problems=2), {"task_id": "P/0", "completion": "x"}])
    end = take(folder, file)
    assert (end.wanted, end.sampled, end.problems) == ({"small": 2}, {"small": 2}, 3)
    assert "1 have none" in end.lines[0]
    end = take(folder, file, store="subset.db", sampled_only=True)
    assert (end.sampled, end.problems) == ({"small": 2}, 2)


def test_a_file_that_breaks_off_leaves_what_was_whole_and_the_mended_one_is_other_samples(folder, monkeypatch):
    monkeypatch.setattr("sampler.importing.importer.ROWS", 2)
    bad = folder / "a.jsonl"
    bad.write_text(write_lines(bad, rows(2)).read_text() + "oops\n")
    with pytest.raises(ImportFault, match="line 7"):
        take(folder, bad)
    with Reader(folder / "s.db") as reader:
        assert reader.models(1)[0].wanted == 0  # nothing of it is reported as complete


def test_a_program_that_no_sandbox_takes_is_refused_with_its_place(folder):
    file = write_lines(folder / "a.jsonl", [{"task_id": "P/0", "completion": "#" * (MAX_SOURCE_BYTES + 1)}])
    with pytest.raises(ImportFault, match=r"line 1: it is \d+ bytes long"):
        take(folder, file)


def test_problems_that_changed_since_are_not_scored_with(folder, support):
    take(folder, write_lines(folder / "a.jsonl", rows(1)))
    problems = folder / "problems.jsonl"
    problems.write_text(problems.read_text().replace("== 1", "== 2"))
    with pytest.raises(Exception, match="give the right ones with --problems"):
        score(folder / "s.db", support)
    problems.unlink()
    with pytest.raises(ProblemsError, match="cannot read problems"):
        score(folder / "s.db", support)


def test_how_the_problems_are_read_is_part_of_the_study(folder, support):
    row = {"task_id": "P/0", "prompt": "p", "tests": [{"stdin": "", "stdout": "a"}]}
    path = write_lines(folder / "printed.jsonl", [row])
    file = write_lines(folder / "a.jsonl", [{"task_id": "P/0", "completion": "print('a')"}])
    chosen = {"output_rule": "lines", "assumed": {"recursion_limit": 5000}}
    take(folder, file, problems=str(path), **chosen)
    executor = support.FakeExecutor()
    assert score(folder / "s.db", support, executor).reason == "complete"
    (program,) = executor.programs
    assert (program.tests.rule.name, program.assumptions.recursion_limit) == ("lines", 5000)
    with pytest.raises(StudyChanged, match=r"the problems|\[sandbox\]"):
        take(folder, file, problems=str(path))


def test_headers_of_checkers_are_kept_for_scoring(folder, support):
    checker = {"language": "cpp", "source": '#include "testlib.h"\n'}
    row = {"task_id": "P/0", "prompt": "p", "tests": [{"stdin": "", "stdout": "a"}], "checker": checker}
    problems = write_lines(folder / "pairs.jsonl", [row])
    file = write_lines(folder / "a.jsonl", [{"task_id": "P/0", "completion": "print('a')"}])
    header = folder / "testlib.h"
    header.write_text("int x;")
    words = ("import", folder / "s.db", file, "--problems", problems)
    assert "name it by --checker-files" in call(*words).stderr
    assert call(*words, "--checker-files", header).exit_code == Exit.OK
    executor = support.FakeExecutor()
    assert score(folder / "s.db", support, executor).reason == "complete"
    (program,) = executor.programs
    assert program.tests.checker.files == (("testlib.h", b"int x;"),)


def test_claims_stand_beside_our_verdicts_and_are_compared_with_them(folder):
    file = [row | {"passed": n % 4 == 0} for n, row in enumerate(rows(4))]
    take(folder, write_lines(folder / "a.jsonl", file))
    with Store(folder / "s.db") as store:
        store.flush()
    done = call("claims", folder / "s.db", "--json")
    told = json.loads(done.stdout)
    assert told["models"][0] | {"compared": 0, "agree": None, "unscored": 12} == told["models"][0]


def test_disputed_samples_are_listed(folder, support):
    lying = [row | {"passed": True} for row in rows(2)]
    take(folder, write_lines(folder / "a.jsonl", lying))
    score(folder / "s.db", support)
    told = json.loads(call("claims", folder / "s.db", "--json").stdout)
    model = told["models"][0]
    assert (model["compared"], model["both_passed"], model["claimed_only"], model["agree"]) == (6, 3, 3, 0.5)
    assert [(one["problem"], one["index"], one["verdict"]) for one in told["disputed"]] == [
        (f"P/{p}", 1, "WRONG") for p in range(3)
    ]
    plain = call("claims", folder / "s.db")
    assert plain.exit_code == Exit.OK
    assert "50.0 %" in plain.stdout
    with ClaimReader(folder / "s.db") as reader:
        assert len(reader.disputed(1, limit=2)) == 2
    unclaimed = [{"task_id": "P/0", "completion": "x"}]
    take(folder, write_lines(folder / "b.jsonl", unclaimed), store="b.db")
    assert "nothing to compare" in call("claims", folder / "b.db").stderr


def test_the_command_says_what_it_did_and_what_is_wrong_in_one_line(folder):
    file = write_lines(folder / "a.jsonl", [{"id": "P/1", "said": "    return x\n", "n": 4}] * 2)
    problems = folder / "problems.jsonl"
    words = ["import", folder / "s.db", file, "--problems", problems]
    lost = call(*words)
    assert (lost.exit_code, len(lost.stderr.splitlines())) == (Exit.USAGE, 1)
    assert "--map" in lost.stderr
    columns = ["--map", "id=problem", "--map", "said=text", "--map", "n=completion_tokens"]
    done = call(*words, *columns, "--model", "m", "--sampled-only")
    assert done.exit_code == Exit.OK
    assert "m: 2 samples added, 2 of 1 problem" in done.stdout
    assert query(folder / "s.db", "SELECT sum(completion_tokens) FROM sample") == [(8,)]
    for more, line in (
        (["--map", "id"], "write COLUMN=FIELD"),
        (["--architecture", "gpt-17"], "no model 'gpt-17'"),
        (["--architecture", "gone.gguf"], "gone.gguf"),
    ):
        wrong = call(*words, *more)
        assert wrong.exit_code == Exit.USAGE
        assert line in wrong.stderr


def test_an_import_killed_again_and_again_ends_as_one_left_alone(folder, support_script):
    """Real SIGKILLs at random moments, among them while a batch is being written."""
    file = folder / "many.jsonl.gz"
    with gzip.open(file, "wt", compresslevel=1) as written:
        for row in rows(4000):
            written.write(json.dumps(row) + "\n")
    problems = folder / "problems.jsonl"

    def start(store: str) -> subprocess.Popen:
        words = [sys.executable, support_script, "import", folder / store, file, problems]
        return subprocess.Popen(words, stdout=subprocess.PIPE)

    with start("alone.db") as alone:
        began = time.monotonic()
        assert alone.stdout.readline() == b"opened\n"
        assert alone.wait() == 0
        took = time.monotonic() - began
    moments = random.Random(8)
    kills, held = 0, 0
    for _ in range(20):
        with start("killed.db") as process:
            process.stdout.readline()
            time.sleep(moments.uniform(0, took / 4))
            process.kill()
            kills += process.wait() == -signal.SIGKILL
        (now,) = query(folder / "killed.db", "SELECT count(*) FROM sample")[0]
        assert now >= held
        held = now
        assert query(folder / "killed.db", "PRAGMA integrity_check") == [("ok",)]
    with start("killed.db") as last:
        last.communicate()
    assert kills > 0
    assert content(folder / "killed.db") == content(folder / "alone.db")


def test_two_imports_into_one_store_at_once_are_refused(folder):
    file = write_lines(folder / "a.jsonl", rows(1))
    with Store(folder / "s.db"):
        done = call("import", folder / "s.db", file, "--problems", folder / "problems.jsonl")
    assert done.exit_code == Exit.INFRASTRUCTURE
    assert "is running the store" in done.stderr
    with Store(folder / "s.db"), pytest.raises(StoreBusy):
        Store(folder / "s.db")


def test_real_answers_of_local_models_bring_their_counts_and_times(shared_data, tmp_path):
    with Store(tmp_path / "s.db") as store:
        for name, params in (("llama3", 8_030_000_000), ("qwen2.5-coder", 7_620_000_000)):
            file = shared_data / f"mvce_HumanEval_{name}.json.gz"
            end = import_files(ImportRequest(files=(file,), study="s", model=name, params=params), store)
            assert (end.read, end.wanted[name], end.sampled[name], end.claims) == (3280, 20, 164, 3280)
    with gzip.open(shared_data / "mvce_HumanEval_llama3.json.gz", "rt") as read:
        told = [one[1] for pairs in json.load(read).values() for one in pairs]
    (sums,) = query(
        tmp_path / "s.db",
        "SELECT sum(completion_tokens), sum(decode_seconds), sum(prompt_tokens) FROM sample WHERE model_id = 1",
    )
    assert sums[0] == sum(one["eval_count"] for one in told)
    assert sums[1] == pytest.approx(sum(one["eval_duration"] for one in told) / 1e9)
    assert sums[2] == sum(one["prompt_eval_count"] for one in told)
    claimed = query(
        tmp_path / "s.db", "SELECT sum(passed) FROM claim JOIN sample s ON s.id = sample_id WHERE model_id = 1"
    )
    assert claimed == [(sum(one["result"] == "passed" for one in told),)]


def test_the_published_samples_of_codegen_are_cut_where_the_field_cuts_them(shared_data, tmp_path):
    file = shared_data / "codet_HumanEval_codegen16B_n100_solutions.jsonl.gz"
    with Store(tmp_path / "s.db") as store:
        end = import_files(ImportRequest(files=(file,), study="s", model="codegen"), store)
    assert (end.read, end.wanted, end.sampled) == (16400, {"codegen": 100}, {"codegen": 164})
    assert query(tmp_path / "s.db", "SELECT count(DISTINCT program_sha) FROM sample") == [(12408,)]


def test_a_models_size_may_be_told_later_and_stays_known(folder):
    row = {"task_id": "P/0", "completion": "    return x\n", "prompt_tokens": 100, "completion_tokens": 10}
    file = write_lines(folder / "a.jsonl", [row, row])
    architecture = find("qwen2.5-coder-0.5b-instruct").architecture
    take(folder, file, store="once.db", architecture=architecture)
    take(folder, file)
    take(folder, file, architecture=find("qwen2.5-coder-1.5b-instruct").architecture)
    take(folder, file, architecture=architecture)
    take(folder, file)
    for query_ in (
        "SELECT prompt_flops, decode_flops FROM sample",
        "SELECT prompt_flops, decode_flops FROM tally",
        "SELECT params, architecture_json FROM model",
    ):
        told = query(folder / "s.db", query_)
        assert told == query(folder / "once.db", query_)
        assert None not in told[0]
    take(folder, file, params=8_000_000_000)
    take(folder, file)
    assert query(folder / "s.db", "SELECT params FROM model") == [(8_000_000_000,)]


def test_disputes_beyond_those_shown_are_counted(folder, support):
    take(folder, write_lines(folder / "a.jsonl", [row | {"passed": False} for row in rows(4)]))
    score(folder / "s.db", support)
    assert "… and 1 more on which the two differ" in call("claims", folder / "s.db").stdout


def test_a_second_import_of_the_same_says_that_nothing_was_new(folder):
    words = ["import", folder / "s.db", write_lines(folder / "a.jsonl", rows(1))]
    words += ["--problems", folder / "problems.jsonl"]
    assert "executes them" in call(*words).stdout
    assert "the store held them already" in call(*words).stdout
    assert "'-5' is no size of a model" in call(*words, "--params", "-5").stderr
    assert "write it as 8e9 or 8b" in call(*words, "--params", "big").stderr
    assert call(*words, "--params", "8b").exit_code == 0
    assert query(folder / "s.db", "SELECT params FROM model") == [(8_000_000_000,)]


def test_an_import_that_brings_nothing_leaves_no_store_and_one_that_breaks_off_keeps_it(folder):
    problems = str(folder / "problems.jsonl")
    empty, broken = folder / "empty.jsonl", write_lines(folder / "broken.jsonl", rows(1))
    empty.write_text('{"task_id": "P/77", "completion": "x"}\n')
    assert call("import", folder / "new.db", empty, "--problems", problems).exit_code != 0
    assert not list(folder.glob("new.db*"))
    broken.write_text(broken.read_text() + "oops\n")
    assert call("import", folder / "kept.db", broken, "--problems", problems).exit_code != 0
    assert query(folder / "kept.db", "SELECT name FROM model") == [("broken",)]
    assert query(folder / "kept.db", "SELECT status FROM study") == [("interrupted",)]
    assert call("import", folder / "kept.db", empty, "--problems", problems).exit_code != 0
    assert (folder / "kept.db").exists()


GOOD = {"task_id": "P/0", "completion": "    return 1\n"}
NO_TEXT = [GOOD, {"task_id": "P/1", "completion": None}]
MALFORMED = [
    {"task_id": "P/1", "completion": 5},
    {"task_id": "P/9", "completion": "x"},
    {"task_id": "P/1", "completion": "x", "sum_nll": 10**400},
    {"task_id": "P/1"},
    [],
]


def test_answers_without_a_text_are_left_out_and_named(folder):
    path = write_lines(folder / "given.jsonl", NO_TEXT)
    done = call("import", folder / "s.db", path, "--problems", folder / "problems.jsonl", "--model", "m")
    assert done.exit_code == Exit.OK
    assert "1 sample read as humaneval, 1 added" in done.stdout
    assert done.stderr == f"left out: {path}, line 2: completion is null: an answer without a text\n1 sample left out\n"
    with pytest.raises(ImportFault, match=r"no sample in it; left out: .*line 1: completion is null"):
        take(folder, write_lines(folder / "none.jsonl", NO_TEXT[1:]), store="other.db")


@pytest.mark.parametrize(
    "rows",
    [
        [GOOD, {"task_id": "P/1", "error": "no such model"}],
        [
            {"task_id": "P/0", "response": "x", "eval_count": 1, "n": 10**5000},
            {"task_id": "P/1", "error": "no such model"},
        ],
    ],
)
def test_an_error_in_the_place_of_an_answer_is_left_out(folder, rows):
    with long_integers():
        path = write_lines(folder / "given.jsonl", rows)
    end = take(folder, path)
    (told,) = end.left_out
    assert (end.read, "line 2: there is no" in told) == (1, True)


def test_a_batch_is_taken_without_the_answers_that_are_errors(folder):
    rows = [
        {"id": "P/0", "response": {"body": {"choices": [{"content": "return 1"}]}}},
        {"id": "P/1", "response": {"body": {"error": "slow down"}}},
        {"id": "P/2", "response": None},
    ]
    columns = (("problem", "id"), ("text", "response.body.choices.0.content"))
    end = take(folder, write_lines(folder / "batch.jsonl", rows), columns=columns)
    assert (end.read, len(end.left_out)) == (1, 2)


@pytest.mark.parametrize("row", MALFORMED)
def test_malformed_rows_stop_an_import_unless_they_are_to_be_skipped(folder, row):
    path = write_lines(folder / "given.jsonl", [GOOD, row, GOOD])
    with pytest.raises(ImportFault, match="line 2"):
        take(folder, path)
    end = take(folder, path, store="other.db", skip_bad=True)
    assert (end.read, [told.partition(": ")[0] for told in end.left_out]) == (2, [f"{path}, line 2"])


def test_samples_of_problems_without_tests_are_left_out_and_named(folder):
    problems = folder / "problems.jsonl"
    untested = {"problem_id": 5, "question": "?", "input_output": ""}
    problems.write_text(f"{problems.read_text('utf-8')}\n{json.dumps(untested)}\n", encoding="utf-8")
    end = take(folder, write_lines(folder / "given.jsonl", [GOOD, {"task_id": "APPS/5", "completion": "x"}]))
    assert (end.read, [told.partition("line 2: ")[2] for told in end.left_out]) == (1, ["APPS/5 has no test"])


def test_lines_and_problems_that_are_no_json_are_skipped_on_request(folder):
    problems = folder / "problems.jsonl"
    problems.write_text(problems.read_text("utf-8") + '\n{"task_id": 1}\n', encoding="utf-8")
    path = write_lines(folder / "given.jsonl", [GOOD])
    path.write_text(path.read_text("utf-8") + "{\n" + json.dumps(GOOD), encoding="utf-8")
    with pytest.raises(ProblemsError, match="line 4"):
        take(folder, path)
    end = take(folder, path, skip_bad=True)
    assert (end.read, len(end.left_out), len(end.problems_left_out)) == (2, 1, 1)
