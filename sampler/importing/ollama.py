"""Answers of Ollama with its own counts and times.

`eval_count` tokens in `eval_duration` nanoseconds, the prompt's likewise.

Either one object {problem: [[answer, {counts …}], …]}, or a reply a line with a `task_id` put to it. Time for loading
the model is no cost of a sample and is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sampler.importing.imported import Claim, Imported, NoText, count_of, finish_of, list_of, seconds_of, table_of

EXAMPLE = (
    '{"HumanEval/0": [["    return 1", {"prompt_eval_count": 197, "prompt_eval_duration": 572604786, '
    '"eval_count": 41, "eval_duration": 581462322, "result": "passed"}]]}'
)
LINE_EXAMPLE = '{"task_id": "HumanEval/0", "response": "    return 1", "eval_count": 41, "eval_duration": 581462322}'


def recognises(row: object) -> bool:
    """Whether a file is of the first kind."""
    if not isinstance(row, dict) or not row:
        return False
    first = next(iter(row.values()))
    return isinstance(first, list) and all(
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], dict) and "eval_count" in pair[1]
        for pair in first[:1]
    )


def samples(row: Any) -> Iterator[Imported | NoText]:
    """All samples of a file of the first kind."""
    for name, pairs in row.items():
        for pair in list_of(pairs, name):
            text, told = list_of(pair, f"an answer of {name}")
            if text is None:
                yield NoText(f"an answer of {name} is null")
                continue
            yield _sample(name, text, table_of(told, f"what stands beside an answer of {name}"))


def recognises_line(row: object) -> bool:
    """Whether a line is a reply with its problem."""
    return (
        isinstance(row, dict) and "task_id" in row and ("response" in row or "message" in row) and "eval_count" in row
    )


def samples_of_line(row: Any) -> Iterator[Imported]:
    """The sample of a reply."""
    if row.get("error") and not row.keys() & {"response", "message"}:
        raise NoText(f"there is no answer, but an error: {row['error']!r:.60}")
    text = row["response"] if "response" in row else table_of(row["message"], "message")["content"]
    yield _sample(row["task_id"], text, row)


def _sample(name: str, text: object, told: dict[str, Any]) -> Imported:
    if text is None:
        raise NoText(f"the answer of {name} is null")
    if not isinstance(text, str):
        raise TypeError(f"an answer of {name} is {text!r:.40}, not a text")
    said = told.get("result")
    claim = Claim(passed=said == "passed", said=None if said == "passed" else said) if isinstance(said, str) else None
    return Imported(
        problem=name,
        text=text,
        finish=finish_of(told, "done_reason"),
        prompt_tokens=count_of(told, "prompt_eval_count"),
        completion_tokens=count_of(told, "eval_count"),
        prompt_seconds=seconds_of(told, "prompt_eval_duration", nanoseconds=True),
        decode_seconds=seconds_of(told, "eval_duration", nanoseconds=True),
        claim=claim,
    )
