"""Answers to questions for a method of class Solution, and those whose set gives starter code."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest

from sandbox.extraction import extract
from sandbox.problems import Problem, read_problem

METHOD = "def add(self, x: int, y: int) -> int:\n    return x + y"
SOLUTION = f"class Solution:\n{textwrap.indent(METHOD, '    ')}"


def py(code: str) -> str:
    return f"```python\n{code}\n```\n"


def problem_of(starter: str) -> Problem:
    """A problem whose set calls `Solution().add`, or `add`."""
    case = {"input": "1\n2", "output": "3", "testtype": "functional"}
    row = {"question_id": "1", "question_content": "Add them.", "starter_code": starter}
    return read_problem({**row, "public_test_cases": json.dumps([case]), "metadata": json.dumps({"func_name": "add"})})


def called(answer: str, starter: str) -> object:
    """What the set's call of the answer's program returns."""
    given: dict[str, Any] = {}
    exec(compile(extract(answer, problem_of(starter)).source, "extracted", "exec"), given)
    return (given["Solution"]().add if "Solution" in given else given["add"])(1, 2)


ANSWERS = {
    "a class": py(SOLUTION),
    "a class, other ones behind it": py(SOLUTION) + py("class Tests:\n    def test(self):\n        pass"),
    "a class, its use behind it": py(SOLUTION) + py("solution = Solution()\nprint(solution.add(1, 2))"),
    "a class without the method behind it": py(SOLUTION) + py("class Solution:\n    def other(self):\n        pass"),
    "a class, cut in its use": f"```python\n{SOLUTION}\n\nprint(Solution().add(1,",
    "a wrong class before it": py(SOLUTION.replace("x + y", "x - y")) + "Corrected:\n" + py(SOLUTION),
    "a skeleton before it": py(SOLUTION.replace("return x + y", "pass")) + py(SOLUTION),
    "a helper class before it": py("class Sum:\n    def of(self, x, y):\n        return x + y")
    + py("class Solution:\n    def add(self, x, y):\n        return Sum().of(x, y)"),
    "a class that inherits": py(
        "class Base:\n    def add(self, x, y):\n        return x + y\n\nclass Solution(Base):\n    pass"
    ),
    "the method alone": py(METHOD),
    "the method alone, indented": textwrap.indent(METHOD, "    "),
    "the method alone, without a fence": f"{METHOD}\n",
    "methods and an import": py(
        "import math\n\ndef add(self, x, y):\n    return self.h(x, y)\n\ndef h(self, x, y):\n    return "
        "math.floor(x + y)"
    ),
    "a method that takes the place of a wrong one": py(
        "class Solution:\n    def add(self, x, y):\n        return self.h(x)\n    def h(self, x):\n        return x"
    )
    + "Corrected:\n"
    + py("def add(self, x, y):\n    return self.h(x) + y"),
    "a function": py("def add(x, y):\n    return x + y"),
    "the body": "        return x + y",
    "the body, fenced, at the margin": py("return x + y"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_a_method_of_solution_is_found_in(answer):
    assert called(answer, "class Solution:\n    def add(self, x: int, y: int) -> int:\n        ") == 3


def test_a_body_goes_on_behind_starter_code():
    assert called("\treturn x + y", "def add(x, y):\n\t") == 3


def test_a_wrong_method_stays_wrong():
    assert (
        called(py(METHOD.replace("+", "-")), "class Solution:\n    def add(self, x: int, y: int) -> int:\n        ")
        == -1
    )
