"""What every engine can do, and nothing more: describe its model, and sample.

A backend raises `BackendError` when the engine fails; it never returns a made-up sample. Samples come back in any
order, each as soon as it is there, so that scoring overlaps sampling. `close` is idempotent; backends are context
managers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Protocol, Self

from sampler.values import ModelCard, Request, Sample, SamplingParams

MOST_SECONDS = 1e6  # eleven days; what the system's clocks can wait for is not much more


class BackendError(Exception):
    """The engine failed. Our fault or the machine's, never the model's: nothing is recorded."""


class CannotLoad(BackendError):
    """The engine does not take the model's file."""


class EngineLost(BackendError):
    """The engine died or fell silent under way. A fresh one may well go on where it stopped."""


class Backend(Protocol):
    """One model, ready to sample."""

    @property
    def card(self) -> ModelCard:
        """The model's name, digest and architecture."""

    def sample(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Sample]:
        """Every sample that the requests ask for, each exactly once; raises BackendError."""

    def close(self) -> None:
        """Give the engine back."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
