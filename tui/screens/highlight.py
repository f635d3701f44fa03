"""Lines with colours: Python by its tokens, differences by their sign.

The text was made harmless before it comes here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType
from rich.style import Style
from rich.text import Text

from tui.screens.sample_pages import Kind, Page

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


def coloured_lines(page: Page, *, dark: bool) -> list[Text]:
    """The lines of a page."""
    match page.kind:
        case Kind.PYTHON if len(page.text) <= MOST:
            return _python(page.lines, dark=dark)
        case Kind.DIFF:
            return [Text(line, _SIGNS.get(line[:1], {}).get(dark, Style())) for line in page.lines]
        case Kind.PYTHON | Kind.PLAIN:
            return [Text(line) for line in page.lines]


def _python(lines: Sequence[str], *, dark: bool) -> list[Text]:
    styles = _DARK if dark else _LIGHT
    found = [Text()]
    for kind, value in PythonLexer(stripnl=False, ensurenl=False).get_tokens("\n".join(lines)):
        style = _style(styles, kind)
        for number, piece in enumerate(value.split("\n")):
            if number:
                found.append(Text())
            found[-1].append(piece, style)
    return found[: len(lines)]


def _style(styles: Mapping[_TokenType, Style], kind: _TokenType) -> Style:
    """The style of a token, or of the kind of token that it belongs to."""
    walk: _TokenType | None = kind
    while walk is not None:
        if walk in styles:
            return styles[walk]
        walk = walk.parent
    return Style()
