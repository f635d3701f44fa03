"""Read what a study asks of a model's server beyond the usual, and make a model row for each value of a list.

`[models.request]` holds fields that go to the server or the engine as they are. A list in it, or under one of `LISTED`
in [[models]], stands for several models: one for each value, named after it. A list that the server itself is to get is
written as a list in a list. `omit` names what we send by default and this server does not take.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import product
from typing import Any

from sampler.study.toml_table import TomlTable

LISTED = ("effort", "max_thinking_tokens", "thinking", "temperature", "top_p", "max_tokens")
OMITTABLE = (
    *("seed", "temperature", "top_p", "logprobs", "prefill", "stop"),
    *("top_k", "min_p", "repetition_penalty", "n", "stream_options"),
)
THOUGHTFUL = ("prefill", "stop")  # what no thinking model is sent: a begun answer ends its thought, and so does a fence
MOST_ROWS = 64
# Fields that a study says elsewhere, and where.
_ELSEWHERE = {
    **dict.fromkeys(("temperature", "top_p", "max_tokens", "stop"), "it is a key of [sampling] and [[models]]"),
    **dict.fromkeys(
        ("max_completion_tokens", "max_new_tokens"),
        'write max_tokens in [sampling], and max_tokens_key = "max_completion_tokens" in [models.options]',
    ),
    **dict.fromkeys(("logprobs", "top_logprobs"), "it is the key logprobs of [models.options]"),
    **dict.fromkeys(("stream", "stream_options"), "it is the key stream of [models.options]"),
    "n": "it is a key of [models.options]",
    "seed": "each sample has its own, from the study's seed",
    "model": "it is the key model of [[models]]",
    **dict.fromkeys(("messages", "prompt", "echo"), "the prompt is made from the problem"),
}


def model_rows(table: Any, where: TomlTable) -> Iterator[dict[str, Any]]:
    """Yield the tables of the models that one table stands for: itself, or one for each value of its lists.

    Raises SpecError, by `where`, for a list without a value or for more than `MOST_ROWS` models.
    """
    if not isinstance(table, Mapping):
        yield table  # whoever reads it says what is wrong
        return
    lists: list[tuple[tuple[str, ...], list[Any]]] = [
        ((key,), table[key]) for key in LISTED if isinstance(table.get(key), list)
    ]
    lists += _lists(table.get("request"), ("request",))
    count = 1
    for path, values in lists:
        count *= len(values)
        if not values:
            raise where.error(f"{'.'.join(path)} = [] has no value; write one, or take the key out")
    if count > MOST_ROWS:
        raise where.error(f"its lists stand for {count} models, and the most is {MOST_ROWS}; split the table")
    for chosen in product(*(values for _, values in lists)):
        row = deepcopy(dict(table))
        for (path, _), value in zip(lists, chosen, strict=True):
            _put(row, path, value)
        named = [f"{path[-1]}={_shown(value)}" for (path, _), value in zip(lists, chosen, strict=True)]
        if named and isinstance(row.get("name"), str):
            row.setdefault("model", row["name"])
            row["name"] = f"{row['name']} ({', '.join(named)})"
        yield row


def _lists(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _lists(inner, (*path, key))
    elif isinstance(value, list):
        yield path, value


def _put(table: dict[str, Any], path: Sequence[str], value: object) -> None:
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def read_request(table: TomlTable) -> dict[str, object]:
    """Return the fields of [models.request]; raises SpecError for one that a study says elsewhere."""
    fields = {key: table.take(key) for key in table.keys}
    for key, value in fields.items():
        if key in _ELSEWHERE:
            raise table.error(f"{key} has a place of its own: {_ELSEWHERE[key]}")
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise table.error(f"{key} = {value!r:.60} cannot be sent as JSON ({error})") from error
    return fields


def read_omit(table: TomlTable) -> tuple[str, ...]:
    """Return the defaults that are not sent, sorted; raises SpecError for a name that is none of them."""
    names = table.texts("omit")
    for name in names:
        if name not in OMITTABLE:
            raise table.error(f"omit: {name!r} is nothing that is sent by default; there are {', '.join(OMITTABLE)}")
    return tuple(sorted(set(names)))
