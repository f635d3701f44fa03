"""Rows of training sets and of one's own: each way of writing tests, read as it is published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import Pool, Problem, load_problems, reward
from sandbox.problems import ProblemsError, read_problem
from sandbox.values import CallTests, Checker, CheckTests, StdinTests

SUM = "a, b = map(int, input().split())\nprint(a + b)\n"
ADD = "def add(a, b):\n    return a + b\n"
METHOD = "class Solution:\n    def add(self, a, b):\n        return a + b\n"
STACK = """class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    def pop(self):
        return self.items.pop()
"""
PLAIN = "from solution import add\n\ndef test_a():\n    assert add(1, 2) == 3\n"
OBJECTS = "from solution import Stack\n\ndef test_a():\n    s = Stack()\n    s.push(3)\n    assert s.pop() == 3\n"
PYTEST = """import pytest
from solution import add


def test_sum():
    assert add(1, 2) == 3


def test_error():
    with pytest.raises(TypeError, match="unsupported|concatenate"):
        add(1, "2")


@pytest.mark.parametrize("a, b, c", [(1, 2, 3), (2, 2, 4)])
def test_each(a, b, c):
    assert add(a, b) == pytest.approx(c)
"""


CLASSES = """import pytest
from solution import add


class TestAdd:
    def setup_method(self, method):
        self.one = 1

    def test_sum(self):
        assert add(self.one, 2) == 3

    @pytest.mark.parametrize("a, b", [(1, 2), pytest.param(3, 4, id="more")])
    def test_each(self, a, b):
        assert add(a, b) == a + b
"""
UNITTEST = """import unittest
from solution import add


class Tests(unittest.TestCase):
    def setUp(self):
        self.one = 1

    def test_sum(self):
        for two in (2, 3):
            with self.subTest(two=two):
                self.assertEqual(add(self.one, two), 1 + two)

    def test_error(self):
        with self.assertRaises(TypeError):
            add(1, "2")


if __name__ == "__main__":
    unittest.main()
"""


def verl(tests: object) -> dict[str, Any]:
    """A row as verl keeps it."""
    return {
        "data_source": "mine",
        "prompt": [{"role": "system", "content": "You code."}, {"role": "user", "content": "Add."}],
        "reward_model": {"style": "rule", "ground_truth": json.dumps(tests)},
        "extra_info": {"index": 4},
    }


# What a set writes: the row, a right program, a wrong one, and the kind of tests that it becomes.
ROWS: dict[str, tuple[dict[str, Any], str, str, type]] = {
    "verl, printed": (verl({"inputs": ["1 2\n", "3 4\n"], "outputs": ["3\n", "7\n"]}), SUM, "print(3)", StdinTests),
    "verl, fn_name": (
        verl({"fn_name": "add", "inputs": [[1, 2], [3, 4]], "outputs": [3, [7]]}),
        METHOD,
        "def add(a, b):\n    return 3\n",
        CallTests,
    ),
    "verl, assert_case": (
        verl({"inputs": [None], "outputs": [None], "assert_case": ["assert add(1, 2) == 3", "assert add(3, 4) == 7"]}),
        ADD,
        "raise SystemExit(0)",
        CallTests,
    ),
    "lists of one's own": ({"id": 3, "question": "Add.", "inputs": ["1 2"], "outputs": ["3"]}, SUM, "1", StdinTests),
    "SYNTHETIC-1": (
        {
            "problem_id": "x",
            "verification_info": json.dumps(
                {"language": "python", "test_cases": [{"type": "stdin_stdout", "input": "1 2", "output": "3"}]}
            ),
        },
        SUM,
        "print(4)",
        StdinTests,
    ),
    "DeepCoder": (
        {
            "problem": "Add.",
            "tests": json.dumps(
                [{"input": "1\n2", "output": "3", "testtype": "functional", "metadata": {"func_name": "add"}}]
            ),
        },
        METHOD,
        "def add(a, b):\n    return 4\n",
        CallTests,
    ),
    "AceCode": (
        {"id": "a", "question": "Add.", "test_cases": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"]},
        ADD,
        "def add(a, b):\n    return 3\n",
        CallTests,
    ),
    "Skywork-OR1": (
        verl(
            {
                "entry_point": "Solution().add",
                "import_prefix": "import math\n",
                "test_code": "def check(f):\n    assert f(a=1, b=2) == 3\n    assert f(a=0, b=2) == 2\n",
            }
        ),
        METHOD,
        METHOD.replace("a + b", "3"),
        CheckTests,
    ),
    "KodCode, plain": (
        {"question": "Add.", "solution": ADD, "test": PLAIN},
        ADD,
        "def add(a, b):\n    return a\n",
        CallTests,
    ),
    "KodCode, pytest": (
        {"question": "Add.", "solution": ADD, "test": PYTEST, "test_info": [{"function_name": "add"}]},
        ADD,
        "def add(a, b):\n    return 3\n",
        CheckTests,
    ),
    "KodCode, a class": (
        {
            "question": "A stack.",
            "solution": STACK,
            "test": OBJECTS,
        },
        STACK,
        STACK.replace("self.items.pop()", "4"),
        CheckTests,
    ),
    "KodCode, classes of pytest": (
        {"question": "Add.", "test": CLASSES},
        ADD,
        "def add(a, b):\n    return 3\n",
        CheckTests,
    ),
    "unittest": ({"question": "Add.", "test": UNITTEST}, ADD, "def add(a, b):\n    return 3\n", CheckTests),
    "guru, check of a method": (
        verl({"functional": "def check(candidate):\n    assert candidate(a=1, b=2) == 3\n\ncheck(Solution().add)\n"}),
        METHOD,
        METHOD.replace("a + b", "4"),
        CallTests,
    ),
    "guru, check of a function": (
        verl({"functional": "def check(candidate):\n    assert candidate(1, 2) == 3\n\ncheck(add)\n"}),
        ADD,
        "def add(a, b):\n    return 4\n",
        CallTests,
    ),
    "OpenCodeInstruct": (
        {"id": "x", "input": "Add.", "output": f"```python\n{ADD}```", "unit_tests": '["\\nassert add(1, 2) == 3"]'},
        ADD,
        "def add(a, b):\n    return 4\n",
        CallTests,
    ),
    "SYNTHETIC-2": (
        {
            "problem_id": "s",
            "prompt": "Add.",
            "verification_info": {"ground_truth": '[{"input": "1 2", "output": "3"}]'},
        },
        SUM,
        "print(4)",
        StdinTests,
    ),
    "pairs beside a prompt": ({"prompt": "Add.", "tests": [["1 2", "3"], ["3 4", "7"]]}, SUM, "print(3)", StdinTests),
    "pairs": ({"ground_truth": [["1 2", "3"], ["3 4", "7"]]}, SUM, "print(3)", StdinTests),
}


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(boxes=1) as opened:
        yield opened


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("name", ROWS)
def test_each_way_of_writing_tests_tells_right_from_wrong(name: str, pool: Pool) -> None:
    row, right, wrong, kind = ROWS[name]
    problem = Problem.from_row(row)
    assert type(problem.checked_by) is kind
    assert reward([right, wrong], problem, pool=pool, given="solution") == [1.0, 0.0]


def test_a_map_names_the_fields_of_ones_own() -> None:
    row = {
        "what": {"text": "Add two numbers."},
        "expected": {"rows": [{"in": 1}]},
        "io": '{"stdin": ["1 2"], "stdout": ["3"]}',
    }
    problem = Problem.from_row(row, map={"prompt": "what.text", "tests": "io"})
    assert problem.prompt == "Add two numbers.\n"
    assert isinstance(problem.checked_by, StdinTests)
    with pytest.raises(
        ProblemsError, match="tests should be in 'nowhere', which the row does not have: what, expected, io"
    ):
        Problem.from_row(row, map={"tests": "nowhere"})


def test_a_part_that_cannot_be_mapped_is_refused_and_so_is_what_is_no_row() -> None:
    with pytest.raises(ProblemsError, match="no part 'test' to map; the parts are name, prompt, tests"):
        Problem.from_row({"question": "q"}, map={"test": "question"})
    with pytest.raises(ProblemsError, match=r"a problem is a JSON object, not \[1\]"):
        Problem.from_row([1])  # type: ignore[arg-type]


def test_the_language_of_a_row_and_a_solution_without_its_fence_are_read() -> None:
    info = {"language": "cpp", "test_cases": [{"input": "1 2", "output": "3", "type": "stdin_stdout"}]}
    solution = "#include <iostream>\nint main() {}"
    row = {"prompt": "Add.", "verification_info": info, "gold_standard_solution": f"```cpp\n{solution}\n```"}
    problem = Problem.from_row(row)
    assert (problem.language, problem.canonical_solution, problem.assumptions.imports) == ("cpp", solution, "")
    unknown = {"prompt": "Add.", "verification_info": info | {"language": "brainfuck"}}
    with pytest.raises(ProblemsError, match="language 'brainfuck' is not known"):
        Problem.from_row(unknown)


def test_a_row_may_have_a_checker() -> None:
    source = "def check(input, output, answer):\n    return output.split() == answer.split()[::-1]\n"
    problem = Problem.from_row(verl({"inputs": ["1 2"], "outputs": ["3"]}) | {"checker": source})
    assert isinstance(problem.checked_by, StdinTests)
    assert problem.checked_by.checker == Checker(source=source)


def test_the_question_of_a_chat_is_the_users_last_message_and_may_be_missing() -> None:
    row = verl({"inputs": ["1 2\n"], "outputs": ["3\n"]})
    assert Problem.from_row(row).prompt == "Add.\n"
    del row["prompt"]
    problem = Problem.from_row(row)
    assert (problem.name, problem.prompt.strip()) == ("4", "")


def test_a_benchmark_row_is_read_as_its_own_format() -> None:
    row = {
        "task_id": "x/1",
        "prompt": "def add(a, b):\n",
        "entry_point": "add",
        "test": "def check(f):\n    assert f(1, 2) == 3\n",
    }
    assert Problem.from_row(row) == read_problem(row)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (verl({"inputs": ["1"], "outputs": []}), "1 inputs and 0 outputs: a test has lost its other half"),
        (verl({"inputs": [], "outputs": []}), "has no test"),
        (verl({"words": 3}), "none of inputs, input, stdin, but words"),
        (verl(3), "call no function"),
        ({"ground_truth": 3}, "its tests are 3"),
        ({"question": "q", "test": "def test_a(:"}, "its tests are no Python"),
        (
            {"question": "q", "test": "def test_a(tmp_path):\n    assert add(1) == tmp_path\n"},
            "needs a fixture of pytest",
        ),
        ({"question": "q", "test": "assert True"}, "call no function by its name"),
        (
            {"problem": "p", "tests": '[{"input": "1", "output": "2", "type": "functional"}]'},
            "nothing names the function",
        ),
        ({"problem": "p", "tests": '[{"input": "1"}]'}, r"tests\[0\] has no input or no output"),
    ],
)
def test_a_row_that_cannot_be_read_says_why(row: dict[str, Any], why: str) -> None:
    with pytest.raises(ProblemsError, match=why):
        Problem.from_row(row)


def test_a_file_of_training_rows_is_read_like_any_other(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [verl({"inputs": ["1 2\n"], "outputs": ["3\n"]}) | {"extra_info": {"index": n}} for n in range(3)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [problem.name for problem in load_problems(file)] == ["0", "1", "2"]
    named = load_problems(file, columns={"name": "extra_info.index", "prompt": "data_source"})
    assert [(problem.name, problem.prompt) for problem in named] == [(str(n), "mine\n") for n in range(3)]
