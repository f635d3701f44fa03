"""Samples as CodeT publishes them: a prompt and all that a model wrote for it, uncut, on every line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sampler.importing.imported import Imported, NoText, list_of, text_of, texts_of

EXAMPLE = '{"prompt": "def add(a, b):\\n", "samples": ["    return a + b\\n\\ndef next_one():", "    pass"]}'


def recognises(row: object) -> bool:
    """Whether a line is of this format."""
    if not isinstance(row, dict) or not isinstance(row.get("prompt"), str):
        return False
    listed = row.get("samples")
    return isinstance(listed, list) and all(isinstance(text, str | None) for text in listed[:1])


def samples(row: Any) -> Iterator[Imported | NoText]:
    """The samples of a line."""
    name = row.get("task_id")
    for text in texts_of(list_of(row["samples"], "samples"), "samples"):
        yield text if isinstance(text, NoText) else Imported(problem=name, prompt=text_of(row, "prompt"), text=text)
