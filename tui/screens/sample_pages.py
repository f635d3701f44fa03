"""A sample's texts as pages: lines without control characters, coloured as code of a language or as a difference."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.lexers.special import TextLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType
from pygments.util import ClassNotFound
from rich.style import Style
from rich.text import Text

from sampler.plotting import ELLIPSIS, quantity
from sampler.store.read_models import SampleDetail, SampleRow
from sampler.values import sample_number
from sandbox.languages import PYTHON_NAMES, find_language
from tui.progress import HeaderPart
from tui.text import Severity, json_pairs, sanitize, severity_of

LONGEST_LINE = 2_000
MOST_LINES = 5_000
DIFF_LINES = 400
TAB = "    "
PYTHON = PYTHON_NAMES[0]
AGAIN = "again"  # the page of a program that was executed once more


class Kind(Enum):
    """How the lines of a page are to be coloured."""

    CODE = "code"
    PLAIN = "plain"
    DIFF = "diff"


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePage:
    """One tab of the sample."""

    key: str
    title: str
    kind: Kind
    lines: tuple[str, ...]
    numbered: bool = False
    raw: str = ""  # what is copied: the text as it is
    language: str = PYTHON  # of code

    @property
    def wrapped(self) -> bool:
        """Return whether long lines are broken: prose is, code is not."""
        return self.key in {"why", "answer", "thought", "output", AGAIN}

    @property
    def text(self) -> str:
        """Return the lines as one text."""
        return "\n".join(self.lines)


def clean_lines(text: str, most: int = MOST_LINES) -> tuple[str, ...]:
    """Return the lines of a text, each without control characters; texts that are too long are cut and marked."""
    lines = text.expandtabs(len(TAB)).replace("\r\n", "\n").split("\n", most + 1)
    kept = [sanitize(line, LONGEST_LINE) for line in lines[:most]]
    if len(lines) > most:
        kept.append(f"{ELLIPSIS} further lines are not shown")
    while len(kept) > 1 and not kept[-1]:
        kept.pop()
    return tuple(kept)


def language_of(form: str | None) -> str:
    """Return the language of a sample's program, which the form of its prompt names where it is not Python."""
    for name in (form or "").split(", ")[1:]:
        try:
            found = find_language(name)
        except ValueError:
            continue
        return PYTHON if found is None else found.name
    return PYTHON


def extension_of(language: str) -> str:
    """Return the ending of the names of files in a language."""
    found = find_language(language)
    return ".py" if found is None else found.extension


def pages(detail: SampleDetail, sentences: Sequence[str], passing: SampleDetail | None) -> tuple[SamplePage, ...]:
    """Return the pages of a sample in the order of their keys."""
    output, language = _outputs(detail), language_of(detail.prompt_form)
    thought = SamplePage(
        key="thought", title="Thought", kind=Kind.PLAIN, lines=clean_lines(detail.thought), raw=detail.thought
    )
    return (
        SamplePage(
            key="code",
            title="Code",
            kind=Kind.CODE,
            lines=clean_lines(detail.program),
            numbered=True,
            raw=detail.program,
            language=language,
        ),
        SamplePage(
            key="answer", title="Answer", kind=Kind.PLAIN, lines=clean_lines(detail.completion), raw=detail.completion
        ),
        *([thought] if detail.thought else []),
        SamplePage(
            key="prompt",
            title="Prompt",
            kind=Kind.CODE,
            lines=clean_lines(detail.prompt),
            raw=detail.prompt,
            language=language,
        ),
        SamplePage(
            key="tests",
            title="Tests",
            kind=Kind.CODE,
            lines=clean_lines(detail.shown_tests),
            raw=detail.shown_tests,
            language=language,
        ),
        SamplePage(key="output", title="Output", kind=Kind.PLAIN, lines=clean_lines(output), raw=output),
        SamplePage(key="why", title="Why", kind=Kind.PLAIN, lines=_why(detail, sentences), raw="\n".join(sentences)),
        SamplePage(key="diff", title="Diff", kind=Kind.DIFF, lines=_diff(detail, passing)),
    )


def _outputs(detail: SampleDetail) -> str:
    parts = [
        f"── {name} ──\n{body.rstrip()}"
        for name, body in (("stdout", detail.stdout), ("stderr", detail.stderr))
        if body
    ]
    return "\n\n".join(parts) or "no output"


def _why(detail: SampleDetail, sentences: Sequence[str]) -> tuple[str, ...]:
    row = detail.row
    facts = [
        ("ending", detail.ending),
        ("exit code", detail.exit_code),
        ("signal", detail.signal),
        ("CPU", None if row.cpu_s is None else f"{row.cpu_s:.4f} s"),
        ("wall", None if row.wall_s is None else f"{row.wall_s:.4f} s"),
        ("memory", None if row.memory_mb is None else f"{row.memory_mb:.1f} MB"),
        ("error", ": ".join(part for part in (row.error_type, row.error_message) if part) or None),
        ("limits", json_pairs(detail.limits_json)),
        ("prompt tokens", row.prompt_tokens),
        ("of them cached", detail.cached_tokens or None),
        ("into the cache", detail.cache_write_tokens or None),
        ("tokens", row.completion_tokens),
        ("of them thought", row.thought_tokens or None),
        ("engine", f"{row.seconds:.2f} s" if row.seconds else None),
        ("cost", quantity(row.flops, "FLOPs") if row.flops else None),
        ("log-probability", None if detail.sum_logprob is None else f"{detail.sum_logprob:.2f} nats"),
        ("finish reason", row.finish),
        ("prompt form", detail.prompt_form),
        ("seed", detail.seed),
        ("turn", f"{row.turn}, after #{sample_number(row.parent)}" if row.parent is not None else None),
    ]
    told = [sanitize(sentence, LONGEST_LINE) for sentence in sentences]
    if detail.extraction:
        told.append(sanitize(f"Extraction: {detail.extraction}.", LONGEST_LINE))
    return (*told, "", *(f"{name:>16}  {sanitize(str(value), 500)}" for name, value in facts if value is not None))


def _diff(detail: SampleDetail, passing: SampleDetail | None) -> tuple[str, ...]:
    """Return the difference to a sample that passed."""
    if passing is None:
        return ("No other sample of this problem has passed yet.",)
    mine, theirs = clean_lines(detail.program, DIFF_LINES), clean_lines(passing.program, DIFF_LINES)
    names = [
        f"{sanitize(one.row.model, 100)} #{sample_number(one.row.index)} {one.row.verdict}" for one in (detail, passing)
    ]
    found = tuple(difflib.unified_diff(mine, theirs, names[0], names[1], lineterm="", n=5))
    return found or (f"The program is the same as that of {names[1]}.",)


def sample_parts(row: SampleRow) -> list[HeaderPart]:
    """Return the head of the page: which sample, and its verdict."""
    verdict = row.verdict or "pending"
    return [
        HeaderPart(text=f"{sanitize(row.problem, 80)} #{sample_number(row.index)}", priority=9, strong=True),
        HeaderPart(text=sanitize(row.model, 60), priority=7),
        HeaderPart(
            text=verdict, priority=10, severity=severity_of(verdict) if row.verdict else Severity.FAINT, strong=True
        ),
        HeaderPart(text="" if row.completion_tokens is None else f"{row.completion_tokens} tok", priority=4),
        HeaderPart(text=f"{row.seconds:.2f} s" if row.seconds else "", priority=3),
        HeaderPart(text=quantity(row.flops, "FLOPs") if row.flops else "", priority=2),
        HeaderPart(text="" if row.cpu_s is None else f"{row.cpu_s:.3f} s CPU", priority=1),
        HeaderPart(text=sanitize(row.flags, 60), priority=5, severity=Severity.WARN),
    ]


MOST = 60_000  # characters; a lexer is no match for a megabyte of hostile text

_DARK: Mapping[_TokenType, Style] = {
    Keyword: Style(color="#56b4e9", bold=True),
    Operator.Word: Style(color="#56b4e9", bold=True),
    Name.Function: Style(color="#f0e442"),
    Name.Class: Style(color="#f0e442", bold=True),
    Name.Builtin: Style(color="#de8ab8"),
    Name.Exception: Style(color="#e9692c"),
    Name.Decorator: Style(color="#de8ab8"),
    String: Style(color="#00b286"),
    Number: Style(color="#e69f00"),
    Comment: Style(dim=True, italic=True),
}
_LIGHT: Mapping[_TokenType, Style] = {
    Keyword: Style(color="#0072b2", bold=True),
    Operator.Word: Style(color="#0072b2", bold=True),
    Name.Function: Style(color="#6b5f00"),
    Name.Class: Style(color="#6b5f00", bold=True),
    Name.Builtin: Style(color="#af5289"),
    Name.Exception: Style(color="#be4b00"),
    Name.Decorator: Style(color="#af5289"),
    String: Style(color="#00785a"),
    Number: Style(color="#a65c00"),
    Comment: Style(dim=True, italic=True),
}
_SIGNS: Mapping[str, Mapping[bool, Style]] = {
    "+": {True: Style(color="#57c882"), False: Style(color="#00783c")},
    "-": {True: Style(color="#f06e64"), False: Style(color="#b91e1e")},
    "@": {True: Style(color="#56b4e9"), False: Style(color="#0072b2")},
}


def coloured_lines(page: SamplePage, *, dark: bool) -> list[Text]:
    """Return the lines of a page."""
    match page.kind:
        case Kind.CODE if len(page.text) <= MOST:
            return _code(page.lines, page.language, dark=dark)
        case Kind.DIFF:
            return [Text(line, _SIGNS.get(line[:1], {}).get(dark, Style())) for line in page.lines]
        case Kind.CODE | Kind.PLAIN:
            return [Text(line) for line in page.lines]


def _code(lines: Sequence[str], language: str, *, dark: bool) -> list[Text]:
    styles = _DARK if dark else _LIGHT
    found = [Text()]
    for kind, value in _lexer(language).get_tokens("\n".join(lines)):
        style = _style(styles, kind)
        for number, piece in enumerate(value.split("\n")):
            if number:
                found.append(Text())
            found[-1].append(piece, style)
    return found[: len(lines)]


def _lexer(language: str) -> Lexer:
    """Return the lexer of a language; that of plain text where there is none."""
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return TextLexer(stripnl=False, ensurenl=False)


def _style(styles: Mapping[_TokenType, Style], kind: _TokenType) -> Style:
    """Return the style of a token, or of the kind of token that it belongs to."""
    walk: _TokenType | None = kind
    while walk is not None:
        if walk in styles:
            return styles[walk]
        walk = walk.parent
    return Style()
