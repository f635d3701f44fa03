from __future__ import annotations

import gzip
import io
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from lazy_commands import help_without_imports

from sampler.backends.base import BackendError
from sampler.backends.replay import ReplayBackend
from sampler.cli_errors import error_boundary, exit_for
from sampler.commands import COMMANDS, cli
from sampler.exit_codes import Exit
from sampler.models.catalogue import UnknownModel
from sampler.reporting.inputs import read_report
from sampler.reporting.report_files import report_json
from sampler.running.dependencies import in_steps, real_dependencies
from sampler.running.displays import PlainLines
from sampler.running.headless import run_headless, run_study
from sampler.running.progress import ModelProgress, Notice, Progress
from sampler.running.run_options import HeadlessOptions
from sampler.store.lock import StoreBusy
from sampler.store.reader import StoreError
from sampler.store.statements import StudyChanged
from sampler.store.writer import Store, WriteFailed
from sampler.study.problem_choice import choose_problems
from sampler.study.prompts import program_for, prompt_for
from sampler.study.spec import load_study
from sampler.study.toml_table import SpecError
from sampler.values import NoSuchName, PromptStyle, matching_name
from sandbox.errors import EngineUnavailable, SandboxError
from sandbox.problems import ProblemsError
from sandbox.scoring.scorer import open_scorer
from sandbox.values import Limits, Verdict

RECORDING = "qwen2.5-coder-{}-instruct_HumanEval20_n10.jsonl.gz"


def call(*words: object):
    return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture
def store(tmp_path, support) -> Path:
    study = load_study(support.write_study(tmp_path))
    run_study(study, support.rule_dependencies(), lambda _event: None)
    return study.store


@pytest.mark.usefixtures("store")
def test_a_complete_study_is_reported_again_and_ends_with_0(tmp_path):
    done = call("run", tmp_path / "study.toml")
    assert done.exit_code == Exit.OK
    assert "tried · 3 problems · done" in done.stdout
    assert "12/12 sampled, 12 scored (100%)" in done.stderr
    silent = call("run", tmp_path / "study.toml", "--display", "none")
    assert (silent.exit_code, silent.stderr) == (Exit.OK, "")


@pytest.mark.usefixtures("store")
def test_rank_finds_the_store_of_a_study_file(tmp_path):
    asked = ["rank", tmp_path / "study.toml", "--ranker", "shortest", "--json"]
    assert call(*asked).exit_code == Exit.OK


def test_report_prints_tables_or_json(store):
    plain = call("report", store)
    assert plain.exit_code == Exit.OK
    assert "Share of problems solved, in %, at equal FLOPs" in plain.stdout
    read = json.loads(call("report", store, "--json", "--unit", "tokens", "--prompt", "once").stdout)
    (table,) = read["tables"]
    assert (read["study"], table["unit"], table["charge"]) == ("tried", "tokens", "once")
    assert table["unit_costs"] == {"small": {"once": 10.0, "each": 5.0}}


def test_report_writes_everything_that_is_asked_for_at_once(store, tmp_path):
    files = [tmp_path / name for name in ("page.html", "curves.svg", "csv")]
    done = call("report", store, "--json", "--html", files[0], "--plot", files[1], "--csv", files[2])
    assert done.exit_code == Exit.OK
    assert json.loads(done.stdout)["study"] == "tried"
    assert all(path.exists() for path in [*files, tmp_path / "csv" / "curves.csv"])
    quiet = call("report", store, "--html", files[0], "--csv", tmp_path / "more")
    assert [line.split()[0] for line in quiet.stdout.splitlines()] == ["wrote"] * 3


@pytest.fixture
def folder(tmp_path, store, monkeypatch) -> None:
    """The current folder: a store, and study files each with a mistake of its own."""
    monkeypatch.chdir(tmp_path)
    good = Path("study.toml").read_text(encoding="utf-8")
    store.rename("tried.db")
    for name, text in {
        "bad.toml": "sed = 1\n" + good,
        "nowhere.toml": good.replace("problems.jsonl", "nowhere.jsonl"),
        "unknown.toml": good.replace('"replay"', '"llamacpp"').replace('file = "none.jsonl"', 'model = "gpt-17"'),
        "norecord.toml": good,
        "changed.toml": good.replace("seed = 3", 'seed = 4\nstore = "tried.db"'),
    }.items():
        Path(name).write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["report", "gone.db"], Exit.STORE, "sampler: there is no store at"),
        *(
            ([command, place, *more], Exit.STORE, f"sampler: {said}")
            for place, said in ((".", "'.' is a folder; name the store"), ("gone.db", "there is no store at 'gone.db'"))
            for command, *more in (
                ["report"],
                ["analyse"],
                ["claims"],
                ["score"],
                ["gate", "--min", "0.3"],
                ["export", "--to", "x.jsonl"],
            )
        ),
        (["report", "study.toml"], Exit.STORE, "'study.toml' is a study file, and this reads a store"),
        (["analyse", "study.toml"], Exit.STORE, "give the one that its run writes: 'study.db'"),
        (["run", "tried.db"], Exit.USAGE, "'tried.db' is a store, and this reads a study file"),
        (["rejudge", "tried.db"], Exit.USAGE, "give the STUDY.toml it was made with"),
        (
            ["report", "tried.db", "--params", "small=7b"],
            Exit.USAGE,
            "--params is for counts files, and 'tried.db' is none",
        ),
        (
            ["analyse", "tried.db", "--params", "small=7b"],
            Exit.USAGE,
            "--params is for counts files, and 'tried.db' is none",
        ),
        (["compare", "tried.db:nope", "tried.db:small"], Exit.USAGE, "no model is called 'nope'; name one of: "),
        (["rank", "tried.db", "--k", "100"], Exit.USAGE, "--k 100: no model has so many samples of a problem"),
        (["report", "tried.db", "--study", "other"], Exit.STORE, "no study is called 'other'; name one of: tried"),
        (["report", "tried.db", "--unit", "kilometres"], Exit.USAGE, "'kilometres' is not one of"),
        (["run", "gone.toml"], Exit.USAGE, "sampler: cannot read the study file"),
        (["run", "bad.toml"], Exit.USAGE, "'sed' is no key here (did you mean 'seed'?)"),
        (["run", "nowhere.toml"], Exit.USAGE, "sampler: cannot read problems from"),
        (["run", "unknown.toml"], Exit.USAGE, "sampler: no model 'gpt-17' in the catalogue"),
        (["run", "norecord.toml"], Exit.INFRASTRUCTURE, "there is no file"),
        (["run", "changed.toml"], Exit.STORE, "seed 3, and now it is 4; change it back"),
        (["run", "study.toml", "--store", "no/where/x.db"], Exit.STORE, "choose another place with --store"),
        (["run", "study.toml", "--store", "study.toml"], Exit.STORE, "not a database"),
        (["run"], Exit.USAGE, "Missing argument 'STUDY'"),
    ],
)
def test_what_goes_wrong_is_one_line_with_the_way_out_and_its_exit_code(words, code, line):
    done = call(*words)
    assert done.exit_code == code
    assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    if "Usage" not in done.stderr:
        assert len([shown for shown in done.stderr.splitlines() if shown.startswith("sampler: ")]) == 1


def test_a_bug_is_not_hidden_and_not_shown_as_a_user_s_mistake():
    log = io.StringIO()
    with error_boundary(log) as failed:
        raise ZeroDivisionError("oops")
    assert failed == [Exit.BUG]
    assert log.getvalue().startswith("sampler: internal error: ZeroDivisionError: oops; this is a bug")
    with pytest.raises(ZeroDivisionError), error_boundary(log, traceback=True):
        raise ZeroDivisionError("oops")


def test_a_file_that_cannot_be_written_is_named_with_the_reason(tmp_path):
    log = io.StringIO()
    with error_boundary(log) as failed:
        (tmp_path / "no" / "report.html").write_text("")
    assert failed == [Exit.INFRASTRUCTURE]
    assert f"cannot use '{tmp_path}/no/report.html': No such file or directory; " in log.getvalue()
    assert "Errno" not in log.getvalue()


def test_a_store_in_use_names_its_process(tmp_path, store):
    with Store(store):
        done = call("run", tmp_path / "study.toml")
    assert done.exit_code == Exit.INFRASTRUCTURE
    assert f"process {os.getpid()} is running the store" in done.stderr


def test_a_store_without_a_complete_problem_has_nothing_to_report(tmp_path, support):
    with Store(tmp_path / "s.db") as store:
        store.open_study(support.study_record())
    assert call("report", tmp_path / "s.db").exit_code == Exit.EMPTY


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SpecError(), Exit.USAGE),
        (ProblemsError(), Exit.USAGE),
        (UnknownModel(), Exit.USAGE),
        (EngineUnavailable(), Exit.INFRASTRUCTURE),
        (BackendError(), Exit.INFRASTRUCTURE),
        (WriteFailed(), Exit.INFRASTRUCTURE),
        (StoreBusy(), Exit.INFRASTRUCTURE),
        (StoreError(), Exit.STORE),
        (StudyChanged(), Exit.STORE),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (ValueError(), Exit.BUG),
    ],
)
def test_every_error_has_its_exit_code(error, code):
    assert exit_for(error) is code


def test_exit_codes_are_public_and_do_not_move():
    assert {code.name: int(code) for code in Exit} == {
        "OK": 0,
        "GATE": 1,
        "USAGE": 2,
        "INFRASTRUCTURE": 3,
        "INCOMPLETE": 4,
        "EMPTY": 5,
        "STORE": 6,
        "BUG": 70,
        "INTERRUPTED": 130,
        "TERMINATED": 143,
    }


def test_the_headless_twin_prints_lines_and_the_table_and_answers_the_exit_code(tmp_path, support):
    path = support.write_study(tmp_path)
    out = io.StringIO()
    assert (
        run_headless(
            path,
            run_options=HeadlessOptions(store=tmp_path / "other.db"),
            out=out,
            dependencies=support.rule_dependencies(),
        )
        == Exit.OK
    )
    lines = out.getvalue()
    assert "small: 12 samples" in lines
    assert "tried: complete" in lines
    assert lines.index("tried: complete") < lines.index("Share of problems solved")
    assert not (tmp_path / "study.db").exists()
    broken = io.StringIO()
    path.write_text("name = ", encoding="utf-8")
    assert run_headless(path, out=broken, dependencies=support.rule_dependencies()) == Exit.USAGE
    assert broken.getvalue().startswith("sampler: ")
    assert broken.getvalue().count("\n") == 1


def test_an_unfinished_run_still_shows_its_table_and_says_what_is_missing(tmp_path, support):
    path = support.write_study(tmp_path, more='[[models]]\nname = "b"\nbackend = "replay"\nfile = "x"\nsamples = 2\n')
    dependencies = support.rule_dependencies(support.RuleBackend("b", text="    lose me\n"))
    out = io.StringIO()
    assert run_headless(path, out=out, dependencies=dependencies) == Exit.INCOMPLETE
    assert "warning: sample 0 of P/0 was not scored" in out.getvalue()
    assert "0 samples to draw, 6 to score; the same command continues" in out.getvalue()
    assert "Interim" in out.getvalue()


def test_progress_lines_come_now_and_then_and_are_harmless():
    now = [0.0]
    out = io.StringIO()
    lines = PlainLines(out, clock=lambda: now[0])
    for step in range(101):
        now[0] += 0.05
        model = ModelProgress(
            name="m\x1b[31m", wanted=1000, sampled=10 * step, scored=9 * step, verdicts=9 * step, passed=step
        )
        lines(Progress(study="s", models=(model,)))
    lines(Notice(level="warning", kind="k", message="two\nlines"))
    shown = out.getvalue()
    assert 15 <= shown.count("sampled,") <= 25
    assert "\x1b" not in shown
    assert shown.endswith("warning: two lines\n")


def test_the_time_left_is_that_of_scoring():
    """Recorded samples are there at once; what takes time is the sandbox."""
    now = [0.0]
    out = io.StringIO()
    lines = PlainLines(out, clock=lambda: now[0])
    for step in range(21):
        now[0] = float(step)
        model = ModelProgress(
            name="m", wanted=300, sampled=min(300, 300 * step), scored=10 * step, verdicts=0, passed=0
        )
        lines(Progress(study="s", models=(model,)))
    assert "190 scored (63%) · about 11 s left" in out.getvalue()


def test_a_log_that_nobody_reads_any_more_does_not_stop_a_study(tmp_path, support):
    log = io.StringIO()
    log.close()
    study = load_study(support.write_study(tmp_path))
    assert run_study(study, support.rule_dependencies(), PlainLines(log)) is Exit.OK


def test_progress_lines_come_every_ten_seconds_when_it_is_slow():
    now = [0.0]
    out = io.StringIO()
    lines = PlainLines(out, clock=lambda: now[0])
    for step in range(61):
        now[0] = float(step)
        lines(
            Progress(
                study="s",
                models=(ModelProgress(name="m", wanted=100_000, sampled=step, scored=step, verdicts=step, passed=0),),
            )
        )
    assert out.getvalue().count("\n") == 7
    assert " min left" in out.getvalue()


@pytest.fixture
def recordings(pytestconfig) -> Path:
    folder = pytestconfig.rootpath / "examples" / "replay"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


def test_recorded_samples_of_real_models_give_their_known_rates(tmp_path, support, recordings):
    """Scored by the recording's own verdicts: pass@1 0.435 and 0.625, pass@10 0.900 for both."""
    models = "".join(
        (
            f'[[models]]\nname = "{size}"\nbackend = "replay"\nfile = '
            f'"{recordings / RECORDING.format(size)}"\nsamples = 10\n'
        )
        for size in ("0.5b", "1.5b")
    )
    path = tmp_path / "study.toml"
    path.write_text(f'[problems]\nsource = "humaneval"\nevery = 8\nlimit = 20\n{models}', encoding="utf-8")
    study = load_study(path)
    problems = {problem.name: problem for problem in choose_problems(study.problems)}
    passed = {}
    for model in study.models:
        for line in gzip.decompress(model.file.read_bytes()).splitlines():
            row = json.loads(line)
            prompt = prompt_for(problems[row["task_id"]], PromptStyle.COMPLETION)
            passed[program_for(problems[row["task_id"]], prompt, row["completion"]).source] = row["passed"]

    class Recorded(support.FakeExecutor):
        def _score(self, program):
            return support.score(Verdict.PASSED if passed[program.source] else Verdict.WRONG)

    dependencies = replace(
        support.rule_dependencies(executor=Recorded()), backend=lambda model, _tell: ReplayBackend(model.file)
    )
    assert run_study(study, dependencies, lambda _event: None) is Exit.OK
    made = read_report(study.store)
    small, large = made.models
    assert (small.completion_tokens, large.completion_tokens) == (pytest.approx(55, abs=1), pytest.approx(55, abs=1))
    assert (small.first.rate, small.most.rate) == (pytest.approx(0.435), pytest.approx(0.9))
    assert (large.first.rate, large.most.rate) == (pytest.approx(0.625), pytest.approx(0.9))
    assert made.tables[1].unknown == ("0.5b", "1.5b")  # a recording without seconds


def test_a_report_reads_the_sums_and_never_the_samples(store):
    before = report_json(read_report(store))
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.executescript("DELETE FROM verdict; DELETE FROM sample; DELETE FROM text;")
    assert report_json(read_report(store)) == before


def test_the_console_script_survives_a_terminal_that_knows_only_ascii(store):
    words = [sys.executable, "-c", "from sampler.cli import main; main()", "report", store]
    done = subprocess.run(words, capture_output=True, env={"PYTHONIOENCODING": "ascii"}, timeout=300, check=False)
    assert done.returncode == 0
    assert b"Each model alone" in done.stdout


def test_reading_a_report_does_not_import_docker_or_a_screen(store):
    code = (
        "import sys; from pathlib import Path; from sampler.reporting.inputs import read_report;"
        f"read_report(Path({str(store)!r})); print([m for m in ('docker', 'textual', 'xllamacpp') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout == "[]\n"


MAIN = [sys.executable, "-c", "from sampler.cli import main; main()"]


@pytest.mark.parametrize("words", [["--json"], [], ["--unit", "tokens"]])
def test_a_reader_who_leaves_ends_the_report_quietly(store, words):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as out:
        done = subprocess.run(
            [*MAIN, "report", store, *words], stdout=out, stderr=subprocess.PIPE, timeout=300, check=False
        )
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["run"], "sampler: Missing argument 'STUDY'; `sampler run --help` tells more\n"),
        (["rnu"], "sampler: No such command 'rnu' (did you mean 'run'?); `sampler --help` tells more\n"),
        (["merge"], "sampler: No such command 'merge'; there are analyse, claims, compare, export, "),
        (["report", "x.db", "--unit", "kilometres"], "sampler: Invalid value for '--unit': 'kilometres' is not one of"),
        (["models", "pull"], "sampler: Missing argument 'NAME...'"),
    ],
)
def test_a_wrong_call_is_one_line(words, line):
    done = subprocess.run([*MAIN, *words], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1


def test_help_and_version_and_a_call_without_words_still_say_what_they_should():
    for words, code in ((["--help"], 0), (["run", "--help"], 0), (["--version"], 0), ([], 2)):
        done = subprocess.run([*MAIN, *words], capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == code
        assert "sampler" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_ctrl_c_while_the_program_is_still_importing_leaves_no_traceback():
    code = (
        "import sys\nclass Interrupts:\n    def find_spec(self, name, *_):\n"
        "        if name == 'sampler.commands':\n            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupts())\nfrom sampler.cli import main\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (Exit.INTERRUPTED, b"")


def test_a_damaged_model_is_called_so_before_anything_is_sampled(tmp_path, support):
    path = support.write_study(tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace('"replay"\nfile = "none.jsonl"', '"llamacpp"\nmodel = "smollm2-135m"'), encoding="utf-8"
    )
    (model,) = load_study(path).models
    dependencies = real_dependencies(tmp_path, lambda _words: None)
    with pytest.raises(
        BackendError, match=r"is not in .* run `sampler models pull smollm2-135m-instruct`, or the study"
    ):
        dependencies.check(model, print)
    (tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(b"GGUF")
    with pytest.raises(BackendError, match=r"is damaged: .* has 4 of 98362432 bytes; run `sampler models pull"):
        dependencies.check(model, print)


def test_an_engine_that_is_not_installed_is_told_before_its_weights_are_fetched(tmp_path, support):
    path = support.write_study(tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace('"replay"\nfile = "none.jsonl"', '"llamacpp"\nmodel = "smollm2-135m"'), encoding="utf-8"
    )
    code = "import sys\nsys.modules['xllamacpp'] = None\nfrom sampler.cli import main\nmain()\n"
    words = ["run", "--pull", str(path)]
    environment = os.environ | {"CODEBUDGET_MODELS": str(tmp_path / "models")}
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=300, check=False, env=environment
    )
    assert done.returncode == Exit.INFRASTRUCTURE
    assert "xllamacpp is not installed; pip install 'codebudget[llamacpp]'" in done.stderr
    assert "fetching" not in done.stderr


def test_a_long_download_tells_how_far_it_is_and_a_short_one_is_silent():
    now, told = 0.0, []
    progress = in_steps("big", told.append, clock=lambda: now)
    for done in range(0, 1_001, 10):
        progress(done, 1_000)
    assert told == []
    for done in range(0, 1_001, 10):
        now += 3
        progress(done, 1_000)
    assert told == [f"fetching big: {share}% is here" for share in range(10, 100, 10)]


def test_what_a_check_says_stands_in_the_store_for_whoever_watches(tmp_path, support):
    study = load_study(support.write_study(tmp_path))
    dependencies = replace(support.rule_dependencies(), check=lambda model, tell: tell(f"fetching {model.name}"))
    heard = []
    assert run_study(study, dependencies, heard.append) is Exit.OK
    with closing(sqlite3.connect(study.store)) as connection:
        told = connection.execute("SELECT message FROM event WHERE kind = 'setup'").fetchall()
    assert told == [(f"fetching {model.name}",) for model in study.models]
    assert Notice(level="info", kind="setup", message=told[0][0]) in heard


@pytest.mark.docker
def test_the_first_study_needs_no_model_and_gives_its_known_rates(tmp_path, pytestconfig):
    study = pytestconfig.rootpath / "examples" / "replay.toml"
    try:
        with open_scorer(Limits(), boxes=1):
            pass
    except SandboxError as error:
        pytest.skip(f"no sandbox here: {error}")
    out = io.StringIO()
    assert run_headless(study, run_options=HeadlessOptions(store=tmp_path / "r.db"), out=out) == Exit.OK, out.getvalue()
    small, large = read_report(tmp_path / "r.db").models
    assert (small.first.rate, large.first.rate) == (pytest.approx(0.435), pytest.approx(0.625))
    assert "43.5 [" in out.getvalue()
    assert "62.5 [" in out.getvalue()


def test_the_help_of_all_commands_is_told_without_importing_them():
    assert "  rejudge  Judge the stored samples" in help_without_imports(cli, COMMANDS, "sampler.cli", {"numpy"})
    assert cli.get_command(click.Context(cli), "reports") is None


@pytest.mark.parametrize(
    ("typed", "names", "found"),
    [
        ("small", ["small", "smaller"], "small"),
        ("LLER", ["small", "smaller"], "smaller"),
        ("b", ["a", "b", "ab"], "b"),
    ],
)
def test_a_name_or_the_only_one_that_holds_what_is_typed_is_meant(typed: str, names: list[str], found: str) -> None:
    assert matching_name(names, typed) == found


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("sm", "'sm' is part of 2 names; name one of: small, smaller"),
        ("x", "no model is called 'x'; name one of: small, smaller, large"),
        ("", "'' is part of 3 names; name one of: small, smaller, large"),
    ],
)
def test_several_names_are_all_told(typed: str, said: str) -> None:
    with pytest.raises(NoSuchName, match=f"^{said}$"):
        matching_name(["small", "smaller", "large"], typed)
