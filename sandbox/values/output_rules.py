"""Define the rules by which printed output is compared with what is expected; each rule has a name.

Different integers differ under every rule but `apps_lax`: a tolerance is for decimal fractions. A rule that copies a
data set's own grader has the set's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

RELATIVE, ABSOLUTE = 1e-5, 1e-8  # of numpy.allclose, which APPS and its followers use
CODECONTESTS = 1e-5  # kDoublePrecision of its tester


class Layout(StrEnum):
    """Which part of the spacing counts."""

    LINES = "lines"  # line by line; spaces at a line's end and empty lines at the end do not count
    WORDS = "words"  # word by word, however they are spaced
    WORDS_OF_LINES = "words of lines"  # line by line, each word by word; empty lines do not count
    UNORDERED = "unordered"  # the same lines in any order
    SETS = "sets"  # lines in any order and any number, each as a set of words: APPS's last resort


class Numbers(StrEnum):
    """When two numbers count as equal although they are written differently."""

    AS_WRITTEN = "as written"
    BY_VALUE = "by value"  # equal, exactly: 3.0 is 3
    FRACTIONS = "fractions"  # the same, and a tolerance where the expected word has a point or an exponent
    EITHER_FRACTION = (
        "either fraction"  # less than the tolerance apart, where one of the two has a point or an exponent
    )
    ALL = "all"  # a tolerance for integers, too


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRule:
    """A rule; the tolerance of a number is `absolute` + `relative` × the expected number's size.

    With `any_case`, the letters A to Z equal their lower-case letters. With `lone_numbers`, a number has a tolerance
    only if it is the only one in its line.
    """

    LINES: ClassVar[OutputRule]
    TOKENS: ClassVar[OutputRule]
    NUMBERS: ClassVar[OutputRule]
    CLOSE: ClassVar[OutputRule]
    UNORDERED: ClassVar[OutputRule]
    CODECONTESTS: ClassVar[OutputRule]
    LIVECODEBENCH: ClassVar[OutputRule]
    APPS: ClassVar[OutputRule]

    name: str
    layout: Layout = Layout.WORDS
    numbers: Numbers = Numbers.AS_WRITTEN
    relative: float = 0.0
    absolute: float = 0.0
    any_case: bool = False
    lone_numbers: bool = False

    @property
    def text(self) -> str:
        """Return all of the rule in one line, for digests."""
        parts = (self.name, self.layout, self.numbers, self.relative, self.absolute, self.any_case, self.lone_numbers)
        return " ".join(map(str, parts))

    def within(self, tolerance: float) -> OutputRule:
        """Return the rule with another tolerance; raises ValueError if the rule has no tolerance to replace."""
        if self.name not in TOLERANT:
            raise ValueError(f"the output_rule {self.name} takes no tolerance; {', '.join(TOLERANT)} do")
        return replace(self, relative=tolerance) if self.relative else replace(self, absolute=tolerance)


TOLERANT = ("absolute", "relative", "nocase")


def _rules() -> dict[str, OutputRule]:
    rules = [
        OutputRule(name="lines", layout=Layout.LINES),
        OutputRule(name="tokens"),
        OutputRule(name="numbers", numbers=Numbers.BY_VALUE),
        OutputRule(name="close", numbers=Numbers.FRACTIONS, relative=RELATIVE, absolute=ABSOLUTE),
        OutputRule(name="unordered", layout=Layout.UNORDERED),
        OutputRule(name="absolute", numbers=Numbers.FRACTIONS, absolute=CODECONTESTS),
        OutputRule(name="relative", numbers=Numbers.FRACTIONS, relative=RELATIVE),
        OutputRule(name="nocase", numbers=Numbers.FRACTIONS, absolute=CODECONTESTS, any_case=True),
        OutputRule(name="codecontests", numbers=Numbers.EITHER_FRACTION, absolute=CODECONTESTS, any_case=True),
        OutputRule(name="livecodebench", layout=Layout.LINES, numbers=Numbers.BY_VALUE),
        OutputRule(
            name="apps",
            layout=Layout.WORDS_OF_LINES,
            numbers=Numbers.FRACTIONS,
            relative=RELATIVE,
            absolute=ABSOLUTE,
            lone_numbers=True,
        ),
        OutputRule(
            name="apps_lax",
            layout=Layout.SETS,
            numbers=Numbers.ALL,
            relative=RELATIVE,
            absolute=ABSOLUTE,
            lone_numbers=True,
        ),
    ]
    return {rule.name: rule for rule in rules}


OUTPUT_RULES: Mapping[str, OutputRule] = MappingProxyType(_rules())
OutputRule.LINES, OutputRule.TOKENS = OUTPUT_RULES["lines"], OUTPUT_RULES["tokens"]
OutputRule.NUMBERS, OutputRule.CLOSE = OUTPUT_RULES["numbers"], OUTPUT_RULES["close"]
OutputRule.UNORDERED, OutputRule.CODECONTESTS = OUTPUT_RULES["unordered"], OUTPUT_RULES["codecontests"]
OutputRule.LIVECODEBENCH, OutputRule.APPS = OUTPUT_RULES["livecodebench"], OUTPUT_RULES["apps"]
