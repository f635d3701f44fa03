"""The words of the sampler: what is asked of a model, what comes back, what it cost.

A *completion* is the text a model wrote. A *sample* is a completion with its provenance and its cost. A *study* is models x
problems x samples x budgets. Money, energy and the sandbox's own time are costs like any other: facts of the sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Finish(StrEnum):
    """Why a model stopped writing."""

    STOP = "stop"  # end of text or a stop string
    LENGTH = "length"  # the token limit


class PromptStyle(StrEnum):
    """How a problem is put to a model."""

    COMPLETION = "completion"  # the problem's prompt as it is; the model goes on writing
    CHAT = "chat"  # a user message; the model answers with code


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """How tokens are drawn. Temperature 0 is greedy."""

    temperature: float = 0.8
    top_p: float = 0.95
    max_tokens: int = 256

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError(f"temperature must not be negative, not {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must lie in (0, 1], not {self.top_p}")
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, not {self.max_tokens}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is sent. In chat style `text` is the user's message and `prefill` the beginning of the answer."""

    style: PromptStyle
    text: str
    prefill: str = ""
    stop: tuple[str, ...] = ()


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

    `prompt_seconds` is the engine time of reading the prompt, `decode_seconds` that of writing this completion: a batch's
    wall time attributed to its samples by their tokens. `sum_logprob` is in nats over the sampled tokens, before
    temperature; None where the engine does not tell. `prompt_shared` says that the engine read the prompt once for all
    samples of the request. What a recording or an imported file does not tell is None, never made up.
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

    @property
    def mean_logprob(self) -> float | None:
        """Nats per token; None without log-probabilities or tokens."""
        if self.sum_logprob is None or not self.completion_tokens:
            return None
        return self.sum_logprob / self.completion_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """The numbers of a transformer that decide its FLOPs. Source: the model file's own metadata.

    `matmul_params` are the weights multiplied for every token, without the token embedding and without the unembedding;
    `unembed_params` is vocabulary x hidden; `attention_width` is heads x head size.
    """

    layers: int
    hidden: int
    attention_width: int
    matmul_params: int
    unembed_params: int

    @property
    def params(self) -> int:
        """N of the rule "2N FLOPs per token": every weight that is multiplied for a written token."""
        return self.matmul_params + self.unembed_params


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What a backend knows about the model it runs. `architecture` is None where the engine does not tell."""

    name: str
    digest: str
    architecture: Architecture | None
    engine: str
