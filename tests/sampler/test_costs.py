from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampler.backends.replay import ReplayBackend
from sampler.costs import PriceError, arch_flops, cache_bytes, calflops128, params_flops, prices_on
from sampler.models.catalogue import find
from sampler.study.spec import load_study
from sampler.study.toml_table import SpecError
from sampler.values import Architecture, GivenCosts, Prompt, PromptStyle, Request, Sample, SamplingParams

EXAMPLES = Path(__file__).parents[2] / "examples" / "replay"


@st.composite
def architectures(draw) -> Architecture:
    layers = draw(st.integers(1, 5))
    window = draw(st.none() | st.integers(1, 30))
    return Architecture(
        layers=layers,
        hidden=draw(st.integers(1, 64)),
        attention_width=draw(st.integers(1, 64)),
        matmul_params=draw(st.integers(1, 10**6)),
        unembed_params=draw(st.integers(1, 10**6)),
        kv_width=draw(st.integers(1, 64)),
        window=window,
        windowed_layers=draw(st.integers(1, layers)) if window else 0,
    )


def seen(architecture: Architecture, layer: int, position: int) -> range:
    """The positions, counted from 1, that a layer attends to from a position."""
    near = architecture.window or position
    first = max(1, position - near + 1) if layer < architecture.windowed_layers else 1
    return range(first, position + 1)


def one_position(architecture: Architecture, position: int, *, predicts: bool) -> int:
    """FLOPs of one forward pass at one position, counted multiplication by multiplication and addition by addition."""
    flops = 2 * architecture.matmul_params
    for layer in range(architecture.layers):
        for _attended in seen(architecture, layer, position):
            flops += 2 * architecture.attention_width  # a row of queries times a key
            flops += 2 * architecture.attention_width  # a weight times a value
    return flops + (2 * architecture.unembed_params if predicts else 0)


@given(architecture=architectures(), prompt=st.integers(0, 25), completion=st.integers(0, 25))
def test_the_sum_over_positions_equals_counting_them_one_by_one(architecture, prompt, completion):
    flops = arch_flops(architecture, prompt, completion)
    assert flops.prompt == sum(one_position(architecture, t, predicts=t == prompt) for t in range(1, prompt + 1))
    written = range(prompt + 1, prompt + completion + 1)
    assert flops.decode == sum(one_position(architecture, t, predicts=True) for t in written)


@given(architecture=architectures(), prompt=st.integers(1, 25), cached=st.integers(0, 30))
def test_a_cached_prefix_saves_its_positions_but_never_the_last_one(architecture, prompt, cached):
    held = min(cached, prompt - 1)
    saved = sum(one_position(architecture, t, predicts=False) for t in range(1, held + 1))
    assert arch_flops(architecture, prompt, 3, cached).cached == saved
    assert arch_flops(architecture, prompt, 3).cached is None, "what nobody told is not known"


@given(architecture=architectures(), prompt=st.integers(1, 500), first=st.integers(0, 500), more=st.integers(0, 500))
def test_writing_in_two_goes_costs_what_writing_in_one_go_costs(architecture, prompt, first, more):
    whole = arch_flops(architecture, prompt, first + more).decode
    assert (
        whole == arch_flops(architecture, prompt, first).decode + arch_flops(architecture, prompt + first, more).decode
    )


@given(architecture=architectures(), prompt=st.integers(1, 100), completion=st.integers(0, 100))
def test_the_rule_of_thumb_is_what_remains_without_attention(architecture, prompt, completion):
    without = Architecture(
        layers=0,
        hidden=architecture.hidden,
        attention_width=architecture.attention_width,
        matmul_params=architecture.matmul_params,
        unembed_params=architecture.unembed_params,
    )
    flops = arch_flops(without, prompt, completion)
    assert flops.decode == params_flops(architecture.params, completion)
    assert params_flops(architecture.params, prompt) - flops.prompt == (prompt - 1) * 2 * architecture.unembed_params


@given(architecture=architectures(), tokens=st.integers(0, 60))
def test_the_cache_keeps_a_key_and_a_value_of_every_position_that_is_still_seen(architecture, tokens):
    positions = [seen(architecture, layer, tokens) for layer in range(architecture.layers)] if tokens else []
    numbers = sum(2 * architecture.kv_width for layer in positions for _position in layer)
    assert cache_bytes(architecture, tokens) == 2 * numbers
    assert cache_bytes(replace(architecture, kv_width=None), tokens) is None


@pytest.mark.parametrize(
    ("name", "bytes_of_a_token"),
    [("smollm2-135m", 23_040), ("qwen2.5-coder-0.5b", 12_288), ("qwen2.5-coder-1.5b", 28_672)],
)
def test_the_cache_of_the_pinned_models_is_what_their_shapes_say(name, bytes_of_a_token):
    assert cache_bytes(find(name).architecture, 1000) == 1000 * bytes_of_a_token


CODE_LLAMA = {  # hidden, layers, inner width, vocabulary, key-value heads, heads; FLOPs of Hassid et al. 2024, Table 1
    "7B": ((4096, 32, 11008, 32016, 32, 32), 1.69e12),
    "13B": ((5120, 40, 13824, 32016, 40, 40), 3.29e12),
    "34B": ((8192, 48, 22016, 32000, 8, 64), 8.58e12),
    "70B": ((8192, 80, 28672, 32016, 8, 64), 17.60e12),
}


@pytest.mark.parametrize("size", CODE_LLAMA)
def test_table_1_of_the_paper_comes_out_within_a_thousandth(size):
    (hidden, layers, inner, vocabulary, kv_heads, heads), published = CODE_LLAMA[size]
    kv_width = kv_heads * hidden // heads
    layer = 2 * hidden * hidden + 2 * hidden * kv_width + 3 * hidden * inner
    flops = calflops128(layers * layer + vocabulary * hidden)
    assert abs(flops - published) <= 0.001 * published + 0.005e12  # the table is rounded to two digits of 1e12


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layers": -1}, "layers must not be negative, not -1"),
        ({"windowed_layers": 3, "window": 5}, "windowed_layers is 3, of 2 layers"),
        ({"window": 5}, "give both or neither"),
        ({"windowed_layers": 1}, "give both or neither"),
    ],
)
def test_an_architecture_that_cannot_be_is_refused(wrong, message):
    shape = {"layers": 2, "hidden": 8, "attention_width": 8, "matmul_params": 10, "unembed_params": 10}
    with pytest.raises(ValueError, match=message):
        Architecture(**{**shape, **wrong})


@pytest.mark.parametrize(("counts", "name"), [((-1, 0), "prompt_tokens"), ((0, -1), "completion_tokens")])
def test_a_negative_count_is_refused_by_name(counts, name):
    with pytest.raises(ValueError, match=f"{name} must not be negative, not -1"):
        arch_flops(find("smollm2-135m-instruct").architecture, *counts)


@pytest.mark.parametrize(
    ("name", "per_token", "per_context_token"),
    [
        ("smollm2-135m-instruct", 0.269e9, 69_120),
        ("qwen2.5-coder-0.5b-instruct", 0.988e9, 86_016),
        ("qwen2.5-coder-1.5b-instruct", 3.087e9, 172_032),
    ],
)
def test_the_pinned_models_cost_what_their_published_shapes_say(name, per_token, per_context_token):
    architecture = find(name).architecture
    assert params_flops(architecture.params, 1) == pytest.approx(per_token, rel=5e-4)
    step = arch_flops(architecture, 100, 1).decode - params_flops(architecture.params, 1)
    assert step == 101 * per_context_token


def recorded(size: str) -> list[Sample]:
    path = EXAMPLES / f"qwen2.5-coder-{size}-instruct_HumanEval20_n10.jsonl.gz"
    prompt = Prompt(style=PromptStyle.COMPLETION, text="")
    with ReplayBackend(path) as backend:
        asked = [Request(problem=f"HumanEval/{n}", prompt=prompt, first=0, count=10, seed=0) for n in range(0, 160, 8)]
        return list(backend.sample(asked, SamplingParams()))


@pytest.mark.parametrize(("size", "decode", "prompt"), [("0.5b", 55.3, 102.2), ("1.5b", 172.5, 372.1)])
def test_recorded_humaneval_samples_cost_what_was_worked_out_elsewhere(size, decode, prompt):
    architecture = find(f"qwen2.5-coder-{size}").architecture
    flops = [arch_flops(architecture, sample.prompt_tokens, sample.completion_tokens) for sample in recorded(size)]
    assert mean(cost.decode for cost in flops) / 1e9 == pytest.approx(decode, abs=0.05)
    assert mean(cost.prompt for cost in flops) / 1e9 == pytest.approx(prompt, abs=0.05)


@pytest.mark.parametrize(("size", "prompt"), [("0.5b", 140), ("1.5b", 437)])
def test_only_the_last_position_of_a_prompt_needs_the_unembedding(size, prompt):
    """Charging it for each, as simpler accounts do, would give these larger numbers."""
    architecture = find(f"qwen2.5-coder-{size}").architecture
    everywhere = [
        arch_flops(architecture, sample.prompt_tokens, 0).prompt
        + (sample.prompt_tokens - 1) * 2 * architecture.unembed_params
        for sample in recorded(size)
    ]
    assert mean(everywhere) / 1e9 == pytest.approx(prompt, abs=0.5)


DAY = date(2026, 11, 1)
STUDY = """
[problems]
source = "humaneval"
[[models]]
name = "m"
backend = "openai"
samples = 1
[models.options]
base_url = "http://127.0.0.1:1/v1"
[models.costs]
{costs}
"""


def costs(folder: Path, text: str) -> GivenCosts:
    path = folder / "study.toml"
    path.write_text(STUDY.format(costs=text))
    return load_study(path).models[0].costs


@pytest.fixture
def table() -> None:
    pytest.importorskip("genai_prices")


@pytest.mark.usefixtures("table")
def test_a_model_is_found_by_provider_and_name_or_by_its_name_alone():
    found = prices_on("openai/gpt-5", DAY)
    assert (found.prompt, found.completion, found.cached) == (1.25, 10.0, 0.125)
    written = prices_on("anthropic/claude-3-7-sonnet-latest", DAY)
    assert (written.prompt, written.cached, written.cache_write) == (3.0, 0.3, 3.75)
    assert found.table.startswith("openai/gpt-5 on 2026-11-01, genai-prices ")
    assert prices_on("gpt-5", DAY) == found


@pytest.mark.usefixtures("table")
def test_prices_are_those_of_the_day():
    """OpenAI made o3 five times cheaper on 10 June 2025."""
    assert prices_on("openai/o3", date(2025, 6, 1)).prompt == 10.0
    assert prices_on("openai/o3", date(2025, 7, 1)).prompt == 2.0


@pytest.mark.usefixtures("table")
def test_a_model_that_the_table_does_not_have_is_told_with_what_is_near():
    with pytest.raises(PriceError, match=r"no model 'openai/gtp-5'.* is .*gpt-5.* meant\?"):
        prices_on("openai/gtp-5", DAY)
    with pytest.raises(PriceError, match=r"providers are .*openai"):
        prices_on("?", DAY)


@pytest.mark.usefixtures("table")
def test_a_study_takes_what_it_does_not_say_from_the_table(tmp_path):
    taken = costs(tmp_path, 'prices_of = "openai/gpt-5"\nprices_on = 2026-11-01\ncached_dollars = 0.5')
    assert (taken.prompt_dollars, taken.completion_dollars, taken.cached_dollars) == (1.25, 10.0, 0.5)
    assert "openai/gpt-5 on 2026-11-01" in (taken.prices or "")
    assert costs(tmp_path, 'prices_of = "openai/gpt-5"\nprices_on = "2026-11-01"').prompt_dollars == 1.25


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('prices_of = "openai/gpt-5"', "write for example prices_on = 2026-11-30"),
        ('prices_of = "openai/gpt-5"\nprices_on = 3', "is no day; write for example prices_on = 2026-11-30"),
        ('prices_of = "openai/gpt-5"\nprices_on = "soon"', "is no day; write for example prices_on = 2026-11-30"),
        (
            'prices_of = "openai/gpt-5"\nprices_on = 2026-11-01T10:00:00',
            "is no day; write for example prices_on = 2026-11-30",
        ),
        ("prices_on = 2026-11-01", "write prices_of, too"),
        ('prices = "mine"', "is no key here"),
    ],
)
def test_a_price_without_its_day_is_none(tmp_path, text, said):
    with pytest.raises(SpecError, match=said):
        costs(tmp_path, text)


def test_without_the_table_the_message_says_how_to_have_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    with pytest.raises(PriceError, match=r"pip install 'codebudget\[prices\]'"):
        prices_on("openai/gpt-5", DAY)
