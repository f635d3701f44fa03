from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from language_functions import examples

from sampler.stats.budget import Unit
from sampler.study.problem_choice import ProblemsSpec, choose_problems
from sampler.study.prompts import prompt_for
from sampler.study.spec import load_study, stored_sandbox
from sampler.study.toml_table import SpecError
from sampler.values import PromptStyle
from sandbox.problems import ProblemsError
from sandbox.values import Limits

FULL = """
name = "humaneval-qwen"
seed = 5
store = "x.db"
[problems]
source = "humaneval"
every = 8
[sampling]
style = "completion"
temperature = 0.6
[[models]]
name = "a"
backend = "llamacpp"
samples = 8
[[models]]
name = "b"
backend = "llamacpp"
model = "weights/b.gguf"
samples = 3
style = "chat"
max_tokens = 99
[[models]]
name = "c"
backend = "replay"
file = "c.jsonl.gz"
samples = 2
[sandbox]
boxes = 2
cpu_s = 4
memory_mb = 256
[report.budgets]
flops = [2e12, 1e12]
"""
SMALL = '[problems]\nsource = "humaneval"\n[[models]]\nname = "a"\nbackend = "llamacpp"\nsamples = 8\n'


def test_everything_that_a_study_file_can_say(load, tmp_path):
    study = load(FULL)
    assert (study.name, study.seed, study.store) == ("humaneval-qwen", 5, tmp_path / "x.db")
    assert (study.boxes, study.limits.cpu_s, study.limits.memory_mb, study.limits.wall_s) == (
        2,
        4.0,
        256,
        Limits().wall_s,
    )
    assert study.budgets == {Unit.FLOPS: (1e12, 2e12)}
    a, b, c = study.models
    assert (a.sampling.style, a.sampling.params.temperature, a.sampling.params.max_tokens) == (
        PromptStyle.COMPLETION,
        0.6,
        256,
    )
    assert (b.sampling.style, b.sampling.params.temperature, b.sampling.params.max_tokens) == (
        PromptStyle.CHAT,
        0.6,
        99,
    )
    assert (a.model, b.model) == ("a", str(tmp_path / "weights/b.gguf"))
    assert c.file == tmp_path / "c.jsonl.gz"
    assert len(choose_problems(study.problems)) == 21


def test_what_a_study_file_need_not_say(load, tmp_path):
    study = load(SMALL)
    assert (study.name, study.seed, study.store, study.boxes) == ("study", 0, tmp_path / "study.db", None)
    assert study.budgets == {}
    assert len(choose_problems(study.problems)) == 164


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SMALL.replace("samples", "sample"), r"\[\[models\]\] no. 1: the key 'samples' is missing"),
        (SMALL + "sampels = 3\n", r"no. 1: 'sampels' is no key here \(did you mean 'samples'\?\)"),
        ("sed = 1\n" + SMALL, r"'sed' is no key here \(did you mean 'seed'\?\); the keys are: .*name"),
        ("seed = 1.5\n" + SMALL, "seed = 1.5 is not a whole number from 0 up; write for example seed = 8"),
        ("seed = true\n" + SMALL, "seed = True is not a whole number"),
        ("seed = -1\n" + SMALL, "seed = -1 is not a whole number"),
        ("name = ''\n" + SMALL, "name = '' is not a text"),
        (SMALL.replace("= 8", "= 0"), "samples = 0 is not a whole number from 1 up"),
        (
            SMALL.replace('"llamacpp"', '"llamacp"'),
            r"'llamacp' is not known \(did you mean 'llamacpp'\?\); choose llamacpp or",
        ),
        (SMALL.replace('"llamacpp"', '"replay"'), "the key 'file' is missing"),
        (SMALL + "temperature = nan\n", "temperature = nan is not a number"),
        (SMALL + "temperature = -1\n", "temperature must not be negative"),
        (SMALL + "top_p = 2\n", r"top_p must lie in \(0, 1\], not 2.0"),
        (SMALL + "max_tokens = 0\n", "max_tokens = 0 is not a whole number"),
        (SMALL + "template = 'livecodebench'\n", 'is the prompt of a chat; it needs style = "chat"'),
        (SMALL + "template = 'lcb'\n", "template = 'lcb' is not known.*choose apps or livecodebench or bigcodebench"),
        (SMALL + "template = 'fim'\n", r"the name '.*' tells of no family for template = \"fim\"; write one of fim-"),
        (
            SMALL + "template = 'fim-qwen'\nstyle = 'chat'\n",
            'template = "fim-qwen" asks for a gap alone; it needs style = "completion"',
        ),
        (SMALL + "style = 'talk'\n", "style = 'talk' is not known.*choose completion or chat"),
        (SMALL + SMALL[SMALL.index("[[models") :], "two models are called 'a'"),
        (SMALL.replace("[[models]]", "[models]"), r"models is one table; write \[\[models\]\], with two brackets"),
        (SMALL + 'stop = "x"\n', r"stop = 'x' is not a list of texts; write for example stop = \[\"…\"\]"),
        (SMALL + "style = 'caht'\n", r"style = 'caht' is not known \(did you mean 'chat'\?\)"),
        ('[problems]\nsource = "humaneval"\n', r"no model is named; add a table \[\[models\]\]"),
        (SMALL.replace('source = "humaneval"', ""), r"\[problems\] the key 'source' is missing"),
        (SMALL.replace('"humaneval"', '"humaneval"\nevery = 2\nnames = ["x"]'), "every and names are given together"),
        (SMALL.replace('"humaneval"', "[]"), r"\[problems\] source = \[\] names nothing"),
        (SMALL.replace('"humaneval"', '"humaneval"\nnames = []'), r"names = \[\] names no problem; name some, or take"),
        (SMALL + "[sampling]\ntop_p = [0.5]\n", r"\[sampling\] top_p = \[0.5\] is a list; only in \[\[models\]\]"),
        (SMALL + "[models.costs]\nprice = 1\n", r"\[\[models\]\] no. 1, \[models.costs\] 'price' is no key"),
        ("problems = 3\n" + SMALL[SMALL.index("[[models") :], r"\[problems\] a table is expected, not 3"),
        (SMALL + "[sandbox]\nmemory_mb = 5\n", r"\[sandbox\] memory_mb must .* 64"),
        (SMALL + "[sandbox]\nboxes = 0\n", "boxes = 0 is not a whole number"),
        (SMALL + "[sandbox]\ncpu = 5\n", r"'cpu' is no key here \(did you mean 'cpu_s'"),
        (SMALL.replace('"humaneval"', '"humaneval"\nsince = "2024-13"'), "since must be a date .*, not '2024-13'"),
        (
            SMALL.replace('"humaneval"', '"humaneval"\nsince = 2024'),
            "since = 2024 is no day; write for example since = 20",
        ),
        (
            SMALL + "[budget]\nmax_flops = '1T'\n",
            "max_flops = '1T' is not a number; write for example max_flops = 1e15",
        ),
        (SMALL + "[budget]\nfirst = 4\n", r"\[budget\] first is the first look of a study that may end early"),
        (SMALL + "style = 'chat'\nstrategy = 'repair'\nturns = 0\n", r"\[\[models\]\] no. 1: turns = 0 is not a whole"),
        (SMALL + "[models.costs]\nprices_of = 'a/b'\nprices_on = '2025-13-01'\n", "prices_on = '2025-13-01' is no day"),
        (SMALL + "[report]\nbudget = 1\n", r"\[report\] 'budget' is no key here \(did you mean 'budgets'"),
        (SMALL + "[report.budgets]\nflop = [1]\n", r"'flop' is no key here \(did you mean 'flops'"),
        (SMALL + "[report.budgets]\nflops = [0]\n", r"flops = \[0\] is not a list of numbers above zero"),
        ("name = \n", "not TOML: Invalid value"),
        (f"seed = {'9' * 5000}\n" + SMALL, "not TOML: "),
        ("seed = 99999999999999999999999\n" + SMALL, "seed = 9{23} is too large; the most is 9223372036854775807"),
        (SMALL.replace("= 8", "= 2147483648"), "samples = 2147483648 is too large; the most is 2147483647"),
        (SMALL + f"temperature = 1{'0' * 400}\n", "temperature = 10+ is not a number"),
        ('store = "a\\u0000b"\n' + SMALL, "store = .* holds a NUL character"),
        (SMALL.replace("humaneval", "a\\u0000b"), "source = .* holds a NUL character"),
        (SMALL + "[sandbox]\nwall_s = 1e300\n", r"\[sandbox\] wall_s must"),
        (
            SMALL + "[models.options]\ncontex = 1\n",
            r"\[models.options\] 'contex' is no key here \(did you mean 'context'",
        ),
        (SMALL + "[models.options]\nslots = 0\n", r"\[models.options\] slots must be positive, not 0"),
        (SMALL + "[models.options]\nslots = 257\n", "slots must be at most 256, not 257"),
        (SMALL + "[models.options]\nanswer_timeout_s = 1e300\n", "answer_timeout_s must be at most 1e"),
        (
            SMALL.replace('"llamacpp"', '"replay"\nfile = "x"') + "[models.options]\nslots = 4\n",
            r"'slots' is no key here; the keys are: none",
        ),
    ],
)
def test_a_mistake_is_told_with_file_key_value_and_way_out(load, text, message):
    with pytest.raises(SpecError, match=rf"study\.toml: .*{message}"):
        load(text)


def test_an_engine_s_options_belong_to_its_model_and_do_not_decide_the_samples(load):
    study = load(SMALL + "[models.options]\ncontext = 32768\nanswer_timeout_s = 60\n")
    assert study.models[0].options == {"context": 32768, "answer_timeout_s": 60.0}
    assert study.models[0].sampling.decides == load(SMALL).models[0].sampling.decides
    assert load(SMALL).models[0].options == {}


def test_a_study_file_that_cannot_be_read(tmp_path):
    with pytest.raises(SpecError, match=r"cannot read the study file '.*gone.toml': No such file"):
        load_study(tmp_path / "gone.toml")
    (tmp_path / "binary.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(SpecError, match="not UTF-8"):
        load_study(tmp_path / "binary.toml")


def test_a_date_may_be_a_text_or_one_of_toml(load):
    dated = [
        load(SMALL.replace('"humaneval"', f'"humaneval"\nsince = {day}')) for day in ('"2024-08-31"', "2024-08-31")
    ]
    assert [study.problems.filters.since for study in dated] == ["2024-08-31", "2024-08-31"]


def test_a_mark_of_byte_order_before_the_text_is_passed_over(load):
    """Windows' editors put one there."""
    assert load("\ufeff" + SMALL).models[0].samples == 8


def test_problems_can_be_chosen_by_name_or_number(load):
    named = load(SMALL.replace('"humaneval"', '"humaneval"\nnames = ["HumanEval/3", "HumanEval/1", "HumanEval/3"]'))
    assert [problem.name for problem in choose_problems(named.problems)] == ["HumanEval/3", "HumanEval/1"]
    first = load(SMALL.replace('"humaneval"', '"humaneval"\nlimit = 2'))
    assert [problem.name for problem in choose_problems(first.problems)] == ["HumanEval/0", "HumanEval/1"]
    both = load(SMALL.replace('"humaneval"', '"humaneval"\nevery = 8\nlimit = 20'))
    assert [problem.name for problem in choose_problems(both.problems)] == [f"HumanEval/{8 * n}" for n in range(20)]
    unknown = load(SMALL.replace('"humaneval"', '"humaneval"\nnames = ["HumanEval/999"]'))
    with pytest.raises(ProblemsError, match="has no problem 'HumanEval/999'; its first is 'HumanEval/0'"):
        choose_problems(unknown.problems)


def test_a_problem_that_no_store_could_hold_is_refused(load, tmp_path):
    line = r'{"task_id": "bad\ud800", "prompt": "def f():\n", "entry_point": "f", "test": "def check(f): pass"}'
    (tmp_path / "p.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(ProblemsError, match=r"'bad\\ud800' holds what UTF-8 cannot encode"):
        choose_problems(load(SMALL.replace("humaneval", "p.jsonl")).problems)


def test_what_decides_the_samples_has_one_spelling(load):
    explicit = load(SMALL + "temperature = 0.8\ntop_p = 0.95\n")
    assert explicit.models[0].sampling.decides == load(SMALL).models[0].sampling.decides
    assert load(SMALL + "top_p = 0.9\n").models[0].sampling.decides != load(SMALL).models[0].sampling.decides


SERVED = SMALL.replace('"llamacpp"', '"openai"') + (
    'model = "org/Name-7B"\n[models.options]\nbase_url = "http://127.0.0.1:8000/v1"\nstream = false\nconcurrency = 64\n'
)


def test_a_servers_model_keeps_its_name_and_its_options(load):
    (model,) = load(SERVED).models
    assert model.model == "org/Name-7B"
    assert model.options == {"base_url": "http://127.0.0.1:8000/v1", "stream": False, "concurrency": 64}
    assert not model.sampling.hosted


def test_the_dialect_decides_samples_and_the_other_options_do_not(load):
    plain, other = load(SERVED).models[0].sampling, load(SERVED.replace("64", "8")).models[0].sampling
    hosted = load(SERVED + 'dialect = "hosted"\n').models[0].sampling
    assert plain.decides == other.decides != hosted.decides
    assert hosted.hosted


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("stream = 1\n", "stream = 1 is neither true nor false"),
        ('api_key = "sk-1"\n', "did you mean 'api_key_env'"),
        ('dialect = "closed"\n', "dialect must be open or hosted"),
    ],
)
def test_a_servers_options_are_checked(load, line, why):
    with pytest.raises(SpecError, match=why):
        load(SERVED.replace("stream = false\n", "") + line)


def test_a_server_needs_an_address(load):
    with pytest.raises(SpecError, match="'base_url' is missing"):
        load(SMALL.replace('"llamacpp"', '"openai"'))


def test_what_vllm_is_told_stands_in_a_table_of_its_own(load):
    text = SMALL.replace('"llamacpp"', '"vllm"') + "[models.options]\nahead = 64\n[models.options.engine]\n"
    (model,) = load(text + "tensor_parallel_size = 2\n").models
    assert model.options == {"ahead": 64, "engine": {"tensor_parallel_size": 2}}
    with pytest.raises(SpecError, match="has no place in"):
        load(text + 'model = "other"\n')
    with pytest.raises(SpecError, match="is no table"):
        load(SMALL.replace('"llamacpp"', '"vllm"') + "[models.options]\nengine = 3\n")


def test_rows_that_are_no_problems_are_left_out_on_request_and_told(tmp_path):
    rows = [
        {"task_id": "a", "prompt": "p", "tests": [{"stdin": "", "stdout": "YES"}]},
        {"task_id": "b", "prompt": 5, "tests": [{"stdin": "", "stdout": ""}]},
        {"problem_id": 1, "question": "?", "input_output": ""},
    ]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(ProblemsError, match=r"line 2: prompt must be"):
        choose_problems(ProblemsSpec(source=str(tmp_path / "p.jsonl")))
    left_out: list[str] = []
    spec = ProblemsSpec(source=str(tmp_path / "p.jsonl"), skip_bad=True, output_rule="nocase")
    (problem,) = choose_problems(spec, left_out.append)
    assert [told.partition("p.jsonl, ")[2][:7] for told in left_out] == ["line 2:", "line 3:"]
    assert problem.given.rule.name == "nocase"
    assert problem.tests != choose_problems(replace(spec, output_rule=None))[0].tests


def test_what_programs_may_assume_takes_the_place_of_what_the_set_says(load, tmp_path):
    row = {"task_id": "a", "prompt": "p", "tests": [{"stdin": "", "stdout": ""}], "cpu_s": 7, "recursion_limit": 500}
    (tmp_path / "p.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    text = f'[problems]\nsource = "p.jsonl"\noutput_rule = "lines"\n{SMALL[SMALL.index("[[models]]") :]}'
    table = '[problems.assume]\nimports = "import math"\ncpu_s = 4\nlong_integers = true\n'
    study = load(text + table)
    (problem,) = choose_problems(study.problems)
    assert problem.assumptions.text == "1 line of imports, recursion limit 500, long integers, 4 s cpu"
    stored = stored_sandbox(study.record((problem,)).limits)
    assert (stored.output_rule, stored.assumed) == ("lines", study.problems.assumed)
    for odd in ("cpu = 4", "cpu_s = true", "recursion_limit = 1", 'long_integers = "yes"'):
        with pytest.raises(SpecError, match=rf"\[problems.assume\].*{odd.split()[0]}"):
            load(f"{text}[problems.assume]\n{odd}\n")


def test_a_language_chooses_among_functions_and_is_asked_of_whole_programs(tmp_path: Path) -> None:
    rows = [example.row | {"name": f"Own_1_{name}"} for name, example in examples().items()]
    (tmp_path / "many.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    whole = {"task_id": "a", "prompt": "Add.", "tests": [{"stdin": "1 2", "stdout": "3"}]}
    (tmp_path / "whole.jsonl").write_text(json.dumps(whole))
    many, one = (ProblemsSpec(source=str(tmp_path / f"{name}.jsonl"), language="rust") for name in ("many", "whole"))
    assert [problem.name for problem in choose_problems(many)] == ["Own_1_rust"]
    assert [problem.language for problem in choose_problems(one)] == ["rust"]
    assert "Rust program" in prompt_for(choose_problems(one)[0], PromptStyle.CHAT).text
    assert stored_sandbox(json.dumps(asdict(Limits()) | one.decides)).language == "rust"
    with pytest.raises(ProblemsError, match="its tests call a function in python, not in rust"):
        choose_problems(ProblemsSpec(source="humaneval", language="rust"))
