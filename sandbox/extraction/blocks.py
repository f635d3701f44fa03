"""Find the fenced blocks of an answer, and the text outside of them; tell code from prose in it, line by line.

Fences are read as in CommonMark, with these forms that models write besides: a closing fence at the end of a line of
code, an opening one after prose, a tagged fence that opens the next block although the last one was not closed, code in
the line of the fence. A fence within a literal of the block's code, or indented deeper than its opening fence, is text.
If the first fence is a closing one, the prompt has opened the block, and the text before it is a block.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sandbox.extraction.parsing import MOST_PARSED, Parser, Scanner, is_code, parsed, statements

FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_BEHIND_PROSE = re.compile(r"[^`]+(`{3,})[ \t]*([\w+#]{1,12})?", re.IGNORECASE)
_CODE_IN_LABEL = re.compile(r"(?:import|from|def|class|async|for|while|if)\s+\S|print\s*\(")
_INLINE = re.compile(rf"(?:{_CODE_IN_LABEL.pattern}|return\b)")
_PYTHON = re.compile(
    r"(?:python|py|pyhton|phyton|pypy|ipython|sage|sagemath|cpython)[\d.\-_]*|pycon|pyi|python[-_]?repl|py[-_]?shell|"
    r"python[-_]?code|[\w./-]+\.py"
)
_OTHER = frozenset({
    "text", "txt", "plain", "plaintext", "output", "out", "console", "terminal", "bash", "sh", "shell", "zsh",
    "powershell", "cmd", "bat", "cpp", "c++", "c", "cc", "h", "java", "javascript", "js", "typescript", "ts", "go",
    "rust", "rs", "ruby", "rb", "php", "csharp", "c#", "cs", "kotlin", "swift", "scala", "haskell", "hs", "perl", "lua",
    "r", "julia", "pascal", "fortran", "json", "yaml", "yml", "toml", "xml", "html", "css", "sql", "diff", "patch",
    "latex", "tex", "math", "mermaid", "dot", "csv", "input", "stdin", "stdout", "log", "ini", "makefile", "dockerfile",
    "pseudocode", "pseudo", "algorithm", "example", "result", "tests", "test", "error", "traceback", "none", "markdown",
    "md", "golang", "node", "ocaml", "cxx", "dart", "elixir",
})  # fmt: skip
_DEFINES = re.compile(r"^(?:async def|def|class) ", re.MULTILINE)
_NOTEBOOK = re.compile(r"In \[\d+\]: | {2,6}\.{3}: ?")  # of IPython
_REWINDS = 8  # fences in literals that turned out to be none
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: its code at the margin, the places of its fences in the text, and its tag.

    `python` is True for a tag of Python, False for any other known tag, None without a known tag.
    """

    code: str
    closed: bool
    tag: str
    begin: int
    end: int

    @property
    def python(self) -> bool | None:
        """Return whether the tag names Python; None without a known tag."""
        if _PYTHON.fullmatch(self.tag):
            return True
        return False if self.tag in _OTHER else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fence:
    """An opening fence: its mark, its indentation, its tag, and code in its line."""

    mark: str
    indent: int
    tag: str
    rest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """The end of a block: its last line of code (cut to `last` if it carries the fence), and where to go on."""

    line: int
    closed: bool
    then: int
    last: str | None = None


def scan(text: str) -> list[Block]:
    """Return the blocks of a text, in order. One that the end of the text, or another block, cut off counts as open."""
    return list(_Text(text).blocks())


def outside(text: str, blocks: Sequence[Block]) -> str:
    """Return the text outside of all blocks, as one text."""
    parts, at = [], 0
    for block in blocks:
        parts.append(text[at : block.begin])
        at = block.end
    return "\n\n".join([*parts, text[at:]])


class _Text:
    """The lines of a text, and where they begin."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._length = len(text)
        self._rewinds = 0

    def blocks(self) -> Iterator[Block]:
        head = self._head()
        number = 0
        if head is not None:
            block, number = head
            yield block
        while number < len(self._lines):
            line = self._lines[number]
            if one := _on_one_line(line):
                yield self._block([one], "python", (number, number + 1), closed=True)
            elif fence := _opens(line):
                end = self._end(number, fence)
                lines = [fence.rest] * bool(fence.rest) + self._lines[number + 1 : end.line]
                if end.last is not None:
                    lines.append(end.last)
                yield self._block(lines, fence.tag, (number, end.then), closed=end.closed)
                number = end.then
                continue
            number += 1

    def _block(self, lines: list[str], tag: str, place: tuple[int, int], *, closed: bool) -> Block:
        begin, end = (min(self._starts[number], self._length) for number in place)
        return Block(code=tidy(lines), closed=closed, tag=tag, begin=begin, end=end)

    def _end(self, opened: int, fence: _Fence) -> _End:
        scanner, naive = Scanner(), None
        if fence.rest:
            scanner.feed(fence.rest)
        for number in range(opened + 1, len(self._lines)):
            line = self._lines[number]
            end = _ended(line, number, fence)
            if end is not None and scanner.quote:
                naive = naive or end
            elif end is not None and not (end.last is not None and _ends_within(scanner, line)):
                return end
            scanner.feed(line)
        if naive is not None and self._rewinds < _REWINDS:  # a literal that never ends: no literal
            self._rewinds += 1
            return naive
        return _End(line=len(self._lines), closed=False, then=len(self._lines))

    def _head(self) -> tuple[Block, int] | None:
        """Return the code before the first fence, if that closes what the prompt opened, and where to go on."""
        scanner = Scanner()
        for number, line in enumerate(self._lines):
            mark, label = _mark(line)
            carried = not mark and _carries_fence(line)
            if not scanner.quote and (mark or carried):
                lines = self._lines[:number] + [line.rstrip().rstrip("`~")] * carried
                if lines and _is_label(lines[0]):
                    lines = lines[1:]
                if label or not _is_python(lines):
                    return None
                return self._block(lines, "python", (0, number + 1), closed=True), number + 1
            scanner.feed(line)
        return None


def _ended(line: str, number: int, fence: _Fence) -> _End | None:
    """Return how this line ends the block that the fence opened, if it does."""
    mark, label = _mark(line)
    if not mark:
        if _carries_fence(line):
            return _End(line=number, closed=True, then=number + 1, last=line.rstrip().rstrip("`~"))
        return None
    deeper = len(line) - len(line.lstrip()) > fence.indent + 3
    if deeper or mark[0] != fence.mark[0] or len(mark) < len(fence.mark):
        return None
    if label:
        return _End(line=number, closed=False, then=number)
    return _End(line=number, closed=True, then=number + 1)


def _opens(line: str) -> _Fence | None:
    """Return the fence that opens a block in this line."""
    mark, label = _mark(line)
    if mark:
        tag, rest = _tag(label)
        return _Fence(mark=mark, indent=len(line) - len(line.lstrip()), tag=tag, rest=rest)
    behind = _BEHIND_PROSE.fullmatch(line.rstrip())
    if behind is None or not (_PYTHON.fullmatch(tag := (behind[2] or "py").lower()) or tag in _OTHER):
        return None
    return _Fence(mark=behind[1], indent=0, tag=(behind[2] or "").lower())


def _on_one_line(line: str) -> str:
    """Return the code of a block that begins and ends in this line; empty if there is none."""
    text = line.strip()
    if text.count("`") == 2 and text[0] == text[-1] == "`" and _INLINE.match(text[1:-1]):
        return text[1:-1]
    if len(text) < 7 or not (text.startswith("```") and text.endswith("```")) or "`" in text[3:-3]:
        return ""
    word, _, rest = text[3:-3].strip().partition(" ")
    return rest.strip() if _PYTHON.fullmatch(word.lower()) else f"{word} {rest}".strip()


def _mark(line: str) -> tuple[str, str]:
    """Return the fence of a line and the text after it; two empty texts if there is none.

    It is parsed by hand, because a pattern would need quadratic time for a line of spaces.
    """
    text = line.strip()
    mark = text[: len(text) - len(text.lstrip(text[0]))] if text[:1] in {"`", "~"} else ""
    label = text[len(mark) :].strip()
    return ("", "") if len(mark) < 3 or mark[0] in label else (mark, label)


def _tag(label: str) -> tuple[str, str]:
    """Return the language in lower case, and the code after the fence in its line."""
    if _CODE_IN_LABEL.match(label):
        return "", label
    word, _, rest = label.partition(" ")
    tag = re.split(r"[\s:,;={(\[<]", word.strip("{}").lstrip(".").lower(), maxsplit=1)[0]
    if word.endswith(".py") and ":" not in word:
        tag = word.lower()
    return tag, rest if _CODE_IN_LABEL.match(rest) else ""


def _carries_fence(line: str) -> bool:
    """Return whether a line of code carries the closing fence at its end, as small models write it."""
    return line.rstrip().endswith(("```", "~~~")) and bool(line.strip("`~ \t"))


def _ends_within(scanner: Scanner, line: str) -> bool:
    """Return whether the fence at the end of this line stands in a literal or a comment."""
    copy = Scanner()
    copy.quote = scanner.quote
    text = line.rstrip()
    return any(end >= len(text) - 1 for _, end in copy.feed(text)) or bool(copy.quote)


def _is_label(line: str) -> bool:
    return line.strip().lower() in {"python", "python3", "py"}


def _is_python(lines: list[str]) -> bool:
    """Return whether these lines are Python as a file, or as the body of a function."""
    code = tidy(lines)
    if not code.strip() or len(code) > MOST_PARSED:
        return False
    tree = parsed(code) or parsed("def _():\n" + textwrap.indent(code, " "))
    return tree is not None and is_code(tree)


def tidy(lines: Sequence[str]) -> str:
    """Return code as in a file: at the margin, without a console's prompts."""
    code = "\n".join(lines).strip("\n")
    if code[:1] in {" ", "\t"}:  # only then, because dedent also empties the blank lines of a docstring
        code = textwrap.dedent(code)
    if code.startswith("In ["):
        code = "\n".join(line[found.end() :] for line in code.split("\n") if (found := _NOTEBOOK.match(line)))
    return session(code) if code.startswith(">>> ") and not _DEFINES.search(code) else code


def session(text: str) -> str:
    """Return what was typed at a console's prompts."""
    typed = [line[4:] for line in text.split("\n") if line.startswith((">>> ", "... ")) or line.rstrip() == "..."]
    return "\n".join(typed)


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
