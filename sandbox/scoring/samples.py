"""Read samples in the usual format: one JSON object a line, with `task_id` and `completion` or `solution`.

The name of the field says what kind of text it holds, unless `ReadOptions.given` says otherwise (`sandbox.extraction`).
A line from `sampler export`, with the model and the sample's index, is read as `sampler import` reads it. Its `program`
is what was executed; a completion without a `program` still has to be cut.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from sandbox.extraction import TextKind, extract
from sandbox.problems import ChosenTests, Problem, find_name, find_problem
from sandbox.problems.json_fields import long_integers, not_json
from sandbox.problems.sources.catalogue import FAILING
from sandbox.values import PYTHON, Limits, Program, StdinTests

_GZIP = b"\x1f\x8b"


class SamplesError(ValueError):
    """A file of samples that cannot be read as one."""


class NoText(SamplesError):
    """A sample without a text, because the model gave no answer."""


class SampleWithoutTests(SamplesError):
    """A sample of a problem that was left out, because it has no tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledSample:
    """One line of a samples file, ready to run. `line` counts from 1.

    `extraction` says why the program is that, where code was looked for in a text.
    """

    line: int
    problem: str
    program: Program
    limits: Limits
    wanted: ChosenTests = ChosenTests.JUDGE
    tested: str = ""  # how it is tested, where it matters
    extraction: str | None = None

    @property
    def digest(self) -> str:
        """Return the digest of what is asked, in 32 hex digits (with 16, collisions could be made).

        Lines with the same digest have the same verdict.
        """
        parts = (
            self.problem,
            self.program.source,
            self.program.tests_source,
            self.wanted,
            str(self.limits),
            repr(self.program.assumptions),
            self.tested,
            *(() if self.program.language == PYTHON else (self.program.language,)),
            *filter(None, [self.program.workspace.digest]),
        )
        text = "".join(f"{len(part)} {part}" for part in parts)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a file is read.

    `given` is the kind of its texts; None: the kind that their fields say. With `skip_bad`, lines that are no samples
    are left out. `left_out` is called with the reason for each line that is left out: such lines, lines without a text,
    and lines of `untested` problems. `tested` (see `ScoringOptions.text`) goes into the digest of each sample.
    `language` is that of samples of problems about whole programs.
    """

    tested: str = ""
    given: TextKind | None = None
    skip_bad: bool = False
    left_out: Callable[[str], None] = lambda _: None
    untested: frozenset[str] = frozenset()
    language: str = PYTHON


def read_samples(
    path: Path,
    problems: Mapping[str, Problem],
    limits: Limits,
    wanted: ChosenTests = ChosenTests.JUDGE,
    options: ReadOptions = ReadOptions(),
) -> Iterator[FiledSample]:
    """Read the samples of a JSON-lines file (.gz allowed), in order.

    Samples without a text, or without tests, are left out. Raises SamplesError, which names the file, the line and the
    fault.
    """
    found, left_out = False, ""
    for number, line in lines_of(path):
        if line.strip():
            try:
                problem, named, text = _sample(line, f"{path}, line {number}", problems, options.untested)
            except SamplesError as error:
                if not options.skip_bad and not isinstance(error, NoText | SampleWithoutTests):
                    raise
                options.left_out(str(error))
                left_out = left_out or f"; left out: {error}"
                continue
            found = True
            problem = _in_language(problem, options.language)  # before: code is looked for by the language
            taken = extract(text, problem, given=options.given or named)
            yield FiledSample(
                line=number,
                problem=problem.name,
                program=problem.solve(taken.source, wanted),
                limits=limits,
                wanted=wanted,
                tested=options.tested,
                extraction=taken.why if options.given == "answer" else None,
            )
    if not found:
        raise SamplesError(
            f"{path} holds no samples; each is a line with a task_id and a completion or a solution{left_out}"
        )


def _in_language(problem: Problem, language: str) -> Problem:
    """Return the problem for programs of a language, if its tests are about whole programs."""
    whole = problem.language == PYTHON and isinstance(problem.given, StdinTests)
    return problem.in_language(language) if whole else problem


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file, plain or gzip by its contents, with their numbers from 1; raises SamplesError."""
    try:
        with path.open("rb") as raw:
            zipped = raw.peek(2)[:2] == _GZIP  # a pipe can be looked at, but not read twice
            with gzip.open(raw) if zipped else nullcontext(raw) as file:
                yield from enumerate(file, 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None)
        way_out = "check the name" if reason else "it is cut short or damaged: get it again"
        raise SamplesError(f"cannot read samples from {path}: {reason or error}; {way_out}") from error


def _sample(
    line: bytes, where: str, problems: Mapping[str, Problem], untested: frozenset[str]
) -> tuple[Problem, TextKind, str]:
    """Return the problem, the kind of text by the name of its field, and the text."""
    try:
        with long_integers():
            row = json.loads(line)
    except (ValueError, RecursionError) as error:
        wrong = not_json(line, error)
        raise SamplesError(f"{where}: {wrong}{_other_forms(line) if wrong.endswith(')') else ''}") from error
    if not isinstance(row, dict) or type(row.get("task_id")) not in {str, int}:
        raise SamplesError(f"{where}: no object with a task_id, {_instead(row)}")
    problem = find_problem(problems, row["task_id"])
    if problem is None and (name := find_name(untested, row["task_id"])) is not None:
        raise SampleWithoutTests(
            f"{where}: {name} {f'is left out: {FAILING[name]}' if name in FAILING else 'has no test'}"
        )
    if problem is None:
        raise SamplesError(
            f"{where}: no problem is called {row['task_id']!r} (the first is {next(iter(problems), None)!r}); do "
            "--problems and --samples belong together?"
        )
    completion, solution = row.get("completion"), row.get("solution")
    if isinstance(completion, str) and solution is None:
        if not {"model", "index"} <= row.keys():
            return problem, "completion", completion
        program = row.get("program")
        return (problem, "solution", program) if isinstance(program, str) else (problem, "raw", completion)
    if isinstance(solution, str) and completion is None:
        return problem, "solution", solution
    texts = {field: value for field, value in (("completion", completion), ("solution", solution)) if value is not None}
    if not texts and row.keys() & {"completion", "solution"}:
        raise NoText(f"{where}: its text is null: an answer that never came")
    if not texts and row.get("error"):
        raise NoText(f"{where}: there is no answer, but an error: {row['error']!r:.60}")
    values = " and ".join(f"{field} {value!r:.40}" for field, value in texts.items()) or f"neither, {_instead(row)}"
    raise SamplesError(f"{where}: needs either a completion or a solution, as text, and has {values}")


def _other_forms(line: bytes) -> str:
    """Return how to go on where a line begins a table, or a document over several lines, and no object of its own."""
    begins = line.strip()[:2]
    if begins in {b"{", b"["}:
        return "; write one object a line, or read the file with `sampler import`"
    return "" if begins[:1] == b"{" else "; samples are JSON lines: write one object a line"


def _instead(row: object) -> str:
    """Return what a line has instead of the fields that are read, and who reads other fields."""
    if not isinstance(row, dict):
        return f"but a {type(row).__name__}; write one object a line, or read the file with `sampler import`"
    fields = ", ".join(map(repr, list(row)[:8])) or "no fields"
    return f"but {fields:.200}; rename the fields, or read the file with `sampler import` (--map names fields)"
