"""Sample logs of the LM evaluation harness (`--log_samples`): a document, its answers and the metrics on every line.

Taken is what that harness executed: its filtered answers, which are whole programs. A metric over one sample is its
verdict; one over several says nothing of any of them, unless all passed or none did.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sampler.importing.imported import Claim, Imported, NoText, Reading, table_of

EXAMPLE = (
    '{"doc": {"task_id": "HumanEval/0", "prompt": "def ..."}, "resps": [["    return 1"]], '
    '"filtered_resps": [["def ...\\n    return 1"]], "pass@1": 1.0}'
)
_METRICS = ("pass@1", "pass_at_1")


def recognises(row: object) -> bool:
    """Whether a line is of this format."""
    return isinstance(row, dict) and isinstance(row.get("doc"), dict) and "resps" in row


def samples(row: Any) -> Iterator[Imported | NoText]:
    """The samples of a line."""
    document = table_of(row["doc"], "doc")
    name = document["task_id"]
    if "test_list" in document and isinstance(name, int):  # MBPP calls its problems by number alone
        name = f"MBPP/{name}"
    programs = _texts(row.get("filtered_resps"))
    texts, reading = (programs, Reading.PROGRAM) if programs else (_texts(row["resps"]), Reading.RAW)
    told = next((row[metric] for metric in _METRICS if metric in row), None)
    claim = Claim(passed=told == 1) if told in {0, 1} else None
    if not texts:
        yield NoText("resps holds no text")
    for text in texts:
        yield Imported(problem=name, text=text, reading=reading, claim=claim)


def _texts(value: object) -> list[str]:
    """All texts of lists in lists, in their order."""
    if isinstance(value, str):
        return [value]
    return [text for part in value for text in _texts(part)] if isinstance(value, list) else []
