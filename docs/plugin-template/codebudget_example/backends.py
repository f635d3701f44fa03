"""A backend: a model that always writes the same answers, by turns.

A study file names it so:

    [[models]]
    name = "parrot"
    backend = "canned"
    samples = 4
    options = { answers = ["print(1)", "print(2)"] }

Its samples are stored, scored and compared as those of every other engine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sampler.backends.open import BackendContext, BackendKind
from sampler.values import Finish, ModelCard, Request, Sample, SamplingParams


@dataclass(frozen=True, slots=True, kw_only=True)
class CannedOptions:
    """The keys of [models.options]; what makes no sense raises ValueError."""

    answers: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.answers:
            raise ValueError("answers is empty; name at least one")


class CannedBackend:
    """One model, ready to sample."""

    def __init__(self, model: str, options: CannedOptions) -> None:
        self._answers = tuple(options.answers)
        digest = hashlib.sha256(json.dumps(self._answers).encode()).hexdigest()
        self.card = ModelCard(name=model, digest=digest, architecture=None, engine="canned 1")

    def sample(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Sample]:
        """Yield every sample that the requests ask for, each exactly once."""
        for request in requests:
            for index in range(request.first, request.first + request.count):
                text = self._answers[index % len(self._answers)]
                yield Sample(
                    problem=request.problem,
                    index=index,
                    seed=None,
                    text=text,
                    finish=Finish.STOP,
                    prompt_tokens=len(request.prompt.text.split()),
                    completion_tokens=len(text.split()),
                    prompt_seconds=None,
                    decode_seconds=None,
                    sum_logprob=None,
                    prompt_shared=False,
                )

    def close(self) -> None:
        """Close the engine; here is none."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_canned(model: str, options: CannedOptions, context: BackendContext) -> CannedBackend:
    """Open a model; raise BackendError if it cannot be opened. `context` has secrets and the folder of models."""
    return CannedBackend(model, options)


CANNED = BackendKind(open=open_canned, options=CannedOptions)
