"""From hostile bytes to a value of exact types of ours, strictly: nothing is allocated that was not sent.

What is here reads the long form; `short` reads the other one and makes containers as it is done here.
"""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

from sandbox.inside.marks import (
    COMPLEX,
    FLOAT,
    LENGTH,
    MAX_BYTES,
    MAX_DECIMAL,
    MAX_FRACTION_BITS,
    MAX_INT_BYTES,
    MAX_ITEMS,
    MAX_NAME,
    CodecError,
    Digest,
    Iterated,
    Opaque,
    Spoof,
    int_bytes,
)
from sandbox.inside.tables import refuse_costly_dict, refuse_costly_set


class Room:
    """How many items may still be made, over all the data that are decoded in it. An item of a heavy type counts as many."""

    def __init__(self, items: int = 2 * MAX_ITEMS) -> None:
        self.items = items


class Decoder:
    """Data in the long form, and how far it has been read."""

    def __init__(self, data: bytes, room: Room) -> None:
        if len(data) > MAX_BYTES * 2:
            raise CodecError("too large")
        self.data, self.at, self._room = data, 0, room

    def take(self, depth: int) -> object:
        """The next value; raises CodecError."""
        tag = self.data[self.at : self.at + 1]
        self.at += 1
        self._room.items -= WEIGHTS.get(tag, 1)
        if depth < 0 or self._room.items < 0:
            raise CodecError("nested too deeply, or too many items")
        if tag in CONSTANTS:
            return CONSTANTS[tag]
        try:
            if tag in _FROM_SCALAR:
                return _FROM_SCALAR[tag](self._content())
            if tag in FROM_ITEMS:
                return FROM_ITEMS[tag](self._contents(depth))
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
        size: int = LENGTH.unpack_from(self.data, self.at)[0]
        self.at += 4
        if size > len(self.data) - self.at:
            raise CodecError(f"{size} is more than the data hold")
        return size


def _int_from(content: bytes) -> int:
    if not 1 <= len(content) <= MAX_INT_BYTES:
        raise CodecError("an int is empty or too long")
    value = int.from_bytes(content, "big", signed=True)
    if int_bytes(value) != content:
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


def text_from(content: bytes) -> str:
    """A text, lone surrogates included."""
    return content.decode("utf-8", "surrogatepass")


def dict_from(items: list[object]) -> dict[object, object]:
    """A dict from its keys and values, one after the other."""
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
    for key, count in dict_from(items).items():
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


WEIGHTS = {b"Q": 12, b"O": 8, b"E": 4, b"Z": 4, b"M": 2, b"K": 4, b"V": 4, b"X": 2, b"P": 2}
CONSTANTS: dict[bytes, bool | None] = {b"N": None, b"T": True, b"F": False}
_FROM_SCALAR: dict[bytes, Callable[[bytes], object]] = {
    b"I": _int_from,
    b"D": lambda content: FLOAT.unpack(content)[0],
    b"C": lambda content: complex(*COMPLEX.unpack(content)),
    b"S": text_from,
    b"B": bytes,
    b"X": _decimal_from,
    b"W": lambda content: datetime.fromisoformat(content.decode("ascii")),
    b"Y": lambda content: date.fromisoformat(content.decode("ascii")),
    b"H": lambda content: time.fromisoformat(content.decode("ascii")),
    b"#": _digest_from,
    b"!": lambda content: Spoof(text_from(content)[:MAX_NAME]),
    b"?": lambda content: Opaque(text_from(content)[:MAX_NAME]),
}
FROM_ITEMS: dict[bytes, Callable[[list[object]], object]] = {
    b"L": list,
    b"U": tuple,
    b"E": _set_from(set),
    b"Z": _set_from(frozenset),
    b"M": dict_from,
    b"O": lambda items: OrderedDict(dict_from(items)),
    b"K": _counter_from,
    b"V": lambda items: defaultdict(None, dict_from(items)),
    b"Q": _deque_from,
    b"R": lambda items: range(*_ints(items, 3)),
    b"P": lambda items: Fraction(*_small(_ints(items, 2))),
    b"J": lambda items: timedelta(*_ints(items, 3)),
}
