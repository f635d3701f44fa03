"""Answers as bytes: how a candidate's values leave the box, and how arguments come in. Used on both sides.

A closed set of exact types, `type(x) is T` and nothing looser: None, bool, int, float, complex, str, bytes, list, tuple,
set, frozenset, dict, range, deque, Counter, OrderedDict, defaultdict, Decimal, Fraction, date, time, datetime, timedelta.
What is anything else arrives as a mark that equals nothing: `Spoof` for an instance of a subclass of these (its methods
could lie), `Opaque` for any other type and for what is beyond the caps, `Iterated` for an iterator, whose items come along.
A `Digest` may stand for an answer of many bytes; it is taken over a form in which values that are equal look the same.

A *plain* value (None, numbers, texts, bytes, and lists, tuples, sets and dicts of such) has a second, short form: what the
interpreter's own `marshal` writes for it, because that takes a twentieth of the time. Our own reader reads it, too:
`marshal.loads` sees only what the host wrote (`calls_from`, in the box), never a byte of a candidate's.

No pickle, no eval, no name that chooses a class: a tag is looked up in a table of ours. The encoder runs in the candidate's
process under the candidate's limits; the candidate can break it, and then breaks only its own answers. The decoder is
strict: depth, items, digits and text are capped, nothing is allocated that was not sent, and what is malformed is refused with
CodecError.
"""

from __future__ import annotations

import hashlib
import marshal
import struct
import sys
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import islice, zip_longest
from typing import Any

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

_SHORT = b"~"  # before the short form of a plain value
_MARSHAL_VERSION = 2  # no references between the parts; older than any interpreter we run on

_LENGTH = struct.Struct(">I")
_SIGNED = struct.Struct("<i")
_FLOAT = struct.Struct(">d")
_COMPLEX = struct.Struct(">dd")


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


class _TooMuch(Exception):
    """A value beyond the caps."""


def encode(value: object) -> bytes:
    """The bytes of any value at all; what has no place becomes a mark."""
    try:
        return _Encoder().bytes_of(value)
    except _TooMuch as error:
        return _Encoder().bytes_of(Opaque(str(error)))


def encode_briefly(value: Any) -> bytes:
    """The bytes of any value: of a plain one the short form, of one of more than MAX_PLAIN bytes its Digest."""
    if _is_plain(value, MAX_DEPTH):
        large = type(value) in _WITH_LENGTH and len(value) > MAX_PLAIN  # whatever it holds, so it need not be written
        if not large and len(data := marshal.dumps(value, _MARSHAL_VERSION)) <= MAX_PLAIN:
            return _SHORT + data
        return digest(value)
    try:
        return _Encoder(MAX_PLAIN).bytes_of(value)
    except _TooMuch:
        return digest(value)


def may_hold_spoofs(data: bytes) -> bool:
    """False where the data cannot hold a Spoof: told from the bytes alone, because that takes no time."""
    return data[:1] != _SHORT and b"!" in data


def encode_calls(calls: list[Any]) -> list[bytes]:
    """Calls for the box: in one piece where all of them are plain, else one by one. The host writes, `calls_from` reads."""
    if _is_plain(calls, MAX_DEPTH):
        return [_SHORT + marshal.dumps(calls, _MARSHAL_VERSION)]
    return [encode(call) for call in calls]


def calls_from(part: bytes) -> list[Any]:
    """The calls of one piece. Only for what the host wrote: `marshal` believes what it reads."""
    return marshal.loads(part[1:]) if part[:1] == _SHORT else [decode(part)]  # noqa: S302  (see above)


def _is_plain(value: Any, depth: int) -> bool:
    """Whether the value is of these exact types and no others, at any depth."""
    kind = type(value)
    if kind in _ATOMS:
        return True
    if depth == 0 or kind not in _PLAIN_CONTAINERS:
        return False
    items = [*value.keys(), *value.values()] if kind is dict else value
    return set(map(type, items)) <= _ATOMS or all(_is_plain(item, depth - 1) for item in items)


def digest(value: object) -> bytes:
    """The bytes of the Digest that stands for a value."""
    hashed = _Hasher()
    try:
        hashed.put(value, MAX_DEPTH)
    except _TooMuch as error:
        return _Encoder().bytes_of(Opaque(str(error)))
    content = hashed.size.to_bytes(8, "big") + hashed.sha256.digest()
    return b"#" + _LENGTH.pack(len(content)) + content


class _Encoder:
    def __init__(self, most_bytes: int = MAX_BYTES) -> None:
        self._parts: list[bytes] = []
        self._items = 0
        self._size = 0
        self._most_bytes = most_bytes

    def bytes_of(self, value: object) -> bytes:
        self._put(value, MAX_DEPTH)
        if self._size > self._most_bytes:
            raise _TooMuch("too large")
        return b"".join(self._parts)

    def _put(self, value: object, depth: int) -> None:
        self._items += 1
        if depth < 0:
            raise _TooMuch("nested too deeply")
        if self._items > MAX_ITEMS or self._size > self._most_bytes:
            raise _TooMuch("too large")
        kind = type(value)
        if (constant := _CONSTANT_TAGS.get(kind)) is not None and kind is type(None):
            self._write(constant)
        elif kind is bool:
            self._write(b"T" if value else b"F")
        elif (scalar := _SCALARS.get(kind)) is not None:
            tag, content = scalar[0], scalar[1](value)
            if kind is int and len(content) > MAX_INT_BYTES:
                raise _TooMuch(f"an int of {len(content)} bytes")
            self._write(tag + _LENGTH.pack(len(content)) + content)
        elif (container := _CONTAINERS.get(kind)) is not None:
            self._put_items(container[0], container[1](value), depth)
        else:
            self._put_foreign(value, kind, depth)

    def _put_items(self, tag: bytes, items: list[object], depth: int) -> None:
        self._write(tag + _LENGTH.pack(len(items)))
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
        self._write(tag + _LENGTH.pack(len(content)) + content)

    def _write(self, part: bytes) -> None:
        self._size += len(part)
        self._parts.append(part)


class _Hasher:
    """SHA-256 over a value, without holding its bytes: equal numbers, and sets and dicts in any order, come to the same.

    What is no data has no digest, wherever in the value it stands. Size is bounded by who asks: a candidate by its CPU
    seconds, the host by what it has decoded.
    """

    def __init__(self) -> None:
        self.sha256, self.size = hashlib.sha256(), 0

    def put(self, value: object, depth: int) -> None:
        if depth < 0:
            raise _TooMuch("nested too deeply")
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
            raise _TooMuch(f"a {_name(kind)} within a large value")

    def _put_items(
        self, kind: type, container: tuple[bytes, Callable[..., list[object]]], value: object, depth: int
    ) -> None:
        items = container[1](value)
        tag = b"M" if kind in _DICTS else b"E" if kind in _SETS else container[0]
        self._take(tag + _LENGTH.pack(len(items)))
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
        inner = _Hasher()
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
        return b"I" + _int_bytes(value)
    return b"D" + _FLOAT.pack(value) if kind is float else None


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


def _int_bytes(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 8) // 8, "big", signed=True)


def _decimal_bytes(value: Decimal) -> bytes:
    text = str(value)
    if len(text) > MAX_DECIMAL or value.is_snan():
        raise _TooMuch("a Decimal with too many digits, or one that signals")
    return text.encode("ascii")


def _pairs(value: dict[object, object]) -> list[object]:
    return [part for pair in dict.items(value) for part in pair]


def _fraction_parts(value: Fraction) -> list[object]:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_FRACTION_BITS:
        raise _TooMuch("a Fraction with too many digits")
    return [value.numerator, value.denominator]


_CONSTANT_TAGS: dict[type, bytes] = {type(None): b"N"}
_SCALARS: dict[type, tuple[bytes, Callable[..., bytes]]] = {
    int: (b"I", _int_bytes),
    float: (b"D", _FLOAT.pack),
    complex: (b"C", lambda value: _COMPLEX.pack(value.real, value.imag)),
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
_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes})
_PLAIN_CONTAINERS = frozenset({list, tuple, set, frozenset, dict})
_DICTS = frozenset({dict, OrderedDict, Counter, defaultdict})
_SETS = frozenset({set, frozenset})
_WITH_LENGTH = frozenset({str, bytes, *_PLAIN_CONTAINERS})
_NUMBERS = frozenset({bool, int, float})
_EXACT = 1 << 53
_MINUS_NOUGHT = array("d", [-0.0]).tobytes()
_WRITTEN_AS_INT = frozenset({bool, float})
_FLAT = frozenset({int, float, str})
_KNOWN = frozenset({*_CONSTANT_TAGS, *_SCALARS, *_CONTAINERS, bool})


class Room:
    """How many items may still be made, over all the data that are decoded in it. An item of a heavy type counts as many."""

    def __init__(self, items: int = 2 * MAX_ITEMS) -> None:
        self.items = items


def decode(data: bytes, room: Room | None = None) -> object:
    """The value of `data`, made of exact types of ours and of marks; raises CodecError."""
    decoder: _Decoder | _ShortDecoder
    decoder = (_ShortDecoder if data[:1] == _SHORT else _Decoder)(data, room or Room())
    value = decoder.take(MAX_DEPTH + 2)
    if decoder.at != len(data):
        raise CodecError(f"{len(data) - decoder.at} bytes follow the value")
    return value


class _Decoder:
    def __init__(self, data: bytes, room: Room) -> None:
        if len(data) > MAX_BYTES * 2:
            raise CodecError("too large")
        self.data, self.at, self._room = data, 0, room

    def take(self, depth: int) -> object:
        tag = self.data[self.at : self.at + 1]
        self.at += 1
        self._room.items -= _WEIGHTS.get(tag, 1)
        if depth < 0 or self._room.items < 0:
            raise CodecError("nested too deeply, or too many items")
        if tag in _CONSTANTS:
            return _CONSTANTS[tag]
        try:
            if tag in _FROM_SCALAR:
                return _FROM_SCALAR[tag](self._content())
            if tag in _FROM_ITEMS:
                return _FROM_ITEMS[tag](self._contents(depth))
        except CodecError:
            raise
        except (ValueError, TypeError, ArithmeticError, LookupError, struct.error) as error:
            raise CodecError(f"a value of the kind {tag!r} is malformed: {error}") from None
        if tag == b"G":
            return self._iterated(depth)
        raise CodecError(f"no value begins with {tag!r}")

    def _iterated(self, depth: int) -> Iterated:
        name, whole, items = (self.take(depth - 1) for _ in range(3))
        if type(name) is not str or type(whole) is not bool or type(items) is not list:
            raise CodecError("an iterator is malformed")
        return Iterated(name, items, whole=whole)

    def _content(self) -> bytes:
        size = self._length()
        content = self.data[self.at : self.at + size]
        self.at += size
        return content

    def _contents(self, depth: int) -> list[object]:
        count = self._length()
        return [self.take(depth - 1) for _ in range(count)]

    def _length(self) -> int:
        if len(self.data) - self.at < 4:
            raise CodecError("the data stop in the middle of a value")
        size: int = _LENGTH.unpack_from(self.data, self.at)[0]
        self.at += 4
        if size > len(self.data) - self.at:
            raise CodecError(f"{size} is more than the data hold")
        return size


class _ShortDecoder:
    """Reads what `marshal` writes for plain values, and nothing else that it could write."""

    def __init__(self, data: bytes, room: Room) -> None:
        if len(data) > MAX_PLAIN + len(_SHORT):
            raise CodecError("too large")
        self.data, self.at, self._room = data, len(_SHORT), room

    def take(self, depth: int) -> object:
        tag = self._content(1)
        self._room.items -= _WEIGHTS.get(_SHORT_CONTAINERS.get(tag, b""), 1)
        if depth < 0 or self._room.items < 0:
            raise CodecError("nested too deeply, or too many items")
        try:
            return self._value(tag, depth)
        except CodecError:
            raise
        except (ValueError, TypeError) as error:
            raise CodecError(f"a plain value of the kind {tag!r} is malformed: {error}") from None

    def _value(self, tag: bytes, depth: int) -> object:
        if tag in _CONSTANTS:
            return _CONSTANTS[tag]
        if tag in _SHORT_NUMBERS:
            kind, layout = _SHORT_NUMBERS[tag]
            return kind(*layout.unpack(self._content(layout.size)))
        match tag:
            case b"l":
                return self._long()
            case b"s":
                return self._content(self._count())
            case b"u":
                return _text_from(self._content(self._count()))
            case b"{":
                return _dict_from(self._pairs(depth))
            case b"[" | b"(" | b"<" | b">":
                return _FROM_ITEMS[_SHORT_CONTAINERS[tag]]([self.take(depth - 1) for _ in range(self._count())])
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


def _int_from(content: bytes) -> int:
    if not 1 <= len(content) <= MAX_INT_BYTES:
        raise CodecError("an int is empty or too long")
    value = int.from_bytes(content, "big", signed=True)
    if _int_bytes(value) != content:
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
    return content.decode("utf-8", "surrogatepass")


def _dict_from(items: list[object]) -> dict[object, object]:
    if len(items) % 2:
        raise CodecError("a dict has a key without a value")
    _refuse_collisions(items[::2])
    made = dict(zip(items[::2], items[1::2], strict=True))
    if len(made) * 2 != len(items):
        raise CodecError("a dict has a key twice")
    return made


def _set_from(kind: Callable[[Iterable[object]], object]) -> Callable[[list[object]], object]:
    def made(items: list[object]) -> object:
        _refuse_collisions(items)
        found = kind(items)
        if len(found) != len(items):  # type: ignore[arg-type]
            raise CodecError("a set has an item twice")
        return found

    return made


def _refuse_collisions(keys: list[object]) -> None:
    """Many keys with one hash would make us spend the square of their number."""
    if len(keys) > MAX_SAME_HASH and max(Counter(map(hash, keys)).values()) > MAX_SAME_HASH:
        raise CodecError("too many keys with the same hash")


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


def _small(items: list[int]) -> list[int]:
    if any(item.bit_length() > MAX_FRACTION_BITS for item in items):
        raise CodecError("a Fraction has too many digits")
    return items


_WEIGHTS = {b"Q": 12, b"O": 8, b"E": 4, b"Z": 4, b"M": 2, b"K": 4, b"V": 4, b"X": 2, b"P": 2}
_CONSTANTS: dict[bytes, bool | None] = {b"N": None, b"T": True, b"F": False}
_FROM_SCALAR: dict[bytes, Callable[[bytes], object]] = {
    b"I": _int_from,
    b"D": lambda content: _FLOAT.unpack(content)[0],
    b"C": lambda content: complex(*_COMPLEX.unpack(content)),
    b"S": _text_from,
    b"B": bytes,
    b"X": _decimal_from,
    b"W": lambda content: datetime.fromisoformat(content.decode("ascii")),
    b"Y": lambda content: date.fromisoformat(content.decode("ascii")),
    b"H": lambda content: time.fromisoformat(content.decode("ascii")),
    b"#": _digest_from,
    b"!": lambda content: Spoof(_text_from(content)[:MAX_NAME]),
    b"?": lambda content: Opaque(_text_from(content)[:MAX_NAME]),
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
    b"P": lambda items: Fraction(*_small(_ints(items, 2))),
    b"J": lambda items: timedelta(*_ints(items, 3)),
}
_SHORT_NUMBERS: dict[bytes, tuple[Callable[..., object], struct.Struct]] = {
    b"i": (int, _SIGNED),
    b"g": (float, struct.Struct("<d")),
    b"y": (complex, struct.Struct("<dd")),
}
_SHORT_CONTAINERS = {b"[": b"L", b"(": b"U", b"<": b"E", b">": b"Z", b"{": b"M"}
