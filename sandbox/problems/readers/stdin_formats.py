"""Read rows of whole-program problems as `Given`: APPS, TACO, CodeContests, LiveCodeBench.

A problem is tested by its printed output or, if the set names a function, by calls: of `Solution().function` if the
program has such a class, else of the function. All expected answers are data, so no code of the sets is executed. APPS
itself accepts the first item alone instead of a list, and lines in any order; here only a list with one item may come
as that item, and order counts. APPS and LiveCodeBench put imports before every program, so we do, too (numpy where the
image has it). APPS and CodeContests are older than Python's limit on the digits of an integer.
"""

from __future__ import annotations

import base64
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sandbox.problems import json_fields
from sandbox.values import (
    LIMIT_BOUNDS,
    PYTHON,
    Assumptions,
    CallTest,
    CallTests,
    Comparison,
    LanguageTests,
    Limits,
    OutputRule,
    ReferenceTests,
    StdinTest,
    StdinTests,
    Tests,
    Workspace,
)
from sandbox.values.answer_forms import AnswerForm

NUMPY_IF_THERE = "try:\n    import numpy, numpy as np\nexcept ImportError:\n    pass\n"
# hendrycks/apps, eval/testing_util.py
APPS = Assumptions(
    imports=(
        "import collections, fractions, heapq, itertools, math, random, sys, time\n"
        "from collections import ChainMap, Counter, OrderedDict, defaultdict, deque\n"
        "from functools import lru_cache\nfrom heapq import *\n"
        "from itertools import accumulate, combinations, permutations, product\n"
        "from math import ceil, cos, exp, fabs, floor, gcd, log, log2, sin, sqrt, tan\nfrom typing import List, Tuple\n"
        f"{NUMPY_IF_THERE}"
    ),
    long_integers=True,
    top_level_return=True,
)
CODECONTESTS = Assumptions(long_integers=True)
_STARRED = (
    "string",
    "re",
    "datetime",
    "collections",
    "heapq",
    "bisect",
    "copy",
    "math",
    "random",
    "statistics",
    "itertools",
    "functools",
    "operator",
    "io",
    "sys",
    "json",
)
# LiveCodeBench, lcb_runner/evaluation/testing_util.py; the builtins that math, io and operator shadow come back. Its 6
# s a test are wall seconds of a machine that does nothing else.
LIVECODEBENCH = Assumptions(
    imports=(
        "".join(f"from {name} import *\n" for name in (*_STARRED, "builtins", "typing"))
        + f"import {', '.join(_STARRED)}\n"
    ),
    recursion_limit=50_000,
    top_level_return=True,
    cpu_s=6.0,
    wall_s=12.0,
    time_per_test=True,
)
PYTHON_TIMES, MAX_OWN_S, MAX_OWN_MB = 2, 60.0, 4096
MAX_PRIVATE_BYTES = 512 << 20
_most_unpacked: ContextVar[int] = ContextVar("most_unpacked", default=MAX_PRIVATE_BYTES)
# Operations of a pickle (see pickletools): those that hold a text, by its length, and those around one, by their own.
_TEXT_LENGTHS = {b"X": struct.Struct("<I"), b"\x8c": struct.Struct("<B"), b"\x8d": struct.Struct("<Q")}
_PASSED_OVER = {b"\x80": 1, b"\x95": 8, b"\x94": 0, b"q": 1, b"r": 4}  # PROTO, FRAME, MEMOIZE, BINPUT, LONG_BINPUT
_TESTS_OF_CODECONTESTS = ("public_tests", "private_tests", "generated_tests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The problem of a row: `public` tests are those that its text shows, `tests` are all of them.

    A program is complete, unless it `continues` the question, as in HumanEval. `stops` are where a completion ends, if
    the set says so.
    """

    name: str
    question: str
    starter: str = ""
    function: str = ""
    tests: Tests
    public: CallTests | ReferenceTests | StdinTests | LanguageTests | None = None
    solution: str | None = None
    assumptions: Assumptions = Assumptions()
    continues: bool = False
    workspace: Workspace = Workspace()
    answer_form: AnswerForm = AnswerForm.PROGRAM
    language: str = PYTHON
    stops: tuple[str, ...] = ()


def knows(row: dict[str, Any]) -> bool:
    """Return whether the row has one of the four formats."""
    return "input_output" in row or "public_test_cases" in row or "generated_tests" in row


def read(row: dict[str, Any], place: int = 0) -> Given:
    """Return the problem of a row that has `place` rows before it; raises NoTests or ValueError."""
    if "input_output" in row:
        return apps(row, place)
    return livecodebench(row) if "public_test_cases" in row else codecontests(row)


def apps_directory(directory: Path) -> dict[str, Any]:
    """Return the row that APPS's JSON lines would have for a problem's directory; raises ValueError."""
    row: dict[str, Any] = {"problem_id": directory.name}
    for key, file in (
        ("question", "question.txt"),
        ("starter_code", "starter_code.py"),
        ("input_output", "input_output.json"),
        ("solutions", "solutions.json"),
    ):
        path = directory / file
        try:
            row |= {key: path.read_text(encoding="utf-8")} if path.is_file() else {}
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{file} cannot be read: {error}") from error
    return row


def apps(row: dict[str, Any], place: int = 0) -> Given:
    """Return the problem of a row of APPS or TACO, whose rows have no number.

    Sources: Hendrycks et al. 2021, Li et al. 2023.

    `input_output` and `solutions` are texts that hold JSON.
    """
    tests, function = json_fields.an_object(json_fields.inner(row, "input_output") or {}, "input_output"), ""
    inputs, outputs = (json_fields.a_list(tests.get(key) or [], f"input_output.{key}") for key in ("inputs", "outputs"))
    _pair(inputs, outputs)
    if not inputs:
        raise json_fields.NoTests(_apps_name(row, place))
    pairs = list(zip(inputs, outputs, strict=True))
    checks: CallTests | StdinTests
    if tests.get("fn_name"):
        function = json_fields.text(tests, "fn_name")
        given = [(json_fields.a_list(i, f"input_output.inputs[{n}]"), o) for n, (i, o) in enumerate(pairs)]
        checks = in_calls(function, [_whole_keys(i, o) for i, o in given], Comparison.ONLY_ITEM)
    else:
        checks = StdinTests(cases=_stdin_cases(pairs), rule=OutputRule.APPS)
    solutions = json_fields.a_list(json_fields.inner(row, "solutions") or [], "solutions")
    return Given(
        name=_apps_name(row, place),
        question=json_fields.text(row, "question"),
        starter=json_fields.text_or_empty(row, "starter_code"),
        function=function,
        tests=checks,
        solution=json_fields.texts({"solutions": solutions[:1]}, "solutions")[0] if solutions else None,
        assumptions=with_limits_of(row, APPS),
    )


def with_limits_of(row: Mapping[str, Any], assumptions: Assumptions) -> Assumptions:
    """Return the assumptions with the limits of time and memory that a row has, if it has any.

    CodeContests has `time_limit` as seconds and nanoseconds and `memory_limit_bytes`, TACO texts such as "2.0 seconds"
    and "256.0 megabytes", open-r1's Codeforces seconds and MB as numbers. These times are made for compiled languages:
    a program in Python may use PYTHON_TIMES as much, and no less than usual.
    """
    seconds, memory_mb = _seconds(row.get("time_limit")), _megabytes(row)
    usual, (least_mb, most_mb) = Limits(), LIMIT_BOUNDS["memory_mb"]
    if seconds:
        cpu_s = min(max(usual.cpu_s, PYTHON_TIMES * seconds), MAX_OWN_S)
        assumptions = replace(assumptions, cpu_s=cpu_s, wall_s=max(usual.wall_s, 2 * cpu_s))
    if memory_mb:
        assumptions = replace(assumptions, memory_mb=int(min(max(memory_mb, least_mb), most_mb, MAX_OWN_MB)))
    return assumptions


def _seconds(value: Any) -> float:
    """Return the seconds of a limit; 0 where there is none that can be read."""
    if isinstance(value, dict):
        return _first_number(value.get("seconds")) + _first_number(value.get("nanos")) / 1e9
    return _first_number(value)


def _megabytes(row: Mapping[str, Any]) -> float:
    if of_bytes := _first_number(row.get("memory_limit_bytes")):
        return of_bytes / 1e6
    value = row.get("memory_limit")
    scale = 1 / 1024 if isinstance(value, str) and "kilo" in value.lower() else 1.0
    return _first_number(value) * scale


def _first_number(value: Any) -> float:
    """Return a number, or the first one of a text; 0 for anything else."""
    if isinstance(value, str):
        found = re.match(r"\s*(\d+(\.\d+)?)", value, re.ASCII)
        value = float(found[1]) if found else 0
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e15
    return float(value) if known else 0.0


def _apps_name(row: dict[str, Any], place: int) -> str:
    """Return the row's number or, in TACO, its place."""
    if row.get("problem_id") is None and row.get("id") is None:
        return f"TACO/{place}"
    return f"APPS/{json_fields.name(row, 'problem_id', 'id')}"


def codecontests(row: dict[str, Any]) -> Given:
    """Return a problem of CodeContests (Li et al. 2022): three lists of tests, of which one is public."""
    every = [_cases(row.get(key), key) for key in _TESTS_OF_CODECONTESTS]
    if not any(every):
        raise json_fields.NoTests(json_fields.name(row, "name"))
    return Given(
        name=json_fields.name(row, "name"),
        question=json_fields.text(row, "description"),
        tests=_matched(case for cases in every for case in cases),
        public=_matched(every[0]) if every[0] else None,
        solution=_python_solution(row.get("solutions")),
        assumptions=with_limits_of(row, CODECONTESTS),
    )


def _matched(cases: Iterable[StdinTest]) -> StdinTests:
    return StdinTests(cases=tuple(cases), rule=OutputRule.CODECONTESTS)


def _cases(tests: Any, key: str) -> tuple[StdinTest, ...]:
    """Read tests from a list of objects or, in converted files, from an object of two lists."""
    if isinstance(tests, dict):
        inputs, outputs = (
            json_fields.a_list(json_fields.field(tests, part), f"{key}.{part}") for part in ("input", "output")
        )
        _pair(inputs, outputs)
        return _stdin_cases(zip(inputs, outputs, strict=True))
    return _stdin_cases(_halves(tests or [], key))


def _halves(tests: Any, key: str) -> Iterator[tuple[Any, Any]]:
    """Return the input and the output of each test of a list."""
    for number, test in enumerate(json_fields.a_list(tests, key)):
        one = json_fields.an_object(test, f"{key}[{number}]")
        yield json_fields.field(one, "input"), json_fields.field(one, "output")


def _stdin_cases(pairs: Iterable[tuple[Any, Any]]) -> tuple[StdinTest, ...]:
    return tuple(StdinTest(stdin=_text(stdin), expected=_text(expected)) for stdin, expected in pairs)


def _python_solution(solutions: Any) -> str | None:
    """Return the first solution in Python 3 (language 3, or PYTHON3)."""
    if isinstance(solutions, dict):
        languages, texts = (
            json_fields.a_list(json_fields.field(solutions, part), f"solutions.{part}")
            for part in ("language", "solution")
        )
        if len(languages) != len(texts):
            raise ValueError(f"solutions has {len(languages)} languages and {len(texts)} texts")
        solutions = [{"language": one, "solution": other} for one, other in zip(languages, texts, strict=True)]
    for number, one in enumerate(json_fields.a_list(solutions or [], "solutions")):
        if json_fields.an_object(one, f"solutions[{number}]").get("language") in (3, "PYTHON3"):
            return json_fields.text(one, "solution")
    return None


def livecodebench(row: dict[str, Any]) -> Given:
    """Return the problem of a row of LiveCodeBench (Jain et al. 2024).

    Its tests are stdin tests, or calls with one JSON value a line.
    """
    public = list(_halves(json_fields.inner(row, "public_test_cases") or [], "public_test_cases"))
    private = list(_halves(_private(row.get("private_test_cases") or []), "private_test_cases"))
    if not public and not private:
        raise json_fields.NoTests(f"LiveCodeBench/{json_fields.name(row, 'question_id')}")
    metadata = json_fields.an_object(json_fields.inner(row, "metadata") or {}, "metadata")
    function = json_fields.text_or_empty(metadata, "func_name")
    return Given(
        name=f"LiveCodeBench/{json_fields.name(row, 'question_id')}",
        question=json_fields.text(row, "question_content"),
        starter=json_fields.text_or_empty(row, "starter_code"),
        function=function,
        tests=_livecodebench_tests([*public, *private], function),
        public=_livecodebench_tests(public, function) if public else None,
        assumptions=LIVECODEBENCH,
    )


def _livecodebench_tests(tests: list[tuple[Any, Any]], function: str) -> CallTests | StdinTests:
    if not function:
        return StdinTests(cases=_stdin_cases(tests), rule=OutputRule.LIVECODEBENCH)
    read_cases = []
    for given, expected in tests:
        said = {"input": given, "output": expected}
        lines = json_fields.text(said, "input").split("\n")
        arguments = [json_fields.parsed(line, "a line of a test's input") for line in lines]
        read_cases.append((arguments, json_fields.parsed(json_fields.text(said, "output"), "a test's output")))
    return in_calls(function, read_cases, Comparison.LISTS)


def _private(value: Any) -> Any:
    """Read a list from JSON, or from base64 of zlib of a pickled JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json_fields.parsed(value, "private_test_cases")
    except ValueError:
        if value.lstrip()[:1] in ("[", "{"):
            raise
    unpacker, most = zlib.decompressobj(), _most_unpacked.get()
    try:
        data = unpacker.decompress(base64.b64decode(value), most)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"private_test_cases is neither JSON nor what LiveCodeBench packs ({error})") from error
    if unpacker.unconsumed_tail:
        raise ValueError(f"private_test_cases unpacks to more than the {most >> 20} MB that are taken; send it as JSON")
    return json_fields.parsed(_pickled_text(data), "private_test_cases")


@contextmanager
def unpacking_at_most(size: int) -> Iterator[None]:
    """Refuse private tests that unpack to more than `size` bytes within this context: for rows from a client."""
    before = _most_unpacked.set(size)
    try:
        yield
    finally:
        _most_unpacked.reset(before)


def _pickled_text(data: bytes) -> str:
    """Return the only text in a pickle, read without an unpickler; raises ValueError for any other pickle.

    The opcodes around the text (protocol, frames, the memo) are skipped by their length, so that nothing is executed.
    """
    found, at = None, 0
    while (code := data[at : at + 1]) != b".":
        at += 1
        if code in _TEXT_LENGTHS and found is None:
            begins = at + _TEXT_LENGTHS[code].size
            if begins > len(data):
                break
            at = begins + _TEXT_LENGTHS[code].unpack_from(data, at)[0]
            found = data[begins:at].decode("utf-8", "surrogatepass")
        elif code == b"V" and found is None:
            begins, at = at, _after_line(data, at)
            found = data[begins : at - 1].decode("raw-unicode-escape")
        elif code in _PASSED_OVER:
            at += _PASSED_OVER[code]
        elif code == b"p":
            at = _after_line(data, at)
        elif code:
            raise ValueError(f"private_test_cases holds a pickle of more than a text ({code!r}); only text is read")
        if at >= len(data):
            break
    if found is None or at >= len(data):
        raise ValueError("private_test_cases holds a broken pickle, or one without a text")
    return found


def _after_line(data: bytes, at: int) -> int:
    return data.find(b"\n", at) + 1 or len(data)


def _whole_keys(given: list[Any], expected: Any) -> tuple[list[Any], Any]:
    """Return a case of APPS with integer keys again, which JSON has turned into texts, as APPS's own runner does.

    The runner does it for a dict that is the first argument, the answer, or the first item of the answer.
    """
    first = given[:1] if not given or not isinstance(given[0], dict) else [_with_whole_keys(given[0])]
    if isinstance(expected, dict):
        expected = [_with_whole_keys(expected)]
    elif isinstance(expected, list) and expected and isinstance(expected[0], dict):
        expected = [_with_whole_keys(expected[0]), *expected[1:]]
    return [*first, *given[1:]], expected


def _with_whole_keys(value: dict[str, Any]) -> dict[Any, Any]:
    try:
        return {int(key): item for key, item in value.items()}
    except ValueError:
        return value


def in_programs(pairs: Iterable[tuple[Any, Any]], rule: OutputRule) -> StdinTests:
    """Return tests of whole programs from inputs and outputs, which may be lists of lines."""
    return StdinTests(cases=_stdin_cases(pairs), rule=rule)


def in_calls(function: str, cases: list[tuple[Any, Any]], comparison: Comparison) -> CallTests:
    """Return tests of a function, or of the method of that name of a class Solution, from arguments and answers."""
    tests = tuple(
        CallTest(function=f"Solution.{function}", arguments=tuple(given), comparison=comparison, expected=expected)
        for given, expected in cases
    )
    return CallTests(cases=tests, source=json_fields.digest([function, comparison, cases]))


def _pair(inputs: list[Any], outputs: list[Any]) -> None:
    if len(inputs) != len(outputs):
        raise ValueError(f"{len(inputs)} inputs and {len(outputs)} outputs: a test has lost its other half")


def _text(value: Any) -> bytes:
    """Return a test's text; some files hold it as a list of lines, or as a number."""
    try:
        return ("\n".join(map(str, value)) if isinstance(value, list) else str(value)).encode("utf-8", "surrogatepass")
    except RecursionError:
        raise ValueError("a test's text is nested too deeply") from None
