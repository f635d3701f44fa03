"""A real server with thoughts: every field arrives, and every cost is the sum that a hand makes of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import llama_thinker
import pytest

from sampler.backends.llamacpp.backend import ModelFile
from sampler.backends.open import open_backend
from sampler.reporting.unit_costs import unit_cost
from sampler.running.headless import run_study
from sampler.running.run import Dependencies
from sampler.stats.budget import PromptCharge, Unit
from sampler.store.reader import Reader
from sampler.store.sample_readers import ExportReader
from sampler.study.spec import load_study
from sampler.values import Finish, Prompt, PromptStyle, Request, Sample, SamplingParams

pytestmark = pytest.mark.model
CHAT = Prompt(style=PromptStyle.CHAT, text="Write a Python function that adds two numbers.")
BUDGET = 12


@pytest.fixture(scope="module")
def url(smallest_model: ModelFile) -> Iterator[str]:
    command = [sys.executable, llama_thinker.__file__, str(smallest_model.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        yield f"{server.stdout.readline().strip()}/v1"
        server.stdin.close()


def drawn(url: str, params: SamplingParams, count: int = 1, **options) -> list[Sample]:
    given = {"base_url": url, "thinking_tokens_key": "reasoning_budget_tokens", **options}
    with open_backend("openai", "tiny", given) as backend:
        asked = Request(problem="P/0", prompt=CHAT, first=0, count=count, seed=1)
        return sorted(backend.sample([asked], params), key=lambda sample: sample.index)


def test_a_bounded_thought_is_told_apart_and_counted(url):
    params = SamplingParams(max_tokens=30, max_thinking_tokens=BUDGET)
    for sample in drawn(url, params, count=2):
        assert sample.thought
        assert sample.text.strip()
        assert "<think>" not in sample.text + sample.thought
        assert BUDGET <= sample.thought_tokens <= BUDGET + 4, "the thought, its mark, and what stands between"
        assert sample.thought_tokens < sample.completion_tokens <= 30 + BUDGET
        assert sample.cached_tokens is not None
        assert sample.cached_tokens < sample.prompt_tokens
        assert sample.prompt_seconds >= 0


def test_the_marks_alone_tell_the_same_as_the_fields(url):
    params = SamplingParams(max_tokens=30, max_thinking_tokens=BUDGET, temperature=0.0)
    (apart,) = drawn(url, params)
    (marked,) = drawn(url, replace(params, request={"reasoning_format": "none"}))
    assert (marked.thought.strip(), marked.text.strip()) == (apart.thought.strip(), apart.text.strip())
    assert marked.thought_tokens == apart.thought_tokens


def test_a_thought_without_a_bound_is_cut_in_it_and_no_answer(url):
    (sample,) = drawn(url, SamplingParams(max_tokens=10))
    assert (sample.finish, sample.text, sample.thought_tokens) == (Finish.THOUGHT, "", 10)


def test_without_thinking_nothing_is_thought(url):
    request = {"chat_template_kwargs": {"enable_thinking": False}}
    (sample,) = drawn(url, SamplingParams(max_tokens=10, request=request))
    assert (sample.thought, sample.thought_tokens, sample.completion_tokens) == (None, 0, 10)


STUDY = """
[problems]
source = "humaneval"
limit = 2
[sampling]
style = "chat"
max_tokens = 20
[[models]]
name = "tiny"
backend = "openai"
samples = 2
max_thinking_tokens = [6, 12]
[models.options]
base_url = "{url}"
thinking_tokens_key = "reasoning_budget_tokens"
concurrency = 1
[models.costs]
prompt_dollars = 1.25
completion_dollars = 10.0
cached_dollars = 0.125
thought_dollars = 5.0
"""


def test_a_study_of_thinking_budgets_has_the_costs_that_a_hand_sums_up(url, tmp_path, support):
    path = tmp_path / "study.toml"
    path.write_text(STUDY.format(url=url))
    study = load_study(path)
    dependencies = Dependencies(
        check=lambda _model, _tell: None,
        backend=lambda model, _tell: open_backend(model.backend, model.model, model.options),
        executor=lambda _study: support.FakeExecutor(),
    )
    run_study(study, dependencies, lambda _event: None)
    with Reader(study.store) as reader:
        row = reader.studies()[0]
        models, tallies = reader.models(row.id), reader.tallies(row.id)
    assert [model.name for model in models] == ["tiny (max_thinking_tokens=6)", "tiny (max_thinking_tokens=12)"]
    with ExportReader(study.store) as reader:
        for model, bound in zip(models, (6, 12), strict=True):
            by_problem = [reader.samples(model.id, problem) for problem in reader.problem_ids(row.id)]
            samples = [one for held in by_problem for one in held]
            assert len(samples) == 4
            assert all(one.thought_tokens <= bound + 4 for one in samples)
            assert all(one.thought for one in samples)
            dollars = [
                (one.prompt_tokens - one.cached_tokens) * 1.25
                + one.cached_tokens * 0.125
                + one.thought_tokens * 5.0
                + (one.completion_tokens - one.thought_tokens) * 10.0
                for one in samples
            ]
            cost = unit_cost(model, tallies, Unit.DOLLARS, PromptCharge.MEASURED)
            assert cost.each == pytest.approx(sum(dollars) / 4e6)
            tokens = sum(one.prompt_tokens - one.cached_tokens + one.completion_tokens for one in samples) / 4
            assert unit_cost(model, tallies, Unit.TOKENS, PromptCharge.MEASURED).each == pytest.approx(tokens)
            assert any(one.cached_tokens for one in samples), "the second sample finds the first one's prompt"
