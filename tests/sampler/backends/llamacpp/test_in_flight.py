"""What the engine has finished is handed over, whatever befalls it afterwards.

No engine: its events are put in by hand.
"""

from __future__ import annotations

import time

import pytest

from sampler.backends.base import EngineLost
from sampler.backends.llamacpp.backend import BatchesInFlight, EngineCapacity, PromptBatch, _BatchInFlight
from sampler.values import Prompt, PromptStyle, Request


def batch(problem: str) -> PromptBatch:
    prompt = Prompt(style=PromptStyle.COMPLETION, text="x")
    request = Request(problem=problem, prompt=prompt, first=0, count=1, seed=0)
    return PromptBatch(request=request, offset=0, count=1, prompt=(1,), context=8)


def test_samples_that_were_whole_before_the_engine_died_are_kept_though_the_bad_news_of_another_came_first() -> None:
    flight = BatchesInFlight(None, EngineCapacity(slots=4, context=64, answer_timeout_s=300.0))
    now = time.monotonic()
    for number, problem in enumerate(("a", "b", "c"), 1):
        flight._in_flight[number] = _BatchInFlight(number, batch(problem), flight._shares, now)
    last = {"index": 0, "content": "done", "stop": True, "stop_type": "eos", "tokens_predicted": 1}
    for number, event in (
        (1, EngineLost("gone")),
        (2, last),
        (2, EngineLost("gone")),
        (3, last | {"stop": False}),
        (3, EngineLost("gone")),
    ):
        flight._events.put((number, now, event))
    next_samples = flight.next_samples()
    assert next(next_samples).problem == "b"
    with pytest.raises(EngineLost):
        next(next_samples)
