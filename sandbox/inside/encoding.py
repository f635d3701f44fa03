"""From any value to bytes, or to a digest that is the same for equal values. See `codec` for the types and the rules."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any

from sandbox.inside.marks import (
    COMPLEX,
    FLOAT,
    LENGTH,
    MAX_BYTES,
    MAX_DECIMAL,
    MAX_DEPTH,
    MAX_FRACTION_BITS,
    MAX_INT_BYTES,
    MAX_ITEMS,
    MAX_ITERATED,
    MAX_NAME,
    Opaque,
    Spoof,
    int_bytes,
)


class TooMuch(Exception):
    """A value beyond the caps."""


class Encoder:
    """One value on its way out; raises TooMuch for what is beyond the caps."""

    def __init__(self, most_bytes: int = MAX_BYTES) -> None:
        self._parts: list[bytes] = []
        self._items = 0
        self._size = 0
        self._most_bytes = most_bytes

    def bytes_of(self, value: object) -> bytes:
        """The bytes of a value."""
        self._put(value, MAX_DEPTH)
        if self._size > self._most_bytes:
            raise TooMuch("too large")
        return b"".join(self._parts)

    def _put(self, value: object, depth: int) -> None:
        self._items += 1
        if depth < 0:
            raise TooMuch("nested too deeply")
        if self._items > MAX_ITEMS or self._size > self._most_bytes:
            raise TooMuch("too large")
        kind = type(value)
        if (constant := _CONSTANT_TAGS.get(kind)) is not None and kind is type(None):
            self._write(constant)
        elif kind is bool:
            self._write(b"T" if value else b"F")
        elif (scalar := _SCALARS.get(kind)) is not None:
            tag, content = scalar[0], scalar[1](value)
            if kind is int and len(content) > MAX_INT_BYTES:
                raise TooMuch(f"an int of {len(content)} bytes")
            self._write(tag + LENGTH.pack(len(content)) + content)
        elif (container := _CONTAINERS.get(kind)) is not None:
            self._put_items(container[0], container[1](value), depth)
        else:
            self._put_foreign(value, kind, depth)

    def _put_items(self, tag: bytes, items: list[object], depth: int) -> None:
        self._write(tag + LENGTH.pack(len(items)))
        for item in items:
            self._put(item, depth - 1)

    def _put_foreign(self, value: object, kind: type, depth: int) -> None:
        name = _name(kind)
        if kind is Spoof or kind is Opaque:
            self._mark(b"!" if kind is Spoof else b"?", value.name)  # type: ignore[attr-defined]
        elif _is_spoof(kind):
            self._mark(b"!", name)
        elif _is_iterator(kind):
            items = list(islice(value, MAX_ITERATED + 1))  # type: ignore[call-overload]
            self._write(b"G")
            self._put(name, depth - 1)
            self._put(len(items) <= MAX_ITERATED, depth - 1)
            self._put(items[:MAX_ITERATED], depth - 1)
        else:
            self._mark(b"?", name)

    def _mark(self, tag: bytes, name: str) -> None:
        content = name[:MAX_NAME].encode("utf-8", "surrogatepass")
        self._write(tag + LENGTH.pack(len(content)) + content)

    def _write(self, part: bytes) -> None:
        self._size += len(part)
        self._parts.append(part)


class Hasher:
    """SHA-256 over a value, without holding its bytes: equal numbers, and sets and dicts in any order, come to the same.

    What is no data has no digest, wherever in the value it stands. Size is bounded by who asks: a candidate by its CPU
    seconds, the host by what it has decoded.
    """

    def __init__(self) -> None:
        self.sha256, self.size = hashlib.sha256(), 0

    def put(self, value: object, depth: int) -> None:
        """Take a value in; raises TooMuch for what has no digest."""
        if depth < 0:
            raise TooMuch("nested too deeply")
        kind = type(value)
        if (number := _number(value, kind)) is not None:
            self._take(number)
        elif (scalar := _SCALARS.get(kind)) is not None:
            self._take(scalar[0])
            self._take(scalar[1](value))
        elif (container := _CONTAINERS.get(kind)) is not None:
            self._put_items(kind, container, value, depth)
        elif kind is type(None):
            self._take(b"N")
        else:
            raise TooMuch(f"a {_name(kind)} within a large value")

    def _put_items(
        self, kind: type, container: tuple[bytes, Callable[..., list[object]]], value: object, depth: int
    ) -> None:
        items = container[1](value)
        tag = b"M" if kind in _DICTS else b"E" if kind in _SETS else container[0]
        self._take(tag + LENGTH.pack(len(items)))
        if kind in _DICTS:
            pairs = zip(items[::2], items[1::2], strict=True)
            self._take(b"".join(sorted(self._inner(pair, depth) for pair in pairs)))
        elif kind in _SETS:
            self._take(b"".join(sorted(self._inner(item, depth) for item in items)))
        elif (flat := _flat(items)) is not None:
            self._take(flat)
        else:
            for item in items:
                self.put(item, depth - 1)

    def _inner(self, value: object, depth: int) -> bytes:
        inner = Hasher()
        inner.put(value, depth - 1)
        return inner.sha256.digest()

    def _take(self, data: bytes) -> None:
        self.size += len(data)
        self.sha256.update(len(data).to_bytes(8, "big"))
        self.sha256.update(data)


def _number(value: Any, kind: type) -> bytes | None:
    """One form for all numbers that are equal, as their hash is; None for what is no number."""
    if kind is complex and not value.imag:
        value, kind = value.real, float
    if kind is bool or (kind is float and value.is_integer()):
        value, kind = int(value), int
    if kind is int:
        return b"I" + int_bytes(value)
    return b"D" + FLOAT.pack(value) if kind is float else None


def _flat(items: Any) -> bytes | None:
    """Numbers and texts alone, written at once, for speed; None where there is anything else, or too long an int."""
    kinds = set(map(type, items))
    if items and kinds <= _NUMBERS and min(items) > -_EXACT and max(items) < _EXACT:
        numbers = array("d", items)  # each as a float, which is exact up to there
        if _MINUS_NOUGHT in (data := numbers.tobytes()):
            data = array("d", [number + 0.0 for number in numbers]).tobytes()
        return b"d" + data
    if kinds & _WRITTEN_AS_INT:
        items = [
            int(item) if type(item) is bool or (type(item) is float and item.is_integer()) else item for item in items
        ]
        kinds = set(map(type, items))
    if not kinds <= _FLAT:
        return None
    try:
        return repr(list(items)).encode("utf-8", "surrogatepass")
    except ValueError:
        return None


def _name(kind: type) -> str:
    return str(type.__dict__["__name__"].__get__(kind))[:MAX_NAME]


def _is_spoof(kind: type) -> bool:
    return any(base in _KNOWN for base in type.mro(kind) if base is not kind)


def _is_iterator(kind: type) -> bool:
    return any("__next__" in vars(base) for base in type.mro(kind))


def _decimal_bytes(value: Decimal) -> bytes:
    text = str(value)
    if len(text) > MAX_DECIMAL or value.is_snan():
        raise TooMuch("a Decimal with too many digits, or one that signals")
    return text.encode("ascii")


def _pairs(value: dict[object, object]) -> list[object]:
    return [part for pair in dict.items(value) for part in pair]


def _fraction_parts(value: Fraction) -> list[object]:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_FRACTION_BITS:
        raise TooMuch("a Fraction with too many digits")
    return [value.numerator, value.denominator]


_CONSTANT_TAGS: dict[type, bytes] = {type(None): b"N"}
_SCALARS: dict[type, tuple[bytes, Callable[..., bytes]]] = {
    int: (b"I", int_bytes),
    float: (b"D", FLOAT.pack),
    complex: (b"C", lambda value: COMPLEX.pack(value.real, value.imag)),
    str: (b"S", lambda value: value.encode("utf-8", "surrogatepass")),
    bytes: (b"B", bytes),
    Decimal: (b"X", _decimal_bytes),
    datetime: (b"W", lambda value: value.isoformat().encode("ascii")),
    date: (b"Y", lambda value: value.isoformat().encode("ascii")),
    time: (b"H", lambda value: value.isoformat().encode("ascii")),
}
_CONTAINERS: dict[type, tuple[bytes, Callable[..., list[object]]]] = {
    list: (b"L", lambda value: value),
    tuple: (b"U", list),
    set: (b"E", list),
    frozenset: (b"Z", list),
    dict: (b"M", _pairs),
    OrderedDict: (b"O", _pairs),
    Counter: (b"K", _pairs),
    defaultdict: (b"V", _pairs),
    deque: (b"Q", lambda value: [value.maxlen, *value]),
    range: (b"R", lambda value: [value.start, value.stop, value.step]),
    Fraction: (b"P", _fraction_parts),
    timedelta: (b"J", lambda value: [value.days, value.seconds, value.microseconds]),
}
_DICTS = frozenset({dict, OrderedDict, Counter, defaultdict})
_SETS = frozenset({set, frozenset})
_NUMBERS = frozenset({bool, int, float})
_EXACT = 1 << 53
_MINUS_NOUGHT = array("d", [-0.0]).tobytes()
_WRITTEN_AS_INT = frozenset({bool, float})
_FLAT = frozenset({int, float, str})
_KNOWN = frozenset({*_CONSTANT_TAGS, *_SCALARS, *_CONTAINERS, bool})
