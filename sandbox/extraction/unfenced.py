"""Find code outside of fences: the whole text if all of it is Python, else its code without the prose."""

from __future__ import annotations

import ast
import itertools
import re
import textwrap
from collections import Counter
from collections.abc import Callable

from sandbox.extraction import programs
from sandbox.extraction.assembly import Found, lacking
from sandbox.extraction.blocks import Block, looks_like_statement, runs, session, tidy, unlabelled
from sandbox.extraction.functions import Target, as_body, as_body_without_return
from sandbox.extraction.parsing import MOST_PARSED, Parser, at_margin, has_no_effect, is_code, returns


def _whole(text: str, serves: Callable[[str], bool], parser: Parser) -> str | None:
    """Return the text, at the margin, if all of it is Python and `serves`; None if not."""
    code = tidy(unlabelled(text).split("\n"))
    if not code.strip() or not serves(code):
        return None
    tree = parser.tree(code)
    return _without_words(code, tree) if tree is not None and is_code(tree) else None


def _without_words(code: str, tree: ast.Module) -> str:
    """Return the code without lines such as `Sample` and `O(1)`: prose that parses as Python, with undefined names."""
    unknown = frozenset() if re.search(r"import[ (]+\*", code) else lacking([tree])
    lines = code.split("\n")
    alone = Counter(number for node in tree.body for number in {node.lineno, node.end_lineno})
    for node in tree.body:
        first, last = node.lineno, node.end_lineno or node.lineno
        words = _is_list_item(node) or ((has_no_effect(node) or _is_complexity(node)) and lacking([node]) & unknown)
        if words and alone[first] == alone[last] == 1:
            lines[first - 1 : last] = [""] * (last - first + 1)
    return "\n".join(lines).strip("\n")


def _is_list_item(node: ast.stmt) -> bool:
    """Return whether a statement is an item of a list, as in `* print`, which no interpreter takes."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Starred)


def _is_complexity(node: ast.stmt) -> bool:
    """Return whether a statement names a complexity, as in `O(n)`."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id="O"))):
            return True
        case _:
            return False


def whole_program(text: str, parser: Parser) -> str | None:
    """Return the text, at the margin, if all of it is Python."""
    return _whole(text, bool, parser)


def whole_function(text: str, target: Target, parser: Parser) -> str | None:
    """Return the text, at the margin, if all of it is Python that defines the function, and not only its body."""
    code = _whole(text, target.defined_in, parser)
    tree = None if code is None else parser.tree(code)
    return code if tree is not None and not returns(tree.body) else None


def function(text: str, target: Target, parser: Parser) -> Found | None:
    """Return the function, or its body, in a text without fences; None if neither is there."""
    return _all_of_it(text, target, parser) or _part_of_it(text, target, parser)


def _all_of_it(text: str, target: Target, parser: Parser) -> Found | None:
    if (code := whole_function(text, target, parser)) is not None:
        return Found(code, "the text as a whole, which is Python")
    if (code := _first_at_margin(text, target, parser)) is not None:
        return Found(code, f"the text as a whole, with {target.name} moved to the margin")
    if not target.begun:
        return None
    if _continues(text, target, parser):
        return Found(text, "the text as a whole, which goes on where the prompt stops", continues=True)
    body = None if target.defined_in(tidy(text.split("\n"))) else as_body(text, parser)
    if body is not None:
        return Found(body.strip("\n"), f"the text as a whole, which is the body of {target.name}", body=True)
    return _indented_body(text.strip("\n").split("\n"), target, parser)


def _part_of_it(text: str, target: Target, parser: Parser) -> Found | None:
    code = _finished(runs(text, parser, keep_broken=True), target, parser)
    if target.defined_in(code):
        return Found(code, f"the statements of the text, without the prose around them, that define {target.name}")
    stretch = _stretch(text)
    if target.defined_in(stretch):
        return Found(stretch, f"the lines that look like code and define {target.name}")
    if ">>> " in text and target.defined_in(typed := session(text)):
        return Found(typed, f"what was typed at a console's prompts, which defines {target.name}")
    if not target.begun:
        return None
    if (body := _body_in_prose(text.strip("\n").split("\n"), parser)) is not None:
        return Found(body, f"indented lines of the text, which are the body of {target.name}", body=True)
    if (body := as_body_without_return(text.strip("\n"), target, parser)) is not None:
        return Found(body, "the text as a whole, which is Python that defines and returns nothing", body=True)
    if stretch and parser.refuses(stretch):
        return Found(stretch, "the lines that look like code, though they are no Python", body=True)
    return None


def _continues(text: str, target: Target, parser: Parser) -> bool:
    """Return whether the text begins with the body, indented, and what follows at the margin is Python, too."""
    body, rest = _indented_first(text)
    if not body or not rest or (as_body(body, parser) or as_body_without_return(body, target, parser)) is None:
        return False
    return parser.tree(target.prompt + text) is not None


def _first_at_margin(text: str, target: Target, parser: Parser) -> str | None:
    """Return a text in which only the function is indented, with all of it at the margin."""
    first, rest = _indented_first(text)
    code = f"{textwrap.dedent(first)}\n{rest}"
    return code if first and rest and target.defined_in(code) and parser.tree(code) is not None else None


def _indented_first(text: str) -> tuple[str, str]:
    """Return the indented lines that a text begins with, and the others."""
    lines = text.strip("\n").split("\n")
    first = list(itertools.takewhile(_off_margin, lines))
    return "\n".join(first), "\n".join(lines[len(first) :])


def _finished(parts: list[str], target: Target, parser: Parser) -> str:
    """Return the statements as one text, without an unfinished last line after the function."""
    code = "\n".join(parts)
    if not parser.refuses(code):
        return code
    shorter = code.rpartition("\n")[0]
    return shorter if target.defined_in(shorter) and not parser.refuses(shorter) else code


def program(text: str, parser: Parser) -> Found | None:
    """Return the program in a text without fences; None if there is none."""
    if (code := whole_program(text, parser)) is not None:
        return Found(code, "the text as a whole, which is Python")
    if len(text) > MOST_PARSED:
        code = _stretch(text)
        return Found(code, "the lines that look like code") if not parser.empty(code) else None
    found = runs(text, parser, keep_broken=True)
    parts = [Block(code=run, closed=True, tag="python", begin=0, end=0) for run in found]
    last = programs.complete(parts, parser) if len(parts) > 1 and _stands_alone(parts, parser) else None
    if last is not None:
        return Found(
            last.code, "the last statements of the text that read the input and print, without the prose around them"
        )
    code = "\n".join(found)
    if parser.refuses(code) or parser.empty(code):
        for said, tried in (
            ("the indented lines of the text", _indented(text, parser)),
            ("what was typed", session(text)),
        ):
            if tried and not parser.refuses(tried) and not parser.empty(tried):
                return Found(tried, f"{said}, which are Python")
    return Found(code, "the statements of the text, without the prose around them") if not parser.empty(code) else None


def _indented(text: str, parser: Parser) -> str:
    """Return the runs of indented lines that are Python: Markdown's code blocks without fences."""
    found = []
    for indented, lines in itertools.groupby(text.split("\n"), _off_margin):
        code = textwrap.dedent("\n".join(lines)).strip("\n") if indented else ""
        tree = parser.tree(code) if code else None
        if tree is not None and is_code(tree):
            found.append(code)
    return "\n".join(found)


def _stands_alone(parts: list[Block], parser: Parser) -> bool:
    """Return whether the last part uses no value of an earlier part: then it is another version, not a continuation."""
    *earlier, last = (parser.tree(part.code) for part in parts)
    if last is None:
        return False
    made = {
        node.id
        for tree in earlier
        if tree is not None
        for statement in tree.body
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef)
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return not lacking([last]) & made


def _indented_body(lines: list[str], target: Target, parser: Parser) -> Found | None:
    """Return the indented lines that begin a text, if they are a body; the first may have lost its indentation."""
    first = list(itertools.takewhile(_off_margin, lines[1:]))
    begins_indented = lines[0][:2].isspace()
    if not begins_indented and not first:
        return None
    rest = lines[1 + len(first) :]
    behind = "\n".join(rest).strip("\n")
    body = as_body("\n".join([lines[0], *first]), parser) if behind and first and not begins_indented else None
    if body is not None and parser.tree(behind) is not None:
        text = f"{textwrap.indent(body, '    ')}\n\n{behind}"
        return Found(
            text, f"the first lines, which are the body of {target.name}, and what is behind them", continues=True
        )
    if any(looks_like_statement(line) for line in rest if not line.startswith("#")):
        return None
    code = "\n".join([lines[0], *first]).rstrip()
    body = as_body(code, parser)
    if body is None and begins_indented:
        body = as_body_without_return(code, target, parser)
    if body is None:
        return None
    why = f"the indented lines that the text begins with, which are the body of {target.name}"
    return Found(body, why, body=True)


def _body_in_prose(lines: list[str], parser: Parser) -> str | None:
    """Return the first run of indented lines that is a body."""
    at = 0
    while at < len(lines):
        end = at
        while end < len(lines) and _off_margin(lines[end]):
            end += 1
        prose = at == 0 or not looks_like_statement(lines[at - 1])
        if end > at and prose and (body := as_body("\n".join(lines[at:end]).strip("\n"), parser)) is not None:
            return body
        lost = end > at > 1 and not prose and _is_behind_prose(lines, at - 1)  # its first indentation
        if lost and (body := as_body("\n".join(lines[at - 1 : end]).strip("\n"), parser)) is not None:
            return body
        at = end + 1
    return None


def _is_behind_prose(lines: list[str], at: int) -> bool:
    before = next((line for line in reversed(lines[max(0, at - 9) : at]) if line.strip()), "")
    return not _looks_like_code(before)


def _stretch(text: str) -> str:
    """Return the lines that look like code, from the first such line to the last one before prose."""
    lines = tidy(unlabelled(text).split("\n")).split("\n")
    start = next((n for n, line in enumerate(lines) if looks_like_statement(line)), len(lines))
    end = start
    while end < len(lines) and _looks_like_code(lines[end]):
        end += 1
    return "\n".join(lines[start:end])


def _looks_like_code(line: str) -> bool:
    return _off_margin(line) or looks_like_statement(line)


def _off_margin(line: str) -> bool:
    return not at_margin(line)
