"""What every scorer promises, asked of llama.cpp and vLLM with a real model and of servers in each form that is known.

CODEBUDGET_TEST_VLLM_MODEL is a folder with a model for vLLM's offline engine; CODEBUDGET_TEST_ECHO_URL is the base_url
of a running server that echoes, whose only model is asked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec

import pytest

from sampler.backends.base import BackendError, TextScorer
from sampler.backends.open import BackendContext, UnknownBackend, open_scorer
from sampler.backends.openai.http_client import ServerAddress, ask
from sampler.models.pull import models_dir
from sampler.values import Prompt, PromptStyle

CODE = Prompt(style=PromptStyle.COMPLETION, text="def add(a, b):\n")
CHAT = Prompt(style=PromptStyle.CHAT, text="Write a function that adds two numbers.", prefill="```python\n")
BETWEEN_SHAPES = 0.05  # nats a token: batches of another shape round otherwise
FORMS = {
    "vllm's server": {},
    "a server with a mark before every text": {"mark": "<s>"},
    "sglang's server": {"tokenizes": False, "offsets": False},
    "a server that neither cuts nor hides its mark": {"tokenizes": False, "mark": "<|begin|>"},
}
KINDS = [
    *FORMS,
    pytest.param("llamacpp", marks=pytest.mark.model),
    pytest.param("vllm", marks=pytest.mark.model),
    pytest.param("a running server", marks=pytest.mark.model),
]


@pytest.fixture(scope="module", params=KINDS)
def scorer(request: pytest.FixtureRequest, echoing) -> Iterator[TextScorer]:
    with ExitStack() as stack:
        kind, model, options = request.param, "tiny", {}
        if kind in FORMS:
            server = stack.enter_context(echoing.EchoServer(**FORMS[kind]))
            stack.callback(server.shutdown)
            echoing.threading.Thread(target=server.serve_forever, daemon=True).start()
            kind, options = "openai", {"base_url": server.url}
        elif kind == "llamacpp":
            request.getfixturevalue("smallest_model")
            model, options = "smollm2-135m", {"context": 1024}
        elif kind == "vllm":
            model = os.environ.get("CODEBUDGET_TEST_VLLM_MODEL")
            if find_spec("vllm") is None or model is None:
                pytest.skip("vllm is not installed, or CODEBUDGET_TEST_VLLM_MODEL names no model")
            options = {"engine": {"max_model_len": 1024, "enforce_eager": True, "gpu_memory_utilization": 0.3}}
        else:
            url = os.environ.get("CODEBUDGET_TEST_ECHO_URL")
            if url is None:
                pytest.skip("CODEBUDGET_TEST_ECHO_URL names no server")
            where = ServerAddress(base_url=url, connect_timeout_s=5.0, answer_timeout_s=60.0, call_timeout_s=60.0)
            kind, model, options = "openai", ask(where, "GET", "/models")["data"][0]["id"], {"base_url": url}
        around = BackendContext(models_dir=models_dir())
        card, opened = stack.enter_context(open_scorer(kind, model, options, around))
        assert len(card.digest) == 64
        yield opened


def test_a_text_has_as_many_numbers_as_tokens_and_none_is_negative(scorer):
    score = scorer.score(CODE, "    return a + b\n")
    assert 4 <= score.tokens <= 12
    assert min(score.token_nlls) >= 0
    assert score.prompt_tokens >= 5


def test_an_empty_completion_has_no_number(scorer):
    score = scorer.score(CODE, "")
    assert (score.sum_nll, score.tokens, score.mean_nll) == (0.0, 0, None)


@pytest.mark.parametrize("text", ["\ud800", "é漢字🙂", "🙂", "\r\n" * 10, "x", "return 🙂🙂 # 🙂\n"])
def test_any_text_can_be_scored(scorer, text):
    score = scorer.score(CODE, text)
    assert score.tokens
    assert score.sum_nll > 0


def test_a_score_does_not_depend_on_what_was_scored_before(scorer):
    first = scorer.score(CODE, "    return a + b\n")
    scorer.score(Prompt(style=PromptStyle.COMPLETION, text="Once upon a time there was"), " a little girl.")
    again = scorer.score(CODE, "    return a + b\n")
    assert again.token_nlls == pytest.approx(first.token_nlls, abs=BETWEEN_SHAPES)


def test_the_prompt_is_read_and_not_judged(scorer):
    """The second half after the first as a prompt has the numbers that it has as the end of both."""
    half = "x = 1\n" * 20
    whole = scorer.score(CODE, half + half)
    after = scorer.score(Prompt(style=PromptStyle.COMPLETION, text=CODE.text + half), half)
    assert after.tokens == pytest.approx(whole.tokens / 2, abs=1)
    assert whole.token_nlls[-after.tokens :] == pytest.approx(after.token_nlls, abs=3 * BETWEEN_SHAPES)


def test_a_prompt_that_ends_in_a_character_of_several_tokens_is_left_out_whole(scorer):
    short = scorer.score(Prompt(style=PromptStyle.COMPLETION, text="# 🙂"), "\nx = 1\n")
    assert short.tokens == scorer.score(Prompt(style=PromptStyle.COMPLETION, text="# ok"), "\nx = 1\n").tokens


def test_a_chat_is_put_by_the_models_own_template_or_not_at_all(scorer):
    try:
        score = scorer.score(CHAT, "def add(a, b):\n    return a + b\n")
    except BackendError as error:
        assert "--with FILE.gguf" in str(error)
    else:
        assert 8 <= score.tokens <= 20
        assert score.prompt_tokens >= 8


def test_closing_twice_is_closing_once(echoing):
    with echoing.EchoServer() as server:
        echoing.threading.Thread(target=server.serve_forever, daemon=True).start()
        with open_scorer("openai", "tiny", {"base_url": server.url}) as (_, opened):
            opened.close()
            opened.close()
        server.shutdown()


def test_a_recording_scores_no_text():
    with pytest.raises(UnknownBackend, match="no backend 'replay' scores texts"), open_scorer("replay", "x"):
        pass
