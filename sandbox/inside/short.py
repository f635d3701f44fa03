"""The short form of plain values.

What the interpreter's own `marshal` writes for them, read by a strict reader of ours.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

from sandbox.inside.decoding import CONSTANTS, END, ENDLESS, WEIGHTS, Decoder, Room, Waiting, made, text_from
from sandbox.inside.marks import MAX_DEPTH, CodecError

SHORT = b"~"  # before the short form of a plain value
MARSHAL_VERSION = 2  # no references between the parts; older than any interpreter we run on
_SIGNED = struct.Struct("<i")
_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes})
PLAIN_CONTAINERS = frozenset({list, tuple, set, frozenset, dict})


def is_plain(value: Any, depth: int = MAX_DEPTH) -> bool:
    """Whether the value is of these exact types and no others, at any depth up to `depth`."""
    kind = type(value)
    if kind in _ATOMS:
        return True
    if kind in PLAIN_CONTAINERS and kind is not dict and set(map(type, value)) <= _ATOMS:
        return depth > 0
    waiting = [iter((value,))]
    while waiting:
        for item in waiting[-1]:
            kind = type(item)
            if kind in _ATOMS:
                continue
            if kind not in PLAIN_CONTAINERS or len(waiting) > depth:
                return False
            items = [*item.keys(), *item.values()] if kind is dict else item
            if not set(map(type, items)) <= _ATOMS:
                waiting.append(iter(items))
                break
        else:
            waiting.pop()
    return True


def kinds_in(value: Any) -> set[type]:
    """The types within a plain value, its own included."""
    found, waiting = {type(value)}, [value]
    while waiting:
        one = waiting.pop()
        if type(one) in PLAIN_CONTAINERS:
            items = [*one.keys(), *one.values()] if type(one) is dict else one
            kinds = set(map(type, items))
            found |= kinds
            if kinds & PLAIN_CONTAINERS:
                waiting += items
    return found


class ShortDecoder(Decoder):
    """Reads what `marshal` writes for plain values, and nothing else that it could write."""

    def __init__(self, data: bytes, room: Room) -> None:
        super().__init__(data, room)
        self.at = len(SHORT)

    def _begun(self) -> object:
        """The next value or, if it is a container, one that waits for its items."""
        tag = self._content(1)
        self._room.spend(WEIGHTS.get(_SHORT_CONTAINERS.get(tag, b""), 1))
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
                return made(text_from, self._content(self._count()), tag)
            case b"{":
                return Waiting(b"M", ENDLESS)
            case b"0":
                return END
            case b"[" | b"(" | b"<" | b">":
                return Waiting(_SHORT_CONTAINERS[tag], self._count())
            case _:
                raise CodecError(f"no plain value begins with {tag!r}")

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
