"""Find the code of an answer that defines the function that a problem asks for.

Blocks that define it come first, in this order: the last closed one that is Python and no stub; the last one that was
not closed, up to its last whole statement; the last one that is not Python. If none defines it, a block or a text that
only makes sense within the function is its body. A stub is quoted from the question: a signature with nothing but a
docstring, `pass`, `...`, `return None` or `raise NotImplementedError`.
"""

from __future__ import annotations

import ast
import itertools
import re
import textwrap
from collections.abc import Sequence
from functools import cached_property

from sandbox.extraction.assembly import Assembly, Found, supplies
from sandbox.extraction.blocks import Block, without_prose
from sandbox.extraction.parsing import Parser, is_code, is_placeholder, returns
from sandbox.problems import Form, Problem
from sandbox.problems.ast_names import Definition, first_line

_CALLABLE = re.compile(r"^(?:(?:async\s+)?def|class)\s", re.MULTILINE)


class Target:
    """The function that is asked for, and the text of it that the model got."""

    def __init__(self, problem: Problem, parser: Parser) -> None:
        self.name = problem.entry_point
        # What the function is begun in: the prompt or, where programs stand alone, the starter code.
        self.prompt = problem.starter if problem.form is Form.DATA else problem.prompt
        owner, _, self.function = problem.entry_point.rpartition(".")
        # A set whose programs stand alone calls a method of Solution, or a function.
        self.owner = owner or ("Solution" if problem.form is Form.DATA else "")
        self.own = frozenset({self.function, self.owner} - {""})
        self._preamble = problem.preamble
        self._parser = parser
        name, function = re.escape(self.owner or self.function), re.escape(self.function)
        # Whether an answer may be the rest of what was begun.
        self.begun = re.search(rf"^[ \t]*(?:async\s+)?def\s+{function}\s*[(\[]", self.prompt, re.MULTILINE) is not None
        self._defines = re.compile(rf"^(?:(?:async\s+)?def\s+{function}\s*[(\[]|class\s+{name}\s*[(:\[])", re.MULTILINE)
        self._assigns = re.compile(rf"^(?:{name}|{function})\s*(?::[^=\n]*)?=(?!=)", re.MULTILINE)

    @cached_property
    def known(self) -> frozenset[str]:
        """Return the names that are defined before the function in any case."""
        tree = self._parser.tree(self._preamble)
        given = supplies(self._preamble, tree, 0, values=True) if tree is not None else []
        return frozenset().union(*(supply.names for supply in given))

    def defined_in(self, code: str) -> bool:
        """Return whether the code defines the function, or its class, at the margin or in a branch there."""
        tree = self._parser.tree(code) if self.function in code else None
        if tree is None or (self._defines.search(code) is None and self._assigns.search(code) is None):
            return (tree is not None and self.function in _defined_in_branches(tree.body)) or self._looks_defined(code)
        given = {name for one in supplies(code, tree, 0, values=True) if not _is_output(one.node) for name in one.names}
        if self.function not in given and not (self.owner in given and self._has_method(tree)):
            return False  # it stands in a literal, or the class has other methods
        return self._defines.search(code) is not None or not returns(
            tree.body
        )  # else a body with a variable of its name

    def _looks_defined(self, code: str) -> bool:
        """Return the same for code that cannot be parsed, by its lines."""
        if self._parser.tree(code) is not None:
            return False
        if self._defines.search(code) is not None:
            return self.function in code
        return self._assigns.search(code) is not None and not self._parser.refuses(code)

    def _has_method(self, tree: ast.Module) -> bool:
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name == self.owner:
                inner = ast.Module(body=node.body, type_ignores=[])
                given = {name for one in supplies("", inner, 0, values=True) for name in one.names}
                if self.function in given or any(
                    not (isinstance(b, ast.Name) and b.id == "object") for b in node.bases
                ):
                    return True
            elif isinstance(node, ast.Assign):
                return True
        return False

    def has_class(self, code: str) -> bool:
        """Return whether the code defines the class that has the function."""
        tree = self._parser.tree(code)
        return tree is not None and any(
            isinstance(node, ast.ClassDef) and node.name == self.owner for node in tree.body
        )

    def as_methods(self, code: str) -> str | None:
        """Return a method without its class put into its class; None if the code is no method.

        Other code at the margin stays there.
        """
        tree = self._parser.tree(code) if self.owner else None
        if tree is None or self.has_class(code):
            return None
        methods = [node for node in tree.body if _is_method(node)]
        if self.function not in {
            node.name for node in methods if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }:
            return None
        lines, inner, at = code.split("\n"), list[str](), 0
        outer = list[str]()
        for node in methods:
            first = first_line(node) - 1
            outer += lines[at:first]
            at = node.end_lineno or first
            inner += ["", *lines[first:at]]
        head = "\n".join(outer).strip("\n")
        body = textwrap.indent("\n".join(inner).strip("\n"), "    ")
        return "\n\n\n".join(filter(None, [head, f"class {self.owner}:\n{body}", "\n".join(lines[at:]).strip("\n")]))

    def has_def(self, code: str) -> bool:
        """Return whether the function, or its class, is defined by def or class, and not by an assignment."""
        return self._defines.search(code) is not None

    def is_stub(self, code: str) -> bool:
        """Return whether the function is defined without a real body."""
        tree = self._parser.tree(code)
        if tree is None:
            return self._parser.tree(f"{code.rstrip()}\n    pass") is not None and code.rstrip().endswith(":")
        return self._has_no_code(tree)

    def _has_no_code(self, tree: ast.Module | ast.ClassDef) -> bool:
        for node in reversed(tree.body):
            match node:
                case (
                    ast.FunctionDef(name=self.function, body=body) | ast.AsyncFunctionDef(name=self.function, body=body)
                ):
                    return all(map(is_placeholder, body))
                case ast.ClassDef(name=self.owner):
                    return self._has_no_code(node)
                case _:
                    pass
        return False


def _is_output(node: ast.stmt) -> bool:
    """Return whether an assigned value is no function: it is a literal, or the result of a call of that name."""
    if not isinstance(node, ast.Assign):
        return False
    literal = ast.Constant | ast.List | ast.Tuple | ast.Dict | ast.Set | ast.JoinedStr | ast.ListComp
    names = {one.id for one in node.targets if isinstance(one, ast.Name)}
    return isinstance(node.value, literal) or any(
        isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id in names
        for one in ast.walk(node.value)
    )


def _is_method(node: ast.stmt) -> bool:
    """Return whether a function takes `self` or `cls`."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    arguments = [*node.args.posonlyargs, *node.args.args]
    return bool(arguments) and arguments[0].arg in {"self", "cls"}


def _defined_in_branches(body: Sequence[ast.stmt]) -> set[str]:
    """Return the functions that statements define in their branches, as in `try` and `if`."""
    found, waiting = set[str](), list(body)
    while waiting:
        match waiting.pop():
            case ast.If(body=body, orelse=other):
                branches = [*body, *other]
            case ast.Try(body=body, handlers=handlers, orelse=other):
                branches = [*body, *other, *(one for handler in handlers for one in handler.body)]
            case _:
                continue
        found |= {one.name for one in branches if isinstance(one, ast.FunctionDef | ast.ClassDef)}
        waiting += branches
    return found


def in_blocks(blocks: Sequence[Block], target: Target, parser: Parser) -> Found | None:
    """Return the code of the block that is the function, with what it lacks from other blocks; None if no block is."""
    own = [n for n, block in enumerate(blocks) if target.defined_in(block.code)]
    real = [n for n in own if not target.is_stub(blocks[n].code)]
    together = Assembly(blocks=blocks, parser=parser, known=target.known, own=target.own)
    whole = together.unabridged(_closed(real, blocks, target, parser))
    if whole:
        n = whole[-1]
        reason = (
            "the only closed block that defines"
            if len(whole) == 1
            else f"the last of {len(whole)} closed blocks that define"
        )
        return together.found(_in_class(n, whole, blocks, target), f"{reason} {target.name}", n)
    for n in reversed(real):
        if not blocks[n].closed:
            code = _until_cut(blocks[n].code, target, parser)
            return together.found(code, f"a block that defines {target.name} and was never closed", n)
    if real:
        return Found(blocks[real[-1]].code, f"the last block that defines {target.name}, though it is no Python")
    body = _body_block(blocks, target, parser)
    if body is not None or not own:
        return body
    return Found(blocks[own[-1]].code, f"a block that has no more of {target.name} than its signature")


def _closed(real: Sequence[int], blocks: Sequence[Block], target: Target, parser: Parser) -> list[int]:
    """Return the closed blocks that define the function: those that are surely Python, else the others."""
    closed = [n for n in real if blocks[n].closed and not parser.refuses(blocks[n].code)]
    named = [n for n in closed if blocks[n].python is not False]
    return (
        [n for n in named if blocks[n].python or target.has_def(blocks[n].code)]
        or named
        or [n for n in closed if parser.tree(blocks[n].code)]
    )


def _in_class(chosen: int, whole: Sequence[int], blocks: Sequence[Block], target: Target) -> str:
    """Return the code of the chosen block; a method is put into its class, if another block defines that."""
    code = blocks[chosen].code
    if target.as_methods(code) is None:
        return code
    classes = [n for n in whole if target.has_class(blocks[n].code)]
    if not classes:
        return code
    return f"{blocks[classes[-1]].code}\n\n\n{code}\n\n\n{target.owner}.{target.function} = {target.function}"


def without_function(blocks: Sequence[Block], target: Target, parser: Parser) -> Found | None:
    """Return the last block of Python, which does not define the function, so that its verdict says what is missing.

    It is another function, or a body.
    """
    for block in reversed(blocks):
        if block.python is not False and (body := as_body_without_return(block.code, target, parser)) is not None:
            return Found(body, "the last block of Python, which defines and returns nothing", body=True)
    python = [block for block in blocks if block.python is not False and _CALLABLE.search(block.code)]
    python = [block for block in python if not parser.refuses(block.code)] or python
    return Found(python[-1].code, "the last block of Python; none defines what was asked for") if python else None


def _body_block(blocks: Sequence[Block], target: Target, parser: Parser) -> Found | None:
    if not target.begun:
        return None
    for closed in (True, False):
        for block in reversed(blocks):
            if block.closed is closed and block.python is not False:
                body = as_body(block.code, parser)
                if body is not None:
                    return Found(body, f"a block with the body of {target.name}", body=True)
    return None


def _until_cut(code: str, target: Target, parser: Parser) -> str:
    """Return code of an unclosed block without its unfinished last statement, or without the prose after it."""
    if not parser.refuses(code):
        return code
    lines = code.split("\n")
    margin = [n for n, line in enumerate(lines) if line[:1].strip() and line[0] not in ")]}"]
    shorter = "\n".join(lines[: margin[-1]]) if margin else ""
    for whole in (shorter, without_prose(code, parser)):
        if target.defined_in(whole) and not parser.refuses(whole):
            return whole
    return code


def as_body(code: str, parser: Parser) -> str | None:
    """Return the code, at the margin, if it makes sense within a function alone; None if it does not.

    The first line may have lost all or part of its indentation.
    """
    for tried in (textwrap.dedent(code), *_indented_again(code)):
        tree = parser.tree("def _():\n    0\n" + textwrap.indent(tried, "    "))
        match tree:
            case ast.Module(body=[ast.FunctionDef(body=[_, *body])]) if returns(body):
                return tried
    return None


def as_body_without_return(code: str, target: Target, parser: Parser) -> str | None:
    """Return the code, at the margin, if it is Python that defines nothing.

    It may be a body that returns nothing.
    """
    code = textwrap.dedent(code)
    tree = parser.tree(code) if target.begun else None
    if tree is None or not is_code(tree):
        return None
    defines = any(isinstance(node, Definition) for node in tree.body)
    return None if defines else code


def _indented_again(code: str) -> list[str]:
    """Yield the code with its first lines indented like the others, in every way that may be meant."""
    first, _, rest = code.strip("\n").partition("\n")
    indents = [line[: len(line) - len(line.lstrip())] for line in rest.split("\n") if line.strip()]
    least = min(indents, key=len, default="")
    own = len(first) - len(first.lstrip())
    wanted = [least, *([least[:-4] if least.endswith("    ") else least[:-1]] if first.rstrip().endswith(":") else [])]
    tried = [textwrap.dedent(indent + first.lstrip() + "\n" + rest) for indent in wanted if len(indent) != own]
    lines = code.strip("\n").split("\n")
    lost = list(itertools.takewhile(lambda line: not line.strip() or line[0] not in " \t", lines))
    if 1 < len(lost) < len(lines):
        indent = lines[len(lost)][: len(lines[len(lost)]) - len(lines[len(lost)].lstrip())]
        tried.append(textwrap.dedent("\n".join([*(indent + line for line in lost), *lines[len(lost) :]])))
    return tried
