"""Find the code of an answer in another language than Python; it is told by fences, names and brackets alone.

Blocks that are tagged with the language, or not at all, come first; among them the last closed one that defines the
function, or for a whole program the last closed one. Without a fence, the whole text is code. Code that defines the
function stands alone, with what the prompt has before the function and the code has not; else it is the function's
body. `main` is left in it: the drivers of `sandbox.languages` rename it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sandbox.extraction.assembly import Found
from sandbox.extraction.blocks import Block, scan
from sandbox.languages import find_language
from sandbox.languages.test_drivers import DRIVERS
from sandbox.problems import Form, Problem

NO_CODE = "the answer holds no code"
_LEADING_WORDS = re.compile(r"\A(?:[A-Z][^\n{};=]*:\s*\n)+")
_PACKAGE = re.compile(r"^\s*(?:package\s|<\?php)", re.MULTILINE)
_IMPORTS = re.compile(r"^[ \t]*import\s*(?:\([^)]*\)|[^\n]+)", re.MULTILINE)
_CLASS = re.compile(r"\bclass\s+\w+[^{]*\{")


def find_code(answer: str, problem: Problem) -> Found | None:
    """Return the code of an answer to a problem whose programs are in another language than Python."""
    blocks = [block for block in scan(answer) if block.code.strip()]
    if not blocks:
        text = _LEADING_WORDS.sub("", answer)
        return Found(text, "the text as a whole, which has no fence") if text.strip() else None
    own = [block for block in blocks if _is_of(block, problem.language)] or blocks
    defining = [block for block in own if defines(block.code, problem)]
    chosen = _last(defining or own)
    what = "the last block" + f" that defines {problem.entry_point}" * bool(defining and problem.entry_point)
    return Found(chosen.code, what if chosen.closed else f"{what}, which has no end")


def _is_of(block: Block, language: str) -> bool:
    if not block.tag:
        return True
    try:
        found = find_language(block.tag)
    except ValueError:
        return False
    return found is not None and (found.name == language or {found.name, language} == {"javascript", "typescript"})


def _last(blocks: Sequence[Block]) -> Block:
    closed = [block for block in blocks if block.closed]
    return (closed or blocks)[-1]


def defines(code: str, problem: Problem) -> bool:
    """Return whether code defines the function that is asked for; any code does where a whole program is."""
    if not problem.entry_point:
        return True
    name = re.escape(problem.entry_point.rpartition(".")[2])
    begins = rf"^[^\n;=]*(?:[\w>\]*&$]\s+[*&]*|::){name}\s*(?:<[^\n>]*>)?\([^;]*$"
    other = rf"^(?:sub\s+)?{name}\s*(?:\(\)\s*)?\{{|\b{name}\s*(?:=|<-)"
    return re.search(f"{begins}|{other}", code, re.MULTILINE) is not None


def whole(code: str, problem: Problem) -> str:
    """Return the source of code that was found in an answer."""
    if problem.form is Form.DATA:
        return code
    if not defines(code, problem):
        begun = f"{problem.prompt}{code}"  # uncut: blocks of code at the margin look like the stop strings of sets
        return begun + DRIVERS[problem.language].closing(begun)
    if problem.language == "go":
        return code if _PACKAGE.search(code) else _go(code, problem.preamble)
    if problem.language == "php":
        return code if "<?php" in code else f"<?php\n{code}"
    given = {line.strip() for line in code.splitlines()}
    begun = problem.preamble
    if _CLASS.search(begun) and _CLASS.search(code):  # the answer has the class that the prompt begins
        begun = begun[: _last_class(begun)]
    lines = [line for line in begun.splitlines() if not (line.strip() in given and line.strip())]
    text = "\n".join([*lines, code]) if any(line.strip() for line in lines) else code
    opened = _CLASS.search(begun) is not None
    return text + "\n}" * max(0, text.count("{") - text.count("}")) if opened else text


def _last_class(text: str) -> int:
    return [found.start() for found in _CLASS.finditer(text)][-1]


def _go(code: str, preamble: str) -> str:
    """Return a Go file: the prompt's packages are imported where the code imports none."""
    head = _IMPORTS.sub("", preamble) if _IMPORTS.search(code) else preamble
    return f"{head.strip() or 'package main'}\n\n{code}"
