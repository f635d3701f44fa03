"""Code that stands in no fence: as a whole if it is Python as a whole, else without the prose around and between."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from sandbox.extraction.assembly import Found
from sandbox.extraction.blocks import tidy
from sandbox.extraction.functions import Target, as_body
from sandbox.extraction.parsing import MOST_PARSED, Parser, is_code, returns, statements

_AT_MARGIN = re.compile(
    r"""(?:
      (?:async\s+)?def\s+\w+\s*[(\[] | class\s+\w+\s*[(:\[] | @[\w.]+ | import\s+[\w.]+ | from\s+[\w.]+\s+import\s
    | (?:if|for|while|with|elif|except|async\s(?:for|with))\b.*:\s*(?:\#.*)?$ | (?:else|try|finally)\s*:
    | (?:assert|return|raise|yield|del|global|nonlocal)\s | (?:pass|return|break|continue)\s*(?:\#.*)?$
    | [A-Za-z_][\w.]*(?:\s*,\s*[A-Za-z_][\w.]*)+\s*=(?!=)
    | [A-Za-z_][\w.]*(?:\[.*\])?\s*(?:[-+*/%&|^@]|//|\*\*|<<|>>)?=(?!=) | [A-Za-z_]\w*\s*:\s*[\w\[\]., |"']+\s*=
    | [A-Za-z_][\w.]*\( | [)\]}"'\#]
    )""",
    re.VERBOSE,
)
_LABEL = re.compile(r"\s*(?:python3?|py)[ \t]*\n", re.IGNORECASE)
_WORDS = re.compile(r"[A-Za-z][a-z'’]*(?:,? [A-Za-z][a-z'’]*){3,}")
_LONGEST_LINE = 5_000  # in which code is told from prose by its looks


def whole(text: str, serves: Callable[[str], bool], parser: Parser) -> str | None:
    """Return the text, at the margin, if it is Python as a whole and serves; None if not."""
    label = _LABEL.match(text)
    code = tidy((text[label.end() :] if label else text).split("\n"))
    if not code.strip() or not serves(code):
        return None
    tree = parser.tree(code)
    return code if tree is not None and is_code(tree) and not returns(tree.body) else None


def function(text: str, target: Target, parser: Parser) -> Found | None:
    """Return the function, or its body, in a text without fences; None if neither is there."""
    if (code := whole(text, target.defined_in, parser)) is not None:
        return Found(code, "the text as a whole, which is Python")
    if target.begun and (body := as_body(text, parser)) is not None and not target.defined_in(tidy(text.split("\n"))):
        return Found(body.strip("\n"), f"the text as a whole, which is the body of {target.name}", body=True)
    lines = text.strip("\n").split("\n")
    if target.begun and (found := _indented_body(lines, target, parser)) is not None:
        return found
    code = _without_prose(text, parser)
    if target.defined_in(code):
        return Found(code, f"the statements of the text, without the prose around them, that define {target.name}")
    code = _stretch(text)
    if target.defined_in(code):
        return Found(code, f"the lines that look like code and define {target.name}")
    if target.begun and (body := _body_in_prose(lines, parser)) is not None:
        return Found(body, f"indented lines of the text, which are the body of {target.name}", body=True)
    return None


def program(text: str, parser: Parser) -> Found | None:
    """Return the program in a text without fences; None if there is none."""
    if (code := whole(text, bool, parser)) is not None:
        return Found(code, "the text as a whole, which is Python")
    if len(text) > MOST_PARSED:
        code = _stretch(text)
        return Found(code, "the lines that look like code") if code.strip() else None
    code = _without_prose(text, parser, keep_broken=True)
    return Found(code, "the statements of the text, without the prose around them") if code.strip() else None


def _without_prose(text: str, parser: Parser, *, keep_broken: bool = False) -> str:
    """The statements of a text. Lines that are no Python are left out, unless they look like code that is broken."""
    lines = tidy(_unlabelled(text).split("\n")).split("\n")
    kept = []
    for code, tree in statements(lines, parser):
        if keep_broken and not _is_prose(code) if tree is None else is_code(tree):
            kept.append(code)
    return "\n".join(kept) if any(map(_tells, kept)) else ""


def _tells(code: str) -> bool:
    return _AT_MARGIN.match(code[:_LONGEST_LINE]) is not None or "=" in code or "(" in code


def _is_prose(code: str) -> bool:
    """Whether a line that is no Python reads as a sentence, a heading or an item of a list."""
    line = code.split("\n", 1)[0][:_LONGEST_LINE].strip()
    if not _AT_MARGIN.match(line):
        return True
    return _WORDS.search(line) is not None and "=" not in line


def _unlabelled(text: str) -> str:
    label = _LABEL.match(text)
    return text[label.end() :] if label else text


def _indented_body(lines: list[str], target: Target, parser: Parser) -> Found | None:
    """The indented lines with which a text begins, if they are a body; their first may have lost its indentation."""
    first = list(itertools.takewhile(lambda line: not line.strip() or line[0] in " \t", lines[1:]))
    begins_indented = lines[0][:2].isspace()
    if not begins_indented and not ((first and not _AT_MARGIN.match(lines[0][:_LONGEST_LINE])) or first):
        return None
    rest = lines[1 + len(first) :]
    if any(_AT_MARGIN.match(line[:_LONGEST_LINE]) for line in rest if not line.startswith("#")):
        return None
    code = "\n".join([lines[0], *first]).rstrip()
    body = as_body(code, parser)
    if body is None and begins_indented and parser.refuses("def _():\n" + code) is False:
        body = tidy(code.split("\n"))
    return (
        Found(body, f"the indented lines that the text begins with, which are the body of {target.name}", body=True)
        if body
        else None
    )


def _body_in_prose(lines: list[str], parser: Parser) -> str | None:
    """The first stretch of indented lines that is a body."""
    at = 0
    while at < len(lines):
        end = at
        while end < len(lines) and (not lines[end].strip() or lines[end][0] in " \t"):
            end += 1
        if end > at and (body := as_body("\n".join(lines[at:end]).strip("\n"), parser)) is not None:
            return body
        at = end + 1
    return None


def _stretch(text: str) -> str:
    """The lines that look like code, from the first such line to the last before prose."""
    lines = tidy(_unlabelled(text).split("\n")).split("\n")
    start = next((n for n, line in enumerate(lines) if _AT_MARGIN.match(line[:_LONGEST_LINE])), len(lines))
    end = start
    while end < len(lines) and _looks_like_code(lines[end]):
        end += 1
    return "\n".join(lines[start:end])


def _looks_like_code(line: str) -> bool:
    return not line.strip() or line[0] in " \t" or _AT_MARGIN.match(line[:_LONGEST_LINE]) is not None
