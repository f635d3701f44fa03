"""One object of lists.

The programs of every problem under its name, as APPS's evaluation has them (`all_codes.json`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sampler.importing.imported import Imported, NoText, list_of, texts_of

EXAMPLE = '{"0": ["print(1)", "print(2)"], "1": ["print(input())"]}'


def recognises(row: object) -> bool:
    """Whether a file is of this format."""
    return (
        isinstance(row, dict)
        and bool(row)
        and all(
            isinstance(texts, list) and all(isinstance(text, str | None) for text in texts) for texts in row.values()
        )
    )


def samples(row: Any) -> Iterator[Imported | NoText]:
    """All samples of a file."""
    for name, texts in row.items():
        for text in texts_of(list_of(texts, name), name):
            yield text if isinstance(text, NoText) else Imported(problem=name, text=text)
