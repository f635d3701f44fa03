"""Define verdicts, and scores that keep the runs they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from sandbox.values.runs import Flag, Raised, Run
from sandbox.values.tests import CallTests


class Verdict(StrEnum):
    """The verdict over a run."""

    PASSED = "PASSED"
    WRONG = "WRONG"
    ERROR = "ERROR"
    SYNTAX = "SYNTAX"
    TIMEOUT = "TIMEOUT"
    MEMORY = "MEMORY"
    OUTPUT = "OUTPUT"
    CRASHED = "CRASHED"
    EARLY_EXIT = "EARLY_EXIT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """The run of a compiler, with what it made (`Run.product`); `cached` if it ran for an earlier program."""

    run: Run
    cached: bool = False

    @property
    def size(self) -> int:
        """Return the bytes of the product and the messages."""
        return sum(len(content) for _, content in self.run.product or ()) + len(self.run.stderr) + len(self.run.stdout)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Score:
    """A verdict with the run it was made from, and the exception that decided it, if one did.

    `graded` is the run, in a grader box, of tests that are code. For a program with many runs, `run` is the one that
    decided, with the summed seconds of all, and `runs` are all runs by their case. `passed_cases` of `cases` were
    right, as far as they were tried. `flags` come from the run and the judge. `selection` is the score by the selection
    tests, if asked for. `compilation` says how the program was compiled, if it was.
    """

    verdict: Verdict
    run: Run
    passed_cases: int | None = None
    points: float | None = None  # of all cases together, where a checker gives parts of one
    cases: int | None = None
    case: int | None = None  # the number of the case that decided, from 0
    tests: CallTests | None = None  # what was expected, where a reference had to say it
    graded: Run | None = None
    runs: Mapping[int, Run] | None = None
    raised: Raised | None = None
    flags: frozenset[Flag] = frozenset()
    selection: Score | None = None
    compilation: Compilation | None = None

    @property
    def share_of_tests(self) -> float:
        """Return the share of the tests that were passed, from 0 to 1.

        It is known where the score was asked for with every case (`Pool.submit`), and tests are calls or printed
        output. Else it is 1 for a program that passed and 0 for any other.
        """
        if self.cases is None or self.passed_cases is None:
            return float(self.verdict is Verdict.PASSED)
        return (self.passed_cases if self.points is None else self.points) / self.cases

    def __repr__(self) -> str:
        """Return the verdict, the exception, the passed cases, the CPU seconds and the flags in one line."""
        parts = [str(self.verdict)]
        if self.raised is not None:
            parts.append(ascii(f"{self.raised.type}: {self.raised.message}"[:60]))
        if self.passed_cases is not None:
            parts.append(f"{self.passed_cases} of {self.cases} cases")
        parts.append(f"{self.run.cpu_s:.3f} s CPU")
        return f"<Score {', '.join(parts + sorted(self.flags))}>"

    def _repr_html_(self) -> str:
        """Show the same line in a notebook, with the verdict in bold."""
        verdict, comma, rest = repr(self).removeprefix("<Score ").removesuffix(">").partition(", ")
        return f"<code><b>{verdict}</b>{comma}{escape(rest)}</code>"
