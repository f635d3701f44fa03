"""Read problems in our own format: one JSON object a line.

docs/problems.md describes the format for users, problem.schema.json for programs.

A problem with an `entry_point` is tested by calls of it, or by code that defines check(candidate); one without is a
whole program, tested by what it prints. Nothing is guessed: an unknown key, or one that would have no effect, is an
error. Nothing of a file runs on the host; the Python in it is read by its syntax tree.

A test is a call with its expected answer, or the input of a program with its expected output. Values that JSON has are
written in JSON: `arguments`, `keywords`, `expected`. Other values (tuples, sets, bytes, complex numbers) are written in
Python: `call` and `returns` are texts with literals, which are parsed and never evaluated.

What programs may assume has the same keys in a row, in an option of a command and in a table of a study file
(`ASSUMPTION_KEYS`).
"""

from __future__ import annotations

import ast
import json
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sandbox.inside.environment import prepend_imports
from sandbox.problems import checkers
from sandbox.problems.ast_names import Definition, first_line, leans_on
from sandbox.problems.in_process_tests import check_code
from sandbox.problems.json_fields import checked, digest, from_base64
from sandbox.problems.parse_tests import UNREADABLE, AssertReader, check_tests, literal
from sandbox.problems.readers.stdin_formats import Given
from sandbox.sanitize import did_you_mean
from sandbox.values import (
    OUTPUT_RULES,
    Assumptions,
    CallTest,
    CallTests,
    Checker,
    CheckTests,
    Comparison,
    InteractiveTests,
    Interactor,
    OutputRule,
    ReferenceTests,
    StdinTest,
    StdinTests,
    Workspace,
)

ASSUMPTION_KEYS = {
    "imports": "a text",
    "recursion_limit": "a whole number above 0",
    "long_integers": "true or false",
    "top_level_return": "true or false",
    "cpu_s": "a number above 0",
    "wall_s": "a number above 0",
    "memory_mb": "a whole number above 0",
    "processes": "a whole number above 0",
    "time_per_test": "true or false",
}
_PROBLEM = {
    "task_id": "a text with something in it",
    "prompt": "a text with something in it",
    "entry_point": "a text",
    "canonical_solution": "a text",
    "tests": "a list with something in it",
    "public_tests": "a list with something in it",
    "check": "a text",
    "in_process": "true or false",
    "reference": "true or false",
    "comparison": "a text",
    "tolerance": "a number above 0",
    "output_rule": "a text",
    "checker": "a text or an object",
    "checker_files": "an object",
    "interactor": "a text or an object",
    **ASSUMPTION_KEYS,
    "files": "an object",
    "argv": "a list",
    "environment": "an object",
}
_CALL = {
    "arguments": "a list",
    "keywords": "an object",
    "call": "a text",
    "expected": "any value",
    "returns": "a text",
    "comparison": "a text",
    "tolerance": "a number above 0",
}
_RUN = {"stdin": "a text", "stdout": "a text"}
_ENTRY_POINT = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?", re.ASCII)
T = TypeVar("T")
_EXPECTING_NOTHING = (Comparison.TRUE, Comparison.FALSE, Comparison.NOT_NONE, Comparison.ANYTHING)
_TOLERANT = (Comparison.CLOSE, Comparison.APPROXIMATE)
COMPARISONS = {
    one.value: one for one in (Comparison.EQUAL, Comparison.LISTS, Comparison.SET, *_TOLERANT, *_EXPECTING_NOTHING)
}


def knows(row: Mapping[str, Any]) -> bool:
    """Return whether the row has this format: no other format has one of these keys."""
    return "check" in row or ("tests" in row and not is_of_training(row))


def is_of_training(row: Mapping[str, Any]) -> bool:
    """Return whether `tests` of a row are in the form of a training set: JSON in a text, or without our names."""
    tests = row["tests"]
    if isinstance(tests, list) and tests and isinstance(tests[0], dict) and tests[0].keys() & {"arguments", "call"}:
        return False
    if isinstance(tests, list) and tests and isinstance(tests[0], str | list):
        return True  # asserts, or pairs of an input and an output
    if {"task_id", "prompt"} <= row.keys():
        return isinstance(tests, str) and tests.lstrip()[:1] in {"[", "{"}
    return isinstance(tests, str | dict) or not row.keys() & {"task_id", "prompt"}


def read(row: dict[str, Any]) -> Given:
    """Return the problem of a row; raises ValueError, which says what is wrong and what would be right."""
    problem = checked(row, _PROBLEM)
    for key in ("task_id", "prompt"):
        if key not in problem:
            raise ValueError(f"{key} is missing")
    _refuse_what_has_no_effect(problem)
    return Given(
        name=problem["task_id"],
        question=problem["prompt"],
        function=problem.get("entry_point", ""),
        tests=_check(problem) if "check" in problem else _tests(problem, "tests"),
        public=_tests(problem, "public_tests") if "public_tests" in problem else None,
        solution=problem.get("canonical_solution"),
        assumptions=_assumptions(problem),
        workspace=_workspace(problem),
        continues=_continues(problem),
    )


def _refuse_what_has_no_effect(problem: dict[str, Any]) -> None:
    """Raise ValueError for keys that have no effect together."""
    if ("tests" in problem) == ("check" in problem):
        raise ValueError("a problem is tested either by tests or by check")
    if problem.get("in_process") and "check" not in problem:
        raise ValueError("in_process is about check; calls and inputs are data, and never stand beside the program")
    if "check" in problem and "public_tests" not in problem and problem.keys() & {"comparison", "tolerance"}:
        raise ValueError("comparison and tolerance are about tests that are calls; check compares by itself")
    if "entry_point" in problem:
        _refuse_for_a_function(problem)
    else:
        for key in ("check", "comparison"):
            if key in problem:
                raise ValueError(f"{key} is about the answers of a function; entry_point has to name it")
    if problem.get("reference") and not {"tests", "entry_point", "canonical_solution"} <= problem.keys():
        raise ValueError("reference says that canonical_solution answers the calls in tests; a key of these is missing")


def _refuse_for_a_function(problem: dict[str, Any]) -> None:
    if not _ENTRY_POINT.fullmatch(problem["entry_point"]):
        raise ValueError(f"entry_point is the name of a function, or Class.method, not {problem['entry_point']!r}")
    for key in ("output_rule", "checker", "checker_files", "interactor"):
        if key in problem:
            raise ValueError(
                f"{key} is about what whole programs print; a problem with an entry_point is tested by calls"
            )


def _tests(problem: dict[str, Any], key: str) -> CallTests | ReferenceTests | StdinTests:
    """Return the tests under one key."""
    function, reference = problem.get("entry_point"), bool(problem.get("reference"))
    if function is None:
        checker, interactor = _checker(problem), _interactor(problem)
        free = checker is not None or interactor is not None
        runs = _each(lambda case: _stdin_test(case, checked_by_code=free), problem[key], key)
        if interactor is not None:
            return InteractiveTests(cases=runs, checker=checker, interactor=interactor)
        return StdinTests(cases=runs, rule=_output_rule(problem), checker=checker)
    common = _CallFormat(function=function, rule=_answer_rule(problem, _AnswerRule()), reference=reference)
    cases = _each(lambda case: _call_test(case, common), problem[key], key)
    if reference:
        return ReferenceTests(cases=cases, reference=_whole(problem))
    return CallTests(
        cases=cases, source=digest([function, problem[key], common.rule.comparison, common.rule.tolerance])
    )


def _each(read_one: Callable[[object], T], cases: list[object], key: str) -> tuple[T, ...]:
    found = []
    for number, case in enumerate(cases):
        try:
            found.append(read_one(case))
        except ValueError as error:
            raise ValueError(f"{key}[{number}]: {error}") from error
    return tuple(found)


def _checker(problem: dict[str, Any]) -> Checker | None:
    """Return the checker of a problem that has several right outputs; raises ValueError."""
    if "checker" not in problem:
        if "checker_files" in problem and "interactor" not in problem:
            raise ValueError("checker_files are headers of a checker in C++; the problem has no checker")
        return None
    if problem.keys() & {"output_rule", "tolerance"}:
        raise ValueError("output_rule and tolerance compare outputs; with a checker they would have no effect")
    checker = problem["checker"]
    if isinstance(checker, str):
        if "checker_files" in problem:
            raise ValueError("checker_files are headers of a checker in C++: give its language and its source")
        return checkers.function(checker)
    return checkers.of_program(checker, checkers.files_of(problem.get("checker_files", {})))


def _interactor(problem: dict[str, Any]) -> Interactor | None:
    """Return the program that talks with those of the problem; raises ValueError."""
    if "interactor" not in problem:
        return None
    if problem.keys() & {"output_rule", "tolerance"}:
        raise ValueError("output_rule and tolerance compare outputs; with an interactor they would have no effect")
    files = checkers.files_of(problem.get("checker_files", {}))
    return checkers.interactor(problem["interactor"], files, has_checker="checker" in problem)


def _output_rule(problem: dict[str, Any]) -> OutputRule:
    name = problem.get("output_rule", OutputRule.CLOSE.name)
    if name not in OUTPUT_RULES:
        raise ValueError(
            f"there is no output_rule {name!r}{did_you_mean(name, OUTPUT_RULES)}; there are {', '.join(OUTPUT_RULES)}"
        )
    rule = OUTPUT_RULES[name]
    return rule.within(float(problem["tolerance"])) if "tolerance" in problem else rule


def _check(problem: dict[str, Any]) -> CallTests | CheckTests | str:
    """Return tests that are code: as data if possible, else for a grader box or for the program's own process.

    They run in the program's process if `in_process` says so, or if they check more than answers.
    """
    source, function = problem["check"], problem["entry_point"]
    owner, _, method = function.rpartition(".")
    if not _defined(source, "check"):
        raise ValueError("check is Python code that defines check(candidate)")
    code = f"{source}\n\ncheck({f'{owner}().{method}' if owner else method})\n"
    if problem.get("in_process"):
        return code
    if (data := check_tests(source, function)) is not None:
        return data
    prelude = _imports(problem) + _preamble(problem)
    if foreign := (leans_on(code, prelude) or set()) - {owner or method}:
        raise ValueError(
            f"check uses {', '.join(sorted(foreign))}, which only the program could define; define it in check or "
            "imports, or say in_process: true, and check runs beside the program"
        )
    solution = _whole(problem) if "canonical_solution" in problem else None
    return check_code(code, function, prelude=prelude, solution=solution)


def _assumptions(problem: dict[str, Any]) -> Assumptions:
    return Assumptions(**read_assumptions({key: problem[key] for key in ASSUMPTION_KEYS if key in problem}))


def _workspace(problem: dict[str, Any]) -> Workspace:
    """Return what lies beside every program, and what it is started with."""
    files = tuple((name, _file(content, name)) for name, content in problem.get("files", {}).items())
    arguments, environment = problem.get("argv", []), problem.get("environment", {})
    if not all(isinstance(word, str) for word in (*arguments, *environment.values())):
        raise ValueError("argv is a list of texts, and environment an object of texts")
    return Workspace(files=files, arguments=tuple(arguments), environment=tuple(environment.items()))


def _file(content: object, name: str) -> bytes:
    """Return the content of a file: a text, or an object that holds base64 of bytes."""
    match content:
        case str():
            return content.encode()
        case {"base64": str(packed), **others} if not others:
            try:
                return from_base64(packed)
            except ValueError as error:
                raise ValueError(f"the file {name!r} is not base64: {error}") from error
        case _:
            raise ValueError(f"the file {name!r} is a text, or an object with base64, not {reprlib.repr(content)}")


def _imports(problem: dict[str, Any]) -> str:
    return _assumptions(problem).imports


def _whole(problem: dict[str, Any]) -> str:
    """Return the canonical solution as a complete program."""
    prompt = problem["prompt"] if _continues(problem) else ""
    return prepend_imports(_imports(problem), prompt + str(problem["canonical_solution"]))


def _continues(problem: dict[str, Any]) -> bool:
    """Return whether a completion continues the prompt: the prompt is Python that begins the entry point."""
    return _definition_in_prompt(problem) is not None


def _preamble(problem: dict[str, Any]) -> str:
    """Return the text of the prompt before the entry point, if the prompt begins the entry point."""
    begun = _definition_in_prompt(problem)
    if begun is None:
        return ""
    return "".join(f"{line}\n" for line in problem["prompt"].split("\n")[: first_line(begun) - 1])


def _definition_in_prompt(problem: dict[str, Any]) -> Definition | None:
    """Return the definition of the entry point, or of its class, in the prompt."""
    name = problem.get("entry_point", "").partition(".")[0]
    bodies = ("", "\n    pass", "\n        pass")
    return next((found for body in bodies if (found := _defined(problem["prompt"] + body, name))), None)


def _defined(source: str, name: str) -> Definition | None:
    try:
        body = ast.parse(source).body
    except UNREADABLE:
        return None
    return next((node for node in body if isinstance(node, Definition) and node.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _AnswerRule:
    """How answers are compared."""

    comparison: Comparison = Comparison.EQUAL
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _CallFormat:
    """What the calls of a problem have in common; with `reference`, its own solution gives the expected answers."""

    function: str
    rule: _AnswerRule
    reference: bool


def _answer_rule(fields: dict[str, Any], otherwise: _AnswerRule) -> _AnswerRule:
    """Return the rule of an object's `comparison` and `tolerance`, which belong together; raises ValueError."""
    if "comparison" not in fields:
        if "tolerance" in fields:
            raise ValueError("tolerance stands beside a comparison, close or approximate")
        return otherwise
    name = fields["comparison"]
    if name not in COMPARISONS:
        raise ValueError(
            f"there is no comparison {name!r}{did_you_mean(name, COMPARISONS)}; there are {', '.join(COMPARISONS)}"
        )
    comparison = COMPARISONS[name]
    if "tolerance" in fields and comparison not in _TOLERANT:
        raise ValueError(f"the comparison {name} has no tolerance; close and approximate have")
    if "tolerance" not in fields and comparison is Comparison.CLOSE:
        raise ValueError("the comparison close needs a tolerance; approximate has one of its own")
    return _AnswerRule(comparison=comparison, tolerance=float(fields.get("tolerance", 0.0)))


def _stdin_test(case: object, *, checked_by_code: bool) -> StdinTest:
    """Return the input of a whole program and its expected output; raises ValueError.

    Where a checker decides, there need not be an output that it could be compared with.
    """
    if isinstance(case, dict) and case.keys() & _CALL.keys():
        raise ValueError("a call needs a function; entry_point of the problem has to name it")
    fields = checked(case, _RUN)
    for key in _RUN:
        if key not in fields and not (checked_by_code and key == "stdout"):
            raise ValueError(f"{key} is missing")
    return StdinTest(stdin=fields["stdin"].encode(), expected=fields.get("stdout", "").encode())


def _call_test(case: object, common: _CallFormat) -> CallTest:
    """Return a call of the problem's function with its expected answer; raises ValueError."""
    if isinstance(case, dict) and case.keys() & _RUN.keys():
        raise ValueError("stdin and stdout are for whole programs; a problem with an entry_point is tested by calls")
    fields = checked(case, _CALL)
    rule = _answer_rule(fields, common.rule)
    arguments, keywords = _handed_over(fields, common.function)
    if common.reference:
        _refuse_what_the_reference_says(fields)
    return CallTest(
        function=common.function,
        arguments=arguments,
        keywords=keywords,
        comparison=rule.comparison,
        expected=None if common.reference else _expected(fields, rule.comparison),
        tolerance=rule.tolerance,
    )


def _handed_over(fields: dict[str, Any], function: str) -> tuple[tuple[object, ...], dict[str, object]]:
    as_json = "arguments" in fields or "keywords" in fields
    if ("call" in fields) == as_json:
        raise ValueError("a call is said either in JSON (arguments, keywords) or in Python (call)")
    if as_json:
        return tuple(fields.get("arguments", ())), fields.get("keywords", {})
    name = function.rpartition(".")[2]
    try:
        return AssertReader(name, function).arguments(ast.parse(fields["call"].strip(), mode="eval").body)
    except UNREADABLE:
        raise ValueError(
            f"call is a call of {name} with Python literals, such as {f'{name}((1, 2), [3])'!r}, not {fields['call']!r}"
        ) from None


def _expected(fields: dict[str, Any], comparison: Comparison) -> object:
    said = [key for key in ("expected", "returns") if key in fields]
    if comparison in _EXPECTING_NOTHING:
        if said:
            raise ValueError(f"the comparison {comparison} expects no value; {said[0]} would have no effect")
        return True if comparison is Comparison.NOT_NONE else None
    if len(said) != 1:
        raise ValueError("what is expected is said either in JSON (expected) or in Python (returns)")
    value = fields["expected"] if said == ["expected"] else _literal(fields["returns"])
    if not _can_hold(value, comparison):
        raise ValueError(f"no answer can ever be {comparison} to {value!r}")
    return value


def _can_hold(value: object, comparison: Comparison) -> bool:
    match comparison:
        case Comparison.CLOSE:
            return isinstance(value, int | float)
        case Comparison.SET:
            try:
                return all(hash(item) is not None for item in value)  # type: ignore[attr-defined]  # a TypeError is a no
            except TypeError:
                return False
        case _:
            return True


def _literal(text: str) -> object:
    try:
        return literal(ast.parse(text.strip(), mode="eval").body)
    except UNREADABLE:
        raise ValueError(f"returns is a Python literal, such as '(1, {{2}})', not {text!r}") from None


def _refuse_what_the_reference_says(fields: dict[str, Any]) -> None:
    for key in ("expected", "returns"):
        if key in fields:
            raise ValueError(
                f"the problem's own solution says what is expected (reference); {key} would have no effect"
            )


def read_assumptions(given: Mapping[str, object]) -> dict[str, Any]:
    """Return the fields of `Assumptions` that are given; raises ValueError for other keys, kinds and sizes."""
    fields = checked(dict(given), ASSUMPTION_KEYS)
    if (imports := fields.get("imports", "")) and not imports.endswith("\n"):
        fields["imports"] = f"{imports}\n"
    Assumptions(**fields)  # looks at their sizes
    try:
        ast.parse(fields.get("imports", ""))
    except UNREADABLE as error:  # else every program would be the one that does not compile
        raise ValueError(f"imports is no Python: {error}") from None
    return fields


def read_assumption_words(words: Iterable[str]) -> dict[str, Any]:
    """Return the same from words such as `cpu_s=4`: values are written as in JSON, imports as they are."""
    given: dict[str, object] = {}
    for word in words:
        key, found, value = word.partition("=")
        if not found:
            raise ValueError(f"{word!r} has no value; write for example recursion_limit=5000")
        try:
            given[key] = value if key == "imports" else json.loads(value)
        except ValueError:
            given[key] = value  # `read_assumptions` says what it should be
    return read_assumptions(given)


def assumption_words(assumed: Mapping[str, object]) -> list[str]:
    """Return the words that `read_assumption_words` takes for these fields."""
    return [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in assumed.items()]
