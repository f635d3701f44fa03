"""By duplicates: what a model writes most often is what it believes most.

That is self-consistency (Wang et al. 2022, arXiv 2203.11171), on programs instead of answers; none of them runs. Two
programs are the same if their syntax trees are, once comments, layout, docstrings and annotations are gone and the
names that a function gives to values of its own are numbered as they come. Parameters keep theirs, since a caller may
use them. A text that does not parse gets no vote.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence

import numpy as np

from sampler.rankers.values import Entry
from sampler.stats.ranking import Votes

MAX_PARSED = 50_000  # characters given to the parser, which takes some hundred bytes for each
_HAS_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def duplicates(entries: Sequence[Entry]) -> Votes:
    """Each sample's camp is all that are the same program."""
    camps: dict[str, int] = {}
    forms = [normal_form(entry.source) for entry in entries]
    return Votes(
        camps=np.array([camps.setdefault(form or "", len(camps)) for form in forms]),
        weights=np.array([0.0 if form is None else 1.0 for form in forms]),
    )


def normal_form(source: str) -> str | None:
    """The program without its looks; None if it does not parse."""
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
    """Takes away what does not run, and numbers the names that functions give to values of their own."""

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
    """Numbers in the place of the names that are stored to in a function, in the order in which the tree has them."""
    inside = list(ast.walk(scope))
    kept = {node.arg for node in inside if isinstance(node, ast.arg)}
    kept |= {name for node in inside if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
    stored = [node.id for node in inside if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    numbers = {name: f"_{number}" for number, name in enumerate(dict.fromkeys(stored)) if name not in kept}
    for node in inside:
        if isinstance(node, ast.Name):
            node.id = numbers.get(node.id, node.id)
