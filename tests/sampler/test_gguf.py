from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampler.models.catalogue import CATALOGUE
from sampler.models.cli import models_dir
from sampler.models.gguf_file import GgufError, read_architecture
from sampler.models.pull import cached

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
    return read_architecture(path)


def test_only_matrices_that_are_multiplied_count(tmp_path):
    architecture = read(tmp_path, gguf(KEYS, [EMBEDDING, *LAYERS, OUTPUT]))
    assert (architecture.layers, architecture.hidden, architecture.attention_width) == (2, 8, 8)
    assert architecture.matmul_params == 8 * 8 + 8 * 32
    assert architecture.unembed_params == 800


def test_a_tied_matrix_counts_once_whether_it_is_stored_once_or_twice(tmp_path):
    once = read(tmp_path, gguf(KEYS, [EMBEDDING, *LAYERS]))
    twice = read(tmp_path, gguf(KEYS, [EMBEDDING, *LAYERS, OUTPUT]))
    assert once == twice


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
        read_architecture(tmp_path / "nowhere.gguf")


@settings(max_examples=200)
@given(cut=st.integers(0, 600), at=st.integers(0, 600), byte=st.integers(0, 255))
def test_a_damaged_header_is_read_or_refused_but_never_worse(tmp_path_factory, cut, at, byte):
    data = bytearray(gguf(KEYS, [EMBEDDING, *LAYERS, OUTPUT])[: max(cut, 1)])
    data[at % len(data)] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.gguf"
    path.write_bytes(data)
    with suppress(GgufError):
        read_architecture(path)


@pytest.mark.model
@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_the_catalogue_repeats_what_the_files_say(model):
    path = cached(model, models_dir())
    if path is None:
        pytest.skip(f"{model.name} has not been pulled")
    assert read_architecture(path) == model.architecture
