"""Read from a model's files the numbers that decide its FLOPs and its memory: a GGUF header, or a hub's config.json.

The header of a GGUF file is a list of metadata (key, type, value) and a list of tensors (name, shape, type, offset).
Some files store a tied embedding matrix twice, as `token_embd` and as `output`, so the sum over all tensors is not the
number of weights. Here the embedding is never counted (reading it is a look-up, not a multiplication) and the
unembedding is counted once: `output.weight` where it stands, else the embedding, which then serves as both. Of a
mixture of experts only the experts used for a token count. The file is not trusted, so every count and length is
checked against the file's size before use.

A config.json names shapes, not weights, so the weights are counted from the shapes: four attention projections, an MLP
of three matrices where it is gated (Llama, Mistral, Qwen, Gemma …) and two where it is not, a router and its experts
where there are experts. Biases and norms are left out (below 0.1 %). A family whose attention has another shape (a
latent cache, a state) is refused: its costs are unknown rather than guessed.
"""

from __future__ import annotations

import json
import mmap
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, TypeVar

from sampler.values import Architecture

Found = TypeVar("Found")
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MAX_TEXT = 1 << 20  # a chat template is a few kB; a token far less
_MAX_DIMENSIONS = 8
_MAX_NESTING = 4
# In these families most layers look back no farther than a window. The header says how far, not which layers; in a
# family that is not listed every layer is taken to see everything, which is the dearer way.
_WHOLE_EVERY = {"gemma2": 2, "gemma3": 6}  # every so many-th layer sees everything
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


class GgufError(ValueError):
    """The file is not a GGUF file, or its header lacks needed values."""


@dataclass(frozen=True, slots=True)
class _Header:
    metadata: dict[str, int | float | str]
    lists: frozenset[str]  # keys whose value is a list; it is passed over
    tensors: dict[str, tuple[int, ...]]


class _Cursor:
    """Reads forward through the mapped file, never past its end."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0

    def number(self, code: str) -> int | float:
        size = struct.calcsize(code)
        self._need(size)
        (value,) = struct.unpack_from(f"<{code}", self._data, self._at)
        self._at += size
        return value  # type: ignore[no-any-return]

    def count(self, code: str) -> int:
        """Read a number of items that follow; each takes at least a byte, so the file's size limits it."""
        value = int(self.number(code))
        self._need(value)
        return value

    def text(self) -> str:
        size = self.count("Q")
        if size > _MAX_TEXT:
            raise GgufError(f"a text of {size} bytes")
        self._at += size
        return self._data[self._at - size : self._at].decode("utf-8", "replace")

    def skip(self, size: int) -> None:
        self._need(size)
        self._at += size

    def _need(self, size: int) -> None:
        if self._at + size > len(self._data):
            raise GgufError("the header reaches past the end of the file")


def read_gguf(path: Path) -> Architecture:
    """Read the architecture of the model in `path`; raises GgufError, which names the file."""
    return _read(path, _gguf_architecture)


def read_gguf_texts(path: Path) -> dict[str, str]:
    """Return the texts of the metadata, such as tokenizer.chat_template; raises GgufError, which names the file."""
    return _read(path, lambda header: {key: value for key, value in header.metadata.items() if isinstance(value, str)})


def _read(path: Path, taken: Callable[[_Header], Found]) -> Found:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return taken(_header(_Cursor(data)))
    except (OSError, ValueError) as error:  # mmap says ValueError of an empty file
        raise GgufError(f"cannot read {path} as a GGUF model file: {error}") from error


def _header(cursor: _Cursor) -> _Header:
    if cursor.number("I") != int.from_bytes(b"GGUF", "little"):
        raise GgufError("it does not start with 'GGUF'")
    version = cursor.number("I")
    if version not in {2, 3}:
        raise GgufError(f"its format version is {version}; 2 and 3 are known")
    tensor_count, key_count = cursor.count("Q"), cursor.count("Q")
    metadata: dict[str, int | float | str] = {}
    lists: set[str] = set()
    for _ in range(key_count):
        key = cursor.text()
        value = _value(cursor, int(cursor.number("I")))
        if value is None:
            lists.add(key)
        else:
            metadata[key] = value
    tensors = dict(_tensor(cursor) for _ in range(tensor_count))
    return _Header(metadata, frozenset(lists), tensors)


def _value(cursor: _Cursor, kind: int, depth: int = 0) -> int | float | str | None:
    """Read one metadata value; arrays are skipped, because none is needed."""
    if kind in _SCALARS:
        return cursor.number(_SCALARS[kind])
    if kind == _STRING:
        return cursor.text()
    if kind != _ARRAY or depth >= _MAX_NESTING:
        raise GgufError(f"metadata of the unknown type {kind}")
    item, length = int(cursor.number("I")), cursor.count("Q")
    if item in _SCALARS:
        cursor.skip(length * struct.calcsize(_SCALARS[item]))
        return None
    for _ in range(length):
        _value(cursor, item, depth + 1)
    return None


def _tensor(cursor: _Cursor) -> tuple[str, tuple[int, ...]]:
    name = cursor.text()
    dimensions = int(cursor.number("I"))
    if dimensions > _MAX_DIMENSIONS:
        raise GgufError(f"tensor {name!r} has {dimensions} dimensions")
    shape = tuple(int(cursor.number("Q")) for _ in range(dimensions))
    cursor.skip(4 + 8)  # type and offset
    return name, shape


def _gguf_architecture(header: _Header) -> Architecture:
    family = header.metadata.get("general.architecture")

    def number(key: str, default: int | None = None) -> int:
        value = header.metadata.get(f"{family}.{key}", default)
        if not isinstance(value, int) or value < 1:
            raise GgufError(f"its metadata holds no usable {family}.{key}")
        return value

    hidden, heads = number("embedding_length"), number("attention.head_count")
    mixture = bool(header.metadata.get(f"{family}.expert_count"))  # some dense models say 0
    experts, used = (number("expert_count"), number("expert_used_count")) if mixture else (1, 1)
    unembedding = header.tensors.get("output.weight") or header.tensors.get("token_embd.weight")
    if unembedding is None:
        raise GgufError("it holds neither output.weight nor token_embd.weight")
    head_size = number("attention.key_length", hidden // heads)
    each_its_own = f"{family}.attention.head_count_kv" in header.lists  # the layers differ, and then we do not know
    windowed = 0
    if f"{family}.attention.sliding_window" in header.metadata:
        windowed = _gguf_windowed_layers(str(family), number("block_count"))
    layers = {
        name: prod(shape)
        for name, shape in header.tensors.items()
        if name.startswith("blk.") and name.endswith(".weight") and len(shape) > 1
    }
    return Architecture(
        layers=number("block_count"),
        hidden=hidden,
        attention_width=heads * head_size,
        matmul_params=sum(size * used // experts if "_exps." in name else size for name, size in layers.items()),
        unembed_params=prod(unembedding),
        kv_width=None if each_its_own else number("attention.head_count_kv", heads) * head_size,
        window=number("attention.sliding_window") if windowed else None,
        windowed_layers=windowed,
        weights=sum(layers.values()) + _vocabulary_weights(header.tensors),
    )


def _gguf_windowed_layers(family: str, layers: int) -> int:
    return layers - layers // _WHOLE_EVERY[family] if family in _WHOLE_EVERY else 0


def _vocabulary_weights(tensors: dict[str, tuple[int, ...]]) -> int:
    """Return the weights of token embedding and unembedding in the file.

    If they are tied, it is one matrix, unless the file holds it twice.
    """
    return sum(prod(tensors[name]) for name in ("token_embd.weight", "output.weight") if name in tensors)


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
    tied = config.get("tie_word_embeddings")
    return tied if isinstance(tied, bool) else _TIED.get(str(config.get("model_type")), False)


def _number(config: Mapping[str, Any], key: str, default: object = None, *, least: int = 1) -> int:
    """Return a whole number by its name or one of its other names; a null counts as not given."""
    found = next((config[name] for name in (key, *_NAMES.get(key, ())) if config.get(name) is not None), default)
    if isinstance(found, bool) or not isinstance(found, int) or not least <= found < 1 << 40:
        raise ConfigError(f"it holds no usable {key}" if found is None else f"its {key} is {found!r:.40}")
    return found
