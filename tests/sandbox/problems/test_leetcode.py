"""LeetCode problems in the two formats that people have: rows made up here, in the shape of theirs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.judging.explaining import explain
from sandbox.problems import Problem, ProblemsError, load_problems
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.values import CallTests, CheckTests, Comparison, Flag, Limits, Verdict

CLASS = "class Solution:\n    def raised(self, nums: List[int], by: int) -> List[int]:\n        "
BODY = "return [n + by for n in nums]\n"
DEEPSEEK: dict[str, Any] = {
    "task_id": "raise-all", "url": "https://example.org/raise-all", "title": "raise-all",
    "meta": {"difficulty": "Easy"},
    "prompt": f'"""\nRaise all.\n"""\n{CLASS}', "prompt_sft": f"Raise all.\n```python\n{CLASS}\n```",
    "start_time": 1705804200,
    "test": "\nmy_solution = Solution()\n\n"
            'test_input = { "nums": [1,2], "by": 3 }\nassert my_solution.raised(**test_input) == [4,5]\n\n'
            'test_input = { "nums": [], "by": 3 }\nassert my_solution.raised(**test_input) == []\n',
}  # fmt: skip
DATASET: dict[str, Any] = {
    "task_id": "raise-all", "question_id": 1, "difficulty": "Easy", "starter_code": CLASS,
    "problem_description": "Raise all.",
    "prompt": "from typing import *\nfrom collections import *\ninf = float('inf')\n", "completion": CLASS + BODY,
    "entry_point": "Solution().raised", "query": "Raise all, please.",
    "test": "def check(candidate):\n    assert candidate(nums = [1,2],by = 3) == [4,5]\n"
            "    assert candidate(nums = [-inf],by = 1) == [-inf]\n",
    "input_output": [{"input": "nums = [1,2], by = 3", "output": "[4,5]"}],
}  # fmt: skip
NODES = (
    "class Node:\n    def __init__(self, value, after):\n        self.value, self.after = value, after\n\n"
    "def chain(values):\n    return Node(values[0], chain(values[1:])) if values else None\n"
)
LAST = "class Solution:\n    def last(self, head):\n        "
LAST_BODY = "return head.value if head.after is None else self.last(head.after)\n"


def loaded(path: Path, row: dict[str, Any]) -> Problem:
    file = path / "leetcode.jsonl"
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    (problem,) = load_problems(file)
    return problem


@pytest.fixture(scope="module")
def scorer() -> Iterator[Scorer]:
    with open_scorer(Limits(), boxes=1) as opened:
        yield opened


def test_calls_with_literals_become_data(tmp_path: Path) -> None:
    for row in (DEEPSEEK, DATASET):
        problem = loaded(tmp_path, row)
        assert isinstance(problem.given, CallTests)
        first = problem.given.cases[0]
        assert (first.function, first.arguments, first.keywords) == ("Solution.raised", (), {"nums": [1, 2], "by": 3})
        assert (first.comparison, first.expected) == (Comparison.EQUAL, [4, 5])
        assert len(problem.given.cases) == 2


def test_the_prompt_of_one_is_code_and_of_the_other_a_question(tmp_path: Path) -> None:
    assert loaded(tmp_path, DEEPSEEK).prompt == DEEPSEEK["prompt"]
    assert loaded(tmp_path, DATASET).prompt == f"Raise all.\n\n{CLASS}".rstrip() + "\n"
    older = {key: value for key, value in DATASET.items() if key not in {"problem_description", "starter_code"}}
    assert loaded(tmp_path, older).prompt == "Raise all, please.\n"


def test_what_stands_before_the_class_is_kept_for_programs_that_stand_alone(tmp_path: Path) -> None:
    assert loaded(tmp_path, DEEPSEEK | {"prompt": f"{NODES}\n{CLASS}"}).preamble == f"{NODES}\n"
    assert loaded(tmp_path, DATASET).preamble == ""  # its prompt is a question


@pytest.mark.docker
@pytest.mark.parametrize(("row", "whole"), [(DEEPSEEK, BODY), (DATASET, CLASS + BODY)])
def test_a_program_gets_the_imports_that_its_set_assumes(
    row: dict[str, Any], whole: str, tmp_path: Path, scorer: Scorer
) -> None:
    program = loaded(tmp_path, row).complete(whole)
    scored = scorer.submit(program).result(timeout=300)
    assert (scored.verdict, scored.flags) == (Verdict.PASSED, frozenset()), explain(scored, scorer.limits, program)
    wrong = loaded(tmp_path, row).complete(whole.replace("+ by", "- by"))
    said = explain(scorer.submit(wrong).result(timeout=300), scorer.limits, wrong)
    assert said == "answered [-2, -1] where [4, 5] was expected, call 1 of 2, arguments (nums=[1, 2], by=3)"


@pytest.mark.docker
def test_tests_that_hand_over_objects_stand_beside_the_program(tmp_path: Path, scorer: Scorer) -> None:
    deepseek = DEEPSEEK | {
        "prompt": f"{NODES}\n{LAST}",
        "test": (
            'my_solution = Solution()\ntest_input = { "head": chain([1,2]) }\nassert my_solution.last(**test_input) '
            "== 2\n"
        ),
    }
    dataset = DATASET | {
        "prompt": DATASET["prompt"] + NODES,
        "completion": LAST + LAST_BODY,
        "entry_point": "Solution().last",
        "test": "def check(candidate):\n    assert candidate(head = chain([1,2])) == 2\n",
    }
    for row, completion in ((deepseek, LAST_BODY), (dataset, LAST + LAST_BODY)):
        problem = loaded(tmp_path, row)
        assert isinstance(problem.given, str)
        scored = scorer.submit(problem.complete(completion)).result(timeout=300)
        assert (scored.verdict, scored.flags) == (Verdict.PASSED, {Flag.IN_PROCESS})
        wrong = scorer.submit(problem.complete(completion.replace("head.value", "0"))).result(timeout=300)
        assert wrong.verdict is Verdict.WRONG


@pytest.mark.docker
def test_code_that_leans_on_the_function_alone_runs_in_a_grader_box(tmp_path: Path, scorer: Scorer) -> None:
    in_any_order = "assert sorted(my_solution.raised(**test_input)) == [4,5]"
    deepseek = DEEPSEEK | {"test": DEEPSEEK["test"] + f'test_input = {{"nums": [2,1], "by": 3}}\n{in_any_order}\n'}
    dataset = DATASET | {
        "prompt": DATASET["prompt"] + NODES,  # which the tests do not use
        "test": DATASET["test"] + "    assert Counter(candidate([2,1], 3)) == Counter([4,5])\n",
    }
    for row, completion in ((deepseek, BODY), (dataset, CLASS + BODY)):
        problem = loaded(tmp_path, row)
        assert isinstance(problem.given, CheckTests)
        scored = scorer.submit(problem.complete(completion)).result(timeout=300)
        assert (scored.verdict, scored.flags) == (Verdict.PASSED, frozenset())
        wrong = scorer.submit(problem.complete(completion.replace("+ by", "- by"))).result(timeout=300)
        assert wrong.verdict is Verdict.WRONG


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (DEEPSEEK | {"test": "assert True"}, "line 1: its tests use 0 methods of my_solution where one is expected"),
        (DEEPSEEK | {"prompt": "def raised(nums):\n"}, "line 1: its prompt begins no class Solution"),
        (DEEPSEEK | {"test": "my_solution = ("}, "line 1: its tests are no Python"),
        (DATASET | {"entry_point": "Solution().a.b"}, r"line 1: its entry_point 'Solution\(\).a.b' names no method"),
        (
            {key: value for key, value in DATASET.items() if key != "completion"},
            "line 1: the field 'completion' is missing",
        ),
    ],
)
def test_a_malformed_row_is_named(row: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ProblemsError, match=said):
        loaded(tmp_path, row)
