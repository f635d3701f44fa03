"""Samples of EvalPlus: `task_id` and `solution` on every line, a folder of files for each problem, or its results.

A folder is read as lines of the first kind (`files`). In results, every program stands with the status of the base
tests and, where they were run, of the plus tests; a program passed if it passed all tests that were run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sampler.importing.humaneval import claim
from sampler.importing.imported import Claim, Imported, NoText, list_of, table_of, text_of, told_by

EXAMPLE = '{"task_id": "HumanEval/0", "solution": "def has_close_elements(numbers, threshold): ..."}'
RESULTS_EXAMPLE = '{"eval": {"HumanEval/0": [{"solution": "def ...", "base_status": "pass", "plus_status": "fail"}]}}'


def recognises(row: object) -> bool:
    """Whether a line is of this format."""
    return isinstance(row, dict) and "task_id" in row and "solution" in row


def samples(row: Any) -> Iterator[Imported]:
    """The sample of a line."""
    yield Imported(problem=row["task_id"], text=text_of(row, "solution"), claim=claim(row), **told_by(row))


def recognises_results(row: object) -> bool:
    """Whether a file is of results."""
    if not isinstance(row, dict) or not isinstance(row.get("eval"), dict):
        return False
    first = next(iter(row["eval"].values()), None)
    return isinstance(first, list) and bool(first) and isinstance(first[0], dict) and "base_status" in first[0]


def samples_of_results(row: Any) -> Iterator[Imported | NoText]:
    """The samples of a file of results."""
    for name, results in row["eval"].items():
        for result in (table_of(one, f"a result of {name}") for one in list_of(results, name)):
            statuses = [result[field] for field in ("base_status", "plus_status") if result.get(field) is not None]
            told = Claim(passed=all(status == "pass" for status in statuses), said="/".join(map(str, statuses)))
            if result.get("solution") is None:
                yield NoText(f"a solution of {name} is null")
                continue
            yield Imported(problem=name, text=text_of(result, "solution"), claim=told if statuses else None)
