"""Read HumanEval+ and MBPP+ (Liu et al. 2023) as inputs; the set's own solution gives the expected answers.

Answers are compared as EvalPlus does: equal, or of the same type and within the problem's `atol` (1e-6 for floats if it
gives none), with its special oracles as data. These parts of EvalPlus are left out: a tolerance that one answer has
switched on stays on for later answers; numpy broadcasts a short answer to the expected shape; `find_zero` is checked
with the coefficients as the program has left them; and any object whose `==` returns true passes. In EvalPlus each call
has one second of wall time, and base and plus inputs run in two processes; here all calls share CPU seconds in one
process.

JSON has no tuples, sets and complex numbers. Which arguments of MBPP+ have such types is listed in `_SHAPES`: "tuple"
for an argument that is one, "tuples" for a list of them, and so on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sandbox.problems import rows
from sandbox.values import CallTest, Comparison, ReferenceTests

_SETS = frozenset({
    "similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum", "intersection_array",
    "find_dissimilar", "Diff",
})  # fmt: skip
_NOT_NONE = frozenset({"check_str", "text_match_three", "text_starta_endb"})


def knows(row: dict[str, Any]) -> bool:
    """Return whether the row has this format."""
    return "base_input" in row and "plus_input" in row


def read(row: dict[str, Any]) -> tuple[ReferenceTests, ReferenceTests | None]:
    """Return the judge tests of a row (all inputs) and its selection tests (the base inputs only).

    Raises NoTests, or ValueError for what is missing or malformed.
    """
    task, function = rows.text(row, "task_id"), rows.text(row, "entry_point")
    number = task.rpartition("/")[2]
    if not number.isdecimal():
        raise ValueError(f"task_id must end in the problem's number, as in HumanEval/0, not {task!r}")
    shape = _SHAPES.get(int(number), _same) if task.startswith("Mbpp/") else _same
    base, plus = (_inputs(row, key, shape) for key in ("base_input", "plus_input"))
    inputs, comparison, tolerance = [*base, *plus], comparison_for(function), rows.number(row, "atol")
    if not inputs:
        raise rows.NoTests(task)
    cases = tuple(
        CallTest(
            function=function,
            arguments=given,
            comparison=comparison,
            tolerance=tolerance,
            also=also_right(function, given),
        )
        for given in inputs
    )
    reference = rows.text(row, "prompt") + rows.text(row, "canonical_solution")
    whole = ReferenceTests(cases=cases, reference=reference)
    return whole, ReferenceTests(cases=cases[: len(base)], reference=reference) if base else None


def _inputs(row: dict[str, Any], key: str, shape: Shape) -> list[tuple[Any, ...]]:
    """Return the arguments of each call; raises ValueError."""
    found = []
    for number, given in enumerate(rows.a_list(rows.field(row, key) or [], key)):
        try:
            found.append(tuple(shape(rows.a_list(given, f"{key}[{number}]"))))
        except (TypeError, AttributeError) as error:
            raise ValueError(f"{key}[{number}] is no input of this problem ({error})") from error
    return found


def comparison_for(function: str) -> Comparison:
    """Return how EvalPlus compares answers of this function with what is expected."""
    if function in _SETS:
        return Comparison.SET
    if function in _NOT_NONE:
        return Comparison.NOT_NONE
    return {"find_zero": Comparison.ROOT, "are_equivalent": Comparison.ANYTHING}.get(function, Comparison.APPROXIMATE)


def also_right(function: str, given: tuple[Any, ...]) -> tuple[object, ...]:
    """Return other right answers: three problems of MBPP can be read in two ways."""
    try:
        return _also_right(function, given)
    except (TypeError, ValueError, ArithmeticError):  # an input that the problem does not foresee has no second answer
        return ()


def _also_right(function: str, given: tuple[Any, ...]) -> tuple[object, ...]:
    match function:
        case "sum_div":
            return (0,)
        case "surface_Area":  # the height may be the pyramid's own, not the slant one
            edge, height = given
            return (round(edge**2 + 2 * edge * math.sqrt((edge / 2) ** 2 + height**2)),)
        case "digit_distance_nums":  # digit by digit, the shorter number with zeros before it
            one, other = (str(number) for number in given)
            size = max(len(one), len(other))
            return (sum(abs(int(a) - int(b)) for a, b in zip(one.zfill(size), other.zfill(size), strict=True)),)
        case _:
            return ()


Shape = Callable[[list[Any]], list[Any] | tuple[Any, ...]]


def _same(given: list[Any]) -> list[Any]:
    return given


def _each(one: Callable[[Any], Any]) -> Shape:
    return lambda given: [one(argument) for argument in given]


def _at(*places: Callable[[Any], Any]) -> Shape:
    """Return the first arguments converted by these functions, and the others unchanged."""
    return lambda given: [*(f(a) for f, a in zip(places, given, strict=False)), *given[len(places) :]]


def _tuples(value: list[Any]) -> list[Any]:
    return [tuple(item) for item in value]


def _tuple_of_tuples(value: list[Any]) -> tuple[Any, ...]:
    return tuple(tuple(item) for item in value)


def _deep(value: Any) -> Any:
    return tuple(_deep(item) for item in value) if isinstance(value, list) else value


def _sets(value: list[Any]) -> list[Any]:
    return [set(item) if isinstance(item, list) and item else {} for item in value]


def _maybe_tuples(value: list[Any]) -> tuple[Any, ...]:
    return tuple(tuple(item) if isinstance(item, list) else item for item in value)


def _tuple_values(value: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(item) for key, item in value.items()}


def _shapes() -> dict[int, Shape]:
    kinds: list[tuple[Shape, list[int]]] = [
        (
            _each(tuple),
            [
                2,
                116,
                132,
                143,
                222,
                261,
                273,
                394,
                399,
                421,
                424,
                429,
                470,
                560,
                579,
                596,
                616,
                630,
                726,
                740,
                744,
                809,
            ],
        ),
        (_each(_tuples), [63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780]),
        (_at(_tuples), [75, 413, 444, 753]),
        (_at(_same, tuple), [106, 750]),
        (_at(_sets), [115]),
        (_at(float, complex), [124]),
        (_at(tuple), [250, 307, 405, 446, 617, 720, 763, 808]),
        (_each(_tuple_of_tuples), [259, 401, 445]),
        (_at(_maybe_tuples), [278]),
        (_at(_tuple_values), [722]),
        (_at(complex), [252]),
        (_deep, [580, 615, 791]),
    ]
    return {number: shape for shape, numbers in kinds for number in numbers}


_SHAPES = _shapes()
