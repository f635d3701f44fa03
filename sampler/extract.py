"""From what a model wrote to the source that is executed, without the tests.

A completion goes on where the prompt stops; it is cut where it starts something new. A chat answer is prose with code
in it: fenced or bare, closed or cut off, whole or only a body, in one block or several. What counts as *the* code is
decided here by looking at lines, never by running anything: take the block that defines the entry point with a body,
put the blocks before it that define things in front, fall back to the longest stretch of lines that looks like code,
and if only a body is left, put it under the prompt.

The text is hostile, so nothing here raises, and the one parser that is asked (is this whole?) gets bounded text and may
refuse in any of its ways.
"""

from __future__ import annotations

import ast
import itertools
import re
import textwrap
import warnings
from dataclasses import dataclass

from sampler.values import Prompt, PromptStyle
from sandbox.problems import Problem

_FENCE_LINE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_DEFINES = re.compile(r"^(?:(?:async\s+)?def|class|import|from)\s", re.MULTILINE)
_DEFINES_CALLABLE = re.compile(r"^(?:(?:async\s+)?def|class)\s", re.MULTILINE)
_RETURNS = re.compile(r"^(?:return|yield)\b", re.MULTILINE)
_CODE_AT_MARGIN = re.compile(
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
_MAX_PARSED = 20_000  # characters given to the parser
_PYTHON_TAGS = {"", "python", "python3", "py", "py3", "python2", "pycon", "ipython", "code"}


@dataclass(frozen=True, slots=True)
class _Block:
    code: str
    closed: bool
    tag: str


def program_for(problem: Problem, prompt: Prompt, text: str) -> str:
    """The source to execute for `text`, which a model wrote for `prompt`. Valid Unicode, without fence lines."""
    clean = text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
    if "\r" in clean:
        clean = clean.replace("\r\n", "\n").replace("\r", "\n")
    match prompt.style:
        case PromptStyle.COMPLETION if _FENCE_LINE.match(clean.lstrip()):
            return _from_chat(problem, clean)
        case PromptStyle.COMPLETION if not prompt.continues:
            return _stand_alone(problem, _until_fence(_cut(clean, prompt.stop)).strip("\n") + "\n")
        case PromptStyle.COMPLETION:
            return problem.prompt + _until_fence(_cut(clean, prompt.stop))
        case PromptStyle.CHAT:
            return _from_chat(problem, prompt.prefill + clean)


def _cut(text: str, stops: tuple[str, ...]) -> str:
    """The text before the first stop string."""
    ends = [at for stop in stops if (at := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text


def _until_fence(text: str) -> str:
    if "```" not in text and "~~~" not in text:
        return text
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if _FENCE_LINE.match(line):
            return "\n".join(lines[:number])
    return text


def _from_chat(problem: Problem, answer: str) -> str:
    source = _without_fences(_code(_without_thoughts(answer), problem.entry_point))
    if _is_body(source, problem.entry_point):
        return problem.prompt + textwrap.indent(source, _indentation(problem.prompt))
    return _stand_alone(problem, source)


def _is_body(source: str, entry_point: str) -> bool:
    """Whether the lines only make sense inside the function: they never define it, and return or define nothing."""
    returns = _RETURNS.search(source) is not None
    if _defined(source, entry_point):
        return returns and _DEFINES_CALLABLE.search(source) is None  # a variable that is called as its function is
    return returns or _DEFINES_CALLABLE.search(source) is None


def _indentation(prompt: str) -> str:
    """How far the prompt's last line stands from the margin; four spaces if it is at the margin."""
    last = prompt.rstrip().rpartition("\n")[2]
    return last[: len(last) - len(last.lstrip(" \t"))] or "    "


def _stand_alone(problem: Problem, source: str) -> str:
    """The prompt's imports and helpers, then the source; what must stand first is moved there."""
    future = [line for line in source.split("\n") if line.startswith("from __future__ import ")]
    rest = [line for line in source.split("\n") if not line.startswith("from __future__ import ")]
    return "\n".join([*future, problem.preamble + "\n".join(rest)])


def _code(answer: str, entry_point: str) -> str:
    blocks = [block for block in _blocks(answer) if block.code.strip()]
    if not blocks:
        return _bare(answer)
    own = [n for n, block in enumerate(blocks) if _defined(block.code, entry_point)]
    if not own:
        python = [block for block in blocks if block.tag in _PYTHON_TAGS] or blocks
        return _whole(max(python, key=lambda block: len(block.code)), entry_point)
    chosen = next((n for n in own if not _is_stub(blocks[n].code, entry_point)), own[-1])
    helpers = [
        block.code
        for n, block in enumerate(blocks[:chosen])
        if n not in own and block.tag in _PYTHON_TAGS and _DEFINES.search(block.code)
    ]
    return "\n\n".join([*helpers, _whole(blocks[chosen], entry_point)])


def _without_thoughts(answer: str) -> str:
    """The answer without the reasoning that some models put before it."""
    head, closed, tail = answer.partition("</think>")
    before, opened, _ = head.partition("<think>")  # some templates open it themselves
    if closed:
        in_code = _FENCE_LINE.search(before) if opened else _FENCE_LINE.match(answer)
        return answer if in_code else tail
    return "" if answer.lstrip().startswith("<think>") else answer


def _blocks(answer: str) -> list[_Block]:
    """The fenced blocks, in order; one that the end of the text or another opening fence cut off counts as open."""
    blocks: list[_Block] = []
    lines: list[str] = []
    fence, tag = "", ""
    for line in answer.split("\n"):
        mark, label = _fence(line)
        inside = bool(fence)
        if inside and ((mark.startswith(fence) and not label) or _closes(line)):
            lines.append("" if mark else line.rstrip().rstrip("`~"))
            blocks.append(_Block(_tidy(lines), closed=True, tag=tag))
            fence = ""
        elif mark and (not inside or (label and mark[0] == fence[0])):
            if inside:
                blocks.append(_Block(_tidy(lines), closed=False, tag=tag))
            fence, tag, lines = mark, label, []
        elif inside:
            lines.append(line)
    if fence:
        blocks.append(_Block(_tidy(lines), closed=False, tag=tag))
    return blocks


def _fence(line: str) -> tuple[str, str]:
    """The fence that the line is and its language tag, in lower case; two empty texts if it is none.

    By hand, because a pattern would need time quadratic in a line of spaces.
    """
    text = line.strip()
    mark = text[: len(text) - len(text.lstrip(text[0]))] if text[:1] in {"`", "~"} else ""
    label = text[len(mark) :].strip()
    if len(mark) < 3 or mark[0] in label:
        return "", ""
    return mark, label.split()[0].lower() if label else ""


def _closes(line: str) -> bool:
    """Whether a line of code carries the closing fence at its end, as small models write it."""
    return line.rstrip().endswith(("```", "~~~")) and not _FENCE_LINE.match(line)


def _tidy(lines: list[str]) -> str:
    """Code as a file would hold it: at the margin, without a console's prompts."""
    code = "\n".join(lines).strip("\n")
    if code[:1] in {" ", "\t"}:  # only then, because dedent also empties the blank lines of a docstring
        code = textwrap.dedent(code)
    if not code.startswith(">>> "):
        return code
    typed = [line[4:] for line in code.split("\n") if line.startswith((">>> ", "... ")) or line == "..."]
    return "\n".join(typed)


def _bare(answer: str) -> str:
    """Of an answer without fences: the lines that look like code, from the first to the last before prose.

    One that begins indented is a body, and its indented lines are code, whatever they look like.
    """
    given = answer.strip("\n").split("\n")
    body = _indented(given)
    if given[0][:2].isspace() and not any(map(_CODE_AT_MARGIN.match, given[len(body) :])):
        return _tidy(body)
    lines = _tidy(answer.split("\n")).split("\n")
    start = next((n for n, line in enumerate(lines) if _CODE_AT_MARGIN.match(line)), None)
    if start is None:
        start = next((n for n, line in enumerate(lines) if line[:1] in {" ", "\t"} and line.strip()), 0)
    end = start
    while end < len(lines) and _looks_like_code(lines[end]):
        end += 1
    return "\n".join(lines[start:end])


def _indented(lines: list[str]) -> list[str]:
    """The lines up to the first one at the margin."""
    return list(itertools.takewhile(lambda line: not line.strip() or line[0] in " \t", lines))


def _looks_like_code(line: str) -> bool:
    return not line.strip() or line[0] in " \t" or _CODE_AT_MARGIN.match(line) is not None


def _whole(block: _Block, entry_point: str) -> str:
    """The block's code; of a cut-off block without the last, unfinished statement, if the function stands before it."""
    if block.closed or _parses(block.code):
        return block.code
    lines = block.code.split("\n")
    margin = [n for n, line in enumerate(lines) if line[:1].strip() and line[0] not in ")]}"]
    shorter = "\n".join(lines[: margin[-1]]) if margin else ""
    return shorter if _defined(shorter, entry_point) and _parses(shorter) else block.code


def _defined(code: str, name: str) -> bool:
    pattern = rf"^(?:(?:async\s+)?def\s+{re.escape(name)}\s*[(\[]|{re.escape(name)}\s*(?::[^=\n]*)?=(?!=))"
    return re.search(pattern, code, re.MULTILINE) is not None


def _is_stub(code: str, name: str) -> bool:
    """Whether the function is there as signature and docstring only, as answers quote the question."""
    tree = _parse(code)
    if tree is None:
        return _parses(code + "\n    pass")
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return all(_says_nothing(statement) for statement in node.body)
    return False


def _says_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _parses(code: str) -> bool:
    return _parse(code) is not None


def _parse(code: str) -> ast.Module | None:
    """The syntax tree, or None if the text is too long, not Python, or too much for the parser."""
    if len(code) > _MAX_PARSED:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _without_fences(code: str) -> str:
    return "\n".join(line for line in code.split("\n") if not _FENCE_LINE.match(line))
