"""What is made of a server's events: the shapes that vLLM, llama.cpp and hosted servers give."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampler.backends.openai.answer import ServerAnswer
from sampler.backends.openai.http_client import CallRefused, Outage, retry_after
from sampler.values import Finish

USAGE = {"prompt_tokens": 9, "completion_tokens": 2}
NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


def heard(*events: dict, count: int = 1, max_tokens: int = 8, prefill: str = "") -> ServerAnswer:
    answer = ServerAnswer(count, max_tokens, prefill)
    for event in events:
        answer.feed(event)
    return answer


def choice(text: str = "", finish: str | None = None, index: int = 0, logprobs: object = None) -> dict:
    return {"index": index, "text": text, "finish_reason": finish, "logprobs": logprobs}


def content(*logprobs: float) -> dict:
    return {"content": [{"token": "x", "logprob": logprob} for logprob in logprobs]}


@pytest.mark.parametrize(
    "events",
    [
        [{"choices": [choice("ab", "stop", logprobs={"token_logprobs": [-1.0, -0.5]})], "usage": USAGE}],
        [
            {"choices": [choice("a", logprobs=content(-1.0))]},
            {"choices": [choice("b", logprobs=content(-0.5))]},
            {"choices": [choice("", "stop")], "usage": USAGE},
        ],
        [
            {"choices": [{"index": 0, "delta": {"role": "assistant", "content": None}, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {"content": "ab"}, "logprobs": content(-1.0, -0.5)}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": USAGE},
        ],
        [
            {
                "choices": [
                    {"message": {"content": "ab"}, "logprobs": content(-1.0, -0.5), "finish_reason": "stop", "index": 0}
                ],
                "usage": USAGE,
            }
        ],
    ],
    ids=["completion", "llama.cpp streamed", "chat streamed", "chat"],
)
def test_every_shape_says_the_same(events):
    (written,) = heard(*events).written().values()
    assert (written.text, written.finish, written.prompt_tokens, written.completion_tokens) == ("ab", Finish.STOP, 9, 2)
    assert written.sum_logprob == -1.5


@pytest.mark.parametrize(
    "logprobs", [None, content(-1.0), {"token_logprobs": [None, -1.0]}, content(-1.0, float("nan"))]
)
def test_a_log_probability_that_is_not_told_for_every_token_is_none(logprobs):
    (written,) = heard({"choices": [choice("ab", "length", logprobs=logprobs)], "usage": USAGE}).written().values()
    assert written.sum_logprob is None
    assert written.completion_tokens == 2


def test_choices_are_counted_one_by_one_where_usage_means_all_of_them():
    both = [choice("a", "stop", 0, content(-1.0)), choice("bc", "length", 1, content(-1.0, -2.0))]
    written = heard({"choices": both, "usage": {"prompt_tokens": 9, "completion_tokens": 3}}, count=2).written()
    assert [written[n].completion_tokens for n in (0, 1)] == [1, 2]
    assert [written[n].sum_logprob for n in (0, 1)] == [-1.0, -3.0]


def test_choices_are_counted_by_their_own_ends_where_usage_comes_with_them():
    ends = [
        {"choices": [choice("", "stop", n)], "usage": {"prompt_tokens": 9, "completion_tokens": 5 + n}} for n in (1, 0)
    ]
    written = heard(*[{"choices": [choice("ab", None, n, content(-1.0))]} for n in (0, 1)], *ends, count=2).written()
    assert [written[n].completion_tokens for n in (0, 1)] == [5, 6]


def test_a_usage_of_one_choice_is_not_taken_for_both():
    both = [choice("ab", "stop", n, content(-1.0)) for n in (0, 1)]
    with pytest.raises(CallRefused, match=r"set n = 1 in \[models.options\]"):
        heard({"choices": both, "usage": {"prompt_tokens": 9, "completion_tokens": 5}}, count=2).written()


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": 3}, {"prompt_tokens": 3, "completion_tokens": -1}])
def test_without_a_count_of_tokens_there_is_no_sample(usage):
    with pytest.raises(CallRefused, match="does not count tokens"):
        heard({"choices": [choice("ab", "stop")], "usage": usage}).written()


def test_a_filter_is_a_refusal_and_costs_the_other_choices_nothing():
    alone = heard({"choices": [choice("", "content_filter")], "usage": USAGE})
    with pytest.raises(CallRefused, match="content filter"):
        alone.written()
    both = [choice("ab", "stop", 1, content(-1.0, -1.0)), choice("", "content_filter", 0)]
    assert list(heard({"choices": both, "usage": USAGE}, count=2).written()) == [1]


def test_of_an_answer_that_broke_off_only_counted_choices_are_kept():
    whole = {"choices": [choice("ab", "stop", 1)], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}
    answer = heard({"choices": [choice("a", None, 0)]}, whole, count=2)
    assert list(answer.written(cut=True)) == [1]
    with pytest.raises(Outage, match="without 1 of 2 choices"):
        answer.written()
    assert heard({"choices": [choice("ab", "stop")]}).written(cut=True) == {}


@pytest.mark.parametrize(
    "event",
    [
        {"choices": [choice("a", index=1)]},
        {"choices": [choice("a", index=-1)]},
        {"choices": [choice("a", "stop"), choice("a", "stop")]},
        {"choices": "abc"},
        {"choices": [None]},
        {"choices": [{"text": 5}]},
        {"choices": [choice("a", logprobs={"content": [5]})]},
        {"choices": [choice("a", logprobs=content(*[-1.0] * 99))]},
        {"choices": [choice("x" * (5 << 20))]},
    ],
)
def test_what_makes_no_sense_is_an_outage(event):
    with pytest.raises(Outage):
        heard(event)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "index", "text", "delta", "content", "logprobs", "finish_reason", "usage"]),
            inner,
        )
    ),
    max_leaves=6,
)


@given(events=st.lists(st.dictionaries(st.sampled_from(["choices", "usage"]), JSON), max_size=3))
def test_no_answer_whatsoever_is_taken_for_a_sample_without_its_facts(events):
    try:
        written = heard(*events).written()
    except (Outage, CallRefused):
        return
    for one in written.values():
        assert one.prompt_tokens >= 0
        assert one.completion_tokens >= 0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("inf", None),
        ("nan", None),
        ("", None),
    ],
)
def test_a_wish_to_be_left_alone_is_seconds_or_a_date(header, seconds):
    assert retry_after(header, NOW) == seconds


@given(st.text(max_size=40))
def test_no_retry_after_header_breaks_us(header):
    seconds = retry_after(header, NOW)
    assert seconds is None or seconds >= 0
