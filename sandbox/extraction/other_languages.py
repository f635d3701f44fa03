"""Find the code of an answer in another language than Python; it is told by fences, names and brackets alone.

Blocks that are tagged with the language come first, then those without a tag. Of a function it is the last closed one
that defines it; of a whole program the last closed one that has the language's main function or, where a language needs
none, reads and prints. A block that says that it leaves code out counts if no other does. Without a fence, the text is
code, without the prose around it. Code that defines the function stands alone, with what the prompt has before the
function and the code has not; else it is the function's body. `main` is left in it: the drivers of `sandbox.languages`
rename it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from sandbox.extraction.assembly import Found
from sandbox.extraction.blocks import FENCE, Block, scan
from sandbox.extraction.json_answers import embedded, from_json
from sandbox.extraction.parsing import Parser
from sandbox.extraction.repairs import as_written, is_prose, without_entities, without_framing_prose
from sandbox.languages import find_language
from sandbox.languages.test_drivers import DRIVERS
from sandbox.problems import Form, Problem

NO_CODE = "the answer holds no code\n"  # which no language takes for a program that ends well
_MAIN = {
    "cpp": re.compile(r"\bmain\s*\("),
    "csharp": re.compile(r"\bMain\s*\(|^\s*(?:Console\.|using\s)", re.MULTILINE),
    "go": re.compile(r"\bfunc\s+main\s*\("),
    "java": re.compile(r"\bmain\s*\("),
    "rust": re.compile(r"\bfn\s+main\s*\("),
}
_READS = re.compile(
    r"stdin|\bread|get_?line|\bgets\b|scan|\binput|<>|fgets|fopen|\bcin\b|ARGF|io\.lines|\$<|fs\b|\bcat\b|\bawk\b",
    re.IGNORECASE,
)
_PRINTS = re.compile(r"print|write|echo|puts|console\.log|\b(?:cat|cout|say|awk|bc)\b|stdout", re.IGNORECASE)
_LEFT_OUT = re.compile(
    r"^[ \t]*(?://|/\*|#|--|%|;)[ \t]*(?:\.{3}|\u2026)|(?://|/\*|#|--).*\b(?:existing code|rest of (?:the|your) "
    r"(?:code|program)|code as before)\b",
    re.MULTILINE | re.IGNORECASE,
)
_LEADING_WORDS = re.compile(r"\A(?:[A-Z][^\n{};=]*:\s*\n)+")
_OUTPUT_TAGS = frozenset({"text", "txt", "plaintext", "output", "console", "json", "input", "stdin", "stdout"})
_JOINED = frozenset({"cpp", "javascript", "typescript", "rust", "lua", "perl", "r", "ruby"})
_DEFINITION = re.compile(
    r"(?:export\s+)?(?:async\s+function|function|local\s+function|(?:pub\s+)?(?:fn|struct|enum)|def|sub|struct|class|const|let)\s+(\w+)"
    r"|[A-Za-z_][\w:<>,*& \[\]]*[\s*&](\w+)\s*\([^;]*$"
)
_HEADER = re.compile(r"#\s*(?:include|define|pragma)|using\s|use\s|const\s.*\brequire\(|import\s|library\(|require\b")
_LONGEST_LINE = 300  # that is looked at
_COMMENT = re.compile(r"\s*(?://|#|--|\*|/\*)")
_CALLS = re.compile(
    r"\b(?:return|if|while|for|else|elif|elsif|unless|until|when|case|switch|match|puts|print|p|echo|say|await|yield|throw|raise|"
    r"and|or|not|in|new|assert|do|then|cout|printf|println)\b[^\w\n]*$"
)
_PACKAGE = re.compile(r"^\s*(?:package\s|<\?php)", re.MULTILINE)
_IMPORTS = re.compile(r"^[ \t]*import\s*(?:\([^)]*\)|[^\n]+)", re.MULTILINE)
_CLASS = re.compile(r"\bclass\s+\w+[^{]*\{")


def find_code(answer: str, problem: Problem) -> Found | None:
    """Return the code of an answer to a problem in another language than Python; None without any."""
    blocks = as_written(_opened_by_prompt(_nested(scan(answer), problem), answer), Parser(), language=problem.language)
    blocks = [block for block in blocks if block.code.strip()]
    if not blocks or all(block.tag == "json" for block in blocks):
        return _in_json(answer, blocks, problem) or (None if blocks else _unfenced(answer))
    tagged = [block for block in blocks if block.tag and _is_of(block, problem.language)]
    bare = [block for block in blocks if not block.tag]
    unknown = [block for block in blocks if block.tag not in _OUTPUT_TAGS]
    fitting = (
        (what, chosen)
        for what, fits in _conditions(problem)
        for group in (tagged, bare, unknown)
        if (chosen := [block for block in group if fits(block.code)])
    )
    what, chosen = next(fitting, ("", []))
    if not chosen:
        return None
    last = _last(chosen)
    what = f"the last block{what}" + ", which has no end" * (not last.closed)
    own = [block for block in tagged or bare if block is not last and block.closed and not _LEFT_OUT.search(block.code)]
    helpers = _helpers(last.code, [block.code for block in own], problem)
    return Found("\n\n".join([*helpers, last.code]), f"{what}, with what it uses of other blocks" if helpers else what)


def _helpers(code: str, others: Sequence[str], problem: Problem) -> list[str]:
    """Return other blocks that define what the code uses and has not, in languages where such files may be joined."""
    main = _MAIN.get(problem.language)
    if problem.language not in _JOINED or (main is None and not problem.entry_point):
        return []
    has = _defined(code)
    taken: list[str] = []
    for other in reversed(others):
        given = _defined(other)
        if (problem.entry_point and defines(other, problem)) or (main and main.search(other)) or given & has:
            continue
        used = any(re.search(rf"\b{name}\b", text) for name in given for text in (code, *taken))
        if used or (other.strip() and all(_HEADER.match(line) or not line.strip() for line in other.split("\n"))):
            taken.insert(0, other)
            has |= given
    return taken


def _defined(code: str) -> set[str]:
    """Return the names of the functions and types that code defines at its margin."""
    found = (_DEFINITION.match(line[:_LONGEST_LINE]) for line in code.split("\n"))
    return {one[1] or one[2] for one in found if one}


def _conditions(problem: Problem) -> list[tuple[str, Callable[[str], bool]]]:
    """Return the conditions for choosing a block, strictest first: words for the reason, and a test."""
    if problem.entry_point:
        return [(f" that defines {problem.entry_point}", lambda code: defines(code, problem)), ("", bool)]
    main = _MAIN.get(problem.language)
    if main is not None:
        return [("", lambda code: main.search(code) is not None), ("", bool)]
    return [
        ("", lambda code: _READS.search(code) is not None and _PRINTS.search(code) is not None),
        ("", lambda code: _PRINTS.search(code) is not None),
        ("", bool),
    ]


def _in_json(answer: str, blocks: Sequence[Block], problem: Problem) -> Found | None:
    """Return the code in the last JSON block that holds code, else in the last object within the text."""
    for inner in [*(from_json(block.code) for block in reversed(blocks)), *embedded(answer)]:
        found = None if inner is None else find_code(inner, problem) if FENCE.search(inner) else _unfenced(inner)
        if found is not None:
            return replace(found, why=f"{found.why}, in JSON")
    return None


def _unfenced(text: str) -> Found | None:
    code = without_entities(without_framing_prose(_LEADING_WORDS.sub("", text)))
    return Found(f"{code.rstrip()}\n", "the text as a whole, which has no fence") if code.strip() else None


def _nested(blocks: list[Block], problem: Problem) -> list[Block]:
    """Return the blocks, with every Markdown block replaced by the blocks of the language within it."""
    found = []
    for block in blocks:
        inner = scan(block.code) if block.tag in {"markdown", "md", ""} and FENCE.search(block.code) else []
        own = [one for one in inner if _is_of(one, problem.language)]
        found += [replace(one, begin=block.begin, end=block.end) for one in own] or [block]
    return found


def _opened_by_prompt(blocks: list[Block], answer: str) -> list[Block]:
    """Return the blocks, shifted by one fence if the first one closes what the prompt had opened.

    Then it has no tag, the last block has no end, and what stands before it is no prose.
    """
    if not blocks or blocks[0].tag or blocks[-1].closed:
        return blocks
    head = answer[: blocks[0].begin].strip("\n")
    if not head or any(is_prose(line) for line in head.split("\n")):
        return blocks
    first = Block(code=head, closed=True, tag="", begin=0, end=blocks[0].begin)
    fence = answer[blocks[0].begin :].partition("\n")
    return [first, *scan(fence[2])]


def _is_of(block: Block, language: str) -> bool:
    if not block.tag:
        return True
    try:
        found = find_language(re.sub(r"(?<=\D)[\d.]+$", "", block.tag) or block.tag)
    except ValueError:
        return False
    return found is not None and (found.name == language or {found.name, language} == {"javascript", "typescript"})


def _last(blocks: Sequence[Block]) -> Block:
    closed = [block for block in blocks if block.closed] or blocks
    return ([block for block in closed if not _LEFT_OUT.search(block.code)] or closed)[-1]


def defines(code: str, problem: Problem) -> bool:
    """Return whether code defines the function that is asked for; any code does where a whole program is."""
    if not problem.entry_point:
        return True
    name = re.escape(problem.entry_point.rpartition(".")[2])
    begins = rf"^([^\n;=]*(?:[\w>\]*&$]\s+[*&]*|::)){name}\s*(?:<[^\n>]*>|\[[^\n\]]*\])?\((?=[^;\n]*(?:$|\{{))"
    other = (
        rf"^(?:sub\s+)?{name}\s*(?:\(\)\s*)?\{{|\b{name}\s*(?:=(?!=)|<-)|\blet\s+(?:rec\s+)?{name}\b|^and\s+{name}\b"
        rf"|\bdef\s+(?:self\.)?{name}\b|\bfunction\s+(?:\w+[.:])?{name}\b|\b(?:const|let|var)\s+{name}\s*:"
    )
    if re.search(other, code, re.MULTILINE):
        return True
    return any(_begins_definition(found[1]) for found in re.finditer(begins, code, re.MULTILINE))


def _begins_definition(before: str) -> bool:
    """Return whether what stands before a function's name and its bracket defines it, and does not call it."""
    called = before.count("(") > before.count(")") or _CALLS.search(before)
    return not called and not _COMMENT.match(before)


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
