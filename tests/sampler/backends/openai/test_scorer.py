"""Texts scored by a server: what is asked, where a prompt ends, and servers that misbehave or cannot do it."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from, text

from sampler.backends.base import BackendError
from sampler.backends.llamacpp.process import EngineOptions, EngineProcess
from sampler.backends.open import BackendContext, open_scorer
from sampler.backends.openai.backend import OpenAIOptions
from sampler.backends.openai.http_client import CallRefused, Outage
from sampler.backends.openai.scorer import Echo, NoEcho, OpenAIScorer, after_text, after_tokens
from sampler.values import Prompt, PromptStyle

CODE = Prompt(style=PromptStyle.COMPLETION, text="def f(x):\n")
CHAT = Prompt(style=PromptStyle.CHAT, text="Write f.", prefill="```python\n")
BODY = "    return x\n"
KEY = "sk-very-secret-0815"


@contextmanager
def serving(server) -> Iterator:
    with server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server(echoing):
    with serving(echoing.EchoServer()) as opened:
        yield opened


def scorer(server, **changed) -> OpenAIScorer:
    values = {"base_url": server.url, "retry_wait_s": 0.01, "answer_timeout_s": 1.0, "attempts": 4}
    return OpenAIScorer("tiny", OpenAIOptions(**{**values, **changed}), key=KEY)


def wanted(echoing, prompt: str, completion: str) -> list[float]:
    """What the server's model says, prompt and completion each cut by itself."""
    tokens = echoing.cut(prompt)[-1:] + echoing.cut(completion)
    return [-echoing.logprob(*pair) for pair in pairwise(tokens)]


# --- what is asked, and what comes of it ------------------------------------------------------------------------------


def test_prompt_and_completion_are_cut_each_by_itself_and_asked_as_tokens(server, echoing):
    score = scorer(server).score(CODE, BODY)
    assert list(score.token_nlls) == wanted(echoing, CODE.text, BODY)
    assert score.prompt_tokens == len(echoing.cut(CODE.text))
    asked = server.seen[-1]
    assert (asked["path"], asked["model"], asked["echo"], asked["logprobs"]) == ("/v1/completions", "tiny", True, 1)
    assert (asked["max_tokens"], asked["temperature"]) == (1, 0.0)
    assert all(isinstance(token, int) for token in asked["prompt"])
    assert {seen["key"] for seen in server.seen} == {f"Bearer {KEY}"}


def test_a_prompt_is_cut_once_for_the_completions_after_it(server):
    opened = scorer(server)
    for body in (BODY, "    pass\n", BODY):
        opened.score(CODE, body)
    assert [seen["path"] for seen in server.seen] == ["/tokenize", *["/tokenize", "/v1/completions"] * 3]


def test_a_chat_goes_through_the_servers_template(server, echoing):
    score = scorer(server).score(CHAT, BODY)
    assert list(score.token_nlls) == wanted(echoing, CHAT.prefill, BODY)
    (asked,) = (seen for seen in server.seen if "messages" in seen)
    assert asked["messages"] == [{"role": "user", "content": "Write f."}]
    assert asked["add_generation_prompt"] is True


def test_without_tokenize_a_token_that_straddles_the_border_is_the_completions(echoing):
    """The line break that ends the prompt and the spaces that begin the completion are one token: it counts."""
    with serving(echoing.EchoServer(tokenizes=False)) as server:
        score = scorer(server).score(CODE, BODY)
    assert list(score.token_nlls) == wanted(echoing, "def f(x):", "\n    return x\n")
    assert score.prompt_tokens == len(echoing.cut("def f(x):"))
    assert server.seen[-1]["prompt"] == CODE.text + BODY


def test_a_hosted_server_is_not_asked_to_cut_texts(server):
    opened = scorer(server, dialect="hosted")
    assert opened.score(CODE, BODY).tokens
    assert {seen["path"] for seen in server.seen} == {"/v1/completions"}
    with pytest.raises(BackendError, match=r"how a chat is put.*--with FILE\.gguf"):
        opened.score(CHAT, BODY)


# --- the border, by characters ----------------------------------------------------------------------------------------


def echo(tokens: list[str], *, sent: int | None = None) -> Echo:
    """An echo in which the n-th token has n nats."""
    logprobs = (None, *(-float(n) for n in range(1, len(tokens))))
    return Echo(texts=tuple(tokens), logprobs=logprobs, sent=len(tokens) - 1 if sent is None else sent)


@pytest.mark.parametrize(
    ("tokens", "prompt", "completion", "nlls"),
    [
        (["ab", "cd", "ef", "+"], "ab", "cdef", (1, 2)),
        (["ab", "cd", "ef", "+"], "abc", "def", (1, 2)),  # "cd" straddles
        (["<s>", "ab", "cd", "+"], "ab", "cd", (2,)),  # a mark that the text does not hold
        (["a", "", "", "漢", "b", "+"], "a", "漢b", (1, 2, 3, 4)),
        (["a", "", "", "漢", "b", "+"], "a漢", "b", (4,)),
        (["a", "\ufffd", "\ufffd", "b", "+"], "a漢", "b", (3,)),
        (["a", "\ufffd", "\ufffd", "b", "+"], "a", "漢b", (1, 2, 3)),
        (["a", "\ufffd", "\ufffd", "b", "+"], "a漢", "字b", (1, 2, 3)),  # the border is in between: all that might be
        (["a", "bytes:\\xe6", "bytes:\\xbc\\xa2", "+"], "a", "漢", (1, 2)),
        (["a", "b", "\ufffd", "\ufffd", "+"], "a", "b漢", (1, 2, 3)),
        (["ab", "cd", "+", "+", "+"], "ab", "cd", (1,)),
    ],
)
def test_the_tokens_that_hold_something_of_the_completion_count(tokens, prompt, completion, nlls):
    sent = tokens.index("+")
    score = after_text(echo(tokens, sent=sent), prompt, completion)
    assert score.token_nlls == nlls
    assert score.prompt_tokens + score.tokens == sent


@given(lists(text(sampled_from("ab\n 漢🙂"), min_size=1, max_size=3), min_size=2, max_size=12), integers(0))
def test_whatever_the_pieces_are_every_one_behind_the_border_counts(pieces, place):
    whole, least = "".join(pieces), len(pieces[0])
    border = least + place % (len(whole) - least)
    score = after_text(echo([*pieces, "+"]), whole[:border], whole[border:])
    ends = [len("".join(pieces[: number + 1])) for number in range(len(pieces))]
    assert score.tokens == sum(1 for end in ends if end > border)


@pytest.mark.parametrize("tokens", [["ab", "xy", "+"], ["ab", "+"], ["ab", "cd", "ef", "gh", "+"], ["zz", "yy", "+"]])
def test_tokens_that_are_not_the_text_are_no_score(tokens):
    with pytest.raises(BackendError, match="tokens are not the text that was sent"):
        after_text(echo(tokens), "ab", "c" * 40)


def test_a_first_token_without_a_prompt_has_no_score():
    with pytest.raises(BackendError, match="no prompt before the completion"):
        after_tokens(echo(["a", "b", "+"]), 0, 2)


# --- servers that cannot, will not, or break --------------------------------------------------------------------------


def silent_about(key: str):
    def way(handler, body) -> None:
        answer = handler.server.completion(body["prompt"])
        del answer["choices"][0]["logprobs"][key]
        handler.reply(200, answer)

    return way


def without_echo(handler, _body) -> None:
    """llama.cpp's server, by what it was seen to answer: log-probabilities of its own token alone, in a chat's form."""
    content = [{"id": 5, "token": " x", "bytes": [32, 120], "logprob": -0.3, "top_logprobs": []}]
    choice = {"text": " x", "index": 0, "logprobs": {"content": content}, "finish_reason": "length"}
    handler.reply(200, {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 1}})


def own_token_alone(handler, _body) -> None:
    logprobs = {"tokens": [" x"], "token_logprobs": [-0.3], "text_offset": [0]}
    choice = {"text": " x", "index": 0, "logprobs": logprobs, "finish_reason": "length"}
    handler.reply(200, {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 1}})


def no_logprobs(handler, _body) -> None:
    handler.reply(200, {"choices": [{"text": " x", "index": 0, "logprobs": None}], "usage": {"prompt_tokens": 9}})


def refusing(handler, _body) -> None:
    handler.reply(400, {"error": {"message": "Only no echo is supported", "code": 400}})


CANNOT = [without_echo, own_token_alone, no_logprobs, refusing, silent_about("token_logprobs")]


@pytest.mark.parametrize("way", CANNOT)
@pytest.mark.parametrize("tokenizes", [True, False])
def test_a_server_that_does_not_echo_is_named_with_the_way_out_and_not_asked_again(echoing, way, tokenizes):
    with serving(echoing.EchoServer(tokenizes=tokenizes)) as server:
        opened = scorer(server)
        opened._before(CODE)
        server.ways = ([] if not tokenizes else [None]) + [way]
        with pytest.raises(NoEcho, match=r"vLLM's and SGLang's do, llama\.cpp's.*--with FILE\.gguf"):
            opened.score(CODE, BODY)
        assert [seen["path"] for seen in server.seen].count("/v1/completions") == 1


def test_a_server_that_has_cut_texts_and_refuses_one_does_not_give_the_other_kind_of_score(echoing):
    with serving(echoing.EchoServer()) as server:
        opened = scorer(server)
        opened.score(CODE, BODY)
        server.ways = [refusing]
        with pytest.raises(CallRefused):
            opened.score(CHAT, BODY)
        assert all(isinstance(seen["prompt"], list) for seen in server.seen if seen["path"] == "/v1/completions")


def status(code: int, message: str = "no", **headers: str):
    return lambda handler, _body: handler.reply(code, {"error": {"message": message}}, **headers)


def hang_up(handler, _body) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.connection.close()


def trickle(handler, _body) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def absurd(handler, body) -> None:
    answer = handler.server.completion(body["prompt"])
    answer["choices"][0]["logprobs"]["token_logprobs"][-2] = 3.5
    handler.reply(200, answer)


OUTAGES = [
    status(500),
    status(429, Retry_After="0"),
    status(503),
    hang_up,
    lambda _handler, _body: time.sleep(2.0),
    lambda handler, _body: handler.reply(200, b"<html>a captive portal</html>", Content_Type="text/html"),
    lambda handler, _body: handler.reply(200, {"choices": 5}),
    lambda handler, _body: handler.reply(200, {"choices": [7], "usage": []}),
    absurd,
]


@pytest.mark.parametrize("way", OUTAGES)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_outage_at_any_question_is_borne_and_changes_no_number(server, echoing, way, at):
    if at < 2 and way in OUTAGES[-3:]:
        pytest.skip("sense in an answer of /completions alone")
    server.ways = [None] * at + [way]
    assert list(scorer(server).score(CODE, BODY).token_nlls) == wanted(echoing, CODE.text, BODY)


def held() -> tuple[int, int]:
    """Threads and open files of this process."""
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


def test_no_failure_leaves_a_thread_or_a_connection_behind(server):
    scorer(server).score(CODE, BODY)
    before = held()
    gc.disable()  # what only the collector finds was left behind
    try:
        for way in [*OUTAGES, *CANNOT, status(401), trickle]:
            server.ways = [None, way, way]
            with contextlib.suppress(BackendError):
                scorer(server, attempts=2, call_timeout_s=0.2, answer_timeout_s=0.2).score(CODE, BODY)
            server.ways = []
        deadline = time.monotonic() + 120
        while any(now > then for now, then in zip(held(), before, strict=True)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert all(now <= then for now, then in zip(held(), before, strict=True))
    finally:
        gc.enable()


def test_a_call_that_trickles_without_end_is_broken_and_asked_again(server, echoing):
    server.ways = [None, None, trickle]
    opened = scorer(server, call_timeout_s=1.0, answer_timeout_s=30.0)
    assert list(opened.score(CODE, BODY).token_nlls) == wanted(echoing, CODE.text, BODY)


def test_patience_ends(server):
    server.ways = [status(500)] * 100
    with pytest.raises(Outage, match="failed with status 500"):
        scorer(server).score(CODE, BODY)
    assert len(server.seen) == 4


@pytest.mark.parametrize("code", [400, 401, 403])
def test_a_refusal_is_told_in_the_servers_words_without_the_key(server, code):
    said = f"This model's maximum context length is 9 tokens, {KEY}"
    server.ways = [None, None, status(code, said)]
    with pytest.raises(CallRefused, match="maximum context length is 9") as caught:
        scorer(server).score(CODE, BODY)
    assert KEY not in str(caught.value)
    assert len(server.seen) == 3


def test_the_key_comes_from_the_variable_that_is_named(server):
    around = BackendContext(secret={"MY_KEY": KEY}.get)
    options = {"base_url": server.url, "api_key_env": "MY_KEY"}
    with open_scorer("openai", "tiny", options, around) as (card, opened):
        assert opened.score(CODE, BODY).tokens
        assert (card.name, card.architecture) == ("tiny", None)
    assert server.seen[-1]["key"] == f"Bearer {KEY}"
    with (
        pytest.raises(BackendError, match="no variable OTHER"),
        open_scorer("openai", "tiny", options | {"api_key_env": "OTHER"}, around),
    ):
        pass


@pytest.mark.model
def test_llama_cpps_own_server_cannot_and_says_so(smallest_model):
    start = EngineOptions(path=str(smallest_model.path), slots=1, context=512, threads=1)
    with closing(EngineProcess(start, start_timeout_s=180.0)) as engine:
        options = OpenAIOptions(base_url=f"http://{engine.host}:{engine.port}/v1")
        with pytest.raises(NoEcho, match=r"--with FILE\.gguf"):
            OpenAIScorer("smollm2", options).score(CODE, BODY)
