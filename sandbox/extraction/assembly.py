"""Add to code what it lacks from an answer's other blocks.

These are imports, functions, classes and values, each by its name.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sandbox.extraction.blocks import Block
from sandbox.extraction.parsing import Parser, is_abridged, is_placeholder
from sandbox.problems.ast_names import Definition, first_line, undefined


@dataclass(frozen=True, slots=True)
class Found:
    """Code that was found, and why it was chosen.

    If `body` is true, it is the body of the function that the prompt began. If `continues` is true, it is put directly
    after the prompt.
    """

    code: str
    why: str
    body: bool = False
    continues: bool = False


@dataclass(frozen=True, slots=True)
class Supply:
    """A statement of another block: the names that it defines, and its place."""

    names: frozenset[str]
    node: ast.stmt
    code: str
    place: tuple[int, int]


def lacking(nodes: Sequence[ast.AST], known: frozenset[str] = frozenset()) -> set[str]:
    """Return the names that these nodes use, and neither they, Python nor `known` define."""
    return undefined(nodes) - known - {"__file__"}


def supplies(code: str, tree: ast.Module, block: int, *, values: bool) -> list[Supply]:
    """Return the statements of a block that define names; assignments only if `values` is true."""
    lines = code.split("\n")
    found = []
    for node in tree.body:
        names = _given(node, values=values)
        if names:
            first = first_line(node)
            source = "\n".join(lines[first - 1 : node.end_lineno])
            found.append(Supply(names, node, source, (block, first)))
    return found


def _given(node: ast.stmt, *, values: bool) -> frozenset[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return frozenset({name})
        case ast.ImportFrom(module="__future__"):
            return frozenset()
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return frozenset((one.asname or one.name).partition(".")[0] for one in names)
        case ast.Try() if all(isinstance(one, ast.Import | ast.ImportFrom) for one in node.body):
            return frozenset().union(*(_given(one, values=values) for one in node.body))
        case ast.Assign(targets=targets) if values:
            return frozenset(name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()) if values:
            return frozenset({name})
        case _:
            return frozenset()


def supplied(wanted: set[str], offered: Sequence[Supply], known: frozenset[str]) -> list[Supply]:
    """Return the offered statements that define the wanted names, and those that these need; later ones come first.

    A name without a definition may come from `from module import *`, so all such imports are taken if one is missing.
    """
    by_name = {name: supply for supply in offered for name in supply.names}
    taken: dict[tuple[int, int], Supply] = {}
    waiting, seen = set(wanted), set[str]()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        supply = by_name.get(name)
        if supply is not None and supply.place not in taken:
            taken[supply.place] = supply
            waiting |= lacking([supply.node], known) - seen
    if seen - by_name.keys():
        taken |= {supply.place: supply for supply in offered if "*" in supply.names}
    return [taken[place] for place in sorted(taken)]


def _lines_of(node: ast.stmt, code: str) -> str:
    return "\n".join(code.split("\n")[first_line(node) - 1 : node.end_lineno])


def _of_project(node: ast.stmt) -> bool:
    """Return whether a statement imports names, as they are, from a module that is none of Python's own."""
    if not isinstance(node, ast.ImportFrom) or any(one.asname or one.name == "*" for one in node.names):
        return False
    return (node.module or "").partition(".")[0] not in sys.stdlib_module_names


def _takes_the_place(node: ast.stmt, of: ast.stmt | None) -> bool:
    """Return whether a definition is another version of one: same kind, same number of arguments, and no stub."""
    match node, of:
        case ast.FunctionDef(args=new, body=body), ast.FunctionDef(args=old):
            return len(new.args) == len(old.args) and not all(map(is_placeholder, body))
        case ast.ClassDef(), ast.ClassDef():
            return {_name(one) for one in of.body} <= {_name(one) for one in node.body}
        case _:
            return False


def _name(node: ast.stmt) -> str:
    return node.name if isinstance(node, Definition) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """The blocks of an answer, of which one is chosen.

    `known` names are defined before it in any case; `own` names it defines itself.
    """

    blocks: Sequence[Block]
    parser: Parser
    known: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()

    def found(self, code: str, why: str, chosen: int) -> Found:
        """Return the code of the chosen block, after the definitions that it lacks and other blocks have."""
        changed = self._changed(self._in_one_file(code, chosen), chosen)
        if changed != code:
            code, why = changed, f"{why}, with what later blocks change of it"
        taken = self.helpers(code, chosen)
        if not taken:
            return Found(code, why)
        names = ", ".join(sorted({name for supply in taken for name in supply.names})[:4])
        parts = list(dict.fromkeys(supply.code for supply in taken))
        return Found("\n\n".join([*parts, code]), f"{why}, with {names} from other blocks")

    def unabridged(self, chosen: Sequence[int]) -> list[int]:
        """Return those of the chosen blocks that leave nothing out; all of them if each leaves something out."""
        codes = {n: self.blocks[n].code for n in chosen}
        return [n for n, code in codes.items() if not is_abridged(code, self.parser.tree(code))] or list(chosen)

    def _in_one_file(self, code: str, chosen: int) -> str:
        """Return the code without imports of names that other blocks define, as if they were files of a project."""
        tree = self.parser.tree(code)
        own = [node for node in tree.body if _of_project(node)] if tree is not None and len(self.blocks) > 1 else []
        if not own:
            return code
        defined = {name for one in self._offered(chosen) if isinstance(one.node, Definition) for name in one.names}
        lines = code.split("\n")
        for node in own:
            if _given(node, values=False) <= defined:
                lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
        return "\n".join(lines).strip("\n")

    def _changed(self, code: str, chosen: int) -> str:
        """Return the code with its definitions replaced by newer ones from later blocks that hold only definitions."""
        tree = self.parser.tree(code)
        own = {} if tree is None else {node.name: node for node in tree.body if isinstance(node, Definition)}
        anew: dict[str, str] = {}
        for block in self.blocks[chosen + 1 :] if own else ():
            other = self.parser.tree(block.code) if block.closed and block.python else None
            defined = [] if other is None else [node for node in other.body if isinstance(node, Definition)]
            if not defined or other is None or len(defined) < len(other.body) or is_abridged(block.code, other):
                continue
            if all(_takes_the_place(node, own.get(node.name)) for node in defined):
                anew |= {node.name: _lines_of(node, block.code) for node in defined}
        lines = code.split("\n")
        for name in sorted(anew, key=lambda name: -own[name].lineno):
            lines[first_line(own[name]) - 1 : own[name].end_lineno] = [anew[name]]
        return "\n".join(lines)

    def helpers(self, code: str, chosen: int) -> list[Supply]:
        """Return the statements of other blocks that define the names that the code lacks.

        If a name has several definitions, the last one counts.
        """
        tree = self.parser.tree(code)
        wanted = set[str]() if tree is None or len(self.blocks) < 2 else lacking([tree], self.known)
        if not wanted:
            return []
        offered = [supply for supply in self._offered(chosen) if not supply.names & self.own]
        return supplied(wanted, offered, self.known)

    def _offered(self, chosen: int) -> Iterator[Supply]:
        for n, block in enumerate(self.blocks):
            if n != chosen and block.closed and block.python is not False:
                tree = self.parser.tree(block.code)
                if tree is not None:
                    yield from supplies(block.code, tree, n, values=n < chosen)
