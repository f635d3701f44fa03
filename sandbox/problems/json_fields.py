"""Read and check the fields of JSON objects: rows of a file of problems, and objects whose keys are all known.

A value of the wrong type or range, or a misspelt key (`checked`), raises a ValueError that names the key and suggests
what was meant. JSON within a text is read here, too.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import reprlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sandbox.sanitize import did_you_mean

MAX_DIGITS = 100_000  # of an integer in a file; Python takes 80 ms for one, and four times that for twice as many
_KINDS: dict[str, Callable[[object], bool]] = {
    "a text": lambda value: isinstance(value, str),
    "a text with something in it": lambda value: isinstance(value, str) and value != "",
    "true or false": lambda value: isinstance(value, bool),
    "a number above 0": lambda value: type(value) in {int, float} and 0 < value <= sys.float_info.max,  # type: ignore[operator]
    "a whole number above 0": lambda value: type(value) is int and value > 0,
    "a list": lambda value: isinstance(value, list),
    "a list with something in it": lambda value: isinstance(value, list) and value != [],
    "an object": lambda value: isinstance(value, dict),
    "a text or an object": lambda value: isinstance(value, str | dict),
    "any value": lambda _: True,
}
_OTHER_FILES = {  # by their first bytes
    b"\x28\xb5\x2f\xfd": "compressed by zstd; unpack it first: zstd -d FILE",
    b"\xfd7zXZ": "compressed by xz; unpack it first: xz -d FILE",
    b"BZh": "compressed by bzip2; unpack it first: bzip2 -d FILE",
    b"PK\x03\x04": "a ZIP archive; unpack it first",
    b"PAR1": "a Parquet file; `sampler import` reads it",
    b"\xff\xfe": "a text in UTF-16; write it again in UTF-8",
    b"\xfe\xff": "a text in UTF-16; write it again in UTF-8",
}
_lifted, _lock = 0, threading.Lock()


class LeftOutRow(ValueError):
    """A row that is read, but whose problem is left out; it has the problem's name."""

    def __init__(self, name: str, why: str = "is left out") -> None:
        super().__init__(f"{name} {why}")
        self.name = name


class NoTests(LeftOutRow):
    """A problem without tests: its file is not malformed, but no program could fail it."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "has no test")


@contextmanager
def long_integers() -> Iterator[None]:
    """Raise Python's limit of 4,300 digits of an integer's text to MAX_DIGITS within this context."""
    global _lifted  # noqa: PLW0603  (Python's limit is one for the whole process, too)
    with _lock:
        _lifted += 1
        sys.set_int_max_str_digits(MAX_DIGITS)
    try:
        yield
    finally:
        with _lock:
            _lifted -= 1
            if not _lifted:
                sys.set_int_max_str_digits(sys.int_info.default_max_str_digits)


def from_base64(text: str) -> bytes:
    """Return the bytes that a text in base64 stands for; it may have several lines. Raises ValueError."""
    return base64.b64decode("".join(text.split()), validate=True)


def parsed(text: str | bytes, what: str) -> Any:
    """Return the value of a JSON text; raises ValueError naming `what` it is."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{what} is not JSON ({error})") from error


def not_json(line: bytes, error: Exception) -> str:
    """Return what is wrong with a line that is not JSON, and what to do if its bytes show what it is instead."""
    for head, what in _OTHER_FILES.items():
        if line.startswith(head):
            return f"not JSON, but {what}"
    way_out = ""
    if isinstance(error, UnicodeDecodeError):
        way_out = "; the text is not UTF-8: write it again in UTF-8"
    elif isinstance(error, json.JSONDecodeError) and not line.endswith(b"\n") and line.lstrip()[:1] == b"{":
        way_out = "; the file ends within this line, as if its writing was interrupted: write it again"
    return f"not JSON ({error}){way_out}"


def field(row: Mapping[str, Any], key: str) -> Any:
    """Return the value of a key that must be there; raises ValueError."""
    if key not in row:
        raise ValueError(f"the field {key!r} is missing")
    return row[key]


def text(row: Mapping[str, Any], key: str) -> str:
    """Return a text that must be there; raises ValueError."""
    return _text(field(row, key), key)


def text_or_empty(row: Mapping[str, Any], key: str) -> str:
    """Return a text, or an empty one if it is missing or null."""
    value = row.get(key)
    return "" if value is None else _text(value, key)


def text_or_none(row: Mapping[str, Any], key: str) -> str | None:
    """Return a text, or None if it is missing or null."""
    return None if row.get(key) is None else text(row, key)


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{key} must be a text, not {shown(value)}")  # a file's fault
    return value


def name(row: Mapping[str, Any], *keys: str) -> str:
    """Return the first of these keys that is there, as a name: a text or a whole number; raises ValueError."""
    key = next((key for key in keys if row.get(key) is not None), keys[0])
    value = field(row, key)
    if type(value) not in {str, int} or value == "":
        raise ValueError(f"{key} must be a name (a text or a whole number), not {shown(value)}")
    return str(value)


def texts(row: Mapping[str, Any], key: str) -> list[str]:
    """Return a list of texts that must be there; raises ValueError."""
    return [_text(one, f"{key}[{number}]") for number, one in enumerate(a_list(field(row, key), key))]


def a_list(value: Any, key: str) -> list[Any]:
    """Return the value, a list; raises ValueError."""
    if not isinstance(value, list):
        raise ValueError(f"{key} must be a list, not {shown(value)}")
    return value


def an_object(value: Any, key: str) -> dict[str, Any]:
    """Return the value, an object; raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError(f"{key} must be an object, not {shown(value)}")
    return value


def number(row: Mapping[str, Any], key: str) -> float:
    """Return a finite number of at least 0 that must be there; raises ValueError."""
    value = field(row, key)
    if type(value) not in {int, float} or not 0 <= value <= sys.float_info.max or math.isnan(value):
        raise ValueError(f"{key} must be a number of at least 0, not {shown(value)}")
    return float(value)


def inner(row: Mapping[str, Any], key: str) -> Any:
    """Return a field that is JSON in a text or, in converted files, the value itself; None if it is missing."""
    value = row.get(key)
    if isinstance(value, str):
        return parsed(value, key) if value.strip() else None
    return value


def digest(value: object) -> str:
    """Return the SHA-256 of a JSON value, to stand for its text."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def shown(value: object) -> str:
    """Return a short text for any value."""
    try:
        return reprlib.repr(value)
    except (ValueError, RecursionError):  # an int that Python does not write, a value nested more deeply
        return f"a {type(value).__name__}"


def checked(value: object, kinds: Mapping[str, str]) -> dict[str, Any]:
    """Return the object if it has only these keys and each value has its type; else raise ValueError."""
    if not isinstance(value, dict):
        raise ValueError(f"an object is expected, not {reprlib.repr(value)}")  # a file's fault
    for key, item in value.items():
        if key not in kinds:
            raise ValueError(f"there is no key {key!r}{did_you_mean(key, kinds)}; the keys are {', '.join(kinds)}")
        if not _KINDS[kinds[key]](item):
            raise ValueError(f"{key} must be {kinds[key]}, not {reprlib.repr(item)}")
    return value
