"""Plain JSON lines whose columns the user names: `--map answer=text --map info.id=problem`. A dot goes into an object."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from sampler.importing.imported import Claim, Imported, ImportFault, count_of, finish_of, number_of, seconds_of, text_of

EXAMPLE = '{"id": "HumanEval/0", "answer": "    return 1", "tokens": 5}'

FIELDS = (
    "problem", "prompt", "text", "program", "model", "index", "seed", "finish", "prompt_tokens", "completion_tokens",
    "prompt_seconds", "decode_seconds", "sum_logprob", "passed",
)  # fmt: skip


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

    def samples(row: Any) -> Iterator[Imported]:
        yield _sample({field: _at(row, column) for field, column in columns.items()})

    return samples


def _sample(row: dict[str, Any]) -> Imported:
    passed = row.get("passed")
    return Imported(
        problem=row.get("problem"),
        prompt=text_of(row, "prompt") if "prompt" in row else None,
        text=text_of(row, "text" if "text" in row else "program"),
        program=text_of(row, "program") if "program" in row else None,
        model=text_of(row, "model") if "model" in row else None,
        index=count_of(row, "index"),
        seed=count_of(row, "seed"),
        finish=finish_of(row, "finish"),
        prompt_tokens=count_of(row, "prompt_tokens"),
        completion_tokens=count_of(row, "completion_tokens"),
        prompt_seconds=seconds_of(row, "prompt_seconds"),
        decode_seconds=seconds_of(row, "decode_seconds"),
        sum_logprob=number_of(row, "sum_logprob"),
        claim=Claim(passed=bool(passed)) if isinstance(passed, bool | int | float) else None,
    )


def _at(row: Any, column: str) -> Any:
    """The value of a column; raises KeyError naming it."""
    value = row
    for part in (column,) if isinstance(row, dict) and column in row else column.split("."):
        if not isinstance(value, dict) or part not in value:
            raise KeyError(column)
        value = value[part]
    return value
