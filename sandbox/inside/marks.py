"""What stands in the codec for values without a place there, and how much of anything there may be."""

from __future__ import annotations

import struct

MAX_DEPTH = 100
MAX_ITEMS = 200_000
MAX_ITERATED = 50_000
MAX_PLAIN = 1 << 18  # bytes of one answer; where they are more, their digest says as much
MAX_SAME_HASH = 50
MAX_FRACTION_BITS = 8_192
MAX_INT_BYTES = 1 << 16
MAX_BYTES = 4 << 20
MAX_NAME = 200
MAX_DECIMAL = 10_000

LENGTH = struct.Struct(">I")
FLOAT = struct.Struct(">d")
COMPLEX = struct.Struct(">dd")


class CodecError(ValueError):
    """Bytes that no encoder of ours wrote."""


class _Mark:
    """Equal to nothing but itself, so that no comparison with an expected value can ever hold."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.name}>"


class Spoof(_Mark):
    """An instance of a subclass of a known type; `name` is the subclass."""


class Opaque(_Mark):
    """An instance of a type without a place here, or a value beyond the caps; `name` says which."""


class Iterated:
    """An iterator's items; `whole` is False where there were more than the cap."""

    __slots__ = ("items", "name", "whole")

    def __init__(self, name: str, items: list[object], *, whole: bool) -> None:
        self.name, self.items, self.whole = name, items, whole

    def __repr__(self) -> str:
        return f"<{self.name} of {self.items!r}>"


class Digest:
    """What stands for a value of too many bytes: their number and SHA-256. Equal to the one of an equal value."""

    __slots__ = ("sha256", "size")

    def __init__(self, size: int, sha256: bytes) -> None:
        self.size, self.sha256 = size, sha256

    def __eq__(self, other: object) -> bool:
        return type(other) is Digest and (other.size, other.sha256) == (self.size, self.sha256)

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __repr__(self) -> str:
        return f"<{self.size} bytes>"


def int_bytes(value: int) -> bytes:
    """An int in its shortest form."""
    return value.to_bytes((value.bit_length() + 8) // 8, "big", signed=True)
