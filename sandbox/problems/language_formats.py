"""Read rows of benchmarks in many languages: MultiPL-E, HumanEval-X and HumanEvalPack.

MultiPL-E (Cassano et al. 2022): a completion of `prompt` ends where the first of `stop_tokens` begins, and `tests`
follow it. HumanEval-X (Zheng et al. 2023) and HumanEvalPack (Muennighoff et al. 2023): a completion continues `prompt`
(in Rust, also `declaration`), and `test` follows it; in Go, `test_setup` has the packages that the tests import.

How such tests are run is `sandbox.languages.drivers`'s.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.languages import find_language
from sandbox.languages.drivers import DRIVERS, function_of
from sandbox.problems import rows
from sandbox.problems.stdin_formats import Given
from sandbox.values import PYTHON, LanguageTests

_MULTIPL_E = ("name", "language", "prompt", "tests", "stop_tokens")
_HUMANEVAL_X = ("task_id", "prompt", "declaration", "canonical_solution", "test")
_SUFFIX = re.compile(r"^.*_test\.")  # of the file names that Go asks for
_DECLARED = re.compile(r"(\w+)\s*(?:=\s*(?:async\s*)?)?\([^()]*(?:\([^()]*\)[^()]*)*\)[^(){};]*(?:=>\s*)?[{:]?\s*\Z")
_NAMED = re.compile(r"\b(?:func|fn|function)\s+(\w+)")
_HUMANEVAL_X_STOPS = {"cpp": ("\n}",), "go": ("\nfunc", "\ntype"), "rust": ("\n}",), "java": ("\n    }\n",)}
_USUAL_STOPS = ("\nfunction ", "\n//", "\n/*", "\nconsole.log", "\nconst ")


def knows(row: dict[str, Any]) -> bool:
    """Return whether the row has one of these formats, in a language other than Python or, as HumanEval-X, in it."""
    if all(key in row for key in _MULTIPL_E):
        return True
    return (
        all(key in row for key in _HUMANEVAL_X) and "/" in str(row["task_id"]) and "def check(" not in str(row["test"])
    )


def read(row: dict[str, Any]) -> Given:
    """Return the problem of a row; raises ValueError for what is missing or malformed."""
    return _multipl_e(row) if "stop_tokens" in row else _humaneval_x(row)


def _multipl_e(row: dict[str, Any]) -> Given:
    language = _language(_SUFFIX.sub("", rows.text(row, "language")))
    text, prompt = rows.text(row, "tests"), rows.text(row, "prompt")
    name = rows.name(row, "name")
    if not text.strip():
        raise rows.NoTests(name)
    pairs = DRIVERS[language].cut(text)
    function = function_of(text, pairs) or re.sub(r"^[A-Za-z]+_\d+_", "", name)
    return Given(
        name=name,
        question=prompt,
        function=function,
        tests=LanguageTests(language=language, text=text, declaration=prompt, function=function, pairs=pairs),
        solution=rows.text_or_none(row, "canonical_solution"),
        continues=True,
        language=language,
        stops=tuple(rows.texts(row, "stop_tokens")),
    )


def _humaneval_x(row: dict[str, Any]) -> Given:
    name = rows.name(row, "task_id")
    language = _language(name.partition("/")[0])
    prompt, declaration = rows.text(row, "prompt"), rows.text(row, "declaration")
    if language == "rust" and declaration.strip() not in prompt:
        prompt += declaration
    function = rows.text_or(row, "entry_point") or _declared(declaration)

    def tests(key: str) -> LanguageTests | None:
        text = rows.text_or(row, key)
        setup = rows.text_or(row, "test_setup") if language == "go" else ""
        if not text.strip():
            return None
        return LanguageTests(language=language, text=f"{setup}\n{text}", declaration=prompt, function=function)

    judge = tests("test")
    if judge is None:
        raise rows.NoTests(name)
    return Given(
        name=name,
        question=prompt,
        function=function,
        tests=judge,
        public=tests("example_test"),
        solution=rows.text_or_none(row, "canonical_solution"),
        continues=True,
        language=language,
        stops=_HUMANEVAL_X_STOPS.get(language, _USUAL_STOPS),
    )


def _declared(declaration: str) -> str:
    """Return the name of the last function that a declaration begins; empty if none is found."""
    named: list[str] = _NAMED.findall(declaration)
    if named:
        return named[-1]
    found = _DECLARED.search(declaration.strip())
    return found[1] if found else ""


def _language(name: str) -> str:
    """Return the name of a language whose function tests can be run; raises ValueError."""
    found = find_language(name)
    language = PYTHON if found is None else found.name
    if language not in DRIVERS:
        raise ValueError(f"tests of functions in {language} cannot be run; there are {', '.join(DRIVERS)}")
    return language
