"""Encode values as bytes, and bytes in frames: the only formats between host, supervisor and candidate.

A frame is a length (4 bytes, big endian) and that many bytes of payload; a payload is one value. A value is one of a
closed set of exact types, each a tag and its content:

    N none · T true · F false · I int (length, decimal digits) · D float (8 bytes) · S str (length, UTF-8) ·
    B bytes (length, content) · L list (count, values) · M dict with str keys (count, key, value, …)

Lengths and counts are 4 bytes. The decoder is strict: it reads nothing twice, allocates memory only for bytes that were
sent, and refuses trailing bytes, and depth or size above its caps. So the cost of hostile bytes is linear in their
length.

Orders go the other way. Only the host writes them, so their reader may trust them, and they are written by the
interpreter's own `marshal` (`pack_order`). That takes a fiftieth of the time of our strict reader, in a fork where
every step costs page faults. `unpack_order` must never see bytes from a box.
"""

from __future__ import annotations

import marshal
import os
import struct
from typing import Any

from sandbox.inside.codec.codec_types import MARSHAL_VERSION

MAX_FRAME = 192 << 20
MAX_DEPTH = 32
MAX_DIGITS = 4000
MAX_COUNT = 100_000  # items of one list or dict

Value = None | bool | int | float | str | bytes | list["Value"] | dict[str, "Value"]

_LENGTH = struct.Struct(">I")
_FLOAT = struct.Struct(">d")
_LARGEST = 10**MAX_DIGITS
_CONSTANTS: dict[bytes, bool | None] = {b"N": None, b"T": True, b"F": False}


class WireError(ValueError):
    """Bytes that are no frame or no value of ours, or a value that has no bytes."""


def encode(value: object) -> bytes:
    """Encode a value as a payload; raises WireError for a type outside the set (subclasses included)."""
    parts: list[bytes] = []
    _encode(value, parts, MAX_DEPTH)
    return b"".join(parts)


def _encode(value: object, parts: list[bytes], depth: int) -> None:
    if depth < 0:
        raise WireError("a value is nested too deeply")
    kind = type(value)
    if kind is list or kind is dict:
        _encode_container(value, parts, depth)
    else:
        parts.append(_encode_scalar(value, kind))


def _encode_container(value: object, parts: list[bytes], depth: int) -> None:
    if type(value) is list:
        parts.append(b"L" + _LENGTH.pack(len(value)))
        for item in value:
            _encode(item, parts, depth - 1)
        return
    assert type(value) is dict  # noqa: S101  (the caller looked; this tells the type checker)
    parts.append(b"M" + _LENGTH.pack(len(value)))
    for key, item in value.items():
        if type(key) is not str:
            raise WireError(f"a key must be a str, not {type(key).__name__}")
        _encode(key, parts, depth - 1)
        _encode(item, parts, depth - 1)


def _encode_scalar(value: object, kind: type) -> bytes:
    if value is None:
        return b"N"
    if kind is bool:
        return b"T" if value else b"F"
    if kind is int:
        if abs(value) >= _LARGEST:  # type: ignore[arg-type]
            raise WireError(f"an int has more than {MAX_DIGITS} digits")
        return _sized(b"I", str(value).encode())
    if kind is float:
        return b"D" + _FLOAT.pack(value)
    if kind is str:
        return _sized(b"S", str.encode(value, "utf-8", "surrogatepass"))  # type: ignore[arg-type]
    if kind is bytes:
        return _sized(b"B", value)  # type: ignore[arg-type]
    raise WireError(f"{kind.__name__} has no place on the wire")


def _sized(tag: bytes, content: bytes) -> bytes:
    return tag + _LENGTH.pack(len(content)) + content


def decode(payload: bytes) -> Value:
    """Decode a payload to its value; raises WireError for anything that `encode` would not have written."""
    value, end = _decode(payload, 0, MAX_DEPTH)
    if end != len(payload):
        raise WireError(f"{len(payload) - end} bytes follow the value")
    return value


def decode_record(payload: bytes, known: frozenset[str]) -> dict[str, Value]:
    """Decode a dict of scalars, or of records of scalars, whose keys are all known.

    Raises WireError at the first other key or value, and decodes nothing after it. So the work is bounded by the number
    of known keys, for any payload.
    """
    record, end = _decode_record(payload, 0, known, nested=True)
    if end != len(payload):
        raise WireError(f"{len(payload) - end} bytes follow the record")
    return record


def _decode_record(data: bytes, at: int, known: frozenset[str], *, nested: bool) -> tuple[dict[str, Value], int]:
    count = _size(data, at + 1)
    if data[at : at + 1] != b"M" or count > len(known):
        raise WireError(f"a record is a dict of at most {len(known)} fields")
    record: dict[str, Value] = {}
    at += 5
    for _ in range(count):
        key, at = _decode_scalar(data, at)
        if type(key) is not str or key not in known or key in record:
            raise WireError("a field of a record is not known, or stands there twice")
        if nested and data[at : at + 1] == b"M":
            record[key], at = _decode_record(data, at, known, nested=False)
        else:
            record[key], at = _decode_scalar(data, at)
    return record, at


def _decode(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    if depth < 0:
        raise WireError("a value is nested too deeply")
    match data[at : at + 1]:
        case b"L":
            return _decode_list(data, at + 1, depth)
        case b"M":
            return _decode_dict(data, at + 1, depth)
        case _:
            return _decode_scalar(data, at)


def _decode_scalar(data: bytes, at: int) -> tuple[Value, int]:
    tag = data[at : at + 1]
    at += 1
    if tag in _CONSTANTS:
        return _CONSTANTS[tag], at
    match tag:
        case b"D":
            return _FLOAT.unpack(_take(data, at, 8))[0], at + 8
        case b"I" | b"S" | b"B":
            size = _size(data, at)
            return _decode_sized(tag, _take(data, at + 4, size)), at + 4 + size
        case _:
            raise WireError(f"no scalar begins with {tag!r}")


def _decode_sized(tag: bytes, content: bytes) -> Value:
    if tag == b"B":
        return content
    if tag == b"S":
        try:
            return content.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise WireError(f"a str is not UTF-8: {error}") from None
    digits = content[1:] if content[:1] == b"-" else content
    if not 1 <= len(digits) <= MAX_DIGITS or not digits.isdigit():
        raise WireError("an int is not made of digits, or of too many")
    value = int(content)
    if str(value).encode() != content:
        raise WireError("an int has zeros before it")
    return value


def _decode_list(data: bytes, at: int, depth: int) -> tuple[list[Value], int]:
    items: list[Value] = []
    count = _count(data, at)
    at += 4
    for _ in range(count):
        item, at = _decode(data, at, depth - 1)
        items.append(item)
    return items, at


def _decode_dict(data: bytes, at: int, depth: int) -> tuple[dict[str, Value], int]:
    items: dict[str, Value] = {}
    count = _count(data, at)
    at += 4
    for _ in range(count):
        key, at = _decode(data, at, depth - 1)
        if type(key) is not str or key in items:
            raise WireError("a key is not a str, or stands there twice")
        items[key], at = _decode(data, at, depth - 1)
    return items, at


def _count(data: bytes, at: int) -> int:
    count = _size(data, at)
    if count > MAX_COUNT:
        raise WireError(f"{count} items are over the cap of {MAX_COUNT}")
    return count


def _size(data: bytes, at: int) -> int:
    size: int = _LENGTH.unpack(_take(data, at, 4))[0]
    if size > len(data) - at:
        raise WireError(f"{size} is more than the payload holds")
    return size


def _take(data: bytes, at: int, size: int) -> bytes:
    content = data[at : at + size]
    if len(content) != size:
        raise WireError("the payload stops in the middle of a value")
    return content


def frame(payload: bytes) -> bytes:
    """Return the payload with its length before it."""
    if len(payload) > MAX_FRAME:
        raise WireError(f"a frame of {len(payload)} bytes is over the cap of {MAX_FRAME}")
    return _LENGTH.pack(len(payload)) + payload


class FrameBuffer:
    """Collects bytes as they come and hands out whole payloads."""

    def __init__(self, cap: int = MAX_FRAME) -> None:
        self._data = bytearray()
        self._cap = cap

    def feed(self, data: bytes) -> None:
        """Add what has arrived."""
        self._data += data

    def next(self) -> bytes | None:
        """Return the next whole payload, or None until more has arrived; raises WireError for a length over the cap."""
        if len(self._data) < 4:
            return None
        size: int = _LENGTH.unpack_from(self._data)[0]
        if size > self._cap:
            raise WireError(f"a frame of {size} bytes is over the cap of {self._cap}")
        if len(self._data) < 4 + size:
            return None
        payload = bytes(self._data[4 : 4 + size])
        del self._data[: 4 + size]
        return payload


def read_frame(fd: int) -> bytes | None:
    """Read one payload from a blocking descriptor; None at a clean end; raises WireError at an end in the middle."""
    head = _read_exactly(fd, 4)
    if not head:
        return None
    if len(head) < 4:
        raise WireError("the stream ends inside a length")
    size: int = _LENGTH.unpack(head)[0]
    if size > MAX_FRAME:
        raise WireError(f"a frame of {size} bytes is over the cap of {MAX_FRAME}")
    payload = _read_exactly(fd, size)
    if len(payload) < size:
        raise WireError("the stream ends inside a frame")
    return payload


def _read_exactly(fd: int, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = os.read(fd, min(size, 1 << 20))
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def write_frame(fd: int, payload: bytes) -> None:
    """Write one frame to a blocking descriptor."""
    data = memoryview(frame(payload))
    while data:
        data = data[os.write(fd, data) :]


def pack_order(order: Any) -> bytes:
    """Encode an order of None, bool, int, float, str, bytes, lists and dicts; raises ValueError for anything else."""
    return marshal.dumps(order, MARSHAL_VERSION)


def unpack_order(data: bytes) -> Any:
    """Decode an order that the host packed."""
    return marshal.loads(data)  # noqa: S302  (written by the host)
