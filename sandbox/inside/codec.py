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

`encoding` writes, `decoding` reads; `short` is the short form both ways; `marks` is what all of them share.
"""

from __future__ import annotations

import marshal
from typing import Any

from sandbox.inside.decoding import Decoder, Room
from sandbox.inside.encoding import Encoder, Hasher, TooMuch
from sandbox.inside.marks import (
    LENGTH,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_INT_BYTES,
    MAX_ITEMS,
    MAX_ITERATED,
    MAX_PLAIN,
    CodecError,
    Digest,
    Iterated,
    Opaque,
    Spoof,
)
from sandbox.inside.short import MARSHAL_VERSION, SHORT, WITH_LENGTH, ShortDecoder, is_plain

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_INT_BYTES",
    "MAX_ITEMS",
    "MAX_ITERATED",
    "MAX_PLAIN",
    "CodecError",
    "Digest",
    "Iterated",
    "Opaque",
    "Room",
    "Spoof",
    "calls_from",
    "decode",
    "digest",
    "encode",
    "encode_briefly",
    "encode_calls",
    "may_hold_spoofs",
]


def encode(value: object) -> bytes:
    """The bytes of any value at all; what has no place becomes a mark."""
    try:
        return Encoder().bytes_of(value)
    except TooMuch as error:
        return Encoder().bytes_of(Opaque(str(error)))


def encode_briefly(value: Any) -> bytes:
    """The bytes of any value: of a plain one the short form, of one of more than MAX_PLAIN bytes its Digest."""
    if is_plain(value, MAX_DEPTH):
        large = type(value) in WITH_LENGTH and len(value) > MAX_PLAIN  # whatever it holds, so it need not be written
        if not large and len(data := marshal.dumps(value, MARSHAL_VERSION)) <= MAX_PLAIN:
            return SHORT + data
        return digest(value)
    try:
        return Encoder(MAX_PLAIN).bytes_of(value)
    except TooMuch:
        return digest(value)


def may_hold_spoofs(data: bytes) -> bool:
    """False where the data cannot hold a Spoof: told from the bytes alone, because that takes no time."""
    return data[:1] != SHORT and b"!" in data


def encode_calls(calls: list[Any]) -> list[bytes]:
    """Calls for the box: in one piece where all of them are plain, else one by one. The host writes, `calls_from` reads."""
    if is_plain(calls, MAX_DEPTH):
        return [SHORT + marshal.dumps(calls, MARSHAL_VERSION)]
    return [encode(call) for call in calls]


def calls_from(part: bytes) -> list[Any]:
    """The calls of one piece. Only for what the host wrote: `marshal` believes what it reads."""
    return marshal.loads(part[1:]) if part[:1] == SHORT else [decode(part)]  # noqa: S302  (see above)


def digest(value: object) -> bytes:
    """The bytes of the Digest that stands for a value."""
    hashed = Hasher()
    try:
        hashed.put(value, MAX_DEPTH)
    except TooMuch as error:
        return Encoder().bytes_of(Opaque(str(error)))
    content = hashed.size.to_bytes(8, "big") + hashed.sha256.digest()
    return b"#" + LENGTH.pack(len(content)) + content


def decode(data: bytes, room: Room | None = None) -> object:
    """The value of `data`, made of exact types of ours and of marks; raises CodecError."""
    decoder: Decoder | ShortDecoder
    decoder = (ShortDecoder if data[:1] == SHORT else Decoder)(data, room or Room())
    value = decoder.take(MAX_DEPTH + 2)
    if decoder.at != len(data):
        raise CodecError(f"{len(data) - decoder.at} bytes follow the value")
    return value
