"""What a study file says about models and which problems it takes: greedy companions, shots, stops, splits, costs."""

from __future__ import annotations

import json

import pytest

from sampler.study.problem_choice import choose_problems, choose_shots
from sampler.study.spec import stored_sandbox
from sampler.study.toml_table import SpecError
from sampler.values import GivenCosts
from sandbox.problems import ProblemsError

SMALL = '[problems]\nsource = "humaneval"\n[[models]]\nname = "a"\nbackend = "llamacpp"\nsamples = 8\n'


def source(more: str) -> str:
    return SMALL.replace('"humaneval"', more)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SMALL.replace("[problems]", "[problem]"), r"'problem' is no key here \(did you mean 'problems'"),
        (SMALL.replace("samples", "sample"), "the key 'samples' is missing; is 'sample' meant for it"),
        (SMALL + "greedy = 1\n", "greedy = 1 is neither true nor false; write greedy = true"),
        (
            SMALL.replace('"llamacpp"', '"replay"\nfile = "x"\ngreedy = true'),
            r"\[\[models\]\] no. 1: greedy = true asks an engine",
        ),
        (
            SMALL + 'greedy = true\n[[models]]\nname = "a (greedy)"\nbackend = "llamacpp"\nsamples = 8\n',
            r"two models are called 'a \(greedy\)'",
        ),
        (SMALL + 'stop = "END"\n', "stop = 'END' is not a list of texts"),
        (SMALL + 'stop = ["x", ""]\n', "stop = .* holds an empty text"),
        (SMALL + 'shots = ["HumanEval/1"]\nstyle = "chat"\n', 'shots are shown in style = "completion" alone'),
        (source('"humaneval"\nsplit = "tset"'), r"split = 'tset' is not known \(did you mean 'test'"),
        (source('"humaneval"\nnumbers = "1-"'), "numbers = '1-' names no numbers; write for example"),
        (source('"humaneval"\nnumbers = "9-2"'), "'9-2' ends before it begins; write 2-9"),
        (source('["humaneval", "humaneval"]'), "no list of different texts; write each once"),
        (source("[]"), "source = .* names nothing"),
        (SMALL + "[models.costs]\ntabel_flops = 1\n", r"\[models.costs\] 'tabel_flops' is no key here .*'table_flops'"),
        (SMALL + "[models.costs]\nprompt_dollars = 1\n", "prompt_dollars and completion_dollars belong together"),
        (SMALL + "[models.architecture]\nlayers = 2\n", r"\[models.architecture\] the key 'hidden' is missing"),
        (SMALL + '[sandbox]\npython = "2.7"\n', r"\[sandbox\] python = '2.7' is no version of Python"),
        (SMALL + '[sandbox]\npackages = ["numpy>1"]\n', r"\[sandbox\] packages: 'numpy>1' is no package"),
        (
            SMALL + '[sandbox]\nprofile = "scientfic"\n',
            r"profile = 'scientfic' is not known \(did you mean 'scientific'",
        ),
        (source('"humaneval"\n[problems.map]\ntest = "x"'), r"\[problems.map\] 'test' is no key .* 'tests'"),
        (source('"humaneval"\n[problems.map]\ntests = 3'), r"\[problems.map\] tests = 3 is not a text"),
    ],
)
def test_a_mistake_is_told_with_key_value_and_way_out(load, text, message):
    with pytest.raises(SpecError, match=rf"study\.toml: .*{message}"):
        load(text)


def test_a_greedy_companion_is_the_same_model_asked_once_at_temperature_0(load):
    owner, companion = load(SMALL + "greedy = true\ntop_p = 0.9\n[models.options]\nslots = 4\n").models
    assert (companion.name, companion.greedy_of, companion.samples) == ("a (greedy)", "a", 1)
    assert (companion.sampling.params.temperature, companion.sampling.params.top_p) == (0.0, 1.0)
    assert (companion.model, companion.backend, companion.options) == (owner.model, owner.backend, owner.options)
    assert owner == load(SMALL + "top_p = 0.9\n[models.options]\nslots = 4\n").models[0]


def test_stops_and_shots_decide_the_samples_and_costs_do_not(load):
    plain = load(SMALL).models[0].sampling.decides
    assert load(SMALL + 'stop = ["x"]\n').models[0].sampling.decides != plain
    assert load(SMALL + 'shots = ["HumanEval/1"]\n').models[0].sampling.decides != plain
    assert load(SMALL + "[models.costs]\ntable_flops = 1\n").models[0].sampling.decides == plain
    assert "stop" not in plain  # so stores of older versions go on


def test_what_is_said_for_all_models_holds_unless_one_says_otherwise(load):
    common = '[sampling]\nstop = ["END"]\nshots = ["HumanEval/1"]\n'
    assert load(common + SMALL).models[0].sampling.stop == ("END",)
    assert load(common + SMALL + "stop = []\nshots = []\n").models[0].sampling.stop == ()
    assert load(common + SMALL + "shots = []\n").models[0].sampling.shots.names == ()


def test_costs_and_architecture_of_a_model_come_from_its_tables(load):
    text = SMALL + "[models.costs]\ntable_flops = 1.69e12\nprompt_dollars = 0.1\ncompletion_dollars = 0.4\n"
    text += "[models.architecture]\nlayers = 32\nhidden = 4096\nattention_width = 4096\nmatmul_params = 6476005376\n"
    (model,) = load(text + "unembed_params = 131137536\n").models
    assert model.costs == GivenCosts(table_flops=1.69e12, prompt_dollars=0.1, completion_dollars=0.4)
    assert model.architecture.params == 6_607_142_912
    assert model.architecture.kv_width is None


def test_a_hub_s_name_stays_as_it_is_and_a_path_is_meant_from_the_study_file(load, tmp_path):
    def opened(name):
        return load(SMALL + f'model = "{name}"\n').models[0].model

    assert opened("codellama/CodeLlama-7b-hf") == "codellama/CodeLlama-7b-hf"
    assert opened("./weights") == str(tmp_path / "weights")
    (tmp_path / "owner" / "model").mkdir(parents=True)
    assert opened("owner/model") == str(tmp_path / "owner/model")
    assert opened("x" * 5000) == "x" * 5000


def test_the_sandbox_s_image_decides_the_verdicts_only_where_it_is_not_the_usual_one(load):
    plain = load(SMALL).record(()).limits
    fitted = load(SMALL + '[sandbox]\npackages = ["numpy"]\nfresh = true\n')
    assert fitted.packages == ("numpy",)
    assert fitted.record(()).limits != plain
    assert "packages" not in plain


def test_a_profile_and_a_map_are_kept_for_whoever_scores_the_store_later(load):
    plain = load(SMALL).record(()).limits
    more = '[sandbox]\nprofile = "scientific"\n[problems.map]\ntests = "truth.cases"\n'
    study = load(SMALL + more)
    held = stored_sandbox(study.record(()).limits)
    assert (held.profile, held.columns) == ("scientific", {"tests": "truth.cases"})
    assert study.profile == "scientific"
    assert stored_sandbox(plain).profile is None


def test_rows_of_one_s_own_are_read_by_a_map(load, tmp_path):
    row = {"ask": "Print the double.", "truth": {"cases": [{"input": "2\n", "output": "4\n"}]}, "key": "double"}
    (tmp_path / "own.jsonl").write_text(json.dumps(row), encoding="utf-8")
    text = source('"./own.jsonl"\n[problems.map]\nname = "key"\nprompt = "ask"\ntests = "truth.cases"')
    (problem,) = choose_problems(load(text).problems)
    assert problem.name == "double"
    assert problem.prompt.startswith("Print the double.")
    with pytest.raises(ProblemsError, match=r"own.jsonl"):
        choose_problems(load(source('"./own.jsonl"')).problems)


def mbpp(folder, numbers, name="mbpp.jsonl"):
    rows = [
        {
            "task_id": n,
            "text": f"Write a function that adds {n}.",
            "code": f"def f{n}(x):\r\n    return x + {n}",
            "test_list": [f"assert f{n}(1) == {n + 1}", f"assert f{n}(2) == {n + 2}"],
        }
        for n in numbers
    ]
    (folder / name).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def chosen(study):
    return [problem.name for problem in choose_problems(study.problems)]


def test_a_split_of_mbpp_is_its_published_numbers(load, tmp_path):
    mbpp(tmp_path, range(1, 975))

    def names(more):
        return chosen(load(source(f'"mbpp.jsonl"\n{more}')))

    assert names('split = "test"') == [f"MBPP/{n}" for n in range(11, 511)]
    assert len(names('split = "prompt"')) == 10
    assert len(names('split = "validation"')) == 90
    assert len(names('split = "train"')) == 374
    assert names('split = "test"\nevery = 100\nlimit = 2') == ["MBPP/11", "MBPP/111"]
    assert names('numbers = "2-4, 600"') == ["MBPP/2", "MBPP/3", "MBPP/4", "MBPP/600"]


def test_a_split_that_a_data_set_lacks_is_refused_with_the_way_out(load, tmp_path):
    with pytest.raises(ProblemsError, match=r"'HumanEval/0' is of no set with a split 'test' .*give numbers or names"):
        chosen(load(source('"humaneval"\nsplit = "test"')))
    with pytest.raises(ProblemsError, match="holds no problem of that split or those numbers"):
        chosen(load(source('"humaneval"\nnumbers = "700-800"')))
    mbpp(tmp_path, [1, 2])
    with pytest.raises(ProblemsError, match="holds no problem of that split"):
        chosen(load(source('"mbpp.jsonl"\nsplit = "test"')))


def test_headers_of_checkers_are_named_beside_the_study_and_kept_with_it(load, tmp_path):
    checker = {"language": "cpp", "source": '#include "testlib.h"\n'}
    row = {"task_id": "pair", "prompt": "Print.", "tests": [{"stdin": "1"}], "checker": checker}
    (tmp_path / "own.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(ProblemsError, match=r"checker_files of load_problems and of \[problems\] in a study"):
        chosen(load(source('"own.jsonl"')))
    (tmp_path / "testlib.h").write_text("int x;")
    study = load(source('"own.jsonl"\nchecker_files = ["testlib.h"]'))
    (problem,) = choose_problems(study.problems)
    assert problem.given.checker.files == (("testlib.h", b"int x;"),)
    assert study.problems.decides == {"checker_files": [str(tmp_path / "testlib.h")]}
    told = json.dumps({"cpu_s": 3.0, **study.problems.decides})
    assert stored_sandbox(told).checker_files == study.problems.checker_files


def test_problems_of_several_sources_follow_each_other_and_may_not_stand_in_two(load, tmp_path):
    mbpp(tmp_path, [1, 2], "one.jsonl")
    mbpp(tmp_path, [3], "two.jsonl")
    assert chosen(load(source('["one.jsonl", "two.jsonl"]'))) == ["MBPP/1", "MBPP/2", "MBPP/3"]
    mbpp(tmp_path, [2, 3], "two.jsonl")
    with pytest.raises(ProblemsError, match=r"two\.jsonl: 'MBPP/2' stands in an earlier source, too"):
        chosen(load(source('["one.jsonl", "two.jsonl"]')))


def test_shots_come_from_the_study_s_problems_or_a_source_of_their_own(load, tmp_path):
    mbpp(tmp_path, range(1, 20))

    def shown(shots):
        study = load(source('"mbpp.jsonl"\nsplit = "test"') + shots)
        return choose_shots(study.models[0].sampling.shots, study.problems)

    assert [shot.name for shot in shown('shots = ["MBPP/2", "MBPP/3"]\n')] == ["MBPP/2", "MBPP/3"]
    assert [shot.name for shot in shown('shots = ["HumanEval/1"]\nshots_from = "humaneval"\n')] == ["HumanEval/1"]
    assert shown("") == ()
    with pytest.raises(ProblemsError, match="has no problem 'MBPP/99'"):
        shown('shots = ["MBPP/99"]\n')


def test_shots_without_a_solution_are_refused(load, tmp_path):
    line = {"task_id": "P/0", "prompt": "def f(x):\n", "entry_point": "f", "test": "def check(f): pass"}
    (tmp_path / "p.jsonl").write_text(json.dumps(line), encoding="utf-8")
    study = load(SMALL.replace("humaneval", "p.jsonl") + 'shots = ["P/0"]\n')
    with pytest.raises(ProblemsError, match="'P/0' has no solution to show; choose other shots"):
        choose_shots(study.models[0].sampling.shots, study.problems)
