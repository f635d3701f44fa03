"""Tests run without a single answer: what they ask all the same does not depend on any.

Every call returns the same thing, of which nothing can be learnt: arithmetic and comparisons with it give it back, and
whatever has to know a value (a branch, a loop, an index, a text) stops the statement. So an argument of a call made
here cannot have been computed from an answer, however the tests transform answers. A simple statement that is stopped
or fails is left out, with WITHHELD for the names that it would have given; a compound one ends the tests, because
nobody knows how they go on.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, NoReturn

_SIMPLE = (ast.Assert, ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign)
_NAME = "__withheld__"
_SAME = (
    "add", "radd", "iadd", "sub", "rsub", "isub", "mul", "rmul", "imul", "matmul", "rmatmul", "truediv", "rtruediv",
    "floordiv", "rfloordiv", "mod", "rmod", "divmod", "rdivmod", "pow", "rpow", "lshift", "rlshift", "rshift",
    "rrshift", "and", "rand", "or", "ror", "xor", "rxor", "neg", "pos", "abs", "invert", "eq", "ne", "lt", "le", "gt",
    "ge", "getitem", "call", "getattr", "round", "enter", "trunc", "floor", "ceil",
)  # fmt: skip
_STOPS = (
    "bool", "len", "iter", "next", "reversed", "contains", "hash", "index", "int", "float", "complex", "str", "repr",
    "bytes", "format", "setitem", "delitem", "exit", "length_hint", "fspath",
)  # fmt: skip


class Unknown(BaseException):
    """Something wanted to know an answer."""


def _same(self: object, *_: object, **__: object) -> object:
    return self


def _stop(*_: object, **__: object) -> NoReturn:
    raise Unknown


_MEMBERS: dict[str, Any] = {f"__{name}__": _same for name in _SAME} | {f"__{name}__": _stop for name in _STOPS}
WITHHELD = type("Withheld", (), _MEMBERS)()  # in the place of every answer


def compiled(source: str, name: str) -> Any:
    """The tests, each simple statement of which may fail."""
    tree = _Lenient().visit(ast.parse(source, name))
    return compile(ast.fix_missing_locations(tree), name, "exec", dont_inherit=True)


def names() -> dict[str, object]:
    """What the compiled tests need in their namespace."""
    return {_NAME: WITHHELD}


class Asker:
    """The stand-in that reports each call and answers none, up to so many calls."""

    def __init__(self, report: Callable[[bytes], None], most: int, encode: Callable[[object], bytes]) -> None:
        self._report, self._most, self._encode, self.asked = report, most, encode, 0

    def __call__(self, call: object) -> object:
        """Nothing that anybody could learn from."""
        if self.asked >= self._most:
            raise Unknown
        self.asked += 1
        self._report(self._encode(call))
        return WITHHELD


class _Lenient(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        node = super().generic_visit(node)
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list):
                setattr(node, field, [_lenient(one) if isinstance(one, _SIMPLE) else one for one in statements])
        return node


def _lenient(statement: ast.stmt) -> ast.stmt:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return statement
    otherwise: list[ast.stmt] = [
        ast.Assign(targets=[ast.Name(name, ast.Store())], value=ast.Name(_NAME, ast.Load()))
        for name in _given(statement)
    ]
    failed = ast.ExceptHandler(type=None, name=None, body=otherwise or [ast.Pass()])
    return ast.copy_location(ast.Try(body=[statement], handlers=[failed], orelse=[], finalbody=[]), statement)


def _given(statement: ast.stmt) -> list[str]:
    """The names that a simple statement gives."""
    inner = [node.target for node in ast.walk(statement) if isinstance(node, ast.NamedExpr)]
    targets = [*getattr(statement, "targets", []), *filter(None, [getattr(statement, "target", None)]), *inner]
    nodes = (node for target in targets for node in ast.walk(target))
    return [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
