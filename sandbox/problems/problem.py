"""Define problems: a prompt, tests, and how a completion becomes a program."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sandbox.languages.test_drivers import DRIVERS, preamble
from sandbox.problems import checkers
from sandbox.problems.ast_names import leans_on
from sandbox.problems.in_process_tests import check_code
from sandbox.problems.json_fields import shown
from sandbox.problems.parse_tests import assert_tests, check_tests
from sandbox.problems.problem_formats import Form, ProblemsError, fields_of
from sandbox.values import (
    MAX_TESTS_CHARACTERS,
    PYTHON,
    Assumptions,
    CallTests,
    CheckTests,
    Files,
    OutputRule,
    Program,
    StdinTests,
    Tests,
    Workspace,
)
from sandbox.values.answer_forms import AnswerForm, program_of

_SMALL = 1 << 20  # characters
AS_USUAL: Mapping[str, str] = MappingProxyType({})  # parts of a row are under their usual names


class ChosenTests(StrEnum):
    """Which of a problem's two sets of tests a program has to pass."""

    JUDGE = "judge"  # the hidden ones, which give the verdict
    SELECTION = "selection"  # those that whoever picks an answer may see; they give the verdict here
    BOTH = "both"  # both in one go: the judge's give the verdict, the selection's are judged beside it


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A prompt, and two sets of tests.

    The judge tests are hidden; the selection tests, if the data set has any, are public.

    `tests` and `public_tests` are the data set's own text; `given` and `public` are the same as data, if the file has
    them as data. `canonical_solution` continues the prompt; if programs are complete (form DATA), it is a complete
    program, too. `suffix` is put after a completion (HumanEval-Infilling asks for the missing middle). `starter` is
    initial code, with which the prompt of a complete program may end. `language` is what programs are written in. The
    set may say where a completion ends (`stops`). `assumptions` are what every program of the set
    may assume, and `workspace` is what lies beside them. `answer_form` says what a complete answer is, if it is no
    program.
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
    suffix: str = ""
    starter: str = ""
    language: str = PYTHON
    stops: tuple[str, ...] = ()
    assumptions: Assumptions = Assumptions()
    workspace: Workspace = Workspace()
    answer_form: AnswerForm = AnswerForm.PROGRAM

    def __post_init__(self) -> None:
        self._refuse_what_cannot_be_asked()
        if self.form in {Form.CALLS, Form.DATA}:
            return
        if not self.entry_point.isidentifier():
            raise ProblemsError(f"{self.name}: entry_point {self.entry_point!r} is not a Python name")
        if self.form is Form.CHECK and "check" not in self.tests:
            raise ProblemsError(f"{self.name}: its test defines no check(candidate), so nothing could ever fail")
        if self.form is Form.ASSERTS and "assert" not in self.tests:
            raise ProblemsError(f"{self.name}: its tests assert nothing, so nothing could ever fail")

    def _refuse_what_cannot_be_asked(self) -> None:
        """Raise an error for tests that are too large: this is the problem's fault, not a program's.

        Small texts cannot be too large, and are read only when they are needed.
        """
        text = self.tests if self.given is None else self.given if isinstance(self.given, str) else ""
        if len(text) > MAX_TESTS_CHARACTERS:
            raise ProblemsError(
                f"{self.name}: its tests have {len(text)} characters; at most {MAX_TESTS_CHARACTERS} are taken"
            )
        if len(text) + len(self.public_tests) > _SMALL:
            try:
                _ = self.checked_by, self.selected_by
            except ValueError as error:
                raise ProblemsError(f"{self.name}: {error}") from error

    @classmethod
    def from_row(cls, row: Mapping[str, Any], map: Mapping[str, str] | None = None) -> Problem:
        """Return the problem of a row of a data set, in any of the formats of a file; raises ProblemsError.

        `map` says where a row of one's own keeps its parts: for `name`, `prompt`, `tests`, `entry_point`, `solution`
        and `starter` the name of a field, with dots between those of objects within objects. A part that is left out is
        looked for under the usual names.

            Problem.from_row(row, map={"tests": "reward_model.ground_truth"})
        """
        return read_problem(dict(row) if isinstance(row, Mapping) else row, columns=map or {})

    @property
    def preamble(self) -> str:
        """Return the prompt's text before the function to write, or before its class: imports and helpers."""
        if self.language != PYTHON:
            return preamble(self.prompt, self.entry_point) if self.form is Form.CALLS else ""
        owner = self.entry_point.rpartition(".")[0]
        head, found, _ = self.prompt.partition(f"class {owner}" if owner else f"def {self.entry_point}(")
        return head if found and self.form is not Form.DATA else ""

    def complete(self, completion: str, wanted: ChosenTests = ChosenTests.JUDGE) -> Program:
        """Return the program for text that continues the prompt."""
        return self.solve(completion if self.form is Form.DATA else self.continued(completion), wanted)

    def continued(self, completion: str) -> str:
        """Return the prompt with the completion and the suffix.

        In other languages than Python, a completion ends at the first of `stops`, and the function is closed.
        """
        if self.language == PYTHON:
            return self.prompt + completion + self.suffix
        ends = [at for stop in self.stops if (at := completion.find(stop)) >= 0]
        text = self.prompt + completion[: min(ends, default=len(completion))]
        return text + DRIVERS[self.language].closing(text) + self.suffix

    def solve(self, solution: str, wanted: ChosenTests = ChosenTests.JUDGE) -> Program:
        """Return the program for a complete answer, with the code that the data set puts before it.

        Raises ProblemsError if only selection tests are wanted and the problem has none.
        """
        tests, selection = self.tests_for(wanted)
        return Program(
            source=program_of(solution, self.answer_form, self.entry_point),
            tests=tests,
            selection=selection,
            assumptions=self.assumptions,
            workspace=self.workspace,
            language=self.language,
        )

    def tests_for(self, wanted: ChosenTests) -> tuple[Tests, Tests | None]:
        """Return the tests that give the verdict, and those that are judged besides.

        Raises ProblemsError as `solve` does.
        """
        match wanted:
            case ChosenTests.JUDGE:
                return self.checked_by, None
            case ChosenTests.BOTH:
                return self.checked_by, self.selected_by
            case ChosenTests.SELECTION if self.selected_by is not None:
                return self.selected_by, None
            case ChosenTests.SELECTION:
                raise ProblemsError(f"{self.name} has no selection tests; ask for the judge's, or for both")

    def assuming(self, assumed: Mapping[str, Any]) -> Problem:
        """Return the problem with these assumptions instead of its data set's.

        `codebudget_format.read_assumption_words` reads them from the command line.
        """
        return replace(self, assumptions=replace(self.assumptions, **assumed)) if assumed else self

    def with_checker_files(self, files: Files) -> Problem:
        """Return the problem with these headers beside its checker, if that is a program; raises ProblemsError.

        An error says what to do if the checker needs testlib.h, and it is neither in the problem nor among the files.
        """
        if not isinstance(self.given, StdinTests):
            return self
        given, public = checkers.with_files(self.given, files), checkers.with_files(self.public, files)
        if missing := checkers.missing_of(given):
            raise ProblemsError(f"{self.name}: {missing}")
        return self if given is self.given else replace(self, tests=given.source, given=given, public=public)

    def in_language(self, language: str) -> Problem:
        """Return the problem for programs of another language, which a whole program's tests allow.

        Its solution and code to begin with are of the data set's language, and left out. Raises ProblemsError for the
        tests of a function.
        """
        if self.language == language:
            return self
        if not isinstance(self.given, StdinTests):
            raise ProblemsError(f"{self.name}: its tests call a function in {self.language}, not in {language}")
        return replace(
            self, language=language, canonical_solution=None, prompt=self.prompt.removesuffix(self.starter), starter=""
        )

    def with_output_rule(self, rule: OutputRule) -> Problem:
        """Return the problem with another rule for printed output; itself if it is not tested by printed output."""
        if not isinstance(self.given, StdinTests):
            return self
        public = replace(self.public, rule=rule) if isinstance(self.public, StdinTests) else self.public
        given = replace(self.given, rule=rule)
        return replace(self, tests=given.source, given=given, public=public)

    @functools.cached_property
    def checked_by(self) -> Tests:
        """Return the judge tests: as data if they are plain data, else as code for a grader box.

        They are code for the program's own process (str) only if they use names that the program has to define, or
        check more than answers (`in_process_tests`).
        """
        return self.given or self._as_data(self.tests) or self._graded(self.tests) or self._as_code(self.tests)

    @functools.cached_property
    def selected_by(self) -> Tests | None:
        """Return the selection tests likewise; None if there are none, or none that checks anything (HumanEvalPack)."""
        return self.public or self._as_data(self.public_tests) or self._graded(self.public_tests)

    @property
    def selection_source(self) -> str:
        """Return the selection tests as text, for digests."""
        if self.public is None or isinstance(self.public, str):
            return self.public or self.public_tests
        return self.public.source

    def _as_data(self, tests: str) -> CallTests | None:
        read = check_tests if self.form is Form.CHECK else assert_tests
        return read(tests, self.entry_point)

    def _graded(self, tests: str) -> CheckTests | str | None:
        code = self._as_code(tests)
        wanted = leans_on(code, self.preamble) if tests.strip() else None
        if wanted is None or not wanted <= {self.entry_point}:
            return None
        solution = None if self.canonical_solution is None else self.continued(self.canonical_solution)
        return check_code(code, self.entry_point, prelude=self.preamble, solution=solution, independent=True)

    def _as_code(self, tests: str) -> str:
        call = f"\n\ncheck({self.entry_point})\n" if self.form is Form.CHECK else ""
        return f"{tests}{call}"

    @property
    def tests_as_code(self) -> str:
        """Return the judge tests as code that runs after the program, in its namespace."""
        return self._as_code(self.tests)


def read_problem(
    row: object, where: str = "the problem", place: int = 0, columns: Mapping[str, str] = AS_USUAL
) -> Problem:
    """Return the problem of an object, in any of the formats of a file; raises ProblemsError.

    `place` is the number of rows before it, which names a row without a name. `columns` is that of `load_problems`.
    """
    if not isinstance(row, dict):
        raise ProblemsError(f"{where}: a problem is a JSON object, not {shown(row):.40}")
    try:
        problem = Problem(**fields_of(row, place, columns))
        _ = problem.checked_by, problem.selected_by  # what is wrong with its tests shows now
    except (RecursionError, MemoryError) as error:
        raise ProblemsError(f"{where}: it is nested too deeply, or too large") from error
    except Exception as error:  # a row may hold anything, and whatever comes of it is the file's fault
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ProblemsError(f"{where}: {kind}{error}") from error
    return problem


def find_problem(problems: Mapping[str, Problem], task_id: object) -> Problem | None:
    """Find the problem of a `task_id`: by its name, or by the part after the slash, in any letter case.

    Numbers are compared by value: 42 is APPS's 0042. HumanEval_7 and HumanEval-7 are HumanEval/7.
    """
    name = find_name(problems, task_id)
    return None if name is None else problems[name]


def find_name(names: Collection[str], task_id: object) -> str | None:
    """Find one of the names in the same way."""
    wanted = str(task_id).strip()
    if wanted in names:
        return wanted
    place = _place(wanted)
    found = [name for name in names if _place(name) == place]
    own = [name for name in found if "/" not in wanted or name.casefold() == wanted.casefold()]
    if not own and (joined := _joined(wanted)):
        own = [name for name in names if _joined(name) == joined]
    return own[0] if len(own) == 1 else None


def _joined(name: str) -> tuple[str, str] | None:
    """Return a set's name and a number, however they are joined: file names and batches have no slash."""
    found = re.fullmatch(r"(.*[^\W_])[/_-]0*(\d+)", name.casefold())
    return None if found is None else (found[1], found[2])


def _place(name: str) -> str:
    """Return the part after the slash; if it is a number, its value."""
    last = name.rpartition("/")[2]
    return last.lstrip("0") or "0" if last.isdecimal() else last.casefold()
