"""Find the code of an answer that is the whole program that a problem asks for.

A program reads its input, does something at module level and prints. It is the last closed block of Python that does
all of this, with what it takes from other blocks; else the last one that does something; else the last one. Blocks that
are tests, or that give an input to the program, are not programs. Blocks without a tag count only if no block tagged as
Python fits, because sample runs and plans have no tag either.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from sandbox.extraction.assembly import Assembly, Found
from sandbox.extraction.blocks import Block, without_prose
from sandbox.extraction.parsing import Parser, is_code

_OF_TESTS = frozenset({"unittest", "pytest", "subprocess", "doctest", "hypothesis"})
_MOST_BLOCKS = 30  # that are looked at together with what all others supply
_OF_PROGRAM = frozenset({"main", "solution", "program", "solve", "your_module", "my_program"})
_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom | ast.Pass


def complete(blocks: Sequence[Block], parser: Parser) -> Found | None:
    """Return the last program among closed blocks that reads and prints, with what it lacks from others; else None."""
    return _last_that("reads its input and prints", _reads_and_prints, Assembly(blocks=blocks, parser=parser))


def in_blocks(blocks: Sequence[Block], parser: Parser) -> Found | None:
    """Return the program, with what it lacks from other blocks; None if no block of Python is one."""
    together = Assembly(blocks=blocks, parser=parser)
    found = complete(blocks, parser) or _last_that("does something", _acts, together)
    if found is not None:
        return found
    cut = [n for n, block in enumerate(blocks) if not block.closed and block.python is not False]
    if cut:
        code = blocks[cut[-1]].code
        if parser.refuses(code):  # prose may stand behind it
            code = without_prose(code, parser, keep_broken=True) or code
        return together.found(code, "a block that was never closed", cut[-1])
    whole, tagged = _closed(together)
    last = [n for n in tagged or whole if not _is_test(blocks[n], parser)] or tagged
    if last:
        return together.found(blocks[last[-1]].code, "the last closed block of Python", last[-1])
    named_wrongly = [n for n, block in enumerate(blocks) if block.closed and _reads_and_prints_as_python(block, parser)]
    if named_wrongly:
        return Found(
            blocks[named_wrongly[-1]].code, "the last closed block that reads its input and prints, whatever its tag"
        )
    python = [block for block in blocks if block.python]
    return Found(python[-1].code, "the last block tagged as Python, though it is none") if python else None


def _reads_and_prints_as_python(block: Block, parser: Parser) -> bool:
    """Return whether a block with another tag is nevertheless a program in Python."""
    tree = parser.tree(block.code) if block.python is False else None
    nodes = [] if tree is None else list(ast.walk(tree))
    return any(map(_reads, nodes)) and any(map(_prints, nodes))


def _last_that(said: str, fits: Callable[[int, Assembly], bool], together: Assembly) -> Found | None:
    whole, tagged = _closed(together)
    for group, named in ((tagged, " of Python"), (whole, "")):
        fitting = together.unabridged([n for n in group[-_MOST_BLOCKS:] if fits(n, together)])
        if fitting:
            which = f"the last of {len(fitting)} closed blocks" if len(fitting) > 1 else "the only closed block"
            return together.found(together.blocks[fitting[-1]].code, f"{which}{named} that {said}", fitting[-1])
    return None


def _closed(together: Assembly) -> tuple[list[int], list[int]]:
    """Return the closed blocks that may be Python, and those of them that are tagged as Python."""
    whole = [n for n, block in enumerate(together.blocks) if block.closed and _may_be(block, together.parser)]
    return whole, [n for n in whole if together.blocks[n].python]


def _may_be(block: Block, parser: Parser) -> bool:
    """Return whether the block is tagged as Python, or parses as Python without such a tag."""
    if block.python:
        return bool(block.code.strip()) and not parser.refuses(block.code)
    tree = parser.tree(block.code) if block.python is None else None
    return tree is not None and is_code(tree)


def _acts(n: int, together: Assembly) -> bool:
    block = together.blocks[n]
    tree = together.parser.tree(block.code)
    return tree is None or (not _is_test(block, together.parser) and any(map(_does, tree.body)))


def _reads_and_prints(n: int, together: Assembly) -> bool:
    code = together.blocks[n].code
    tree = together.parser.tree(code)
    if tree is None:  # too long to be looked at: no example
        return True
    if not _acts(n, together):
        return False
    taken = [supply.node for supply in together.helpers(code, n)]
    nodes = [node for top in (tree, *taken) for node in ast.walk(top)]
    return any(map(_reads, nodes)) and any(map(_prints, nodes))


def _does(node: ast.stmt) -> bool:
    """Return whether a statement at the margin does anything but define and set up."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Expr(value=ast.Name()):
            return False
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            return any(isinstance(part, ast.Call) for part in ast.walk(value))
        case ast.Expr(
            value=ast.Call(func=ast.Attribute(attr="setrecursionlimit" | "append" | "set_int_max_str_digits"))
        ):
            return False
        case _:
            return not isinstance(node, _DEFINITIONS)


def _reads(node: ast.AST) -> bool:
    match node:
        case (
            ast.Call(func=ast.Name(id="input" | "raw_input"))
            | ast.Call(func=ast.Name(id="open"), args=[ast.Constant(value=0), *_])
        ):
            return True
        case ast.Name(id="input" | "stdin" | "fileinput", ctx=ast.Load()) | ast.Attribute(attr="stdin", ctx=ast.Load()):
            return True
        case ast.Constant(value="/dev/stdin") | ast.Call(func=ast.Attribute(attr="read", value=ast.Name(id="os"))):
            return True
        case _:
            return False


def _prints(node: ast.AST) -> bool:
    match node:
        case ast.Name(id="print" | "stdout") | ast.Attribute(attr="stdout"):
            return True
        case ast.Call(func=ast.Attribute(attr="write", value=ast.Name(id="os"))):
            return True
        case ast.Call(func=ast.Name(id="open"), args=[ast.Constant(value=1), *_]):
            return True
        case _:
            return False


def _is_test(block: Block, parser: Parser) -> bool:
    """Return whether the block tests a program, imports it or gives its input, and so is not the program."""
    tree = parser.tree(block.code)
    if tree is None:
        return False
    return any(isinstance(node, ast.Assert) for node in tree.body) or any(map(_tests, ast.walk(tree)))


def _tests(node: ast.AST) -> bool:
    match node:
        case ast.Import(names=names):
            return any(one.name.partition(".")[0] in _OF_TESTS for one in names)
        case ast.ImportFrom(module=str(module)):
            return module.partition(".")[0] in _OF_TESTS | _OF_PROGRAM
        case ast.Assign(
            targets=[ast.Attribute(attr="stdin")], value=ast.Call(func=ast.Name(id=made) | ast.Attribute(attr=made))
        ):
            return made in {"StringIO", "BytesIO", "TextIOWrapper"}
        case ast.Call(func=ast.Name(id="patch") | ast.Attribute(attr="patch")):
            return True
        case ast.FunctionDef(name=name):
            return name == "test" or name.startswith("test_")
        case _:
            return False
