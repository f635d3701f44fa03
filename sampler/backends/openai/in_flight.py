"""Manage the calls that a server works on, each with a thread that reads, retries and reports.

A thread owns one batch until all its samples are there or the policy gives up. It reports events with their time
through a queue. Only the caller's thread reads that queue, so the sharing of seconds needs no lock. `http_client` and
`answer` limit what a thread holds, and there are no more threads than the caller starts.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any

from sampler.backends.base import BackendError
from sampler.backends.cost_attribution import WallShares
from sampler.backends.openai.answer import ParsedChoice, ServerAnswer
from sampler.backends.openai.http_client import Call, CallRefused, MalformedAnswer, Outage, RetryPolicy, ServerAddress
from sampler.values import PromptStyle, Request, Sample

REFUSALS_IN_A_ROW = 8  # then the server refuses the study, and not single requests
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Samples offset … offset+count-1 of a request, asked in one call."""

    request: Request
    offset: int
    count: int


Question = Callable[[Batch], tuple[str, dict[str, Any]]]  # the path and the body of a call for a batch


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSettings:
    """How a batch is requested."""

    server: ServerAddress
    policy: RetryPolicy
    question: Question
    max_tokens: int
    sent: tuple[str, ...] = ()  # names of the study's own fields in a question


class _EventKind(Enum):
    """Kinds of events: each is about one sample, except ENDED, which is about a batch."""

    SENT = auto()
    FIRST_TOKEN = auto()
    WRITTEN = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class _Event:
    at: float
    kind: _EventKind
    offset: int = -1
    written: tuple[ParsedChoice, ...] = ()
    error: BackendError | None = None


class CallsInFlight:
    """The batches in flight."""

    def __init__(self, settings: CallSettings) -> None:
        self._settings = settings
        self._events: queue.SimpleQueue[tuple[_Worker, _Event]] = queue.SimpleQueue()
        self._workers: set[_Worker] = set()
        self._shares = WallShares()
        self._prompt_seconds: dict[tuple[_Worker, int], float] = {}
        self._entered: set[tuple[_Worker, int]] = set()
        self._refusals: list[CallRefused] = []
        self._in_a_row = 0
        self._failure: BackendError | None = None

    @property
    def empty(self) -> bool:
        """Return whether no sample is still to come."""
        return not self._workers

    @property
    def samples(self) -> int:
        """Return how many samples are in flight."""
        return sum(worker.batch.count for worker in self._workers)

    def start(self, batch: Batch) -> None:
        """Start a batch."""
        worker = _Worker(batch, self._settings, self._events)
        self._workers.add(worker)
        worker.start()

    def next_samples(self) -> Iterator[Sample]:
        """Wait for the next event; return its sample, if any.

        An error that ends the sampling is raised after all earlier events.
        """
        for worker in tuple(self._workers):
            worker.abort_if_overdue()
        try:
            worker, event = self._events.get(timeout=_LOOK_S)
        except queue.Empty:
            return
        yield from self._take(worker, event)
        if self._failure is not None:
            while not self._events.empty():
                yield from self._take(*self._events.get())
            raise self._failure

    def check(self) -> None:
        """Raise CallRefused if a request was refused; call it when all other samples are there."""
        if self._refusals:
            first = str(self._refusals[0])
            hint = refusal_hint(first, self._settings.sent)
            raise CallRefused(f"{len(self._refusals)} calls were refused, the first: {first}{hint}")

    def cancel(self) -> None:
        """Cancel every call."""
        workers = tuple(self._workers)  # it may be called from another thread
        for worker in workers:
            worker.cancel()
        for worker in workers:
            worker.join(timeout=_LOOK_S)  # one that is still connecting notices later, and ends by itself
        self._workers.clear()

    def _take(self, worker: _Worker, event: _Event) -> Iterator[Sample]:
        key = worker, event.offset
        match event.kind:
            case _EventKind.SENT:
                self._leave(key, event.at)
                self._prompt_seconds[key] = 0.0
                self._enter(key, event.at)
            case _EventKind.FIRST_TOKEN:
                self._prompt_seconds[key] = self._leave(key, event.at)
                self._enter(key, event.at)
            case _EventKind.WRITTEN:
                seconds = self._prompt_seconds.pop(key), self._leave(key, event.at)
                self._in_a_row = 0
                yield from (_sample(worker.batch, event.offset, written, seconds) for written in event.written)
            case _EventKind.ENDED:
                self._end_batch(worker, event)

    def _end_batch(self, worker: _Worker, event: _Event) -> None:
        self._workers.discard(worker)
        for key in [key for key in self._entered if key[0] is worker]:
            self._leave(key, event.at)
        if isinstance(event.error, CallRefused) and not event.error.concerns_all:
            self._refusals.append(event.error)
            self._in_a_row += 1
            if self._in_a_row < REFUSALS_IN_A_ROW:
                return
        self._failure = self._failure or _with_hint(event.error, self._settings.sent)

    def _enter(self, key: tuple[_Worker, int], at: float) -> None:
        self._entered.add(key)
        self._shares.enter(key, 1, at)

    def _leave(self, key: tuple[_Worker, int], at: float) -> float:
        if key not in self._entered:
            return 0.0
        self._entered.remove(key)
        return self._shares.leave(key, at)


def _with_hint(error: BackendError | None, sent: Iterable[str]) -> BackendError | None:
    """Return a refusal with a hint, if there is one."""
    hint = refusal_hint(str(error), sent) if isinstance(error, CallRefused) else ""
    return CallRefused(f"{error}{hint}", error.status) if hint and isinstance(error, CallRefused) else error


class _Worker(threading.Thread):
    """Gets one batch, with retries."""

    def __init__(self, batch: Batch, settings: CallSettings, events: queue.SimpleQueue[tuple[_Worker, _Event]]) -> None:
        super().__init__(name="openai", daemon=True)
        self.batch = batch
        self._settings = settings
        self._events = events
        self._missing = list(_offsets(batch))
        self._call: Call | None = None
        self._cancelled = threading.Event()

    def abort_if_overdue(self) -> None:
        """Abort a call that takes too long; it counts as an outage."""
        call = self._call
        if call is not None and time.monotonic() - call.began > self._settings.server.call_timeout_s:
            call.abort()

    def cancel(self) -> None:
        self._cancelled.set()
        if self._call is not None:
            self._call.abort()

    def run(self) -> None:
        error: BackendError | None = None
        try:
            error = self._get_all()
        except BackendError as caught:
            error = caught
        except Exception as caught:  # noqa: BLE001 - a thread's exception would be lost; the caller's thread raises this one
            error = BackendError(f"internal error in a call to the server: {caught!r}")
            error.__cause__ = caught
        self._tell(_EventKind.ENDED, error=error)

    def _get_all(self) -> CallRefused | None:
        """Ask until nothing is missing; return the first refusal that concerned only one sample."""
        part, refused = self.batch, None
        while self._missing and not self._cancelled.is_set():
            try:
                self._settings.policy.attempt(partial(self._ask, part), self._cancelled)
            except MalformedAnswer as error:
                if part.count == 1:
                    self._missing.remove(part.offset)
                    refused = refused or CallRefused(f"{error}, however often it was asked; the next run asks again")
            except CallRefused as error:
                if error.concerns_all:
                    raise
                refused = refused or error
                self._missing = [offset for offset in self._missing if offset not in _offsets(part)]
            if self._missing:  # what is left goes one by one: then it is clear which one fails
                part = Batch(request=self.batch.request, offset=self._missing[0], count=1)
        return refused

    def _ask(self, asked: Batch) -> None:
        """Make one call; raises Outage or CallRefused, after reporting the samples that are complete."""
        if self._cancelled.is_set() or not set(_offsets(asked)) <= set(self._missing):
            return  # a call before this one brought some of them
        path, body = self._settings.question(asked)
        prefill, streamed = asked.request.prompt.prefill, bool(body.get("stream"))
        chat = asked.request.prompt.style is PromptStyle.CHAT
        answer = ServerAnswer(asked.count, self._settings.max_tokens, prefill, streamed=streamed, chat=chat)
        self._call = Call(self._settings.server)
        if self._cancelled.is_set():
            self._call.abort()  # cancelled between the check above and now, before the call was set
        for number in range(asked.count):
            self._tell(_EventKind.SENT, asked.offset + number)
        begun: set[int] = set()
        try:
            for event in self._call.events("POST", path, body):
                for number in set(answer.feed(event)) - begun:
                    begun.add(number)
                    self._tell(_EventKind.FIRST_TOKEN, asked.offset + number)
            answer.check_end(marked=self._call.finished)
            written = answer.written()
        except Outage:
            self._keep(asked, answer.written(cut=True))
            raise
        self._keep(asked, written)

    def _keep(self, asked: Batch, written: dict[int, ParsedChoice]) -> None:
        for number, one in written.items():
            self._missing.remove(asked.offset + number)
            self._tell(_EventKind.WRITTEN, asked.offset + number, written=(one,))

    def _tell(
        self,
        kind: _EventKind,
        offset: int = -1,
        *,
        written: tuple[ParsedChoice, ...] = (),
        error: BackendError | None = None,
    ) -> None:
        self._events.put((self, _Event(time.monotonic(), kind, offset, written, error)))


def _offsets(batch: Batch) -> range:
    return range(batch.offset, batch.offset + batch.count)


def _sample(batch: Batch, offset: int, written: ParsedChoice, seconds: tuple[float, float]) -> Sample:
    request = batch.request
    return Sample(
        problem=request.problem,
        index=request.first + offset,
        seed=request.seed + offset,
        text=written.text,
        finish=written.finish,
        prompt_tokens=written.prompt_tokens,
        completion_tokens=written.completion_tokens,
        prompt_seconds=seconds[0],
        decode_seconds=seconds[1],
        sum_logprob=written.sum_logprob,
        prompt_shared=batch.count > 1,
        thought=written.thought,
        thought_tokens=written.thought_tokens,
        cached_tokens=written.cached_tokens,
        cache_write_tokens=written.cache_write_tokens,
    )


# Ways out of a refusal, guessed from the server's own words.
#
# Which key of the study would leave out what it does not take.

_OPTION = "in [models.options]"
_REFUSED = r"unsupported|not support|not allowed|not permitted|unknown|unrecognized|invalid|cannot|does not|deprecated"
_HINTS = (
    (r"cannot both be specified", 'omit = ["top_p"] in [[models]]'),
    (r"thinking_token_budget|thinking_budget|reasoning_budget", f"another thinking_tokens_key {_OPTION}"),
    *((rf"\b{key}\b", f'omit = ["{key}"] in [[models]]') for key in ("temperature", "top_p", "seed")),
    (
        rf"['\"`]stop['\"`].{{0,80}}({_REFUSED})|({_REFUSED})[^.]{{0,40}}['\"`]stop['\"`]",
        'omit = ["stop"] in [[models]]',
    ),
    (r"prefill|(last|final) message|assistant message", 'omit = ["prefill"] in [[models]]'),
    (
        r"\b(top_k|min_p|repetition_penalty|continue_final_message|add_generation_prompt)\b",
        f'dialect = "hosted" {_OPTION}',
    ),
    (r"\bchat model\b|chat/completions|\bendpoint\b.*\bcompletions\b", 'style = "chat" in [sampling]'),
    (r"chat template", 'style = "completion" in [sampling]'),
    (r"\bmax_completion_tokens\b", f'max_tokens_key = "max_completion_tokens" {_OPTION}'),
    (r"context length|context window|max_model_len|max_tokens", "a lower max_tokens in [sampling]"),
    (r"\b(top_)?logprobs?\b", f"logprobs = false {_OPTION}"),
    (r"\bstream(ing|_options)?\b", f"stream = false {_OPTION}"),
    (r"\bstop (sequences?|strings?)|['\"`]stop['\"`]", f"a lower most_stops {_OPTION}"),
    (r"(?<![\w'])n\b (must|should|is|has)\b|['\"`]n['\"`]|best_of|multiple (choices|completions)", f"n = 1 {_OPTION}"),
)


def refusal_hint(words: str, sent: Iterable[str] = ()) -> str:
    """Return what to try, as the end of a message; empty if there is no hint.

    `sent` are the fields of [models.request].
    """
    for name in sent:
        if re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", words):
            return f"; take {name} out of [models.request]"
    for pattern, remedy in _HINTS:
        if re.search(pattern, words, re.IGNORECASE):
            return f"; try {remedy}"
    return ""
