"""Generations of the BigCode evaluation harness.

A list for every problem, in the data set's order, of whole programs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sampler.importing.imported import Imported, NoText, list_of, texts_of

EXAMPLE = '[["def add(a, b):\\n    return a + b"], ["def double(n):\\n    return 2 * n"]]'


def recognises(row: object) -> bool:
    """Whether a file is of this format."""
    return isinstance(row, list) and all(
        isinstance(texts, list) and all(isinstance(text, str | None) for text in texts[:1]) for texts in row[:3]
    )


def samples(row: Any) -> Iterator[Imported | NoText]:
    """All samples of a file."""
    for position, texts in enumerate(row):
        name = f"list {position}"
        for text in texts_of(list_of(texts, name), name):
            yield text if isinstance(text, NoText) else Imported(position=position, text=text)
