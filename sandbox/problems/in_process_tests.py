"""Decide which test code has to run in the process of the program that it tests.

Only the syntax tree is looked at; nothing of the data set is executed.

In a grader box tests see a program's answers, its exceptions, and its arguments after each call. They do not see what
it prints, which files it writes, which random numbers it draws, or that two values are the same object; nor can they
patch what it calls. Some signs of such tests always suffice to run them in the program's own process. Other signs count
only if the set has no solution; with a solution it is tried out (`scoring.recording`).
"""

from __future__ import annotations

import ast
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

from sandbox.problems.parse_tests import UNREADABLE
from sandbox.values import CheckTests

_SURROUNDINGS = frozenset({  # names and attributes that are about the process which the program runs in
    "redirect_stdout", "redirect_stderr", "capsys", "capfd", "monkeypatch", "mock", "patch", "MagicMock", "setattr",
    "chdir", "putenv", "setrecursionlimit", "getcontext", "setcontext", "localcontext", "set_int_max_str_digits",
    "perf_counter", "perf_counter_ns", "monotonic", "process_time", "timeit", "default_timer", "alarm", "setitimer",
})  # fmt: skip
_DOUBTFUL = frozenset({
    "open", "tempfile", "tmp_path", "tmpdir", "TemporaryDirectory", "NamedTemporaryFile", "write_text", "write_bytes",
    "mkdir", "environ", "argv", "catch_warnings", "assertWarns", "warns", "recwarn", "assertLogs", "caplog", "inspect",
    "gc", "weakref", "tracemalloc", "settrace", "setprofile", "getsizeof", "id", "getstate", "setstate", "modules",
    "setlocale", "readouterr", "__context__", "__traceback__", "logging", "asyncio", "threading", "KeyboardInterrupt",
    "GeneratorExit", "simplefilter", "filterwarnings", "traceback", "__mro__", "__bases__",
})  # fmt: skip
_DATA = (
    int, float, complex, str, bytes, list, tuple, set, frozenset, dict, range, deque, Counter, OrderedDict, defaultdict,
    Decimal, Fraction, date, time, datetime, timedelta,
)  # fmt: skip
_OF_DATA = frozenset(name for kind in _DATA for name in dir(kind)) | {"__next__", "default_factory"}
_CHANGES = frozenset({
    "append", "extend", "insert", "remove", "pop", "popitem", "clear", "sort", "reverse", "add", "discard", "update",
    "setdefault", "appendleft", "extendleft", "popleft", "rotate",
})  # fmt: skip
_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def check_code(
    source: str, function: str, *, prelude: str, solution: str | None, independent: bool = False
) -> CheckTests | str:
    """Return test code as tests for a grader box, or the code itself if it has to run in the program's process.

    `function` is "f" or "Class.f"; `solution` is the set's own program, if it has one. See `CheckTests`.
    """
    if reason_for_in_process(source, function.rpartition(".")[2], solved=solution is not None):
        return source
    return CheckTests(source=source, functions=(function,), prelude=prelude, solution=solution, independent=independent)


def reason_for_in_process(tests: str, function: str, *, solved: bool) -> str | None:
    """Return why the tests have to run in the program's process; None if they need not.

    The tests call `function` by its name, or by the name of the parameter of their `check`. `solved` says whether the
    set has a solution.
    """
    try:
        tree = ast.parse(tests)
    except UNREADABLE:
        return None
    signs = _Signs(tree, function)
    return next(signs.certain(), None) or (None if solved else next(signs.doubtful(), None))


class _Signs:
    def __init__(self, tree: ast.Module, function: str) -> None:
        self._nodes = list(ast.walk(tree))
        checks = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "check"]
        self._candidates = {function} | {argument.arg for node in checks for argument in node.args.args[:1]}
        self._modules = {
            (one.asname or one.name).partition(".")[0]
            for node in self._nodes
            if isinstance(node, ast.Import)
            for one in node.names
        }
        self._answers = {name for name, value in self._assigned() if self._is_call(value)}

    def certain(self) -> Iterator[str]:
        """Yield signs that always suffice."""
        for node in self._nodes:
            if (name := _named(node)) in _SURROUNDINGS:
                yield f"uses {name}"
            if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and self._is_module(node.value):
                yield f"replaces {ast.unparse(node)}"
            if (
                isinstance(node, ast.Attribute)
                and node.attr in {"stdin", "stdout", "stderr"}
                and self._is_module(node.value)
            ):
                yield f"uses {ast.unparse(node)}"
            if isinstance(node, ast.Attribute) and ast.unparse(node) in {"time.time", "time.time_ns"}:
                yield "measures time"
        if self._changes_what_may_be_shared():
            yield "changes an answer that may be what was handed over"

    def doubtful(self) -> Iterator[str]:
        """Yield signs that count only without a solution."""
        for node in self._nodes:
            if (name := _named(node)) in _DOUBTFUL:
                yield f"uses {name}"
            yield from self._said_of_answers(node)
        if self._seeds_random_of_program():
            yield "seeds random for the function"
        if self._keeps_a_part():
            yield "keeps a part of what it hands over"

    def _said_of_answers(self, node: ast.AST) -> Iterator[str]:
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in self._candidates:
                yield f"looks at {attribute} of the function"
            case ast.Attribute(value=value, attr=attribute) if self._is_answer(value) and attribute not in _OF_DATA:
                yield f"looks at {attribute} of an answer"
            case ast.Call(func=called) if self._is_answer(called):
                yield "calls an answer"
            case ast.Compare(ops=ops, left=left, comparators=others) if self._asks_for_identity(ops, [left, *others]):
                yield "asks whether an answer is the same object"
            case _:
                pass
        if isinstance(node, ast.Call | ast.withitem):
            yield from self._done_with_answers(node)

    def _done_with_answers(self, node: ast.Call | ast.withitem) -> Iterator[str]:
        match node:
            case ast.Call(func=ast.Name(id="next"), args=[value, *_]) if self._is_answer(value):
                yield "goes through an answer step by step"
            case ast.Call(func=ast.Name(id=name), args=handed) if name in self._candidates and _names_twice(handed):
                yield "hands one thing over twice"
            case ast.withitem(context_expr=value) if self._is_answer(value):
                yield "enters an answer"
            case _:
                pass

    def _seeds_random_of_program(self) -> bool:
        """Return whether the tests seed `random` without drawing from it themselves, or more than once."""
        used = [ast.unparse(node) for node in self._nodes if isinstance(node, ast.Attribute)]
        seeds = used.count("random.seed") + used.count("np.random.seed") + used.count("numpy.random.seed")
        draws = {name for name in used if name.startswith("random.")} - {"random.seed", "random.Random"}
        return seeds > 1 or (seeds == 1 and not draws)

    def _keeps_a_part(self) -> bool:
        """Return whether a mutable object has a name and is also part of another object."""
        kept = {name for name, value in self._assigned() if isinstance(value, _MUTABLE)}
        nested = {name for name, value in self._assigned() if _holds_what_changes(value)}
        taken = [value.value for _, value in self._assigned() if isinstance(value, ast.Subscript)]
        return any(isinstance(one, ast.Name) and one.id in nested for one in taken) or any(
            isinstance(item, ast.Name) and item.id in kept
            for node in self._nodes
            if isinstance(node, ast.List | ast.Tuple | ast.Dict)
            and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
            for item in (node.values if isinstance(node, ast.Dict) else node.elts)
        )

    def _changes_what_may_be_shared(self) -> bool:
        """Return whether an answer is changed that may be shared.

        It may be an argument of the call, hold one object twice, or be the same object as another answer.
        """
        changes = [found for node in self._nodes if (found := _changed(node)) is not None and found[0] in self._answers]
        calls = sum(self._is_call(node) for node in self._nodes if isinstance(node, ast.expr))
        if any(within or (calls > 1 and how != "sort") for _, within, how in changes):
            return True
        changed = {name for name, _, _ in changes}
        handed = {
            one.id
            for name, value in self._assigned()
            if name in changed and isinstance(value, ast.Call)
            for argument in value.args
            for one in ast.walk(argument)
            if isinstance(one, ast.Name) and one.id != name
        }
        used = Counter(node.id for node in self._nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
        return any(used[name] > 1 for name in handed)

    def _assigned(self) -> Iterator[tuple[str, ast.expr]]:
        for node in self._nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    yield name, value
                case ast.NamedExpr(target=ast.Name(id=name), value=value):
                    yield name, value
                case _:
                    pass

    def _is_module(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id in self._modules

    def _is_call(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self._candidates

    def _is_answer(self, node: ast.expr) -> bool:
        return self._is_call(node) or (isinstance(node, ast.Name) and node.id in self._answers)

    def _asks_for_identity(self, ops: list[ast.cmpop], sides: list[ast.expr]) -> bool:
        identity = any(isinstance(op, ast.Is | ast.IsNot) for op in ops)
        constant = any(isinstance(side, ast.Constant) for side in sides)
        return identity and not constant and any(map(self._is_answer, sides))


def _changed(node: ast.AST) -> tuple[str, bool, str] | None:
    """Return what a method call, or an assignment to an item, changes.

    The result is the name, whether something within it is changed, and how.
    """
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr=how)) if how in _CHANGES:
            pass
        case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()):
            how = "item"
        case _:
            return None
    within = isinstance(value, ast.Subscript)
    while isinstance(value, ast.Subscript):
        value = value.value
    return (value.id, within, how) if isinstance(value, ast.Name) else None


def _names_twice(handed: list[ast.expr]) -> bool:
    names = [one.id for one in handed if isinstance(one, ast.Name)]
    return len(set(names)) < len(names)


def _holds_what_changes(value: ast.expr) -> bool:
    match value:
        case ast.List(elts=items) | ast.Dict(values=items):
            return any(isinstance(item, _MUTABLE) for item in items)
        case ast.ListComp(elt=item) | ast.DictComp(value=item):
            return isinstance(item, (*_MUTABLE, ast.BinOp))
        case _:
            return False


def _named(node: ast.AST) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.alias(name=name):
            return name
        case _:
            return None
