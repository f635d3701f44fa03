"""Read from a GGUF file's header the numbers that decide its model's FLOPs.

The header is a list of metadata (key, type, value) and a list of tensors (name, shape, type, offset). Some files store
a tied embedding matrix twice, as `token_embd` and as `output`, so the sum over all tensors is not the number of
weights. Here the embedding is never counted (reading it is a look-up, not a multiplication) and the unembedding is
counted once: `output.weight` where it stands, else the embedding, which then serves as both. Of a mixture of experts
only the experts used for a token count.

The file is not trusted, so every count and length is checked against the file's size before use.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path

from sampler.values import Architecture

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MAX_TEXT = 1 << 20  # a chat template is a few kB; a token far less
_MAX_DIMENSIONS = 8
_MAX_NESTING = 4
# In these families most layers look back no farther than a window. The header says how far, not which layers; in a
# family that is not listed every layer is taken to see everything, which is the dearer way.
_WHOLE_EVERY = {"gemma2": 2, "gemma3": 6}  # every so many-th layer sees everything


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


def read_architecture(path: Path) -> Architecture:
    """Read the architecture of the model in `path`; raises GgufError, which names the file."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            header = _header(_Cursor(data))
        return _architecture(header)
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


def _architecture(header: _Header) -> Architecture:
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
        windowed = _windowed_layers(str(family), number("block_count"))
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


def _windowed_layers(family: str, layers: int) -> int:
    return layers - layers // _WHOLE_EVERY[family] if family in _WHOLE_EVERY else 0


def _vocabulary_weights(tensors: dict[str, tuple[int, ...]]) -> int:
    """Return the weights of token embedding and unembedding in the file.

    If they are tied, it is one matrix, unless the file holds it twice.
    """
    return sum(prod(tensors[name]) for name in ("token_embd.weight", "output.weight") if name in tensors)
