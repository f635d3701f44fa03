"""Read what a server's events say about the choices of one call. Pure: no input or output.

Servers agree on little. The text of a choice stands in `text`, `delta.content` or `message.content`; log-probabilities
are a list `token_logprobs` or objects in `content`, and llama.cpp gives the second shape for completions too. `usage`
comes in the last event, in one after it, or with every choice, and with several choices in a call it means all of them
(vLLM) or one (llama.cpp, which also leaves out some tokens' log-probabilities). So in a call for one choice `usage`
counts its tokens. In a call for several, log-probabilities do if together they are as many as `usage` says, else the
`usage` that came with the choice's own end; and if a server gives neither, there is no count and no sample. xAI counts
a thought beside the completion instead of in it, which shows in the total.

A thought's tokens are among the completion's. They are the server's number where it has one above 0; vLLM says 0 where
the template opened the thought. Else the tokens of the answer are found at the end of those that came with
log-probabilities, and the thought has the others; else the number is not known.

`text_of_choice` reads what a choice says, `ended` why it ended. MalformedAnswer is raised for a choice that the server
aborted; the other choices of the call are kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from sampler.backends.base import tokens_of_end
from sampler.backends.openai.http_client import CallRefused, MalformedAnswer
from sampler.values import Finish
from sandbox.extraction.thoughts import SplitText, split_thought
from sandbox.values import MAX_SOURCE_BYTES

# What one choice of an answer says, and why it ended, in the words of many servers.
#
# The answer is `text`, `delta.content` or `message.content`: a text, null, or a list of parts (Mistral, gateways to
# Anthropic). A thought that a server keeps apart (`reasoning`, `reasoning_content`, parts of the type `thinking`) is no
# part of the answer, as little as the call of a tool. Both are written by the model all the same: their tokens count,
# and so does their time. A server that keeps nothing apart has marks in its text (`sandbox.extraction.thoughts`).

_THOUGHT = re.compile(r"reason|think|thought", re.IGNORECASE)
_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking")
_TOOLS = ("tool_calls", "function_call")
_ANSWERS = {"text", "output_text", "refusal"}  # types of parts whose text is the answer


class End(Enum):
    """Why a choice ended."""

    STOP = auto()  # the model was done, be it with the call of a tool
    LENGTH = auto()
    FILTERED = auto()  # the server withholds it
    ABORTED = auto()  # the server failed
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class ChoiceText:
    """A piece of an answer, a piece of the thought before it, and whether the model wrote something besides."""

    text: str
    beside: bool
    thought: str = ""


def text_of_choice(choice: dict[str, Any]) -> ChoiceText:
    """Return what a choice of an event says; raises TypeError or AttributeError if it is malformed."""
    delta = choice.get("delta")  # some servers put the whole message beside the last one
    part = delta if isinstance(delta, dict) else delta or choice.get("message") or choice
    if part is choice:
        return ChoiceText(_text(choice.get("text")), beside=False)
    content = part.get("content")
    beside = any(value for key, value in part.items() if key in _TOOLS or _THOUGHT.search(key))
    pieces = content if isinstance(content, list) else [content]
    beside = beside or any(isinstance(piece, dict) and not _answers(piece) for piece in pieces)
    return ChoiceText(_text(content) or _text(part.get("refusal")), beside, _thought(part, pieces))


def _thought(part: dict[str, Any], pieces: list[Any]) -> str:
    """Return the text of a thought, from the first of a message's fields that holds one, or from its parts."""
    for key in _THOUGHT_FIELDS:
        value = part.get(key)
        if isinstance(value, str) and value:
            return value
    details = part.get("reasoning_details")
    pieces = [*pieces, *(details if isinstance(details, list) else [])]
    return "".join(_thought_part(piece) for piece in pieces if isinstance(piece, dict) and not _answers(piece))


def _thought_part(part: dict[str, Any]) -> str:
    """Return the text of a part that is a thought: itself a text (Anthropic), or a list of parts (Mistral)."""
    if not _THOUGHT.search(str(part.get("type"))):
        return ""
    text = part.get("thinking") or part.get("text") or part.get("summary")
    if isinstance(text, list):
        text = "".join(str(one.get("text") or "") for one in text if isinstance(one, dict))
    return text if isinstance(text, str) else ""


def _text(content: Any) -> str:
    """Return the answer's text in a content of any form."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, dict):
        return _of_part(content)
    if not isinstance(content, list):
        raise TypeError(f"the text is {content!r:.40}")
    return "".join(part if isinstance(part, str) else _of_part(part) for part in content)


def _answers(part: dict[str, Any]) -> bool:
    """Return whether a part is of the answer: not a thought, a picture, the call of a tool or a source."""
    kind = part.get("type")
    return kind is None or (isinstance(kind, str) and kind in _ANSWERS)


def _of_part(part: dict[str, Any]) -> str:
    if not _answers(part):
        return ""
    text = part.get("text") or part.get("refusal")
    text = text.get("value") if isinstance(text, dict) else text
    if text is not None and not isinstance(text, str):
        raise TypeError(f"the text of a part is {text!r:.40}")
    return text or ""


# The first that fits. Words of OpenAI, vLLM, SGLang, TGI, Anthropic, Mistral, Cohere, Gemini, DeepSeek, Zhipu.
_ENDS = (
    (End.LENGTH, r"length|max_(?:\w{1,20}_)?tokens|token_limit|context_window"),
    (End.FILTERED, r"filter|safety|sensitive|recitation|block(?:ed|list)|prohibited|refus|moderation|guardrail|toxic"),
    (End.ABORTED, r"abort|error|cancel|fail|time_?out|interrupt|overload|unavailable|insufficient|preempt"),
    (End.STOP, r"^(?:stop(?:ped|_\w+)?|eos(?:_token)?|end(?:ed|_\w+)?|completed?|finished|done)$|tool|function"),
)
_MOST_LETTERS = 80


def ended(reason: str) -> End:
    """Return what a `finish_reason` means."""
    word = re.sub(r"[\s-]", "_", reason[:_MOST_LETTERS].strip().lower()).removeprefix("finish_reason_")
    return next((end for end, pattern in _ENDS if re.search(pattern, word)), End.UNKNOWN)


_MOST_TOKENS = 2**31 - 1
_SPARE_TOKENS = 16  # more than were asked for may come with a stop string or a final event, but not many


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedChoice:
    """One finished choice: the answer, and the thought before it (None without one)."""

    text: str
    finish: Finish | None  # None where the server does not tell, or not in words that we know
    prompt_tokens: int
    completion_tokens: int
    sum_logprob: float | None
    thought: str | None = None
    thought_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


@dataclass(slots=True)
class _ChoiceDraft:
    text: list[str] = field(default_factory=list)
    thought: list[str] = field(default_factory=list)
    size: int = 0
    logprobs: list[float | None] = field(default_factory=list)
    tokens_said: list[str | None] = field(default_factory=list)  # their texts, as far as the server tells
    heard: bool = False  # whether anything at all was said of it
    finish: str | None = None  # the server's word; "" of an answer that came to its end without one
    tokens: int | None = None  # where the server counts this choice by itself


class ServerAnswer:
    """The choices of one call, as far as they have come."""

    def __init__(
        self, count: int, max_tokens: int, prefill: str = "", *, streamed: bool = False, chat: bool = False
    ) -> None:
        """`chat`: the answer is a chat's, so a thought may stand before it."""
        self._chat = chat
        self._cached: int | None = None
        self._cache_written: int | None = None
        self._drafts = [_ChoiceDraft() for _ in range(count)]
        self._max_tokens = max_tokens
        self._streamed = streamed
        self._prefill = prefill
        self._usage: dict[str, Any] = {}

    def feed(self, event: dict[str, Any]) -> list[int]:
        """Process an event and return the unfinished choices that it extended; raises MalformedAnswer."""
        try:
            choices = self._placed(event.get("choices") or [])
            grown = [index for choice in choices for index in self._choice(choice)]
            alone = choices[0] if len(choices) == 1 else {}
            told = event.get("usage") or alone.get("usage") or _groq_usage(event)  # Moonshot: in the choice
            usage = _openai_usage(told)
            self._cached = _cached(usage, event.get("timings"), self._cached)
            self._cache_written = _cache_written(usage, self._cache_written)
            if isinstance(usage, dict):
                self._usage = usage
                if alone.get("finish_reason"):
                    self._drafts[alone.get("index") or 0].tokens = self._counted("completion_tokens")
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise MalformedAnswer(f"the server's answer has an unknown form ({error!r:.200})") from error
        return grown

    def check_end(self, *, marked: bool) -> None:
        """Process the end of the answer, with or without its end mark.

        Raises MalformedAnswer if there was neither an end mark nor a count: then the server is failing.
        """
        if not marked and not self._usage:
            raise MalformedAnswer(f"the server's answer broke off before it had counted the tokens{self._of_a_stream}")
        for draft in self._drafts if marked and self._usage else ():
            if draft.heard and draft.finish is None:
                draft.finish = ""

    def written(self, *, cut: bool = False) -> dict[int, ParsedChoice]:
        """Return the finished choices; of a cut answer, those whose number of tokens is known.

        Raises MalformedAnswer if a choice is missing, CallRefused if the server does not count tokens. A choice that
        the server's filter cut, or that it aborted, is left out; if it is the only one, one of the two is raised.
        """
        several = len(self._drafts) > 1
        if not cut and (missing := sum(1 for draft in self._drafts if draft.finish is None)):
            raise MalformedAnswer(f"the server ended its answer without {missing} of {len(self._drafts)} choices")
        if not cut and not several:
            return {0: self._written(self._drafts[0])}
        known = several and (not cut or "prompt_tokens" in self._usage)
        whole = [n for n, draft in enumerate(self._drafts) if known and draft.finish is not None and _taken(draft)]
        return {n: self._written(self._drafts[n]) for n in whole if not cut or self._drafts[n].tokens is not None}

    def _placed(self, choices: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the choices of an event; by their places if all come at once without a number of their own."""
        numbers = {choice.get("index") or 0 for choice in choices} if len(choices) == len(self._drafts) else set()
        if len(choices) > 1 and numbers == {0}:
            return [choice | {"index": place} for place, choice in enumerate(choices)]
        return choices

    def _choice(self, choice: dict[str, Any]) -> list[int]:
        index = choice.get("index") or 0
        if not isinstance(index, int) or not 0 <= index < len(self._drafts):
            raise ValueError(f"choice {index!r:.40} of {len(self._drafts)}")
        draft = self._drafts[index]
        words, finish = text_of_choice(choice), choice.get("finish_reason")
        finish = None if finish in _NO_REASON else finish
        logprobs, texts = _logprobs(choice.get("logprobs"))
        again = bool(finish) and str(finish) != draft.finish  # some repeat it together with `usage`
        if draft.finish is not None and (words.text or logprobs or again):
            raise ValueError(f"choice {index} goes on after its end")
        draft.heard = True
        if words.text:
            draft.text.append(words.text)
        if words.thought:
            draft.thought.append(words.thought)
        draft.size += len(words.text)
        draft.logprobs += logprobs
        draft.tokens_said += texts
        draft.finish = str(finish) if finish else draft.finish
        if draft.size > MAX_SOURCE_BYTES or len(draft.logprobs) > self._max_tokens + _SPARE_TOKENS:
            raise MalformedAnswer(f"the server's choice {index} is longer than was asked for")
        return [index] if (words.text or words.beside or logprobs) and draft.finish is None else []

    def _written(self, draft: _ChoiceDraft) -> ParsedChoice:
        end = ended(draft.finish or "")
        if end is End.FILTERED:
            raise CallRefused(f"the server's content filter cut the answer ({draft.finish!r:.40})")
        if end is End.ABORTED:
            raise MalformedAnswer(f"the server ended the answer because of {draft.finish!r:.40}")
        tokens = self._tokens(draft)
        cut = end is End.LENGTH or (end is End.UNKNOWN and tokens >= self._max_tokens)
        split = self._split(draft)
        in_thought = not split.ended or (cut and bool(split.thought) and not split.answer.strip())
        whole = Finish.LENGTH if cut else Finish.STOP if end is End.STOP else None
        prompt_tokens = self._counted("prompt_tokens")
        return ParsedChoice(
            text=split.answer,
            finish=Finish.THOUGHT if in_thought else whole,
            prompt_tokens=prompt_tokens,
            completion_tokens=tokens,
            sum_logprob=_sum(draft.logprobs, tokens),
            thought=split.thought,
            thought_tokens=tokens if in_thought else self._thought_tokens(draft, split, tokens),
            cached_tokens=None if self._cached is None else min(self._cached, prompt_tokens),
            cache_write_tokens=self._writes(prompt_tokens),
        )

    def _writes(self, prompt_tokens: int) -> int | None:
        """Return what the server wrote into its cache; none of what it had there was written again."""
        if self._cache_written is None:
            return None
        return min(self._cache_written, prompt_tokens - min(self._cached or 0, prompt_tokens))

    def _split(self, draft: _ChoiceDraft) -> SplitText:
        """Return thought and answer: as the server keeps them apart, or else by the marks in a chat's text."""
        text = "".join(draft.text).removeprefix(self._prefill)  # llama.cpp repeats it where it does not stream
        if draft.thought or not self._chat or self._prefill:
            return SplitText(thought="".join(draft.thought) or None, answer=text)
        return split_thought(text)

    def _thought_tokens(self, draft: _ChoiceDraft, split: SplitText, tokens: int) -> int | None:
        counted = self._reasoning_tokens() if len(self._drafts) == 1 else None
        if counted:
            return counted if counted <= tokens else None
        if split.thought is None:
            return 0
        # Not all tokens need be there: llama.cpp leaves out those of the marks, which are the thought's.
        answer = tokens_of_end(draft.tokens_said, split.answer) if draft.tokens_said else None
        return None if answer is None or answer > tokens else tokens - answer

    def _reasoning_tokens(self) -> int | None:
        """Return the server's count of a thought's tokens; None if it has none."""
        for details in (self._usage.get("completion_tokens_details"), self._usage):
            counted = details.get("reasoning_tokens") if isinstance(details, dict) else None
            if isinstance(counted, int) and not isinstance(counted, bool) and 0 < counted <= _MOST_TOKENS:
                return counted
        return None

    def _tokens(self, draft: _ChoiceDraft) -> int:
        if len(self._drafts) == 1:
            return self._counted("completion_tokens") + self._thought_beside()
        if sum(len(each.logprobs) for each in self._drafts) == self._usage.get("completion_tokens"):
            return len(draft.logprobs)
        if draft.tokens is None:
            raise CallRefused("the server does not count the tokens of each choice; set n = 1 in [models.options]")
        return draft.tokens

    def _counted(self, key: str) -> int:
        count = self._usage.get(key)
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= _MOST_TOKENS:
            raise CallRefused(
                f"the server does not count tokens{self._of_a_stream} (usage.{key} is {count!r:.40}), so nothing "
                "has a cost"
            )
        return count

    def _thought_beside(self) -> int:
        """Return the tokens of a thought that are not counted in the completion; usually they are counted there."""
        thought = self._reasoning_tokens()
        if thought is None:
            return 0
        without = self._counted("prompt_tokens") + self._counted("completion_tokens")
        return thought if self._usage.get("total_tokens") == without + thought else 0

    @property
    def _of_a_stream(self) -> str:
        """Return words that tell `refusal_hint` that the same answer without a stream may hold the count."""
        return " in its stream" if self._streamed else ""


def _taken(draft: _ChoiceDraft) -> bool:
    return ended(draft.finish or "") not in {End.FILTERED, End.ABORTED}


_NO_REASON = ("null", "None", "none", "NULL")  # how some servers write that a choice goes on


def _logprobs(said: Any) -> tuple[list[float | None], list[str | None]]:
    """Return a log-probability for each token, and its text; None for a token without one."""
    if isinstance(said, float):  # Together's stream, where an event is a token
        return [said], [None]
    if not isinstance(said, dict | list):
        return [], []
    if isinstance(said, list) or "content" in said:
        entries = said if isinstance(said, list) else said["content"] or ()
        found, texts = [token.get("logprob") for token in entries], [token.get("token") for token in entries]
    else:
        found = list(said.get("token_logprobs") or ())
        texts = list(said.get("tokens") or [None] * len(found))
    numbers = [float(x) if isinstance(x, int | float) and not isinstance(x, bool) else None for x in found]
    return numbers, [text if isinstance(text, str) else None for text in texts]


# Where servers say what they read from a cache and wrote into one: beside `usage`'s counts, or in its details.
_READS = ("prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens")  # DeepSeek, Moonshot, LiteLLM
_WRITES = ("cache_write_tokens", "cache_creation_tokens", "created_cache_tokens")  # the last is vLLM's
_WRITES_BESIDE = ("cache_creation_input_tokens",)  # LiteLLM, for Anthropic's models


# Names of OpenAI's responses and of Anthropic's messages, which some gateways use in chats. Anthropic counts what its
# cache read and wrote beside `input_tokens`.
_ALSO_CALLED = (
    ("completion_tokens", "output_tokens"),
    ("prompt_tokens_details", "input_tokens_details"),
    ("completion_tokens_details", "output_tokens_details"),
)


def _groq_usage(event: dict[str, Any]) -> Any:
    """Return the counts where Groq puts them in a stream."""
    found = event.get("x_groq")
    return found.get("usage") if isinstance(found, dict) else None


def _openai_usage(usage: Any) -> Any:
    """Return `usage` under the names of OpenAI's chats, its counts as whole numbers."""
    if not isinstance(usage, dict):
        return usage
    whole = {
        key: int(value) if isinstance(value, float) and value.is_integer() else value for key, value in usage.items()
    }
    if whole.get("prompt_tokens") is None and isinstance(whole.get("input_tokens"), int):
        cached = (whole.get(key) for key in ("cache_read_input_tokens", "cache_creation_input_tokens"))
        whole["prompt_tokens"] = whole["input_tokens"] + sum(part for part in cached if isinstance(part, int))
    read, total = whole.get("prompt_tokens"), whole.get("total_tokens")
    if not whole.keys() & {"completion_tokens", "output_tokens"} and isinstance(read, int) and isinstance(total, int):
        whole["completion_tokens"] = total - read
    for ours, theirs in _ALSO_CALLED:
        if whole.get(ours) is None and whole.get(theirs) is not None:
            whole[ours] = whole[theirs]
    return whole


def _cached(usage: Any, timings: Any, before: int | None) -> int | None:
    """Return how many tokens of the prompt the server had in its cache, as far as it has told."""
    usage = usage if isinstance(usage, dict) else {}
    places = ((usage.get("prompt_tokens_details"), ("cached_tokens",)), (usage, _READS), (timings, ("cache_n",)))
    return _first_count(places, before)


def _cache_written(usage: Any, before: int | None) -> int | None:
    """Return how many tokens of the prompt the server wrote into a cache, as far as it has told.

    A server that tells the details of a prompt, and no writes, charges none.
    """
    usage = usage if isinstance(usage, dict) else {}
    details = usage.get("prompt_tokens_details")
    if not isinstance(details, dict) and not usage.keys() & set(_WRITES_BESIDE):
        return before
    return _first_count(((details, _WRITES), (usage, _WRITES_BESIDE)), before or 0)


def _first_count(places: Iterable[tuple[Any, tuple[str, ...]]], otherwise: int | None) -> int | None:
    """Return the first count that stands in one of these tables under one of its names."""
    told = (table.get(name) for table, names in places if isinstance(table, dict) for name in names)
    known = (x for x in told if isinstance(x, int) and not isinstance(x, bool) and 0 <= x <= _MOST_TOKENS)
    return next(known, otherwise)


def _sum(logprobs: list[float | None], tokens: int) -> float | None:
    """Return the nats over all drawn tokens; None if the server left one out."""
    numbers = [x for x in logprobs if x is not None and math.isfinite(x)]
    return math.fsum(numbers) if tokens and len(numbers) == len(logprobs) == tokens else None
