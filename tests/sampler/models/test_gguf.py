from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampler.models.architecture import GgufError, read_gguf
from sampler.models.catalogue import CATALOGUE
from sampler.models.pull import cached, models_dir

TEXT, ARRAY, U32, U64, FLOAT = 8, 9, 4, 10, 6


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def key(name: str, kind: int, value: bytes) -> bytes:
    return text(name) + struct.pack("<I", kind) + value


def tensor(name: str, *shape: int) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, 0)


def gguf(keys: list[bytes], tensors: list[bytes], version: int = 3) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys))
    return head + b"".join(keys) + b"".join(tensors) + bytes(64)


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


KEYS = [
    key("general.architecture", TEXT, text("toy")),
    key("toy.block_count", U32, u32(2)),
    key("toy.embedding_length", U32, u32(8)),
    key("toy.attention.head_count", U32, u32(4)),
    key("toy.rope.freq_base", FLOAT, struct.pack("<f", 1e4)),
    key("tokenizer.tokens", ARRAY, struct.pack("<IQ", TEXT, 2) + text("a") + text("b")),
    key("tokenizer.scores", ARRAY, struct.pack("<IQ", FLOAT, 3) + bytes(12)),
    key("tokenizer.nested", ARRAY, struct.pack("<IQ", ARRAY, 1) + struct.pack("<IQ", U64, 1) + bytes(8)),
]
LAYERS = [
    tensor("blk.0.attn_q.weight", 8, 8),
    tensor("blk.0.attn_q.bias", 8),
    tensor("blk.0.attn_norm.weight", 8),
    tensor("blk.1.ffn_up.weight", 8, 32),
]
EMBEDDING = tensor("token_embd.weight", 8, 100)
OUTPUT = tensor("output.weight", 8, 100)


def read(tmp_path, data: bytes):
    path = tmp_path / "toy.gguf"
    path.write_bytes(data)
    return read_gguf(path)


def test_only_matrices_that_are_multiplied_count(tmp_path):
    architecture = read(tmp_path, gguf(KEYS, [EMBEDDING, *LAYERS, OUTPUT]))
    assert (architecture.layers, architecture.hidden, architecture.attention_width) == (2, 8, 8)
    assert architecture.matmul_params == 8 * 8 + 8 * 32
    assert architecture.unembed_params == 800


def test_a_tied_matrix_counts_once_whether_it_is_stored_once_or_twice(tmp_path):
    once = read(tmp_path, gguf(KEYS, [EMBEDDING, *LAYERS]))
    twice = read(tmp_path, gguf(KEYS, [EMBEDDING, *LAYERS, OUTPUT]))
    assert replace(once, weights=None) == replace(twice, weights=None)
    assert (once.weights, twice.weights) == (8 * 8 + 8 * 32 + 800, 8 * 8 + 8 * 32 + 1600)  # in memory it lies twice


def test_grouped_heads_narrow_the_cache_and_heads_that_differ_by_layer_leave_it_unknown(tmp_path):
    tensors = [EMBEDDING, *LAYERS]
    grouped = [*KEYS, key("toy.attention.head_count_kv", U32, u32(2))]
    listed = [*KEYS, key("toy.attention.head_count_kv", ARRAY, struct.pack("<IQ", U32, 2) + u32(2) + u32(4))]
    assert read(tmp_path, gguf(KEYS, tensors)).kv_width == 8
    assert read(tmp_path, gguf(grouped, tensors)).kv_width == 4
    assert read(tmp_path, gguf(listed, tensors)).kv_width is None


@pytest.mark.parametrize(("family", "layers", "windowed"), [("gemma3", 18, 15), ("gemma2", 26, 13), ("llama", 32, 0)])
def test_a_window_counts_in_the_layers_that_the_family_gives_it(tmp_path, family, layers, windowed):
    keys = [
        key("general.architecture", TEXT, text(family)),
        key(f"{family}.block_count", U32, u32(layers)),
        key(f"{family}.embedding_length", U32, u32(8)),
        key(f"{family}.attention.head_count", U32, u32(4)),
        key(f"{family}.attention.sliding_window", U32, u32(512)),
    ]
    architecture = read(tmp_path, gguf(keys, [EMBEDDING, *LAYERS]))
    assert (architecture.windowed_layers, architecture.window) == (windowed, 512 if windowed else None)


def test_a_head_size_of_its_own_decides_the_attention_width(tmp_path):
    keys = [*KEYS, key("toy.attention.key_length", U32, u32(16))]
    assert read(tmp_path, gguf(keys, [EMBEDDING, *LAYERS])).attention_width == 64


def test_of_a_mixture_only_the_experts_in_use_count(tmp_path):
    keys = [*KEYS, key("toy.expert_count", U32, u32(8)), key("toy.expert_used_count", U32, u32(2))]
    tensors = [EMBEDDING, *LAYERS, tensor("blk.0.ffn_up_exps.weight", 8, 4, 8)]
    assert read(tmp_path, gguf(keys, tensors)).matmul_params == 8 * 8 + 8 * 32 + 8 * 4 * 2


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"hello, world, this is text", "does not start with"),
        (gguf(KEYS, [EMBEDDING], version=9), "version is 9"),
        (gguf(KEYS[1:], [EMBEDDING]), "block_count|usable"),
        (gguf(KEYS[:1] + KEYS[2:], [EMBEDDING]), "toy.block_count"),
        (gguf(KEYS, LAYERS), "neither output.weight nor token_embd.weight"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0), "past the end"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1 << 60), "past the end"),
        (gguf([key("x", 99, b"")], []), "unknown type 99"),
        (gguf([key("x", ARRAY, struct.pack("<IQ", ARRAY, 1) * 9)], []), "unknown type"),
    ],
)
def test_a_file_that_is_no_usable_model_is_refused_by_name(tmp_path, data, why):
    with pytest.raises(GgufError, match=rf"toy\.gguf.*({why})"):
        read(tmp_path, data)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(GgufError, match=r"nowhere\.gguf.*No such file"):
        read_gguf(tmp_path / "nowhere.gguf")


@settings(max_examples=200)
@given(cut=st.integers(0, 600), at=st.integers(0, 600), byte=st.integers(0, 255))
def test_a_damaged_header_is_read_or_refused_but_never_worse(tmp_path_factory, cut, at, byte):
    data = bytearray(gguf(KEYS, [EMBEDDING, *LAYERS, OUTPUT])[: max(cut, 1)])
    data[at % len(data)] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.gguf"
    path.write_bytes(data)
    with suppress(GgufError):
        read_gguf(path)


@pytest.mark.model
@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_the_catalogue_repeats_what_the_files_say(model):
    path = cached(model, models_dir())
    if path is None:
        pytest.skip(f"{model.name} has not been pulled")
    assert read_gguf(path) == model.architecture
