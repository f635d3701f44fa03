"""Answers to questions for a value: where it stands in what a model wrote."""

from __future__ import annotations

import time

import pytest

from sandbox.values.answer_forms import AnswerForm, found_snippet, found_value, program_of

RUN = "```python\nx = 1\ny = 2\n```\n"


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("[THOUGHT]\nf(2) is 3\n[/THOUGHT]\n[ANSWER]\nf(2) == {1: 2}\n[/ANSWER]", {1: 2}),
        ("Steps.\n<answer>\n{1: 2}\n</answer>", {1: 2}),
        ("<answer>1</answer> No:\n<answer>{1: 2}</answer>\nDone.", {1: 2}),
        ("Hence \\boxed{ {1: 2} }.", {1: 2}),
        ("Steps.\n\nThe output is `{1: 2}`.", {1: 2}),
        ("Steps.\n\n**Answer:** {1: 2}", {1: 2}),
        ("So the function returns {1: 2}.", {1: 2}),
        (f"{RUN}So the output is `{{1: 2}}`.", {1: 2}),
        ("[ANSWER]\n```python\n{1: 2}\n```\n[/ANSWER]", {1: 2}),
        ("```\n{1: 2}\n```\nThis is 5.", {1: 2}),
        ("Final answer: **'a: b.'**", "a: b."),
        ("'The answer is 5'", "The answer is 5"),
    ],
)
def test_a_value_is_found_where_chats_put_it(answer: str, value: object) -> None:
    namespace: dict[str, object] = {}
    exec(program_of(found_value(answer), AnswerForm.OUTPUT, "f"), namespace)
    given = namespace["answer"]
    assert callable(given)
    assert given() == value


@pytest.mark.parametrize("answer", ["I do not know.", "The answer is f(2).", "The output is x.", ""])
def test_prose_is_no_value(answer: str) -> None:
    with pytest.raises(ValueError, match="the answer is no value"):
        exec(program_of(found_value(answer), AnswerForm.OUTPUT, "f"), {})


@pytest.mark.parametrize(
    "piece", ["<answer>", "\\boxed{", "`a", "is ", "answer: ", "```\n", "```a\n", "<code>\n```a\n"]
)
def test_hostile_answers_take_linear_time(piece: str) -> None:
    begun = time.process_time()
    found_value(piece * (400_000 // len(piece)))
    found_snippet(piece * (400_000 // len(piece)))
    assert time.process_time() - begun < 30
