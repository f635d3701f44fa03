"""Sample with llama.cpp on the CPU, in a child process: the default engine.

A request becomes one or more batches of at most `slots` samples. The engine reads a batch's prompt once and continues
it in as many slots. Batches are in flight together as long as slots and context suffice, so that one long sample does
not leave the cores idle. Each sample is returned as soon as it is complete.

Sample i of a request draws with the seed `request.seed + i`. The same requests to a fresh engine give the same texts.
Otherwise the same seed nearly always gives the same text, but not always: other contents of the engine's memory change
the order of its additions, which can change a near tie.

Seconds are shares of the wall's time, see `cost_attribution`. `prompt_seconds` is the share of reading the prompt.
Every sample of the batch carries all of it, because the prompt was read once for all of them (`prompt_shared`): count
it once per request. `decode_seconds` is the sample's own share from then on. `completion_tokens` counts every token
drawn, the end mark and those of a stop string included, because they were paid for; `sum_logprob` is over the same
tokens.

Of the engine's many samplers only top-p and temperature are on; at temperature 0 the most probable token is taken.
Log-probabilities are those of the model itself, before either. Fields of `[models.request]` are the engine's own
(`/completion` of llama.cpp's server); `chat_template_kwargs` go to the chat template. A thought is told from its answer
by the marks of its text, and by what the template had opened.

`max_thinking_tokens` is kept by the engine while it writes, in one pass: once the thought has so many tokens, the
engine writes the closing mark, and before it the sentence for which the model's makers have one. These tokens belong to
the thought and are counted and paid for like all others.
"""

from __future__ import annotations

import hashlib
import math
import queue
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sampler.backends.base import (
    MOST_SECONDS,
    TEMPLATE_FIELDS,
    BackendError,
    EngineLost,
    template_fields,
    without_thought,
)
from sampler.backends.cost_attribution import WallShares
from sampler.backends.llamacpp.process import EngineOptions, EngineProcess, EventStream, ask, physical_cores
from sampler.models.architecture import read_gguf_texts
from sampler.values import (
    Architecture,
    Closeable,
    Finish,
    ModelCard,
    Prompt,
    PromptStyle,
    Request,
    Sample,
    SamplingParams,
)
from sandbox.extraction.thoughts import (
    CHANNEL_END,
    FINAL,
    SplitText,
    closing_mark,
    open_mark,
    split_at_first,
    template_mark,
)

MOST_SLOTS = 256  # the engine's own bound, seen: with 257 it does not start
NO_MARKS = (
    "its chat template names no mark of a thought, so there is no thought to bound; take max_thinking_tokens out, or "
    "give a template that has one as chat_template in [models.options]"
)
# What is written before the closing mark of a thought that has reached its bound, by the beginning of the file's
# general.architecture: the sentence of Qwen3's report (2505.09388, section 4.6). Other models get a line break.
HANDOVERS = {
    "qwen3": "\n\nConsidering the limited time by the user, I have to give the solution based on the thinking directly "
    "now.\n"
}
USUAL_HANDOVER = "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCapacity:
    """How much fits into the engine at a time, and how long it may be silent."""

    slots: int
    context: int  # tokens over everything in flight
    answer_timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptBatch:
    """A part of a request that is sent to the engine at once."""

    request: Request
    offset: int
    count: int
    prompt: tuple[int, ...]  # token ids
    context: int  # tokens it may come to need
    opened: str = ""  # the mark of the thought that the prompt ends within
    bound: Mapping[str, object] = field(default_factory=dict)  # the engine's fields that bound a thought


@dataclass(slots=True)
class _Draft:
    """A sample that is being written."""

    text: list[str] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)  # their texts


class BatchesInFlight:
    """The batches that the engine is working on."""

    def __init__(self, engine: EngineProcess, capacity: EngineCapacity) -> None:
        self._engine = engine
        self._room = capacity
        self._shares = WallShares()
        self._events: queue.SimpleQueue[tuple[int, float, dict[str, Any] | BackendError | None]] = queue.SimpleQueue()
        self._streams: dict[int, EventStream] = {}
        self._in_flight: dict[int, _BatchInFlight] = {}
        self._started = 0

    @property
    def empty(self) -> bool:
        """Return whether no batch is in flight."""
        return not self._in_flight

    def has_room(self, batch: PromptBatch) -> bool:
        """Return whether there is room for another batch."""
        slots = sum(running.batch.count for running in self._in_flight.values()) + batch.count
        context = sum(running.batch.context for running in self._in_flight.values()) + batch.context
        return slots <= self._room.slots and context <= self._room.context

    def start(self, batch: PromptBatch, params: SamplingParams) -> None:
        """Send a batch to the engine."""
        self._started += 1
        number = self._started
        self._in_flight[number] = _BatchInFlight(number, batch, self._shares, time.monotonic())
        self._streams[number] = EventStream(
            self._engine,
            _body(batch, params),
            self._room.answer_timeout_s,
            lambda event: self._events.put((number, time.monotonic(), event)),
        )

    def next_samples(self) -> Iterator[Sample]:
        """Wait for the next event; return the sample that it finishes, if any; raises BackendError.

        Before it raises, it returns the samples that other batches have finished.
        """
        try:
            number, now, event = self._events.get(timeout=self._room.answer_timeout_s)
        except queue.Empty:
            raise EngineLost("the engine did not answer in time; raise answer_timeout_s in [models.options]") from None
        running = self._in_flight[number]
        if isinstance(event, BackendError):
            yield from self._finished()
            raise event
        if event is not None:
            yield from running.feed(event, now)
            return
        running.check_complete()
        del self._in_flight[number]
        self._streams.pop(number).close()

    def _finished(self) -> Iterator[Sample]:
        """Return the samples that are complete, even if the engine has failed since."""
        while not self._events.empty():
            number, now, event = self._events.get()
            if isinstance(event, dict):
                yield from self._in_flight[number].feed(event, now)

    def cancel(self) -> None:
        """Cancel all batches."""
        while self._streams:
            _, stream = self._streams.popitem()
            stream.close()
        self._in_flight.clear()


class _BatchInFlight:
    """One batch in the engine: its prompt is read, then its samples are written in parallel."""

    def __init__(self, number: int, batch: PromptBatch, shares: WallShares, now: float) -> None:
        self.batch = batch
        self._number = number
        self._shares = shares
        self._prompt_seconds: float | None = None
        self._drafts = {index: _Draft() for index in range(batch.count)}
        shares.enter(number, len(batch.prompt), now)

    def feed(self, event: dict[str, Any], now: float) -> Iterator[Sample]:
        """Process one event; return the sample that it finishes, if any."""
        if self._prompt_seconds is None:
            self._prompt_seconds = self._shares.leave(self._number, now)
            for index in self._drafts:
                self._shares.enter((self._number, index), 1, now)
        try:
            draft = self._drafts[event["index"]]
            draft.text.append(event["content"])
            probabilities = event.get("completion_probabilities", [])
            draft.logprobs += [token["logprob"] for token in probabilities]
            draft.tokens += [token.get("token") for token in probabilities]
            if event["stop"]:
                del self._drafts[event["index"]]
                seconds = self._shares.leave((self._number, event["index"]), now)
                yield self._sample(event, draft, (self._prompt_seconds, seconds))
        except (KeyError, TypeError) as error:
            raise BackendError(f"the engine's answer has an unknown form ({error!r})") from error

    def check_complete(self) -> None:
        if self._drafts:
            missing = len(self._drafts)
            raise EngineLost(f"{self.batch.request.problem}: the engine ended without {missing} of its completions")

    def _sample(self, last: dict[str, Any], draft: _Draft, seconds: tuple[float, float]) -> Sample:
        request, number = self.batch.request, self.batch.offset + last["index"]
        sample = Sample(
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
            cached_tokens=0,
        )
        chat = request.prompt.style is PromptStyle.CHAT and not request.prompt.prefill
        return without_thought(sample, draft.tokens, self.batch.opened, self._ended(sample.text)) if chat else sample

    def _ended(self, text: str) -> SplitText | None:
        """Return thought and answer of a bounded thought: its end is the first closing mark, whatever follows it."""
        bound = self.batch.bound
        opening = str(bound.get("reasoning_budget_start_tag", ""))
        closing = closing_mark(opening) if opening else CHANNEL_END
        begun = self.batch.opened or text.lstrip().startswith(opening)
        return split_at_first(text, opening, closing) if begun and closing != CHANNEL_END else None


def _body(batch: PromptBatch, params: SamplingParams) -> dict[str, Any]:
    """Return the engine's own completion request; it is streamed to get the log-probabilities of a stop string."""
    greedy = params.temperature == 0
    more = [name for name in ("top_k", "min_p") if name in params.request]
    body = {
        "prompt": list(batch.prompt),
        "stream": True,
        "n_cmpl": batch.count,
        "n_predict": params.most_tokens,
        "samplers": ["top_k"] if greedy else [*more, "top_p", "temperature"],
        "top_k": 1,
        "top_p": params.top_p,
        "temperature": params.temperature,
        "seed": batch.request.seed + batch.offset,
        "stop": list(batch.request.prompt.stop),
        "n_probs": 1,
        "cache_prompt": False,
        **batch.bound,
    }
    for name in params.omit:
        body.pop(name, None)
    return body | {name: value for name, value in params.request.items() if name != TEMPLATE_FIELDS}


def _sum(logprobs: list[float], tokens: int) -> float | None:
    """Return the nats over all drawn tokens; None if one is missing, as inside a character of several tokens."""
    whole = len(logprobs) == tokens and all(isinstance(p, float | int) and math.isfinite(p) for p in logprobs)
    return math.fsum(logprobs) if whole else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaOptions:
    """How the engine runs. `context` counts tokens over everything in flight; threads 0 means one per physical core.

    `chat_template` is the text of a Jinja template that takes the place of the model's own. With several `replicas`,
    each is an engine on a node of the Ray cluster at the address `cluster`.
    """

    slots: int = 16
    context: int = 16384
    threads: int = 0
    chat_template: str = ""
    start_timeout_s: float = 180.0
    answer_timeout_s: float = 900.0
    replicas: int = 1
    cluster: str = "auto"

    def __post_init__(self) -> None:
        if self.threads < 0:
            raise ValueError(f"threads must not be negative, not {self.threads}")
        for name in ("replicas", "slots", "context", "start_timeout_s", "answer_timeout_s"):
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
        self._model = model
        self._opened = ""  # the mark that the engine takes to be open where a text begins
        self._engine = self._started()
        self._bounds: dict[str, dict[str, object]] = {}  # by the mark that a prompt had opened
        digest = model.digest
        if options.chat_template:  # it is part of what decides the samples, as the file's own is
            digest = hashlib.sha256(f"{digest} {options.chat_template}".encode()).hexdigest()
        self._card = ModelCard(
            name=model.name,
            digest=digest,
            architecture=model.architecture,
            engine=f"xllamacpp {self._engine.version}",
        )

    def _started(self) -> EngineProcess:
        options = self._options
        return EngineProcess(
            EngineOptions(
                path=str(self._model.path.resolve()),
                slots=options.slots,
                context=options.context,
                threads=options.threads or physical_cores(),
                chat_template=options.chat_template,
                opened=self._opened,
            ),
            start_timeout_s=options.start_timeout_s,
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
        batches = (batch for request in requests for batch in self._batches(request, params))
        waiting = next(batches, None)
        if waiting is not None and waiting.bound:
            self._expect(waiting.opened)
        flight = BatchesInFlight(self._engine, capacity)
        try:
            while waiting is not None or not flight.empty:
                while waiting is not None and flight.has_room(waiting):
                    flight.start(waiting, params)
                    waiting = next(batches, None)
                yield from flight.next_samples()
        finally:
            flight.cancel()

    def _expect(self, opened: str) -> None:
        """Make the engine take `opened` to be open where a text begins, so that it counts a thought from there on.

        The prompts of one study all open a thought, or none does. The engine learns it when it starts, so another one
        is started where the template opens thoughts: what it does shows in a rendered prompt alone.
        """
        if opened != self._opened:
            self._engine.close()
            self._opened = opened
            self._engine = self._started()

    def close(self) -> None:
        """End the engine."""
        self._engine.close()

    def _batches(self, request: Request, params: SamplingParams) -> Iterator[PromptBatch]:
        text = self._put(request.prompt, params)
        prompt = tuple(self._tokens(request.prompt, text))
        opened = open_mark(text) if request.prompt.style is PromptStyle.CHAT else ""
        bound = self._bound(opened, params.max_thinking_tokens)
        capacity = self._options.context - len(prompt)
        size = min(self._options.slots, capacity // params.most_tokens)
        if not prompt:
            raise BackendError(f"{request.problem}: the prompt is empty, and a model needs something to go on from")
        if size < 1:
            raise BackendError(
                f"{request.problem}: a prompt of {len(prompt)} tokens and {params.most_tokens} new ones do not fit into"
                f" a context of {self._options.context}; raise context in [models.options], or lower max_tokens"
            )
        for offset in range(0, request.count, size):
            count = min(size, request.count - offset)
            yield PromptBatch(
                request=request,
                offset=offset,
                count=count,
                prompt=prompt,
                context=len(prompt) + count * params.most_tokens,
                opened=opened,
                bound=bound,
            )

    def _bound(self, opened: str, most: int | None) -> dict[str, object]:
        """Return the engine's fields that bound a thought to `most` tokens; raises BackendError if there are no marks.

        The engine counts from the opening mark on: from where the model writes it, or from the beginning (`_expect`).
        """
        if most is None:
            return {}
        if opened not in self._bounds:
            texts = read_gguf_texts(self._model.path)
            opening = opened or template_mark(self._options.chat_template or texts.get("tokenizer.chat_template", ""))
            if not opening:
                raise BackendError(f"{self._model.name}: {NO_MARKS}")
            family = texts.get("general.architecture", "")
            handover = (text for name, text in HANDOVERS.items() if family.startswith(name))
            self._bounds[opened] = {
                "reasoning_budget_start_tag": opening,
                "reasoning_budget_end_tags": self._closings(closing_mark(opening)),
                "reasoning_budget_message": next(handover, USUAL_HANDOVER),
            }
        return {"reasoning_budget_tokens": most, **self._bounds[opened]}

    def _closings(self, mark: str) -> list[str]:
        """Return how a thought ends, as texts whose tokens the engine looks for; it writes the first one itself.

        A mark that is no token of its own is drawn together with what stands around it, in tokens of other kinds.
        """
        if mark == CHANNEL_END:
            return [mark + FINAL, mark]  # a final channel has to be opened, too
        question = {"content": mark, "add_special": False, "parse_special": True}
        if len(self._ask("/tokenize", question, "tokens")) == 1:
            return [mark]
        return [f"{before}{mark}{after}" for before in ("", " ", ".") for after in ("", "\n", "\n\n")]

    def _put(self, prompt: Prompt, params: SamplingParams) -> str:
        """Return the prompt as the model reads it: a chat by the model's template."""
        if prompt.style is PromptStyle.COMPLETION:
            return prompt.text.encode("utf-8", "replace").decode()  # the engine takes no lone surrogates
        asked: dict[str, Any] = {"messages": prompt.messages}
        if fields := template_fields(params):
            asked[TEMPLATE_FIELDS] = fields
        return str(self._ask("/apply-template", asked, "prompt")) + prompt.prefill

    def _tokens(self, prompt: Prompt, text: str) -> list[int]:
        """Return the prompt's tokens; marks such as <|im_end|> are special tokens if a template has put them there."""
        marks = prompt.style is PromptStyle.CHAT or prompt.special
        question = {"content": text, "add_special": True, "parse_special": marks}
        tokens: list[int] = self._ask("/tokenize", question, "tokens")
        return tokens

    def _ask(self, path: str, body: dict[str, Any], key: str) -> Any:
        answer = ask(self._engine, path, body, self._options.answer_timeout_s)
        if key not in answer:
            raise BackendError(f"the engine's answer to {path} lacks {key!r}")
        return answer[key]
