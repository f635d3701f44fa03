"""Read from a model hub's config.json the numbers that decide FLOPs and memory.

A config names shapes, not weights, so the weights are counted from the shapes: four attention projections, an MLP of
three matrices where it is gated (Llama, Mistral, Qwen, Gemma …) and two where it is not, a router and its experts where
there are experts. Biases and norms are left out (below 0.1 %). A family whose attention has another shape (a latent
cache, a state) is refused: its costs are unknown rather than guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sampler.values import Architecture

# Other names of the same thing, in older families.
_NAMES = {
    "num_hidden_layers": ("n_layer", "n_layers", "num_layers"),
    "hidden_size": ("n_embd", "d_model"),
    "num_attention_heads": ("n_head", "n_heads"),
    "intermediate_size": ("n_inner", "ffn_dim"),
    "num_experts": ("num_local_experts",),
}
_TWO_MATRICES = {"codegen", "falcon", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gptj", "opt", "phi", "starcoder2"}
_TIED = {
    "codegen": False,
    "gemma": True,
    "gemma2": True,
    "gemma3_text": True,
    "gpt2": True,
    "gpt_bigcode": True,
    "opt": True,
}
_OTHER_SHAPES = (
    "kv_lora_rank",
    "ssm_cfg",
    "state_size",
    "mamba_d_state",
    "attention_hidden_size",
    "linear_num_key_heads",
)


class ConfigError(ValueError):
    """A config that does not determine the architecture."""


def read_config(path: Path) -> Architecture:
    """Read the architecture of a config.json, or of a folder with one; raises ConfigError, which names the file."""
    file = path / "config.json" if path.is_dir() else path
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ConfigError("it is no JSON object")
        return config_architecture(config)
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"cannot read {file} as a model's config: {getattr(error, 'strerror', None) or error}"
        ) from error


def config_architecture(config: Mapping[str, Any]) -> Architecture:
    """Return the architecture that a config describes; raises ConfigError if the config does not determine it."""
    text = config.get("text_config")
    if isinstance(text, Mapping):  # a model that sees as well keeps its language model's numbers in there
        return config_architecture(text)
    for key in _OTHER_SHAPES:
        if config.get(key):
            raise ConfigError(
                f"its attention is of another shape ({key}); give [models.architecture] in the study file"
            )
    layers, hidden, heads = (
        _number(config, key) for key in ("num_hidden_layers", "hidden_size", "num_attention_heads")
    )
    head_size = _number(config, "head_dim", hidden // heads)
    kv_width = _kv_heads(config, heads) * head_size
    attention = 2 * hidden * heads * head_size + 2 * hidden * kv_width
    active, idle = _mlps(config, layers, hidden)
    vocabulary = _number(config, "vocab_size") * hidden
    windowed = _windowed_layers(config, layers)
    matrices = layers * attention + active
    return Architecture(
        layers=layers,
        hidden=hidden,
        attention_width=heads * head_size,
        matmul_params=matrices,
        unembed_params=vocabulary,
        kv_width=kv_width,
        window=_number(config, "sliding_window") if windowed else None,
        windowed_layers=windowed,
        weights=matrices + idle + vocabulary * (1 if _is_tied(config) else 2),
    )


def _mlps(config: Mapping[str, Any], layers: int, hidden: int) -> tuple[int, int]:
    """Return the weights of all MLPs that a token uses, and of the experts that it does not use."""
    matrices = 2 if str(config.get("model_type")) in _TWO_MATRICES else 3
    experts = _number(config, "num_experts", _number(config, "n_routed_experts", 0, least=0), least=0)
    if not experts:
        return layers * matrices * hidden * _number(config, "intermediate_size", 4 * hidden), 0
    used = _number(config, "num_experts_per_tok")
    one = matrices * hidden * _number(config, "moe_intermediate_size", config.get("intermediate_size"))
    shared = matrices * hidden * _number(config, "shared_expert_intermediate_size", 0, least=0)
    shared += one * _number(config, "n_shared_experts", 0, least=0)
    sparse = _sparse_layers(config, layers)
    dense = 0
    if sparse < layers:
        dense = (layers - sparse) * matrices * hidden * _number(config, "intermediate_size")
    router = hidden * experts
    return dense + sparse * (router + used * one + shared), sparse * (experts - used) * one


def _sparse_layers(config: Mapping[str, Any], layers: int) -> int:
    """Return how many layers have experts, by the keys of Qwen's or DeepSeek's configs."""
    step = _number(config, "decoder_sparse_step", 1)
    dense = config.get("mlp_only_layers") or []
    if not isinstance(dense, list):
        raise ConfigError(f"its mlp_only_layers is {dense!r:.40}")
    begin = _number(config, "first_k_dense_replace", 0, least=0)
    return sum(1 for n in range(begin, layers) if n not in dense and (n + 1) % step == 0)


def _windowed_layers(config: Mapping[str, Any], layers: int) -> int:
    """Return how many layers look back no farther than the window."""
    if not config.get("sliding_window") or config.get("use_sliding_window") is False:
        return 0
    kinds = config.get("layer_types")
    if isinstance(kinds, list):
        return kinds[:layers].count("sliding_attention")
    match config.get("model_type"):
        case "gemma2":
            return layers - layers // 2
        case "gemma3" | "gemma3_text":
            return layers - layers // _number(config, "sliding_window_pattern", 6)
        case "qwen2" | "qwen2_moe" | "qwen3" | "qwen3_moe":
            return max(0, layers - _number(config, "max_window_layers", layers, least=0))
        case _:
            return layers


def _kv_heads(config: Mapping[str, Any], heads: int) -> int:
    if config.get("multi_query"):
        return 1
    return _number(config, "num_key_value_heads", heads)


def _is_tied(config: Mapping[str, Any]) -> bool:
    said = config.get("tie_word_embeddings")
    return said if isinstance(said, bool) else _TIED.get(str(config.get("model_type")), False)


def _number(config: Mapping[str, Any], key: str, default: object = None, *, least: int = 1) -> int:
    """Return a whole number by its name or one of its other names; a null counts as not given."""
    found = next((config[name] for name in (key, *_NAMES.get(key, ())) if config.get(name) is not None), default)
    if isinstance(found, bool) or not isinstance(found, int) or not least <= found < 1 << 40:
        raise ConfigError(f"it holds no usable {key}" if found is None else f"its {key} is {found!r:.40}")
    return found
