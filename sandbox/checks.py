"""From a data set's test code to tests that are data, wherever the code is no more than calls and literals.

`assert candidate(1, [2]) == 3` says the same as "call with (1, [2]), expect 3", and as data it never has to stand beside the
candidate. What is read here: equality and identity, bare truth and its negation, `abs(candidate(…) - x) < e`, arithmetic on
literals, docstrings, and asserts of constants. Anything else and the answer is None: the code is then run as code.

By syntax tree only; nothing of the data set is executed.
"""

from __future__ import annotations

import ast
import builtins
import operator
from collections.abc import Callable

from sandbox.values import CallTest, CallTests, Comparison

MAX_FOLDED = 10**9  # no larger number goes into arithmetic on literals
_OPERATORS: dict[type[ast.operator], Callable[[object, object], object]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow,
}  # fmt: skip


class _NotData(Exception):
    """The code does more than call and compare."""


def check_tests(source: str, function: str) -> CallTests | None:
    """The tests of a module that defines `check(candidate)`, as calls of `function`; None if they are not plain data."""
    try:
        check = _check(ast.parse(source))
        cases = [case for statement in check.body for case in _cases(statement, check.args.args[0].arg, function)]
    except (SyntaxError, RecursionError, _NotData):
        return None
    return CallTests(cases=tuple(cases), source=source) if cases else None


def assert_tests(source: str, function: str) -> CallTests | None:
    """The tests of a list of asserts that call `function` by its name; None if they are not plain data."""
    try:
        cases = [case for statement in ast.parse(source).body for case in _cases(statement, function, function)]
    except (SyntaxError, RecursionError, _NotData):
        return None
    return CallTests(cases=tuple(cases), source=source) if cases else None


def called_function(asserts: str, program: str) -> str:
    """The function of `program` that the asserts call; "" if there is none."""
    try:
        defined = {node.name for node in ast.parse(program).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        calls = [node.func for node in ast.walk(ast.parse(asserts)) if isinstance(node, ast.Call)]
    except (SyntaxError, RecursionError):
        return ""
    return next((call.id for call in calls if isinstance(call, ast.Name) and call.id in defined), "")


def leans_on(tests: str, prelude: str) -> set[str] | None:
    """The names that the tests use and neither they, nor the prelude, nor Python itself define; None if they do not parse."""
    try:
        nodes = [*ast.walk(ast.parse(tests)), *ast.walk(ast.parse(prelude))]
    except (SyntaxError, RecursionError, ValueError):
        return None
    used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return used - _defined(nodes) - set(dir(builtins))


def _defined(nodes: list[ast.AST]) -> set[str]:
    """Whatever is given a name anywhere; a name that is local elsewhere counts, too."""
    names: set[str] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)):
                names.add(name)
            case ast.Import(names=imported) | ast.ImportFrom(names=imported):
                names |= {(one.asname or one.name).partition(".")[0] for one in imported}
            case _:
                pass
    return names


def _check(module: ast.Module) -> ast.FunctionDef:
    """The one function; beside it nothing that could matter."""
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    if len(functions) != 1 or functions[0].name != "check" or len(functions[0].args.args) != 1:
        raise _NotData
    for node in module.body:
        if node is not functions[0] and not _says_nothing(node) and not _is_call_of_check(node):
            raise _NotData
    return functions[0]


def _is_call_of_check(node: ast.stmt) -> bool:
    """`check(f)` at the margin: what we do ourselves."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id="check"), args=[ast.Name()], keywords=[])):
            return True
        case _:
            return False


def _says_nothing(node: ast.stmt) -> bool:
    """A constant, or a name given to a literal (HumanEval's METADATA)."""
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Name) for target in node.targets) and _is_literal(node.value)
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _cases(statement: ast.stmt, candidate: str, function: str) -> list[CallTest]:
    if _says_nothing(statement):
        return []
    if not isinstance(statement, ast.Assert):
        raise _NotData
    if _is_literal(statement.test):
        if not _value(statement.test):
            raise _NotData  # an assert that always fails is no data
        return []
    return [_Reader(candidate, function).case(statement.test)]


class _Reader:
    """Reads one asserted expression."""

    def __init__(self, candidate: str, function: str) -> None:
        self._candidate, self._function = candidate, function

    def case(self, test: ast.expr) -> CallTest:
        match test:
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
                return self._test(left, Comparison.EQUAL, _value(right))
            case ast.Compare(
                left=left, ops=[ast.Is()], comparators=[ast.Constant(value=None | True | False as constant)]
            ):
                return self._test(left, Comparison.IS, constant)
            case ast.Compare(
                left=ast.Call(
                    func=ast.Name(id="abs"), args=[ast.BinOp(left=left, op=ast.Sub(), right=right)], keywords=[]
                ),
                ops=[ast.Lt()],
                comparators=[bound],
            ):
                tolerance = _value(bound)
                if not isinstance(tolerance, float):
                    raise _NotData
                return self._test(left, Comparison.CLOSE, _value(right), tolerance)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._test(operand, Comparison.FALSE)
            case _:
                return self._test(test, Comparison.TRUE)

    def _test(
        self, call: ast.expr, comparison: Comparison, expected: object = None, tolerance: float = 0.0
    ) -> CallTest:
        match call:
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name == self._candidate:
                return CallTest(
                    function=self._function,
                    arguments=tuple(_value(argument) for argument in arguments),
                    comparison=comparison,
                    expected=expected,
                    tolerance=tolerance,
                )
        raise _NotData


def _is_literal(node: ast.expr) -> bool:
    try:
        _value(node)
    except _NotData:
        return False
    return True


def _value(node: ast.expr) -> object:
    """The value of a literal, or of arithmetic on literals."""
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _folded(node, _value(node.left), _value(node.right))
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    match node:
        case ast.List(elts=items):
            return [_value(item) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_value(item) for item in items)
        case _:
            raise _NotData


def _folded(node: ast.BinOp, left: object, right: object) -> object:
    small = all(isinstance(side, int | float) and abs(side) <= MAX_FOLDED for side in (left, right))
    texts = isinstance(left, str) and isinstance(right, str) and isinstance(node.op, ast.Add)
    if not texts and not (small and not (isinstance(node.op, ast.Pow) and abs(right) > 8)):  # type: ignore[arg-type]
        raise _NotData
    try:
        return _OPERATORS[type(node.op)](left, right)
    except ArithmeticError:
        raise _NotData from None
