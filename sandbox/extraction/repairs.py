"""Undo what was done to code on its way: entities, odd characters, escapes, prose, patches, here-documents.

A chat's page or a log may write `<` as `&lt;`, a space as one that does not break, or a line's end as two characters.
Code is repaired only if it is not Python as it stands and is Python afterwards; in other languages, which are not
parsed here, only entities are undone, and only where no `<` or `>` stands beside them. A patch is applied to the last
earlier block that has its lines; a patch that brings all of the code, as of a new file, stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from sandbox.extraction.assembly import lacking
from sandbox.extraction.blocks import Block
from sandbox.extraction.parsing import MOST_PARSED, Parser

_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&apos;": "'", "&nbsp;": " ", "&#39;": "'"}
_ENTITIES |= {"&#039;": "'", "&#x27;": "'", "&#34;": '"', "&#60;": "<", "&#62;": ">", "&#38;": "&"}
_ENTITY = re.compile("|".join(map(re.escape, _ENTITIES)))
# Characters without a width are removed; odd spaces become spaces, and odd ends of lines ends of lines.
_ODD = {ord(one): "" for one in "\u200b\u200c\u200d\u2060\ufeff\u00ad"}
_ODD |= {ord(one): " " for one in "\u00a0\u2002\u2003\u2009\u202f\u3000"} | {0x2028: "\n", 0x2029: "\n", 0x85: "\n"}
_ODD_CHARACTER = re.compile("[" + "".join(map(chr, _ODD)) + "]")
_ESCAPED = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\'": "'", "\\\\": "\\"}
_MAGIC = re.compile(r"^(?:%{1,2}[a-z]|![a-z]).*\n?", re.MULTILINE)
_PROSE = re.compile(
    r"(?:[-*\u2022] |\d+\. |#{2,6} |\*\*)?(?:`[^`\n]*`|[A-Z][\w'’]*)(?:[,;:]?[ ](?:`[^`\n]*`|[(*]*[\w'’\-/]+[)*]*)){2,}"
    r"[^\n;{}=]{0,400}[.:!?](?:\*\*)?"
)
_HEADING = re.compile(r"#{2,6} [^\n;{}]+|\*\*[^*\n]+\*\*:?|[A-Z]\w+(?: \w+){0,3}[:!]|(?:---+|===+)")
_HERE = re.compile(r"(?:\b(?:cat|tee)\b[^\n]*|\bpython3?(?: +-)? *)<<-?[ \t]*(['\"]?)(\w+)\1([^\n]*)")
_FILE = re.compile(r"(?:>|\btee)[ \t]*['\"]?[\w./-]*\.(\w{1,4})\b")
_MOST_PATCHES, _MOST_BASES = 20, 8
_PLACE = re.compile(r"@@(?: -\d+(?:,\d+)? \+\d+(?:,\d+)?)? @@|\*\*\* (?:Add|Update) File: ")
_Change = tuple[list[str], list[str]]  # the lines that are replaced, and those that take their place
_PATCH_HEAD = re.compile(r"(?:diff |index |--- |\+\+\+ |@@|\*\*\* |\\ No newline|new file mode|deleted file mode)")
_MOST_PLACES = 20  # of one patch
_LONGEST_LINE = 1_000  # that may be prose


def without_entities(code: str) -> str:
    """Return code in which every `<`, `>` and `&` was written as an entity of HTML, with these characters."""
    escaped = "&lt;" in code or "&gt;" in code
    return code if not escaped or "<" in code or ">" in code else _characters(code)


def _characters(code: str) -> str:
    return _ENTITY.sub(lambda found: _ENTITIES[found[0]], code)


def _usual(code: str) -> str:
    return _ODD_CHARACTER.sub(lambda found: _ODD[ord(found[0])], code)


def _unescaped(code: str) -> str:
    """Return code that was written as the literal of a string; of code with lines of its own only `\\_` is undone."""
    text = code.strip()
    if "\n" in text or "\\n" not in text:
        return code.replace("\\_", "_")
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return re.sub(r"\\[nt\"'\\]", lambda found: _ESCAPED[found[0]], text)


def _has_entities(code: str, parser: Parser) -> bool:
    """Return whether code that is Python has entities outside of literals, as in `return a &lt; b`."""
    tree = parser.tree(code) if "&lt;" in code or "&gt;" in code else None
    return tree is not None and bool(lacking([tree]) & {"lt", "gt"})


def _without_magics(code: str) -> str:
    """Return a notebook's cell without its commands, as in `%timeit` and `!pip`."""
    return _MAGIC.sub("", code)


_REPAIRS: tuple[Callable[[str], str], ...] = (_characters, _usual, _unescaped, _without_magics)


def repaired(code: str, parser: Parser) -> str:
    """Return the code, if it is not Python as it stands, in the first form that is; else as it is."""
    if not code.strip() or len(code) > MOST_PARSED or not (parser.refuses(code) or _has_entities(code, parser)):
        return code
    changed = code
    for repair in _REPAIRS:
        changed = repair(changed)
        for tried in (changed, without_framing_prose(changed)):
            if tried != code and tried.strip() and not parser.refuses(tried):
                return tried
    return code


def without_framing_prose(text: str) -> str:
    """Return the text without sentences and headings before its first line of code, and behind its last one."""
    lines = text.split("\n")
    begin, end = 0, len(lines)
    while begin < end and (not lines[begin].strip() or is_prose(lines[begin])):
        begin += 1
    while end > begin and (not lines[end - 1].strip() or is_prose(lines[end - 1])):
        end -= 1
    return "\n".join(lines[begin:end])


def is_prose(line: str) -> bool:
    """Return whether a line at the margin is a sentence or a heading."""
    line = line.rstrip()
    return len(line) <= _LONGEST_LINE and (_PROSE.fullmatch(line) or _HEADING.fullmatch(line)) is not None


def as_written(blocks: Sequence[Block], parser: Parser, *, language: str = "python") -> list[Block]:
    """Return the blocks with here-documents and patches replaced by the code that they make, and code repaired."""
    found: list[Block] = []
    patches = 0
    for block in blocks:
        python = language == "python" and block.python is not False
        made = [] if language == "bash" else _here_documents(block)
        if not made and patches < _MOST_PATCHES and (not python or parser.refuses(block.code)):
            made = _patched(block, found, language)
            patches += bool(made)
        if made:
            found += made
        elif language == "python":
            code = block.code if block.python is False else repaired(block.code, parser)
            found.append(block if code == block.code else replace(block, code=code))
        else:
            found.append(replace(block, code=without_entities(block.code)))
    return found


def _here_documents(block: Block) -> list[Block]:
    """Return the files that a block of shell commands writes, each as a block tagged by its extension."""
    if "<<" not in block.code or block.tag not in {"", "bash", "sh", "shell", "console", "terminal", "zsh"}:
        return []
    lines, at, found = block.code.split("\n"), 0, list[Block]()
    while at < len(lines):
        opens = _HERE.search(lines[at][:_LONGEST_LINE])
        at += 1
        if opens is None:
            continue
        end = next((n for n in range(at, len(lines)) if lines[n].strip() == opens[2]), None)
        if end is None:
            break
        file = _FILE.search(lines[at - 1][:_LONGEST_LINE])
        tag = file[1] if file else "python" if opens[0].startswith("python") else ""
        if tag:
            found.append(replace(block, code="\n".join(lines[at:end]), tag=tag.lower()))
        at = end + 1
    return found


def _patched(block: Block, earlier: Sequence[Block], language: str) -> list[Block]:
    """Return a block of the code that a patch makes of an earlier block, or of nothing; none if it is no patch."""
    changes = _searched(block.code) if "<<<<< SEARCH" in block.code else _changes(block)
    if not 0 < len(changes) <= _MOST_PLACES:
        return []
    for base in reversed(earlier[-_MOST_BASES:]):
        code: str | None = base.code
        for old, new in changes:
            code = _replaced(code, old, new)
        if code is not None:
            return [replace(block, code=code, tag=base.tag)]
    whole = not earlier and len(changes) == 1 and any(map(str.strip, changes[0][1]))
    return [replace(block, code="\n".join(changes[0][1]), tag=language)] if whole else []


def _searched(code: str) -> list[_Change]:
    """Return the changes of blocks that are written as SEARCH, =======, REPLACE."""
    changes: list[_Change] = []
    side = -1
    for line in code.split("\n"):
        if line.startswith("<<<<<") and line.rstrip().endswith("SEARCH"):
            changes.append(([], []))
            side = 0
        elif side == 0 and line.rstrip() == "=" * max(5, len(line.rstrip())):
            side = 1
        elif side == 1 and line.startswith(">>>>>") and line.rstrip().endswith("REPLACE"):
            side = -1
        elif side >= 0:
            changes[-1][side].append(line)
    return changes


def _changes(block: Block) -> list[_Change]:
    """Return the changes of a patch, by the signs before its lines."""
    lines = block.code.split("\n")
    if block.tag not in {"diff", "patch"} and not any(map(_PLACE.match, lines)):
        return []
    changes: list[_Change] = [([], [])]
    for line in lines:
        if _PATCH_HEAD.match(line):
            changes.append(([], []))
            continue
        kind = line[:1]
        text = line[1:] if kind in {"-", "+", " "} else line
        if kind != "+":
            changes[-1][0].append(text)
        if kind != "-":
            changes[-1][1].append(text)
    return [(old, new) for old, new in changes if old != new]


def _replaced(code: str | None, old: list[str], new: list[str]) -> str | None:
    """Return code with its only run of these lines replaced; None if there is none, or more than one."""
    if code is None or not any(map(str.strip, old)):
        return None
    text, wanted = (f"\n{_stripped(lines)}\n" for lines in (code.split("\n"), old))
    if text.count(wanted) != 1:
        return None
    before, _, after = text.partition(wanted)
    return f"{before}\n{_stripped(new)}\n{after}".strip("\n")


def _stripped(lines: Sequence[str]) -> str:
    return "\n".join(line.rstrip() for line in lines).strip("\n")
