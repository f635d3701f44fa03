from __future__ import annotations

import json

import pytest

from sampler.solving.problem import MOST_TEXT, UnclearProblem, problem_of, read_problem_input, read_problem_text
from sandbox.problems import ProblemsError

CODE = 'def f(x):\n    """Twice.\n\n    >>> f(1)\n    2\n    """\n'


@pytest.mark.parametrize(
    ("text", "tests", "entry", "public"),
    [
        (CODE, "", "f", "assert f(1) == 2"),
        (f"Please write it.\n\n```python\n{CODE}```\nThanks", "", "f", "assert f(1) == 2"),
        (f"import math\n\ndef helper(x):\n    return x\n\n{CODE}", "", "f", "assert f(1) == 2"),
        ("Write `g`, the sum of a list.\nassert g([1, 2]) == 3", "", "g", "assert g([1, 2]) == 3"),
        ("Write the sum of a list.", "assert total([]) == 0\n", "total", "assert total([]) == 0"),
        (CODE, "assert f(1) == 2\nassert f(-1) == -2", "f", "assert f(1) == 2\nassert f(1) == 2\nassert f(-1) == -2"),
        ("Sort.\nassert sorted(g([2, 1])) == [1, 2]", "", "g", "assert sorted(g([2, 1])) == [1, 2]"),
        ("Add.\nassert 3 == g(1, 2)", "", "g", "assert 3 == g(1, 2)"),
        ("Add.\nassert g(\n    1,\n    2,\n) == 3", "", "g", "assert g(1, 2) == 3"),
        ("def f(x):\n", "", "f", ""),
    ],
)
def test_the_function_and_its_public_tests_are_found_in_what_a_person_writes(text, tests, entry, public):
    problem = problem_of(text, tests)
    assert problem.entry_point == entry
    assert problem.selection_source.strip() == public
    assert (problem.selected_by is None) == (not public)


def test_words_around_code_are_still_told_to_the_model():
    assert "Please write it." in problem_of(f"Please write it.\n\n```python\n{CODE}```\nThanks").prompt


@pytest.mark.parametrize(
    ("text", "tests", "told"),
    [
        (" \n", "", "is empty"),
        ("Sort a list, please.", "", "names no function"),
        ("x" * (MOST_TEXT + 1), "", "at most"),
        (CODE, "assert f(1", "no Python"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_way_out(text, tests, told):
    with pytest.raises(UnclearProblem, match=told):
        problem_of(text, tests)


def test_a_file_may_hold_a_text_or_a_data_set(tmp_path):
    (tmp_path / "task.py").write_text(CODE)
    assert [problem.name for problem in read_problem_text(tmp_path / "task.py", "", None)] == ["task"]
    row = {"task_id": "T/0", "prompt": CODE, "entry_point": "f", "test": "def check(c):\n    assert c(3) == 6\n"}
    (tmp_path / "set.jsonl").write_text(json.dumps(row))
    (problem,) = read_problem_text(tmp_path / "set.jsonl", "", None)
    assert problem.selected_by is not None
    with pytest.raises(ProblemsError, match="cannot read"):
        read_problem_text(tmp_path / "none.md", "", None)


def test_a_program_may_send_rows_of_a_data_set_instead_of_a_text() -> None:
    row = {
        "task_id": "t/1",
        "prompt": 'def add(a, b):\n    """\n    >>> add(1, 2)\n    3\n    """\n',
        "entry_point": "add",
        "test": "def check(add):\n    assert add(1, 2) == 3",
    }
    for sent in (json.dumps(row), json.dumps(row, indent=2)):
        (problem,) = read_problem_input(sent, "", None)
        assert (problem.name, problem.entry_point) == ("t/1", "add")
        assert "(1, 2) == 3" in problem.public_tests, "the example in its prompt"
    several = "\n".join(json.dumps({**row, "task_id": f"t/{number}"}) for number in (1, 2))
    assert [problem.name for problem in read_problem_input(several, "", None)] == ["t/1", "t/2"]
    with pytest.raises(ProblemsError, match="standard input: "):
        read_problem_input('{"task_id": "x"}', "", None)
    for text in ('{"a": broken\ndef f(x):\n    """>>> f(1)\n    2\n    """\n', "Write `f(x)`."):
        assert read_problem_input(text, "", None) == [problem_of(text)]
