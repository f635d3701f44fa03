"""Types of the codec: marks for values that it cannot carry, plain values, and the limits of both."""

from __future__ import annotations

import struct
from typing import Any

MAX_DEPTH = 500  # levels of one value
MAX_ITERATED = 50_000  # items of an iterator that come along
MAX_DIGEST_DEPTH = 100  # levels of a value that a digest may stand for
MAX_PLAIN = 1 << 18  # bytes of one answer; a digest may stand for one of more
MAX_SAME_HASH = 50
MAX_FRACTION_BITS = 8_192
MAX_INT_BYTES = 1 << 20
MAX_BYTES = 64 << 20  # of one value
MAX_NAME = 200
MAX_DECIMAL = 10_000

SHORT = b"~"  # before the short form of a plain value
MARSHAL_VERSION = 2  # no references between the parts; older than any interpreter we run on

LENGTH = struct.Struct(">I")
FLOAT = struct.Struct(">d")
COMPLEX = struct.Struct(">dd")
_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes})
_PLAIN_CONTAINERS = frozenset({list, tuple, set, frozenset, dict})


class CodecError(ValueError):
    """Bytes that no encoder of ours wrote, or a value that has no bytes where it needs some."""


class TooManyItems(CodecError):
    """More items than the budget of the reader allows."""


class Mark:
    """Stands for a value that the codec cannot carry. Equal to nothing but itself, so no comparison with it can hold.

    `truth` is the truth value of the object itself, asked once when it was an answer; None if it was not asked or
    raised.
    """

    __slots__ = ("name", "truth")

    def __init__(self, name: str) -> None:
        self.name = name
        self.truth: bool | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.name}>"


class Spoof(Mark):
    """An instance of a class with methods of its own for comparison, iteration or truth; `name` is the class."""

    __slots__ = ()


class Opaque(Mark):
    """An instance of a type that the codec does not know; `name` is the type."""

    __slots__ = ()


class Oversized(Mark):
    """A value beyond a limit; `name` says which limit."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Iterated(Mark):
    """An iterator's items; `whole` is False where there were more than the cap."""

    __slots__ = ("items", "whole")

    def __init__(self, name: str, items: list[object], *, whole: bool) -> None:
        super().__init__(name)
        self.items, self.whole = items, whole

    def __repr__(self) -> str:
        return f"<{self.name} of {self.items!r}>"


class Array(Mark):
    """A numpy array: `name` is its dtype, `items` are its items in one row, as Python's own values."""

    __slots__ = ("items", "shape")

    def __init__(self, name: str, shape: list[int], items: list[object]) -> None:
        super().__init__(name)
        self.shape, self.items = shape, items

    def __repr__(self) -> str:
        return f"<array of {self.name}, shape {tuple(self.shape)}>"


class Digest:
    """Stands for a value of too many bytes: their number and SHA-256. Equal values have equal digests."""

    __slots__ = ("sha256", "size")

    def __init__(self, size: int, sha256: bytes) -> None:
        self.size, self.sha256 = size, sha256

    def __eq__(self, other: object) -> bool:
        return type(other) is Digest and (other.size, other.sha256) == (self.size, self.sha256)

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __repr__(self) -> str:
        return f"<{self.size} bytes>"


def int_size(value: int) -> int:
    """Return the number of bytes that an int is encoded in."""
    return (value.bit_length() + 8) // 8


def int_bytes(value: int) -> bytes:
    """Encode an int, with its sign."""
    return value.to_bytes(int_size(value), "big", signed=True)


def is_plain(value: Any, depth: int = MAX_DEPTH) -> bool:
    """Return whether a value is made of plain types only, nested at most `depth` levels."""
    kind = type(value)
    if kind in _ATOMS:
        return True
    if kind in _PLAIN_CONTAINERS and kind is not dict and set(map(type, value)) <= _ATOMS:
        return depth > 0
    waiting = [iter((value,))]
    while waiting:
        for item in waiting[-1]:
            kind = type(item)
            if kind in _ATOMS:
                continue
            if kind not in _PLAIN_CONTAINERS or len(waiting) > depth:
                return False
            items = [*item.keys(), *item.values()] if kind is dict else item
            if not set(map(type, items)) <= _ATOMS:
                waiting.append(iter(items))
                break
        else:
            waiting.pop()
    return True


def types_in(value: Any) -> set[type]:
    """Return the types within a plain value, its own included."""
    found, waiting = {type(value)}, [value]
    while waiting:
        one = waiting.pop()
        if type(one) in _PLAIN_CONTAINERS:
            items = [*one.keys(), *one.values()] if type(one) is dict else one
            kinds = set(map(type, items))
            found |= kinds
            if kinds & _PLAIN_CONTAINERS:
                waiting += items
    return found
