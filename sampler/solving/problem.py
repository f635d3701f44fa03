"""Make a problem of what a person types or a program sends: a text, its function, and the tests that it shows.

The text is a beginning of code (a function with its docstring), or words. Its public tests are the examples in it
(`sandbox.problems.examples`), asserts that call the function, and those that are given besides. There are no hidden
tests: what passes the public ones is handed out.
"""

from __future__ import annotations

import ast
import builtins
import json
import re
import textwrap
from pathlib import Path

from sampler.exit_codes import CommandError, Exit
from sandbox.problems import Form, Problem, ProblemsError, read_problem, read_problems, with_examples
from sandbox.problems.examples import examples
from sandbox.problems.parse_tests import assert_tests

MOST_TEXT = 200_000  # characters
_FENCE = re.compile(r"^```[\w+-]*[ \t]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_DEFINED = re.compile(r"^(?:async )?def (\w+)\s*\(", re.MULTILINE)
_ASSERT = re.compile(r"\s*assert[\s(]")
_MOST_TRIES = 1000  # to find where asserts of several lines end, in a whole text
_CALLS = (r"^\s*assert\s+(?:not\s+)?(\w+)\(", r"^\s*>>>\s*(\w+)\(", r"`(?:def )?([^\W\d]\w*)\([^`\n]*\)[^`\n]*`")
_SUFFIXES = (".jsonl", ".json", ".gz", ".csv", ".parquet")


class UnclearProblem(CommandError, ValueError):
    """A text of which nobody can tell what is to be written."""

    exit_code = Exit.USAGE


def read_problem_text(path: Path, tests: str, entry: str | None) -> list[Problem]:
    """Return the problems of a file: those of a data set's file, or the one that a text asks.

    Raises ProblemsError or UnclearProblem.
    """
    if path.suffix in _SUFFIXES:
        return [with_examples(problem) for problem in read_problems(str(path)).problems]
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ProblemsError(f"cannot read {str(path)!r}: {reason}; give a text in UTF-8") from error
    return [problem_of(text, tests, entry, name=path.stem)]


def read_problem_input(text: str, tests: str, entry: str | None) -> list[Problem]:
    """Return the problems of a text from a person, or of rows of a data set from a program: JSON objects.

    Raises ProblemsError or UnclearProblem.
    """
    rows = _rows(text)
    if not rows:
        return [problem_of(text, tests, entry)]
    where = "standard input" if len(rows) == 1 else "standard input, row {}"
    return [with_examples(read_problem(row, where.format(number), number - 1)) for number, row in enumerate(rows, 1)]


def _rows(text: str) -> list[object]:
    """Return the JSON objects that a text is: one, or one a line; none where it is anything else."""
    if not text.lstrip().startswith("{"):
        return []
    for parts in ([text], [line for line in text.splitlines() if line.strip()]):
        try:
            rows = [json.loads(part) for part in parts]
        except (ValueError, RecursionError):
            continue
        if all(isinstance(row, dict) for row in rows):
            return rows
    return []


def problem_of(text: str, tests: str = "", entry: str | None = None, name: str = "asked") -> Problem:
    """Return the problem of a text; raises UnclearProblem."""
    if not text.strip():
        raise UnclearProblem("the problem is empty; write what the function is to do, with an example of a call")
    if len(text) + len(tests) > MOST_TEXT:
        raise UnclearProblem(f"the problem has {len(text) + len(tests)} characters; at most {MOST_TEXT} are taken")
    blocks = _FENCE.findall(text)
    code = text if _is_code(text) else next((block for block in reversed(blocks) if _DEFINED.search(block)), "")
    called = _called(f"{text}\n{tests}")
    defined = called if called in _DEFINED.findall(f"{code}\n{text}") else None
    function = entry or defined or _function(code) or _function(text) or called
    if function is None:
        raise UnclearProblem(
            "the problem names no function; begin one (`def name(…):`), show a call (`assert name(1) == 2`), "
            "or give its name with --entry"
        )
    public = _public(text, tests, function)
    continued = bool(code) and _function(code) == function
    if continued and _is_code(code):
        # Words around the code are kept as its comment, so that nothing that was asked gets lost.
        prompt = code if code == text else f"{_commented(text)}\n\n{code}"
        checked = public or f"assert callable({function})"
        return Problem(
            name=name, prompt=prompt, entry_point=function, tests=checked, form=Form.ASSERTS, public_tests=public
        )
    calls = assert_tests(public, function) if public else None
    if calls is None:
        checked = public or f"assert callable({function})"
        return Problem(
            name=name,
            prompt=f'"""\n{text.strip()}\n"""\n',
            entry_point=function,
            tests=checked,
            form=Form.ASSERTS,
            public_tests=public,
        )
    return Problem(
        name=name, prompt=text, entry_point=function, tests=public, form=Form.DATA, given=calls, public=calls
    )


def _public(text: str, tests: str, function: str) -> str:
    """Return the public tests as asserts, each once."""
    lines = [f"assert {call} == {value}" for call, value in examples(text, function)]
    shown = [one for one in _asserts(text) if f"{function}(" in one]
    given = tests.strip()
    if given and not _parses(given):
        raise UnclearProblem("the tests are no Python; write asserts, such as: assert name(1) == 2")
    return "\n".join(
        dict.fromkeys([*(ast.unparse(ast.parse(line)) for line in [*lines, *shown]), *filter(None, [given])])
    )


def _is_code(text: str) -> bool:
    """Return whether a text is the beginning of a Python file that ends within a function."""
    return _DEFINED.search(text) is not None and (_parses(text) or _parses(f"{text.rstrip()}\n    pass\n"))


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _function(text: str) -> str | None:
    found = _DEFINED.findall(text)
    return found[-1] if found else None


def _called(text: str) -> str | None:
    """Return the function that a text calls: in an assert, as doctest does, or between backticks; none of Python's."""
    found = [one[1] for pattern in _CALLS for one in re.finditer(pattern, text, re.MULTILINE)]
    within = (name for one in _asserts(text) for name in _names_called(one))
    return next((name for name in (*found, *within) if name not in vars(builtins)), None)


def _asserts(text: str) -> list[str]:
    """Return the asserts of a text, each of one line or several."""
    lines, found, tries = text.splitlines(), [], _MOST_TRIES
    for number, line in enumerate(lines):
        end = number + 1
        while _ASSERT.match(line) and end <= len(lines):
            statement = textwrap.dedent("\n".join(lines[number:end])).strip()
            if _parses(statement):
                found.append(statement)
                break
            end, tries = end + 1, tries - 1
            if tries < 0:
                break
    return found


def _names_called(line: str) -> list[str]:
    """Return the functions that a line calls by their names, those in arguments of others too: sorted(f(1)) == [1]."""
    calls = (node for node in ast.walk(ast.parse(line)) if isinstance(node, ast.Call))
    return [node.func.id for node in calls if isinstance(node.func, ast.Name)]


def _commented(text: str) -> str:
    words = _FENCE.sub("", text).strip()
    return "\n".join(f"# {line}".rstrip() for line in words.splitlines())
