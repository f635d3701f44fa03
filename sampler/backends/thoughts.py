"""Take the thought out of a sample whose engine does not: by the marks in its text, and what its prompt had opened."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from sampler.values import Finish, Sample
from sandbox.extraction.thoughts import split_thought

_MARK = re.compile(r"<[^<>\s]{1,40}>")  # a token that ends the text and is not part of it


def without_thought(sample: Sample, tokens: Sequence[str | None], opened: str = "") -> Sample:
    """Return a chat's sample with thought and answer apart.

    `tokens` are the texts of what was written, as far as they are known; `opened` is the mark that the prompt ends
    within (`sandbox.extraction.thoughts.open_mark`).
    """
    split = split_thought(sample.text, opened=opened)
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
