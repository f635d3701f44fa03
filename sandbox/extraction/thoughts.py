"""Separate what a model thought from what it answered, in a text that holds both.

Whether a thought is open where the text begins is decided by the prompt as the model read it: many templates open the
thought themselves, and then the text has only the closing mark, or none if it was cut. The marks, and which closing one
counts, are those of `wrappers`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.extraction.parsing import Parser
from sandbox.extraction.wrappers import (
    CHANNEL,
    CHANNEL_ENDS,
    CLOSES,
    OPENS,
    RESPONSE,
    begun_by_assistant,
    without_reasoning,
)

_ANALYSIS = "<|channel|>analysis<|message|>"
CHANNEL_END = "<|end|>"
FINAL = "<|start|>assistant<|channel|>final<|message|>"  # what stands between the end of an analysis and the answer
_CLOSING = {  # of opening marks that do not show theirs
    _ANALYSIS: CHANNEL_END,
    "<|channel>thought": "<channel|>",
    "<|inner_prefix|>": "<|inner_suffix|>",
    "<unused94>": "<unused95>",
    "thinking...\n": "...done thinking.",
    "here is my thought process:": "Here is my response:",
    "here's my thought process:": "Here's my response:",
}
_BEGINNING = re.compile(r"(?:start|begin)(?=_|\u2581)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitText:
    """A thought without its marks, and the answer behind it, without the line breaks between them.

    `thought` is None where there was none. `ended` is false if the text stops within the thought: then there is no
    answer, whatever stopped it.
    """

    thought: str | None
    answer: str
    ended: bool = True


def open_mark(prompt: str) -> str:
    """Return the mark of the thought that is open at the end of a rendered prompt; empty if none is."""
    channels = list(CHANNEL.finditer(prompt))
    if channels and channels[-1][1] == "analysis" and CHANNEL_ENDS.search(prompt, channels[-1].end()) is None:
        return _ANALYSIS
    openings = list(OPENS.finditer(prompt))
    if not openings:
        return ""
    last = openings[-1]
    return "" if CLOSES.search(prompt, last.end()) else last[0]


def closing_mark(opening: str) -> str:
    """Return the mark that closes what `opening` opens, as models write it: </think> for <think>."""
    if opening.lower() in _CLOSING:
        return _CLOSING[opening.lower()]
    if opening.startswith(("<|", "<\uff5c")):
        ended = _BEGINNING.sub(lambda found: "END" if found[0].isupper() else "end", opening, count=1)
        ended = ended if ended != opening else re.sub(r"_start(?=\W)", "_end", opening)
        return ended if ended != opening else f"{opening[:2]}/{opening[2:]}"
    name = opening.split(maxsplit=1)[0]  # without the attributes of <details type="reasoning">
    return f"{name[0]}/{name[1:]}{'>' if name[0] == '<' and name[-1] != '>' else ''}"


def template_mark(template: str) -> str:
    """Return the mark by which a model with this chat template opens its thoughts; empty if the template names none."""
    if _ANALYSIS in template:
        return _ANALYSIS
    opening = OPENS.search(template)
    return "" if opening is None else opening[0]


def split_thought(text: str, *, opened: str = "") -> SplitText:
    """Return thought and answer of what a model wrote; `opened` is the mark that its prompt had opened (`open_mark`).

    Linear in the length of the text, and no text raises an exception.
    """
    parser, whole = Parser(), text
    if not opened and (tree := parser.tree(text)) is not None and tree.body:
        return SplitText(thought=None, answer=text)  # Python as a whole, be it about such marks
    if opened and not text.lstrip().startswith(opened):
        whole = f"{opened}\n{text}"  # the mark may be words, so that a space ends it
    answer, found = without_reasoning(whole, parser)
    if not found:
        return SplitText(thought=None, answer=text)
    if CHANNEL.search(whole):
        return SplitText(thought=_analysis(whole), answer=answer.lstrip("\r\n"), ended=found == "done")
    if found == "cut":
        return SplitText(thought=_unmarked(whole), answer="", ended=False)
    at = whole.rfind(answer) if answer else len(whole)
    return SplitText(thought=_unmarked(whole[: at if at >= 0 else len(whole)]), answer=answer.lstrip("\r\n"))


def split_at_first(text: str, opening: str, closing: str) -> SplitText:
    """Return thought and answer where the first closing mark ends the thought, because an engine sees to that."""
    before, mark, answer = text.partition(closing)
    thought = before.strip().removeprefix(opening).strip()
    return SplitText(thought=thought, answer=answer.lstrip("\r\n"), ended=bool(mark))


def _analysis(text: str) -> str:
    """Return the thoughts of an answer in channels."""
    thoughts = []
    for found in CHANNEL.finditer(text):
        if found[1] == "analysis":
            end = CHANNEL_ENDS.search(text, found.end())
            thoughts.append(text[found.end() : end.start() if end else len(text)].strip())
    return "\n".join(thoughts)


def _unmarked(text: str) -> str:
    """Return a thought without the marks around it."""
    begins = text.lstrip()
    opening = OPENS.match(begins)
    inner = begins[opening.end() :] if opening else begins
    closings = list(CLOSES.finditer(inner)) or list(RESPONSE.finditer(inner))
    if closings and not begun_by_assistant(inner[closings[-1].end() :]).strip():
        inner = inner[: closings[-1].start()]
    return inner.strip()
