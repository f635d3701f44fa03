"""Tell code from prose, line by line, in one text."""

from __future__ import annotations

import re

from sandbox.extraction.blocks import tidy
from sandbox.extraction.parsing import Parser, is_code, statements

_STATEMENT = re.compile(
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
_LABEL = re.compile(r"\s*(?:(?:assistant|model)[ \t]*\n+)?(?:(?:python3?|py)[ \t]*\n)?", re.IGNORECASE)
_WORDS = re.compile(r"[A-Za-z][a-z'’]*(?:,? [A-Za-z][a-z'’]*){3,}")
_LONGEST_LINE = 5_000  # of which the beginning is looked at


def looks_like_statement(line: str) -> bool:
    """Return whether a line at the margin looks like Python, by how it begins."""
    return _STATEMENT.match(line[:_LONGEST_LINE]) is not None


def without_prose(text: str, parser: Parser, *, keep_broken: bool = False) -> str:
    """Return the statements of a text.

    Lines that are not Python are left out; with `keep_broken`, only those that read as prose.
    """
    return "\n".join(runs(text, parser, keep_broken=keep_broken))


def runs(text: str, parser: Parser, *, keep_broken: bool = False) -> list[str]:
    """Return the statements of a text, grouped so that no prose comes between them."""
    lines = tidy(unlabelled(text).split("\n")).split("\n")
    found: list[list[str]] = [[]]
    for code, tree in statements(lines, parser):
        broken = tree is None and keep_broken and not _is_prose(code)
        if broken or (tree is not None and (is_code(tree) or not tree.body)):  # without a body it is a comment
            found[-1].append(code)
        elif found[-1]:
            found.append([])
    return ["\n".join(run) for run in found if any(map(_looks_like_code, run))]


def _looks_like_code(code: str) -> bool:
    return looks_like_statement(code) or "=" in code or "(" in code


def _is_prose(code: str) -> bool:
    """Return whether a line that is not Python reads as a sentence, a heading or an item of a list."""
    line = code.split("\n", 1)[0][:_LONGEST_LINE].strip()
    if not looks_like_statement(line):
        return True
    return _WORDS.search(line) is not None and "=" not in line


def unlabelled(text: str) -> str:
    """Return the text without a first line that is only the word "python" or the name of a turn."""
    label = _LABEL.match(text)
    return text[label.end() :] if label and label[0].strip() else text
