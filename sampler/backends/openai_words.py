"""What one choice of an answer says, and why it ended, in the words of many servers.

The answer is `text`, `delta.content` or `message.content`: a text, null, or a list of parts (Mistral, gateways to
Anthropic). A thought that a server keeps apart (`reasoning`, `reasoning_content`, parts of the type `thinking`) is no
part of the answer, as little as the call of a tool. Both are written by the model all the same: their tokens count, and
so does their time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

_THOUGHT = re.compile(r"reason|think|thought", re.IGNORECASE)
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
class Said:
    """What came: of the answer, and whether the model wrote something beside it."""

    text: str
    beside: bool


def said(choice: dict[str, Any]) -> Said:
    """What a choice of an event says; raises TypeError or AttributeError for what makes no sense."""
    part = choice.get("delta") or choice.get("message") or choice
    if part is choice:
        return Said(_text(choice.get("text")), beside=False)
    content = part.get("content")
    beside = any(value for key, value in part.items() if key in _TOOLS or _THOUGHT.search(key))
    pieces = content if isinstance(content, list) else [content]
    beside = beside or any(isinstance(piece, dict) and not _answers(piece) for piece in pieces)
    return Said(_text(content) or _text(part.get("refusal")), beside)


def _text(content: Any) -> str:
    """The answer's text in a content of any form."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, dict):
        return _of_part(content)
    if not isinstance(content, list):
        raise TypeError(f"the text is {content!r:.40}")
    return "".join(part if isinstance(part, str) else _of_part(part) for part in content)


def _answers(part: dict[str, Any]) -> bool:
    """Whether a part is of the answer: not a thought, a picture, the call of a tool or a source."""
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
    """What a `finish_reason` means."""
    word = re.sub(r"[\s-]", "_", reason[:_MOST_LETTERS].strip().lower()).removeprefix("finish_reason_")
    return next((end for end, pattern in _ENDS if re.search(pattern, word)), End.UNKNOWN)
