from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.problems import Form, Problem, ProblemsError, find_problem, load_problems
from sandbox.sanitize import sanitize
from sandbox.values import MAX_SOURCE_BYTES, CallTests, Job, Limits, Program


@pytest.mark.parametrize(
    "limits",
    [{"cpu_s": 0}, {"wall_s": -1}, {"memory_mb": 5}, {"processes": 0}, {"cpu_s": float("nan")}, {"cpu_s": 1e19},
     {"wall_s": float("inf")}, {"disk_mb": 1 << 43}, {"output_kb": 1 << 20}],
)  # fmt: skip
def test_a_limit_that_limits_nothing_is_refused_by_name(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(limits))):
        Limits(**limits)  # type: ignore[arg-type]


def test_a_program_over_the_cap_is_refused() -> None:
    with pytest.raises(ValueError, match="at most"):
        Job(program=Program(source="x" * (MAX_SOURCE_BYTES + 1)))


def test_humaneval_comes_with_the_package() -> None:
    problems = load_problems("humaneval")
    assert len(problems) == 164
    assert problems[0].name == "HumanEval/0"
    assert "def encode_cyclic" in problems[38].preamble


def a_line(**changes: object) -> bytes:
    row = {"task_id": "a/1", "prompt": "def f():\n", "entry_point": "f", "test": "def check(c): assert c()"}
    return json.dumps(row | changes).encode() + b"\n"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no problem"),
        (b"{", "line 1: not JSON"),
        (b"\xff\xfe\n", "line 1"),
        (b"[]\n", "holds no problem"),
        (b'{"task_id": "x"}\n', "'prompt' is missing"),
        (a_line() + a_line(), "line 2: a/1 stands there twice"),
        (a_line(entry_point="f; import os"), "not a Python name"),
        (a_line(test=""), "line 1: a/1 has no test"),
    ],
)
def test_a_bad_problems_file_is_named_with_its_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_bytes(content)
    with pytest.raises(ProblemsError, match=complaint):
        load_problems(path)


def test_a_line_separator_inside_a_string_does_not_split_a_line(tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    row = {"task_id": "a/1", "prompt": "# \u2028\ndef f():\n", "entry_point": "f", "test": "def check(c): assert c()"}
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    assert "\u2028" in load_problems(path)[0].prompt


def test_a_missing_problems_file_says_what_can_be_given() -> None:
    with pytest.raises(ProblemsError, match="humaneval"):
        load_problems("no-such-file.jsonl")


def test_a_problem_completes_and_solves() -> None:
    problem = Problem(name="a", prompt="import os\ndef f():\n", entry_point="f", tests="def check(c): assert c()")
    assert problem.complete("    return 1").source == "import os\ndef f():\n    return 1"
    assert problem.solve("f = len").source == "f = len"
    assert problem.tests_as_code.rstrip().endswith("check(f)")
    assert problem.preamble == "import os\n"


@pytest.mark.parametrize("text", ["\x1b]52;c;ZXZpbA==\x07", "\x9b2J", "a\rb", "\u202egnp", "\ud800", "\x00", "\u2066"])
def test_hostile_text_is_made_visible(text: str) -> None:
    shown = sanitize(text)
    assert shown.encode("utf-8")
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in shown)
    assert "\u202e" not in shown


def test_ordinary_text_stays() -> None:
    assert sanitize("Grüße,\t世界\n".encode()) == "Grüße,\t世界\n"


MBPP_ROW = {
    "task_id": 11, "text": "Add.", "code": "def helper(): pass\r\ndef add(a, b):\r\n    return a + b",
    "test_setup_code": "", "test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"], "challenge_test_list": [],
}  # fmt: skip


def test_mbpp_rows_become_problems_whose_tests_are_data(tmp_path: Path) -> None:
    path = tmp_path / "mbpp.jsonl"
    path.write_text(json.dumps(MBPP_ROW) + "\n" + json.dumps(MBPP_ROW | {"task_id": 12, "test_setup_code": "x = 1"}))
    plain, with_setup = load_problems(path)
    assert (plain.name, plain.entry_point) == ("MBPP/11", "add")
    assert isinstance(plain.checked_by, CallTests)
    assert isinstance(plain.canonical_solution, str)
    assert "\r" not in plain.canonical_solution
    compile(plain.complete(plain.canonical_solution).source, "mbpp", "exec")
    assert isinstance(with_setup.checked_by, CallTests)
    assert load_problems("humaneval")[0].form is Form.CHECK


@pytest.mark.parametrize("task_id", [11, "11", "MBPP/11", "Mbpp/11"])
def test_a_problem_is_found_however_files_call_it(task_id: object, tmp_path: Path) -> None:
    path = tmp_path / "mbpp.jsonl"
    path.write_text(json.dumps(MBPP_ROW))
    problems = {problem.name: problem for problem in load_problems(path)}
    assert find_problem(problems, task_id) is problems["MBPP/11"]
    assert find_problem(problems, "HumanEval/11") is None
    assert find_problem(problems, 12) is None
    assert find_problem({"add": problems["MBPP/11"]}, "ADD") is problems["MBPP/11"]
    assert find_problem({"add": problems["MBPP/11"], "Add": problems["MBPP/11"]}, "ADD") is None
    assert find_problem({"APPS/0042": problems["MBPP/11"]}, "42") is problems["MBPP/11"]
    assert find_problem({"APPS/0042": problems["MBPP/11"]}, "420") is None
