"""What a choice says and why it ended, in the words of many servers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampler.backends.openai.answer import End, ServerAnswer, ended, text_of_choice
from sampler.backends.openai.http_client import CallRefused, MalformedAnswer
from sampler.values import Finish

USAGE = {"prompt_tokens": 9, "completion_tokens": 4}
TEXT = {"type": "text", "text": "x = 1"}
THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": True}


def one(choice: dict, usage: dict | None = USAGE, *, max_tokens: int = 8, streamed: bool = False) -> ServerAnswer:
    answer = ServerAnswer(1, max_tokens, streamed=streamed)
    answer.feed({"choices": [{"index": 0, **choice}], "usage": usage})
    answer.check_end(marked=True)
    return answer


@pytest.mark.parametrize("where", ["delta", "message"])
@pytest.mark.parametrize(
    ("content", "text", "beside"),
    [
        (None, "", False),
        ("", "", False),
        ("x = 1", "x = 1", False),
        ([], "", False),
        ([TEXT], "x = 1", False),
        (TEXT, "x = 1", False),
        (["x ", {"text": "= 1"}], "x = 1", False),
        ([{"type": "output_text", "text": {"value": "x = 1", "annotations": []}}], "x = 1", False),
        ([THOUGHT], "", True),
        ([THOUGHT, TEXT], "x = 1", True),
        ([{"type": "reasoning", "text": "hm"}, TEXT], "x = 1", True),
        ([{"type": "tool_use", "input": {}}, {"type": "text", "text": None}], "", True),
        ([{"type": ["odd"], "text": "hm"}], "", True),
    ],
)
def test_the_answer_is_the_text_of_a_content_of_any_form_and_never_its_thought(where, content, text, beside):
    found = text_of_choice({where: {"role": "assistant", "content": content}})
    assert (found.text, found.beside) == (text, beside)


@pytest.mark.parametrize(
    ("fields", "beside"),
    [
        ({"reasoning": "hm"}, True),
        ({"reasoning_content": "hm"}, True),
        ({"thinking": "hm"}, True),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}, True),
        ({"tool_calls": [{"index": 0}]}, True),
        ({"reasoning": "", "reasoning_content": None, "tool_calls": []}, False),
        ({"name": "it"}, False),
    ],
)
def test_what_stands_beside_the_answer_begins_its_writing(fields, beside):
    answer = ServerAnswer(1, 8)
    assert answer.feed({"choices": [{"delta": {"role": "assistant", "content": None, **fields}}]}) == [0] * beside
    answer.feed({"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}], "usage": USAGE})
    assert answer.written()[0].text == "x"


def test_a_refusal_in_words_is_the_answer():
    assert text_of_choice({"message": {"content": None, "refusal": "I cannot."}}).text == "I cannot."


@pytest.mark.parametrize("content", [5, True, [5], [{"type": "text", "text": 5}], {"type": "text", "text": [1]}])
def test_a_content_of_no_known_form_is_spoilt(content):
    with pytest.raises(MalformedAnswer, match="unknown form"):
        one({"message": {"content": content}})


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        *((word, End.STOP) for word in ("stop", "eos", "eos_token", "end_turn", "stop_sequence", "STOP", "COMPLETE")),
        *((word, End.STOP) for word in ("tool_calls", "tool_use", "function_call", "FINISH_REASON_STOP")),
        *((word, End.LENGTH) for word in ("length", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens")),
        *((word, End.FILTERED) for word in ("content_filter", "SAFETY", "RECITATION", "sensitive", "refusal")),
        *((word, End.ABORTED) for word in ("abort", "error", "cancelled", "network_error", "timeout")),
        ("insufficient_system_resource", End.ABORTED),
        *((word, End.UNKNOWN) for word in ("", "null", "repetition", "weekend")),
    ],
)
def test_a_finish_reason_is_known_in_the_words_of_many_servers(reason, end):
    assert ended(reason) is end


@given(st.text(max_size=200))
def test_every_finish_reason_means_something(reason):
    assert isinstance(ended(reason), End)


@pytest.mark.parametrize("reason", [None, "", "somehow", False])
@pytest.mark.parametrize(("most", "finish"), [(8, None), (4, Finish.LENGTH)])
def test_an_answer_whose_end_is_not_explained_is_taken_without_a_made_up_reason(reason, most, finish):
    written = one({"message": {"content": "x"}, "finish_reason": reason}, max_tokens=most).written()
    assert (written[0].text, written[0].finish) == ("x", finish)


def test_an_empty_finish_reason_within_a_stream_does_not_end_it():
    answer = ServerAnswer(1, 8)
    for piece in "ab":
        answer.feed({"choices": [{"delta": {"content": piece}, "finish_reason": ""}]})
    answer.feed({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    answer.feed({"choices": [{"delta": {"content": ""}, "finish_reason": "stop"}], "usage": USAGE})  # once more
    assert (answer.written()[0].text, answer.written()[0].finish) == ("ab", Finish.STOP)


@pytest.mark.parametrize("content", [None, "", [THOUGHT]])
@pytest.mark.parametrize(("reason", "finish"), [("tool_calls", Finish.STOP), ("length", Finish.LENGTH)])
def test_an_answer_without_a_text_is_an_answer(content, reason, finish):
    (written,) = one({"message": {"content": content}, "finish_reason": reason}).written().values()
    cut_in_thought = finish is Finish.LENGTH and content == [THOUGHT]
    assert (written.text, written.completion_tokens) == ("", 4)
    assert written.finish is (Finish.THOUGHT if cut_in_thought else finish)


def test_of_several_choices_only_the_aborted_one_is_left_out():
    answer = ServerAnswer(2, 8)
    for index, reason in enumerate(["abort", "stop"]):
        choice = {"index": index, "message": {"content": "x"}, "finish_reason": reason}
        answer.feed({"choices": [choice], "usage": USAGE})
    assert list(answer.written()) == [1]
    with pytest.raises(MalformedAnswer, match="'abort'"):
        one({"message": {"content": "x"}, "finish_reason": "abort"}).written()


@pytest.mark.parametrize(("streamed", "where"), [(True, " in its stream"), (False, "")])
def test_the_message_about_a_missing_count_says_whether_it_was_missing_in_a_stream(streamed, where):
    choice = {"message": {"content": "x"}, "finish_reason": "stop"}
    with pytest.raises(CallRefused, match=rf"count tokens{where} \(usage"):
        one(choice, None, streamed=streamed).written()


@pytest.mark.parametrize(
    ("total", "thought", "tokens"),
    [(13, 3, 4), (16, 3, 7), (None, 3, 4), (16, None, 4), (16, -3, 4), (13, 0, 4)],
)
def test_a_thought_counts_once_wherever_the_server_counts_it(total, thought, tokens):
    usage = {**USAGE, "total_tokens": total, "completion_tokens_details": {"reasoning_tokens": thought}}
    written = one({"message": {"content": "x"}, "finish_reason": "stop"}, usage, max_tokens=99).written()
    assert written[0].completion_tokens == tokens


def test_a_count_that_stands_in_the_choice_is_found():
    answer = ServerAnswer(1, 8)
    answer.feed({"choices": [{"delta": {"content": "x"}, "finish_reason": "stop", "usage": USAGE}]})
    assert answer.written()[0].completion_tokens == 4
