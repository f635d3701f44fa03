"""Run a data set's own test code over answers from another process, without any code of a candidate.

The functions under test are replaced by stand-ins (`bind`):

* `Recorder` passes each call to the data set's own solution and reports it, so that the host knows the tests' calls.
* `Replayer` answers from a list: the n-th call of the tests must be the n-th call of the list. Any other call
  ends the process with a report of it; the host then asks the candidate again, with that call added.
* `Withholder` reports each call and gives no answer, so what the tests ask then does not depend on any. Each call
  returns the same object. Arithmetic and comparisons with it return it again, and whatever needs a value (a branch, a
  loop, an index, a text) stops the statement. So no argument of a later call can have been computed from an answer. A
  simple statement that is stopped or fails is skipped, and the names that it would have set are set to WITHHELD; a
  compound statement ends the tests, because their further course is unknown.

All start from the same random seed, so tests that draw random values draw the same ones. Answers are data of the
codec's types. A mark (a spoofed or unknown type) is no answer: the stand-in raises instead. An exception of the
candidate is raised again so that every except clause treats it as Python would (`answers`).
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import os
import random
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Protocol

from sandbox.inside import codec
from sandbox.inside.answers import exception_from

SEED = 20240731
MAX_ASKED = 20_000  # calls of tests that get no answer
_SIMPLE = (ast.Assert, ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign)
_NAME = "__withheld__"
_SAME = (
    "add", "radd", "iadd", "sub", "rsub", "isub", "mul", "rmul", "imul", "matmul", "rmatmul", "truediv", "rtruediv",
    "floordiv", "rfloordiv", "mod", "rmod", "divmod", "rdivmod", "pow", "rpow", "lshift", "rlshift", "rshift",
    "rrshift", "and", "rand", "or", "ror", "xor", "rxor", "neg", "pos", "abs", "invert", "eq", "ne", "lt", "le", "gt",
    "ge", "getitem", "call", "getattr", "round", "enter", "trunc", "floor", "ceil",
)  # fmt: skip
_STOPS = (
    "bool", "len", "iter", "next", "reversed", "contains", "hash", "index", "int", "float", "complex", "str", "repr",
    "bytes", "format", "setitem", "delitem", "exit", "length_hint", "fspath",
)  # fmt: skip


Call = tuple[str, tuple[Any, ...], dict[str, Any]]  # the function's name, its arguments and keyword arguments


class StandIn(Protocol):
    """Replacement of the function under test."""

    def __call__(self, call: Call) -> object:
        """Answer one call."""


class Recorder:
    """Answer with the data set's own solution, and report each call."""

    def __init__(
        self, find: Callable[[str], Callable[..., object]], report: Callable[[dict[str, object]], None]
    ) -> None:
        self._find, self._report, self.asked = find, report, 0

    def __call__(self, call: Call) -> object:
        """Report the call and a digest of its answer, then answer as a candidate's answer would arrive."""
        self.asked += 1
        function, arguments, keywords = call
        asked, answer = codec.encode(call, exact=True), b""
        try:
            answer = codec.encode(self._find(function)(*arguments, **keywords))
        finally:
            self._report({"asked": asked, "answer": hashlib.sha256(answer).digest()})
        return _received(codec.decode(answer))


class Replayer:
    """Answer with a candidate's answers. `own` are the names that the problem defines for program and tests alike."""

    def __init__(
        self, answers: list[dict[str, Any]], report: Callable[[dict[str, object]], None], own: Mapping[str, object]
    ) -> None:
        self._answers, self._report, self._own, self.asked = answers, report, own, 0
        self.blamed: dict[int, BaseException] = {}

    def __call__(self, call: Call) -> object:
        """Answer the next call; ends the process with a report if it is not the next call of the list."""
        number, asked = self.asked, codec.encode(call)
        if number >= len(self._answers) or self._answers[number]["call"] != asked:
            self._report({"missed": number, "asked": asked})
            os._exit(0)
        self.asked += 1
        answer = self._answers[number]
        if answer["raised"] is not None:
            raised = answer["raised"]
            self.blamed[number] = exception_from(answer["exception"], raised["type"], raised["message"], self._own)
            raise self.blamed[number]
        if answer["arguments"]:
            _, arguments, keywords = call
            _restore((*arguments, *keywords.values()), codec.decode(answer["arguments"]))
        try:
            return _received(codec.decode(answer["value"]))
        except TypeError as error:
            self.blamed[number] = error
            raise

    def blame(self, error: BaseException) -> int | None:
        """Return the number of the answer that raised this exception."""
        return next((number for number, raised in self.blamed.items() if raised is error), None)


def bind(space: dict[str, Any], functions: list[str], stand_in: StandIn) -> None:
    """Put a stand-in for each function into the tests' namespace; for "A.f" a class A whose f stands in."""
    owners: dict[str, type] = {}
    for name in functions:
        owner, _, method = name.rpartition(".")
        if owner:
            kind = owners.setdefault(owner, type(owner, (), {}))
            setattr(kind, method, staticmethod(_named(name, stand_in)))
        else:
            space[name] = _named(name, stand_in)
    space.update(owners)


def _named(name: str, stand_in: StandIn) -> Callable[..., object]:
    def function(*arguments: object, **keywords: object) -> object:
        return stand_in((name, arguments, keywords))

    function.__name__ = function.__qualname__ = name
    return function


def seed_random() -> None:
    """Seed `random`, so that every process that runs the same tests draws the same values."""
    random.seed(SEED)


def _received(answer: object) -> object:
    match answer:
        case codec.Iterated(items=items):
            return iter(items)
        case codec.Array(name=dtype, shape=shape, items=items):
            return importlib.import_module("numpy").array(items, dtype=dtype).reshape(shape)
        case codec.Oversized(name=why):
            raise TypeError(f"an answer cannot leave the box: {why}")
        case codec.Mark(name=name):
            raise TypeError(f"an answer of type {name} cannot leave the box")
        case _:
            return answer


def _restore(arguments: tuple[Any, ...], after: object) -> None:
    """Change the tests' own arguments as the candidate changed its copies."""
    if not isinstance(after, list) or len(after) != len(arguments):
        return
    for mine, theirs in zip(arguments, after, strict=True):
        if type(mine) is not type(theirs):
            continue
        if isinstance(mine, list):
            mine[:] = theirs
        elif isinstance(mine, dict | set | deque):
            mine.clear()
            (mine.extend if isinstance(mine, deque) else mine.update)(theirs)


class AnswerNeeded(BaseException):
    """The tests needed the value of a withheld answer."""


def _same(self: object, *_: object, **__: object) -> object:
    return self


def _stop(*_: object, **__: object) -> NoReturn:
    raise AnswerNeeded


_MEMBERS: dict[str, Any] = {f"__{name}__": _same for name in _SAME} | {f"__{name}__": _stop for name in _STOPS}
WITHHELD = type("Withheld", (), _MEMBERS)()  # in the place of every answer


def compile_lenient(source: str, name: str) -> Any:
    """Compile tests so that each simple statement may fail."""
    tree = _Lenient().visit(ast.parse(source, name))
    return compile(ast.fix_missing_locations(tree), name, "exec", dont_inherit=True)


def withheld_names() -> dict[str, object]:
    """Return the names that tests from `compile_lenient` need in their namespace."""
    return {_NAME: WITHHELD}


class Withholder:
    """Report each call and answer none, up to `most` calls."""

    def __init__(self, report: Callable[[bytes], None], most: int, encode: Callable[[object], bytes]) -> None:
        self._report, self._most, self._encode, self.asked = report, most, encode, 0

    def __call__(self, call: object) -> object:
        """Return WITHHELD, which contains no information."""
        if self.asked >= self._most:
            raise AnswerNeeded
        self.asked += 1
        self._report(self._encode(call))
        return WITHHELD


class _Lenient(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        node = super().generic_visit(node)
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list):
                setattr(node, field, [_lenient(one) if isinstance(one, _SIMPLE) else one for one in statements])
        return node


def _lenient(statement: ast.stmt) -> ast.stmt:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return statement
    otherwise: list[ast.stmt] = [
        ast.Assign(targets=[ast.Name(name, ast.Store())], value=ast.Name(_NAME, ast.Load()))
        for name in _assigned_names(statement)
    ]
    failed = ast.ExceptHandler(type=None, name=None, body=otherwise or [ast.Pass()])
    return ast.copy_location(ast.Try(body=[statement], handlers=[failed], orelse=[], finalbody=[]), statement)


def _assigned_names(statement: ast.stmt) -> list[str]:
    """Return the names that a simple statement assigns."""
    inner = [node.target for node in ast.walk(statement) if isinstance(node, ast.NamedExpr)]
    targets = [*getattr(statement, "targets", []), *filter(None, [getattr(statement, "target", None)]), *inner]
    nodes = (node for target in targets for node in ast.walk(target))
    return [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
