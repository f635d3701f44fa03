"""Define what a driver does for a language, and what it is told of a function's tests."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from importlib import resources

from sandbox.languages.test_drivers import assertions
from sandbox.languages.test_drivers.assertions import Assertion, Pair

_ALIAS = re.compile(
    r"\bcandidate\s*(?::=|=|<-)\s*(?:method\(:|\\&)?(\w+)|\breturn (\w+)\(\.\.\.\$args\)|^\s+(\w+) \"\$@\"",
    re.MULTILINE,
)
_COMMENT = re.compile(r"^\s*(?://|/?\*|#(?!include|define|!)|--|$)")


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
        return () if self.assertion is None else assertions.cut(tests, self.assertion)

    def closing(self, text: str) -> str:
        """Return what closes a function that was written up to the bracket that its tests begin with."""
        return assertions.closing(text) if self.closes else ""

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
    lines = prompt[: begins[-1] if begins else 0].rstrip().split("\n")
    while lines and _COMMENT.match(lines[-1]):
        lines.pop()
    return "".join(f"{line}\n" for line in lines) if any(lines) else ""


@functools.cache
def support(extension: str) -> str:
    """Return the code that a driver puts beside a program: it reads the token and writes values."""
    return (resources.files("sandbox.languages.test_drivers") / f"answers.{extension}").read_text("utf-8")
