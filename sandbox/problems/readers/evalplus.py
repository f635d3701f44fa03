"""Read HumanEval+ and MBPP+ (Liu et al. 2023), as inputs or in the format of the sets that they extend.

Answers are compared as EvalPlus does: equal, or of the same type and within the problem's `atol` (1e-6 for floats if it
gives none), with its special oracles as data. These parts of EvalPlus are left out: a tolerance that one answer has
switched on stays on for later answers; numpy broadcasts a short answer to the expected shape; `find_zero` is checked
with the coefficients as the program has left them; and any object whose `==` returns true passes. In EvalPlus each call
has one second of wall time, and base and plus inputs run in two processes; here all calls share CPU seconds in one
process.

As inputs (`read`): the set's own solution gives the expected answers. JSON has no tuples, sets and complex numbers.
Which arguments of MBPP+ have such types is listed in `_SHAPES`: "tuple" for an argument that is one, "tuples" for a
list of them, and so on.

In the format of the sets that they extend ("OriginFmt", `read_origin`): the tests are one large text. It has a list of
inputs, a list of results or a function that gives them, a loop over both, and a comparison that needs numpy. The box
has no numpy, and the tests are data, so the text is parsed. Nothing of it runs except its own `ref_func`, in a grader
box, if that gives the expected answers. The test of HumanEval+'s `find_zero` calls a polynomial with swapped arguments,
so that no program passes the file's own test. It is read as it is meant: the answer is a root.
"""

from __future__ import annotations

import ast
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.problems import json_fields
from sandbox.problems.parse_tests import UNREADABLE, NotData, is_call_of_check, literal
from sandbox.values import CallTest, CallTests, Comparison, ReferenceTests

MAX_TEXT = 16 << 20  # characters; their syntax tree takes some hundred times as much
_SETS = frozenset({
    "similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum", "intersection_array",
    "find_dissimilar", "Diff",
})  # fmt: skip
_NOT_NONE = frozenset({"check_str", "text_match_three", "text_starta_endb"})
_CONSTANTS = {"inf": math.inf, "nan": math.nan}
_ASSERTION = frozenset({"out", "exp", "atol", "exact_match", "is_floats", "np", "set"})  # the names that it may use
_OURS = frozenset({"check", "assertion", "is_floats"})


def knows(row: dict[str, Any]) -> bool:
    """Return whether the row has this format."""
    return "base_input" in row and "plus_input" in row


def read(row: dict[str, Any]) -> tuple[ReferenceTests, ReferenceTests | None]:
    """Return the judge tests of a row (all inputs) and its selection tests (the base inputs only).

    Raises NoTests, or ValueError for what is missing or malformed.
    """
    task, function = json_fields.text(row, "task_id"), json_fields.text(row, "entry_point")
    number = task.rpartition("/")[2]
    if not number.isdecimal():
        raise ValueError(f"task_id must end in the problem's number, as in HumanEval/0, not {task!r}")
    shape = _SHAPES.get(int(number), _same) if task.startswith("Mbpp/") else _same
    base, plus = (_inputs(row, key, shape) for key in ("base_input", "plus_input"))
    inputs, comparison, tolerance = [*base, *plus], comparison_for(function), json_fields.number(row, "atol")
    if not inputs:
        raise json_fields.NoTests(task)
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
    reference = json_fields.text(row, "prompt") + json_fields.text(row, "canonical_solution")
    whole = ReferenceTests(cases=cases, reference=reference)
    return whole, ReferenceTests(cases=cases[: len(base)], reference=reference) if base else None


def _inputs(row: dict[str, Any], key: str, shape: Shape) -> list[tuple[Any, ...]]:
    """Return the arguments of each call; raises ValueError."""
    found = []
    for number, given in enumerate(json_fields.a_list(json_fields.field(row, key) or [], key)):
        try:
            found.append(tuple(shape(json_fields.a_list(given, f"{key}[{number}]"))))
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
        (_each(tuple), [2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424]),
        (_each(tuple), [429, 470, 560, 579, 596, 616, 630, 726, 740, 744, 809]),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """The parts of a text: its functions, its lists by their names, and the statement that runs for each input."""

    functions: dict[str, ast.FunctionDef]
    imports: list[ast.stmt]
    lists: dict[str, list[Any]]
    done: ast.stmt
    candidate: str  # how the function under test is called there


def knows_origin(row: dict[str, Any]) -> bool:
    """Return whether the row's test has this format; its fields are those of HumanEval or of MBPP."""
    text = row.get("test")
    return isinstance(text, str) and "inputs = [" in text and "(*inp)" in text


def read_origin(source: str, function: str) -> CallTests | ReferenceTests:
    """Return the tests of the text as data; raises ValueError if it does anything else."""
    if len(source) > MAX_TEXT:
        raise ValueError(f"its test has {len(source)} characters; at most {MAX_TEXT} are read")
    try:
        text = _text_of(ast.parse(source), function)
        cases = _cases(text, function)
    except UNREADABLE as error:
        raise ValueError(
            "its test looks like HumanEval+'s or MBPP+'s, but is more than inputs, results and a loop over both "
            f"({error or 'something is no literal'}); their files with base_input and plus_input are read, too"
        ) from None
    if "results" not in text.lists:
        return ReferenceTests(cases=cases, reference=_reference(text, function))
    return CallTests(cases=cases, source=hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest())


def _text_of(module: ast.Module, function: str) -> _Text:
    """Return the parts of a module; the tests are in `check` if there is one, else in the module itself."""
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    check = functions.get("check")
    body, candidate = (module.body, function) if check is None else (check.body, ast.unparse(check.args))
    lists: dict[str, list[Any]] = {}
    loops: list[ast.For] = []
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id="inputs" | "results" as name)], value=value):
                lists[name] = _list(value)
            case ast.For(body=[_]):
                loops.append(node)
            case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.Expr(value=ast.Constant()):
                pass
            case _ if is_call_of_check(node):
                pass
            case _:
                raise NotData(f"line {node.lineno}")
    over = ("i, (inp, exp)", "zip(inputs, results)") if "results" in lists else ("i, inp", "inputs")
    if "inputs" not in lists or [_over(loop) for loop in loops] != [f"({over[0]}) in enumerate({over[1]})"]:
        raise NotData("it has no such loop")
    imports: list[ast.stmt] = [node for node in module.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return _Text(functions=functions, imports=imports, lists=lists, done=loops[0].body[0], candidate=candidate)


def _over(loop: ast.For) -> str:
    return f"{ast.unparse(loop.target)} in {ast.unparse(loop.iter)}"


def _list(node: ast.expr) -> list[Any]:
    value = literal(node, _constant)
    if not isinstance(value, list):
        raise NotData(f"line {node.lineno} is no list")
    return value


def _constant(name: str) -> object:
    if name not in _CONSTANTS:
        raise NotData(f"the name {name}")
    return _CONSTANTS[name]


def _cases(text: _Text, function: str) -> tuple[CallTest, ...]:
    inputs = text.lists["inputs"]
    results = text.lists.get("results", [None] * len(inputs))
    if len(results) != len(inputs) or not all(isinstance(given, list) for given in inputs):
        raise NotData(f"{len(inputs)} inputs and {len(results)} results")
    comparison, tolerance = _compared(text, function)
    none = comparison is Comparison.NOT_NONE
    return tuple(
        CallTest(
            function=function,
            arguments=tuple(given),
            comparison=comparison,
            expected=_is_something(result) if none else result,
            tolerance=tolerance,
            also=also_right(function, tuple(given)),
        )
        for given, result in zip(inputs, results, strict=True)
    )


def _is_something(result: object) -> bool:
    """Return the expected truth of `answer is not None`, for tests that check only that.

    The file may already hold this truth instead of a result.
    """
    return result if isinstance(result, bool) else result is not None


def _compared(text: _Text, function: str) -> tuple[Comparison, float]:
    """Return how the statement for each input compares, and its tolerance."""
    answer = f"{text.candidate}(*inp)"
    match text.done:
        case ast.Assert(
            test=ast.Compare(left=ast.Call(func=ast.Name(id="_poly")), ops=[ast.LtE()], comparators=[bound])
        ):
            return Comparison.ROOT, _number(bound)
        case ast.Expr(value=ast.Call(func=ast.Name(id="assertion"), args=[left, right, bound], keywords=[])):
            sides = (ast.unparse(left), ast.unparse(right))
        case _:
            raise NotData(f"line {text.done.lineno}")
    asserts = text.functions.get("assertion")
    used = {node.id for node in ast.walk(asserts) if isinstance(node, ast.Name)} if asserts else {"assertion"}
    expected = "exp" if "results" in text.lists else "ref_func(*inp)"
    if not used <= _ASSERTION or sides not in {(answer, expected), (f"set({answer})", f"set({expected})")}:
        raise NotData(f"line {text.done.lineno}")
    as_sets = "set" in used or sides[0] != answer
    return Comparison.SET if as_sets else comparison_for(function), _number(bound)


def _number(node: ast.expr) -> float:
    value = literal(node)
    if not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise NotData(f"line {node.lineno} has a tolerance of {value!r}")
    return float(value)


def _reference(text: _Text, function: str) -> str:
    """Return a program whose `function` is the text's own `ref_func`, with the code around it."""
    imports = [node for node in map(ast.unparse, text.imports) if "numpy" not in node]
    functions = [ast.unparse(node) for name, node in text.functions.items() if name not in _OURS]
    return "\n".join([*imports, *functions, f"{function} = ref_func\n"])
