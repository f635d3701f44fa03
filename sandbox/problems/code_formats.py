"""Read rows whose tests are code: LeetCode problems and BigCodeBench.

LeetCode comes from DeepSeek-Coder's evaluation (Guo et al. 2024) and from LeetCodeDataset (Xia et al. 2025). Both test
a method of a class Solution: DeepSeek-Coder by asserts over `my_solution` and a `test_input`, LeetCodeDataset by a
`check(candidate)`. Tests of calls and literals become data, with a fresh Solution for each call; nearly all tests are
such. The rest use linked lists and trees, whose nodes are objects of classes that the prompt defines. No such object
can leave a box, so these tests run in the program's process. Answers are compared as in the files, with ==, even if
LeetCode itself accepts them in any order.

BigCodeBench (Zhuo et al. 2024): a completion continues `complete_prompt`; a unittest class tests it. Such tests patch
modules, read files that the program wrote and use its names, so they run in the program's process. Most problems need
packages (`--packages numpy,pandas,…`; a row's `libs` says which).
"""

from __future__ import annotations

import ast
import math
from typing import Any

from sandbox.inside.environment import prepend_imports
from sandbox.problems import rows
from sandbox.problems.ast_names import leans_on, reaches_a_class
from sandbox.problems.checks import UNREADABLE, NotData, Reader, called, check_tests
from sandbox.problems.separability import check_code
from sandbox.problems.stdin_formats import NUMPY_IF_THERE, Given
from sandbox.values import Assumptions, CallTests, CheckTests

# DeepSeek-Coder, Evaluation/LeetCode
IMPORTS = (
    "import collections, copy, datetime, functools, hashlib, heapq, itertools, math, re, string, sys\n"
    f"from collections import *\nfrom functools import *\nfrom typing import *\n{NUMPY_IF_THERE}"
)
_OWNER, _INSTANCE = "Solution", "my_solution"
_NAMES = {"inf": math.inf}  # both sets define it for tests and programs alike


def knows_leetcode(row: dict[str, Any]) -> bool:
    """Return whether the row has one of the two formats."""
    return "prompt_sft" in row or ("test" in row and str(row.get("entry_point")).startswith(f"{_OWNER}()."))


def read_leetcode(row: dict[str, Any]) -> Given:
    """Return the problem of a row; raises ValueError for what is missing or malformed."""
    return deepseek(row) if "prompt_sft" in row else dataset(row)


def deepseek(row: dict[str, Any]) -> Given:
    """Return the problem of a row of DeepSeek-Coder's file, which has no solutions and no imports."""
    prompt, source = rows.text(row, "prompt"), rows.text(row, "test")
    function = f"{_OWNER}.{_method(source)}"
    before, found, _ = prompt.partition(f"class {_OWNER}")
    if not found:
        raise ValueError(f"its prompt begins no class {_OWNER}")
    return Given(
        name=rows.name(row, "task_id"),
        question=prompt,
        function=function,
        tests=_asserted(source, function) or _code(source, function, IMPORTS + before),
        assumptions=Assumptions(imports=IMPORTS),
        continues=True,
    )


def dataset(row: dict[str, Any]) -> Given:
    """Return the problem of a row of LeetCodeDataset, whose `prompt` is put before every program."""
    entry_point, source, prelude, solution = (
        rows.text(row, key) for key in ("entry_point", "test", "prompt", "completion")
    )
    method = entry_point.partition(".")[2]
    if not method.isidentifier():
        raise ValueError(f"its entry_point {entry_point!r} names no method")
    function = f"{_OWNER}.{method}"
    code = f"{source}\n\ncheck({entry_point})\n"
    return Given(
        name=rows.name(row, "task_id"),
        question=rows.text_or(row, "problem_description") or rows.text(row, "query"),
        starter=rows.text_or(row, "starter_code"),
        function=function,
        tests=check_tests(source, function, _NAMES) or _code(code, function, prelude, solution),
        solution=solution,
        assumptions=Assumptions(imports=prelude),
    )


def _method(source: str) -> str:
    """Return the only method of `my_solution` that the tests call."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except UNREADABLE as error:
        raise ValueError(f"its tests are no Python: {error}") from None
    called_by_tests = {node.attr for node in nodes if isinstance(node, ast.Attribute) and _is_instance(node.value)}
    if len(called_by_tests) != 1:
        raise ValueError(f"its tests use {len(called_by_tests)} methods of {_INSTANCE} where one is expected")
    return called_by_tests.pop()


def _is_instance(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == _INSTANCE


def _asserted(source: str, function: str) -> CallTests | None:
    """Return asserts over `my_solution.f(…)` as data, if they are plain data."""
    module = _CallsByName().visit(ast.parse(source))
    statements = [node for node in module.body if not _makes_the_instance(node)]
    try:
        cases = called(statements, Reader(_INSTANCE, function, _NAMES))
    except NotData:
        return None
    return CallTests(cases=cases, source=source) if cases else None


class _CallsByName(ast.NodeTransformer):
    """Replaces `my_solution.f(…)` by `my_solution(…)`; the tests use only one method f."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return node.value if _is_instance(node.value) else node


def _makes_the_instance(node: ast.stmt) -> bool:
    return ast.unparse(node) == f"{_INSTANCE} = {_OWNER}()"


def _code(source: str, function: str, prelude: str, solution: str | None = None) -> CheckTests | str:
    """Return tests that stay code.

    They run in a grader box if they use only the function, else in the program's own process.
    """
    try:
        objects = reaches_a_class(source, prelude)
    except UNREADABLE:
        objects = True
    wanted = leans_on(source, prelude)
    if objects or wanted is None or not wanted <= {_OWNER}:
        return source
    whole = None if solution is None else prepend_imports(prelude, solution)
    return check_code(source, function, prelude=prelude, solution=whole)


def knows_bigcodebench(row: dict[str, Any]) -> bool:
    """Return whether the row has this format."""
    return "complete_prompt" in row


def read_bigcodebench(row: dict[str, Any]) -> Given:
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
