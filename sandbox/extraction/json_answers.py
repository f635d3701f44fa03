"""Find the code that an answer holds in JSON: in a field of an object, in a list of files, in a notebook, in a call.

The fields' names are those that prompts for structured answers, tools of agents and their frameworks use.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
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
    "files",
    "arguments",
    "parameters",
    "input",
)
_OUTER = frozenset({"arguments", "parameters", "input"})  # of a call; of a call alone they hold the code
_LAST_WORDS = frozenset({"code", "program", "solution", "source", "implementation", "function", "script", "snippet"})
_WORDS = re.compile(r"[A-Z]?[a-z]+")
_BEGINS = re.compile(r"""(?:^|[>:=`])[ \t]*(?=[{\[])""", re.MULTILINE)
_MOST_TRIED = 20
_MOST_DEPTH = 4
_MOST_LITERAL = 50_000  # characters that are read as a literal of Python


def from_json(text: str) -> str | None:
    """Return the code within a text that is JSON as a whole; None if it is none, or holds no code."""
    text = text.strip()
    if (text[:1], text[-1:]) not in {("{", "}"), ("[", "]"), ('"', '"')}:
        return None
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        value = _literal(text)
    return None if isinstance(value, str) and "\n" not in value else _code(value, _MOST_DEPTH)


def _literal(text: str) -> object:
    """Return an object that was written as a literal of Python: with other quotes, or a comma at its end."""
    if text[0] != "{" or len(text) > _MOST_LITERAL:
        return None
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
    return value


def embedded(text: str) -> Iterator[str]:
    """Yield the code of objects and lists that begin in a line of a text, or behind a tag, as in calls of tools."""
    decoder, at = json.JSONDecoder(strict=False), 0
    for _ in range(_MOST_TRIED):
        begins = _BEGINS.search(text, at)
        if begins is None:
            return
        at = begins.end()
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1
            continue
        if (code := _code(value, _MOST_DEPTH)) is not None:
            yield code


def _code(value: object, depth: int) -> str | None:
    """Return the code in a value, which may lie in objects up to this depth."""
    match value:
        case str():
            return value if value.strip() else None
        case list() if value and all(isinstance(one, str) for one in value):
            return ("" if value[0].endswith("\n") else "\n").join(value)
        case list() if depth:
            return _files([(_path(one), one) for one in value if isinstance(one, dict)], depth)
        case dict() if depth:
            return _of_object(value, depth)
        case _:
            return None


def _of_object(value: Mapping[Any, Any], depth: int) -> str | None:
    if isinstance(value.get("cells"), list):
        return "\n\n".join(_cell_source(cell) for cell in value["cells"] if _is_code_cell(cell)) or None
    fields = {str(key).lower(): item for key, item in value.items()}
    if isinstance(fields.get("files"), dict):
        return _files(list(fields["files"].items()), depth)
    for name in _FIELDS:
        if name in fields and (found := _code(_read(fields[name], name), depth - 1)) is not None:
            return found
    for key, item in value.items():
        words = _WORDS.findall(str(key))
        if words and words[-1].lower() in _LAST_WORDS and isinstance(item, str | list) and (code := _code(item, 0)):
            return code
    several = [item for item in value.values() if isinstance(item, str) and "\n" in item]
    return several[0] if len(several) == 1 else None


def _read(item: object, name: str) -> object:
    """Return the arguments of a call, which may be JSON in a text."""
    if name not in _OUTER or not isinstance(item, str):
        return item
    try:
        value: object = json.loads(item, strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _path(file: Mapping[str, Any]) -> str:
    return next((str(file[key]) for key in ("path", "name", "filename", "file") if key in file), "")


def _files(files: list[tuple[Any, object]], depth: int) -> str | None:
    """Return files as blocks, each tagged by its extension; the code itself of one alone."""
    codes = [(str(path), code) for path, file in files if (code := _code(file, depth - 1)) is not None]
    if len(codes) < 2:
        return codes[0][1] if codes else None
    return "\n\n".join(f"`````{path.partition('.')[2]}\n{code}\n`````" for path, code in codes)


def _is_code_cell(cell: object) -> bool:
    return isinstance(cell, dict) and cell.get("cell_type") == "code"


def _cell_source(cell: dict[str, Any]) -> str:
    """Return the text of a notebook's cell, which is one text or a list of lines."""
    source = cell.get("source")
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""
