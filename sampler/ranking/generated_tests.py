"""Read tests that a model wrote, one assert at a time.

A text holds many asserts: it is cut before each "assert", and each piece ends where something new begins. A piece
counts if it is Python and uses the function. Only the first few pieces of each text count, because later ones are often
worse. An assert of a call and a literal becomes data, compared on the host. Any other assert is sent to the box as text
and executed by a line at the end of the program. There a program could deceive the tests; this is acceptable, because
they are only a model's guess, and a ranking is no verdict.
"""

from __future__ import annotations

import ast
import gzip
import json
import warnings
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sampler.ranking.rankers import RankingError
from sandbox.problems.parse_tests import assert_tests
from sandbox.scoring.collect_answers import ProgramAnswers
from sandbox.values import Assumptions, CallTest, CallTests, Comparison, Program

FROM_EACH = 5  # CodeT's
_STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
_MAX_PARSED = 10_000  # characters
_RUN = "_run_generated_test"
HARNESS = f"\n\ndef {_RUN}(test):\n    exec(compile(test, 'test', 'exec'), globals())\n    return True\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """The different tests of a problem, and how often each was written."""

    tests: CallTests
    written: tuple[int, ...]

    @property
    def harness(self) -> str:
        """Return the code to add after a program for those tests that are code."""
        return HARNESS if any(case.function == _RUN for case in self.tests.cases) else ""

    @property
    def inputs(self) -> tuple[int, ...]:
        """Return the numbers of the tests that are calls of the program's function, whose answers can be compared."""
        return tuple(number for number, case in enumerate(self.tests.cases) if case.function != _RUN)


def generated_tests(texts: Iterable[str], function: str, *, from_each: int = FROM_EACH) -> Generated | None:
    """Return the tests of some texts; None if they hold none."""
    written = Counter(test for text in texts for test in _first(asserts(text, function), from_each))
    if not written:
        return None
    cases = tuple(_case(test, function) for test in written)
    return Generated(tests=CallTests(cases=cases, source="\n".join(written)), written=tuple(written.values()))


def _first(found: Iterator[str], count: int) -> list[str]:
    return [test for _, test in zip(range(count), found, strict=False)]


def asserts(text: str, function: str) -> Iterator[str]:
    """Return the asserts of a text that use the function and are Python, in their order."""
    for piece in text.split("assert ")[1:]:
        if function in piece:
            whole = f"assert {piece}".strip()
            ends = [at for stop in _STOPS if (at := whole.find(stop)) >= 0]
            test = whole[: min(ends, default=None)].strip()
            if _is_python(test):
                yield test


def _is_python(test: str) -> bool:
    if len(test) > _MAX_PARSED:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(test, "test", "exec", ast.PyCF_ONLY_AST)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _case(test: str, function: str) -> CallTest:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = assert_tests(test, function)
    if read is not None and len(read.cases) == 1:
        return read.cases[0]
    return CallTest(function=_RUN, arguments=(test,), comparison=Comparison.TRUE)


def read_texts(path: Path) -> dict[str, tuple[str, ...]]:
    """Read the texts of a file of JSON lines (.gz allowed), by problem.

    A line is `{"task_id": "HumanEval/0", "tests": ["assert …", …]}`.
    """
    try:
        data = path.read_bytes()
        lines = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).split(b"\n")
    except (OSError, EOFError, zlib.error) as error:
        raise RankingError(f"cannot read tests from {str(path)!r}: {error}") from error
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            problem, texts = _row(line, f"{path}, line {number}")
            found[problem] = found.get(problem, ()) + texts
    return found


def _row(line: bytes, where: str) -> tuple[str, tuple[str, ...]]:
    try:
        row: Mapping[str, Any] = json.loads(line)
        problem, texts = row["task_id"], row["tests"]
    except KeyError as error:
        raise RankingError(f"{where}: the field {error} is missing") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise RankingError(f"{where}: {error}") from error
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise RankingError(f"{where}: tests is no list of texts")
    return str(problem), tuple(texts)


CPU_S = 1.0  # for all the calls of a program
PATIENCE = 2  # calls that a program may fail to survive before the rest count as unanswered


class Asker(Protocol):
    """An open sandbox that lets programs answer calls; its futures raise SandboxError if the fault is ours."""

    def ask(
        self, program: Program, tests: CallTests, *, cpu_s: float | None = None, patience: int = PATIENCE
    ) -> Future[ProgramAnswers]:
        """Return a future of a program's answers to the calls of `tests`; its own tests are not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResults:
    """A program's answers, and its share of the seconds that they took in the sandbox."""

    answered: ProgramAnswers
    cpu_s: float


def execute(asker: Asker, sources: Sequence[str], generated: Generated, assumptions: Assumptions) -> list[CallResults]:
    """Return each program's answers to calls of generated tests, run as its data set runs it; raises SandboxError."""
    count = Counter(sources)
    programs = {source: Program(source=source + generated.harness, assumptions=assumptions) for source in count}
    futures = {
        source: asker.ask(program, generated.tests, cpu_s=CPU_S, patience=PATIENCE)
        for source, program in programs.items()
    }
    try:
        answered = {source: future.result() for source, future in futures.items()}
    finally:
        for future in futures.values():
            future.cancel()  # what is left of them if one failed
    return [CallResults(answered=answered[source], cpu_s=answered[source].cpu_s / count[source]) for source in sources]
