"""A backend whose engine's energy is measured, and attributed to samples as its seconds are.

A sample's joules are its own share of the engine's seconds times the mean power since sampling began. Where the seconds
of all samples add up to the time that the engine worked, their joules therefore add up to what the meter counted, as
far as power is steady. A sample whose seconds are not known, or during which the counter failed, has none: unknown,
never zero.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from sampler.backends.base import Backend
from sampler.closing import Closing
from sampler.values import ModelCard, Request, Sample, SamplingParams


class Meter(Protocol):
    """What counts energy."""

    def joules(self) -> float | None:
        """Joules since some moment in the past; None if nobody can say just now."""

    def close(self) -> None:
        """Give it back."""


class MeteredBackend(Closing):
    """Another backend, with a meter beside it."""

    def __init__(self, inner: Backend, meter: Meter, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._inner = inner
        self._meter = meter
        self._clock = clock

    @property
    def card(self) -> ModelCard:
        """That of the other backend."""
        return self._inner.card

    def sample(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Sample]:
        """The samples of the other backend, with their joules; raises BackendError."""
        began, counted = self._clock(), self._meter.joules()
        for sample in self._inner.sample(requests, params):
            passed, now = self._clock() - began, self._meter.joules()
            watts = None if counted is None or now is None or passed <= 0 else (now - counted) / passed
            yield replace(
                sample,
                prompt_joules=_times(watts, sample.prompt_seconds),
                decode_joules=_times(watts, sample.decode_seconds),
            )

    def close(self) -> None:
        """Give the engine and the meter back."""
        try:
            self._inner.close()
        finally:
            self._meter.close()


def _times(watts: float | None, seconds: float | None) -> float | None:
    return None if watts is None or seconds is None else watts * seconds
