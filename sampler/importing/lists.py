"""One object of lists: the programs of every problem under its name, as APPS's evaluation has them (`all_codes.json`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sampler.importing.imported import Imported, list_of

EXAMPLE = '{"0": ["print(1)", "print(2)"], "1": ["print(input())"]}'


def recognises(row: object) -> bool:
    """Whether a file is of this format."""
    return (
        isinstance(row, dict)
        and bool(row)
        and all(isinstance(texts, list) and all(isinstance(text, str) for text in texts) for texts in row.values())
    )


def samples(row: Any) -> Iterator[Imported]:
    """All samples of a file."""
    for name, texts in row.items():
        for text in list_of(texts, name):
            if not isinstance(text, str):
                raise TypeError(f"a program of {name} is {text!r:.40}, not a text")
            yield Imported(problem=name, text=text)
