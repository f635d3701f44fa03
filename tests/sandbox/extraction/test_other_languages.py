"""Answers in other languages than Python: which block is the code, and what the prompt adds to it."""

from __future__ import annotations

import pytest
from language_functions import examples

from sandbox.extraction import extract
from sandbox.problems import Problem
from sandbox.values import StdinTest, StdinTests

EXAMPLES = examples()


@pytest.mark.parametrize("language", sorted(EXAMPLES))
def test_a_whole_function_in_a_block_is_found_beside_a_block_that_calls_it(language: str) -> None:
    example = EXAMPLES[language]
    source = example.problem.continued(example.right)
    answer = f"Here it is.\n\n```{language}\n{source}\n```\n\nIt prints this:\n\n```text\n[1, 3]\n```\n"
    found = extract(answer, example.problem)
    assert found.source.split() == source.split()
    assert "the last block that defines lengths" in found.why


@pytest.mark.parametrize("language", ["cpp", "go", "java", "php", "rust"])
def test_what_the_prompt_has_before_the_function_is_put_before_a_function_alone(language: str) -> None:
    example = EXAMPLES[language]
    source = example.problem.continued(example.right)
    begun = example.problem.prompt.rstrip().rpartition("\n")[2]
    alone = source[source.index(begun) :].rstrip()
    alone = alone.removesuffix("}").rstrip() if language == "java" else alone
    made = extract(f"```\n{alone}\n```", example.problem).source
    if example.problem.preamble:
        assert made.strip().splitlines()[0] == example.problem.preamble.strip().splitlines()[0]
    assert made.count("{") == made.count("}")
    assert begun in made


@pytest.mark.parametrize("language", ["cpp", "javascript", "go"])
def test_a_body_alone_continues_the_prompt(language: str) -> None:
    example = EXAMPLES[language]
    made = extract(f"```{language}\n{example.right}```", example.problem).source
    assert made.split() == example.problem.continued(example.right).split()


def test_a_completion_ends_where_the_set_says() -> None:
    example = EXAMPLES["cpp"]
    goes_on = f"{example.right}}}\n\nint main() {{ return 0; }}\n"
    found = extract(goes_on, example.problem, given="raw").source
    assert found == example.problem.continued(example.right.removesuffix("\n"))
    assert "main" not in found


def test_a_whole_program_of_another_language_is_the_last_closed_block() -> None:
    problem = Problem.from_row(
        {"task_id": "sum", "prompt": "Add.", "tests": [{"stdin": "1 2\n", "stdout": "3\n"}]}
    ).in_language("cpp")
    assert isinstance(problem.given, StdinTests)
    assert isinstance(problem.given.cases[0], StdinTest)
    answer = "First:\n```cpp\nint main() { return 1; }\n```\nBetter:\n```cpp\nint main() {}\n```\n"
    program = problem.solve(extract(answer, problem).source)
    assert (program.source.strip(), program.language) == ("int main() {}", "cpp")


def test_an_answer_without_code_is_no_program() -> None:
    assert extract("", EXAMPLES["rust"].problem).source == EXAMPLES["rust"].problem.continued("")
    assert extract("<think>what if", EXAMPLES["rust"].problem).source == ""
