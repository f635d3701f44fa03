"""What vLLM's engine is working on. Knows the engine's objects by their behaviour alone and imports nothing of it."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import Any

from sampler.backends.attribution import WallShares
from sampler.backends.base import EngineLost
from sampler.values import Finish, Request, Sample

_numbers = count()  # ids of requests in this process; an engine takes no id twice


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One sample to draw."""

    request: Request
    offset: int
    prompt: tuple[int, ...]  # token ids


class Flight:
    """The samples that the engine holds.

    At most `most` in its batch, the others waiting in the order of their coming.
    """

    def __init__(self, engine: Any, most: int) -> None:
        self._engine = engine
        self._most = most
        self._pieces: dict[str, Piece] = {}
        self._waiting: deque[str] = deque()
        self._running: set[str] = set()
        self._shares = WallShares()

    @property
    def held(self) -> int:
        """How many samples the engine holds."""
        return len(self._pieces)

    def start(self, piece: Piece, params: Any) -> None:
        """Hand one more to the engine."""
        number = f"codebudget-{next(_numbers)}"
        self._engine.add_request(number, {"prompt_token_ids": list(piece.prompt)}, params)
        self._pieces[number] = piece
        self._waiting.append(number)
        self._let_in(time.monotonic())

    def step(self) -> list[Sample]:
        """One turn of the engine; what finished in it."""
        finished = [output for output in self._engine.step() if output.finished]
        now = time.monotonic()
        return [self._land(output, now) for output in finished if output.request_id in self._pieces]

    def call_off(self) -> None:
        """Leave what is under way."""
        if self._pieces:
            self._engine.abort_request(list(self._pieces))
        self._pieces.clear()

    def _let_in(self, now: float) -> None:
        while self._waiting and len(self._running) < self._most:
            number = self._waiting.popleft()
            self._running.add(number)
            self._shares.enter(number, 1, now)

    def _land(self, output: Any, now: float) -> Sample:
        number = output.request_id
        piece = self._pieces.pop(number)
        if number not in self._running:  # the engine served it out of turn
            self._waiting.remove(number)
            self._running.add(number)
            self._shares.enter(number, 1, now)
        self._running.remove(number)
        seconds = self._shares.leave(number, now)
        self._let_in(now)
        return _sample(piece, output, seconds)


def _sample(piece: Piece, output: Any, seconds: float) -> Sample:
    (written,) = output.outputs
    if written.finish_reason not in {"stop", "length"}:
        raise EngineLost(f"{piece.request.problem}: vllm ended a completion because of {written.finish_reason!r}")
    reading = seconds * _reading_share(output.metrics)
    return Sample(
        problem=piece.request.problem,
        index=piece.request.first + piece.offset,
        seed=piece.request.seed + piece.offset,
        text=written.text,
        finish=Finish.LENGTH if written.finish_reason == "length" else Finish.STOP,
        prompt_tokens=len(piece.prompt),
        completion_tokens=len(written.token_ids),
        prompt_seconds=reading,
        decode_seconds=seconds - reading,
        sum_logprob=None if written.logprobs is None else float(written.cumulative_logprob),
        prompt_shared=False,
    )


def _reading_share(metrics: Any) -> float:
    """Which part of its time in the batch a sample spent until its first token; 0 where the engine does not tell."""
    if metrics is None or not metrics.scheduled_ts:
        return 0.0
    whole = metrics.last_token_ts - metrics.scheduled_ts
    reading = metrics.first_token_ts - metrics.scheduled_ts
    if whole <= 0 or reading < 0:
        return 0.0
    return float(min(1.0, reading / whole))
