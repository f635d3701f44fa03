"""Plain JSON lines whose columns the user names: `--map answer=text --map info.id=problem`.

A dot goes into an object, or to a place in a list: `--map response.body.choices.0.message.content=text`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from sampler.importing.imported import (
    Claim,
    Imported,
    ImportFault,
    NoText,
    count_of,
    finish_of,
    number_of,
    seconds_of,
    text_of,
)

EXAMPLE = '{"id": "HumanEval/0", "answer": "    return 1", "tokens": 5}'


def reader(columns: Mapping[str, str]) -> Callable[[Any], Iterator[Imported]]:
    """A reader of lines by columns, {field: column}; raises ImportFault for a field that does not exist."""
    for field in columns:
        if field not in FIELDS:
            near = get_close_matches(field, FIELDS, n=1)
            raise ImportFault(
                f"--map: {field!r} is no field of a sample; "
                + (f"did you mean {near[0]!r}?" if near else f"the fields are {', '.join(FIELDS)}")
            )
    if not {"text", "program"} & columns.keys() or not {"problem", "prompt"} & columns.keys():
        raise ImportFault("--map must name the columns of problem (or prompt) and of text (or program)")

    texts = [column for field, column in columns.items() if field in {"text", "program"}]
    plan = tuple((_PLACES.get(field, field), column, _CONVERTERS[field]) for field, column in columns.items())

    def samples(row: Any) -> Iterator[Imported]:
        for column in texts:
            if _absent(row, column):
                raise NoText(f"there is no {column!r}: an answer without a text")
        told = {
            field: convert(row if column in row else _inside(row, column), column) for field, column, convert in plan
        }
        yield Imported(**{"text": told.get("program"), **told})

    return samples


def _absent(row: Any, column: str) -> bool:
    """Whether a line has nothing under a column of texts: a batch's answer that is an error has none."""
    if column in row:
        return row[column] is None
    try:
        return _inside(row, column)[column] is None
    except KeyError:
        return "." in column


def _as_it_is(row: Mapping[str, Any], field: str) -> Any:
    return row[field]


def _claim(row: Mapping[str, Any], field: str) -> Claim | None:
    passed = row[field]
    return Claim(passed=bool(passed)) if isinstance(passed, bool | int | float) else None


_PLACES: Mapping[str, str] = {"passed": "claim"}
_CONVERTERS: Mapping[str, Callable[[Mapping[str, Any], str], Any]] = {
    "problem": _as_it_is, "prompt": text_of, "text": text_of, "program": text_of, "model": text_of, "index": count_of,
    "seed": count_of, "finish": finish_of, "prompt_tokens": count_of, "completion_tokens": count_of,
    "prompt_seconds": seconds_of, "decode_seconds": seconds_of, "sum_logprob": number_of, "passed": _claim,
}  # fmt: skip
FIELDS = tuple(_CONVERTERS)


def _inside(row: Any, column: str) -> dict[str, Any]:
    """The value of a column with dots in its name, under that name; raises KeyError naming it."""
    value = row
    for part in column.split("."):
        if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            raise KeyError(column)
    return {column: value}
