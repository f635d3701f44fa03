"""An exception of a program arrives at the tests as the exception that it was."""

from __future__ import annotations

import decimal
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.inside import codec
from sandbox.inside.answers import exception_bytes, exception_from
from sandbox.scoring.scorer import Scorer
from sandbox.values import CheckTests, Program, Score, Verdict


class Refused(ValueError):
    """A problem's own, with a constructor of its own."""

    def __init__(self, *, reason: str) -> None:
        super().__init__("refused", reason)
        self.reason = reason


def error_of(act: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011  (any at all)
        act()
    return caught.value


def refuse() -> None:
    raise Refused(reason="late")


def again(error: Exception) -> Exception:
    own = {"Refused": Refused}
    return exception_from(exception_bytes(error), type(error).__name__, str(error), own)


@pytest.mark.parametrize(
    "act",
    [
        lambda: json.loads("x"),
        lambda: decimal.Decimal("x"),
        b"\xff".decode,
        lambda: {}["missing"],
        Path("/nowhere/at/all").read_text,
        lambda: next(iter([])),
        lambda: subprocess.CompletedProcess("x", 3).check_returncode(),
        lambda: 1 / 0,
    ],
)
def test_an_exception_of_the_standard_library_keeps_class_arguments_and_text(act: Callable[[], object]) -> None:
    error = error_of(act)
    found = again(error)
    assert isinstance(found, type(error))
    assert str(found) == str(error)
    if not isinstance(error, decimal.InvalidOperation):  # whose argument is a class, which cannot travel
        assert found.args == error.args
    assert vars(found) == vars(error)


def test_an_operating_systems_error_has_its_number_and_its_file() -> None:
    found = again(error_of(lambda: os.stat("/nowhere/at/all")))
    assert isinstance(found, FileNotFoundError)
    assert (found.errno, found.filename) == (2, "/nowhere/at/all")


def test_exceptions_within_an_exception_come_along() -> None:
    error = ExceptionGroup("several", [KeyError("a"), ExceptionGroup("inner", [Refused(reason="late")])])
    error.__cause__ = ZeroDivisionError("by nought")
    found = again(error)
    assert isinstance(found, ExceptionGroup)
    assert (len(found.exceptions), found.exceptions[0].args) == (2, ("a",))
    matching, rest = found.split(ValueError)
    assert matching is not None
    assert rest is not None
    assert isinstance(found.__cause__, ZeroDivisionError)


def test_exceptions_that_hold_each_other_end() -> None:
    error, other = ValueError("a"), KeyError("b")
    error.__cause__, other.__cause__ = other, error
    assert isinstance(again(error).__cause__, KeyError)


def test_a_class_that_nobody_else_knows_keeps_its_name_and_its_bases() -> None:
    class Odd(KeyError, ArithmeticError):
        def __str__(self) -> str:
            return "odd indeed"

    found = again(Odd("a", 1))
    assert isinstance(found, KeyError)
    assert isinstance(found, ArithmeticError)
    assert (type(found).__name__, found.args, str(found)) == ("Odd", ("a", 1), "odd indeed")


def test_a_class_that_the_problem_defines_is_that_class() -> None:
    names, arguments, attributes = codec.decode(exception_bytes(error_of(refuse)))  # type: ignore[misc]
    told = codec.encode([[("solution", "Refused"), *names[1:]], arguments, attributes])
    found = exception_from(told, "Refused", "('refused', 'late')", {"Refused": Refused})
    assert type(found) is Refused
    assert (found.args, found.reason) == (("refused", "late"), "late")


@pytest.mark.parametrize(
    "names",
    [
        [("builtins", "SystemExit"), ("builtins", "BaseException")],
        [("os", "system"), ("builtins", "object")],
        [("nowhere", "Error")],
        [("tests", "Passed"), ("builtins", "Exception")],
        [("builtins", "KeyError"), 3],
        [],
    ],
)
def test_claimed_names_choose_among_exceptions_alone(names: list[object]) -> None:
    found = exception_from(codec.encode([names, ["x"], {}]), "KeyboardInterrupt", "x", {"Refused": Refused})
    assert isinstance(found, Exception | SystemExit)


@pytest.mark.parametrize("data", [b"", b"garbage", codec.encode(3), codec.encode([[], [], []])])
def test_what_is_no_exception_of_ours_is_told_by_its_name(data: bytes) -> None:
    assert type(exception_from(data, "KeyError", "k", {})) is KeyError
    assert type(exception_from(data, "Unheard", "k", {})) is RuntimeError


CAUGHT = "try:\n    f(0)\nexcept {} as e:\n    assert {}\nelse:\n    assert False\n"


def scored(scorer: Scorer, source: str, tests: str, prelude: str = "") -> Score:
    checked = CheckTests(source=tests, functions=("f",), prelude=prelude)
    return scorer.submit(Program(source=prelude + source, tests=checked)).result(timeout=300)


@pytest.mark.docker
class TestInTheGrader:
    @pytest.mark.parametrize(
        ("body", "caught", "holds"),
        [
            ("raise ValueError('bad', 3)", "ValueError", "e.args == ('bad', 3)"),
            ("return {}['missing']", "LookupError", "e.args[0] == 'missing'"),
            ("import json; json.loads('x')", "ValueError", "e.pos == 0"),
            ("b'\\xff'.decode()", "UnicodeError", "e.start == 0"),
            ("import decimal; decimal.Decimal('x')", "ArithmeticError", "True"),
            ("class Own(ValueError): code = 7\n    raise Own('no')", "ValueError", "e.code == 7"),
            ("class Own(ValueError): pass\n    raise Own('no')", "ValueError", "str(e) == 'no'"),
            (
                "class Own(Exception):\n        def __init__(self, *, n): self.n = n\n    raise Own(n=4)",
                "Exception",
                "e.n == 4",
            ),
        ],
    )
    def test_tests_catch_what_the_program_raised(self, scorer: Scorer, body: str, caught: str, holds: str) -> None:
        tests = CAUGHT.format(caught, holds)
        assert scored(scorer, f"def f(x):\n    {body}\n", tests).verdict is Verdict.PASSED
        assert scored(scorer, "def f(x):\n    return x\n", tests).verdict is Verdict.WRONG

    def test_an_exception_that_the_prompt_defines_is_caught_by_its_name(self, scorer: Scorer) -> None:
        prelude = "class Refused(Exception):\n    pass\n\n"
        tests = CAUGHT.format("Refused", "e.args == (7,)")
        assert scored(scorer, "def f(x):\n    raise Refused(7)\n", tests, prelude).verdict is Verdict.PASSED
        assert scored(scorer, "def f(x):\n    raise Exception(7)\n", tests, prelude).verdict is Verdict.ERROR

    def test_an_assertion_error_of_the_program_is_not_one_of_the_tests(self, scorer: Scorer) -> None:
        forged = "def f(x):\n    raise AssertionError\n"
        assert scored(scorer, forged, "assert f(1) == 2\n").verdict is Verdict.ERROR
        assert scored(scorer, "def f(x):\n    return 3\n", "assert f(1) == 2\n").verdict is Verdict.WRONG
