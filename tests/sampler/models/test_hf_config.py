"""Architectures from the configs that a model hub keeps.

The numbers of real models are those that they are published with.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from script import ROOT

from sampler.costs import cache_bytes, calflops128
from sampler.models.architecture import ConfigError, config_architecture, read_config
from sampler.models.catalogue import find
from sampler.study.spec import load_study
from sampler.values import Architecture


def llama(*shape):
    hidden, layers, inner, vocabulary, kv_heads, heads = shape
    return {
        "model_type": "llama",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "intermediate_size": inner,
        "vocab_size": vocabulary,
        "num_key_value_heads": kv_heads,
        "num_attention_heads": heads,
        "tie_word_embeddings": False,
    }


CODE_LLAMA = {
    "7B": (llama(4096, 32, 11008, 32016, 32, 32), 6.6071e9, 1.69e12),
    "13B": (llama(5120, 40, 13824, 32016, 40, 40), 12.8517e9, 3.29e12),
    "34B": (llama(8192, 48, 22016, 32000, 8, 64), 33.4810e9, 8.58e12),
    "70B": (llama(8192, 80, 28672, 32016, 8, 64), 68.7133e9, 17.60e12),
}


@pytest.mark.parametrize("size", CODE_LLAMA)
def test_table_1_of_the_paper_comes_out_of_the_configs_within_a_thousandth(size):
    config, multiplied, published = CODE_LLAMA[size]
    architecture = config_architecture(config)
    assert architecture.params == pytest.approx(multiplied, rel=1e-5)
    study = load_study(ROOT / "examples" / "paper" / "humaneval.toml")
    assert architecture in [model.architecture for model in study.models]
    assert abs(calflops128(architecture.params) - published) <= 0.001 * published + 0.005e12  # the table is rounded


def test_the_config_and_the_weight_file_of_a_model_say_the_same():
    config = llama(576, 30, 1536, 49152, 3, 9) | {"tie_word_embeddings": True}
    assert config_architecture(config) == find("smollm2-135m").architecture
    qwen = llama(1536, 28, 8960, 151936, 2, 12) | {
        "model_type": "qwen2",
        "tie_word_embeddings": True,
        "use_sliding_window": False,
        "sliding_window": 32768,
    }
    pinned = replace(find("qwen2.5-coder-1.5b").architecture, weights=None)  # its file holds the tied matrix twice
    assert replace(config_architecture(qwen), weights=None) == pinned


def test_gemma_has_heads_of_a_size_of_their_own_and_windows_in_most_layers():
    config = {
        "model_type": "gemma3_text",
        "hidden_size": 640,
        "num_hidden_layers": 18,
        "intermediate_size": 2048,
        "head_dim": 256,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "vocab_size": 262144,
        "sliding_window": 512,
    }
    architecture = config_architecture(config)
    assert (architecture.matmul_params, architecture.unembed_params) == (100_270_080, 167_772_160)
    assert (architecture.window, architecture.windowed_layers) == (512, 15)
    assert cache_bytes(architecture, 100) == 100 * 18_432
    assert cache_bytes(architecture, 1000) == (15 * 512 + 3 * 1000) * 1024
    listed = config | {"layer_types": ["sliding_attention"] * 12 + ["full_attention"] * 6}
    assert config_architecture(listed).windowed_layers == 12


def test_of_experts_only_those_in_use_are_multiplied_and_all_lie_in_memory():
    mixtral = llama(4096, 32, 14336, 32000, 8, 32) | {
        "model_type": "mixtral",
        "num_local_experts": 8,
        "num_experts_per_tok": 2,
        "sliding_window": None,
    }
    architecture = config_architecture(mixtral)
    assert architecture.weights == pytest.approx(
        46.70e9, rel=1e-3
    )  # 46.7 B in all, 12.9 B for a token, the authors say
    assert architecture.params + architecture.unembed_params == pytest.approx(12.88e9, rel=1e-3)
    qwen = llama(2048, 48, 6144, 151936, 4, 32) | {
        "model_type": "qwen3_moe",
        "num_experts": 128,
        "num_experts_per_tok": 8,
        "moe_intermediate_size": 768,
        "head_dim": 128,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
    }
    thirty = config_architecture(qwen)
    assert thirty.weights == pytest.approx(30.53e9, rel=1e-3)  # Qwen3-30B-A3B: 30.5 B, of which 3.3 B are in use
    assert thirty.params + thirty.unembed_params == pytest.approx(3.35e9, rel=1e-2)


def test_some_layers_of_a_mixture_may_be_dense():
    config = llama(8, 4, 32, 100, 2, 2) | {"num_experts": 4, "num_experts_per_tok": 1, "moe_intermediate_size": 16}
    attention, expert, dense, router = 4 * 8 * 8, 3 * 8 * 16, 3 * 8 * 32, 8 * 4
    sparse = attention + router + expert
    assert config_architecture(config).matmul_params == 4 * sparse
    assert config_architecture(config | {"mlp_only_layers": [0]}).matmul_params == 3 * sparse + attention + dense
    assert config_architecture(config | {"decoder_sparse_step": 2}).matmul_params == 2 * sparse + 2 * (
        attention + dense
    )
    assert config_architecture(config | {"first_k_dense_replace": 3}).matmul_params == sparse + 3 * (attention + dense)


@pytest.mark.parametrize(("kind", "matrices"), [("starcoder2", 2), ("llama", 3), ("never heard of", 3)])
def test_an_mlp_has_three_matrices_where_it_is_gated(kind, matrices):
    config = llama(8, 1, 32, 100, 2, 2) | {"model_type": kind}
    assert config_architecture(config).matmul_params == 4 * 64 + matrices * 8 * 32


def test_older_names_and_nested_configs_are_understood():
    old = {"model_type": "gpt2", "n_embd": 8, "n_layer": 2, "n_head": 2, "vocab_size": 10, "n_inner": None}
    assert config_architecture(old).matmul_params == 2 * (4 * 64 + 2 * 8 * 32)
    assert config_architecture({"text_config": old, "vision_config": {}}) == config_architecture(old)
    assert config_architecture(old | {"multi_query": True}).kv_width == 4


def test_mistral_s_window_is_in_every_layer():
    config = llama(4096, 32, 14336, 32000, 8, 32) | {"model_type": "mistral", "sliding_window": 4096}
    assert config_architecture(config).windowed_layers == 32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": None}, "it holds no usable hidden_size"),
        ({"num_hidden_layers": "32"}, "its num_hidden_layers is '32'"),
        ({"vocab_size": True}, "its vocab_size is True"),
        ({"num_hidden_layers": 0}, "its num_hidden_layers is 0"),
        ({"kv_lora_rank": 512}, r"of another shape \(kv_lora_rank\); give \[models.architecture\] in the study file"),
    ],
)
def test_a_config_that_does_not_tell_is_refused(tmp_path, change, message):
    (tmp_path / "config.json").write_text(json.dumps(llama(8, 4, 32, 100, 2, 2) | change))
    with pytest.raises(ConfigError, match=message):
        read_config(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"hidden_size": 1e999}'])
def test_a_file_that_is_no_config_is_refused_by_name(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ConfigError, match=r"cannot read .*config\.json as a model's config"):
        read_config(tmp_path / "config.json")
    with pytest.raises(ConfigError, match="No such file"):
        read_config(tmp_path / "gone")


VALUES = st.none() | st.integers(-3, 2**45) | st.booleans() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
KEYS = [
    *llama(8, 4, 32, 100, 2, 2),
    "num_experts",
    "num_experts_per_tok",
    "sliding_window",
    "layer_types",
    "mlp_only_layers",
    "decoder_sparse_step",
    "head_dim",
    "text_config",
]


@given(changes=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4))
def test_whatever_a_config_holds_it_is_an_architecture_or_refused(changes):
    try:
        found = config_architecture(llama(8, 4, 32, 100, 2, 2) | changes)
    except ConfigError:
        return
    assert isinstance(found, Architecture)
