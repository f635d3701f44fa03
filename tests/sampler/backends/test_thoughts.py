"""Samples of engines that keep no thought apart: by their marks, their prompt and the texts of their tokens."""

from __future__ import annotations

import pytest

from sampler.backends.base import template_fields, without_thought
from sampler.values import Finish, SamplingParams

TOKENS = ["First", " I", " add", ".", "</think>", "\n\n", "a", " =", " 1", "<|im_end|>"]
TEXT = "First I add.</think>\n\na = 1"


def test_thought_and_answer_come_apart_with_the_tokens_of_each(support):
    sample = support.sample(text=TEXT, completion_tokens=len(TOKENS))
    for opened in ("<think>", ""):
        apart = without_thought(sample, TOKENS, opened)
        assert (apart.thought, apart.text.strip(), apart.thought_tokens) == ("First I add.", "a = 1", 6)
        assert (apart.finish, apart.completion_tokens) == (Finish.STOP, 10)


def test_without_the_tokens_texts_their_number_is_not_known(support):
    sample = support.sample(text=TEXT, completion_tokens=len(TOKENS))
    assert without_thought(sample, [], "<think>").thought_tokens is None


def test_all_of_a_cut_thought_was_thought(support):
    sample = support.sample(text="First I add", completion_tokens=3)
    cut = without_thought(sample, TOKENS[:3], "<think>")
    assert (cut.text, cut.thought, cut.thought_tokens, cut.finish) == ("", "First I add", 3, Finish.THOUGHT)
    whole = without_thought(sample, TOKENS[:3])
    assert (whole.text, whole.thought, whole.thought_tokens) == ("First I add", None, 0)


@pytest.mark.parametrize(
    ("params", "fields"),
    [
        (SamplingParams(), {}),
        (SamplingParams(effort="low"), {"reasoning_effort": "low", "enable_thinking": True}),
        (SamplingParams(effort="none"), {"reasoning_effort": "none", "enable_thinking": False}),
        (SamplingParams(request={"chat_template_kwargs": {"thinking": True}, "top_k": 3}), {"thinking": True}),
        (
            SamplingParams(effort="low", request={"chat_template_kwargs": {"enable_thinking": False}}),
            {"reasoning_effort": "low", "enable_thinking": False},
        ),
    ],
)
def test_a_chat_template_is_told_the_effort_and_the_study_s_fields(params, fields):
    assert template_fields(params) == fields
