"""Exceptions to the rules of linter and formatter are few, and each says why it is there."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from script import ROOT

FOLDERS = ("sandbox", "sampler", "tui", "scripts", "images", "tests")
MOST = 39


@cache
def programs() -> dict[str, str]:
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in paths
        if Path("tests/escapes") not in path.relative_to(ROOT).parents  # hostile on purpose, to parsers as well
    }


def comments_with(word: str) -> Iterator[tuple[str, int, str]]:
    for name, text in programs().items():
        if word in text:
            for token in tokenize.generate_tokens(io.StringIO(text).readline):
                if token.type == tokenize.COMMENT and word in token.string:
                    yield name, token.start[0], token.string


def test_rules_of_the_linter_have_few_exceptions() -> None:
    assert len(list(comments_with("noqa:"))) <= MOST


def test_each_exception_has_its_reason() -> None:
    reason = re.compile(r"# noqa: [A-Z]+\d+(, [A-Z]+\d+)*( - |  \()\w.+")
    assert [found for found in comments_with("noqa") if not reason.search(found[2])] == []


def test_only_tables_of_literals_keep_a_form_of_their_own() -> None:
    for name, line, _ in comments_with("fmt:"):
        tree = ast.parse(programs()[name])
        tables = [node for node in ast.walk(tree) if _is_table(node) and node.end_lineno == line]
        assert tables, f"{name}:{line} is no table of literals; leave its form to the formatter"
        assert not any(_runs(node, line) for node in ast.walk(tree)), f"{name}:{line} is a statement of a function"


def _runs(node: ast.AST, line: int) -> bool:
    """Whether a line belongs to the body of a function: what is told there is code, and no table."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
        one.lineno <= line <= (one.end_lineno or one.lineno) for one in node.body
    )


def _is_table(node: ast.AST) -> bool:
    """Whether a node is a list, tuple, set or dict of three items or more, or a call with such a table."""
    if isinstance(node, ast.Call):
        return bool(node.args) and not node.keywords and _is_table(node.args[-1])
    if isinstance(node, ast.Dict):
        return len(node.values) >= 3
    return isinstance(node, ast.List | ast.Tuple | ast.Set) and len(node.elts) >= 3
