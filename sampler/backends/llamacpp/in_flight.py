"""Track the batches that llama.cpp's engine is working on, and their samples. See `llamacpp`."""

from __future__ import annotations

import math
import queue
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sampler.backends.base import BackendError, EngineLost
from sampler.backends.llamacpp.http_client import EventStream
from sampler.backends.llamacpp.process import EngineProcess
from sampler.backends.time_sharing import WallShares
from sampler.values import Finish, Request, Sample, SamplingParams


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCapacity:
    """How much fits into the engine at a time, and how long it may be silent."""

    slots: int
    context: int  # tokens over everything in flight
    answer_timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A part of a request that is sent to the engine at once."""

    request: Request
    offset: int
    count: int
    prompt: tuple[int, ...]  # token ids
    context: int  # tokens it may come to need


@dataclass(slots=True)
class _Draft:
    """A sample that is being written."""

    text: list[str] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


class InFlight:
    """The batches that the engine is working on."""

    def __init__(self, engine: EngineProcess, capacity: EngineCapacity) -> None:
        self._engine = engine
        self._room = capacity
        self._shares = WallShares()
        self._news: queue.SimpleQueue[tuple[int, float, dict[str, Any] | BackendError | None]] = queue.SimpleQueue()
        self._streams: dict[int, EventStream] = {}
        self._aloft: dict[int, _Aloft] = {}
        self._started = 0

    @property
    def empty(self) -> bool:
        """Return whether no batch is in flight."""
        return not self._aloft

    def has_room(self, batch: Batch) -> bool:
        """Return whether there is room for another batch."""
        slots = sum(aloft.batch.count for aloft in self._aloft.values()) + batch.count
        context = sum(aloft.batch.context for aloft in self._aloft.values()) + batch.context
        return slots <= self._room.slots and context <= self._room.context

    def start(self, batch: Batch, params: SamplingParams) -> None:
        """Send a batch to the engine."""
        self._started += 1
        number = self._started
        self._aloft[number] = _Aloft(number, batch, self._shares, time.monotonic())
        self._streams[number] = EventStream(
            self._engine,
            _body(batch, params),
            self._room.answer_timeout_s,
            lambda event: self._news.put((number, time.monotonic(), event)),
        )

    def landed(self) -> Iterator[Sample]:
        """Wait for the next event; return the sample that it finishes, if any; raises BackendError.

        Before it raises, it returns the samples that other batches have finished.
        """
        try:
            number, now, event = self._news.get(timeout=self._room.answer_timeout_s)
        except queue.Empty:
            raise EngineLost("the engine did not answer in time; raise answer_timeout_s in [models.options]") from None
        aloft = self._aloft[number]
        if isinstance(event, BackendError):
            yield from self._finished()
            raise event
        if event is not None:
            yield from aloft.hear(event, now)
            return
        aloft.check_landed()
        del self._aloft[number]
        self._streams.pop(number).close()

    def _finished(self) -> Iterator[Sample]:
        """Return the samples that are complete, even if the engine has failed since."""
        while not self._news.empty():
            number, now, event = self._news.get()
            if isinstance(event, dict):
                yield from self._aloft[number].hear(event, now)

    def call_off(self) -> None:
        """Cancel all batches."""
        while self._streams:
            _, stream = self._streams.popitem()
            stream.close()
        self._aloft.clear()


class _Aloft:
    """One batch in the engine: its prompt is read, then its samples are written in parallel."""

    def __init__(self, number: int, batch: Batch, shares: WallShares, now: float) -> None:
        self.batch = batch
        self._number = number
        self._shares = shares
        self._prompt_seconds: float | None = None
        self._drafts = {index: _Draft() for index in range(batch.count)}
        shares.enter(number, len(batch.prompt), now)

    def hear(self, event: dict[str, Any], now: float) -> Iterator[Sample]:
        """Process one event; return the sample that it finishes, if any."""
        if self._prompt_seconds is None:
            self._prompt_seconds = self._shares.leave(self._number, now)
            for index in self._drafts:
                self._shares.enter((self._number, index), 1, now)
        try:
            draft = self._drafts[event["index"]]
            draft.text.append(event["content"])
            draft.logprobs += [token["logprob"] for token in event.get("completion_probabilities", [])]
            if event["stop"]:
                del self._drafts[event["index"]]
                seconds = self._shares.leave((self._number, event["index"]), now)
                yield self._sample(event, draft, (self._prompt_seconds, seconds))
        except (KeyError, TypeError) as error:
            raise BackendError(f"the engine's answer has an unknown form ({error!r})") from error

    def check_landed(self) -> None:
        if self._drafts:
            missing = len(self._drafts)
            raise EngineLost(f"{self.batch.request.problem}: the engine ended without {missing} of its completions")

    def _sample(self, last: dict[str, Any], draft: _Draft, seconds: tuple[float, float]) -> Sample:
        request, number = self.batch.request, self.batch.offset + last["index"]
        return Sample(
            problem=request.problem,
            index=request.first + number,
            seed=request.seed + number,
            text="".join(draft.text),
            finish=Finish.LENGTH if last["stop_type"] == "limit" else Finish.STOP,
            prompt_tokens=len(self.batch.prompt),
            completion_tokens=last["tokens_predicted"],
            prompt_seconds=seconds[0],
            decode_seconds=seconds[1],
            sum_logprob=_sum(draft.logprobs, last["tokens_predicted"]),
            prompt_shared=True,
        )


def _body(batch: Batch, params: SamplingParams) -> dict[str, Any]:
    """Return the engine's own completion request; it is streamed to get the log-probabilities of a stop string."""
    greedy = params.temperature == 0
    return {
        "prompt": list(batch.prompt),
        "stream": True,
        "n_cmpl": batch.count,
        "n_predict": params.max_tokens,
        "samplers": ["top_k"] if greedy else ["top_p", "temperature"],
        "top_k": 1,
        "top_p": params.top_p,
        "temperature": params.temperature,
        "seed": batch.request.seed + batch.offset,
        "stop": list(batch.request.prompt.stop),
        "n_probs": 1,
        "cache_prompt": False,
    }


def _sum(logprobs: list[float], tokens: int) -> float | None:
    """Return the nats over all drawn tokens; None if one is missing, as inside a character of several tokens."""
    whole = len(logprobs) == tokens and all(isinstance(p, float | int) and math.isfinite(p) for p in logprobs)
    return math.fsum(logprobs) if whole else None
