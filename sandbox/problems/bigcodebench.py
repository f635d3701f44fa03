"""Read BigCodeBench (Zhuo et al. 2024).

A completion continues `complete_prompt`; a unittest class tests it.

Such tests patch modules, read files that the program wrote and use its names, so they run in the program's process.
Most problems need packages (`--packages numpy,pandas,…`; a row's `libs` says which).
"""

from __future__ import annotations

from typing import Any

from sandbox.problems import rows
from sandbox.problems.stdin_formats import Given


def knows(row: dict[str, Any]) -> bool:
    """Return whether the row has this format."""
    return "complete_prompt" in row


def read(row: dict[str, Any]) -> Given:
    """Return the problem of a row; raises ValueError for missing or malformed fields."""
    source = rows.text(row, "test")
    if "class TestCases" not in source:
        raise ValueError("test defines no class TestCases, so nothing could ever fail")
    return Given(
        name=rows.name(row, "task_id"),
        question=rows.text(row, "complete_prompt"),
        function=rows.text(row, "entry_point"),
        tests=source,
        solution=rows.text_or_none(row, "canonical_solution"),
        continues=True,
    )
