"""Rows of BigCodeBench, ClassEval, DS-1000 and CRUXEval: what is asked, how answers become programs, what is refused.

The rows are written from the fields that the sets document.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.extraction import extract
from sandbox.problems import CATALOGUE, Form, Problem, ProblemsError, load_problems, read_problem
from sandbox.scoring.scorer import Scorer
from sandbox.values import Flag, Verdict

BIGCODEBENCH: dict[str, Any] = {
    "task_id": "BigCodeBench/9001",
    "complete_prompt": 'import random\n\ndef task_func(n):\n    """Return n numbers.\n    """\n',
    "instruct_prompt": "Return n numbers.\nYou should write self-contained code starting with:\n```\nimport random\n"
    "def task_func(n):\n```",
    "code_prompt": "import random\ndef task_func(n):\n",
    "canonical_solution": "    return [random.random() for _ in range(n)]\n",
    "test": (
        "import unittest\nfrom unittest.mock import patch\n\nclass TestCases(unittest.TestCase):\n"
        "    @patch('random.random', return_value=0.5)\n    def test_patched(self, _):\n"
        "        self.assertEqual(task_func(2), [0.5, 0.5])\n"
        "    def test_none(self):\n        self.assertEqual(task_func(0), [])\n"
    ),
    "entry_point": "task_func",
    "doc_struct": "{}",
    "libs": "['random']",
}
CLASSEVAL: dict[str, Any] = {
    "task_id": "ClassEval_900",
    "skeleton": 'import math\n\nclass Disc:\n    """A disc."""\n    def area(self):\n        """Return the area."""\n',
    "class_name": "Disc",
    "import_statement": ["import math"],
    "solution_code": (
        "class Disc:\n    def __init__(self, r):\n        self.r = r\n"
        "    def area(self):\n        return math.pi * self.r ** 2\n"
    ),
    "test": (
        "import unittest\n\nclass DiscTestArea(unittest.TestCase):\n    def test_1(self):\n"
        "        self.assertAlmostEqual(Disc(1).area(), 3.14159, 4)\n"
    ),
    "test_classes": ["DiscTestArea"],
}
DS1000: dict[str, Any] = {
    "prompt": "Problem:\nI have a list a. Sort it downwards.\nA:\n<code>\na = [1, 3, 2]\n</code>\n"
    "b = ... # put solution in this variable\nBEGIN SOLUTION\n<code>\n",
    "reference_code": "b = sorted(a, reverse=True)",
    "metadata": {"problem_id": 7, "library": "Numpy", "test_case_cnt": 2},
    "code_context": (
        "import copy, io, tokenize\n\n"
        "def generate_test_case(number):\n    data = [[1, 3, 2], [5, 4, 6, 4]][number - 1]\n"
        "    return data, sorted(copy.deepcopy(data), reverse=True)\n\n"
        "def exec_test(result, ans):\n    assert result == ans\n    return 1\n\n"
        'exec_context = r"""\na = test_input\n[insert]\nresult = b\n"""\n\n'
        'def test_execution(solution: str):\n    code = exec_context.replace("[insert]", solution)\n'
        "    for i in range(2):\n        test_input, expected = generate_test_case(i + 1)\n"
        '        test_env = {"test_input": test_input}\n        exec(code, test_env)\n'
        '        assert exec_test(test_env["result"], expected)\n\n'
        "def test_string(solution: str):\n    tokens = []\n"
        "    for token in tokenize.tokenize(io.BytesIO(solution.encode()).readline):\n"
        "        tokens.append(token.string)\n"
        '    assert "for" not in tokens\n'
    ),
}
CRUXEVAL: dict[str, Any] = {
    "id": "sample_900",
    "code": "def f(text, n):\n    return {text: n * 2}",
    "input": "'a', 4",
    "output": "{'a': 8}",
}


def verdict(scorer: Scorer, problem: Problem, text: str) -> Verdict:
    return scorer.score(problem.solve(extract(text, problem).source)).verdict


class TestBigCodeBench:
    def test_a_completion_continues_the_code_and_an_instruction_asks_for_all_of_it(self) -> None:
        complete, instruct = read_problem(BIGCODEBENCH), read_problem(BIGCODEBENCH | {"task": "instruct"})
        assert (complete.form, complete.prompt) == (Form.CALLS, BIGCODEBENCH["complete_prompt"])
        assert (instruct.form, instruct.prompt.strip()) == (Form.DATA, BIGCODEBENCH["instruct_prompt"])
        assert instruct.canonical_solution == BIGCODEBENCH["code_prompt"] + BIGCODEBENCH["canonical_solution"]

    def test_a_task_that_there_is_not_is_refused_by_name(self) -> None:
        with pytest.raises(ProblemsError, match="no task 'hard'; there are complete and instruct"):
            read_problem(BIGCODEBENCH | {"task": "hard"})

    @pytest.mark.docker
    @pytest.mark.parametrize("task", ["complete", "instruct"])
    def test_tests_patch_modules_in_the_programs_process_and_all_of_them_have_to_pass(
        self, scorer: Scorer, task: str
    ) -> None:
        problem = read_problem(BIGCODEBENCH | {"task": task})
        right = scorer.score(problem.complete(problem.canonical_solution or ""))
        assert (right.verdict, Flag.IN_PROCESS in right.flags) == (Verdict.PASSED, True)
        head = BIGCODEBENCH["complete_prompt"]
        for wrong in ("    return [0.5] * 2\n", "    return [0.1] * n\n", "    raise SystemExit(0)\n"):
            assert scorer.score(problem.solve(head + wrong)).verdict is not Verdict.PASSED


class TestClassEval:
    def test_the_skeleton_is_asked_and_the_class_is_the_entry_point(self) -> None:
        problem = read_problem(CLASSEVAL)
        assert (problem.name, problem.entry_point, problem.starter) == ("ClassEval_900", "Disc", CLASSEVAL["skeleton"])
        assert CLASSEVAL["skeleton"].strip() in problem.prompt

    @pytest.mark.docker
    def test_a_class_passes_by_its_tests_alone_and_has_the_sets_imports(self, scorer: Scorer) -> None:
        problem = read_problem(CLASSEVAL)
        assert verdict(scorer, problem, f"Here it is:\n```python\n{problem.canonical_solution}```\n") is Verdict.PASSED
        wrong = str(problem.canonical_solution).replace("** 2", "")
        assert verdict(scorer, problem, wrong.replace("* self.r", "* self.r * 2")) is Verdict.WRONG


class TestDS1000:
    def test_a_snippet_is_text_within_the_program_and_keeps_its_indentation(self) -> None:
        problem = read_problem(DS1000)
        assert problem.name == "DS-1000/7"
        for text in ("```python\n    b = a\n```", "    b = a\n</code>\nEND SOLUTION", "<code>\n    b = a\n</code>"):
            assert problem.solve(extract(text, problem).source).source == "_snippet = '    b = a\\n'\n"

    def test_files_are_read_as_the_hub_has_them(self, tmp_path: Path) -> None:
        folder = tmp_path / "DS-1000"
        folder.mkdir()
        (folder / "README.md").write_text("---\nlicense: cc-by-sa-4.0\n---\n", encoding="utf-8")
        packed = DS1000 | {"metadata": json.dumps(DS1000["metadata"] | {"problem_id": 8})}
        (folder / "test.jsonl").write_text(f"{json.dumps(DS1000)}\n{json.dumps(packed)}\n", encoding="utf-8")
        assert [problem.name for problem in load_problems(folder)] == ["DS-1000/7", "DS-1000/8"]

    @pytest.mark.docker
    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (DS1000["reference_code"], Verdict.PASSED),
            ("Sort it:\n```python\nb = sorted(a)[::-1]\n```\nDone.", Verdict.PASSED),
            ("b = a", Verdict.WRONG),
            ("b = [x for x in sorted(a, reverse=True)]", Verdict.WRONG),  # by test_string
            ("c = 1", Verdict.ERROR),
            ("raise SystemExit(0)", Verdict.EARLY_EXIT),
        ],
    )
    def test_the_context_runs_the_snippet_for_each_input(self, scorer: Scorer, answer: str, expected: Verdict) -> None:
        assert verdict(scorer, read_problem(DS1000), answer) is expected

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"code_context": "x = 1"}, "defines no test_execution"),
            ({"metadata": []}, "metadata is not an object"),
            ({"metadata": "{"}, "metadata"),
        ],
    )
    def test_a_row_that_could_test_nothing_is_refused(self, change: dict[str, object], why: str) -> None:
        with pytest.raises(ProblemsError, match=why):
            read_problem(DS1000 | change)


class TestCRUXEval:
    @pytest.mark.docker
    @pytest.mark.parametrize(
        ("task", "answer", "expected"),
        [
            ("output", "{'a': 8}", Verdict.PASSED),
            ("output", "[ANSWER]\nassert f('a', 4) == dict(a=4 * 2)\n[/ANSWER]", Verdict.PASSED),
            ("output", "It doubles. So:\n```python\nassert f('a', 4) == {'a': 8}\n```", Verdict.PASSED),
            ("output", "{'a': 8.5}", Verdict.WRONG),
            ("output", "f('a', 4)", Verdict.ERROR),
            ("output", "I do not know.", Verdict.ERROR),
            ("input", "'a', 4", Verdict.PASSED),
            ("input", "assert f(n=8 // 2, text='a') == {'a': 8}", Verdict.PASSED),
            ("input", "f('a', 5)", Verdict.WRONG),
            ("input", "f('a')", Verdict.ERROR),
            ("input", "{'a': 8} or f(0, 0)", Verdict.ERROR),
            ("input", "f('', globals().update(f=lambda *_: {'a': 8}))", Verdict.ERROR),
            ("input", "f('a', 1) or {'a': 8}", Verdict.ERROR),
        ],
    )
    def test_a_prediction_is_compared_as_data(self, scorer: Scorer, task: str, answer: str, expected: Verdict) -> None:
        assert verdict(scorer, read_problem(CRUXEVAL | {"task": task}), answer) is expected

    def test_what_is_asked_never_holds_what_is_expected(self) -> None:
        output, given = read_problem(CRUXEVAL), read_problem(CRUXEVAL | {"task": "input"})
        assert "f('a', 4) == ??" in output.prompt
        assert "8" not in output.prompt
        assert "f(??) == {'a': 8}" in given.prompt
        assert "4" not in given.prompt

    @pytest.mark.parametrize(
        "answer",
        [
            "(lambda: 3)()",
            "[x for x in (1, 2)]",
            "(1).__class__",
            "open('x')",
            "(y := 3)",
            "1; 2",
            "(",
            "(" * 5000,
            "x" * (2 << 20),
        ],
    )
    def test_an_answer_that_is_more_than_a_value_is_never_executed(self, answer: str) -> None:
        assert read_problem(CRUXEVAL).solve(answer).source.startswith("raise ValueError(")


def test_a_files_task_is_chosen_when_it_is_read_and_catalogued_sets_have_theirs(tmp_path: Path) -> None:
    file = tmp_path / "cruxeval.jsonl"
    file.write_text(json.dumps(CRUXEVAL) + "\n")
    assert ["?? == " in one.prompt or "f(??)" in one.prompt for one in load_problems(file, task="input")] == [True]
    assert ["f(??)" in one.prompt for one in load_problems(file)] == [False]
    assert (CATALOGUE["cruxeval-input"].task, CATALOGUE["bigcodebench-instruct"].task) == ("input", "instruct")


def test_a_task_is_refused_where_a_problem_holds_but_one(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    own = {"task_id": "a", "prompt": "Print 4.", "tests": [{"stdin": "", "stdout": "4\n"}]}
    for row in (own, {"task_id": 2, "text": "Add.", "code": "def f(a): return a", "test_list": ["assert f(1) == 1"]}):
        file.write_text(json.dumps(row))
        with pytest.raises(ProblemsError, match=r"line 1: the row holds one task; leave out the task 'instruct'"):
            load_problems(file, task="instruct")
