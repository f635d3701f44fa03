"""Make selection tests of the examples that a problem's statement shows.

Whoever writes an answer has read the statement, so its examples may steer a search, choose an answer, or be told to a
model that repairs its program, where the data set's hidden tests must not. HumanEval, for one, has examples in its
docstrings and no other public tests (Chen et al. 2022 take them for the same purpose, "CodeT", section 4).

Two forms are read: those of `doctest` (`>>> f(1)` with the value on the next lines), and a call followed on its line by
`==`, `=>`, `➞`, `->`, `returns` or `should return` and a value. Only calls of the problem's own function with literals
count, and only values that are literals: nothing of a statement is executed here. What cannot be read is left out.
"""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator
from dataclasses import replace

from sandbox.problems.problem import Problem
from sandbox.problems.problem_formats import Form

MOST_EXAMPLES = 32
_LONGEST = 400  # characters of a line that are looked at
_TIES = r"\s*(?:==>|==|=>|➞|→|->|=|[,;]?\s*(?:it\s+)?(?:should\s+)?returns?:?)\s*"


def with_examples(problem: Problem) -> Problem:
    """Return the problem with its statement's examples as selection tests; itself if it has some, or no example."""
    if problem.selected_by is not None or problem.form not in {Form.CHECK, Form.ASSERTS}:
        return problem
    found = examples(problem.prompt, problem.entry_point)
    if not found:
        return problem
    if problem.form is Form.ASSERTS:
        return replace(problem, public_tests="\n".join(f"assert {call} == {value}" for call, value in found))
    name = problem.entry_point
    lines = [f"    assert candidate{call.removeprefix(name)} == {value}" for call, value in found]
    return replace(problem, public_tests="\n".join(["def check(candidate):", *lines]))


def examples(statement: str, function: str) -> list[tuple[str, str]]:
    """Return the calls of `function` that a statement shows, with their values: both as source, each call once.

    A call that is shown with two different values is left out, because one of them is a mistake of the reader.
    """
    found: dict[str, str] = {}
    doubtful: set[str] = set()
    for said, value in [*_doctests(statement), *_on_one_line(statement, function)]:
        call, wanted = _literal_call(said, function), _literal(value)
        if call is None or wanted is None:
            continue
        if found.setdefault(call, wanted) != wanted:
            doubtful.add(call)
    return [(call, value) for call, value in found.items() if call not in doubtful][:MOST_EXAMPLES]


def _doctests(statement: str) -> Iterator[tuple[str, str]]:
    try:
        parsed = doctest.DocTestParser().get_examples(statement.replace('"""', "\n").replace("'''", "\n"))
    except ValueError:  # prompts are indented in ways that doctest refuses as a whole
        return
    for one in parsed:
        # doctest takes the words that follow for a part of the value: values end at the first line that closes one
        lines = one.want.splitlines()
        for end in range(1, len(lines) + 1):
            value = "\n".join(lines[:end])
            if _literal(value) is not None:
                yield one.source.strip(), value
                break


def _on_one_line(statement: str, function: str) -> Iterator[tuple[str, str]]:
    """Yield calls and values of lines such as `f(1, 2) == 3`, whose brackets may hold anything."""
    for begin in re.finditer(rf"(?<![\w.]){re.escape(function)}\(", statement):
        line = statement[begin.start() : statement.find("\n", begin.start()) % (len(statement) + 1)][:_LONGEST]
        for close in (at for at, sign in enumerate(line, 1) if sign == ")"):
            tied = re.match(_TIES, line[close:])
            if tied is not None and _literal_call(line[:close], function) is not None:
                yield from ((line[:close], value) for value in _value(line[close + tied.end() :], tied[0].strip()))
                break


def _value(text: str, tie: str) -> Iterator[str]:
    """Yield the longest beginning of a text that is a literal; nothing where it is the begin of a calculation.

    A comma outside of brackets ends it, and so does the full stop of a sentence: what stands behind is an assert's
    message, the next example, or words. Only behind words or arrows could `1, 2` be meant as one value; that is left
    out.
    """
    for end in range(len(text), 0, -1):
        if _literal(text[:end]) is not None:
            values = _without_brackets(text[:end].strip())
            if values > 1 and tie != "==":
                return
            if values or re.search(r"(?<![\w.])\d+\.\s*$", text[:end]):
                continue
            calculated = re.match(r"[\w'\"]|\s*[-+*/%=<>^&|(\[]", text[end:])
            if calculated is None:
                yield text[:end].strip()
            return


def _without_brackets(text: str) -> int:
    """Return how many values a literal lists without brackets around them, as in `1, 2`; 0 where it is one value."""
    tree = ast.parse(text, mode="eval").body
    listed = isinstance(tree, ast.Tuple) and tree.elts and tree.elts[0].col_offset == tree.col_offset
    return len(tree.elts) if listed and isinstance(tree, ast.Tuple) else 0


def _literal_call(text: str, function: str) -> str | None:
    """Return a call of the function with literals as Python writes it; None for anything else."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == function):
            return None
        for part in (*tree.args, *(keyword.value for keyword in tree.keywords)):
            ast.literal_eval(part)
        return ast.unparse(tree)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return None


def _literal(text: str) -> str | None:
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        ast.literal_eval(tree)
        return ast.unparse(tree)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return None
