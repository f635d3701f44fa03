"""Make the source to execute, without the tests, from what a model wrote. `extract` is the only entry point.

A text is one of these kinds (`given`):

* a **solution** is a complete program and is executed as it is;
* a **completion** continues the prompt (or is a complete program, if the set has such), and is executed as it is;
* a **raw** completion, from a file of uncut completions, still has to be cut where it begins something new;
* an **answer** is a chat's: reasoning, prose, fenced blocks, code without a fence, cut off or corrected.

How an answer is read, in this order (docs/extraction.md says the same to users, with each rule's reason):

1. `wrappers`: a model's reasoning is not part of its answer, a special token ends the answer. `json_answers`: JSON may
   hold it.
2. `blocks`: which text is fenced, and which is not. A fence within a Python literal is text. `repairs` undoes what was
   done to a block's code on its way, and applies patches.
3. `functions` or `programs`: which of the blocks is the code. For a function it is the last closed one that defines it
   with a body, for a whole program the last closed one that is complete. Missing imports and helpers come from the
   other blocks.
4. `unfenced`: if no block fits, the text that is not fenced: the whole text if all of it is Python, else its code
   without the prose.

Code of another language than Python is found by `other_languages`, which parses nothing.

Nothing is run here. The text is hostile: all work is linear in its length, `parsing` gives the parser only text of
limited size, and no text raises an exception. If an answer holds no code, the source raises an error that says so.
Every choice comes with a sentence that gives its reason.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from sandbox.extraction import functions, other_languages, programs, unfenced
from sandbox.extraction.assembly import Found
from sandbox.extraction.blocks import FENCE, Block, outside, scan
from sandbox.extraction.functions import Target
from sandbox.extraction.json_answers import embedded, from_json
from sandbox.extraction.parsing import Parser, Scanner
from sandbox.extraction.repairs import as_written
from sandbox.extraction.wrappers import marks_code, until_end, unwrapped, without_reasoning
from sandbox.problems import Form, Problem
from sandbox.values import PYTHON
from sandbox.values.answer_forms import AnswerForm, found_snippet, found_value

__all__ = [
    "PROGRAM_STOPS",
    "STOPS",
    "TEXT_KINDS",
    "Extracted",
    "TextKind",
    "answered",
    "continued",
    "extract",
    "stops_of",
]

TextKind = Literal["answer", "completion", "solution", "raw"]
TEXT_KINDS: tuple[TextKind, ...] = get_args(TextKind)
# Stop strings of a function: those of the Codex paper, and a fence.
STOPS = ("\nclass ", "\ndef ", "\n#", "\nif ", "\nprint", "\n```")
PROGRAM_STOPS = ("\nQUESTION:", "\n```")  # of a whole program, as APPS asks for one
_MOST_REGIONS = 2
_ODD_INDENT = re.compile(r"^[ \t\u00a0]+", re.MULTILINE)
_RETURNED = re.compile(
    r"^return\b.*\n(?:(?:[ \t)\]}].*)?\n)*(?=(?:def|class|import|from|async def|if __name__)\b|@)", re.MULTILINE
)
_QUOTED_FENCE = re.compile(r"^> ?(?:```|~~~)", re.MULTILINE)
_ALL_QUOTED = re.compile(r"(?:>(?: .*+|)\n?)++")
_QUOTED = re.compile(r"^(?:>(?!>) ?)+", re.MULTILINE)


def stops_of(problem: Problem) -> tuple[str, ...]:
    """Return the stop strings of a completion of a problem, and of a whole program."""
    if problem.form is Form.DATA:
        return PROGRAM_STOPS
    return STOPS if problem.language == PYTHON else (*problem.stops, "\n```")


@dataclass(frozen=True, slots=True)
class Extracted:
    """A program's source, without the tests, and the reason for this choice."""

    source: str
    why: str


def extract(text: str, problem: Problem, *, given: TextKind = "answer") -> Extracted:
    """Return the source to execute for what a model wrote, and the reason for this choice.

    `given` is the kind of the text: a chat's "answer", a "completion" of the problem's prompt or a complete "solution",
    both used as they are, or a "raw" completion, which is cut first. Nothing is run, and no text raises an exception.
    """
    match given:
        case "solution":
            return Extracted(text, "a solution, as it is")
        case "completion" if problem.form is Form.DATA:
            return Extracted(text, "a completion that stands alone, as it is")
        case "completion":
            return Extracted(problem.continued(text), "a completion, as it is behind the prompt")
        case "raw":
            stops = stops_of(problem)
            text = _without_prompt(text, problem.prompt)
            return continued(text, problem, stops=stops, alone=problem.form is Form.DATA)
        case "answer":
            return answered(text, problem)
    raise ValueError(f"given is {given!r}; there are {', '.join(TEXT_KINDS)}")


def _without_prompt(text: str, prompt: str) -> str:
    """Return a text without the prompt that it repeats; tokenizers may change the space around it."""
    if text.startswith(prompt):
        return text.removeprefix(prompt)
    begun, repeated = text.lstrip().replace("\r\n", "\n"), prompt.strip().replace("\r\n", "\n")
    found = "\n" in repeated and begun.startswith(repeated)
    return begun.removeprefix(repeated) if found else text


def _no_program(text: str, problem: Problem) -> Extracted:
    """Return the snippet or the value of an answer whose problem asks for no program."""
    parser, clean = Parser(), _clean(text)
    answer, reasoning = without_reasoning(clean, parser)
    if reasoning == "cut":
        return Extracted("", "reasoning that never ended: there is no answer")
    answer = until_end(answer)
    if problem.answer_form is AnswerForm.SNIPPET:
        return Extracted(found_snippet(answer), "a snippet, for the tests to insert")
    return Extracted(found_value(answer), f"a predicted {problem.answer_form}")


def continued(text: str, problem: Problem, *, stops: Sequence[str] = (), alone: bool = False) -> Extracted:
    """Cut a completion at a stop string, a fence or a special token, and return its source.

    With `alone`, it is a complete program and does not continue the prompt. A completion that begins with a fence is
    read as a chat's answer.
    """
    if problem.answer_form is not AnswerForm.PROGRAM:
        return _no_program(text, problem)
    clean = _clean(text)
    if FENCE.match(clean.lstrip()):
        return answered(text, problem)
    cut, at = _cut(clean, stops)
    python = problem.language == PYTHON
    fence = _until_fence if python else _until_any_fence
    cut, at = (shorter, "a fence") if (shorter := fence(cut)) != cut else (cut, at)
    cut, at = (shorter, "a special token") if (shorter := until_end(cut, python=python)) != cut else (cut, at)
    why = f"a completion, cut at {at}" if at else "a completion, with nothing to cut"
    if alone:
        return Extracted(_with_preamble(problem, cut.strip("\n") + "\n"), f"{why}; it stands alone")
    return Extracted(problem.continued(cut), why)


def answered(text: str, problem: Problem, *, prefill: str = "") -> Extracted:
    """Return the source of a chat's answer to a prompt that began it with `prefill`.

    For an empty answer the prompt alone is judged, as for an empty completion.
    """
    if problem.answer_form is not AnswerForm.PROGRAM:
        return _no_program(prefill + text, problem)
    if not text.strip():
        return Extracted("" if problem.form is Form.DATA else problem.continued(""), "an empty answer")
    if problem.language != PYTHON:
        return _in_other_language(prefill, text, problem)
    parser, clean = Parser(), _clean(text)
    target = Target(problem, parser) if problem.entry_point else None
    if (inner := from_json(clean)) is not None:
        clean = _clean(inner)
    code = unfenced.whole_program(clean, parser) if target is None else unfenced.whole_function(clean, target, parser)
    if code is not None and not prefill and not marks_code(clean):
        return _extracted(Found(code, "the text as a whole, which is Python"), problem, target)
    answer, reasoning = without_reasoning(clean, parser)
    if reasoning == "cut":
        return _nothing(problem, target, "reasoning that never ended: there is no answer")
    after = ", after its reasoning" * bool(reasoning)
    answer = until_end(answer if reasoning else prefill + answer)
    for region in unwrapped(_unquoted(answer))[:_MOST_REGIONS]:
        found = _find_code(from_json(region) or region, target, parser) or _in_json(region, target, parser)
        if found is not None:
            return _extracted(replace(found, why=found.why + after), problem, target)
    return _nothing(problem, target, f"no code in the answer{after}")


def _unquoted(answer: str) -> str:
    """Return an answer of which the code stands in a quotation (`> `) without the quotation's marks."""
    quoted = _QUOTED_FENCE.search(answer) or _ALL_QUOTED.fullmatch(answer.strip())
    return _QUOTED.sub("", answer) if quoted else answer


def _in_other_language(prefill: str, text: str, problem: Problem) -> Extracted:
    clean = _clean(text)
    clean = _clean(from_json(clean) or clean)
    answer, reasoning = without_reasoning(clean, Parser())
    if reasoning == "cut":
        return Extracted(other_languages.NO_CODE, "reasoning that never ended: there is no answer")
    answer = _unquoted(until_end(answer if reasoning else prefill + answer, python=False))
    after = ", after its reasoning" * bool(reasoning)
    for region in unwrapped(answer, problem.language)[:_MOST_REGIONS]:
        found = other_languages.find_code(from_json(region) or region, problem)
        if found is not None:
            return Extracted(other_languages.whole(found.code, problem), found.why + after)
    return Extracted(other_languages.NO_CODE, f"no code in the answer{after}")


def _find_code(text: str, target: Target | None, parser: Parser) -> Found | None:
    blocks = [block for block in as_written(_nested(scan(text)), parser) if not parser.empty(block.code)]
    rest = outside(text, blocks) if blocks else text
    if target is None:
        found = programs.in_blocks(blocks, parser)
        return found or (None if blocks and not _holds_program(rest, parser) else unfenced.program(rest, parser))
    return (
        functions.in_blocks(blocks, target, parser)
        or unfenced.function(rest, target, parser)
        or functions.without_function(blocks, target, parser)
        or _something_else(rest, parser, tried=bool(blocks))
    )


def _in_json(text: str, target: Target | None, parser: Parser) -> Found | None:
    """Return the code in the last JSON block that holds code, else in the last object within the text."""
    blocks = (from_json(block.code) for block in reversed(scan(text)) if block.tag in {"json", ""})
    for where, inner in [*(("a block of", one) for one in blocks), *(("an object of", one) for one in embedded(text))]:
        found = None if inner is None else _find_code(_clean(inner), target, parser)
        if found is not None:
            return replace(found, why=f"{found.why}, in {where} JSON")
    return None


def _holds_program(rest: str, parser: Parser) -> bool:
    """Return whether the text outside of blocks is more than prose."""
    found = unfenced.program(rest, parser)
    return found is not None and ("print" in found.code or "input" in found.code)


def _something_else(rest: str, parser: Parser, *, tried: bool) -> Found | None:
    """Return another function than the one that was asked for, so that its verdict says what is missing."""
    found = None if tried else unfenced.program(rest, parser)
    if found is None or not ("def " in found.code or "class " in found.code):
        return None
    return Found(found.code, f"{found.why}; none defines what was asked for")


def _nested(blocks: list[Block]) -> list[Block]:
    """Return the blocks, with every Markdown block replaced by the blocks within it."""
    found = []
    for block in blocks:
        inner = scan(block.code) if block.tag in {"markdown", "md", ""} and FENCE.search(block.code) else []
        python = [one for one in inner if one.code.strip() and one.python is not False]
        found += [
            Block(code=one.code, closed=one.closed, tag=one.tag, begin=block.begin, end=block.end) for one in python
        ] or [block]
    return found


def _extracted(found: Found, problem: Problem, target: Target | None) -> Extracted:
    if found.continues:
        return Extracted(_continued(problem, target, found.code), found.why)
    if found.body:
        start = problem.prompt if target is None else target.prompt
        body, behind = _split(found.code)
        indented = textwrap.indent(body, _indentation(start))
        return Extracted(_continued(problem, target, indented + behind), found.why)
    methods = None if target is None else target.as_methods(found.code)
    if target is not None and methods is not None:
        return Extracted(_with_preamble(problem, methods), f"{found.why}, put into a class {target.owner}")
    return Extracted(_with_preamble(problem, found.code), found.why)


def _split(body: str) -> tuple[str, str]:
    """Split code into a body, up to its last return, and the functions after it at the margin."""
    ends = _RETURNED.search(body)
    return (body[: ends.end()], f"\n\n{body[ends.end() :]}") if ends else (body, "")


def _continued(problem: Problem, target: Target | None, code: str) -> str:
    """Return the code after the text that begins the function: the prompt, or a complete program's starter code."""
    if target is None or problem.form is not Form.DATA:
        return problem.continued(code)
    return f"{problem.starter.rstrip()}\n{code}"  # its last line may already have the body's indentation


_NO_CODE = 'raise NotImplementedError("the answer holds no code")\n'


def _nothing(problem: Problem, target: Target | None, why: str) -> Extracted:
    """Return the source for an answer without code: it fails, because a test that expects nothing would pass else."""
    if problem.form is Form.DATA:
        return Extracted(_NO_CODE, why)
    indentation = _indentation(problem.prompt) if target is not None and target.begun else ""
    return Extracted(problem.continued(indentation + _NO_CODE), why)


def _with_preamble(problem: Problem, source: str) -> str:
    """Return the prompt's imports and helpers, then the source; statements that must come first are moved up."""
    if not problem.preamble:
        return source
    lines = source.split("\n")
    future = [line for line in lines if line.startswith("from __future__ import ")]
    rest = [line for line in lines if not line.startswith("from __future__ import ")]
    return "\n".join([*future, problem.preamble + "\n".join(rest)])


def _indentation(prompt: str) -> str:
    """Return the indentation of a function's body at the end of the prompt."""
    last = prompt.rstrip().rpartition("\n")[2]
    indent = last[: len(last) - len(last.lstrip(" \t"))]
    if last.rstrip().endswith(":") and last.lstrip().startswith(("def ", "async ")):
        return indent + "    "
    return indent or "    "


def _clean(text: str) -> str:
    """Return the text as valid Unicode, with Python's line ends and indentation, without a byte order mark."""
    clean = text
    if not text.isascii():
        clean = text.encode("utf-8", "replace").decode("utf-8").removeprefix("\ufeff")
        clean = _ODD_INDENT.sub(lambda found: found[0].replace("\u00a0", " "), clean)
    return clean.replace("\r\n", "\n").replace("\r", "\n") if "\r" in clean else clean


def _cut(text: str, stops: Sequence[str]) -> tuple[str, str]:
    """Return the text before the first stop string, and that string."""
    ends = [(at, stop) for stop in stops if (at := text.find(stop)) >= 0]
    if not ends:
        return text, ""
    at, stop = min(ends)
    return text[:at], f"{stop.strip() or stop!r}"


def _until_any_fence(text: str) -> str:
    """Return the text before the first fence."""
    found = FENCE.search(text)
    return text if found is None else text[: max(found.start() - 1, 0)]


def _until_fence(text: str) -> str:
    """Return the text before the first fence outside of literals."""
    if "```" not in text and "~~~" not in text:
        return text
    scanner, at = Scanner(), 0
    last = {quote: text.rfind(quote) for quote in ('"""', "'''")}
    for line in text.split("\n"):
        if FENCE.match(line) and not (scanner.quote and last[scanner.quote] >= at):
            return text[: max(at - 1, 0)]
        scanner.feed(line)
        at += len(line) + 1
    return text
