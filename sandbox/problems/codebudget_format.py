"""Read problems in our own format: one JSON object a line.

docs/problems.md describes the format for users, problem.schema.json for programs.

A problem with an `entry_point` is tested by calls of it, or by code that defines check(candidate); one without is a
whole program, tested by what it prints. Nothing is guessed: an unknown key, or one that would have no effect, is an
error. Nothing of a file runs on the host; the Python in it is read by its syntax tree.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sandbox.inside.environment import prepend_imports
from sandbox.problems import assumption_options
from sandbox.problems.ast_names import Definition, first_line, leans_on
from sandbox.problems.checks import UNREADABLE, check_tests
from sandbox.problems.codebudget_tests import Asked, Rule, call, rule_of, run
from sandbox.problems.json_validation import checked, meant
from sandbox.problems.rows import digest
from sandbox.problems.separability import check_code
from sandbox.problems.stdin_formats import Given
from sandbox.values import OUTPUT_RULES, Assumptions, CallTests, CheckTests, OutputRule, ReferenceTests, StdinTests

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
    **assumption_options.KEYS,
}
_ENTRY_POINT = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?", re.ASCII)
T = TypeVar("T")


def knows(row: Mapping[str, Any]) -> bool:
    """Return whether the row has this format: no other format has one of these keys."""
    return "tests" in row or "check" in row


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
    if "output_rule" in problem:
        raise ValueError(
            "output_rule is about what whole programs print; a problem with an entry_point is tested by calls"
        )


def _tests(problem: dict[str, Any], key: str) -> CallTests | ReferenceTests | StdinTests:
    """Return the tests under one key."""
    function, reference = problem.get("entry_point"), bool(problem.get("reference"))
    if function is None:
        return StdinTests(cases=_each(run, problem[key], key), rule=_output_rule(problem))
    asked = Asked(function=function, rule=rule_of(problem, Rule()), reference=reference)
    cases = _each(lambda case: call(case, asked), problem[key], key)
    if reference:
        return ReferenceTests(cases=cases, reference=_whole(problem))
    return CallTests(cases=cases, source=digest([function, problem[key], asked.rule.comparison, asked.rule.tolerance]))


def _each(read_one: Callable[[object], T], cases: list[object], key: str) -> tuple[T, ...]:
    found = []
    for number, case in enumerate(cases):
        try:
            found.append(read_one(case))
        except ValueError as error:
            raise ValueError(f"{key}[{number}]: {error}") from error
    return tuple(found)


def _output_rule(problem: dict[str, Any]) -> OutputRule:
    name = problem.get("output_rule", OutputRule.CLOSE.name)
    if name not in OUTPUT_RULES:
        raise ValueError(
            f"there is no output_rule {name!r}{meant(name, OUTPUT_RULES)}; there are {', '.join(OUTPUT_RULES)}"
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
            "imports, "
            "or say in_process: true, and check runs beside the program"
        )
    solution = _whole(problem) if "canonical_solution" in problem else None
    return check_code(code, function, prelude=prelude, solution=solution)


def _assumptions(problem: dict[str, Any]) -> Assumptions:
    return Assumptions(
        **assumption_options.read_assumed({key: problem[key] for key in assumption_options.KEYS if key in problem})
    )


def _imports(problem: dict[str, Any]) -> str:
    return _assumptions(problem).imports


def _whole(problem: dict[str, Any]) -> str:
    """Return the canonical solution as a complete program."""
    prompt = problem["prompt"] if _continues(problem) else ""
    return prepend_imports(_imports(problem), prompt + str(problem["canonical_solution"]))


def _continues(problem: dict[str, Any]) -> bool:
    """Return whether a completion continues the prompt: the prompt is Python that begins the entry point."""
    return _begun(problem) is not None


def _preamble(problem: dict[str, Any]) -> str:
    """Return the text of the prompt before the entry point, if the prompt begins the entry point."""
    begun = _begun(problem)
    if begun is None:
        return ""
    return "".join(f"{line}\n" for line in problem["prompt"].split("\n")[: first_line(begun) - 1])


def _begun(problem: dict[str, Any]) -> Definition | None:
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
