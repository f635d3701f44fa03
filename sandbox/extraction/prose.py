"""Telling code from prose, line by line, where both stand in one text."""

from __future__ import annotations

import re

from sandbox.extraction.blocks import tidy
from sandbox.extraction.parsing import Parser, is_code, statements

AT_MARGIN = re.compile(
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
LONGEST_LINE = 5_000  # in which code is told from prose by its looks


def without_prose(text: str, parser: Parser, *, keep_broken: bool = False) -> str:
    """Return the statements of a text. Lines that are no Python are left out, or with `keep_broken` such as read as prose."""
    return "\n".join(runs(text, parser, keep_broken=keep_broken))


def runs(text: str, parser: Parser, *, keep_broken: bool = False) -> list[str]:
    """Return the statements of a text, those together between which no prose stands."""
    lines = tidy(unlabelled(text).split("\n")).split("\n")
    found: list[list[str]] = [[]]
    for code, tree in statements(lines, parser):
        if (
            keep_broken and not _is_prose(code) if tree is None else is_code(tree) or not tree.body
        ):  # code, or a comment
            found[-1].append(code)
        elif found[-1]:
            found.append([])
    return ["\n".join(run) for run in found if any(map(_tells, run))]


def _tells(code: str) -> bool:
    return AT_MARGIN.match(code[:LONGEST_LINE]) is not None or "=" in code or "(" in code


def _is_prose(code: str) -> bool:
    """Whether a line that is no Python reads as a sentence, a heading or an item of a list."""
    line = code.split("\n", 1)[0][:LONGEST_LINE].strip()
    if not AT_MARGIN.match(line):
        return True
    return _WORDS.search(line) is not None and "=" not in line


def unlabelled(text: str) -> str:
    """Return the text without the word "python", or whose turn it is, alone in its first line."""
    label = _LABEL.match(text)
    return text[label.end() :] if label and label[0].strip() else text
