"""Read checkers, for problems that have several right outputs, and the data sets that come with them.

A checker is a function `check(input, output, answer)`, as in our own format, or a script, as open-r1's Codeforces has
them (`generated_checker`): called with the names of three files, it prints the points. A script becomes a function that
writes the files and runs it. Nothing of it runs on the host.

The readers are those of open-r1's Codeforces and of CodeContests+ (Wang et al. 2025), whose checkers are in C++ and use
testlib.
"""

from __future__ import annotations

import ast
from typing import Any

from sandbox.problems import json_fields
from sandbox.problems.parse_tests import UNREADABLE
from sandbox.problems.readers.stdin_formats import CODECONTESTS, Given, in_programs, with_limits_of
from sandbox.values import Checker, OutputRule, StdinTests

_SCRIPT = '''import contextlib as _contextlib, io as _io, os as _os, sys as _sys

_SCRIPT = {source!r}


def check(input, output, answer):
    """Run the script over three files; what it prints are the points."""
    names = ("input.txt", "correct_output.txt", "solution_output.txt")
    for name, text in zip(names, (input, answer, output)):
        with open(name, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
    printed, code = _io.StringIO(), None
    _sys.argv = ["checker.py", *names]
    try:
        with _contextlib.redirect_stdout(printed):
            exec(compile(_SCRIPT, "checker.py", "exec"), {{"__name__": "__main__"}})
    except SystemExit as stop:
        code = stop.code
    finally:
        for name in names:
            _os.unlink(name)
    words = printed.getvalue().split()
    if not words:
        return code in (None, 0)
    points = float(words[0])
    return points / 100 if points > 1 else points
'''
_PARTS = (("input_format", "Input"), ("output_format", "Output"))


def function(source: str) -> Checker:
    """Return the checker of Python that defines check(input, output, answer); raises ValueError."""
    try:
        defined = [
            node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == "check"
        ]
    except UNREADABLE as error:
        raise ValueError(f"checker is no Python: {error}") from None
    if not defined:
        raise ValueError("checker is Python that defines check(input, output, answer)")
    given = defined[-1].args
    least = len(given.posonlyargs) + len(given.args) - len(given.defaults)
    most = 3 if given.vararg else len(given.posonlyargs) + len(given.args)
    if not least <= 3 <= most:
        raise ValueError(f"check of a checker takes three texts (input, output, answer), not {least}")
    return Checker(source=source)


def of_any_kind(source: str) -> Checker:
    """Return the checker of a function, or of a script in Python; raises ValueError for other languages."""
    if "#include" in source:
        raise ValueError("its checker is in C++, which is not run here")
    try:
        body = ast.parse(source).body
    except UNREADABLE as error:
        raise ValueError(f"its checker is no Python: {error}") from None
    if any(isinstance(node, ast.FunctionDef) and node.name == "check" for node in body) and "sys.argv" not in source:
        return function(source)
    return Checker(source=_SCRIPT.format(source=source))


def knows(row: dict[str, Any]) -> bool:
    """Return whether the row has one of the two formats."""
    return "official_tests" in row or ("checker" in row and ("generator" in row or "validator" in row))


def read(row: dict[str, Any]) -> Given:
    """Return the problem of a row; raises NoTests or ValueError."""
    return codeforces(row) if "official_tests" in row else codecontests_plus(row)


def codeforces(row: dict[str, Any]) -> Given:
    """Return the problem of a row of open-r1's Codeforces.

    A row without tests, or whose tests are cut, is left out (`official_tests_complete`), and so is one that needs an
    interactor, or that reads a file.
    """
    name = f"Codeforces/{json_fields.name(row, 'id')}"
    tests = _pairs(row["official_tests"], "official_tests")
    if not tests or row.get("official_tests_complete") is False or row.get("interaction_format"):
        raise json_fields.NoTests(name)
    if row.get("input_mode") not in {None, "stdio"}:
        raise json_fields.NoTests(name)
    checker = json_fields.text_or_none(row, "generated_checker")
    how = None if checker is None else of_any_kind(checker)
    examples = _pairs(row.get("examples") or [], "examples")
    return Given(
        name=name,
        question=_question(row, examples),
        tests=_checked(tests, how),
        public=_checked(examples, how) if examples else None,
        assumptions=with_limits_of(row, CODECONTESTS),
    )


def codecontests_plus(row: dict[str, Any]) -> Given:
    """Return the problem of a row of CodeContests+."""
    name = json_fields.name(row, "id", "name", "title")
    tests = _pairs(row.get("test_cases") or [], "test_cases")
    if not tests:
        raise json_fields.NoTests(name)
    source = json_fields.text_or_none(row, "checker")
    return Given(
        name=name,
        question=json_fields.text(row, "description"),
        tests=_checked(tests, None if source is None else of_any_kind(source)),
        assumptions=with_limits_of(row, CODECONTESTS),
    )


def _checked(pairs: list[tuple[Any, Any]], checker: Checker | None) -> StdinTests:
    tests = in_programs(pairs, OutputRule.CODECONTESTS)
    return tests if checker is None else StdinTests(cases=tests.cases, rule=tests.rule, checker=checker)


def _pairs(value: Any, key: str) -> list[tuple[Any, Any]]:
    found = [
        json_fields.an_object(one, f"{key}[{number}]")
        for number, one in enumerate(json_fields.a_list(value or [], key))
    ]
    return [(json_fields.field(one, "input"), json_fields.field(one, "output")) for one in found]


def _question(row: dict[str, Any], examples: list[tuple[Any, Any]]) -> str:
    """Return the statement, which the set keeps in parts."""
    parts = [json_fields.text_or(row, "title"), json_fields.text(row, "description")]
    for key, title in _PARTS:
        if text := json_fields.text_or(row, key):
            parts.append(f"{title}\n{text}")
    parts += [f"Example input\n{given}\nExample output\n{wanted}" for given, wanted in examples]
    if note := json_fields.text_or(row, "note"):
        parts.append(f"Note\n{note}")
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"
