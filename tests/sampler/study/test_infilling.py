"""Problems that lack their middle: each family's own marks, and the program of what stands between them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sampler.study.prompts import Family, Template, family_of, program_for, prompt_for
from sampler.study.spec import load_study
from sampler.values import PromptStyle
from sandbox.problems import Problem

GAP = Problem(
    name="SingleLineInfilling/HumanEval/0/L0",
    prompt="def add(a, b):\n    # {suffix}\n",
    suffix="    return total\n",
    canonical_solution="    total = a + b\n",
    entry_point="add",
    tests="def check(candidate):\n    assert candidate(1, 2) == 3\n",
)
PUT = {
    Family.STARCODER: "<fim_prefix>§1<fim_suffix>§2<fim_middle>",
    Family.SANTACODER: "<fim-prefix>§1<fim-suffix>§2<fim-middle>",
    Family.CODELLAMA: "<PRE> §1 <SUF>§2 <MID>",
    Family.DEEPSEEK: "<\uff5cfim\u2581begin\uff5c>§1<\uff5cfim\u2581hole\uff5c>§2<\uff5cfim\u2581end\uff5c>",
    Family.QWEN: "<|fim_prefix|>§1<|fim_suffix|>§2<|fim_middle|>",
    Family.CODEGEMMA: "<|fim_prefix|>§1<|fim_suffix|>§2<|fim_middle|>",
    Family.GRANITE: "<fim_prefix>§1<fim_suffix>§2<fim_middle>",
    Family.GRANITE4: "<|fim_prefix|>§1<|fim_suffix|>§2<|fim_middle|>",
    Family.CODESTRAL: "[SUFFIX]§2[PREFIX]§1",
    Family.MELLUM: "<fim_suffix>§2<fim_prefix>§1<fim_middle>",
    Family.SEEDCODER: "<[fim-suffix]>§2<[fim-prefix]>§1<[fim-middle]>",
}
STUDY = """
store = "x.db"
[problems]
source = "humaneval-infilling"
[[models]]
name = "small"
backend = "openai"
model = "{}"
samples = 2
template = "fim"
[models.options]
base_url = "http://127.0.0.1:1/v1"
"""


@pytest.mark.parametrize("family", Family)
def test_the_text_around_the_gap_stands_between_the_familys_marks(family: Family) -> None:
    prompt = prompt_for(GAP, PromptStyle.COMPLETION, template=Template(family.value))
    before, middle, after = re.split("§1|§2", PUT[family])
    ends = (GAP.prompt, GAP.suffix) if PUT[family].index("§1") < PUT[family].index("§2") else (GAP.suffix, GAP.prompt)
    assert prompt.text == f"{before}{ends[0]}{middle}{ends[1]}{after}"
    assert (prompt.special, prompt.form, prompt.continues) == (True, family.value, True)


@pytest.mark.parametrize("family", Family)
def test_a_middle_ends_at_the_familys_mark_and_goes_between_prefix_and_suffix(family: Family) -> None:
    prompt = prompt_for(GAP, PromptStyle.COMPLETION, template=Template(family.value))
    for end in ("", *prompt.stop):
        source = program_for(GAP, prompt, f"    total = a + b\n{end}").source
        assert source == GAP.prompt + "    total = a + b\n" + GAP.suffix


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("bigcode/starcoder2-7b", Family.STARCODER),
        ("starcoder2:3b", Family.STARCODER),
        ("bigcode/santacoder", Family.SANTACODER),
        ("codellama/CodeLlama-7b-hf", Family.CODELLAMA),
        ("codellama:7b-code", Family.CODELLAMA),
        ("deepseek-ai/deepseek-coder-6.7b-base", Family.DEEPSEEK),
        ("DeepSeek-Coder-V2-Lite-Base.Q4_K_M.gguf", Family.DEEPSEEK),
        ("Qwen/Qwen2.5-Coder-7B", Family.QWEN),
        ("models/qwen2.5-coder-0.5b-q8_0.gguf", Family.QWEN),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", Family.QWEN),
        ("Qwen/CodeQwen1.5-7B", Family.STARCODER),
        ("mistralai/Codestral-22B-v0.1", Family.CODESTRAL),
        ("codestral-latest", Family.CODESTRAL),
        ("google/codegemma-2b", Family.CODEGEMMA),
        ("ibm-granite/granite-8b-code-base-4k", Family.GRANITE),
        ("ibm-granite/granite-4.0-h-tiny-base", Family.GRANITE4),
        ("JetBrains/Mellum-4b-base", Family.MELLUM),
        ("ByteDance-Seed/Seed-Coder-8B-Base", Family.SEEDCODER),
        ("meta-llama/Llama-3.1-8B", None),
        ("Qwen/Qwen2.5-7B", None),
        ("", None),
    ],
)
def test_a_family_is_told_by_the_models_name(model: str, family: Family | None) -> None:
    assert family_of(model) is family


def test_a_study_takes_the_family_from_the_models_name(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(STUDY.format("Qwen/Qwen2.5-Coder-1.5B"))
    assert [model.sampling.template for model in load_study(file).models] == [Template.FIM_QWEN]
