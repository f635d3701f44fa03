"""Define what a driver does for a language, and read tests of a function that are written in the function's language.

Nothing is run here. Translated benchmarks write their tests by a program, so each assertion has the same form: a call
and what is expected of it, both as expressions. `cut` tells these apart by their brackets; it does not read the
expressions. `closing` counts the brackets that the text of a function has left open.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from importlib import resources

_NO_CODE = re.compile(
    r'//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:\\.|[^"\\\n])*(?:"|$)|\'(?:\\u\{[0-9a-fA-F]+\}|\\.[^\'\n]{0,8}|[^\'\\\n])\'|`(?:\\.|[^`\\])*`',
    re.DOTALL | re.MULTILINE,
)
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """How assertions are written: what stands before the call, and after it before what is expected.

    With `expected_first`, these two come in the other order. `quotes` begin and end a text of the language. With
    `called`, what is expected stands in brackets (`.equals(…)`).
    """

    opening: str
    between: str
    called: str = ""
    expected_first: bool = False
    quotes: str = '"'


def cut(text: str, form: Assertion) -> tuple[Pair, ...]:
    """Return each call with what is expected of it; empty if the tests are more than that, or something else."""
    pairs: list[Pair] = []
    rest: list[str] = []
    at = 0
    while (start := text.find(form.opening, at)) >= 0:
        rest.append(text[at:start])
        begin = start + len(form.opening)
        at = end_of(text, begin, form.quotes)
        pair = _split(text[begin:at], form)
        if pair is None:
            return ()
        pairs.append(pair)
    rest.extend([text[at:], *(expected for _, expected in pairs)])
    callee = pairs[0][0].partition("(")[0] if pairs else ""
    if any(pair[0].partition("(")[0] != callee for pair in pairs) or f"{callee}(" in "".join(rest):
        return ()
    return tuple(pairs)


def _split(inner: str, form: Assertion) -> Pair | None:
    """Return the call and what is expected, of the text between the brackets of an assertion."""
    if form.expected_first:
        expected, found, call = inner.rpartition(form.between)
        call = form.between.removeprefix(", ") + call
        return (call, expected.strip()) if found and _is_call(call, form) else None
    end = end_of(inner, inner.find("(") + 1, form.quotes) + 1
    call, rest = inner[:end].strip(), inner[end:]
    if not _is_call(call, form):
        return None
    if rest.startswith(form.between) and rest[len(form.between) :].strip():
        return call, rest[len(form.between) :].strip()
    if form.called and rest.startswith(form.called) and rest.endswith(")"):
        return call, rest[len(form.called) : -1].strip()
    return None


def _is_call(text: str, form: Assertion) -> bool:
    begin = text.find("(")
    return begin > 0 and end_of(text, begin + 1, form.quotes) == len(text) - 1


def end_of(text: str, at: int, quotes: str) -> int:
    """Return the place of the bracket that closes the one before `at`; the text's length if there is none."""
    depth = 0
    while at < len(text):
        letter = text[at]
        if letter in quotes:
            at += 1
            while at < len(text) and text[at] != letter:
                at += 2 if text[at] == "\\" else 1
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            if not depth:
                return at
            depth -= 1
        at += 1
    return at


def closing(text: str) -> str:
    """Return the brackets that close the blocks which code of a language with braces has left open."""
    code = _NO_CODE.sub(" ", text)
    return "\n}" * max(0, code.count("{") - code.count("}"))


def without_closing(tests: str) -> str:
    """Return tests without the bracket in their beginning that closes the function under test."""
    return re.sub(r"\A\s*\}", "", tests)


_ALIAS = re.compile(
    r"\bcandidate\s*(?::=|=|<-)\s*(?:method\(:|\\&)?(\w+)|\breturn (\w+)\(\.\.\.\$args\)|^\s+(\w+) \"\$@\"",
    re.MULTILINE,
)
_COMMENT = re.compile(r"^\s*(?://|#(?!include|define|!)|--|$)")
_BLOCK_COMMENT = re.compile(r"(?:/\*(?:(?!\*/).)*\*/|\(\*(?:(?!\*\)).)*\*\))\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCalls:
    """A function under test: its name, the text that begins it, and the calls with what is expected of them."""

    function: str
    declaration: str
    pairs: tuple[Pair, ...]

    @property
    def calls(self) -> list[str]:
        """Return the calls."""
        return [call for call, _ in self.pairs]


class Driver:
    """Makes whole programs of a language out of a function and its tests.

    Each program reads a token of one line from its standard input. With that token it marks the lines of its own: one
    for each value, and `end` when nothing is left to be done.

    `assertion` is the form of the tests (None: they are run as they are). `closes` says that the tests begin with the
    bracket that closes the function.
    """

    assertion: Assertion | None = None
    closes = False

    def cut(self, tests: str) -> tuple[Pair, ...]:
        """Return each call of the tests with what is expected of it; empty if they are no such calls."""
        return () if self.assertion is None else cut(tests, self.assertion)

    def closing(self, text: str) -> str:
        """Return what closes a function that was written up to the bracket that its tests begin with."""
        return closing(text) if self.closes else ""

    def answering(self, program: str, tested: FunctionCalls) -> str:
        """Make the program that answers the calls."""
        raise NotImplementedError

    def expecting(self, tested: FunctionCalls) -> str:
        """Make the program that writes what is expected of the calls, in the form of answers."""
        raise NotImplementedError

    def testing(self, program: str, tests: str) -> str:
        """Make the program that runs the tests beside the function."""
        raise NotImplementedError


def function_of(tests: str, pairs: tuple[Pair, ...]) -> str:
    """Return the name of the function that tests call; empty if they do not say it."""
    if (found := _ALIAS.search(tests)) is not None:
        return found[1] or found[2] or found[3]
    return pairs[0][0].partition("(")[0] if pairs else ""


def preamble(prompt: str, function: str) -> str:
    """Return the text of a prompt before the line that begins the function, without the comments above it."""
    begins = [
        found.start() for found in re.finditer(rf"^.*(?<![\w.])\$?{re.escape(function)}(?![\w])", prompt, re.MULTILINE)
    ]
    text = prompt[: begins[-1] if begins else 0].rstrip()
    lines = _BLOCK_COMMENT.sub("", text).rstrip().split("\n")
    while lines and _COMMENT.match(lines[-1]):
        lines.pop()
    return "".join(f"{line}\n" for line in lines) if any(lines) else ""


@functools.cache
def support(extension: str) -> str:
    """Return the code that a driver puts beside a program: it reads the token and writes values."""
    return (resources.files("sandbox.languages.test_drivers") / "support" / f"answers.{extension}").read_text("utf-8")
