"""Bring a Python program to a normal form, so that programs that differ only in style are equal."""

from __future__ import annotations

import ast
import warnings

MAX_PARSED = 50_000  # characters given to the parser, which takes some hundred bytes for each


_HAS_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def normal_form(source: str) -> str | None:
    """Return the program in its normal form; None if it does not parse."""
    if len(source) > MAX_PARSED:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
        return ast.dump(_Plain().visit(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Plain(ast.NodeTransformer):
    """Removes code that has no effect, and numbers the local names of functions."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, _HAS_DOCSTRING) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        if isinstance(node, _SCOPES):
            _number(node)
        return super().generic_visit(node)


def _number(scope: ast.AST) -> None:
    """Return numbers for the names that a function assigns, in the order of the tree."""
    inside = list(ast.walk(scope))
    kept = {node.arg for node in inside if isinstance(node, ast.arg)}
    kept |= {name for node in inside if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
    stored = [node.id for node in inside if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    numbers = {name: f"_{number}" for number, name in enumerate(dict.fromkeys(stored)) if name not in kept}
    for node in inside:
        if isinstance(node, ast.Name):
            node.id = numbers.get(node.id, node.id)
