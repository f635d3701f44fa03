"""Sample with vLLM's offline engine, on GPUs (and on CPUs that vLLM supports).

    [[models]]
    name = "coder"
    backend = "vllm"
    model = "Qwen/Qwen2.5-Coder-7B"             # a name of the model hub, or a folder with config.json and weights
    samples = 100
    [models.options]
    ahead = 0                                   # samples that the engine holds, waiting ones too; 0: twice its batch
    seeded = true                               # each sample draws with its own seed
    logprobs = true
    [models.options.engine]                     # handed to vLLM as it is, under vLLM's own names
    tensor_parallel_size = 2
    max_model_len = 4096

The scheduler runs in the study's process; forward passes and their memory are in processes that vLLM starts, so a crash
of the engine raises `EngineLost` here. Every sample is its own request with the seed `request.seed + i`, as vLLM itself
seeds n samples. All problems run in one continuous batch, and the engine always holds `ahead` samples, so that it has
work while samples are stored. Samples are returned as they finish. Prefix caching is vLLM's default and stays on. It is
not known whether a prompt was found in the cache, so `prompt_shared` is false and the prompt is charged to each sample.

`seeded = false` lets vLLM draw from its one generator: this is faster for small models on GPUs, where each seed costs
an extra step, but then no sample can be drawn again. For data parallelism run a study for each GPU, or use `vllm serve`
and the openai backend; one offline engine has none.

**Seconds.** The wall time is shared evenly by the samples that are in the batch. Samples that wait for a place in it do
not count; they are the latest ones, because vLLM serves requests in their order. A sample's share is split into prompt
and decoding as the engine's clock split the sample's own time. `completion_tokens` counts every token drawn, the end
mark and those of a stop string included; `sum_logprob` is over the same tokens, before temperature.

This is the only module that imports vllm, and it does so when an engine is opened.
"""

from __future__ import annotations

import hashlib
import math
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from sampler.backends.base import (
    TEMPLATE_FIELDS,
    BackendError,
    CannotLoad,
    EngineLost,
    TextScore,
    template_fields,
    without_thought,
)
from sampler.backends.cost_attribution import WallShares
from sampler.models.architecture import ConfigError, config_architecture
from sampler.values import (
    Closeable,
    Finish,
    ModelCard,
    Prompt,
    PromptStyle,
    Request,
    Sample,
    SamplingParams,
    canonical_json,
    valid_text,
)
from sandbox.extraction.thoughts import open_mark

_numbers = count()  # ids of requests in this process; an engine takes no id twice


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A sample to draw."""

    request: Request
    offset: int
    prompt: tuple[int, ...]  # token ids


class RequestsInFlight:
    """The samples that the engine holds.

    At most `most` of them are in its batch; the others wait in the order of their arrival.
    """

    def __init__(
        self,
        engine: Any,
        most: int,
        split: Callable[[Piece, Sequence[int], Sample], Sample] = lambda _piece, _tokens, sample: sample,
    ) -> None:
        """`split` takes the thought out of a sample, by the ids of its tokens."""
        self._split = split
        self._engine = engine
        self._most = most
        self._pieces: dict[str, Piece] = {}
        self._waiting: deque[str] = deque()
        self._running: set[str] = set()
        self._shares = WallShares()

    @property
    def in_flight(self) -> int:
        """Return how many samples the engine holds."""
        return len(self._pieces)

    def start(self, piece: Piece, params: Any) -> None:
        """Give one more sample to the engine."""
        number = f"codebudget-{next(_numbers)}"
        self._engine.add_request(number, {"prompt_token_ids": list(piece.prompt)}, params)
        self._pieces[number] = piece
        self._waiting.append(number)
        self._let_in(time.monotonic())

    def step(self) -> list[Sample]:
        """Run one step of the engine; return the samples that it finished."""
        finished = [output for output in self._engine.step() if output.finished]
        now = time.monotonic()
        return [self._land(output, now) for output in finished if output.request_id in self._pieces]

    def cancel(self) -> None:
        """Cancel all samples in the engine."""
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
        return self._split(piece, output.outputs[0].token_ids, _sample(piece, output, seconds))


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
        cached_tokens=getattr(output, "num_cached_tokens", None),
    )


def _reading_share(metrics: Any) -> float:
    """Return the share of a sample's time in the batch before its first token; 0 if the engine does not say."""
    if metrics is None or not metrics.scheduled_ts:
        return 0.0
    whole = metrics.last_token_ts - metrics.scheduled_ts
    reading = metrics.first_token_ts - metrics.scheduled_ts
    if whole <= 0 or reading < 0:
        return 0.0
    return float(min(1.0, reading / whole))


_EDGE = 1 << 20  # bytes of a large file's beginning and end that its digest takes in


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmOptions:
    """Options of the engine; the module's docstring explains them."""

    ahead: int = 0
    seeded: bool = True
    logprobs: bool = True
    engine: Mapping[str, object] = field(default_factory=dict)
    replicas: int = 1
    cluster: str = "auto"

    @property
    def gpus(self) -> int:
        """Return how many GPUs one engine takes: over how many it is asked to spread a model."""
        spread = [self.engine.get(name, 1) for name in ("tensor_parallel_size", "pipeline_parallel_size")]
        return math.prod(number for number in spread if isinstance(number, int))

    def __post_init__(self) -> None:
        if self.replicas < 1:
            raise ValueError(f"replicas must be positive, not {self.replicas}")
        if self.ahead < 0:
            raise ValueError(f"ahead must not be negative, not {self.ahead}")
        for name in ("model", "disable_log_stats"):
            if name in self.engine:
                raise ValueError(f"{name} has no place in [models.options.engine]; it is set by us")


class VllmBackend(Closeable):
    """One model in vLLM's engine; it also scores texts (see `scorer`)."""

    def __init__(self, model: str, options: VllmOptions) -> None:
        """Start the engine and load the model; raises BackendError."""
        self._vllm = _vllm()
        self._options = options
        with _loading(model):
            self._llm = self._vllm.LLM(
                model, **{"disable_log_stats": False, "use_tqdm_on_load": False, **options.engine}
            )
        self._engine = self._llm.llm_engine
        self._closed = False
        self._most = int(self._engine.vllm_config.scheduler_config.max_num_seqs)
        self._context = int(self._engine.model_config.max_model_len)
        self._tokenizer = self._llm.get_tokenizer()
        self._card = self._read_card(model)

    @property
    def card(self) -> ModelCard:
        """Return the model's name, digest and architecture."""
        return self._card

    def sample(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Sample]:
        """Yield every sample that the requests ask for, each exactly once; raises BackendError.

        Samples still in the engine when the iterator is closed are cancelled.
        """
        flight = RequestsInFlight(self._engine, self._most, self._split)
        pieces = (piece for request in requests for piece in self._pieces(request, params))
        ahead = self._options.ahead or 2 * self._most
        waiting = next(pieces, None)
        try:
            while waiting is not None or flight.in_flight:
                while waiting is not None and flight.in_flight < ahead:
                    with _alive():
                        flight.start(waiting, self._params(waiting, params))
                    waiting = next(pieces, None)
                with _alive():
                    finished = flight.step()
                yield from finished
        finally:
            if not self._closed:
                with _alive():
                    flight.cancel()

    def score(self, prompt: Prompt, completion: str) -> TextScore:
        """Return how probable `completion` is after `prompt`; raises BackendError."""
        before = self._tokens(prompt)
        tokens = [*before, *self._tokenizer.encode(valid_text(completion), add_special_tokens=False)]
        if len(tokens) >= self._context:
            raise BackendError(f"a text of {len(tokens)} tokens does not fit into a context of {self._context}")
        wanted = self._vllm.SamplingParams(max_tokens=1, prompt_logprobs=0, temperature=0.0)
        with _alive():
            (output,) = self._llm.generate([{"prompt_token_ids": tokens}], wanted, use_tqdm=False)
        scored = list(zip(tokens, output.prompt_logprobs, strict=True))[len(before) :]
        nlls = tuple(max(0.0, -float(logprobs[token].logprob)) for token, logprobs in scored)
        return TextScore(token_nlls=nlls, prompt_tokens=len(before))

    def _split(self, piece: Piece, token_ids: Sequence[int], sample: Sample) -> Sample:
        """Return a sample with the thought of a chat apart from its answer."""
        if piece.request.prompt.style is not PromptStyle.CHAT or piece.request.prompt.prefill:
            return sample
        tokens = [str(self._tokenizer.decode([token])) for token in token_ids]
        return without_thought(sample, tokens, open_mark(str(self._tokenizer.decode(list(piece.prompt)))))

    def close(self) -> None:
        """End the engine; calling it again does nothing."""
        if not self._closed:
            self._closed = True
            self._engine.engine_core.shutdown()

    def _pieces(self, request: Request, params: SamplingParams) -> Iterator[Piece]:
        prompt = tuple(self._tokens(request.prompt, params))
        if not prompt:
            raise BackendError(f"{request.problem}: the prompt is empty, and a model needs something to go on from")
        if len(prompt) + params.most_tokens > self._context:
            raise BackendError(
                f"{request.problem}: a prompt of {len(prompt)} tokens and {params.most_tokens} new ones do not fit into"
                f" a context of {self._context}; raise max_model_len in [models.options.engine], or lower max_tokens"
            )
        for offset in range(request.count):
            yield Piece(request=request, offset=offset, prompt=prompt)

    def _params(self, piece: Piece, params: SamplingParams) -> Any:
        settings: dict[str, Any] = {
            "seed": piece.request.seed + piece.offset if self._options.seeded else None,
            "temperature": params.temperature,
            "top_p": params.top_p,
            "max_tokens": params.most_tokens,
            "stop": list(piece.request.prompt.stop),
            "logprobs": 0 if self._options.logprobs else None,
        }
        if "stop" in params.omit and piece.request.prompt.style is PromptStyle.CHAT:
            settings["skip_special_tokens"] = False  # some models' marks of a thought are special tokens
        if params.max_thinking_tokens is not None:
            settings["thinking_token_budget"] = params.max_thinking_tokens
        settings = {name: value for name, value in settings.items() if name not in params.omit}
        settings |= {name: value for name, value in params.request.items() if name != TEMPLATE_FIELDS}
        kind = self._vllm.sampling_params.RequestOutputKind.FINAL_ONLY
        try:
            return self._vllm.SamplingParams(**settings, output_kind=kind)
        except TypeError as error:
            raise BackendError(f"vllm takes no such field of [models.request]: {error}") from error

    def _tokens(self, prompt: Prompt, params: SamplingParams | None = None) -> list[int]:
        """Return the prompt's tokens, with a chat template in chat style."""
        text = valid_text(prompt.text)
        if prompt.style is PromptStyle.COMPLETION:
            return list(self._tokenizer.encode(text))
        try:
            fields = {} if params is None else template_fields(params)
            put = self._tokenizer.apply_chat_template(
                prompt.messages, add_generation_prompt=True, tokenize=False, **fields
            )
        except ValueError as error:
            raise BackendError(f"the model has no chat template ({error}); ask it in the style completion") from error
        return list(self._tokenizer.encode(str(put) + prompt.prefill, add_special_tokens=False))

    def _read_card(self, model: str) -> ModelCard:
        config = self._engine.model_config.hf_config
        values = config.to_dict()
        try:
            architecture = config_architecture(values)
        except ConfigError:
            architecture = None
        facts = {"config": _plain(values), "commit": getattr(config, "_commit_hash", None)}
        folder = Path(model)
        if folder.is_dir():
            facts = {"files": {path.name: _fingerprint(path) for path in sorted(folder.iterdir()) if path.is_file()}}
        return ModelCard(
            name=folder.name if folder.is_dir() else model,
            digest=hashlib.sha256(canonical_json(facts).encode()).hexdigest(),
            architecture=architecture,
            engine=f"vllm {self._vllm.__version__}",
        )


def _vllm() -> Any:
    """Return the package; raises BackendError if it is not installed."""
    for name, value in (("VLLM_LOGGING_STREAM", "ext://sys.stderr"), ("VLLM_LOGGING_LEVEL", "WARNING")):
        os.environ.setdefault(name, value)  # noqa: TID251 - it looks while it is imported, and our stdout is for reports
    try:
        import vllm  # a GPU machine's affair, and seconds of work
    except ImportError as error:
        raise BackendError(f"vllm is not installed ({error}); pip install 'codebudget[vllm]'") from error
    return vllm


@contextmanager
def _loading(model: str) -> Iterator[None]:
    """Start the engine's processes so that they ignore ctrl-C: the study handles it and ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    except (RuntimeError, ValueError, TypeError, OSError, NotImplementedError, ImportError) as error:
        words = " ".join(str(error).split())[:600] or type(error).__name__
        raise CannotLoad(f"vllm cannot load {model}: {words}") from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _alive() -> Iterator[None]:
    """Raise EngineLost if the engine dies in this context."""
    from vllm.v1.engine.exceptions import EngineDeadError

    try:
        yield
    except EngineDeadError as error:
        raise EngineLost(f"vllm's engine died: {' '.join(str(error).split())[:300]}") from error
    except ValueError as error:
        raise BackendError(f"vllm refused: {' '.join(str(error).split())[:300]}") from error


def _plain(config: Mapping[str, Any]) -> dict[str, object]:
    return {key: value for key, value in config.items() if isinstance(value, str | int | float | bool)}


def _fingerprint(path: Path) -> str:
    """Return the bytes that identify a file: all of a small one; size, beginning and end of a large one."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(_EDGE))
        file.seek(max(_EDGE, size - _EDGE))
        digest.update(file.read(_EDGE))
    return digest.hexdigest()
