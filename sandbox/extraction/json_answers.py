"""Find code within JSON: in a field of an object, or in a notebook's cells."""

from __future__ import annotations

import json
from typing import Any

_FIELDS = (
    "code",
    "program",
    "solution",
    "python",
    "python_code",
    "source_code",
    "source",
    "implementation",
    "completion",
    "final_answer",
    "answer",
    "response",
    "content",
    "output",
    "result",
    "arguments",
)


def unpacked(text: str) -> str | None:
    """Return the code within a text that is a JSON object; None if it is none, or holds no code."""
    text = text.strip()
    if text[:1] != "{" or text[-1:] != "}":
        return None
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return _text_of(value, deeper=True)


def _text_of(value: Any, *, deeper: bool) -> str | None:
    if isinstance(value, str):
        return value if value.strip() else None
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("cells"), list):
        return "\n\n".join(_source(cell) for cell in value["cells"] if _is_code(cell)) or None
    fields = {str(key).lower(): item for key, item in value.items()}
    for name in _FIELDS:
        found = _text_of(fields[name], deeper=False) if name in fields and (deeper or name != "arguments") else None
        if found is not None:
            return found
    return None


def _is_code(cell: object) -> bool:
    return isinstance(cell, dict) and cell.get("cell_type") == "code"


def _source(cell: dict[str, Any]) -> str:
    """Return the text of a notebook's cell, which is one text or a list of lines."""
    source = cell.get("source")
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""
