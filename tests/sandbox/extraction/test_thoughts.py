"""Thought and answer are told apart by the prompt that the model read, and by the marks of all families."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.extraction.thoughts import closing_mark, open_mark, split_thought, template_mark

CODE = "```python\ndef f():\n    return 1\n```"


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        ("<think>\n", "</think>\n\n"),
        ("[THINK]", "[/THINK]"),
        ("<seed:think>", "</seed:think>"),
        ("<|channel>thought\n", "<channel|>"),
        ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"),
        ("◁think▷", "◁/think▷"),
        ("<mm:think>", "</mm:think>"),
        ("<|inner_prefix|>", "<|inner_suffix|>"),
    ],
)
def test_every_family_s_marks_end_the_thought_whoever_opened_it(opens, closes):
    for opened, text in (("", f"{opens}so: f{closes}{CODE}"), (opens.strip(), f"so: f{closes}{CODE}")):
        split = split_thought(text, opened=opened)
        assert split.thought == "so: f"
        assert split.answer.strip() == CODE
        assert split.ended
    assert closes.startswith(closing_mark(opens.strip()))
    assert template_mark(f"{{% if thinking %}}{{{{ '{opens}' }}}}{{% endif %}}") == opens.strip()


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        ("<|channel|>analysis<|message|>", "<|end|>"),
        ("<think:6124c78e>", "</think:6124c78e>"),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ("<|thinking_start|>", "<|thinking_end|>"),
        ("<|think|>", "<|/think|>"),
        ('<details type="reasoning" done="true">', "</details>"),
        ("Here is my thought process:", "Here is my response:"),
    ],
)
def test_the_mark_that_closes_a_thought_follows_from_the_one_that_opens_it(opens, closes):
    assert closing_mark(opens) == closes
    assert template_mark(f"a template with {opens} in it") == opens
    assert split_thought(f"so\n{closes} f", opened=opens).thought == "so" or opens.startswith(("<|channel", "<details"))


def test_a_template_without_marks_opens_no_thought():
    assert template_mark("{% for m in messages %}<|im_start|>{{ m.role }}{% endfor %}") == ""


def test_the_channels_of_harmony_are_told_apart():
    text = (
        "<|channel|>analysis<|message|>first<|end|><|start|>assistant<|channel|>analysis<|message|>second<|end|>"
        f"<|start|>assistant<|channel|>final<|message|>{CODE}<|return|>"
    )
    assert split_thought(text).thought == "first\nsecond"
    assert split_thought(text).answer == CODE
    opened = "<|channel|>analysis<|message|>"
    assert open_mark(f"<|start|>assistant{opened}") == opened
    assert split_thought(text.removeprefix(opened), opened=opened).thought == "first\nsecond"
    cut = split_thought(f"{opened}a draft {CODE}")
    assert (cut.answer, cut.ended) == ("", False)


@pytest.mark.parametrize(
    ("prompt", "mark"),
    [
        ("<|im_start|>assistant\n<think>\n", "<think>"),
        ("<|im_start|>assistant\n<think>\n\n</think>\n\n", ""),  # thinking is off
        ("<|im_start|>assistant\n", ""),
        ("<|im_start|>assistant\n</think>", ""),
        ("<seed:think><seed:cot_budget_reflect>", "<seed:think>"),
    ],
)
def test_the_prompt_says_whether_a_thought_is_open(prompt, mark):
    assert open_mark(prompt) == mark


def test_a_draft_in_an_unfinished_thought_is_no_answer():
    text = f"Let me try.\n{CODE}\nBut wait"
    assert split_thought(text).answer == text, "nobody opened a thought"
    cut = split_thought(text, opened="<think>")
    assert (cut.thought, cut.answer, cut.ended) == (text, "", False)
    own = split_thought(f"<think>{text}")
    assert (own.thought, own.answer, own.ended) == (text, "", False)


def test_a_mark_within_code_does_not_end_the_thought():
    quoted = f"<think>I write\n```python\nprint('</think>')\n```\nand so on</think>{CODE}"
    assert split_thought(quoted).answer == CODE
    assert "and so on" in split_thought(quoted).thought
    program = "END = '</think>'\nprint(END)\n"
    assert split_thought(program).thought is None
    assert split_thought(program).answer == program


def test_a_report_of_the_budget_within_a_thought_does_not_end_it():
    report = "<seed:cot_budget_reflect>100 tokens are left</seed:cot_budget_reflect>"
    assert not split_thought(f"<seed:think>one {report} two {CODE}").ended
    assert split_thought(f"<seed:think>one {report} two</seed:think>{CODE}").answer == CODE


def test_an_answer_that_ends_with_its_thought_is_empty():
    split = split_thought("<think>so</think>")
    assert (split.thought, split.answer, split.ended) == ("so", "", True)
    assert split_thought("<think>so", opened="<think>").thought == "so", "a mark that is said twice is one"


@given(text=st.text(alphabet="<think>/\n`ab|channel:", max_size=200), opened=st.sampled_from(["", "<think>"]))
def test_no_text_is_lost_or_made_up(text, opened):
    split = split_thought(text, opened=opened)
    assert split.thought is not None or split.answer == text
    assert not (opened and split.thought is None), "what the prompt opened was a thought"
    assert len(split.answer) + len(split.thought or "") <= len(text) + text.count("```")
