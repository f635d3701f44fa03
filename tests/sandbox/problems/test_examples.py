from __future__ import annotations

import pytest

from sandbox.problems import Problem, with_examples
from sandbox.problems.examples import examples
from sandbox.values import CallTests


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            '"""\n    >>> f(1)\n    2\n    >>> f(x=[1, 2])\n    [1,\n     2]\n"""',
            [("f(1)", "2"), ("f(x=[1, 2])", "[1, 2]")],
        ),
        (">>> f(1)\n2\nand so on", [("f(1)", "2")]),  # words follow without an empty line
        ("f(1) == 2", [("f(1)", "2")]),
        ("For f('a)b') the output: f('a)b') ➞ (1, 'x').", [("f('a)b')", "(1, 'x')")]),
        ("f([3]) => True  # a comment", [("f([3])", "True")]),
        ("f(-1.5) should return -2\nf(2) returns {'a': 1}", [("f(-1.5)", "-2"), ("f(2)", "{'a': 1}")]),
        ("f(5) -> 19 - 5 - 6 = 8", []),  # a calculation is no value
        ("f(2) = 1 + 1", []),
        ('f(["b"]) == ""ab"', []),  # a mistake of the statement is not read as an empty text
        ("assert f(1) == 2, 'a message'", [("f(1)", "2")]),
        ("f(1) == 2, f(2) == 3, and f(3) == 4.", [("f(1)", "2"), ("f(2)", "3"), ("f(3)", "4")]),
        ('f(1) == (2, 3), "why"\nf(2) == 2.5,\nf(3) returns 1.', [("f(1)", "(2, 3)"), ("f(2)", "2.5"), ("f(3)", "1")]),
        ("f(1) -> 2, 3", []),  # one value or two
        ("f(1) == 2\nf(1) == 3", []),  # contradicts itself
        ("f(n) == 2\nf(g(1)) == 2\ng(1) == 2\nself.f(1) == 2", []),
        (">>> f(1)\nTraceback (most recent call last):\nValueError", []),
        ("f(1) == " + "[" * 500, []),
        ("f(1", []),
        ("", []),
    ],
)
def test_calls_with_literal_values_are_read_from_a_statement_and_nothing_else(statement, found):
    assert examples(statement, "f") == found


def problem(**changed: str) -> Problem:
    said = {
        "prompt": 'def f(x):\n    """Twice.\n    >>> f(1)\n    2\n    """\n',
        "tests": "def check(c):\n    assert c(3) == 6\n",
    }
    return Problem(name="T/0", entry_point="f", **{**said, **changed})


def test_examples_become_selection_tests_beside_the_judges():
    made = with_examples(problem())
    assert isinstance(made.selected_by, CallTests)
    assert [(case.arguments, case.expected) for case in made.selected_by.cases] == [((1,), 2)]
    assert made.tests == problem().tests


def test_a_problem_with_public_tests_or_without_examples_stays_as_it_is():
    given = problem(public_tests="def check(c):\n    assert c(5) == 10\n")
    assert with_examples(given) is given
    bare = problem(prompt="def f(x):\n")
    assert with_examples(bare) is bare
