from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy._core._multiarray_umath as numpy_core
import pytest

from sampler.backends.base import BackendError, CannotLoad, TextScore
from sampler.backends.llamacpp.backend import LlamaCppBackend, LlamaOptions, ModelFile
from sampler.backends.llamacpp.scorer import LlamaCppScorer, LlamaScoringOptions
from sampler.backends.llamacpp.scoring_process import BATCH, Engine, EngineUnlike, _Parameters, library
from sampler.values import Finish, Prompt, PromptStyle, Request, SamplingParams

pytestmark = pytest.mark.model

STORY = Prompt(style=PromptStyle.COMPLETION, text="Once upon a time there was a little")
CODE = Prompt(style=PromptStyle.COMPLETION, text="def add(a, b):\n")
CHAT = Prompt(style=PromptStyle.CHAT, text="Write a function that adds two numbers.", prefill="```python\n")
BETWEEN_SHAPES = 0.05  # nats a token: batches of another shape round otherwise


@pytest.fixture(scope="module")
def model(smallest_model: ModelFile) -> ModelFile:
    return smallest_model


@pytest.fixture(scope="module")
def scorer(model: ModelFile) -> Iterator[LlamaCppScorer]:
    with LlamaCppScorer(model, LlamaScoringOptions(context=1024)) as opened:
        yield opened


@pytest.mark.parametrize("prompt", [STORY, CHAT], ids=["completion", "chat"])
def test_a_text_that_was_just_sampled_is_as_probable_as_the_sampler_said(model, scorer, prompt):
    """The same texts by two ways through the engine: its server, which tells what it drew, and the C functions."""
    request = Request(problem="T", prompt=prompt, first=0, count=4, seed=1)
    with LlamaCppBackend(model, LlamaOptions(slots=4, context=1024)) as backend:
        samples = list(backend.sample([request], SamplingParams(max_tokens=24)))
    compared = 0
    for sample in samples:
        score = scorer.score(prompt, sample.text)
        if (
            sample.finish is Finish.LENGTH and score.tokens == sample.completion_tokens
        ):  # cut in the tokens that were drawn
            assert -sample.sum_logprob == pytest.approx(score.sum_nll, abs=BETWEEN_SHAPES * score.tokens)
            assert score.prompt_tokens == sample.prompt_tokens
            compared += 1
    assert compared


def test_what_makes_sense_is_likelier_than_what_does_not(scorer):
    sense, nonsense, salad = (
        scorer.score(CODE, f"    return {body}\n").mean_nll for body in ("a + b", "a - 17 * b", "zebra 9 if @")
    )
    assert sense < nonsense < salad


def test_a_score_does_not_depend_on_what_was_scored_before(scorer):
    first = scorer.score(CODE, "    return a + b\n")
    scorer.score(STORY, " girl who lived in a house.")
    scorer.score(CODE, "    pass\n")
    again = scorer.score(CODE, "    return a + b\n")
    assert again.token_nlls == pytest.approx(first.token_nlls, abs=BETWEEN_SHAPES)
    assert first.tokens == 6


def test_long_texts_are_read_in_pieces_that_belong_together(scorer):
    """The second half after the first as a prompt, against both in one."""
    line = "x = 1\n"
    half = line * 40  # two tokens' worth of batches together
    whole = scorer.score(CODE, half + half)
    after = scorer.score(Prompt(style=PromptStyle.COMPLETION, text=CODE.text + half), half)
    assert whole.tokens > BATCH
    assert whole.token_nlls[whole.tokens - after.tokens :] == pytest.approx(after.token_nlls, abs=3 * BETWEEN_SHAPES)


def test_a_completion_without_tokens_has_no_mean(scorer):
    score = scorer.score(CODE, "")
    assert (score.sum_nll, score.tokens, score.mean_nll) == (0.0, 0, None)


@pytest.mark.parametrize("text", ["\ud800", "\0", "<|im_end|>", "é漢字🙂", "\r\n" * 10])
def test_any_text_can_be_scored(scorer, text):
    score = scorer.score(CODE, text)
    assert score.tokens
    assert score.sum_nll > 0


def test_a_text_that_does_not_fit_is_refused_and_the_next_one_is_not(scorer):
    with pytest.raises(BackendError, match="do not fit into a context of 1024"):
        scorer.score(CODE, "x = 1\n" * 500)
    assert scorer.score(CODE, "    pass\n").tokens


def test_a_file_that_is_no_model_is_named(tmp_path, model):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(CannotLoad, match=r"cannot load broken\.gguf"):
        LlamaCppScorer(
            ModelFile(path=broken, name="b", digest="", architecture=model.architecture), LlamaScoringOptions()
        )


def test_an_engine_that_dies_is_our_fault_and_is_named(model):
    with LlamaCppScorer(model, LlamaScoringOptions(context=256)) as opened:
        os.kill(opened._child.pid, signal.SIGKILL)
        with pytest.raises(BackendError, match="was killed by signal 9"):
            opened.score(CODE, "x")
    opened.close()


class Unlike:
    """An engine whose parameters mean something else: there, all are 0."""

    llama_context_default_params = _Parameters


def test_an_engine_that_is_laid_out_otherwise_is_refused():
    with pytest.raises(EngineUnlike, match="were expected"):
        Engine(Unlike(), "m", context=256, threads=1)


def test_a_library_without_the_functions_is_refused():
    with pytest.raises(EngineUnlike, match="exports no llama_"):
        library(Path(numpy_core.__file__))


def test_a_score_is_of_numbers_that_can_be():
    assert TextScore(token_nlls=(0.5, 1.5)).mean_nll == 1.0
    for wrong in (-0.1, np.inf, np.nan):
        with pytest.raises(ValueError, match="at least 0"):
            TextScore(token_nlls=(wrong,))
