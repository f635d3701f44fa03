"""Find which names a data set's code uses, and where they are defined.

Only the syntax tree is looked at; nothing of the data set is executed.
"""

from __future__ import annotations

import ast
import builtins
import importlib
from collections.abc import Iterable

from sandbox.problems.parse_tests import UNREADABLE

# Modules whose names a data set may take all at once; the names are looked up in them.
_STARRED = frozenset({
    "bisect", "collections", "functools", "heapq", "itertools", "math", "operator", "random", "re", "string", "typing",
})  # fmt: skip
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def called_function(asserts: str, program: str) -> str:
    """Return the function of `program` that the asserts call; "" if there is none.

    A function that it defines has precedence over a name that it assigns (`f = lambda …`).
    """
    try:
        body = ast.parse(program).body
        calls = [node.func for node in ast.walk(ast.parse(asserts)) if isinstance(node, ast.Call)]
    except UNREADABLE:
        return ""
    defined = {node.name for node in body if isinstance(node, Definition)}
    given = _bound(one for node in body if not isinstance(node, Definition) for one in ast.walk(node))
    called = [call.id for call in calls if isinstance(call, ast.Name)]
    return next((name for names in (defined, given) for name in called if name in names), "")


def leans_on(tests: str, prelude: str) -> set[str] | None:
    """Return the names that the tests use, and that neither they, nor the prelude, nor Python define.

    None if the tests or the prelude do not parse.
    """
    try:
        return undefined([ast.parse(tests), ast.parse(prelude)])
    except UNREADABLE:
        return None


def undefined(trees: Iterable[ast.AST]) -> set[str]:
    """Return the names that these trees use, and neither they nor Python define.

    A name that is local elsewhere is defined.
    """
    nodes = [node for tree in trees for node in ast.walk(tree)]
    used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return used - _bound(nodes) - set(dir(builtins))


def first_line(statement: ast.stmt) -> int:
    """Return the number of the line in which a statement, or its first decorator, begins."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min(statement.lineno, *(one.lineno for one in decorators)) if decorators else statement.lineno


def _bound(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that these nodes bind."""
    names: set[str] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                names.add(name)
            case ast.MatchMapping(rest=str(name)):
                names.add(name)
            case ast.ImportFrom(module=str(module), names=[ast.alias(name="*")]) if module in _STARRED:
                names |= set(vars(importlib.import_module(module)))
            case ast.Import(names=imported) | ast.ImportFrom(names=imported):
                names |= {(one.asname or one.name).partition(".")[0] for one in imported}
            case _:
                pass
    return names


def reaches_a_class(tests: str, prelude: str) -> bool:
    """Return whether the tests use a class of the prelude, directly or through functions of the prelude."""
    defined = {node.name: node for node in ast.parse(prelude).body if isinstance(node, Definition)}
    waiting, seen = _used(ast.parse(tests)), set[str]()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        match defined.get(name):
            case ast.ClassDef():
                return True
            case ast.FunctionDef() | ast.AsyncFunctionDef() as function:
                waiting |= _used(function) - seen
            case None:
                pass
    return False


def _used(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
