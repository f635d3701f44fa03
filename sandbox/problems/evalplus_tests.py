"""Read HumanEval+ and MBPP+ (Liu et al. 2023) in the format of the sets that they extend.

In this format ("OriginFmt") the tests are one large text.

The text has a list of inputs, a list of results or a function that gives them, a loop over both, and a comparison that
needs numpy. The box has no numpy, and the tests are data: they are parsed, and compared as in `evalplus`. Nothing of
the text runs except its own `ref_func`, in a grader box, if that gives the expected answers.

The test of HumanEval+'s `find_zero` calls a polynomial with swapped arguments, so that no program passes the file's own
test. It is read as it is meant: the answer is a root.
"""

from __future__ import annotations

import ast
import hashlib
import math
from dataclasses import dataclass
from typing import Any

from sandbox.problems.checks import UNREADABLE, NotData, is_call_of_check, literal
from sandbox.problems.evalplus import also_right, comparison_for
from sandbox.values import CallTest, CallTests, Comparison, ReferenceTests

MAX_TEXT = 16 << 20  # characters; their syntax tree takes some hundred times as much
_CONSTANTS = {"inf": math.inf, "nan": math.nan}
_ASSERTION = frozenset({"out", "exp", "atol", "exact_match", "is_floats", "np", "set"})  # the names that it may use
_OURS = frozenset({"check", "assertion", "is_floats"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """The parts of a text: its functions, its lists by their names, and the statement that runs for each input."""

    functions: dict[str, ast.FunctionDef]
    imports: list[ast.stmt]
    lists: dict[str, list[Any]]
    done: ast.stmt
    candidate: str  # how the function under test is called there


def knows(row: dict[str, Any]) -> bool:
    """Return whether the row's test has this format; its fields are those of HumanEval or of MBPP."""
    text = row.get("test")
    return isinstance(text, str) and "inputs = [" in text and "(*inp)" in text


def read(source: str, function: str) -> CallTests | ReferenceTests:
    """Return the tests of the text as data; raises ValueError if it does anything else."""
    if len(source) > MAX_TEXT:
        raise ValueError(f"its test has {len(source)} characters; at most {MAX_TEXT} are read")
    try:
        text = _text(ast.parse(source), function)
        cases = _cases(text, function)
    except UNREADABLE as error:
        raise ValueError(
            "its test looks like HumanEval+'s or MBPP+'s, but is more than inputs, results and a loop over both "
            f"({error or 'something is no literal'}); their files with base_input and plus_input are read, too"
        ) from None
    if "results" not in text.lists:
        return ReferenceTests(cases=cases, reference=_reference(text, function))
    return CallTests(cases=cases, source=hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest())


def _text(module: ast.Module, function: str) -> _Text:
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
