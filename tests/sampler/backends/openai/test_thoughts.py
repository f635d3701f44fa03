"""Servers whose models think: each tells it in its own way, and OpenAI's refuses what its newer models do not take."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openai_stub import ANSWER, USAGE, Thinker, delta, end, openai_rules

from sampler.backends.base import BackendError, tokens_of_end
from sampler.backends.open import BackendContext, UnknownBackend, open_backend
from sampler.backends.openai.answer import ServerAnswer
from sampler.values import Finish, Prompt, PromptStyle, Request, Sample, SamplingParams

CHAT = Prompt(style=PromptStyle.CHAT, text="Write f.")
KEY = "not-to-be-seen"
THOUGHT = "First I add."


@pytest.fixture
def serve() -> Iterator[Callable[..., Thinker]]:
    servers: list[Thinker] = []

    def begin(answer) -> Thinker:
        server = Thinker(answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


def drawn(server: Thinker, params: SamplingParams | None = None, *, secret=lambda _: None, **options) -> Sample:
    around = BackendContext(secret=secret)
    given = {"base_url": server.url, "attempts": 1, **options}
    with open_backend("openai", "tiny", given, around) as backend:
        asked = Request(problem="P/0", prompt=CHAT, first=0, count=1, seed=7)
        (sample,) = backend.sample([asked], params or SamplingParams())
    return sample


def heard(*events: dict[str, Any]) -> Any:
    answer = ServerAnswer(1, 64, chat=True)
    for event in events:
        answer.feed(event)
    answer.check_end(marked=True)
    return answer.written()[0]


DETAILS = {"completion_tokens_details": {"reasoning_tokens": 4}, "prompt_tokens_details": {"cached_tokens": 16}}
SHAPES = {
    "vLLM, OpenRouter": [delta(reasoning="First "), delta(reasoning="I add."), delta(content=ANSWER), *end(**DETAILS)],
    "SGLang": [
        delta(reasoning_content=THOUGHT),
        delta(content=ANSWER, reasoning_content=None),
        *end(reasoning_tokens=4, prompt_tokens_details={"cached_tokens": 16}),
    ],
    "DeepSeek": [
        delta(reasoning_content=THOUGHT, content=None),
        delta(content=ANSWER),
        *end(prompt_cache_hit_tokens=16, completion_tokens_details={"reasoning_tokens": 4}),
    ],
    "Mistral": [
        delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}]),
        delta(content=[{"type": "text", "text": ANSWER}]),
        *end(**DETAILS),
    ],
    "a gateway to Anthropic": [
        delta(content=[{"type": "thinking", "thinking": THOUGHT, "signature": "x"}, {"type": "text", "text": ANSWER}]),
        *end(**DETAILS),
    ],
    "details alone": [
        delta(reasoning_details=[{"type": "reasoning.text", "text": THOUGHT}]),
        delta(content=ANSWER),
        *end(**DETAILS),
    ],
    "at the border": [delta(reasoning=THOUGHT, content=ANSWER), *end(**DETAILS)],
    "both names": [delta(reasoning=THOUGHT, reasoning_content=THOUGHT), delta(content=ANSWER), *end(**DETAILS)],
    "marks": [delta(content=f"<think>{THOUGHT}</think>\n\n"), delta(content=ANSWER), *end(**DETAILS)],
    "the closing mark alone": [delta(content=f"{THOUGHT}\n</think>\n\n{ANSWER}"), *end(**DETAILS)],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_tells_thought_answer_and_counts(shape):
    written = heard(*SHAPES[shape])
    assert (written.thought, written.text.strip()) == (THOUGHT, ANSWER)
    assert (written.completion_tokens, written.thought_tokens, written.cached_tokens) == (9, 4, 16)
    assert written.finish is Finish.STOP


def test_the_first_token_of_either_ends_the_reading():
    answer = ServerAnswer(1, 64, chat=True)
    assert answer.feed(delta(role="assistant", content="")) == []
    assert answer.feed(delta(reasoning=THOUGHT)) == [0]


def test_a_cut_inside_the_thought_is_its_own_end_and_all_of_it_was_thought():
    for events in (
        [delta(reasoning=THOUGHT), *end("length")],
        [delta(content=f"<think>{THOUGHT} {ANSWER}"), *end("length")],
        [delta(content=f"<think>{THOUGHT} {ANSWER}"), *end("stop")],  # a stop string cut it
    ):
        written = heard(*events)
        assert (written.finish, written.text, written.thought_tokens) == (Finish.THOUGHT, "", 9)
    assert heard(delta(reasoning=THOUGHT), delta(content="```"), *end("length")).finish is Finish.LENGTH


def test_a_hidden_thought_is_counted_without_a_text():
    written = heard(delta(content=ANSWER), *end(**DETAILS))
    assert (written.thought, written.thought_tokens) == (None, 4)
    assert heard(delta(content=ANSWER), *end()).thought_tokens == 0, "nobody thought"
    assert heard(delta(content=ANSWER), *end()).cached_tokens is None, "nobody said"


@pytest.mark.parametrize("name", ["cache_write_tokens", "cache_creation_tokens", "created_cache_tokens"])
def test_what_a_server_writes_into_its_cache_is_counted_under_every_name(name):
    written = heard(delta(content=ANSWER), *end(prompt_tokens_details={"cached_tokens": 4, name: 16}))
    assert (written.cached_tokens, written.cache_write_tokens) == (4, 16)


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"cached_tokens": 4}, (4, None)),  # Moonshot
        ({"prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 12}, (4, None)),  # DeepSeek
        ({"cache_read_input_tokens": 4, "cache_creation_input_tokens": 9}, (4, 9)),  # LiteLLM, of Anthropic's models
        ({"prompt_tokens_details": {"cached_tokens": 4}, "cache_creation_input_tokens": 9}, (4, 9)),
        ({"prompt_tokens_details": {"cached_tokens": 4}}, (4, 0)),
        ({"prompt_tokens_details": None, "cached_tokens": True}, (None, None)),
    ],
)
def test_what_a_server_tells_of_its_cache_beside_the_details_is_counted(usage, counts):
    written = heard(delta(content=ANSWER), *end(**usage))
    assert (written.cached_tokens, written.cache_write_tokens) == counts


def token(text: str) -> dict[str, Any]:
    return {"token": text, "logprob": -0.5}


def logged(said: dict[str, Any], *texts: str) -> dict[str, Any]:
    event = delta(**said)
    event["choices"][0]["logprobs"] = {"content": [token(text) for text in texts]}
    return event


def test_a_thought_that_the_server_counts_as_nothing_has_the_tokens_that_the_answer_has_not():
    said = [
        logged({"reasoning": THOUGHT}, "First", " I", " add", ".", "</think>", "\n\n"),
        logged({"content": "a = 1"}, "a", " =", " 1"),
    ]
    zero = {"completion_tokens_details": {"reasoning_tokens": 0}}
    assert heard(*said, *end(**zero)).thought_tokens == 6
    assert heard(*said[1:], *end(**zero)).thought_tokens == 0
    assert heard(delta(reasoning=THOUGHT), delta(content="a"), *end(**zero)).thought_tokens is None


@pytest.mark.parametrize(
    ("tokens", "answer", "count"),
    [
        (["x", "a", " b"], "a b", 2),
        (["x", "a", " b", "<|im_end|>"], "a b", 3),
        (["x a", " b", "\n"], "a b", 3),  # the token at the border is the answer's
        (["x", "a", None], "a b", None),
        (["x", "c"], "a b", None),
        ([], "", 0),
    ],
)
def test_the_tokens_of_an_answer_are_found_at_the_end(tokens, answer, count):
    assert tokens_of_end(tokens, answer) == count


def test_openai_s_rules_are_met_by_leaving_out_what_each_refusal_names(serve):
    server = serve(openai_rules)
    options: dict[str, Any] = {"dialect": "hosted"}
    omit: list[str] = []
    stops = Prompt(style=PromptStyle.CHAT, text="Write f.", stop=("\n```",))
    for hint in ('max_tokens_key = "max_completion_tokens"', "temperature", "top_p", "logprobs = false", "stop"):
        with open_backend("openai", "tiny", {"base_url": server.url, **options}) as backend:
            asked = Request(problem="P/0", prompt=stops, first=0, count=1, seed=7)
            with pytest.raises(BackendError) as refused:
                list(backend.sample([asked], SamplingParams(omit=tuple(omit))))
        told = str(refused.value)
        assert "; try " in told
        if " = " in hint:
            assert hint in told.partition("; try ")[2]
            key, _, value = hint.partition(" = ")
            options[key] = json.loads(value)
        else:
            assert f'omit = ["{hint}"] in [[models]]' in told
            omit.append(hint)
    params = SamplingParams(omit=tuple(omit), effort="low", max_tokens=4000, request={"service_tier": "flex"})
    with open_backend("openai", "tiny", {"base_url": server.url, **options}) as backend:
        (sample,) = backend.sample([Request(problem="P/0", prompt=stops, first=0, count=1, seed=7)], params)
    assert (sample.prompt_tokens, sample.cached_tokens, sample.cache_write_tokens) == (1000, 800, 100)
    assert (sample.completion_tokens, sample.thought_tokens) == (3400, 3000)
    assert server.seen[-1].keys() == {
        *("model", "messages", "n", "seed", "stream", "stream_options", "max_completion_tokens"),
        *("reasoning_effort", "service_tier"),
    }


def test_a_refusal_of_a_field_of_the_study_names_it(serve):
    server = serve(openai_rules)
    params = SamplingParams(omit=("temperature", "top_p"), request={"chat_template_kwargs": {"enable_thinking": True}})
    options = {"dialect": "hosted", "logprobs": False, "max_tokens_key": "max_completion_tokens"}
    with pytest.raises(BackendError, match=r"take chat_template_kwargs out of \[models.request\]"):
        drawn(server, params, **options)


def test_fields_take_the_place_of_ours_and_go_into_tables(serve):
    server = serve(lambda _: (200, SHAPES["vLLM, OpenRouter"]))
    params = SamplingParams(
        max_tokens=100,
        max_thinking_tokens=50,
        omit=("min_p",),
        request={"top_k": 20, "chat_template_kwargs": {"enable_thinking": True}},
    )
    drawn(server, params, thinking_tokens_key="chat_template_kwargs.thinking_budget")
    (body,) = server.seen
    assert (body["top_k"], body["max_tokens"]) == (20, 150)
    assert body["chat_template_kwargs"] == {"thinking_budget": 50, "enable_thinking": True}
    assert "min_p" not in body
    drawn(server, SamplingParams(max_thinking_tokens=0))
    assert server.seen[-1]["thinking_token_budget"] == 0


def test_headers_are_sent_and_their_secrets_are_told_nowhere(serve):
    secret = f"{KEY}-0815"
    server = serve(lambda body: (400, [{"error": {"message": f"bad header {secret}"}}]) if "n" in body else (200, []))
    headers = {"X-Title": "a study", "X-Key": "$HIDDEN"}
    with pytest.raises(BackendError) as refused:
        drawn(server, headers=headers, secret={"HIDDEN": secret}.get)
    assert server.headers[-1]["X-Title"] == "a study"
    assert server.headers[-1]["X-Key"] == secret
    assert secret not in str(refused.value)
    with pytest.raises(BackendError, match="no variable HIDDEN"):
        drawn(server, headers=headers)
    for wrong in ({"Authorization": "Bearer 1"}, {"api-key": "1"}, {"Host": "x"}, {"X-A": "a\nb"}, {"a b": "c"}):
        with pytest.raises(UnknownBackend, match="headers"):
            drawn(server, headers=wrong)


def test_a_sample_carries_it_all_and_a_stream_is_no_matter(serve):
    def answer(body: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
        if body.get("stream"):
            return 200, SHAPES["SGLang"]
        message = {"role": "assistant", "content": ANSWER, "reasoning_content": THOUGHT}
        usage = {**USAGE, "reasoning_tokens": 4, "prompt_tokens_details": {"cached_tokens": 16}}
        return 200, [{"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}]

    server = serve(answer)
    streamed, whole = (drawn(server, stream=stream, logprobs=False) for stream in (True, False))
    for sample in (streamed, whole):
        assert (sample.thought, sample.text) == (THOUGHT, ANSWER)
        assert (sample.thought_tokens, sample.cached_tokens, sample.completion_tokens) == (4, 16, 9)
