"""Our own lines, which `sampler export` writes and the replay backend reads: a sample with all that is known of it.

A verdict that stands there was made by another store, so it is a claim here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sampler.importing.imported import Claim, Imported, count_of, finish_of, text_of, told_by

EXAMPLE = (
    '{"task_id": "HumanEval/0", "model": "small", "index": 0, "completion": "    return 1", "prompt_tokens": 118, '
    '"completion_tokens": 5, "finish": "stop", "sum_nll": 1.86, "verdict": "PASSED"}'
)


def recognises(row: object) -> bool:
    """Whether a line is of this format."""
    return isinstance(row, dict) and {"task_id", "model", "index", "completion"} <= row.keys()


def samples(row: Any) -> Iterator[Imported]:
    """The sample of a line."""
    yield Imported(
        problem=row["task_id"],
        text=text_of(row, "completion"),
        program=text_of(row, "program") if row.get("program") is not None else None,
        index=count_of(row, "index"),
        seed=count_of(row, "seed"),
        finish=finish_of(row, "finish"),
        prompt_shared=row.get("prompt_shared") is True,
        claim=_claim(row),
        **told_by(row),
    )


def _claim(row: dict[str, Any]) -> Claim | None:
    verdict, passed = row.get("verdict"), row.get("passed")
    if isinstance(verdict, str):
        return Claim(passed=verdict == "PASSED", said=verdict)
    if not isinstance(passed, bool):
        return None
    said = row.get("said")
    return Claim(passed=passed, said=said if isinstance(said, str) else None)
