"""Files of problems as they are published, and rows of them that are wrong.

Each has its place, its key and the reason.
"""

from __future__ import annotations

import base64
import json
import pickle
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from variants import variants

from sandbox.problems import Problem, ProblemsError, load_problems, read_problem, read_problems
from sandbox.scoring.scorer import Scorer
from sandbox.values import Verdict


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def livecodebench(private: str, **more: Any) -> dict[str, Any]:
    public = json.dumps([{"input": "1\n", "output": "2\n", "testtype": "stdin"}])
    return {
        "question_id": "x",
        "question_content": "Double it.",
        "public_test_cases": public,
        "private_test_cases": private,
    } | more


NO_TESTS: list[dict[str, Any]] = [
    {"problem_id": 1, "question": "?", "input_output": ""},
    {"problem_id": 1, "question": "?", "input_output": None},
    {"problem_id": 1, "question": "?", "input_output": json.dumps({"inputs": [], "outputs": []})},
    livecodebench("", public_test_cases="[]"),
    {"task_id": "HumanEval/1", "prompt": "def f():\n", "entry_point": "f", "test": "\n"},
    {"name": "a", "description": "?", "generated_tests": []},
    {"task_id": 1, "text": "?", "code": "def f(): pass", "test_list": []},
    {"task_id": "HumanEval/0", "prompt": "def f():\n", "entry_point": "f", "canonical_solution": "    pass", "atol": 0,
     "base_input": [], "plus_input": []},
]  # fmt: skip


@pytest.mark.parametrize("row", NO_TESTS)
def test_a_problem_without_tests_is_left_out_and_named(row: dict[str, Any], tmp_path: Path) -> None:
    good = {"problem_id": 7, "question": "?", "input_output": json.dumps({"inputs": ["1"], "outputs": ["1"]})}
    found = read_problems(written(tmp_path / "p.jsonl", good, row))
    assert [problem.name for problem in found.problems] == ["APPS/7"]
    (told,) = found.left_out
    assert told.endswith(f"p.jsonl, line 2: {told.name} has no test")
    assert found.untested == {told.name}
    with pytest.raises(ProblemsError, match=r"holds no problem; .*line 1: .* has no test"):
        load_problems(written(tmp_path / "p.jsonl", row))


def test_rows_that_are_no_problems_cost_themselves_where_that_is_wanted(tmp_path: Path) -> None:
    path = written(tmp_path / "p.jsonl", *(livecodebench("[]", question_id=n) for n in ("a", "b", "c", "b")))
    path.write_text(
        path.read_text("utf-8").replace('"question_content": "Double it."', '"question_content": 1', 1) + "{\n"
    )
    with pytest.raises(ProblemsError, match="line 1: question_content must be a text, not 1"):
        read_problems(path)
    found = read_problems(path, skip_bad=True)
    assert [problem.name for problem in found.problems] == ["LiveCodeBench/b", "LiveCodeBench/c"]
    assert [told.partition("p.jsonl, ")[2][:7] for told in found.left_out] == ["line 1:", "line 4:", "line 5:"]


@pytest.mark.parametrize("spaced", [None, 1])
def test_a_file_may_be_one_list(spaced: int | None, tmp_path: Path) -> None:
    rows = [
        {"task_id": n, "prompt": "?", "code": "def f(): return 1", "test_imports": [], "test_list": ["assert f() == 1"]}
        for n in (2, 3)
    ]
    (tmp_path / "mbpp.json").write_text("\ufeff" + json.dumps(rows, indent=spaced), encoding="utf-8")
    assert [problem.name for problem in load_problems(tmp_path / "mbpp.json")] == ["MBPP/2", "MBPP/3"]
    (tmp_path / "one.json").write_text(json.dumps(rows[0], indent=2), encoding="utf-8")
    assert [problem.name for problem in load_problems(tmp_path / "one.json")] == ["MBPP/2"]
    rows[1]["code"] = 5
    (tmp_path / "mbpp.json").write_text(json.dumps(rows, indent=spaced), encoding="utf-8")
    with pytest.raises(ProblemsError, match=r"mbpp.json, element 2: code must be a text, not 5"):
        load_problems(tmp_path / "mbpp.json")


def test_taco_is_numbered_by_its_rows(tmp_path: Path) -> None:
    row = {
        "question": "?",
        "name": None,
        "input_output": json.dumps({"inputs": ["1"], "outputs": ["1"]}),
        "solutions": "[]",
    }
    found = load_problems(written(tmp_path / "taco.jsonl", row, row))
    assert [problem.name for problem in found] == ["TACO/0", "TACO/1"]


def test_integers_of_any_size_are_read(tmp_path: Path) -> None:
    large = "7" * 5000
    tests = json.dumps({"fn_name": "f", "inputs": [[1]], "outputs": [0.5]}).replace("0.5", large)
    row = {"problem_id": 1, "question": "?", "input_output": tests}
    own = {"task_id": "a", "prompt": "def f(x):\n", "entry_point": "f", "tests": [{"call": "f(1)", "returns": large}]}
    path = written(
        tmp_path / "p.jsonl", row, own, own | {"task_id": "b", "tests": [{"arguments": [1], "expected": 0.5}]}
    )
    path.write_text(path.read_text("utf-8").replace("0.5", large), encoding="utf-8")
    expected = [problem.given.cases[0].expected for problem in load_problems(path)]  # type: ignore[union-attr]
    assert [value == expected[0] and value > 10**4999 for value in expected] == [True] * 3  # type: ignore[operator]
    with pytest.raises(ValueError, match="4300"):
        str(expected[0])


def test_what_a_private_pickle_says_besides_a_text_is_never_done(tmp_path: Path) -> None:
    memo = b"\x80\x02N" + b"r" + struct.pack("<I", 1 << 31) + b"."
    for data in (memo, b"", pickle.dumps(["[]", "[]"]), pickle.dumps(1), pickle.dumps("[" * 10**5)):
        packed = base64.b64encode(zlib.compress(data)).decode()
        with pytest.raises(ProblemsError, match="line 1: private_test_cases"):
            load_problems(written(tmp_path / "lcb.jsonl", livecodebench(packed)))


@pytest.mark.docker
def test_what_is_missing_in_the_middle_stands_before_its_suffix(tmp_path: Path, scorer: Scorer) -> None:
    row = {
        "task_id": "SingleLineInfilling/HumanEval/0/L1",
        "entry_point": "f",
        "prompt": "def f(x):\n    y = 1\n",
        "suffix": "    return y\n",
        "canonical_solution": "    y += x\n",
        "test": "def check(candidate):\n    assert candidate(2) == 3\n",
    }
    (problem,) = load_problems(written(tmp_path / "fim.jsonl", row))
    assert problem.canonical_solution is not None
    assert scorer.score(problem.complete(problem.canonical_solution)).verdict is Verdict.PASSED
    assert scorer.score(problem.complete("    y -= x\n")).verdict is Verdict.WRONG
    assert scorer.score(problem.solve("def f(x): return x + 1")).verdict is Verdict.PASSED


BIGCODEBENCH = {
    "task_id": "BigCodeBench/0",
    "complete_prompt": "import random\ndef task_func(x):\n",
    "entry_point": "task_func",
    "canonical_solution": "    return x\n",
    "test": "import unittest\nclass TestCases(unittest.TestCase):\n"
    "    def test_same(self):\n        self.assertEqual(task_func(1), 1)\n"
    "    def test_text(self):\n        self.assertIn('a', task_func('ab'))\n",
}


@pytest.mark.docker
def test_every_test_of_a_class_of_bigcodebench_has_to_pass(tmp_path: Path, scorer: Scorer) -> None:
    none = {"task_id": "BigCodeBench/1", "test": "import unittest\nclass TestCases(unittest.TestCase):\n    pass\n"}
    problem, empty = load_problems(written(tmp_path / "b.jsonl", BIGCODEBENCH, BIGCODEBENCH | none))
    assert scorer.score(problem.complete("    return x\n")).verdict is Verdict.PASSED
    for wrong in ("return 1", "raise KeyError", "return 'a'"):
        assert scorer.score(problem.complete(f"    {wrong}\n")).verdict is not Verdict.PASSED
    assert scorer.score(empty.complete("    return x\n")).verdict is Verdict.ERROR  # no test ran


STDIN_TESTS: dict[str, Any] = {"inputs": ["1\n"], "outputs": ["1\n"]}
CALL_TESTS: dict[str, Any] = {"fn_name": "f", "inputs": [[1]], "outputs": [2]}
CHECK = "def check(candidate):\n    assert candidate(1) == 2\n"
ORIGIN = """
def assertion(out, exp, atol): ...
def check(candidate):
    inputs = [[1]]
    results = [2]
    for i, (inp, exp) in enumerate(zip(inputs, results)):
        assertion(candidate(*inp), exp, 0)
"""
BODY = "    return x\n"
FORMATS: dict[str, dict[str, Any]] = {
    "ours, calls": {
        "task_id": "a",
        "prompt": "p",
        "entry_point": "f",
        "imports": "",
        "comparison": "close",
        "tolerance": 0.1,
        "tests": [{"arguments": [1], "expected": 1}],
        "public_tests": [{"call": "f(1)", "returns": "1"}],
    },
    "ours, reference": {
        "task_id": "a",
        "prompt": "def f(x):\n",
        "entry_point": "f",
        "canonical_solution": "    return x\n",
        "reference": True,
        "tests": [{"arguments": [1], "keywords": {}}],
    },
    "ours, code": {"task_id": "a", "prompt": "p", "entry_point": "f", "check": CHECK, "in_process": False},
    "ours, printed": {
        "task_id": "a",
        "prompt": "p",
        "output_rule": "nocase",
        "tolerance": 0.1,
        "tests": [{"stdin": "", "stdout": ""}],
    },
    "HumanEval": {
        "task_id": "HumanEval/0",
        "prompt": "def f(x):\n",
        "entry_point": "f",
        "test": CHECK,
        "example_test": CHECK,
        "canonical_solution": BODY,
        "suffix": "",
    },
    "HumanEval+": {
        "task_id": "HumanEval/0",
        "prompt": "def f(x):\n",
        "entry_point": "f",
        "canonical_solution": BODY,
        "base_input": [[1]],
        "plus_input": [[2]],
        "atol": 0,
    },
    "MBPP+": {
        "task_id": "Mbpp/722",
        "prompt": "",
        "entry_point": "surface_Area",
        "canonical_solution": "",
        "atol": 1e-6,
        "base_input": [[{"a": [1]}, 1]],
        "plus_input": [],
    },
    "origin": {
        "task_id": "HumanEval/0",
        "prompt": "def f(x):\n",
        "entry_point": "f",
        "test": ORIGIN,
        "canonical_solution": "",
    },
    "MBPP": {
        "task_id": 1,
        "text": "?",
        "code": "def f(x): return x",
        "test_list": ["assert f(1) == 1"],
        "test_setup_code": "",
        "test_imports": [],
    },
    "BigCodeBench": BIGCODEBENCH,
    "APPS": {"problem_id": 1, "question": "?", "starter_code": "", "solutions": '["x"]', "input_output": STDIN_TESTS},
    "APPS, packed": {"problem_id": 1, "question": "?", "input_output": json.dumps(CALL_TESTS)},
    "TACO": {"question": "?", "input_output": CALL_TESTS, "solutions": ["x"]},
    "CodeContests": {
        "name": "a",
        "description": "?",
        "public_tests": {"input": ["1"], "output": ["1"]},
        "private_tests": [],
        "generated_tests": [{"input": "1", "output": "1"}],
        "solutions": {"language": [3], "solution": ["x"]},
    },
    "LiveCodeBench": livecodebench(
        "[]", metadata='{"func_name": "f"}', starter_code="", public_test_cases=[{"input": "[1]", "output": "1"}]
    ),
    "LeetCode": {
        "task_id": "a",
        "prompt_sft": "p",
        "prompt": "class Solution:\n",
        "test": "my_solution = Solution()\nassert my_solution.f(1) == 1",
    },
    "LeetCodeDataset": {
        "task_id": "a",
        "prompt": "",
        "query": "?",
        "problem_description": "?",
        "starter_code": "",
        "test": CHECK,
        "entry_point": "Solution().f",
        "completion": "class Solution: pass",
    },
}
NESTED: list[Any] = []
for _ in range(5000):
    NESTED = [NESTED]
WRONG: tuple[Any, ...] = (
    None, True, 0, -1, 7, 10**400, 1e308, float("nan"), float("inf"), "", "x", "\0", "\ud800", "(" * 5000,
    "[" * 100_000, "{",
    "[]", "null", "def f(", "eJw=", [], [[]], [None], [1], ["x"], [{}], [[1, 2]], {}, {"a": 1},
    {"input": [1], "output": []}, NESTED,
)  # fmt: skip


@pytest.mark.parametrize("row", FORMATS.values(), ids=FORMATS)
def test_whatever_a_row_holds_it_is_a_problem_or_one_error(row: dict[str, Any]) -> None:
    assert isinstance(read_problem(row), Problem)
    refused = 0
    for wrong in WRONG:
        for one in variants(row, wrong):
            with suppress(ProblemsError):
                refused += 1
                problem = read_problem(one)
                refused -= 1
                assert problem.complete("x").source.endswith("x" + problem.suffix)
                assert problem.solve("x").tests
                assert problem.preamble is not None
    assert refused > len(WRONG)


def test_the_key_that_is_wrong_is_named() -> None:
    for row, key in [
        (FORMATS["APPS"] | {"question": []}, "question"),
        (FORMATS["TACO"] | {"input_output": {"inputs": 1, "outputs": []}}, "input_output.inputs"),
        (FORMATS["HumanEval+"] | {"plus_input": [[1], 2]}, "plus_input[1]"),
        (FORMATS["MBPP"] | {"test_list": ["x", 1]}, "test_list[1]"),
        (FORMATS["CodeContests"] | {"private_tests": [{"input": ""}]}, "output"),
        (FORMATS["LiveCodeBench"] | {"metadata": "{"}, "metadata"),
        (FORMATS["HumanEval"] | {"prompt": None}, "prompt"),
    ]:
        with pytest.raises(ProblemsError) as error:
            read_problem(row)
        assert key in str(error.value)
