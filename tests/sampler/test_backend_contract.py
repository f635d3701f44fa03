"""What every backend promises, asked of a recording and of a real engine with a real model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sampler.backends.base import Backend, BackendError
from sampler.backends.llamacpp import LlamaCppBackend, LlamaOptions, ModelFile
from sampler.backends.open import open_backend
from sampler.models.catalogue import find
from sampler.models.cli import models_dir
from sampler.models.pull import PullError, cached, pull
from sampler.prompts import prompt_for
from sampler.values import Finish, PromptStyle, Request, SamplingParams
from sandbox.problems import load_problems

ROOT = Path(__file__).parents[2]
RECORDING = ROOT / "examples" / "replay" / "qwen2.5-coder-0.5b-instruct_HumanEval20_n10.jsonl.gz"
SHORT = SamplingParams(temperature=0.8, top_p=0.95, max_tokens=12)
PROBLEMS = {problem.name: problem for problem in load_problems("humaneval")}


def smollm2() -> Path:
    """The smallest model, pulled once into the ordinary cache. In CI it must be had."""
    model = find("smollm2-135m-instruct")
    try:
        return cached(model, models_dir()) or pull(model, models_dir())
    except PullError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no model: {error}")


def request(name: str, *, first: int = 0, count: int = 2, seed: int = 5) -> Request:
    prompt = prompt_for(PROBLEMS[name], PromptStyle.COMPLETION)
    return Request(problem=name, prompt=prompt, first=first, count=count, seed=seed)


KINDS = ["replay", pytest.param("llamacpp", marks=pytest.mark.model)]


def fresh(kind: str) -> Backend:
    if kind == "replay":
        return open_backend("replay", str(RECORDING))
    assert smollm2().is_file()
    return open_backend("llamacpp", "smollm2-135m", {"slots": 4, "context": 2048}, models_dir=models_dir())


@pytest.fixture(scope="module", params=KINDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    with fresh(request.param) as opened:
        yield opened


def test_the_card_says_which_bytes_are_asked(backend):
    assert len(backend.card.digest) == 64
    assert backend.card.name
    assert backend.card.engine
    assert backend.card.architecture == find(backend.card.name).architecture


def test_every_index_is_answered_once_with_its_own_seed(backend):
    asked = [request("HumanEval/0", first=3, count=2), request("HumanEval/8", count=5, seed=70)]
    given = list(backend.sample(asked, SHORT))
    keys = sorted((sample.problem, sample.index, sample.seed) for sample in given)
    zero = [("HumanEval/0", 3, 5), ("HumanEval/0", 4, 6)]
    assert keys == [*zero, *[("HumanEval/8", n, 70 + n) for n in range(5)]]


def test_every_sample_carries_its_costs(backend):
    for sample in backend.sample([request("HumanEval/8", count=3)], SHORT):
        assert sample.prompt_tokens > 10
        assert sample.completion_tokens >= 1
        assert sample.prompt_seconds is None or sample.prompt_seconds >= 0  # a recording may not tell
        assert sample.decode_seconds is None or sample.decode_seconds >= 0
        assert sample.finish in Finish
        assert sample.sum_logprob is not None
        assert sample.sum_logprob < 0
        assert sample.prompt_shared


def test_no_request_gives_no_sample(backend):
    assert list(backend.sample([], SHORT)) == []


def test_requests_are_taken_as_they_are_needed(backend):
    taken = []

    def requests() -> Iterator[Request]:
        for index in range(10):
            taken.append(index)
            yield request("HumanEval/0", first=index, count=1)

    samples = backend.sample(requests(), SHORT)
    next(samples)
    assert len(taken) < 10
    samples.close()


def test_an_iterator_that_is_given_up_does_not_spoil_the_next(backend):
    samples = backend.sample([request("HumanEval/0", count=4), request("HumanEval/8", count=4)], SHORT)
    next(samples)
    samples.close()
    assert len(list(backend.sample([request("HumanEval/16", count=2)], SHORT))) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_freshly_opened_backend_repeats_itself(kind):
    def texts() -> dict[int, str]:
        with fresh(kind) as opened:
            return {s.index: s.text for s in opened.sample([request("HumanEval/0", count=4)], SHORT)}

    assert texts() == texts()


def test_closing_twice_is_closing_once():
    with open_backend("replay", str(RECORDING)) as opened:
        opened.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_none_is_one_line_with_its_name(kind, tmp_path):
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"this is neither a recording nor a model")
    with pytest.raises(BackendError, match=r"broken\.gguf") as caught:
        open_backend(kind, str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.model
def test_an_own_model_file_is_opened_by_its_path():
    with open_backend("llamacpp", str(smollm2()), {"slots": 1, "context": 512}) as opened:
        known = find("smollm2-135m")
        assert (opened.card.digest, opened.card.architecture) == (known.sha256, known.architecture)
        assert opened.card.name == smollm2().stem


@pytest.mark.model
def test_a_model_file_that_was_cut_off_is_one_line(tmp_path):
    whole = smollm2()
    cut = tmp_path / "cut.gguf"
    with whole.open("rb") as file:
        cut.write_bytes(file.read(5_000_000))
    model = ModelFile(path=cut, name="cut", digest="", architecture=None)
    with pytest.raises(BackendError, match=r"cannot load cut\.gguf") as caught:
        LlamaCppBackend(model, LlamaOptions())
    assert "\n" not in str(caught.value)
