"""Parse Python within limits.

There are a parser with a budget of characters, and a scanner that knows where literals and brackets end.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence

MOST_PARSED = 50_000  # characters given to the parser at once
MOST_IN_ALL = 400_000  # and for one text

_PIECE = re.compile(
    r"""(?P<comment>\#.*) | (?P<triple>\"{3}|'{3}) | (?P<string>"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)
    | (?P<open>[(\[{]) | (?P<close>[)\]}]) | (?P<goes_on>\\$)""",
    re.VERBOSE,
)
_END = {'"""': re.compile(r'\\.|"""'), "'''": re.compile(r"\\.|'''")}


class Parser:
    """Makes syntax trees of code, within a budget of characters; the same code is parsed once."""

    def __init__(self) -> None:
        self._left = MOST_IN_ALL
        self._known: dict[str, ast.Module | None] = {}

    def tree(self, code: str) -> ast.Module | None:
        """Return the syntax tree.

        None if the code is not Python, too long, too much for the parser or beyond the budget.
        """
        if code not in self._known:
            if not self._affords(code):
                return None
            self._left -= len(code)
            self._known[code] = parsed(code)
        return self._known[code]

    def refuses(self, code: str) -> bool:
        """Return whether the code was parsed and is not Python; code that is too long to be parsed is not refused."""
        return (code in self._known or self._affords(code)) and self.tree(code) is None

    def empty(self, code: str) -> bool:
        """Return whether the code has no statement: it is empty, or has only comments."""
        tree = self.tree(code)
        return not code.strip() or (tree is not None and not tree.body)

    def _affords(self, code: str) -> bool:
        return len(code) <= min(MOST_PARSED, self._left)


def parsed(code: str) -> ast.Module | None:
    """Return the syntax tree; None if the parser refuses the code for any reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class Scanner:
    """Reads code line by line and knows whether the next line begins within a literal, a bracket or a statement."""

    def __init__(self) -> None:
        self.quote = ""  # the triple quote that is open
        self._depth = 0
        self._goes_on = False

    @property
    def open(self) -> bool:
        """Return whether the next line continues this one."""
        return bool(self.quote) or self._depth > 0 or self._goes_on

    def feed(self, line: str) -> list[tuple[int, int]]:
        """Read a line; return where in it strings and comments stand, as (start, end)."""
        inside: list[tuple[int, int]] = []
        at, self._goes_on = 0, False
        while at < len(line):
            if self.quote:
                end = self._ended(line, at)
                inside.append((at, end))
                at = end
            else:
                at = self._outside(line, at, inside)
        return inside

    def _ended(self, line: str, at: int) -> int:
        for found in _END[self.quote].finditer(line, at):
            if found[0] == self.quote:
                self.quote = ""
                return found.end()
        return len(line)

    def _outside(self, line: str, at: int, inside: list[tuple[int, int]]) -> int:
        """Read up to the end of the next piece, and return where that is."""
        found = _PIECE.search(line, at)
        if found is None:
            return len(line)
        match found.lastgroup:
            case "comment":
                inside.append(found.span())
            case "string":
                if len(found[0]) > 1 and found[0][-1] == found[0][0]:  # else an apostrophe, as in prose
                    inside.append(found.span())
            case "triple":
                self.quote = found[0]
            case "open":
                self._depth += 1
            case "close":
                self._depth = max(0, self._depth - 1)
            case _:
                self._goes_on = True
        return found.end()


def statements(lines: list[str], parser: Parser) -> Iterator[tuple[str, ast.Module | None]]:
    """Yield the statements at the margin, each with its lines and its tree (None if it is not Python).

    A line that begins no statement is yielded alone.
    """
    at, room = 0, _LEAST_ROOM + 4 * len(lines)
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        end = _end_of_statement(lines, at, min(_MOST_LINES, room))
        room = max(1, room - (end - at))
        code = "\n".join(lines[at:end]).rstrip()
        tree = parser.tree(code)
        if tree is None and end > at + 1:
            code, end = lines[at], at + 1
            tree = parser.tree(code)
        yield code, tree
        at = end


_LATER = re.compile(r"(?:else|elif|except|finally)\b|[)\]}]")
_MOST_LINES = 2_000  # of one statement
_LEAST_ROOM = 10_000  # lines that may be looked at again, because a bracket in prose is never closed


def at_margin(line: str) -> bool:
    """Return whether a line is neither blank nor indented."""
    return bool(line.strip()) and line[0] not in " \t"


def _end_of_statement(lines: list[str], start: int, most: int) -> int:
    scanner = Scanner()
    scanner.feed(lines[start])
    decorated = lines[start].startswith("@")
    last = min(len(lines), start + most)
    for number in range(start + 1, last):
        line = lines[number]
        if at_margin(line) and not (scanner.open or decorated or _LATER.match(line)):
            return number
        if at_margin(line) and not scanner.open:
            decorated = line.startswith("@")
        scanner.feed(line)
    return last


def returns(body: Sequence[ast.stmt]) -> bool:
    """Return whether these statements return or yield outside of functions: then they are a function's body."""
    waiting: list[ast.AST] = [*body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))
    return False


def is_code(tree: ast.Module) -> bool:
    """Return whether the tree is more than words.

    Prose such as `Solution`, `Note: this` or `fast and simple` parses as Python, too.
    """
    return any(not has_no_effect(node) for node in tree.body)


def has_no_effect(node: ast.stmt) -> bool:
    """Return whether a statement is only a name, or an expression without a call."""
    match node:
        case ast.AnnAssign(value=None):
            return True
        case ast.Expr(value=value):
            kinds = (
                ast.Name
                | ast.Constant
                | ast.Tuple
                | ast.Compare
                | ast.BoolOp
                | ast.UnaryOp
                | ast.BinOp
                | ast.Attribute
                | ast.Dict
                | ast.List
                | ast.Set
                | ast.Subscript
                | ast.Starred
            )
            return isinstance(value, kinds) and not any(isinstance(part, ast.Call) for part in ast.walk(value))
        case _:
            return False


def is_placeholder(statement: ast.stmt) -> bool:
    """Return whether a statement is part of a stub: a docstring, `pass`, `...`, `return None`, NotImplementedError."""
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant()) | ast.Return(value=None | ast.Constant(value=None)):
            return True
        case ast.Return(value=ast.Name(id="NotImplemented")):
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
        case _:
            return False


_LEFT_OUT = re.compile(
    r"^[ \t]*#[ \t]*(?:\.{3}|\u2026)|#.*\b(?:existing code|rest of (?:the|your) (?:code|program)|code as before)\b",
    re.MULTILINE,
)


def is_abridged(code: str, tree: ast.Module | None) -> bool:
    """Return whether the code is abridged: it has `...` beside other statements, or a comment that says so."""
    if _LEFT_OUT.search(code):
        return True
    bodies = (
        (getattr(node, "body", None) for node in ast.walk(tree) if isinstance(node, ast.stmt | ast.Module))
        if tree
        else ()
    )
    return any(isinstance(body, list) and _has_gap(body) for body in bodies)


def _has_gap(body: list[ast.stmt]) -> bool:
    gaps = sum(
        isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant) and one.value.value is ... for one in body
    )
    return 0 < gaps < len(body) and not all(map(is_placeholder, body))
