"""Turn a data set's test code into data, if the code consists only of calls and literals.

`assert candidate(1, [2]) == 3` says the same as "call with (1, [2]), expect 3"; as data it never has to run in the
candidate's process. Supported are equality and identity, truth and its negation, `abs(candidate(…) - x) < e`,
arithmetic on literals, names for literals, docstrings, and asserts of constants. For anything else the result is None,
and the code is run as code.

The code is only parsed; nothing of the data set is executed.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from sandbox.inside.codec.hash_tables import SMALL, distinct, refuse_costly_dict, refuse_costly_set
from sandbox.values import CallTest, CallTests, Comparison

MAX_FOLDED = 10**9  # no larger number goes into arithmetic on literals
_OPERATORS: dict[type[ast.operator], Callable[[object, object], object]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip
_LASTING = (int, float, complex, str, bytes, type(None))  # a call cannot change these
_NO_NAMES: Mapping[str, object] = MappingProxyType({})


class NotData(Exception):
    """The code does more than call and compare."""


UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError, NotData)  # what parsing and reading may come to


def check_tests(source: str, function: str, names: Mapping[str, object] = _NO_NAMES) -> CallTests | None:
    """Return the tests of a `check(candidate)` as calls of `function`; None if they are not plain data.

    `names` are those that stand for a value wherever the tests run.
    """
    try:
        check = _check(ast.parse(source))
        cases = called(check.body, AssertReader(check.args.args[0].arg, function, names))
    except UNREADABLE:
        return None
    return _tests(cases, source)


def assert_tests(source: str, function: str) -> CallTests | None:
    """Return the tests of asserts that call `function` by its name; None if they are not plain data."""
    try:
        cases = called(ast.parse(source).body, AssertReader(function, function))
    except UNREADABLE:
        return None
    return _tests(cases, source)


def _tests(cases: tuple[CallTest, ...], source: str) -> CallTests | None:
    """Return the tests; None if there are none, or if they want different answers to one call (order matters)."""
    tests = CallTests(cases=cases, source=source) if cases else None
    return None if tests is None or wants_an_order(tests) else tests


def wants_an_order(tests: CallTests) -> bool:
    """Return whether the same call has two different expected answers."""
    if len(set(tests.encoded)) == len(tests.cases):
        return False
    wanted: dict[tuple[bytes, bool], object] = {}
    for call, case in zip(tests.encoded, tests.cases, strict=True):
        of_truth = case.comparison in {Comparison.TRUE, Comparison.FALSE}
        value = case.comparison if of_truth else case.expected
        if case.comparison is not Comparison.CLOSE and wanted.setdefault((call, of_truth), value) != value:
            return True
    return False


def called(statements: Iterable[ast.stmt], reader: AssertReader) -> tuple[CallTest, ...]:
    """Return the calls that the statements make, in their order; raises NotData."""
    return tuple(case for statement in statements for case in reader.cases(statement))


def _check(module: ast.Module) -> ast.FunctionDef:
    """Return the only function; there may be nothing else that has an effect."""
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    if len(functions) != 1 or functions[0].name != "check" or len(functions[0].args.args) != 1:
        raise NotData
    for node in module.body:
        if node is not functions[0] and not _says_nothing(node) and not is_call_of_check(node):
            raise NotData
    return functions[0]


def is_call_of_check(node: ast.stmt) -> bool:
    """Return whether a statement is `check(f)` at module level, which we call ourselves."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id="check"), args=[ast.Name()], keywords=[])):
            return True
        case _:
            return False


def _says_nothing(node: ast.stmt) -> bool:
    """Return whether a statement is a constant, or assigns a literal to a name (HumanEval's METADATA)."""
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Name) for target in node.targets) and _is_literal(node.value)
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


class AssertReader:
    """Reads statements one after the other, as calls of `function`, which they call `candidate`.

    A name for a literal is replaced by it; only once if a call could change the value.
    """

    def __init__(self, candidate: str, function: str, names: Mapping[str, object] = _NO_NAMES) -> None:
        self._candidate, self._function, self._names = candidate, function, dict(names)

    def cases(self, statement: ast.stmt) -> list[CallTest]:
        """Yield the call that the statement makes, if any; raises NotData."""
        match statement:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                return []
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._names[name] = self._value(value)
                return []
            case ast.Assert(test=test) if _is_literal(test):
                if not literal(test):
                    raise NotData  # an assert that always fails is no data
                return []
            case ast.Assert(test=test):
                return [self._asserted(test)]
            case _:
                raise NotData

    def _asserted(self, test: ast.expr) -> CallTest:
        match test:
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
                return self._test(left, Comparison.EQUAL, self._value(right))
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
                tolerance = literal(bound)
                if not isinstance(tolerance, float):
                    raise NotData
                return self._test(left, Comparison.CLOSE, self._value(right), tolerance)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._test(operand, Comparison.FALSE)
            case _:
                return self._test(test, Comparison.TRUE)

    def _test(
        self, call: ast.expr, comparison: Comparison, expected: object = None, tolerance: float = 0.0
    ) -> CallTest:
        arguments, keywords = self.arguments(call)
        return CallTest(
            function=self._function,
            arguments=arguments,
            keywords=keywords,
            comparison=comparison,
            expected=expected,
            tolerance=tolerance,
        )

    def arguments(self, call: ast.expr) -> tuple[tuple[object, ...], dict[str, object]]:
        """Return the positional and keyword arguments of a call of the candidate; raises NotData for anything else."""
        match call:
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords) if name == self._candidate:
                return tuple(self._value(argument) for argument in arguments), self._keywords(keywords)
            case _:
                raise NotData

    def _keywords(self, given: list[ast.keyword]) -> dict[str, object]:
        found: dict[str, object] = {}
        for one in given:
            value = self._value(one.value)
            named = value if one.arg is None else {one.arg: value}
            if not isinstance(named, dict) or not all(isinstance(key, str) for key in named):
                raise NotData
            if found.keys() & named.keys():
                raise NotData
            found |= named
        return found

    def _value(self, node: ast.expr) -> object:
        return literal(node, self._named)

    def _named(self, name: str) -> object:
        if name not in self._names:
            raise NotData
        value = self._names[name]
        return value if isinstance(value, _LASTING) else self._names.pop(name)


def _is_literal(node: ast.expr) -> bool:
    try:
        literal(node)
    except NotData:
        return False
    return True


def _no_name(_: str) -> object:
    raise NotData


def literal(node: ast.expr, named: Callable[[str], object] = _no_name) -> object:
    """Return the value of a literal, of arithmetic on literals, or of a name in `named`; raises NotData."""
    if not _has_large_table(node):
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            pass
    match node:
        case ast.List(elts=items):
            return [literal(item, named) for item in items]
        case ast.Tuple(elts=items):
            return tuple(literal(item, named) for item in items)
        case ast.Dict(keys=keys, values=values):
            pairs = [(_key(key, named), literal(value, named)) for key, value in zip(keys, values, strict=True)]
            return _dict(pairs)
        case ast.Set(elts=items):
            return _set([literal(item, named) for item in items])
        case ast.Name(id=name):
            return named(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _folded(ast.Sub(), 0, literal(operand, named))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _folded(op, literal(left, named), literal(right, named))
        case _:
            raise NotData(f"line {node.lineno} has a {type(node).__name__}")


def _key(node: ast.expr | None, named: Callable[[str], object]) -> object:
    if node is None:  # {**other}
        raise NotData
    return literal(node, named)


def _dict(pairs: list[tuple[object, object]]) -> dict[object, object]:
    try:
        refuse_costly_dict(distinct([key for key, _ in pairs]))
        return dict(pairs)
    except TypeError:
        raise NotData from None


def _set(items: list[object]) -> set[object]:
    try:
        refuse_costly_set(distinct(items))
        return set(items)
    except TypeError:
        raise NotData from None


def _has_large_table(node: ast.expr) -> bool:
    """Return whether the expression contains a set or a dict with many keys.

    A problem's author must not be able to slow down the host with one.
    """
    if node.lineno == node.end_lineno and (node.end_col_offset or 0) - node.col_offset < SMALL:
        return False
    tables = [one for one in ast.walk(node) if isinstance(one, ast.Set | ast.Dict)]
    return any(len(one.elts if isinstance(one, ast.Set) else one.keys) > SMALL for one in tables)


def _folded(op: ast.operator, left: object, right: object) -> object:
    small = all(_is_small(side) for side in (left, right))
    texts = isinstance(left, str) and isinstance(right, str) and isinstance(op, ast.Add)
    if not texts and not (small and not (isinstance(op, ast.Pow) and abs(right) > 8)):  # type: ignore[arg-type]
        raise NotData
    try:
        return _OPERATORS[type(op)](left, right)
    except ArithmeticError:
        raise NotData from None


def _is_small(value: object) -> bool:
    return isinstance(value, float) or (isinstance(value, int) and abs(value) <= MAX_FOLDED)
