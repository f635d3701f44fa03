"""Define the values of the sampler: what is asked of a model, what it returns, and the costs.

A *completion* is the text a model wrote. A *sample* is a completion with its provenance and its cost. A *study* is
models x problems x samples x budgets. Money, energy and the sandbox's own time are costs like any other: facts of the
sample.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import TracebackType
from typing import Self


class NoSuchName(ValueError):
    """A typed name is no name's part, or a part of several; the message lists the names that may be meant."""


def matching_name(names: Iterable[str], typed: str, what: str = "model") -> str:
    """Return the name that was typed, or the only one of which it is a part, in upper or lower case.

    Raises NoSuchName.
    """
    known = list(dict.fromkeys(names))
    if typed in known:
        return typed
    found = [name for name in known if typed.casefold() in name.casefold()]
    if len(found) == 1 and typed:
        return found[0]
    meant = f"{typed!r} is part of {len(found)} names" if found else f"no {what} is called {typed!r}"
    raise NoSuchName(f"{meant}; name one of: {', '.join(found or known) or 'none'}")


class Finish(StrEnum):
    """Why a model stopped writing."""

    STOP = "stop"  # end of text or a stop string
    LENGTH = "length"  # the token limit
    THOUGHT = "thought"  # it was still thinking, whatever stopped it, so that there is no answer


class PromptStyle(StrEnum):
    """How a problem is put to a model."""

    COMPLETION = "completion"  # the problem's prompt as it is; the model goes on writing
    CHAT = "chat"  # a user message; the model answers with code


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """How tokens are drawn, and what an engine is told besides. Temperature 0 is greedy.

    `max_thinking_tokens` bounds a thought, where the engine can do that; then `max_tokens` bounds the answer behind it,
    and both together what is written. `effort` is a word for how much a model thinks. `omit` names what is not sent,
    though it is by default. `request` are further fields for the server or the engine.
    """

    temperature: float = 0.8
    top_p: float = 0.95
    max_tokens: int = 256
    max_thinking_tokens: int | None = None
    effort: str = ""
    omit: tuple[str, ...] = ()
    request: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError(f"temperature must not be negative, not {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must lie in (0, 1], not {self.top_p}")
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, not {self.max_tokens}")
        if self.max_thinking_tokens is not None and self.max_thinking_tokens < 0:
            raise ValueError(f"max_thinking_tokens must not be negative, not {self.max_thinking_tokens}")

    @property
    def most_tokens(self) -> int:
        """Return how many tokens may be written: the answer's, and those of a bounded thought."""
        return self.max_tokens + (self.max_thinking_tokens or 0)

    @property
    def decides(self) -> dict[str, object]:
        """Return what decides the samples; what is as usual is left out, so that old stores are continued."""
        said: dict[str, object] = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
        }
        unusual = {
            "max_thinking_tokens": self.max_thinking_tokens,
            "effort": self.effort or None,
            "omit": list(self.omit) or None,
            "request": dict(self.request) or None,
        }
        return said | {key: value for key, value in unusual.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is sent. In chat style `text` is the user's message, `system` stands before it, `prefill` begins the answer.

    In completion style the answer continues the problem's prompt, unless `continues` is false: then it stands
    alone. `form` names the way in which the problem is put. Where a text is `special`, marks such as <|fim_prefix|> in
    it are special tokens of the model, as they are in every chat.
    """

    style: PromptStyle
    text: str
    prefill: str = ""
    stop: tuple[str, ...] = ()
    continues: bool = True
    system: str = ""
    form: str = ""
    special: bool = False

    @property
    def messages(self) -> list[dict[str, str]]:
        """Return the chat up to the answer, as servers and templates take it: valid Unicode."""
        said = [("system", self.system)] * bool(self.system) + [("user", self.text)]
        return [{"role": role, "content": text.encode("utf-8", "replace").decode()} for role, text in said]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`count` samples of one prompt, with indices first … first+count-1 and seeds seed … seed+count-1."""

    problem: str
    prompt: Prompt
    first: int
    count: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One completion with its provenance and cost.

    `prompt_seconds` is the engine time of reading the prompt, `decode_seconds` that of writing this completion: a
    batch's wall time attributed to its samples by their tokens. The joules are attributed in the same way, where the
    engine's energy is measured; None elsewhere. `sum_logprob` is in nats over the sampled tokens, before temperature;
    None where the engine does not tell. `prompt_shared` says that the engine read the prompt once for all samples of
    the request. Values that a recording or an imported file lacks are None.

    `text` is the answer alone. `thought` is what the model wrote before it, without its marks; None where there was no
    thought, or the server keeps it. `completion_tokens` counts both, `thought_tokens` those of the thought and its
    marks. `cached_tokens` are those of the prompt that the engine did not read again, `cache_write_tokens` those that
    it wrote into a cache, where it says so.
    """

    problem: str
    index: int
    seed: int | None
    text: str
    finish: Finish | None
    prompt_tokens: int | None
    completion_tokens: int | None
    prompt_seconds: float | None
    decode_seconds: float | None
    sum_logprob: float | None
    prompt_shared: bool
    prompt_joules: float | None = None
    decode_joules: float | None = None
    thought: str | None = None
    thought_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None

    @property
    def mean_logprob(self) -> float | None:
        """Return nats per token; None without log-probabilities or tokens."""
        if self.sum_logprob is None or not self.completion_tokens:
            return None
        return self.sum_logprob / self.completion_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """The numbers of a transformer that decide its FLOPs and its memory.

    Source: the model's own metadata, or the study file.

    `matmul_params` are the weights multiplied for every token (of a mixture of experts, those of the experts that a
    token uses), without the token embedding and without the unembedding; `unembed_params` is vocabulary x hidden;
    `attention_width` is heads x head size. `kv_width`, key-value heads x head size, is what a layer's cache keeps of a
    position, once for the keys and once for the values; None where it is not known. In `windowed_layers` of the layers
    a position attends to no more than `window` positions, itself among them. `weights` are all that lie in memory, idle
    experts and a token embedding of its own included; None where that is not known.
    """

    layers: int
    hidden: int
    attention_width: int
    matmul_params: int
    unembed_params: int
    kv_width: int | None = None
    window: int | None = None
    windowed_layers: int = 0
    weights: int | None = None

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not None and value < 0:
                raise ValueError(f"{item.name} must not be negative, not {value}")
        if self.windowed_layers > self.layers:
            raise ValueError(f"windowed_layers is {self.windowed_layers}, of {self.layers} layers")
        if bool(self.window) != bool(self.windowed_layers):
            raise ValueError(
                f"window is {self.window} and windowed_layers {self.windowed_layers}: give both or neither"
            )

    @property
    def params(self) -> int:
        """Return N of the rule "2N FLOPs per token": every weight that is multiplied for a written token."""
        return self.matmul_params + self.unembed_params


_DEAREST = 1e100  # sums of what samples cost stay numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenCosts:
    """What the study file says that a model costs; None where it does not say.

    `table_flops` and `table_seconds` are of one sample, whatever its length (Table 1 of Hassid et al. 2024 is such a
    table); the dollars are for a million tokens, read and written. Tokens of the prompt that the engine has in its
    cache cost `cached_dollars`, tokens of it that the engine writes into a cache `cache_write_dollars`, and tokens of a
    thought `thought_dollars`; where these are None, they cost what other tokens do. `prices` says which table the
    dollars are from, if they are from one.
    """

    table_flops: float | None = None
    table_seconds: float | None = None
    prompt_dollars: float | None = None
    completion_dollars: float | None = None
    cached_dollars: float | None = None
    cache_write_dollars: float | None = None
    thought_dollars: float | None = None
    prices: str | None = None

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value is None or item.name == "prices":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _DEAREST:
                raise ValueError(f"{item.name} must be a number from 0 to {_DEAREST:g}, not {value!r:.40}")
        if (self.prompt_dollars is None) != (self.completion_dollars is None):
            raise ValueError("prompt_dollars and completion_dollars belong together; where reading is free, write 0.0")
        special = (self.cached_dollars, self.cache_write_dollars, self.thought_dollars)
        if self.prompt_dollars is None and any(price is not None for price in special):
            raise ValueError(
                "cached_dollars, cache_write_dollars and thought_dollars need prompt_dollars and completion_dollars"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What a backend knows about the model it runs. `architecture` is None where the engine does not tell."""

    name: str
    digest: str
    architecture: Architecture | None
    engine: str


def valid_text(text: str) -> str:
    """Return `text` as a store can hold it: lone surrogates, which UTF-8 cannot encode, become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def canonical_json(value: Mapping[str, object]) -> str:
    """Return the canonical JSON of a value, so that equal values have equal texts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


STRIDE = 1_000_000  # between the indices of the samples of one tree (`sampler.study.strategies`)


def sample_number(index: int) -> str:
    """Return the number of a sample for people: "3", and of the second program after draft 3 in its tree "3+2"."""
    place, tree = divmod(index, STRIDE)
    return f"{tree}+{place}" if place else str(tree)


class Closeable:
    """A context manager that calls `close` at its end; subclasses define a `close` that may be called twice."""

    def close(self) -> None:
        """Release all resources."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
