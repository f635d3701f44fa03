from __future__ import annotations

import pytest

from sampler.prompts import prompt_for
from sampler.values import PromptStyle
from sandbox.problems import load_problems


@pytest.fixture(scope="module")
def humaneval():
    return load_problems("humaneval")


def test_completion_style_sends_the_prompt_untouched(humaneval):
    for problem in humaneval:
        prompt = prompt_for(problem, PromptStyle.COMPLETION)
        assert (prompt.text, prompt.prefill) == (problem.prompt, "")


def test_chat_style_asks_with_the_whole_prompt_and_opens_the_answer_with_a_fence(humaneval):
    for problem in humaneval:
        prompt = prompt_for(problem, PromptStyle.CHAT)
        assert problem.prompt.strip() in prompt.text
        assert problem.entry_point in prompt.text
        assert prompt.prefill == "```python\n"
        assert prompt.stop == ("\n```",)


def test_no_canonical_solution_is_cut_by_a_stop_string_before_its_end(humaneval):
    for problem in humaneval:
        body = problem.canonical_solution.rstrip()
        for stop in prompt_for(problem, PromptStyle.COMPLETION).stop:
            assert stop not in body, problem.name
