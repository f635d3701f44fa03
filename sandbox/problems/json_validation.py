"""Check JSON objects whose keys are known.

A misspelt key, or a value of the wrong type, is an error that suggests what was meant.
"""

from __future__ import annotations

import difflib
import reprlib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_KINDS: dict[str, Callable[[object], bool]] = {
    "a text": lambda value: isinstance(value, str),
    "a text with something in it": lambda value: isinstance(value, str) and value != "",
    "true or false": lambda value: isinstance(value, bool),
    "a number above 0": lambda value: type(value) in {int, float} and 0 < value <= sys.float_info.max,  # type: ignore[operator]
    "a whole number above 0": lambda value: type(value) is int and value > 0,
    "a list": lambda value: isinstance(value, list),
    "a list with something in it": lambda value: isinstance(value, list) and value != [],
    "an object": lambda value: isinstance(value, dict),
    "any value": lambda _: True,
}


def checked(value: object, kinds: Mapping[str, str]) -> dict[str, Any]:
    """Return the object if it has only these keys and each value has its type; else raise ValueError."""
    if not isinstance(value, dict):
        raise ValueError(f"an object is expected, not {reprlib.repr(value)}")  # a file's fault
    for key, item in value.items():
        if key not in kinds:
            raise ValueError(f"there is no key {key!r}{meant(key, kinds)}; the keys are {', '.join(kinds)}")
        if not _KINDS[kinds[key]](item):
            raise ValueError(f"{key} must be {kinds[key]}, not {reprlib.repr(item)}")
    return value


def meant(word: str, known: Iterable[str]) -> str:
    """Return the question whether a known word was meant, if one is similar."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (do you mean {near[0]!r}?)" if near else ""
