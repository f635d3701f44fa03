"""Files of whole-program problems as people have them: APPS, CodeContests, LiveCodeBench. Rows in, `Given` out.

A problem is either tested by what it prints or, where the set names a function, by calls: of `Solution().function` if the
program has such a class, else of the function. What is expected is data in all three, so nothing of theirs is executed. APPS
itself takes a bare first item for a whole list, and lines in any order; here a list's *only* item may come bare, and order
counts. APPS and LiveCodeBench put imports before every program, so we do, too (all but numpy, which the box does not have).
"""

from __future__ import annotations

import base64
import io
import json
import pickle  # noqa: TID251  (LiveCodeBench ships its private tests so; see _TextOnly)
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.values import (
    CallTest,
    CallTests,
    Comparison,
    OutputRule,
    ReferenceTests,
    StdinTest,
    StdinTests,
    Tests,
)

IMPORTS = (
    "import bisect, collections, copy, fractions, functools, heapq, itertools, math, random, re, string, sys, time\n"
    "from bisect import *\nfrom collections import *\nfrom functools import *\nfrom heapq import *\nfrom itertools import *\n"
    "from math import *\nfrom typing import *\n"
)
MAX_PRIVATE_BYTES = 512 << 20
_TESTS_OF_CODECONTESTS = ("public_tests", "private_tests", "generated_tests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a row says of one problem: `public` tests are those that its text shows, `tests` all of them.

    A program stands alone, unless it `continues` the question, as in HumanEval.
    """

    name: str
    question: str
    starter: str = ""
    function: str = ""
    tests: Tests
    public: CallTests | ReferenceTests | StdinTests | None = None
    solution: str | None = None
    imports: str = ""
    continues: bool = False


def knows(row: dict[str, Any]) -> bool:
    """Whether the row has one of the three formats."""
    return "input_output" in row or "public_test_cases" in row or "generated_tests" in row


def read(row: dict[str, Any]) -> Given:
    """The problem of a row; raises KeyError, TypeError or ValueError for what is missing or malformed."""
    if "input_output" in row:
        return apps(row)
    return livecodebench(row) if "public_test_cases" in row else codecontests(row)


def apps_directory(directory: Path) -> dict[str, Any]:
    """The row that APPS's JSON lines would have for a problem's directory."""
    row: dict[str, Any] = {"problem_id": directory.name}
    for key, file in (("question", "question.txt"), ("starter_code", "starter_code.py"), ("input_output", "input_output.json"),
                      ("solutions", "solutions.json")):  # fmt: skip
        path = directory / file
        if path.is_file():
            row[key] = path.read_text(encoding="utf-8")
    return row


def apps(row: dict[str, Any]) -> Given:
    """A row of APPS (Hendrycks et al. 2021): `input_output` and `solutions` are JSON in JSON."""
    tests, function = _loaded(row["input_output"]), ""
    inputs, outputs = tests["inputs"], tests["outputs"]
    _pair(inputs, outputs)
    checks: CallTests | StdinTests
    if tests.get("fn_name"):
        function = str(tests["fn_name"])
        checks = _calls(function, list(zip(inputs, outputs, strict=True)), Comparison.ONLY_ITEM)
    else:
        cases = [StdinTest(stdin=_text(i), expected=_text(o)) for i, o in zip(inputs, outputs, strict=True)]
        checks = StdinTests(cases=tuple(cases), rule=OutputRule.APPS)
    solutions = _loaded(row["solutions"]) if row.get("solutions") else []
    return Given(
        name=f"APPS/{row.get('problem_id', row.get('id'))}",
        question=row["question"],
        starter=row.get("starter_code") or "",
        function=function,
        tests=checks,
        solution=solutions[0] if solutions else None,
        imports=IMPORTS,
    )


def codecontests(row: dict[str, Any]) -> Given:
    """A problem of CodeContests (Li et al. 2022): three lists of tests, of which one is public."""
    every = [_cases(row.get(key)) for key in _TESTS_OF_CODECONTESTS]
    return Given(
        name=str(row["name"]),
        question=row["description"],
        starter="",
        function="",
        tests=_matched(case for cases in every for case in cases),
        public=_matched(every[0]) if every[0] else None,
        solution=_python_solution(row.get("solutions")),
    )


def _matched(cases: Iterable[StdinTest]) -> StdinTests:
    return StdinTests(cases=tuple(cases), rule=OutputRule.CODECONTESTS)


def _cases(tests: Any) -> list[StdinTest]:
    """Tests as a list of objects or, in the converted files, as an object of two lists."""
    if isinstance(tests, dict):
        _pair(tests["input"], tests["output"])
        pairs = list(zip(tests["input"], tests["output"], strict=True))
    else:
        pairs = [(test["input"], test["output"]) for test in tests or []]
    return [StdinTest(stdin=_text(stdin), expected=_text(expected)) for stdin, expected in pairs]


def _python_solution(solutions: Any) -> str | None:
    """The first solution in Python 3 (language 3, or PYTHON3)."""
    if isinstance(solutions, dict):
        solutions = [
            {"language": language, "solution": text}
            for language, text in zip(solutions["language"], solutions["solution"], strict=True)
        ]
    return next((str(one["solution"]) for one in solutions or [] if one["language"] in {3, "PYTHON3"}), None)


def livecodebench(row: dict[str, Any]) -> Given:
    """A row of LiveCodeBench (Jain et al. 2024): stdin tests, or calls with one JSON value a line."""
    public = _loaded(row["public_test_cases"])
    private = _private(row.get("private_test_cases") or "[]")
    function = str(_loaded(row.get("metadata") or "{}").get("func_name") or "")
    return Given(
        name=f"LiveCodeBench/{row['question_id']}",
        question=row["question_content"],
        starter=row.get("starter_code") or "",
        function=function,
        tests=_livecodebench_tests([*public, *private], function),
        public=_livecodebench_tests(public, function) if public else None,
        imports=IMPORTS,
    )


def _livecodebench_tests(tests: list[dict[str, str]], function: str) -> CallTests | StdinTests:
    if not function:
        cases = [StdinTest(stdin=_text(test["input"]), expected=_text(test["output"])) for test in tests]
        return StdinTests(cases=tuple(cases), rule=OutputRule.LIVECODEBENCH)
    read_cases = [
        ([json.loads(line) for line in test["input"].split("\n")], json.loads(test["output"])) for test in tests
    ]
    return _calls(function, read_cases, Comparison.LISTS)


def _private(text: str) -> list[dict[str, str]]:
    """JSON, or base64 of zlib of a pickled JSON text."""
    try:
        found = json.loads(text)
    except ValueError:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(text), MAX_PRIVATE_BYTES)
        if unpacker.unconsumed_tail:
            raise ValueError(f"private tests unpack to more than {MAX_PRIVATE_BYTES >> 20} MB") from None
        found = json.loads(_TextOnly(io.BytesIO(data)).load())
    if not isinstance(found, list):
        raise TypeError("private tests are no list")
    return found


class _TextOnly(pickle.Unpickler):
    """Reads built-in containers and texts; whatever names a class or a function is refused, so that nothing is ever called."""

    def find_class(self, module: str, name: str) -> Any:
        raise ValueError(f"the private tests name {module}.{name}; only text is read")

    def persistent_load(self, pid: Any) -> Any:
        raise ValueError(f"the private tests refer to {pid!r}; only text is read")


def _calls(function: str, cases: list[tuple[Any, Any]], comparison: Comparison) -> CallTests:
    tests = tuple(
        CallTest(function=f"Solution.{function}", arguments=tuple(given), comparison=comparison, expected=expected)
        for given, expected in cases
    )
    return CallTests(cases=tests, source=json.dumps([function, comparison, cases]))


def _pair(inputs: list[Any], outputs: list[Any]) -> None:
    if len(inputs) != len(outputs):
        raise ValueError(f"{len(inputs)} inputs and {len(outputs)} outputs: a test has lost its other half")


def _loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _text(value: Any) -> bytes:
    """A test's text; some files hold it as a list of lines."""
    return ("\n".join(map(str, value)) if isinstance(value, list) else str(value)).encode("utf-8", "surrogatepass")
