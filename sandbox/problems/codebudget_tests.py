"""Read one test of our own format (see `codebudget_format`).

A test is a call with its expected answer, or the input of a program with its expected output.

Values that JSON has are written in JSON: `arguments`, `keywords`, `expected`. Other values (tuples, sets, bytes,
complex numbers) are written in Python: `call` and `returns` are texts with literals, which are parsed and never
evaluated.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from sandbox.problems.checks import UNREADABLE, Reader, literal
from sandbox.problems.json_validation import checked, meant
from sandbox.values import CallTest, Comparison, StdinTest

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
_EXPECTING_NOTHING = (Comparison.TRUE, Comparison.FALSE, Comparison.NOT_NONE, Comparison.ANYTHING)
_TOLERANT = (Comparison.CLOSE, Comparison.APPROXIMATE)
COMPARISONS = {
    one.value: one for one in (Comparison.EQUAL, Comparison.LISTS, Comparison.SET, *_TOLERANT, *_EXPECTING_NOTHING)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How answers are compared."""

    comparison: Comparison = Comparison.EQUAL
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the calls of a problem have in common; with `reference`, its own solution gives the expected answers."""

    function: str
    rule: Rule
    reference: bool


def rule_of(fields: dict[str, Any], otherwise: Rule) -> Rule:
    """Return the rule of an object's `comparison` and `tolerance`, which belong together; raises ValueError."""
    if "comparison" not in fields:
        if "tolerance" in fields:
            raise ValueError("tolerance stands beside a comparison, close or approximate")
        return otherwise
    name = fields["comparison"]
    if name not in COMPARISONS:
        raise ValueError(
            f"there is no comparison {name!r}{meant(name, COMPARISONS)}; there are {', '.join(COMPARISONS)}"
        )
    comparison = COMPARISONS[name]
    if "tolerance" in fields and comparison not in _TOLERANT:
        raise ValueError(f"the comparison {name} has no tolerance; close and approximate have")
    if "tolerance" not in fields and comparison is Comparison.CLOSE:
        raise ValueError("the comparison close needs a tolerance; approximate has one of its own")
    return Rule(comparison=comparison, tolerance=float(fields.get("tolerance", 0.0)))


def run(case: object) -> StdinTest:
    """Return the input of a whole program and its expected output; raises ValueError."""
    if isinstance(case, dict) and case.keys() & _CALL.keys():
        raise ValueError("a call needs a function; entry_point of the problem has to name it")
    fields = checked(case, _RUN)
    for key in _RUN:
        if key not in fields:
            raise ValueError(f"{key} is missing")
    return StdinTest(stdin=fields["stdin"].encode(), expected=fields["stdout"].encode())


def call(case: object, asked: Asked) -> CallTest:
    """Return a call of the problem's function with its expected answer; raises ValueError."""
    if isinstance(case, dict) and case.keys() & _RUN.keys():
        raise ValueError("stdin and stdout are for whole programs; a problem with an entry_point is tested by calls")
    fields = checked(case, _CALL)
    rule = rule_of(fields, asked.rule)
    arguments, keywords = _handed_over(fields, asked.function)
    if asked.reference:
        _refuse_what_the_reference_says(fields)
    return CallTest(
        function=asked.function,
        arguments=arguments,
        keywords=keywords,
        comparison=rule.comparison,
        expected=None if asked.reference else _expected(fields, rule.comparison),
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
        return Reader(name, function).arguments(ast.parse(fields["call"].strip(), mode="eval").body)
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
