"""Define the protocols of engines: a `Backend` samples, a `TextScorer` returns how probable a text is for a model.

Where an engine does not tell thought and answer apart, `without_thought` does, by the marks in the sample's text and by
what its prompt had opened.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Protocol, Self

from sampler.exit_codes import CommandError, Exit
from sampler.values import Finish, ModelCard, Prompt, Request, Sample, SamplingParams
from sandbox.extraction.thoughts import SplitText, split_thought

MOST_SECONDS = 1e6  # eleven days; what the system's clocks can wait for is not much more


class BackendError(CommandError):
    """The engine failed: this is our fault or the machine's, never the model's, so nothing is recorded."""

    exit_code = Exit.INFRASTRUCTURE


class CannotLoad(BackendError):
    """The engine does not take the model's file."""


class EngineLost(BackendError):
    """The engine died or stopped answering; a new one can continue."""


class NotOpened(BackendError):
    """The run was stopped while an engine waited to be opened."""


class Information(str):
    """A message of an engine that is no warning."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitPolicy:
    """Whether an engine may wait for what others of this process hold; it gives up when `stopping` returns true.

    A caller that opens several engines and keeps all of them open must not wait: it would wait for itself.
    """

    allowed: bool = True
    stopping: Callable[[], bool] = lambda: False


TEMPLATE_FIELDS = "chat_template_kwargs"  # the field of [models.request] that goes to the model's chat template


def template_fields(params: SamplingParams) -> dict[str, object]:
    """Return what a model's chat template is told, where the engine renders it here: the study's fields and effort."""
    given = params.request.get(TEMPLATE_FIELDS)
    fields = dict(given) if isinstance(given, Mapping) else {}
    if params.effort:
        fields = {"reasoning_effort": params.effort, "enable_thinking": params.effort != "none", **fields}
    return fields


class Backend(Protocol):
    """One model, ready to sample."""

    @property
    def card(self) -> ModelCard:
        """Return the model's name, digest and architecture."""

    def sample(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Sample]:
        """Yield every sample that the requests ask for, each exactly once; raises BackendError."""

    def close(self) -> None:
        """Close the engine."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


# How probable a model finds a text that another one wrote: the seam for rankers.
#
# The prompt is read, not judged: its tokens are left out of the sum. Sums are compared within one engine only; kernels
# and quantisation differ by some hundredths of a nat per token.


@dataclass(frozen=True, slots=True, kw_only=True)
class TextScore:
    """The negative log-probabilities of a completion's tokens after its prompt, in nats, before temperature."""

    token_nlls: tuple[float, ...]
    prompt_tokens: int = 0  # that were read before, and are part of the cost alone

    def __post_init__(self) -> None:
        for nll in self.token_nlls:
            if not math.isfinite(nll) or nll < 0:
                raise ValueError(f"a token's NLL must be a number of at least 0, not {nll!r}")

    @property
    def sum_nll(self) -> float:
        """Return the nats over all tokens."""
        return math.fsum(self.token_nlls)

    @property
    def tokens(self) -> int:
        """Return the number of the completion's tokens."""
        return len(self.token_nlls)

    @property
    def mean_nll(self) -> float | None:
        """Return the nats per token; None for a completion without tokens."""
        return self.sum_nll / self.tokens if self.tokens else None


class TextScorer(Protocol):
    """One model, ready to score texts."""

    def score(self, prompt: Prompt, completion: str) -> TextScore:
        """Return how probable `completion` is after `prompt`; raises BackendError."""

    def close(self) -> None:
        """Close the engine; calling it again does nothing."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


_MARK = re.compile(r"<[^<>\s]{1,40}>")  # a token that ends the text and is not part of it


def without_thought(
    sample: Sample, tokens: Sequence[str | None], opened: str = "", split: SplitText | None = None
) -> Sample:
    """Return a chat's sample with thought and answer apart.

    `tokens` are the texts of what was written, as far as they are known; `opened` is the mark that the prompt ends
    within (`sandbox.extraction.thoughts.open_mark`). `split` is given where the engine itself has ended the thought.
    """
    split = split or split_thought(sample.text, opened=opened)
    if split.thought is None:
        return replace(sample, thought_tokens=0)
    if not split.ended:
        all_of_it = sample.completion_tokens
        return replace(sample, text="", thought=split.thought, thought_tokens=all_of_it, finish=Finish.THOUGHT)
    counted = sample.completion_tokens is not None and len(tokens) == sample.completion_tokens
    answer = tokens_of_end(tokens, split.answer) if counted else None
    thought_tokens = None if answer is None else len(tokens) - answer
    return replace(sample, text=split.answer, thought=split.thought, thought_tokens=thought_tokens)


def tokens_of_end(tokens: Sequence[str | None], answer: str) -> int | None:
    """Return how many of the last tokens hold `answer` at the end of a text; None if their texts do not add up to it.

    Marks of the end, which no text holds, are counted with it.
    """
    left = answer.rstrip()
    for count, token in enumerate(reversed(tokens)):
        if not left:
            return count
        if token is None:
            return None
        said = token if left != answer.rstrip() else token.rstrip()
        if left.endswith(said):
            left = left[: len(left) - len(said)]
        elif said.endswith(left):
            return count + 1
        elif not _MARK.fullmatch(said):
            return None
    return None if left else len(tokens)
