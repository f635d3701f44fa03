"""What the tests of checkers ask a problem for. `pythonpath` finds it."""

from __future__ import annotations

from sandbox.problems import Problem
from sandbox.values import Checker, StdinTests


def stdin_tests(asked: Problem) -> StdinTests:
    assert isinstance(asked.given, StdinTests)
    return asked.given


def checker_of(asked: Problem) -> Checker:
    checker = stdin_tests(asked).checker
    assert checker is not None
    return checker
