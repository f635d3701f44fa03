"""Encode answers and arguments as bytes, and decode them strictly; host and box both use it.

The types are a closed set, checked by `type(x) is T`: None, bool, int, float, complex, str, bytes, list, tuple, set,
frozenset, dict, range, deque, Counter, OrderedDict, defaultdict, Decimal, Fraction, date, time, datetime, timedelta. A
value of another type that equals one of these is sent as that one (`equivalents`): an instance of a subclass that
inherits comparison and iteration, a bytearray, a view of a dict, a numpy scalar. Anything else is sent as a mark that
equals nothing: `Spoof` for an instance of a class with its own comparison or truth, `Opaque` for any other type,
`Iterated` for an iterator with its items, `Array` for a numpy array with its items, and `Oversized` for values beyond
the limits. An answer that is a mark says whether it counts as true. A `Digest` may replace an answer of many bytes if
only equality is tested; it is taken over a form in which equal values have equal bytes.

A *plain* value (None, numbers, texts, bytes, and lists, tuples, sets and dicts of such) has a second, short form: what
the interpreter's own `marshal` writes for it, because that takes a twentieth of the time. Bytes of a candidate are read
by our own reader: `marshal.loads` gets only what the host wrote (`decode_calls`, in the box).

There is no pickle, no eval, and no name that chooses a class: tags are looked up in a fixed table. The encoder runs in
the candidate's process under its limits; a candidate that breaks it breaks only its own answers. The decoder is strict:
depth, items, digits and text are limited, memory is allocated only for bytes that were sent, and malformed data raise
CodecError.

`encoding` writes, `decoding` reads both forms, `codec_types` holds the marks, the limits and what a plain value is, and
`hash_tables` refuses keys that make a dict or a set slow.
"""

from __future__ import annotations

import marshal
from collections import deque
from collections.abc import Iterator
from typing import Any

from sandbox.inside.codec.codec_types import (
    LENGTH,
    MARSHAL_VERSION,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_DIGEST_DEPTH,
    MAX_INT_BYTES,
    MAX_ITERATED,
    MAX_PLAIN,
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
    is_plain,
    types_in,
)
from sandbox.inside.codec.decoding import HEAVY, DecodeBudget, Decoder, MarshalDecoder
from sandbox.inside.codec.encoding import Encoder, Hasher, NotEncodable, NotReproducible, oversized

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_INT_BYTES",
    "MAX_ITERATED",
    "MAX_PLAIN",
    "TOO_MANY",
    "TRUSTED",
    "AnswerEncoder",
    "Array",
    "CodecError",
    "DecodeBudget",
    "Digest",
    "Iterated",
    "Mark",
    "Opaque",
    "Oversized",
    "Spoof",
    "TooManyItems",
    "call_key",
    "decode",
    "decode_calls",
    "digest",
    "encode",
    "encode_answer",
    "encode_calls",
    "encoded_size",
    "item_count",
    "may_contain_spoofs",
    "mutable_bytes",
    "walk",
]

TOO_LARGE = oversized("something too large: there is no room for so many bytes")
TOO_MANY = oversized("something too large: there is no room for so many items")
MUTABLE_TYPES = frozenset({list, set, dict, tuple, frozenset})  # a tuple may hold a list
TRUSTED = 1 << 62  # items: the room for what no candidate has written
_NOT_DIGESTED = frozenset({float, complex})  # a NaN equals nothing, and a digest of it would
_MARKS = frozenset({b"!", b"?", b"%", b"G", b"A"})


def encode(value: object, most_bytes: int = MAX_BYTES, *, exact: bool = False) -> bytes:
    """Encode any value in the long form; a value that the codec cannot carry becomes a mark.

    With `exact`, a value that would be decoded as an equal value of another type becomes a mark, too.
    """
    try:
        return Encoder(most_bytes, exact=exact).bytes_of(value)
    except NotEncodable as error:
        return _refused(value, error)


def _refused(value: object, error: NotEncodable) -> bytes:
    if isinstance(error, NotReproducible):
        return Encoder().bytes_of(Opaque(type(value).__name__))
    return oversized(f"something too large: {error}")


def mutable_bytes(values: list[Any]) -> bytes:
    """Encode the arguments of a function, to see whether it changes them; b"" if it cannot change any."""
    if is_plain(values):
        kinds = set(map(type, values))
        return b"" if kinds.isdisjoint(MUTABLE_TYPES) else marshal.dumps(values, MARSHAL_VERSION)
    return encode(values)


def call_key(call: Any) -> bytes:
    """Encode a call, of any size; only equal calls have equal bytes. Raises CodecError if it cannot be encoded."""
    try:
        return Encoder(strict=True).bytes_of(call)
    except NotEncodable as error:
        raise CodecError(str(error)) from None


class AnswerEncoder:
    """Encodes answers that may take `most_bytes` together: plain ones in the short form, others in the long one.

    Unless `whole`, a digest replaces a plain answer of more than MAX_PLAIN bytes; one with a float in it only if there
    is no room for the answer itself. A mark replaces any other answer without room.
    """

    def __init__(self, most_bytes: int, *, whole: bool) -> None:
        self._left, self._whole = most_bytes, whole

    def __call__(self, value: Any) -> bytes:
        """Encode an answer."""
        if is_plain(value):
            data = SHORT + marshal.dumps(value, MARSHAL_VERSION)
            size = len(data)
            if size <= MAX_PLAIN and (size <= self._left or size <= len(TOO_LARGE)):  # a mark would take as many
                self._left -= size
                return data
            if size > MAX_PLAIN and not self._whole:
                data = _digested(value) or data
            if len(data) > self._left:
                data = (None if self._whole else digest(value)) or _truth(value) + TOO_LARGE
        else:
            data = self._written(value)
        self._left = max(0, self._left - len(data))
        return data

    def _written(self, value: Any) -> bytes:
        try:
            data = Encoder(self._left).bytes_of(value)
        except NotEncodable as error:
            data = _refused(value, error)
        return data if data[:1] not in _MARKS else _truth(value) + data


def _digested(value: Any) -> bytes | None:
    return None if types_in(value) & _NOT_DIGESTED else digest(value)


def _truth(value: object) -> bytes:
    """Return a byte that says whether a value is true, or b"" if its truth method raises; called once per answer."""
    try:
        return b"+" if value else b"-"
    except Exception:
        return b""


def encode_answer(value: Any, *, whole: bool = False) -> bytes:
    """Encode an answer as a box does that has room for it."""
    return AnswerEncoder(MAX_BYTES, whole=whole)(value)


def may_contain_spoofs(data: bytes) -> bool:
    """Return False if the data cannot contain a Spoof, judged from the bytes alone because that is fast."""
    return data[:1] != SHORT and b"!" in data


def encode_calls(calls: list[Any]) -> list[bytes]:
    """Encode calls for a box (`decode_calls` reads them): in one piece if all are plain, else one by one.

    Raises CodecError for a value that a box cannot be given.
    """
    if is_plain(calls):
        return [SHORT + marshal.dumps(calls, MARSHAL_VERSION)]
    return [call_key(call) for call in calls]


def encoded_size(value: Any) -> int:
    """Return how many bytes a value takes when encoded; raises CodecError if it cannot be."""
    return len(marshal.dumps(value, MARSHAL_VERSION)) if is_plain(value) else len(call_key(value))


def item_count(value: Any) -> int:
    """Return the weight of a value and all items within it in a DecodeBudget."""
    return sum(HEAVY.get(type(part), 1) for part in walk(value))


_LEAVES = frozenset({bool, bytes, complex, float, int, str, type(None)})
_SEQUENCES = (list, tuple, set, frozenset, deque)


def walk(value: Any) -> Iterator[Any]:
    """Yield the value and everything within it, keys of dicts and items of marks included; a range has no parts."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        yield one
        if type(one) in _LEAVES:
            continue
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, (Iterated, Array)):
            waiting += one.items
        elif isinstance(one, _SEQUENCES):
            waiting += one


def decode_calls(part: bytes) -> list[Any]:
    """Decode the calls of one piece. Only for bytes of the host: `marshal` trusts what it reads."""
    return marshal.loads(part[1:]) if part[:1] == SHORT else [decode(part, DecodeBudget(TRUSTED))]  # noqa: S302  (written by the host)


def digest(value: object) -> bytes | None:
    """Encode the Digest of a value; None for a value whose equality to another one no digest can decide."""
    hashed = Hasher()
    try:
        hashed.put(value, MAX_DIGEST_DEPTH)
    except NotEncodable:
        return None
    content = hashed.size.to_bytes(8, "big") + hashed.sha256.digest()
    return b"#" + LENGTH.pack(len(content)) + content


def decode(data: bytes, budget: DecodeBudget | None = None) -> object:
    """Decode bytes to a value of exact types and marks; raises CodecError."""
    decoder = (MarshalDecoder if data[:1] == SHORT else Decoder)(data, budget or DecodeBudget(TRUSTED))
    value = decoder.take(MAX_DEPTH + 2)
    if decoder.at != len(data):
        raise CodecError(f"{len(data) - decoder.at} bytes follow the value")
    return value
