"""Rows of MultiPL-E and HumanEval-X."""

from __future__ import annotations

import pytest
from language_functions import examples

from sandbox.problems import Problem, ProblemsError
from sandbox.values import LanguageTests

GO = {
    "task_id": "Go/900",
    "prompt": "// Add.\nfunc Add(a int, b int) int {\n",
    "declaration": "func Add(a int, b int) int {\n",
    "canonical_solution": "    return a + b\n}\n",
    "test_setup": 'package main\n\nimport (\n    "testing"\n    "github.com/stretchr/testify/assert"\n)\n',
    "test": "func TestAdd(t *testing.T) {\n    assert := assert.New(t)\n    assert.Equal(3, Add(1, 2))\n}\n",
    "example_test": "func TestAdd(t *testing.T) {\n    assert := assert.New(t)\n    assert.Equal(2, Add(1, 1))\n}\n",
}


@pytest.mark.parametrize("language", sorted(examples()))
def test_a_row_of_multipl_e_is_read_as_published(language: str) -> None:
    example = examples()[language]
    assert example.problem.language == language
    assert list(example.problem.stops) == example.row["stop_tokens"]
    program = example.problem.complete(example.right)
    assert program.language == language
    assert program.source.startswith(str(example.row["prompt"]) + example.right[:20])


def test_a_row_of_humaneval_x_has_public_tests_and_a_solution() -> None:
    problem = Problem.from_row(GO)
    assert (problem.language, problem.entry_point) == ("go", "Add")
    assert isinstance(problem.given, LanguageTests)
    assert isinstance(problem.public, LanguageTests)
    assert (problem.given.pairs, "1, 1" in problem.public.text) == ((), True)
    assert problem.complete(problem.canonical_solution or "").source == GO["prompt"] + GO["canonical_solution"]


def test_the_declaration_of_rust_belongs_to_the_prompt() -> None:
    row = GO | {"task_id": "Rust/1", "prompt": "/* Add. */", "declaration": "\nfn add(a:i32, b:i32) -> i32{\n"}
    assert Problem.from_row(row).prompt.endswith("fn add(a:i32, b:i32) -> i32{\n")


def test_a_function_that_has_check_in_its_name_is_no_python() -> None:
    begun = "func file_name_check(a int) interface{}{\n"
    test = "func TestX(t *testing.T) { assert.New(t).Nil(file_name_check(1)) }\n"
    problem = Problem.from_row(GO | {"declaration": begun, "prompt": begun, "test": test})
    assert (problem.language, problem.entry_point) == ("go", "file_name_check")


def test_a_language_without_a_driver_is_refused_by_name() -> None:
    row = examples()["cpp"].row
    with pytest.raises(ProblemsError, match="language 'rkt' is not known"):
        Problem.from_row(row | {"language": "rkt"})
    with pytest.raises(ProblemsError, match="tests of functions in fortran cannot be run; there are cpp"):
        Problem.from_row(row | {"language": "f90"})


def test_a_problem_of_whole_programs_may_be_solved_in_any_language_and_another_not() -> None:
    whole = Problem.from_row({"task_id": "a", "prompt": "Add.", "tests": [{"stdin": "1 2", "stdout": "3"}]})
    assert whole.in_language("rust").solve("fn main() {}").language == "rust"
    with pytest.raises(ProblemsError, match="its tests call a function in cpp, not in rust"):
        examples()["cpp"].problem.in_language("rust")
