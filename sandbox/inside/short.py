"""The short form of plain values: what the interpreter's own `marshal` writes for them, read by a strict reader of ours."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

from sandbox.inside.decoding import CONSTANTS, FROM_ITEMS, WEIGHTS, Room, dict_from, text_from
from sandbox.inside.marks import MAX_PLAIN, CodecError

SHORT = b"~"  # before the short form of a plain value
MARSHAL_VERSION = 2  # no references between the parts; older than any interpreter we run on
_SIGNED = struct.Struct("<i")
_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes})
PLAIN_CONTAINERS = frozenset({list, tuple, set, frozenset, dict})
WITH_LENGTH = frozenset({str, bytes, *PLAIN_CONTAINERS})


def is_plain(value: Any, depth: int) -> bool:
    """Whether the value is of these exact types and no others, at any depth."""
    kind = type(value)
    if kind in _ATOMS:
        return True
    if depth == 0 or kind not in PLAIN_CONTAINERS:
        return False
    items = [*value.keys(), *value.values()] if kind is dict else value
    return set(map(type, items)) <= _ATOMS or all(is_plain(item, depth - 1) for item in items)


class ShortDecoder:
    """Reads what `marshal` writes for plain values, and nothing else that it could write."""

    def __init__(self, data: bytes, room: Room) -> None:
        if len(data) > MAX_PLAIN + len(SHORT):
            raise CodecError("too large")
        self.data, self.at, self._room = data, len(SHORT), room

    def take(self, depth: int) -> object:
        """The next value; raises CodecError."""
        tag = self._content(1)
        self._room.items -= WEIGHTS.get(_SHORT_CONTAINERS.get(tag, b""), 1)
        if depth < 0 or self._room.items < 0:
            raise CodecError("nested too deeply, or too many items")
        try:
            return self._value(tag, depth)
        except CodecError:
            raise
        except (ValueError, TypeError) as error:
            raise CodecError(f"a plain value of the kind {tag!r} is malformed: {error}") from None

    def _value(self, tag: bytes, depth: int) -> object:
        if tag in CONSTANTS:
            return CONSTANTS[tag]
        if tag in _SHORT_NUMBERS:
            kind, layout = _SHORT_NUMBERS[tag]
            return kind(*layout.unpack(self._content(layout.size)))
        match tag:
            case b"l":
                return self._long()
            case b"s":
                return self._content(self._count())
            case b"u":
                return text_from(self._content(self._count()))
            case b"{":
                return dict_from(self._pairs(depth))
            case b"[" | b"(" | b"<" | b">":
                return FROM_ITEMS[_SHORT_CONTAINERS[tag]]([self.take(depth - 1) for _ in range(self._count())])
            case _:
                raise CodecError(f"no plain value begins with {tag!r}")

    def _pairs(self, depth: int) -> list[object]:
        parts: list[object] = []
        while self.data[self.at : self.at + 1] != b"0":
            parts += (self.take(depth - 1), self.take(depth - 1))
        self.at += 1
        return parts

    def _long(self) -> int:
        """An int of more than 32 bits: digits of 15 bits, the least first; their number carries the sign."""
        count = _SIGNED.unpack(self._content(4))[0]
        digits = array("H", self._content(2 * abs(count)))
        if sys.byteorder == "big":
            digits.byteswap()
        if not digits or not digits[-1] or max(digits) >> 15:
            raise CodecError("an int is not in its shortest form")
        parts, bits = list(digits), 15
        while len(parts) > 1:
            parts = [low | high << bits for low, high in zip_longest(parts[::2], parts[1::2], fillvalue=0)]
            bits *= 2
        return parts[0] if count > 0 else -parts[0]

    def _count(self) -> int:
        count: int = _SIGNED.unpack(self._content(4))[0]
        if not 0 <= count <= len(self.data) - self.at:
            raise CodecError(f"{count} is more than the data hold")
        return count

    def _content(self, size: int) -> bytes:
        content = self.data[self.at : self.at + size]
        if len(content) != size:
            raise CodecError("the data stop in the middle of a value")
        self.at += size
        return content


_SHORT_NUMBERS: dict[bytes, tuple[Callable[..., object], struct.Struct]] = {
    b"i": (int, _SIGNED),
    b"g": (float, struct.Struct("<d")),
    b"y": (complex, struct.Struct("<dd")),
}
_SHORT_CONTAINERS = {b"[": b"L", b"(": b"U", b"<": b"E", b">": b"Z", b"{": b"M"}
