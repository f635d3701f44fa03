"""Samples as CodeT publishes them: a prompt and all that a model wrote for it, uncut, on every line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sampler.importing.imported import Imported, list_of, text_of

EXAMPLE = '{"prompt": "def add(a, b):\\n", "samples": ["    return a + b\\n\\ndef next_one():", "    pass"]}'


def recognises(row: object) -> bool:
    """Whether a line is of this format."""
    if not isinstance(row, dict) or not isinstance(row.get("prompt"), str):
        return False
    listed = row.get("samples")
    return isinstance(listed, list) and all(isinstance(text, str) for text in listed[:1])


def samples(row: Any) -> Iterator[Imported]:
    """The samples of a line."""
    name = row.get("task_id")
    for text in list_of(row["samples"], "samples"):
        if not isinstance(text, str):
            raise TypeError(f"a sample is {text!r:.40}, not a text")
        yield Imported(problem=name, prompt=text_of(row, "prompt"), text=text)
