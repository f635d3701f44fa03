"""Read what programs may assume.

It comes from a row of our own format, an option of a command, or a table of a study file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.problems.json_validation import checked
from sandbox.values import Assumptions

KEYS = {
    "imports": "a text",
    "recursion_limit": "a whole number above 0",
    "long_integers": "true or false",
    "cpu_s": "a number above 0",
    "wall_s": "a number above 0",
    "time_per_test": "true or false",
}


def read_assumed(given: Mapping[str, object]) -> dict[str, Any]:
    """Return the fields of `Assumptions` that are given; raises ValueError for other keys, kinds and sizes."""
    fields = checked(dict(given), KEYS)
    if (imports := fields.get("imports", "")) and not imports.endswith("\n"):
        fields["imports"] = f"{imports}\n"
    Assumptions(**fields)  # looks at their sizes
    return fields


def read_words(words: Iterable[str]) -> dict[str, Any]:
    """Return the same from words such as `cpu_s=4`: values are written as in JSON, imports as they are."""
    given: dict[str, object] = {}
    for word in words:
        key, found, value = word.partition("=")
        if not found:
            raise ValueError(f"{word!r} has no value; write for example recursion_limit=5000")
        try:
            given[key] = value if key == "imports" else json.loads(value)
        except ValueError:
            given[key] = value  # `read_assumed` says what it should be
    return read_assumed(given)


def in_words(assumed: Mapping[str, object]) -> list[str]:
    """Return the words that `read_words` takes for these fields."""
    return [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in assumed.items()]
