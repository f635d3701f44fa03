"""The studies of examples/paper say what section 3 of Hassid et al. 2024 says."""

from __future__ import annotations

import pytest
from script import ROOT

from sampler.costs import calflops128
from sampler.stats.budget import Unit, UnitCost
from sampler.study.problem_choice import choose_problems
from sampler.study.spec import load_study

PAPER = ROOT / "examples" / "paper"
SIZES = ["7b", "13b", "34b", "70b"]
APPS = ["apps-introductory", "apps-interview", "apps-competition"]


@pytest.mark.parametrize(
    ("name", "temperature", "tokens", "shots", "samples"),
    [
        ("humaneval", 0.8, 512, 0, [2000, 1000, 400, 200]),
        ("mbpp", 0.8, 256, 3, [2000, 1000, 400, 200]),
        *[(name, 0.6, 256, 2, [1000, 500, 200, 100]) for name in APPS],
    ],
)
def test_a_study_of_the_paper_asks_as_the_paper_did(name, temperature, tokens, shots, samples):
    study = load_study(PAPER / f"{name}.toml")
    drawn = [model for model in study.models if model.greedy_of is None]
    assert [model.model for model in drawn] == [f"codellama/CodeLlama-{size}-hf" for size in SIZES]
    assert [model.samples for model in drawn] == samples
    assert len(study.models) == 8  # each has a star
    assert [model.options.get("engine", {}).get("tensor_parallel_size", 1) for model in drawn] == [1, 1, 2, 4]
    for model in drawn:
        params = model.sampling.params
        assert (params.temperature, params.top_p, params.max_tokens) == (temperature, 0.95, tokens)
        assert len(model.sampling.shots.names) == shots
        assert model.backend == "vllm"


@pytest.mark.parametrize("path", sorted(PAPER.glob("*.toml")), ids=lambda path: path.stem)
def test_a_study_of_the_paper_holds_the_architectures_that_give_its_table_1(path):
    for model in load_study(path).models:
        flops = calflops128(model.architecture.params)
        assert abs(flops - model.costs.table_flops) <= 0.001 * model.costs.table_flops + 0.005e12


@pytest.mark.parametrize("path", sorted(PAPER.glob("*.toml")), ids=lambda path: path.stem)
def test_one_sample_of_the_largest_buys_what_the_paper_says(path):
    """10, 5 and 2 samples of the smaller models by FLOPs; 14, 8 and 1 by wall time."""
    study = load_study(path)
    drawn = [model for model in study.models if model.greedy_of is None]
    for unit, bought in ((Unit.TABLE_FLOPS, [10, 5, 2, 1]), (Unit.TABLE_SECONDS, [14, 8, 1, 1])):
        one = study.budgets[unit][0]
        assert [UnitCost(each=getattr(model.costs, unit.value)).affordable(one) for model in drawn] == bought


def test_the_levels_of_apps_share_no_problem_and_leave_none_out():
    ranges = sorted(pair for name in APPS for pair in load_study(PAPER / f"{name}.toml").problems.numbers)
    assert ranges == [(0, 2999), (3000, 3999), (4000, 4999)]


@pytest.mark.filterwarnings("ignore")  # some of its solutions have escapes that Python frowns upon
def test_the_test_split_of_mbpp_is_the_paper_s_500_problems(shared_data, tmp_path):
    text = (PAPER / "mbpp.toml").read_text(encoding="utf-8")
    (tmp_path / "mbpp.toml").write_text(
        text.replace("mbpp.jsonl", str(shared_data / "mbpp.jsonl.gz")), encoding="utf-8"
    )
    assert len(choose_problems(load_study(tmp_path / "mbpp.toml").problems)) == 500
