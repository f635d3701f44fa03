"""`sampler models show`: the numbers of a model, what a sample costs, and what a budget buys."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from script import ROOT

from sampler.commands import cli
from sampler.costs import arch_flops
from sampler.models.catalogue import find
from sampler.reporting.unit_costs import Lengths, Subject, make_cost_sheet, subject_of, subjects_of
from sampler.stats.budget import PromptCharge, Unit
from sampler.study.spec import load_study
from sampler.values import GivenCosts

EXAMPLES = ROOT / "examples"
QWEN = find("qwen2.5-coder-0.5b")


def show(*words: str):
    return CliRunner().invoke(cli, ["models", "show", *words])


def test_a_sheet_says_what_the_published_shapes_say():
    sheet = make_cost_sheet(subject_of("qwen2.5-coder-0.5b"), Lengths(), {})
    assert sheet.numbers.params == 493_961_216
    assert sheet.numbers.written_token == pytest.approx(0.988e9, rel=1e-3)
    assert sheet.numbers.read_token == 2 * 357_826_560
    assert (sheet.numbers.attended_token, sheet.numbers.cache_token, sheet.weights_bytes) == (86_016, 12_288, QWEN.size)


@pytest.mark.parametrize("charge", PromptCharge)
def test_a_budget_buys_what_samples_of_these_lengths_cost(charge):
    flops = arch_flops(QWEN.architecture, 100, 50)
    lengths = Lengths(prompt=100, completion=50, charge=charge)
    once, each = (flops.prompt, flops.decode) if charge is PromptCharge.ONCE else (0, flops.prompt + flops.decode)
    enough, short = float(once + 7 * each), float(once + 7 * each - 1)
    sheet = make_cost_sheet(subject_of(QWEN.name), lengths, {Unit.FLOPS: (enough, short)})
    assert [bought.samples for bought in sheet.bought] == [7, 6]


def test_what_is_not_known_is_not_bought():
    subject = Subject(name="m", architecture=None, costs=GivenCosts(table_flops=2.0))
    sheet = make_cost_sheet(subject, Lengths(), {Unit.FLOPS: (10.0,), Unit.TABLE_FLOPS: (10.0,), Unit.JOULES: (10.0,)})
    assert [(bought.unit, bought.samples) for bought in sheet.bought] == [(Unit.TABLE_FLOPS, 5)]
    assert (sheet.numbers, sheet.weights_bytes, sheet.unit_costs[Unit.SECONDS]) == (None, None, None)


def test_a_folder_with_a_config_is_a_model(tmp_path):
    folder = tmp_path / "tiny"
    folder.mkdir()
    config = {
        "model_type": "llama",
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "intermediate_size": 32,
        "vocab_size": 100,
        "num_attention_heads": 2,
    }
    (folder / "config.json").write_text(json.dumps(config))
    assert subject_of(str(folder)).name == "tiny"
    assert subject_of(str(folder / "config.json")) == subject_of(str(folder))
    text = (
        f'[problems]\nsource = "humaneval"\n[[models]]\nname = "m"\nmodel = "{folder}"\nbackend = "vllm"\nsamples = 1\n'
    )
    (tmp_path / "study.toml").write_text(text)
    (subject,) = subjects_of(load_study(tmp_path / "study.toml"))
    assert (subject.name, subject.architecture) == ("m", subject_of(str(folder)).architecture)


def test_the_paper_s_study_shows_what_one_sample_of_the_largest_buys():
    shown = show(str(EXAMPLES / "paper" / "humaneval.toml"))
    assert shown.exit_code == 0
    lines = [line.split() for line in shown.output.splitlines()]
    assert ["17.6", "TFLOP", "10", "5", "2", "1"] in lines
    assert ["5.61", "s", "14", "8", "1", "1"] in lines
    assert ["216", "TFLOP", "128", "65", "25", "12"] in lines


def test_the_sheet_as_json_says_the_same():
    shown = show("qwen2.5-coder-0.5b", "--json", "--budget", "1e12,2", "--prompt-tokens", "10")
    said = json.loads(shown.output)
    (model,) = said["models"]
    assert said["lengths"] == {"prompt": 10, "completion": 128, "charge": "each"}
    assert model["bought"][1] == {"unit": "flops", "budget": 2.0, "samples": 0}
    assert model["unit_costs"]["joules"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("qwen2.5-coder-0.5",), "did you mean 'qwen2.5-coder-0.5b"),
        (("gone.gguf",), "cannot read gone.gguf as a GGUF model file"),
        (("gone.json",), "cannot read gone.json as a model's config"),
        (("gone.toml",), "cannot read the study file 'gone.toml'"),
        (("smollm2-135m", "--budget", "x"), "'x' is no budget; write a number above 0"),
        (("smollm2-135m", "--budget", "0"), "'0' is no budget; write a number above 0"),
    ],
)
def test_what_goes_wrong_is_one_line_with_the_way_out(words, message):
    done = show(*words)
    assert done.exit_code == 2
    assert message in done.output
    assert "Traceback" not in done.output
