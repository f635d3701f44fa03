"""Sample from any server with OpenAI's API: vLLM, SGLang, llama.cpp's, or a hosted one.

    [[models]]
    name = "coder"                              # ours; what the server calls it, if that differs, is model = "…"
    backend = "openai"
    samples = 10
    [models.options]
    base_url = "http://127.0.0.1:8000/v1"
    api_key_env = "MY_KEY"                      # the variable that holds the key, if there is one; the key itself never
    dialect = "open"                            # "hosted" for servers that take only what OpenAI documents
    concurrency = 32                            # samples in flight
    n = 1                                       # choices in a call
    stream = true
    logprobs = true
    most_stops = 4                              # stop strings that the server takes
    max_tokens_key = "max_tokens"               # "max_completion_tokens" for OpenAI's own newer models
    thinking_tokens_key = "thinking_token_budget"  # vLLM's; "reasoning_budget_tokens" is llama.cpp's
    headers = {"X-Title" = "a study", "X-Key" = "$MY_KEY"}  # "$NAME" is read from the environment
    [models.request]                            # sent as it is
    chat_template_kwargs = {enable_thinking = true}

Completion style asks /completions, chat style /chat/completions. In the dialect "open" the server is told to sample
plainly (no top-k, min-p or repetition penalty of its own: vLLM takes such defaults from the model's files, llama.cpp
has some built in), and a chat answer is begun for the model. The dialect "hosted" leaves all that out, so the host's
defaults decide the samples.

OpenAI's API takes four stop strings, and vLLM's server refuses more. The first ones are sent; a model then may write on
past one of the others, and pays for it. The program is cut at all of them (`extract`). llama.cpp's server takes any
number.

**Seeds.** Sample i asks for the seed `request.seed + i`, also inside a call for several choices (vLLM and llama.cpp
count up from the call's seed). Hosted servers promise little about seeds.

**Failures.** An outage (no connection, silence, a cut stream, an invalid answer, 408, 429, 5xx) is tried again with
growing waits, or after Retry-After if that is longer; each one is reported. Choices that arrived before a call broke
are kept, and only the rest is asked again. After `attempts` the sampling ends with BackendError. A refusal (400, 422, a
content filter, a stream without a count of tokens) concerns one request: it is reported, the others go on, and
BackendError is raised at the end; a refusal of everything (401, 403, 404), or many in a row, ends the sampling at once.
An answer that is no sample (the server aborted it, or it has a form that we do not know) is tried again like an outage,
and if it stays so, refused for that sample alone.

**What is sent.** Every default can be left out by `omit`, and `[models.request]` adds fields or takes the place of
ours. A bound on thoughts goes under `thinking_tokens_key`, in which dots lead into tables, as in
"chat_template_kwargs.thinking_budget" or "custom_params.thinking_budget"; the limit of tokens is then that bound and
max_tokens together. A refusal is told with the key to drop.

**Answers.** Content may be a text, null, or a list of parts. What a server keeps apart as the model's thought
(`reasoning`, `reasoning_content`, parts of the type `thinking`) is the sample's thought, and so is what stands between
marks in a chat's text. Calls of tools are left out. The tokens of both count. An answer without a text is a sample like
any other. A `finish_reason` that is missing or that we do not know gives None for `finish`, or the limit where as many
tokens came (`said`).

**Seconds.** A server does not say which request it works on, so the wall time is shared evenly by the samples in
flight, those in its queue included: `prompt_seconds` until the first token came, be it of a thought or of the answer,
`decode_seconds` from then on, and all of it decoding where nothing is streamed. The shares add up to the time during
which the server had work of ours. `completion_tokens` is the server's count, see `answer`; `sum_logprob` is None if the
server does not give it for every token.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from sampler.backends.base import MOST_SECONDS
from sampler.backends.openai.http_client import (
    HEADER_FORM,
    OWN_HEADERS,
    CallRefused,
    RetryLimits,
    RetryPolicy,
    ServerAddress,
    ask,
    is_header,
)
from sampler.backends.openai.in_flight import Batch, CallSettings, CallsInFlight
from sampler.values import (
    Closeable,
    ModelCard,
    PromptStyle,
    Request,
    Sample,
    SamplingParams,
    canonical_json,
    valid_text,
)

HOSTED = "hosted"
DIALECTS = ("open", HOSTED)
MAX_TOKENS_KEYS = ("max_tokens", "max_completion_tokens")
_SECONDS = ("retry_wait_s", "connect_timeout_s", "answer_timeout_s", "call_timeout_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIOptions:
    """Options of requests to the server; the module's docstring explains them."""

    base_url: str
    api_key_env: str = ""
    dialect: str = "open"
    concurrency: int = 32
    n: int = 1
    stream: bool = True
    logprobs: bool = True
    most_stops: int = 4
    max_tokens_key: str = MAX_TOKENS_KEYS[0]
    thinking_tokens_key: str = "thinking_token_budget"
    headers: Mapping[str, object] = field(default_factory=dict, repr=False)
    attempts: int = 12
    retry_wait_s: float = 1.0
    longest_wait_s: float = 600.0
    connect_timeout_s: float = 10.0
    answer_timeout_s: float = 600.0
    call_timeout_s: float = 7200.0

    def __post_init__(self) -> None:
        _check_address(self.base_url, self.api_key_env)
        if self.dialect not in DIALECTS:
            raise ValueError(f"dialect must be {' or '.join(DIALECTS)}, not {self.dialect!r}")
        if self.max_tokens_key not in MAX_TOKENS_KEYS:
            raise ValueError(f"max_tokens_key must be {' or '.join(MAX_TOKENS_KEYS)}, not {self.max_tokens_key!r}")
        for name in ("concurrency", "n", "most_stops", "attempts", *_SECONDS):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)!r}")
        for name in ("longest_wait_s", *_SECONDS):
            if not 0 <= getattr(self, name) <= MOST_SECONDS:
                raise ValueError(f"{name} must be 0 to {MOST_SECONDS:g} seconds, not {getattr(self, name)!r}")
        _check_headers(self.headers)
        if self.n > self.concurrency:
            raise ValueError(f"n = {self.n} must not exceed concurrency = {self.concurrency}, which counts samples")


_QUERY = re.compile(r"(?:api-version=[\w.-]{1,40})?")  # Azure's; others could hold a key, which messages would show


def _check_address(base_url: str, api_key_env: str) -> None:
    try:
        url = urlsplit(base_url)
        _ = url.port  # reading it raises ValueError for one that is none
        valid = url.scheme in {"http", "https"} and bool(url.hostname) and not re.search(r"[^\x21-\x7e]", base_url)
        valid = valid and not url.fragment and bool(_QUERY.fullmatch(url.query))
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(
            'base_url must be the server\'s address, as "http://127.0.0.1:8000/v1", behind which at most '
            f"?api-version=… may stand, not {base_url!r}"
        )
    if "@" in url.netloc:
        raise ValueError("base_url must not hold a name or password; put the key into a variable, see api_key_env")
    if api_key_env and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", api_key_env):
        raise ValueError(  # the value is not repeated: it may be the key
            "api_key_env is the name of the environment variable that holds the key, not the key; "
            'export MY_KEY=…, and write api_key_env = "MY_KEY"'
        )


def _check_headers(headers: Mapping[str, object]) -> None:
    for name, value in headers.items():
        if not isinstance(value, str) or not is_header(name, value) or name.lower() in OWN_HEADERS:
            raise ValueError(f"headers: {name!r} cannot be sent: {HEADER_FORM}, and is none of our own")


class ServedModel(Closeable):
    """A model of a server that has answered once: its address, its retry policy, and what it says about the model."""

    def __init__(
        self,
        model: str,
        options: OpenAIOptions,
        *,
        key: str | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Ask the server for its models; raises BackendError. `tell` gets every outage, perhaps on several threads."""
        self._model, self._options = model, options
        self._server = ServerAddress(
            base_url=options.base_url,
            key=key,
            connect_timeout_s=options.connect_timeout_s,
            answer_timeout_s=options.answer_timeout_s,
            call_timeout_s=options.call_timeout_s,
            headers={name: str(value) for name, value in options.headers.items()},
        )
        patience = RetryLimits(
            attempts=options.attempts, first_wait_s=options.retry_wait_s, longest_wait_s=options.longest_wait_s
        )
        self._policy = RetryPolicy(patience, tell)
        entry = _listed(model, self._server, self._policy, tell)
        owner = self._server.clean(str(entry.get("owned_by") or "server"))
        self._card = ModelCard(name=model, digest=_digest(model, entry), architecture=None, engine=f"openai: {owner}")

    @property
    def card(self) -> ModelCard:
        """Return what the server says about the model; the digest is over that, because the weights are not visible."""
        return self._card


class OpenAIBackend(ServedModel):
    """One model of a server, ready to sample."""

    @cached_property
    def _flights(self) -> list[CallsInFlight]:
        return []

    def sample(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Sample]:
        """Yield every sample that the requests ask for, each exactly once; raises BackendError.

        Calls still in flight when the iterator or the backend is closed are cancelled.
        """
        flight = CallsInFlight(
            CallSettings(
                server=self._server,
                policy=self._policy,
                question=lambda batch: self._question(batch, params),
                max_tokens=params.most_tokens,
                sent=tuple(_names(params.request)),
            )
        )
        self._flights.append(flight)
        batches = (batch for request in requests for batch in self._batches(request))
        waiting = next(batches, None)
        try:
            while waiting is not None or not flight.empty:
                while waiting is not None and flight.samples + waiting.count <= self._options.concurrency:
                    flight.start(waiting)
                    waiting = next(batches, None)
                yield from flight.next_samples()
            flight.check()
        finally:
            flight.cancel()
            self._flights.remove(flight)

    def close(self) -> None:
        """Cancel all calls in flight."""
        for flight in self._flights:
            flight.cancel()

    def _batches(self, request: Request) -> Iterator[Batch]:
        for offset in range(0, request.count, self._options.n):
            yield Batch(request=request, offset=offset, count=min(self._options.n, request.count - offset))

    def _question(self, batch: Batch, params: SamplingParams) -> tuple[str, dict[str, Any]]:
        """Return the path and the body of a call: our defaults without those to omit, and the study's own fields."""
        path, body = self._usual_question(batch, params)
        if params.effort:
            body["reasoning_effort"] = params.effort
        if params.max_thinking_tokens is not None:
            wanted: object = params.max_thinking_tokens
            for name in reversed(self._options.thinking_tokens_key.split(".")):
                wanted = {name: wanted}
            body = _merged(body, wanted)
        for name in params.omit:
            body.pop(name, None)
        if "logprobs" in params.omit:
            body.pop("top_logprobs", None)
        return path, _merged(body, params.request)

    def _usual_question(self, batch: Batch, params: SamplingParams) -> tuple[str, dict[str, Any]]:
        options, prompt = self._options, batch.request.prompt
        body: dict[str, Any] = {
            "model": self._model,
            "n": batch.count,
            "seed": batch.request.seed + batch.offset,
            "temperature": params.temperature,
            "top_p": params.top_p,
            options.max_tokens_key: params.most_tokens,
        }
        if prompt.stop:
            body["stop"] = list(prompt.stop[: options.most_stops])
        if options.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        if options.dialect == "open":
            body |= {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}
        text = valid_text(prompt.text)
        if prompt.style is PromptStyle.COMPLETION:
            return "/completions", body | {"prompt": text} | ({"logprobs": 1} if options.logprobs else {})
        body["messages"] = prompt.messages
        if prompt.prefill:
            body["messages"].append({"role": "assistant", "content": prompt.prefill})
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return "/chat/completions", body | ({"logprobs": True, "top_logprobs": 1} if options.logprobs else {})


def _merged(ours: Any, given: Any) -> Any:
    """Return `ours` with the fields that are given, within tables, too."""
    if not isinstance(ours, Mapping) or not isinstance(given, Mapping):
        return given
    return {**ours, **{key: _merged(ours.get(key), value) for key, value in given.items()}}


def _names(fields: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of fields, the innermost first: these are what a server's refusal is about."""
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _names(value)
        yield name


_NO_LIST = {400, 403, 404, 405, 410, 422, 501}  # some servers keep no list, some keys may not read it


def _listed(model: str, server: ServerAddress, policy: RetryPolicy, tell: Callable[[str], None]) -> dict[str, Any]:
    """Return the model as the server lists it; empty if it does not."""
    try:
        listed = policy.attempt(lambda: ask(server, "GET", "/models"), Event()).get("data")
    except CallRefused as error:
        if error.status not in _NO_LIST:
            raise
        return {}
    listed = listed if isinstance(listed, list) else []
    known = [entry for entry in listed if isinstance(entry, dict) and isinstance(entry.get("id"), str)]
    for entry in known:
        if entry["id"] == model:
            return entry
    if known:
        offered = ", ".join(server.clean(entry["id"]) for entry in known[:5])
        tell(f"the server at {server.base_url} lists no model {model!r}; it lists {offered}")
    return known[0] if len(known) == 1 else {}


def _digest(model: str, entry: dict[str, Any]) -> str:
    """Return the SHA-256 of what the server says about the weights, without how or when it serves them."""
    meta = entry.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    facts = {key: meta[key] for key in ("n_params", "n_vocab", "n_embd", "size", "ftype") if key in meta}
    return hashlib.sha256(canonical_json({"model": model, "root": entry.get("root"), **facts}).encode()).hexdigest()
