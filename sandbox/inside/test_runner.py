"""Run test code, call tests that it only defines, and raise NoTestRan if nothing was tested.

The file itself runs first. Then its unittest classes are run, its functions and classes named test, and a
`check(candidate)` that it defines and does not call. The code under `if __name__ == "__main__"` runs, too, except for
the runners (`unittest.main()`), which would find no test here. The tests that ran are counted: each assert, each use of
a name of the program, each unittest test. pytest is not available, so a test with fixtures or parameters cannot be
called; NoTestRan then says so.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

NAME = "tests.py"
MAX_READ = 1 << 18  # characters; longer tests are taken as they are, because looking through them takes seconds
_COUNTER = "__tests_counter__"
_PROGRAM = frozenset({"solution", "__main__"})
_MARKS = frozenset({"parametrize", "usefixtures", "skip", "skipif", "xfail"})  # of pytest: without it they do nothing
_CALLED_LATER = ("unittest", "def test", "class Test", "__main__")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class NoTestRan(Exception):
    """The tests came to their end without testing anything."""


def run(source: str, space: dict[str, Any], names: frozenset[str] | None = None) -> None:
    """Run the tests in a namespace; raises what a failed test raises, and NoTestRan.

    `names` are those of what is tested, if not all that the program has defined in the namespace.
    """
    tree = ast.parse(source, NAME)
    if len(source) > MAX_READ:
        exec(compile(tree, NAME, "exec", dont_inherit=True), space)
        return
    file, counter, known = _File(tree), _Counter(), set(_cases())
    space[_COUNTER] = counter
    tested = (_defined(space) if names is None else names) | {file.parameter, "solution"}
    counting = ast.fix_missing_locations(_Counting(tested).visit(file.tree))
    exec(compile(counting, NAME, "exec", dont_inherit=True), space)
    for act in file.uncalled(space, tested):
        counter.ran += 1
        act()
    counter.ran += _run_cases([case for case in _cases() if case not in known])
    require(counter.ran, "the tests assert nothing and use nothing of the program")


def require(ran: int, otherwise: str) -> None:
    """Raise NoTestRan, which says `otherwise`, if nothing ran."""
    if not ran:
        raise NoTestRan(f"no test ran: {otherwise}")


def runs_as_written(source: str, *, graded: bool) -> bool:
    """Return whether executing the file is enough: it defines no test without calling it, and an assert is sure to run.

    For `graded` tests, their calls are counted in any case. The host calls this once for each set of tests.
    """
    if any(word in source for word in _CALLED_LATER):
        return False
    if graded or len(source) > MAX_READ:
        return True
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True  # it is told where it runs
    checks = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == "check"]
    called = [node for node in body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    calls_check = any(isinstance(one.value.func, ast.Name) and one.value.func.id == "check" for one in called)  # type: ignore[attr-defined]
    sure = [*body, *(checks[-1].body if checks and calls_check else [])]
    return any(isinstance(node, ast.Assert) for node in sure)


class _Counter:
    """Count the tests that ran: `_Counting` adds a call of it before each assert and around each use of the program."""

    def __init__(self) -> None:
        self.ran = 0

    def __call__(self, value: object = None) -> object:
        self.ran += 1
        return value


class _Counting(ast.NodeTransformer):
    """Add a call of the counter to each assert and to each use of these names."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt]:
        self.generic_visit(node)
        return [ast.copy_location(ast.Expr(_counted(node)), node), node]

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self._names or not isinstance(node.ctx, ast.Load):
            return node
        return ast.copy_location(_counted(node, node), node)

    def visit_MatchClass(self, node: ast.MatchClass) -> ast.MatchClass:  # whose class must be a plain name
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        match node.value:
            case ast.Call(func=ast.Name(id="check")):  # handing the function over tests nothing yet
                return node
            case _:
                return self.generic_visit(node)


def _counted(at: ast.stmt | ast.expr, *value: ast.expr) -> ast.Call:
    name = ast.copy_location(ast.Name(_COUNTER, ast.Load()), at)
    return ast.copy_location(ast.Call(name, list(value), []), at)


class _File:
    """A file of tests without its `__main__` guard and its runners; knows what the file defines and does not call."""

    def __init__(self, tree: ast.Module) -> None:
        body = [one for node in tree.body for one in _unguarded(node)]
        tree.body = [node for node in body if not _runs_all(node)]
        self.tree = tree
        definitions = list(_definitions(tree.body))
        inner = {id(part) for one in definitions for part in ast.walk(one)}
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in inner}
        self._defined = {node.name for node in definitions}
        self._functions = [node for node in definitions if isinstance(node, _FUNCTIONS) and node.name not in used]
        self._classes = [node for node in definitions if isinstance(node, ast.ClassDef) and node.name not in used]
        checks = (node for node in definitions if isinstance(node, _FUNCTIONS) and node.name == "check")
        self.parameter = next((node.args.args[0].arg for node in checks if node.args.args), "")

    def uncalled(self, space: dict[str, Any], tested: frozenset[str]) -> Iterator[Callable[[], object]]:
        """Yield a call of each test that the file defines and does not call."""
        own = {name: space[name] for name in self._defined if name in space}
        _prepare(own.get("setup_module"), sys.modules.get("tests"))
        for node in self._functions:
            if node.name.startswith("test") and node.name in own:
                test, around = own[node.name], (own.get("setup_function"), own.get("teardown_function"))
                yield partial(_between, _callable(node.name, test), around, test)
            elif node.name == "check" and _wanted(space["check"]):
                yield partial(space["check"], _only_function(space, tested - {self.parameter}))
        for found in self._classes:
            kind = own.get(found.name)
            if found.name.startswith("Test") and isinstance(kind, type) and kind not in _cases():
                yield from _of_class(found.name, kind)
        _prepare(own.get("teardown_module"), sys.modules.get("tests"))


def _definitions(body: list[ast.stmt]) -> Iterator[Any]:
    """Yield the functions and classes of a file, in its branches, too."""
    for node in body:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            yield node
        elif isinstance(node, ast.If | ast.Try | ast.With):
            handlers = getattr(node, "handlers", [])
            for inner in (node, *handlers):
                yield from _definitions([*inner.body, *getattr(inner, "orelse", []), *getattr(inner, "finalbody", [])])


def _of_class(owner: str, kind: type) -> Iterator[Callable[[], object]]:
    """Yield the tests of a class outside of unittest, each on its own object."""
    names = dict.fromkeys(name for base in reversed(kind.__mro__) for name in vars(base) if name.startswith("test"))
    _prepare(getattr(kind, "setup_class", None), kind)
    for name in [name for name in names if callable(getattr(kind, name))]:
        one = kind()
        around = getattr(one, "setup_method", None), getattr(one, "teardown_method", None)
        yield partial(_between, _callable(f"{owner}.{name}", getattr(one, name)), around, getattr(one, name))
    _prepare(getattr(kind, "teardown_class", None), kind)


def _between(act: Callable[[], object], around: tuple[Any, Any], about: object) -> None:
    before, after = around
    _prepare(before, about)
    try:
        act()
    finally:
        _prepare(after, about)


def _prepare(step: Any, about: object) -> None:
    """Call a setup or teardown function, if there is one; some take the test, class or module as an argument."""
    if step is not None:
        step(about) if _wanted(step) else step()


def _unguarded(node: ast.stmt) -> list[ast.stmt]:
    guards = {"__name__ == '__main__'", "'__main__' == __name__"}
    return node.body if isinstance(node, ast.If) and ast.unparse(node.test) in guards else [node]


def _runs_all(node: ast.stmt) -> bool:
    """Return whether a statement makes a runner collect and run all tests."""
    calls = (one.func for one in ast.walk(node) if isinstance(one, ast.Call)) if isinstance(node, ast.Expr) else ()
    return any(ast.unparse(function) in {"unittest.main", "pytest.main"} for function in calls)


def _callable(name: str, test: Callable[..., object]) -> Callable[[], object]:
    """Return the test as a call; raises NoTestRan for one that only pytest's own runner could call."""
    wanted, marks = _wanted(test), {getattr(mark, "name", "") for mark in getattr(test, "pytestmark", [])} & _MARKS
    if wanted or marks:
        what = f"the fixtures {', '.join(wanted)}" if wanted else f"its mark {min(marks)}"
        raise NoTestRan(f"{name} needs {what}, which only pytest's own runner gives; call it from the tests")

    def called() -> None:
        result = test()
        if inspect.isgenerator(result):
            raise NoTestRan(f"no test ran: {name} is a generator, and no runner goes through it")
        if hasattr(result, "send") and hasattr(result, "cr_frame"):
            importlib.import_module("asyncio").run(result)

    return called


def _wanted(test: Callable[..., object]) -> list[str]:
    """Return the parameters that a call of the test must give."""
    parameters = inspect.signature(test).parameters.values()
    return [
        one.name
        for one in parameters
        if one.default is one.empty and one.kind not in {one.VAR_POSITIONAL, one.VAR_KEYWORD}
    ]


def _defined(space: dict[str, Any]) -> frozenset[str]:
    """Return the names of callables that the program has defined itself."""
    return frozenset(name for name, value in space.items() if not name.startswith("__") and _is_own(value))


def _is_own(value: object) -> bool:
    if not callable(value) or isinstance(value, ModuleType):
        return False
    defined = isinstance(value, type | FunctionType | BuiltinFunctionType)
    return not defined or getattr(value, "__module__", None) in _PROGRAM


def _only_function(space: dict[str, Any], tested: frozenset[str]) -> object:
    """Return the function that an uncalled `check` is for."""
    own = sorted(name for name in tested if isinstance(space.get(name), FunctionType))
    if len(own) != 1:
        these = f"the program defines {', '.join(own)}" if own else "the program defines no function"
        raise NoTestRan(f"the tests define check and do not call it, and {these}; end them with check(NAME)")
    return space[own[0]]


def _cases() -> list[type]:
    """Return all subclasses of unittest.TestCase but those of unittest and doctest, which are no tests of a file."""
    unittest: Any = sys.modules.get("unittest")
    found = [unittest.TestCase] if unittest is not None else []
    for kind in found:  # grows meanwhile
        found += [one for one in type.__subclasses__(kind) if one not in found]
    return [kind for kind in found if kind.__module__.partition(".")[0] not in {"unittest", "doctest"}]


def _run_cases(kinds: list[type]) -> int:
    """Run the tests of these classes; return how many were not skipped; raise the exception of the first failure."""
    if not kinds:
        return 0
    unittest: Any = importlib.import_module("unittest")

    class Result(unittest.TestResult):  # type: ignore[misc]
        first: BaseException | None = None

        def addError(self, test: Any, err: Any) -> None:
            self.first = self.first or err[1]
            super().addError(test, err)

        def addFailure(self, test: Any, err: Any) -> None:
            self.first = self.first or err[1]
            super().addFailure(test, err)

        def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
            self.first = self.first or (err and err[1])
            super().addSubTest(test, subtest, err)

    result = Result()
    result.failfast = True
    for kind in kinds:
        unittest.defaultTestLoader.loadTestsFromTestCase(kind).run(result)
    if result.first is not None:
        raise result.first
    if result.unexpectedSuccesses:
        raise AssertionError(f"{result.unexpectedSuccesses[0]} passed, and was expected to fail")
    ran: int = result.testsRun - len(result.skipped)
    return ran
