"""A small function in every language whose function tests can be run, in the format of MultiPL-E.

`tests/data/language_functions.txt` has a section for each language: the prompt, the stop strings, a completion in which
`«right|wrong»` stands for the text of the right one and that of the wrong one, one that exits early, and the tests.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from script import ROOT

from sandbox.problems import Problem

_CHOICE = re.compile(r"«([^|»]*)\|([^»]*)»")
_EXTENSIONS = {"javascript": "js", "typescript": "ts", "go": "go_test.go", "rust": "rs", "ruby": "rb", "bash": "sh"}
_EXTENSIONS |= {"perl": "pl", "csharp": "cs", "ocaml": "ml"}


@dataclass(frozen=True)
class FunctionExample:
    """A problem of one language, with a right completion, a wrong one, and one that leaves early."""

    problem: Problem
    row: dict[str, object]
    right: str
    wrong: str
    exits: str


def examples() -> dict[str, FunctionExample]:
    """Return the example of each language."""
    text = (ROOT / "tests" / "data" / "language_functions.txt").read_text("utf-8")
    return {
        section.partition("\n")[0]: _example(section) for section in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]
    }


def _example(section: str) -> FunctionExample:
    language, _, rest = section.partition("\n")
    prompt, *parts = re.split(r"^--- (\w+)\n", rest, flags=re.MULTILINE)
    named = dict(zip(parts[::2], parts[1::2], strict=True))
    row = {
        "name": "Own_1_lengths",
        "language": _EXTENSIONS.get(language, language),
        "prompt": prompt,
        "tests": named["tests"],
        "stop_tokens": json.loads(f"[{named['stops']}]"),
    }
    right, wrong = (_CHOICE.sub(rf"\{number}", named["completion"]) for number in (1, 2))
    return FunctionExample(Problem.from_row(row), row, right, wrong, named["exit"])
