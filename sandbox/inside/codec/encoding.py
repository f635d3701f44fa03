"""Encode any value as bytes, or as a digest that is the same for equal values.

The package `codec` describes the types and the rules.
"""

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

from sandbox.inside.codec import equivalents
from sandbox.inside.codec.codec_types import (
    COMPLEX,
    FLOAT,
    LENGTH,
    MAX_BYTES,
    MAX_DECIMAL,
    MAX_DEPTH,
    MAX_FRACTION_BITS,
    MAX_INT_BYTES,
    MAX_ITERATED,
    MAX_NAME,
    Array,
    Iterated,
    Mark,
    Opaque,
    Oversized,
    Spoof,
    int_bytes,
)
from sandbox.inside.codec.equivalents import NoEquivalent


class NotEncodable(Exception):
    """The value is beyond a limit or of a type that the codec does not know; the text says which."""


class NotReproducible(NotEncodable):
    """The type is known, but no reader could make this value again."""


class Encoder:
    """Encoder of one value; raises NotEncodable for what is beyond the limits.

    With `strict`, a value of an unknown type is refused, too; else a mark stands for it. With `exact`, a mark stands
    for every value that would not be decoded as one of its own type.
    """

    def __init__(self, most_bytes: int = MAX_BYTES, *, strict: bool = False, exact: bool = False) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._most_bytes, self._strict, self._exact = most_bytes, strict, exact

    def bytes_of(self, value: object) -> bytes:
        """Encode a value."""
        self._put(value, MAX_DEPTH, hashed=False)
        return b"".join(self._parts)

    def _put(self, value: Any, depth: int, *, hashed: bool) -> None:
        """Encode a value, with one stack frame for each level; `hashed`: it is part of a dict's key or a set's item."""
        kind = type(value)
        if kind not in _KNOWN:
            kind, value = self._known(value, kind, hashed=hashed)
        if (scalar := _SCALARS.get(kind)) is not None:
            content = scalar[1](value)
            self._write(scalar[0] + LENGTH.pack(len(content)) + content)
            return
        if (container := _CONTAINERS.get(kind)) is None:
            self._write(value if kind is _Written else _constant(value))
            return
        if depth == 0:
            raise NotEncodable(f"nested more than {MAX_DEPTH} levels deep")
        tag, items = container[0], container[1](value)
        self._write(tag if kind is _Iteration else tag + LENGTH.pack(len(items)))
        inside = hashed or kind in _SETS
        if kind in _DICTS and not hashed:
            for place, item in enumerate(items):
                self._put(item, depth - 1, hashed=not place & 1)
        else:
            for item in items:
                self._put(item, depth - 1, hashed=inside)

    def _known(self, value: Any, kind: type, *, hashed: bool) -> tuple[type, Any]:
        """Return what to encode for a value of another type: the type as which it is treated, and the value."""
        if isinstance(value, Mark) and kind in _MARKS:
            return self._again(value)
        suspect = False
        if self._exact:
            return self._marked(value, kind, suspect=False)
        try:
            value = equivalents.numpy_scalar(value, kind)
            if (kind := type(value)) in _KNOWN:
                return kind, value
            if (base := equivalents.base_of(kind, _KNOWN, hashed=hashed)) is not None:
                return base, _EXACT.get(base, _same)(value)
            if not equivalents.is_iterator(kind):
                return self._converted(value, kind, hashed=hashed)
        except NoEquivalent as no:
            suspect = no.suspect
        if self._strict:
            raise NotEncodable(f"a value of the type {equivalents.name_of(kind)!r}, which no box can be handed")
        return self._marked(value, kind, suspect=suspect)

    def _converted(self, value: Any, kind: type, *, hashed: bool) -> tuple[type, Any]:
        for _ in range(3):  # a UserList may hold a UserList …
            value = equivalents.equivalent(value, kind, hashed=hashed)
            if (kind := type(value)) in _KNOWN:
                return kind, value
            if (base := equivalents.base_of(kind, _KNOWN, hashed=hashed)) is not None:
                return base, _EXACT.get(base, _same)(value)
        raise NoEquivalent

    def _marked(self, value: Any, kind: type, *, suspect: bool) -> tuple[type, Any]:
        name = equivalents.name_of(kind)[:MAX_NAME]
        if not suspect and equivalents.is_iterator(kind):
            items = list(islice(value, MAX_ITERATED + 1))
            return _Iteration, [name, len(items) <= MAX_ITERATED, items[:MAX_ITERATED]]
        if (parts := equivalents.array_parts(value, kind)) is not None:
            return _ArrayParts, parts
        suspect = suspect or equivalents.decides_truth(kind)
        return _Written, _mark(b"!" if suspect else b"?", name)

    def _again(self, value: Any) -> tuple[type, Any]:
        """Encode a mark that was decoded before."""
        if value.truth is not None:
            self._write(b"+" if value.truth else b"-")
        if type(value) is Iterated:
            return _Iteration, [value.name, value.whole, value.items]
        if type(value) is Array:
            return _ArrayParts, [value.name, value.shape, value.items]
        return _Written, _mark(_MARKS[type(value)], value.name)

    def _write(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._most_bytes:
            raise NotEncodable("too many bytes")
        self._parts.append(part)


def oversized(why: str) -> bytes:
    """Encode a mark for a value beyond a limit."""
    return _mark(b"%", why)


def _mark(tag: bytes, name: str) -> bytes:
    content = name[:MAX_NAME].encode("utf-8", "surrogatepass")
    return tag + LENGTH.pack(len(content)) + content


def _constant(value: object) -> bytes:
    return b"N" if value is None else b"T" if value else b"F"


class _Written:
    """The type of a value that is encoded already."""


class _Iteration:
    """The type of an iterator's name, whether its items are complete, and its items."""


class _ArrayParts:
    """The type of an array's dtype, shape and items."""


class Hasher:
    """Computes SHA-256 over a value, without holding its bytes.

    Equal numbers, and equal sets and dicts in any order, have the same digest. A value that contains anything but data
    has no digest. The caller limits the size: a candidate by its CPU seconds, the host by what it has decoded.
    """

    def __init__(self) -> None:
        self.sha256, self.size = hashlib.sha256(), 0

    def put(self, value: object, depth: int) -> None:
        """Add a value; raises NotEncodable if it has no digest."""
        if depth < 0:
            raise NotEncodable("nested too deeply")
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
            raise NotEncodable(f"a {equivalents.name_of(kind)} within a large value")

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
    """Encode a number so that equal numbers of all types have equal bytes; None for what is no number."""
    if kind is complex and not value.imag:
        value, kind = value.real, float
    if kind is bool or (kind is float and value.is_integer()) or (kind in _RATIONAL and _is_whole(value)):
        value, kind = int(value), int
    if kind is int:
        return b"I" + int_bytes(value)
    return b"D" + FLOAT.pack(value) if kind is float else None


def _is_whole(value: Decimal | Fraction) -> bool:
    if isinstance(value, Fraction):
        return value.denominator == 1
    return value.is_finite() and value.adjusted() < MAX_DECIMAL and value == value.to_integral_value()


def _flat(items: Any) -> bytes | None:
    """Encode only numbers and texts at once, for speed; None if there is anything else, or too long an int."""
    kinds = set(map(type, items))
    if kinds & _RATIONAL:
        items = [int(item) if type(item) in _RATIONAL and _is_whole(item) else item for item in items]
        kinds = set(map(type, items))
    if items and kinds <= _NUMBERS and min(items) > -_EXACT_FLOATS and max(items) < _EXACT_FLOATS:
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


def _int_content(value: int) -> bytes:
    if value.bit_length() > 8 * MAX_INT_BYTES - 1:
        raise NotEncodable(f"an int of more than {MAX_INT_BYTES} bytes")
    return int_bytes(value)


def _decimal_bytes(value: Decimal) -> bytes:
    text = Decimal.__str__(value)
    if Decimal.is_snan(value):
        raise NotReproducible("a Decimal that signals")
    if len(text) > MAX_DECIMAL:
        raise NotEncodable(f"a Decimal of more than {MAX_DECIMAL} digits")
    return text.encode("ascii")


def _pairs(value: dict[object, object]) -> list[object]:
    return [part for pair in dict.items(value) for part in pair]


def _ordered_pairs(value: OrderedDict[object, object]) -> list[object]:
    return [part for pair in OrderedDict.items(value) for part in pair]


def _fraction_parts(value: Fraction) -> list[object]:
    parts: list[Any] = [Fraction.numerator.fget(value), Fraction.denominator.fget(value)]  # type: ignore[attr-defined]
    if any(int.bit_length(part) > MAX_FRACTION_BITS for part in parts):
        raise NotEncodable(f"a Fraction with a part of more than {MAX_FRACTION_BITS} bits")
    return parts


_SCALARS: dict[type, tuple[bytes, Callable[..., bytes]]] = {
    int: (b"I", _int_content),
    float: (b"D", FLOAT.pack),
    complex: (b"C", lambda value: COMPLEX.pack(value.real, value.imag)),
    str: (b"S", lambda value: value.encode("utf-8", "surrogatepass")),
    bytes: (b"B", bytes),
    Decimal: (b"X", _decimal_bytes),
    datetime: (b"W", lambda value: datetime.isoformat(value).encode("ascii")),
    date: (b"Y", lambda value: date.isoformat(value).encode("ascii")),
    time: (b"H", lambda value: time.isoformat(value).encode("ascii")),
}
_CONTAINERS: dict[type, tuple[bytes, Callable[..., list[object]]]] = {
    list: (b"L", lambda value: value),
    tuple: (b"U", lambda value: list(tuple.__iter__(value))),
    set: (b"E", lambda value: list(set.__iter__(value))),
    frozenset: (b"Z", lambda value: list(frozenset.__iter__(value))),
    dict: (b"M", _pairs),
    OrderedDict: (b"O", _ordered_pairs),
    Counter: (b"K", _pairs),
    defaultdict: (b"V", _pairs),
    deque: (b"Q", lambda value: [deque.maxlen.__get__(value), *deque.__iter__(value)]),
    range: (b"R", lambda value: [value.start, value.stop, value.step]),
    Fraction: (b"P", _fraction_parts),
    timedelta: (b"J", lambda value: [timedelta.days.__get__(value), timedelta.seconds.__get__(value),
                                     timedelta.microseconds.__get__(value)]),
    _Iteration: (b"G", lambda value: value),
    _ArrayParts: (b"A", lambda value: value),
}  # fmt: skip


def _same(value: object) -> object:
    return value


_EXACT: dict[
    type, Callable[[Any], object]
] = {  # an instance of a subclass as one of its base, by the base's own functions
    int: int.__int__,
    float: float.__float__,
    complex: lambda value: complex(complex.real.__get__(value), complex.imag.__get__(value)),
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    list: lambda value: list.__getitem__(value, slice(None)),
}
_MARKS = {Spoof: b"!", Opaque: b"?", Oversized: b"%", Iterated: b"G", Array: b"A"}
_DICTS = frozenset({dict, OrderedDict, Counter, defaultdict})
_SETS = frozenset({set, frozenset})
_RATIONAL = frozenset({Decimal, Fraction})
_NUMBERS = frozenset({bool, int, float})
_EXACT_FLOATS = 1 << 53
_MINUS_NOUGHT = array("d", [-0.0]).tobytes()
_WRITTEN_AS_INT = frozenset({bool, float})
_FLAT = frozenset({int, float, str})
_KNOWN = frozenset({type(None), bool, *_SCALARS, *_CONTAINERS}) - {_Iteration, _ArrayParts}
