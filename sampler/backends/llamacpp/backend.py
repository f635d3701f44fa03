"""Sample with llama.cpp on the CPU, in a child process: the default engine.

A request becomes one or more batches of at most `slots` samples. The engine reads a batch's prompt once and continues
it in as many slots. Batches are in flight together as long as slots and context suffice, so that one long sample does
not leave the cores idle. Each sample is returned as soon as it is complete.

Sample i of a request draws with the seed `request.seed + i`. The same requests to a fresh engine give the same texts.
Otherwise the same seed nearly always gives the same text, but not always: other contents of the engine's memory change
the order of its additions, which can change a near tie.

Seconds are shares of the wall's time, see `time_sharing`. `prompt_seconds` is the share of reading the batch's prompt.
Every sample of the batch carries all of it, because the prompt was read once for all of them (`prompt_shared`): count
it once per request. `decode_seconds` is the sample's own share from then on. `completion_tokens` counts every token
drawn, the end mark and those of a stop string included, because they were paid for; `sum_logprob` is over the same
tokens.

Of the engine's many samplers only top-p and temperature are on; at temperature 0 the most probable token is taken.
Log-probabilities are those of the model itself, before either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sampler.backends.base import MOST_SECONDS, BackendError
from sampler.backends.llamacpp.http_client import ask
from sampler.backends.llamacpp.in_flight import Batch, EngineCapacity, InFlight
from sampler.backends.llamacpp.process import EngineOptions, EngineProcess, physical_cores
from sampler.closeable import Closeable
from sampler.values import Architecture, ModelCard, Prompt, PromptStyle, Request, Sample, SamplingParams

MOST_SLOTS = 256  # the engine's own bound, seen: with 257 it does not start


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaOptions:
    """How the engine runs. `context` counts tokens over everything in flight; threads 0 means one per physical core."""

    slots: int = 16
    context: int = 16384
    threads: int = 0
    start_timeout_s: float = 180.0
    answer_timeout_s: float = 900.0

    def __post_init__(self) -> None:
        if self.threads < 0:
            raise ValueError(f"threads must not be negative, not {self.threads}")
        for name in ("slots", "context", "start_timeout_s", "answer_timeout_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)!r}")
        if self.slots > MOST_SLOTS:
            raise ValueError(f"slots must be at most {MOST_SLOTS}, not {self.slots}: the engine has no more")
        for name in ("start_timeout_s", "answer_timeout_s"):
            if getattr(self, name) > MOST_SECONDS:
                raise ValueError(f"{name} must be at most {MOST_SECONDS:g}, not {getattr(self, name)!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """The facts of a model that are known before the engine runs."""

    path: Path
    name: str
    digest: str
    architecture: Architecture | None


class LlamaCppBackend(Closeable):
    """One model in an engine process of its own."""

    def __init__(self, model: ModelFile, options: LlamaOptions) -> None:
        """Start the engine and load the model; raises BackendError."""
        self._options = options
        self._engine = EngineProcess(
            EngineOptions(
                path=str(model.path.resolve()),
                slots=options.slots,
                context=options.context,
                threads=options.threads or physical_cores(),
            ),
            start_timeout_s=options.start_timeout_s,
        )
        self._card = ModelCard(
            name=model.name,
            digest=model.digest,
            architecture=model.architecture,
            engine=f"xllamacpp {self._engine.version}",
        )

    @property
    def card(self) -> ModelCard:
        """Return the model's name, digest and architecture."""
        return self._card

    @property
    def engine_pid(self) -> int:
        """Return the engine's process id, for callers that watch its memory."""
        return self._engine.pid

    def sample(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Sample]:
        """Yield every sample that the requests ask for, each exactly once; raises BackendError.

        Batches still in flight when the iterator is closed are cancelled.
        """
        options = self._options
        capacity = EngineCapacity(
            slots=options.slots, context=options.context, answer_timeout_s=options.answer_timeout_s
        )
        flight = InFlight(self._engine, capacity)
        batches = (batch for request in requests for batch in self._batches(request, params))
        waiting = next(batches, None)
        try:
            while waiting is not None or not flight.empty:
                while waiting is not None and flight.has_room(waiting):
                    flight.start(waiting, params)
                    waiting = next(batches, None)
                yield from flight.landed()
        finally:
            flight.call_off()

    def close(self) -> None:
        """End the engine."""
        self._engine.close()

    def _batches(self, request: Request, params: SamplingParams) -> Iterator[Batch]:
        prompt = tuple(self._tokens(request.prompt))
        capacity = self._options.context - len(prompt)
        size = min(self._options.slots, capacity // params.max_tokens)
        if not prompt:
            raise BackendError(f"{request.problem}: the prompt is empty, and a model needs something to go on from")
        if size < 1:
            raise BackendError(
                f"{request.problem}: a prompt of {len(prompt)} tokens and {params.max_tokens} new ones do not fit into"
                f" a context of {self._options.context}; raise context in [models.options], or lower max_tokens"
            )
        for offset in range(0, request.count, size):
            count = min(size, request.count - offset)
            need = len(prompt) + count * params.max_tokens
            yield Batch(request=request, offset=offset, count=count, prompt=prompt, context=need)

    def _tokens(self, prompt: Prompt) -> list[int]:
        """Return the prompt's tokens; marks such as <|im_end|> are special tokens only if a chat template is used."""
        text = prompt.text.encode("utf-8", "replace").decode()  # the engine takes no lone surrogates
        marks = prompt.style is PromptStyle.CHAT
        if marks:
            text = self._ask("/apply-template", {"messages": prompt.messages}, "prompt")
            text += prompt.prefill
        question = {"content": text, "add_special": True, "parse_special": marks}
        tokens: list[int] = self._ask("/tokenize", question, "tokens")
        return tokens

    def _ask(self, path: str, body: dict[str, Any], key: str) -> Any:
        answer = ask(self._engine, path, body, self._options.answer_timeout_s)
        if key not in answer:
            raise BackendError(f"the engine's answer to {path} lacks {key!r}")
        return answer[key]
