"""Remove what models, tokenizers and programs put around an answer: reasoning, special tokens, headers, wrappers.

The marks of reasoning are those of the models' templates as of 2026. A closing mark without an opening one is common,
because the template has opened the reasoning. The last closing mark outside of code ends the reasoning.
"""

from __future__ import annotations

import html
import re

from sandbox.extraction.blocks import FENCE, scan
from sandbox.extraction.parsing import Parser, Scanner

# <think>, <think:6124c78e> (Hunyuan), <seed:think>, <mm:think>, <ifm|think_fast>, <longcat_think>, <thinking>,
# <Thought> …
_WORD = (
    r"(?:think(?:ing)?|thoughts?|reasoning|reason|analysis|scratchpad|reflection|monologue|cot|chain_of_thought|rationale|"
    r"planning)"
)
# Seed-OSS reports within its thought how much of it is left, between marks of their own, which end nothing.
_NAMES = rf"(?!seed:cot_budget)(?:[a-z]{{1,20}}[:_|])?(?:ant)?{_WORD}(?:[:_|][\w-]{{1,40}})?"
OPENS = re.compile(
    rf"<(?:{_NAMES})(?:[ \t][^<>\n]{{0,80}})?>|\[{_WORD}\]|◁think▷|<\|channel>thought\b|<\|inner_prefix\|>|<unused94>|"
    rf"<[|\uff5c](?:(?:start|begin)[_\u2581]?(?:of[_\u2581]?)?)?{_WORD}(?:_start)?[|\uff5c]>|"
    r"here(?: is|['’]s) my thought process:|thinking\.\.\.\n|<details type=[\"']reasoning[\"'][^>\n]{0,80}>",
    re.IGNORECASE,
)
CLOSES = re.compile(
    rf"</(?:{_NAMES})[ \t]?>|\[/{_WORD}\]|◁/think▷|<channel\|>|<\|inner_suffix\|>|<unused95>|<\|/{_WORD}\|>|"
    rf"<[|\uff5c]end[_\u2581]?(?:of[_\u2581]?)?{_WORD}[|\uff5c]>|<\|{_WORD}_end\|>|\.\.\.done thinking\.",
    re.IGNORECASE,
)
_DETAILS = re.compile(r"\s*<details type=[\"']reasoning[\"'][^>\n]{0,80}>", re.IGNORECASE)  # of Open WebUI
# Granite has words for marks.
RESPONSE = re.compile(r"^here(?: is|['’]s) my response:", re.IGNORECASE | re.MULTILINE)
_BESIDE_FENCE = re.compile(rf"(```|~~~)(?={CLOSES.pattern})|({OPENS.pattern})(?=[ \t]*(?:```|~~~))", re.IGNORECASE)
# The channels of gpt-oss, with their special tokens and, as some servers hand them over, without.
CHANNEL = re.compile(
    r"<\|channel\|>[ \t]*(analysis|commentary|final)\b([^<\n]{0,200})(?:<\|constrain\|>[^<\n]{0,200})?<\|message\|>"
)
CHANNEL_ENDS = re.compile(r"<\|(?:end|return|call|start|channel)\|>")
_BARE_ANALYSIS = re.compile(r"analysis(?=[A-Z<`\"'(])")
_BARE_FINAL = re.compile(r"assistantfinal(?!\w*\()")
# Special tokens, which no Python holds outside of literals: <|im_end|> and all that look like it, and some more.
_ENDS = re.compile(
    r"<\|/?[A-Za-z][\w\u2581]{1,40}\|>|<\uff5c[^\uff5c\n]{1,40}\uff5c>|</?s>|<eos>|<bos>|<pad>|<unk>|<end_of_turn>|"
    r"<(?:start|end)_of_\w{1,20}>|<turn\|>|<\|turn>|<file_sep>|<fim[_-](?:prefix|suffix|middle|pad)>|<repo_?name>|<filename>|"
    r"<gh_stars>|<empty_output>|<(?:jupyter|issue|commit)_\w{1,20}>|<(?:eod|eom|eop|eot|sep|mid|suf)>|<extra_id_\d{1,3}>|"
    r"<unused\d{1,3}>|<SPECIAL_\d{1,3}>|<reserved_\d{1,4}>|<\|/s\|>|</assistant>|\[e~\[|(?-i:\[/?INST\])|\[UNUSED_TOKEN_\d{1,3}\]|<0x[0-9A-F]{2}>|"
    r"^\[(?:EOS|BOS|PAD|SEP|CLS)\]",
    re.IGNORECASE | re.MULTILINE,
)
_INST = re.compile(r"(?<![\[/])\bINST\b")  # a name
# The same in other languages, where `<S>` and `<mid>` are types, and such a name is no token within a line of code.
_NAMED = (
    r"<(?:eos|bos|pad|unk|eod|eom|eop|eot|sep|file_sep|fim[_-](?:prefix|suffix|middle|pad)|repo_?name|filename|gh_stars|"
    r"empty_output|(?:jupyter|issue|commit)_\w{1,20}|extra_id_\d{1,3}|unused\d{1,3}|reserved_\d{1,4}|SPECIAL_\d{1,3})>"
)
_ENDS_ELSEWHERE = re.compile(
    r"<\|/?[A-Za-z][\w\u2581]{1,40}\|>|<\uff5c[^\uff5c\n]{1,40}\uff5c>|</s>|<(?:start|end)_of_\w{1,20}>|<turn\|>|<\|turn>|"
    r"<\|/s\|>|</assistant>|\[e~\[|(?-i:\[/?INST\])|\[UNUSED_TOKEN_\d{1,3}\]|<0x[0-9A-F]{2}>|"
    rf"(?<![^}};)`\s]){_NAMED}|{_NAMED}(?=[ \t]*$)",
    re.MULTILINE,
)
_UNUSED = re.compile(r"\[UNUSED_TOKEN_\d")
_OPENING = re.compile(r"<\|(?:begin_of_(?:solution|box)|START_(?:TEXT|RESPONSE)|python_tag)\|>", re.IGNORECASE)
_ASSISTANT = (
    r"<\|im_start\|>\s*(?:assistant|model)?|<\|start_header_id\|>\s*assistant\s*<\|end_header_id\|>|<start_of_turn>\s*model|"
    r"<\|assistant\|>|<\|turn>\s*model|<\uff5cAssistant\uff5c>|\[/INST\]|<\|START_OF_TURN_TOKEN\|>(?:<\|CHATBOT_TOKEN\|>)?|"
    r"<\|start_of_role\|>\s*assistant\s*<\|end_of_role\|>|<\|start\|>\s*assistant(?=<\|channel\|>)"
)
_BEGINS = re.compile(
    rf"\s*(?:{_ASSISTANT}|<s>|<bos>|<\|begin_of_text\|>|<\|endoftext\|>|<\|START_(?:TEXT|RESPONSE)\|>|<pad>|<unk>|"
    r"<\uff5cbegin\u2581of\u2581sentence\uff5c>|<\|begin_of_(?:solution|box)\|>|###\s*(?:Response|Answer|Assistant)\s*:)",
    re.IGNORECASE,
)
_OTHERS_TURN = re.compile(
    r"\s*(?:<\|im_start\|>\s*(?:user|system|developer)|<\|start_header_id\|>\s*(?:user|system)|<start_of_turn>\s*user|"
    r"<\|(?:user|system)\|>|\[INST\]|<\uff5cUser\uff5c>|<\|start\|>(?:user|system|developer))",
    re.IGNORECASE,
)
_ASSISTANTS_TURN = re.compile(_ASSISTANT.replace("(?:assistant|model)?", "(?:assistant|model)", 1), re.IGNORECASE)
# A next question, in words, of a model that goes on after its answer.
_NEXT_TURN = re.compile(r"^(?:#{2,3} ?(?:Instruction|Human|User) ?:|(?:Human|User) ?:[ \t])", re.MULTILINE)
_CODE = re.compile(r"^[ \t]*(?:```|(?:def|class|import|from|return)\b|print\(|\w+ = )", re.MULTILINE)
_MOST_TOKENS = 40  # that are looked at
_WRAPPER = re.compile(r"<(/?)(answer|solution|response|output|final_answer|final)>", re.IGNORECASE)
_CODE_MARKS = re.compile(
    r"^[ \t]*(\[(?:PYTHON|CODE|BEGIN|ANSWER|SOLUTION)\]|<(?:code|python)>)[ \t]*\n?", re.IGNORECASE | re.MULTILINE
)
# HTML.
_PREFORMATTED = re.compile(r"<pre(?: [^>\n]{0,100})?>[ \t]{0,9}\n?(?:<code(?: [^>\n]{0,100})?>)?\n?", re.IGNORECASE)
_PREFORMATTED_END = re.compile(r"(?:</code>[ \t]{0,9}\n?)?</pre>", re.IGNORECASE)
_CODE_MARKS_END = re.compile(
    r"(\[/(?:PYTHON|CODE|ANSWER|SOLUTION)\]|\[(?:DONE|END)\]|</(?:code|python)>)", re.IGNORECASE
)
# A literal's quotes, which small models take for a fence.
_QUOTES = re.compile(r"^(?:'{3}|\"{3})python3?[ \t]*$", re.MULTILINE | re.IGNORECASE)
_QUOTES_END = re.compile(r"^(?:'{3}|\"{3})[ \t]*$", re.MULTILINE)
_LINE_OF_CODE = re.compile(r"[{;(`=<][ \t]*$|^[ \t]*#include", re.MULTILINE)
_TEST_MARKS = re.compile(r"^[ \t]*\[TESTS?\][ \t]*$", re.IGNORECASE | re.MULTILINE)
_TEST_MARKS_END = re.compile(r"^[ \t]*\[/TESTS?\][ \t]*$", re.IGNORECASE | re.MULTILINE)


def without_reasoning(text: str, parser: Parser) -> tuple[str, str]:
    """Return the answer after a model's reasoning, and what was found.

    The latter is "", "done", or "cut" (the reasoning did not end, so there is no answer).
    """
    text = begun_by_assistant(text)
    if CHANNEL.search(text) or _BARE_ANALYSIS.match(text):
        return _final_channel(text)
    if _DETAILS.match(text):
        _, ended, answer = text.partition("</details>")
        return (answer, "done") if ended else ("", "cut")
    opened = OPENS.match(text.lstrip())
    if CLOSES.search(text) is None:
        response = RESPONSE.search(text) if opened else None
        if response is not None:
            return text[response.end() :], "done"
        return ("", "cut") if opened else (text, "")
    text = _BESIDE_FENCE.sub(lambda found: f"{found[0]}\n", text)
    closings = list(CLOSES.finditer(text))
    outside = _outside_code(text, closings, parser)
    if not outside and not opened:
        return text, ""  # code about such marks
    text, last = _before_last_thoughts(text, outside or closings)
    answer = begun_by_assistant(text[last:])
    again = _outside_code(answer, [found for found in OPENS.finditer(answer) if _begins_line(answer, found)], parser)
    return answer[: again[0].start()] if again else answer, "done"


def _before_last_thoughts(text: str, closings: list[re.Match[str]]) -> tuple[str, int]:
    """Return the text and where its answer begins: after the last reasoning or, if that ends the text, before it."""
    openings = list(OPENS.finditer(text))
    end, begin = len(text), len(text) - len(text.lstrip())
    for closing in reversed(closings):
        if closing.start() >= end:
            continue
        if until_end(text[closing.end() : end]).strip():
            return text[:end], closing.end()
        while openings and openings[-1].start() > closing.start():
            openings.pop()
        if not openings or openings[-1].start() <= begin:
            return text[:end], closing.end()
        end = openings.pop().start()
    return text[:end], 0


def _begins_line(text: str, found: re.Match[str]) -> bool:
    return text[: found.start()].endswith("\n")


def _final_channel(text: str) -> tuple[str, str]:
    """Return the last channel that a user sees, from an answer in channels."""
    shown = [
        found
        for found in CHANNEL.finditer(text)
        if found[1] == "final" or (found[1] == "commentary" and "to=" not in found[2])
    ]
    final = [found for found in shown if found[1] == "final"] or shown
    if final:
        begin = final[-1].end()
        end = CHANNEL_ENDS.search(text, begin)
        return text[begin : end.start() if end else len(text)], "done"
    bare = list(_BARE_FINAL.finditer(text))
    return (text[bare[-1].end() :], "done") if bare else ("", "cut")


def _outside_code(text: str, marks: list[re.Match[str]], parser: Parser) -> list[re.Match[str]]:
    """Return those of these marks, in order, that are outside of closed blocks of Python."""
    code = [block for block in scan(text) if block.closed and not parser.refuses(block.code)] if marks else []
    found, at = [], 0
    for mark in marks:
        while at < len(code) and code[at].end <= mark.start():
            at += 1
        if at == len(code) or mark.start() < code[at].begin:
            found.append(mark)
    return found


def begun_by_assistant(text: str) -> str:
    """Return the text without what tokenizers put before an answer; of a whole chat, the assistant's first turn."""
    turn = _ASSISTANTS_TURN.search(text) if _OTHERS_TURN.match(text) else None
    at = turn.start() if turn else 0
    while found := _BEGINS.match(text, at):
        at = found.end()
    return text[at:]


def until_end(text: str, *, python: bool = True) -> str:
    """Return the text before the first special token. One within a Python literal or comment is part of the code.

    In other languages, names of types in angle brackets are no tokens.
    """
    text = _OPENING.sub("\n", text)
    turn = _NEXT_TURN.search(text)
    if turn is not None and _CODE.search(text, 0, turn.start()):
        text = text[: turn.start()]
    lines = _Lines(text)
    ends = _ENDS if python else _ENDS_ELSEWHERE
    for _, found in zip(range(_MOST_TOKENS), ends.finditer(text), strict=False):
        if found[0] == "[INST]" and _INST.search(text):
            continue  # a name in the code
        if not lines.holds(found):
            return text[: found.start()]
    return text


class _Lines:
    """Walks over lines of code, to find whether a token is part of a literal or a comment."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._scanner = Scanner()
        self._begin, self._end = 0, -1
        self._within = ""  # the triple quote that was open where the line begins
        self._inside: list[tuple[int, int]] = []

    def holds(self, token: re.Match[str]) -> bool:
        """Return whether this token is part of the code; tokens must be asked in their order."""
        while self._end < token.start():
            self._begin = self._end + 1
            end = self._text.find("\n", self._begin)
            self._end = len(self._text) if end < 0 else end
            self._within = self._scanner.quote
            self._inside = self._scanner.feed(self._text[self._begin : self._end])
        start, end = token.start() - self._begin, token.end() - self._begin
        held = next((span for span in self._inside if span[0] <= start and end <= span[1]), None)
        if held is None:
            return False
        if self._text[self._begin + held[0]] == "#" and not (self._within and held[0] == 0):
            return bool(_ENDS.sub("", self._text[token.end() : self._end]).strip())
        quote = self._within or self._scanner.quote
        return not quote or held[1] < self._end - self._begin or quote in self._text[self._end :]


def unwrapped(text: str, tag: str = "python") -> list[str]:
    """Return the texts in which code is searched, in order: the text within <answer> or the like, then everything.

    Marks around code become fences with this tag. In other languages than Python only a wrapper that is closed counts,
    because `<Solution>` may be a type there.
    """
    text = _marked_as_fences(text, tag)
    openings = [found for found in _WRAPPER.finditer(text) if not found[1]]
    if not openings:
        return [text]
    closing = f"</{openings[-1][2]}>".lower()
    inner = text[openings[-1].end() :]
    end = inner.lower().rfind(closing)
    if end < 0 and tag != "python":
        return [text]
    return [inner[:end] if end >= 0 else inner, _WRAPPER.sub("\n", text)]


def marks_code(text: str) -> bool:
    """Return whether marks such as [BEGIN], some of which are also valid Python, are used as fences."""
    return FENCE.search(text) is None and any(marks.search(text) for marks in (_CODE_MARKS, _PREFORMATTED, _UNUSED))


def _marks_around_code(text: str) -> bool:
    """Return whether the first mark is closed, and stands before the code, of which it may be a part."""
    marks = [found for one in (_CODE_MARKS, _PREFORMATTED) if (found := one.search(text))]
    first = min(marks, key=lambda found: found.start(), default=None)
    closed = _CODE_MARKS_END.search(text) or _PREFORMATTED_END.search(text)
    return first is not None and closed is not None and _LINE_OF_CODE.search(text, 0, first.start()) is None


def _marked_as_fences(text: str, tag: str) -> str:
    """Return the text with fences instead of marks such as [PYTHON] and <code>."""
    if FENCE.search(text) is None and _QUOTES.search(text):
        return _QUOTES_END.sub("```", _QUOTES.sub(f"```{tag}", text))
    if not marks_code(text) or (tag != "python" and not _marks_around_code(text)):
        return text
    if _PREFORMATTED.search(text):
        text = html.unescape(_PREFORMATTED_END.sub("\n```\n", _PREFORMATTED.sub(f"\n```{tag}\n", text)))
    text = _CODE_MARKS.sub(f"```{tag}\n", text)
    text = _CODE_MARKS_END.sub("\n```\n", text)
    return _TEST_MARKS_END.sub("```", _TEST_MARKS.sub("```tests", text))
