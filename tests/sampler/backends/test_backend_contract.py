"""What every backend promises, asked of a recording and of real engines with a real model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from script import ROOT

from sampler.backends.base import Backend, BackendError
from sampler.backends.llamacpp.backend import LlamaCppBackend, LlamaOptions, ModelFile
from sampler.backends.llamacpp.process import EngineOptions, EngineProcess, physical_cores
from sampler.backends.open import BackendContext, open_backend
from sampler.models.catalogue import find
from sampler.models.pull import PullError, cached, models_dir, pull
from sampler.study.prompts import prompt_for
from sampler.values import Finish, Prompt, PromptStyle, Request, SamplingParams
from sandbox.problems import load_problems

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


LIVE = [
    pytest.param("llamacpp", marks=pytest.mark.model),
    pytest.param("openai", marks=pytest.mark.model),
    pytest.param("vllm", marks=pytest.mark.model),
]
KINDS = ["replay", *LIVE]
# On a CPU, seeds and prompts that are read in pieces kill vLLM 0.32; and it would take nearly all of the memory.
ON_THE_CPU = {"max_num_batched_tokens": 16384, "enforce_eager": True, "gpu_memory_utilization": 0.3}
VLLM_MODEL = os.environ.get("CODEBUDGET_TEST_VLLM_MODEL")  # a folder with SmolLM2-135M-Instruct in the hub's format


@contextmanager
def fresh(kind: str) -> Iterator[Backend]:
    """A backend with an engine that nobody has asked yet. The openai backend's is llama.cpp's own server."""
    with ExitStack() as stack:
        if kind == "replay":
            yield stack.enter_context(open_backend("replay", str(RECORDING)))
        elif kind == "llamacpp":
            assert smollm2().is_file()
            around = BackendContext(models_dir=models_dir())
            options = {"slots": 4, "context": 2048}
            yield stack.enter_context(open_backend("llamacpp", "smollm2-135m", options, around))
        elif kind == "openai":
            start = EngineOptions(path=str(smollm2()), slots=4, context=2048, threads=physical_cores())
            engine = stack.enter_context(closing(EngineProcess(start, start_timeout_s=180.0)))
            url = f"http://{engine.host}:{engine.port}/v1"
            yield stack.enter_context(
                open_backend("openai", "smollm2-135m-instruct", {"base_url": url, "concurrency": 1})
            )
        else:
            yield stack.enter_context(vllm())


def vllm() -> Backend:
    if find_spec("vllm") is None or VLLM_MODEL is None:
        pytest.skip("vllm is not installed, or CODEBUDGET_TEST_VLLM_MODEL names no model")
    engine = {"max_model_len": 2048, "max_num_seqs": 4, **ON_THE_CPU}
    return open_backend("vllm", VLLM_MODEL, {"ahead": 4, "engine": engine})


@pytest.fixture(scope="module", params=KINDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    with fresh(request.param) as opened:
        yield opened


@pytest.fixture(scope="module", params=LIVE)
def live(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """A backend that draws its samples now."""
    with fresh(request.param) as opened:
        yield opened


def test_the_card_says_which_model_is_asked(backend):
    assert len(backend.card.digest) == 64
    assert backend.card.name
    assert backend.card.engine
    architecture = backend.card.architecture
    if backend.card.engine.startswith("openai"):
        assert architecture is None, "a server does not tell"
    elif backend.card.engine.startswith("vllm"):
        known = find("smollm2-135m").architecture
        assert (architecture.matmul_params, architecture.unembed_params) == (known.matmul_params, known.unembed_params)
    else:
        assert architecture == find(backend.card.name).architecture


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
        assert sample.prompt_shared or backend.card.engine.startswith(("openai", "vllm"))


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


@pytest.mark.parametrize("kind", KINDS)
def test_closing_twice_is_closing_once(kind):
    with fresh(kind) as opened:
        opened.close()
        opened.close()


def test_a_completion_ends_at_its_limit(live):
    short, shorter = (
        list(live.sample([request("HumanEval/0", count=3)], SamplingParams(max_tokens=n))) for n in (6, 2)
    )
    for sample in [*short, *shorter]:
        most = 6 if sample in short else 2
        assert sample.completion_tokens <= most
        assert sample.finish is Finish.STOP or sample.completion_tokens == most
    assert Finish.LENGTH in {sample.finish for sample in shorter}


def test_a_completion_ends_before_a_stop_string(live):
    prompt = Prompt(style=PromptStyle.COMPLETION, text="One, two, three, four, five,", stop=(",",))
    asked = Request(problem="P/0", prompt=prompt, first=0, count=4, seed=1)
    given = list(live.sample([asked], SamplingParams(temperature=0.2, max_tokens=24)))
    assert all("," not in sample.text for sample in given)
    stopped = [sample for sample in given if sample.finish is Finish.STOP]
    assert stopped
    assert all(sample.completion_tokens > 0 for sample in stopped), "the tokens of the stop string were paid for"


def test_a_greedy_completion_does_not_depend_on_its_seed(live):
    greedy = SamplingParams(temperature=0.0, max_tokens=6)
    first, second = (list(live.sample([request("HumanEval/0", count=1, seed=s)], greedy)) for s in (1, 999))
    assert first[0].text == second[0].text


def test_different_seeds_draw_different_completions(live):
    given = live.sample([request("HumanEval/0", count=6, seed=40)], SamplingParams(temperature=1.5, max_tokens=12))
    assert len({sample.text for sample in given}) > 2


def test_less_probable_completions_have_lower_log_probabilities(live):
    def mean(temperature: float) -> float:
        params = SamplingParams(temperature=temperature, top_p=1.0, max_tokens=12)
        given = live.sample([request("HumanEval/0", count=4)], params)
        return sum(sample.mean_logprob for sample in given if sample.mean_logprob is not None) / 4

    assert mean(2.0) < mean(0.0) < 0


def test_a_chat_answer_goes_on_where_it_was_begun(live):
    prompt = prompt_for(PROBLEMS["HumanEval/0"], PromptStyle.CHAT)
    asked = Request(problem="HumanEval/0", prompt=prompt, first=0, count=2, seed=3)
    for sample in live.sample([asked], SamplingParams(temperature=0.0, max_tokens=16)):
        assert not sample.text.startswith(prompt.prefill)
        assert sample.prompt_tokens > 40


@pytest.mark.parametrize("kind", ["replay", pytest.param("llamacpp", marks=pytest.mark.model)])
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
