"""Rows of files with one part made wrong, for tests that a reader breaks on none. `pythonpath` finds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def variants(value: Any, wrong: Any) -> Iterator[Any]:
    """The value with each of its parts, at whatever depth, in turn replaced by `wrong` or left out."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {name: other for name, other in value.items() if name != key}
            yield from (value | {key: one} for one in variants(inner, wrong))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from ([*value[:number], one, *value[number + 1 :]] for one in variants(inner, wrong))
    yield wrong
