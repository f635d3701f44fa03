"""What a server's events say about the choices of one call. No input or output here.

Servers agree on little. The text of a choice stands in `text`, `delta.content` or `message.content`; log-probabilities
are a list `token_logprobs` or objects in `content`, and llama.cpp gives the second shape for completions too. `usage`
comes in the last event, in one after it, or with every choice, and with several choices in a call it means all of them
(vLLM) or one (llama.cpp, which also leaves out some tokens' log-probabilities). So in a call for one choice `usage` counts
its tokens. In a call for several, log-probabilities do if together they are as many as `usage` says, else the `usage` that
came with the choice's own end; and if a server gives neither, there is no count and no sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from sampler.backends.openai_http import Outage, Refused
from sampler.values import Finish
from sandbox.values import MAX_SOURCE_BYTES

_FINISHES = {"stop": Finish.STOP, "eos": Finish.STOP, "eos_token": Finish.STOP, "length": Finish.LENGTH}
_FILTERED = "content_filter"
_MOST_TOKENS = 2**31 - 1
_SPARE_TOKENS = 16  # more than were asked for may come with a stop string or a final event, but not many


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One finished choice."""

    text: str
    finish: Finish
    prompt_tokens: int
    completion_tokens: int
    sum_logprob: float | None


@dataclass(slots=True)
class _Draft:
    text: list[str] = field(default_factory=list)
    size: int = 0
    logprobs: list[float | None] = field(default_factory=list)
    finish: str | None = None
    tokens: int | None = None  # where the server counts this choice by itself


class Answer:
    """The choices of one call, as far as they have come."""

    def __init__(self, count: int, max_tokens: int, prefill: str = "") -> None:
        self._drafts = [_Draft() for _ in range(count)]
        self._most = max_tokens + _SPARE_TOKENS
        self._prefill = prefill
        self._usage: dict[str, Any] = {}

    def hear(self, event: dict[str, Any]) -> list[int]:
        """Take in an event; the choices that grew by it and are not finished. Raises Outage for what makes no sense."""
        try:
            choices: list[dict[str, Any]] = event.get("choices") or []
            grown = [index for choice in choices for index in self._choice(choice)]
            if isinstance(event.get("usage"), dict):
                self._usage = event["usage"]
                if len(choices) == 1 and choices[0].get("finish_reason"):
                    self._drafts[choices[0].get("index", 0)].tokens = self._counted("completion_tokens")
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Outage(f"the server's answer has an unknown form ({error!r:.200})") from error
        return grown

    def check_end(self, *, marked: bool) -> None:
        """Raise Outage for an answer that just ended, without the mark of an end or a count: its server is dying."""
        if not marked and not self._usage:
            raise Outage("the server's answer broke off before it had counted the tokens")

    def written(self, *, cut: bool = False) -> dict[int, Written]:
        """The finished choices. Of an answer that was cut off, those whose tokens are known all the same.

        Raises Outage if one is missing that should be there, Refused if the server does not count. One that the
        server's filter cut is left out; if it is the only one, that too is Refused.
        """
        several = len(self._drafts) > 1
        if cut:
            known = several and "prompt_tokens" in self._usage
            whole = [i for i, d in enumerate(self._drafts) if known and d.finish in _FINISHES and d.tokens is not None]
            return {index: self._written(self._drafts[index]) for index in whole}
        if missing := sum(1 for draft in self._drafts if draft.finish is None):
            raise Outage(f"the server ended its answer without {missing} of {len(self._drafts)} choices")
        return {i: self._written(d) for i, d in enumerate(self._drafts) if not (several and d.finish == _FILTERED)}

    def _choice(self, choice: dict[str, Any]) -> list[int]:
        index = choice.get("index", 0)
        if not isinstance(index, int) or not 0 <= index < len(self._drafts):
            raise ValueError(f"choice {index!r:.40} of {len(self._drafts)}")
        draft = self._drafts[index]
        text, logprobs, finish = _text(choice), _logprobs(choice.get("logprobs")), choice.get("finish_reason")
        if draft.finish is not None and (text or logprobs or finish):
            raise ValueError(f"choice {index} goes on after its end")
        if text:
            draft.text.append(text)
        draft.size += len(text)
        draft.logprobs += logprobs
        draft.finish = draft.finish if finish is None else str(finish)
        if draft.size > MAX_SOURCE_BYTES or len(draft.logprobs) > self._most:
            raise ValueError(f"choice {index} is longer than was asked for")
        return [index] if (text or logprobs) and draft.finish is None else []

    def _written(self, draft: _Draft) -> Written:
        if draft.finish == _FILTERED:
            raise Refused("the server's content filter cut the answer")
        if draft.finish not in _FINISHES:
            raise Outage(f"the server ended a choice because of {draft.finish!r:.40}")
        text = "".join(draft.text)
        tokens = self._tokens(draft)
        return Written(
            text=text.removeprefix(self._prefill),  # llama.cpp repeats it where it does not stream
            finish=_FINISHES[draft.finish],
            prompt_tokens=self._counted("prompt_tokens"),
            completion_tokens=tokens,
            sum_logprob=_sum(draft.logprobs, tokens),
        )

    def _tokens(self, draft: _Draft) -> int:
        if len(self._drafts) == 1:
            return self._counted("completion_tokens")
        if sum(len(each.logprobs) for each in self._drafts) == self._usage.get("completion_tokens"):
            return len(draft.logprobs)
        if draft.tokens is None:
            raise Refused("the server does not count the tokens of each choice; set n = 1 in [models.options]")
        return draft.tokens

    def _counted(self, key: str) -> int:
        count = self._usage.get(key)
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= _MOST_TOKENS:
            raise Refused(f"the server does not count tokens (usage.{key} is {count!r:.40}), so nothing has a cost")
        return count


def _text(choice: dict[str, Any]) -> str:
    part = choice.get("delta") or choice.get("message") or choice
    text = part.get("text") if part is choice else part.get("content")
    if text is None:
        return ""
    if not isinstance(text, str):
        raise TypeError(f"the text is {text!r:.40}")
    return text


def _logprobs(said: Any) -> list[float | None]:
    """One for each token that came; None for one that is told without a number."""
    if not said:
        return []
    if "content" in said:
        found = [token.get("logprob") for token in said["content"] or ()]
    else:
        found = list(said.get("token_logprobs") or ())
    return [float(x) if isinstance(x, int | float) and not isinstance(x, bool) else None for x in found]


def _sum(logprobs: list[float | None], tokens: int) -> float | None:
    """Nats over all drawn tokens; None if the server left one out."""
    numbers = [x for x in logprobs if x is not None and math.isfinite(x)]
    return math.fsum(numbers) if tokens and len(numbers) == len(logprobs) == tokens else None
