"""Decode hostile bytes strictly to values of exact types; memory is allocated only for bytes that were sent.

`Decoder` reads the long form, `MarshalDecoder` the short form of plain values, which is what `marshal` writes for them.
"""

from __future__ import annotations

import functools
import math
import struct
import sys
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import zip_longest
from typing import Any

from sandbox.inside.codec.codec_types import (
    COMPLEX,
    FLOAT,
    LENGTH,
    MAX_DECIMAL,
    MAX_FRACTION_BITS,
    MAX_INT_BYTES,
    MAX_NAME,
    SHORT,
    Array,
    CodecError,
    Digest,
    Iterated,
    Mark,
    Opaque,
    Oversized,
    Spoof,
    TooManyItems,
    int_size,
)
from sandbox.inside.codec.hash_tables import refuse_costly_dict, refuse_costly_set

_SIGNED = struct.Struct("<i")
_END = object()  # of a container that does not say beforehand how many items it has
_ENDLESS = sys.maxsize


class DecodeBudget:
    """Number of items that may still be decoded, over all data that share this budget.

    An item of a type that takes much memory counts as several.
    """

    def __init__(self, items: int = 400_000) -> None:
        self.items = items

    def spend(self, weight: int) -> None:
        """Take an item of this weight from the budget; raises TooManyItems."""
        self.items -= weight
        if self.items < 0:
            raise TooManyItems("too many items")


class Decoder:
    """Reader of the long form: the data, and the position `at` of the next byte."""

    def __init__(self, data: bytes, budget: DecodeBudget) -> None:
        self.data, self.at, self._budget = data, 0, budget

    def take(self, depth: int) -> object:
        """Decode the next value; raises CodecError.

        Open containers are in a list, so that depth costs no stack frames.
        """
        open_containers: list[_Container] = []
        while True:
            value = self._next()
            if type(value) is _Container:
                if len(open_containers) >= depth:
                    raise CodecError("nested too deeply")
                open_containers.append(value)
                if value.missing:
                    continue
                value = open_containers.pop().finish()
            elif value is _END:
                if not open_containers or open_containers[-1].missing < _ENDLESS >> 1:
                    raise CodecError("the end of a dict that did not begin")
                value = open_containers.pop().finish()
            while open_containers:
                open_containers[-1].items.append(value)
                if open_containers[-1].is_incomplete():
                    break
                value = open_containers.pop().finish()
            else:
                return value

    def _next(self) -> object:
        """Return the next value, or a container that still lacks its items."""
        tag = self.data[self.at : self.at + 1]
        self.at += 1
        self._budget.spend(_WEIGHTS.get(tag, 1))
        if tag in _CONSTANTS:
            return _CONSTANTS[tag]
        if tag in _FROM_SCALAR:
            size = self._length()
            content = self.data[self.at : self.at + size]
            self.at += size
            return _convert(_FROM_SCALAR[tag], content, tag)
        if tag in _FROM_ITEMS:
            return _Container(tag, _COUNTS[tag] if tag in _COUNTS else self._length())
        raise CodecError(f"no value begins with {tag!r}")

    def _length(self) -> int:
        if len(self.data) - self.at < 4:
            raise CodecError("the data stop in the middle of a value")
        size: int = LENGTH.unpack_from(self.data, self.at)[0]
        self.at += 4
        if size > len(self.data) - self.at:
            raise CodecError(f"{size} is more than the data hold")
        return size


class _Container:
    """A container with its items so far; `missing` items are still to come."""

    __slots__ = ("items", "missing", "tag")

    def __init__(self, tag: bytes, missing: int) -> None:
        self.tag, self.missing = tag, missing
        self.items: list[object] = []

    def is_incomplete(self) -> bool:
        """Count an item that has come; returns whether more are missing."""
        self.missing -= 1
        return self.missing > 0

    def finish(self) -> object:
        """Return the finished container; raises CodecError."""
        return _convert(_FROM_ITEMS[self.tag], self.items, self.tag)


def _convert(make: Callable[[Any], object], content: Any, tag: bytes) -> object:
    """Call `make` with the content; raises CodecError for whatever it raises."""
    try:
        return make(content)
    except CodecError:
        raise
    except (ValueError, TypeError, ArithmeticError, LookupError, struct.error) as error:
        raise CodecError(f"a value of the kind {tag!r} is malformed: {error}") from None


class MarshalDecoder(Decoder):
    """Reader of what `marshal` writes for plain values, and of nothing else that it could write."""

    def __init__(self, data: bytes, budget: DecodeBudget) -> None:
        super().__init__(data, budget)
        self.at = len(SHORT)

    def _next(self) -> object:
        """Return the next value, or a container that still lacks its items."""
        tag = self._content(1)
        self._budget.spend(_WEIGHTS.get(_MARSHAL_CONTAINERS.get(tag, b""), 1))
        if tag in _CONSTANTS:
            return _CONSTANTS[tag]
        if tag in _MARSHAL_NUMBERS:
            kind, layout = _MARSHAL_NUMBERS[tag]
            return kind(*layout.unpack(self._content(layout.size)))
        match tag:
            case b"l":
                return self._long()
            case b"s":
                return self._content(self._count())
            case b"u":
                return _convert(_text_from, self._content(self._count()), tag)
            case b"{":
                return _Container(b"M", _ENDLESS)
            case b"0":
                return _END
            case b"[" | b"(" | b"<" | b">":
                return _Container(_MARSHAL_CONTAINERS[tag], self._count())
            case _:
                raise CodecError(f"no plain value begins with {tag!r}")

    def _long(self) -> int:
        """Decode an int of more than 32 bits: 15-bit digits, the least first; the sign of their count is its sign."""
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


def _int_from(content: bytes) -> int:
    if not 1 <= len(content) <= MAX_INT_BYTES:
        raise CodecError("an int is empty or too long")
    value = int.from_bytes(content, "big", signed=True)
    if len(content) != int_size(value):
        raise CodecError("an int is not in its shortest form")
    return value


def _digest_from(content: bytes) -> Digest:
    if len(content) != 40:
        raise CodecError("a digest has 40 bytes")
    return Digest(int.from_bytes(content[:8], "big"), content[8:])


def _decimal_from(content: bytes) -> Decimal:
    if len(content) > MAX_DECIMAL:
        raise CodecError("a Decimal is too long")
    value = Decimal(content.decode("ascii"))
    if value.is_snan():
        raise CodecError("a Decimal signals")
    return value


def _text_from(content: bytes) -> str:
    """Decode a text, lone surrogates included."""
    return content.decode("utf-8", "surrogatepass")


def _dict_from(items: list[object]) -> dict[object, object]:
    """Make a dict from alternating keys and values."""
    if len(items) % 2:
        raise CodecError("a dict has a key without a value")
    refuse_costly_dict(items[::2])
    made = dict(zip(items[::2], items[1::2], strict=True))
    if len(made) * 2 != len(items):
        raise CodecError("a dict has a key twice")
    return made


def _set_from(kind: Callable[[Iterable[object]], object]) -> Callable[[list[object]], object]:
    def made(items: list[object]) -> object:
        refuse_costly_set(items)
        found = kind(items)
        if len(found) != len(items):  # type: ignore[arg-type]
            raise CodecError("a set has an item twice")
        return found

    return made


def _counter_from(items: list[object]) -> Counter[object]:
    made: Counter[object] = Counter()
    for key, count in _dict_from(items).items():
        made[key] = count  # type: ignore[assignment]  # whatever the candidate counted with
    return made


def _deque_from(items: list[object]) -> deque[object]:
    limit = items[0]
    if limit is not None and (type(limit) is not int or limit < len(items) - 1):
        raise CodecError("a deque holds more than it may")
    return deque(items[1:], limit)


def _ints(items: list[object], count: int) -> list[int]:
    if len(items) != count or any(type(item) is not int for item in items):
        raise CodecError(f"{count} ints are expected")
    return items  # type: ignore[return-value]


def _bounded(items: list[int]) -> list[int]:
    if any(item.bit_length() > MAX_FRACTION_BITS for item in items):
        raise CodecError("a Fraction has too many digits")
    return items


def _iterated(items: list[object]) -> Iterated:
    name, whole, found = items
    if type(name) is not str or type(whole) is not bool or type(found) is not list:
        raise CodecError("an iterator is malformed")
    return Iterated(name, found, whole=whole)


def _array(items: list[object]) -> Array:
    dtype, shape, found = items
    if type(dtype) is not str or type(shape) is not list or type(found) is not list:
        raise CodecError("an array is malformed")
    if math.prod(_ints(shape, len(shape))) != len(found):
        raise CodecError("an array has another number of items than its shape says")
    return Array(dtype[:MAX_NAME], _ints(shape, len(shape)), found)


def _mark_with_truth(items: list[object], *, truth: bool) -> Mark:
    mark = items[0]
    if not isinstance(mark, Mark) or mark.truth is not None:
        raise CodecError("truth is said of a mark alone, and once")
    mark.truth = truth
    return mark


_WEIGHTS = {b"Q": 12, b"O": 8, b"E": 4, b"Z": 4, b"M": 2, b"K": 4, b"V": 4, b"X": 2, b"P": 2}
HEAVY = {  # the same by type; of a Fraction, with its two ints
    deque: 12, OrderedDict: 8, set: 4, frozenset: 4, dict: 2, Counter: 4, defaultdict: 4, Decimal: 2, Fraction: 4,
}  # fmt: skip
_CONSTANTS: dict[bytes, bool | None] = {b"N": None, b"T": True, b"F": False}
_FROM_SCALAR: dict[bytes, Callable[[bytes], object]] = {
    b"I": _int_from,
    b"D": lambda content: FLOAT.unpack(content)[0],
    b"C": lambda content: complex(*COMPLEX.unpack(content)),
    b"S": _text_from,
    b"B": bytes,
    b"X": _decimal_from,
    b"W": lambda content: datetime.fromisoformat(content.decode("ascii")),
    b"Y": lambda content: date.fromisoformat(content.decode("ascii")),
    b"H": lambda content: time.fromisoformat(content.decode("ascii")),
    b"#": _digest_from,
    b"!": lambda content: Spoof(_text_from(content)[:MAX_NAME]),
    b"?": lambda content: Opaque(_text_from(content)[:MAX_NAME]),
    b"%": lambda content: Oversized(_text_from(content)[:MAX_NAME]),
}
_FROM_ITEMS: dict[bytes, Callable[[list[object]], object]] = {
    b"L": list,
    b"U": tuple,
    b"E": _set_from(set),
    b"Z": _set_from(frozenset),
    b"M": _dict_from,
    b"O": lambda items: OrderedDict(_dict_from(items)),
    b"K": _counter_from,
    b"V": lambda items: defaultdict(None, _dict_from(items)),
    b"Q": _deque_from,
    b"R": lambda items: range(*_ints(items, 3)),
    b"P": lambda items: Fraction(*_bounded(_ints(items, 2))),
    b"J": lambda items: timedelta(*_ints(items, 3)),
    b"G": _iterated,
    b"A": _array,
    b"+": functools.partial(_mark_with_truth, truth=True),
    b"-": functools.partial(_mark_with_truth, truth=False),
}
_COUNTS = {b"G": 3, b"+": 1, b"-": 1}  # where no number of items is written
_MARSHAL_NUMBERS: dict[bytes, tuple[Callable[..., object], struct.Struct]] = {
    b"i": (int, _SIGNED),
    b"g": (float, struct.Struct("<d")),
    b"y": (complex, struct.Struct("<dd")),
}
_MARSHAL_CONTAINERS = {b"[": b"L", b"(": b"U", b"<": b"E", b">": b"Z", b"{": b"M"}
