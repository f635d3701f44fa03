from __future__ import annotations

import json
import warnings

import pytest
from language_functions import examples

import sampler
from sampler.study.prompts import Template, program_for, prompt_for, without_prefill
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


@pytest.fixture(scope="module")
def mbpp(shared_data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of its solutions have escapes that Python frowns upon
        return {problem.name: problem for problem in load_problems(shared_data / "mbpp.jsonl.gz")}


def shots_of(mbpp):
    return [mbpp[f"MBPP/{n}"] for n in (2, 3, 4)]  # those of Austin et al. 2021


def test_mbpp_with_shots_has_the_form_that_its_authors_published(mbpp):
    prompt = prompt_for(mbpp["MBPP/11"], PromptStyle.COMPLETION, shots_of(mbpp))
    assert prompt.text.startswith(
        "You are an expert Python programmer, and here is your task: Write a function to find the similar "
        "elements from the"
        " given two tuple lists. Your code should pass these tests:\n\nassert similar_elements("
    )
    assert prompt.text.count("[BEGIN]\n") == 4
    assert prompt.text.count("\n[DONE]\n\n") == 3
    assert prompt.text.endswith('assert remove_Occ("PHP","P") == "H"\n[BEGIN]\n')
    assert mbpp["MBPP/2"].canonical_solution.rstrip() in prompt.text
    assert "\r" not in prompt.text
    assert not prompt.continues


def test_every_answer_of_mbpp_in_that_form_becomes_the_program_that_it_is(mbpp):
    shots = shots_of(mbpp)
    for problem in mbpp.values():
        prompt = prompt_for(problem, PromptStyle.COMPLETION, shots)
        answer = f"{problem.canonical_solution.strip()}\n[DONE]\n\nYou are an expert"
        assert program_for(problem, prompt, answer).source.strip() == problem.canonical_solution.strip()
        assert problem.tests.strip().splitlines()[-1] in prompt.text


def test_without_shots_mbpp_is_continued_as_before(mbpp):
    prompt = prompt_for(mbpp["MBPP/11"], PromptStyle.COMPLETION)
    assert (prompt.text, prompt.continues) == (mbpp["MBPP/11"].prompt, True)


APPS = {
    "problem_id": 4000,
    "solutions": '["print(sum(map(int, input().split())))"]',
    "starter_code": "",
    "difficulty": "i",
}


@pytest.fixture
def apps(tmp_path):
    """Two problems as APPS writes them: one by stdin, one by a call."""
    stdin = APPS | {"question": "Add two numbers.", "input_output": '{"inputs": ["1 2"], "outputs": ["3"]}'}
    call = APPS | {
        "problem_id": 4001,
        "question": "Add one.",
        "solutions": '["class Solution:\\n    def inc(self, x):\\n        return x + 1"]',
        "input_output": '{"fn_name": "inc", "inputs": [[1]], "outputs": [2]}',
        "starter_code": "class Solution:\n    def inc(self, x):\n",
    }
    path = tmp_path / "apps.jsonl"
    path.write_text("\n".join(map(json.dumps, (stdin, call))), encoding="utf-8")
    return load_problems(path)


def test_whole_programs_are_asked_as_apps_asks_them_and_answered_without_the_question(apps):
    stdin, call = apps
    asked = prompt_for(stdin, PromptStyle.COMPLETION)
    assert asked.text == "\nQUESTION:\nAdd two numbers.\n\nUse Standard Input format\n\nANSWER:\n"
    assert "Use Call-Based format" in prompt_for(call, PromptStyle.COMPLETION).text
    assert "class Solution:\n    def inc(self, x):" in prompt_for(call, PromptStyle.COMPLETION).text
    written = "if True:\n    print(3)\n\nQUESTION:\nAnother one"
    assert program_for(stdin, asked, written).source == "if True:\n    print(3)\n"


def test_a_chat_asks_for_a_whole_program_and_shows_the_code_to_begin_with(apps):
    stdin, call = (prompt_for(problem, PromptStyle.CHAT) for problem in apps)
    assert "reads standard input" in stdin.text
    assert "``" not in stdin.text.replace("```", "").replace("```python", ""), "no function without a name"
    assert stdin.text.endswith("Add two numbers.")
    assert "function `inc`" in call.text
    assert call.text.endswith("Begin with this code:\n\n```python\nclass Solution:\n    def inc(self, x):\n```")
    assert call.text.count("class Solution") == 1


def test_the_prompt_of_livecodebench_has_its_system_message_and_the_code_to_begin_with(apps):
    stdin, call = (prompt_for(problem, PromptStyle.CHAT, template=Template.LIVECODEBENCH) for problem in apps)
    assert stdin.text.startswith(
        "### Question:\nAdd two numbers.\n\n### Format: Read the inputs from stdin solve the problem"
    )
    assert stdin.text.endswith(
        "```python\n# YOUR CODE HERE\n```\n\n### Answer: (use the provided format with backticks)\n\n"
    )
    assert "### Format: You will use the following starter code" in call.text
    assert "```python\nclass Solution:\n    def inc(self, x):\n\n```" in call.text
    assert [message["role"] for message in stdin.messages] == ["system", "user"]
    assert (stdin.prefill, stdin.stop) == ("", ())


def test_the_prompts_of_apps_and_bigcodebench_are_theirs(apps, humaneval):
    asked = prompt_for(apps[0], PromptStyle.CHAT, template=Template.APPS)
    assert asked.text == prompt_for(apps[0], PromptStyle.COMPLETION).text
    code, words = (prompt_for(p, PromptStyle.CHAT, template=Template.BIGCODEBENCH) for p in (humaneval[0], apps[0]))
    begins = (
        "Please provide a self-contained Python script that solves the following problem in a markdown code block:\n"
    )
    assert code.text == f"{begins}```\n{humaneval[0].prompt.strip()}\n```\n"
    assert words.text == f"{begins}Add two numbers.\n"
    answer = "def has_close_elements(numbers, threshold):\n    return True\n```\nThat is it."
    assert program_for(humaneval[0], code, answer).source.endswith("    return True")


@pytest.mark.parametrize(
    ("style", "template", "forms"),
    [
        (PromptStyle.COMPLETION, None, ["apps", "apps", "completion"]),
        (PromptStyle.CHAT, None, ["chat, a whole program", "chat", "chat"]),
        (PromptStyle.CHAT, Template.LIVECODEBENCH, ["livecodebench"] * 3),
    ],
)
def test_a_prompt_names_its_form(apps, humaneval, style, template, forms):
    assert [prompt_for(one, style, template=template).form for one in (*apps, humaneval[0])] == forms


def test_shots_of_apps_are_questions_with_their_answers(apps):
    stdin, call = apps
    prompt = prompt_for(call, PromptStyle.COMPLETION, [stdin])
    answered = "ANSWER:\nprint(sum(map(int, input().split())))\n\nQUESTION:\nAdd one."
    assert answered in prompt.text
    assert prompt.text.endswith("ANSWER:\n")


def test_shots_before_a_function_are_functions(humaneval):
    first, second = humaneval[:2]
    prompt = prompt_for(second, PromptStyle.COMPLETION, [first])
    assert prompt.text == f"{first.prompt}{first.canonical_solution.rstrip()}\n\n\n{second.prompt}"
    assert program_for(second, prompt, second.canonical_solution).source.startswith(second.prompt)


@pytest.mark.parametrize("style", PromptStyle)
def test_stops_of_the_study_take_the_place_of_the_usual_ones(humaneval, style):
    assert prompt_for(humaneval[0], style, stop=("END",)).stop == ("END",)
    assert prompt_for(humaneval[0], style, stop=()).stop == ()


def test_a_model_that_cannot_be_given_the_beginning_is_asked_without_it_and_without_what_ends_it(humaneval):
    chat = without_prefill(prompt_for(humaneval[0], PromptStyle.CHAT))
    assert (chat.prefill, chat.stop) == ("", ())
    assert without_prefill(prompt_for(humaneval[0], PromptStyle.CHAT, stop=("END",))).stop == ("END",)
    completion = prompt_for(humaneval[0], PromptStyle.COMPLETION)
    assert without_prefill(completion) == completion


def test_the_search_for_code_is_public(humaneval):
    found = sampler.extract("Sure:\n```python\ndef truncate_number(x):\n    return x % 1.0\n```", humaneval[2])
    assert isinstance(found, sampler.Extracted)
    assert found.source.endswith("def truncate_number(x):\n    return x % 1.0")
    with pytest.raises(AttributeError, match="has no attribute 'program_for'"):
        _ = sampler.program_for


@pytest.mark.parametrize("language", ["cpp", "rust", "javascript"])
def test_a_prompt_names_the_language_of_its_problem(language: str) -> None:
    problem = examples()[language].problem
    chat, completion = (prompt_for(problem, style) for style in (PromptStyle.CHAT, PromptStyle.COMPLETION))
    assert chat.prefill == f"```{language}\n"
    assert f"```{language}\n{problem.prompt.strip()}" in chat.text
    assert "Python" not in chat.text
    assert completion.stop == (*problem.stops, "\n```")
    assert (chat.form, completion.form) == (f"chat, {language}", f"completion, {language}")
    right = examples()[language].right
    assert program_for(problem, completion, right).source.split() == problem.continued(right).split()
