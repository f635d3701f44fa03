"""How the vllm backend keeps its account, on an engine that is a rule.

The real one is held to the contract elsewhere.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from sampler.backends.base import BackendError, EngineLost
from sampler.backends.open import UnknownBackend, open_backend
from sampler.backends.vllm import Piece, RequestsInFlight
from sampler.values import Finish, Prompt, PromptStyle, Request

PROMPT = Prompt(style=PromptStyle.COMPLETION, text="x")


@dataclass
class RuleEngine:
    """Finishes its oldest request at every second step, as vLLM's engine would tell it."""

    reason: str = "stop"
    held: list[tuple[str, object]] = field(default_factory=list)
    aborted: list[str] = field(default_factory=list)
    steps: int = 0

    def add_request(self, number: str, prompt: dict, params: object) -> None:
        assert prompt == {"prompt_token_ids": [1, 2, 3]}
        self.held.append((number, params))

    def step(self) -> list[SimpleNamespace]:
        self.steps += 1
        if self.steps % 2 or not self.held:
            return []
        number, params = self.held.pop(0)
        written = SimpleNamespace(
            text=f"text {params}", token_ids=[7, 8], finish_reason=self.reason, logprobs=[1, 1], cumulative_logprob=-1.5
        )
        metrics = SimpleNamespace(scheduled_ts=10.0, first_token_ts=11.0, last_token_ts=14.0)
        return [SimpleNamespace(request_id=number, finished=True, outputs=[written], metrics=metrics)]

    def abort_request(self, numbers: list[str]) -> None:
        self.aborted += numbers


def pieces(count: int) -> list[Piece]:
    request = Request(problem="P/0", prompt=PROMPT, first=2, count=count, seed=50)
    return [Piece(request=request, offset=offset, prompt=(1, 2, 3)) for offset in range(count)]


def test_every_sample_lands_once_with_what_the_engine_told():
    engine = RuleEngine()
    flight = RequestsInFlight(engine, most=2)
    for number, piece in enumerate(pieces(5)):
        flight.start(piece, number)
    finished = []
    while flight.in_flight:
        finished += flight.step()
    assert [(sample.index, sample.seed, sample.text) for sample in finished] == [
        (2 + n, 50 + n, f"text {n}") for n in range(5)
    ]
    for sample in finished:
        assert (sample.prompt_tokens, sample.completion_tokens, sample.sum_logprob) == (3, 2, -1.5)
        assert sample.finish is Finish.STOP
        assert sample.decode_seconds == pytest.approx(3 * sample.prompt_seconds)  # as 3 s to 1 s on the engine's clock


def test_what_is_left_is_called_off():
    engine = RuleEngine()
    flight = RequestsInFlight(engine, most=2)
    for piece in pieces(3):
        flight.start(piece, None)
    flight.cancel()
    assert engine.aborted == [number for number, _ in engine.held]
    assert flight.in_flight == 0
    assert flight.step() == flight.step() == [], "what comes all the same is nobody's"


def test_a_completion_that_the_engine_gave_up_is_no_sample():
    engine = RuleEngine(reason="abort")
    flight = RequestsInFlight(engine, most=2)
    flight.start(pieces(1)[0], None)
    flight.step()
    with pytest.raises(EngineLost, match="because of 'abort'"):
        flight.step()


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vllm is installed")
def test_without_vllm_the_message_names_the_extra():
    with pytest.raises(BackendError, match=r"pip install 'codebudget\[vllm\]'"):
        open_backend("vllm", "org/model")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"ahead": -1}, "ahead must not be negative"),
        ({"engine": {"model": "x"}}, "model has no place"),
        ({"engine": 3}, "engine must be a table"),
        ({"tensor_parallel_size": 2}, "no option 'tensor_parallel_size'"),
    ],
)
def test_options_that_make_no_sense_are_the_users_words(options, why):
    with pytest.raises(UnknownBackend, match=why):
        open_backend("vllm", "org/model", options)
