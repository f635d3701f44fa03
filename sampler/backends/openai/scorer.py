"""Score a text of another model with a model on a server.

The server is asked to write one token after the text, to repeat the text, and to return the log-probability of each
token: `echo` with `logprobs` of /completions, as in vLLM and SGLang. llama.cpp's server ignores or refuses this, and
most hosted ones refuse it; both raise an error of their own, not an outage. `read_echo` finds the completion's tokens.

If the server tokenizes texts (/tokenize beside /v1), prompt and completion are tokenized separately, as if the
completion had just been sampled after the prompt, and a chat uses the model's own template. The other scorers do the
same. Otherwise, and in the dialect "hosted", both are sent as one text, and a chat cannot be scored.

Options, outages, refusals and the key are handled as in `openai`. One text is scored at a time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Event
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from sampler.backends.base import BackendError, TextScore
from sampler.backends.openai.backend import HOSTED, ServedModel
from sampler.backends.openai.http_client import CallRefused, Outage, ServerAddress, ask
from sampler.values import Prompt, PromptStyle, valid_text

# Which of the tokens that a server echoes are a completion's, and how probable it found them. No input or output here.
#
# Where the server cuts texts into tokens for us, prompt and completion are cut each by itself, and counting tells them
# apart. Where it does not, they go as one text, and only its characters tell. `text_offset` is not believed: SGLang's
# is -1 everywhere, and vLLM's counts the characters of a mark at the beginning that the text does not hold. The tokens'
# own texts are laid along the text that was sent instead. Some have none there: such a mark, and the parts of a
# character that takes several tokens, which servers show as nothing, as a replacement character or as bytes. They reach
# from the last token that was found to the next one.
#
# **At the border.** A token that holds the prompt's last characters and the completion's first ones is the
# completion's, and so is every token that might be: then nothing of the completion goes unjudged, and its first token
# may say something of the prompt. Models often have one token for a line break and the spaces after it, so in Python
# this is the rule, not the exception; where the server cuts texts into tokens, it does not arise.

WIDEST = 8  # characters that one token without a text of its own may hold
_ROUNDING = 1e-3  # a log-probability that is higher than 0 by no more is 0
NO_ECHO = (
    "the server does not tell the log-probabilities of a text that it did not write (vLLM's and SGLang's do, "
    "llama.cpp's and most hosted ones do not); where you have the model's file, score with --with FILE.gguf"
)


class NoEcho(BackendError):
    """The server cannot score texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """The tokens of the text that was sent, and perhaps one more that was drawn after them."""

    texts: tuple[str, ...]
    logprobs: tuple[float | None, ...]
    sent: int | None  # how many tokens the server counted in what was sent


def read_echo(answer: dict[str, Any]) -> Echo:
    """Read the answer of a completions endpoint; raises NoEcho, or Outage for an invalid answer."""
    try:
        (choice,) = answer["choices"]
        said = choice.get("logprobs")
        if not isinstance(said, dict) or "token_logprobs" not in said:
            raise NoEcho(NO_ECHO)
        logprobs = tuple(None if value is None else _logprob(value) for value in said["token_logprobs"])
        texts = tuple(str(text) for text in said.get("tokens") or ())
        sent = (answer.get("usage") or {}).get("prompt_tokens")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Outage(f"the server's answer has an unknown form ({error!r:.200})") from error
    return Echo(texts=texts, logprobs=logprobs, sent=sent if isinstance(sent, int) else None)


def after_tokens(echo: Echo, prompt: int, completion: int) -> TextScore:
    """Return the score of the last `completion` tokens of those that were sent."""
    if len(echo.logprobs) < prompt + completion:
        raise NoEcho(NO_ECHO)
    return _score(echo, range(prompt, prompt + completion), prompt)


def after_text(echo: Echo, prompt: str, completion: str) -> TextScore:
    """Return the score of the tokens that overlap `completion`, which was sent after `prompt` in one text."""
    if echo.sent is None or not 0 < echo.sent <= len(echo.logprobs) or len(echo.texts) != len(echo.logprobs):
        raise NoEcho(NO_ECHO)
    spans = list(_spans(prompt + completion, echo.texts[: echo.sent]))
    border = len(prompt)
    first = next((number for number, (start, end) in enumerate(spans) if end > border or start >= border), echo.sent)
    return _score(echo, range(first, echo.sent), first)


def _score(echo: Echo, which: range, before: int) -> TextScore:
    nlls = []
    for number in which:
        logprob = echo.logprobs[number]
        if logprob is None and number == 0:
            raise BackendError("the first token of a text has no probability; there is no prompt before the completion")
        if logprob is None:
            raise NoEcho(NO_ECHO)
        if math.isinf(logprob):
            raise BackendError("the server finds a token impossible (log-probability -inf), so the text has no score")
        nlls.append(max(0.0, -logprob))
    return TextScore(token_nlls=tuple(nlls), prompt_tokens=before)


def _logprob(value: Any) -> float:
    number = float(value)
    if math.isnan(number) or number > _ROUNDING:
        raise ValueError(f"a log-probability of {number}")
    return number


def _spans(text: str, tokens: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Return the place of each token in the text; tokens without a text share the text between their neighbours."""
    here, hidden = 0, 0
    for token in tokens:
        found = _found(text, token, here, hidden)
        if found is None:
            hidden += 1
            continue
        yield from [(here, found)] * hidden
        here, hidden = found + len(token), 0
        yield found, here
    if len(text) - here > WIDEST * hidden:
        raise _unlike(text, here)
    yield from [(here, len(text))] * hidden


def _found(text: str, token: str, here: int, hidden: int) -> int | None:
    """Return where the token begins in the text, if it can be found."""
    if not token or "\ufffd" in token:
        return None
    found = text.find(token, here, here + WIDEST * hidden + len(token))
    return None if found < 0 else found


def _unlike(text: str, here: int) -> BackendError:
    return BackendError(
        f"the server's tokens are not the text that was sent: none begins with {text[here : here + 12]!r}; score with "
        "a server that has /tokenize (vLLM, SGLang), or with the model's file, --with FILE.gguf"
    )


_MOST_ID = 2**31 - 1


class OpenAIScorer(ServedModel):
    """One model of a server, ready to score texts. Not for use from several threads at once."""

    _latest: tuple[Prompt, list[int]] | None = None

    @cached_property
    def _root(self) -> ServerAddress:
        """Return the address beside /v1, where servers tokenize."""
        url = urlsplit(self._options.base_url)
        path = url.path.rstrip("/").removesuffix("/v1")
        return replace(self._server, base_url=urlunsplit(url._replace(path=path)))

    @cached_property
    def _cuts(self) -> bool:
        """Return whether the server may tokenize; set to False once it has refused."""
        return self._options.dialect != HOSTED

    def score(self, prompt: Prompt, completion: str) -> TextScore:
        """Return how probable `completion` is after `prompt`; raises BackendError."""
        text = valid_text(completion)
        before = self._before(prompt)
        if before is not None:
            after = self._cut({"prompt": text, "add_special_tokens": False}) if text else []
            if not after:
                return TextScore(token_nlls=(), prompt_tokens=len(before))
            return after_tokens(self._echoed([*before, *after]), len(before), len(after))
        if prompt.style is PromptStyle.CHAT:
            raise BackendError(
                f"the server at {self._server.base_url} does not say how a chat is put to its model (no /tokenize, or "
                "the dialect is \"hosted\"); score with vLLM's server, or with the model's file, --with FILE.gguf"
            )
        if not text:
            return TextScore(token_nlls=())
        asked = valid_text(prompt.text)
        return after_text(self._echoed(asked + text), asked, text)

    def close(self) -> None:
        """Do nothing: every question has its own connection."""

    def _before(self, prompt: Prompt) -> list[int] | None:
        """Return the prompt's tokens, cached for its completions; None if the server does not tokenize."""
        if not self._cuts:
            return None
        if self._latest is not None and self._latest[0] == prompt:
            return self._latest[1]
        try:
            tokens = self._put(prompt)
        except CallRefused:
            if self._latest is not None:
                raise  # it has cut texts before; scores of the other form are none to compare with
            self._cuts = False  # what it refuses for another reason, it refuses again when it is asked to score
            return None
        self._latest = prompt, tokens
        return tokens

    def _put(self, prompt: Prompt) -> list[int]:
        text = valid_text(prompt.text)
        if prompt.style is PromptStyle.COMPLETION:
            return self._cut({"prompt": text})
        asked = {"messages": prompt.messages, "add_generation_prompt": True}
        begun = self._cut({"prompt": prompt.prefill, "add_special_tokens": False}) if prompt.prefill else []
        return [*self._cut(asked), *begun]

    def _cut(self, what: dict[str, Any]) -> list[int]:
        """Return the tokens of a non-empty text, or of a chat; raises Refused if the server does not tokenize."""
        body = {"model": self._model, **what}
        tokens = self._policy.attempt(lambda: ask(self._root, "POST", "/tokenize", body), Event()).get("tokens")
        if not isinstance(tokens, list) or not tokens or not all(map(_is_id, tokens)):
            raise CallRefused(f"the server at {self._root.base_url} does not cut texts into tokens as vLLM's does")
        return tokens

    def _echoed(self, prompt: str | list[int]) -> Echo:
        body = {
            "model": self._model,
            "prompt": prompt,
            "max_tokens": 1,
            "temperature": 0.0,
            "echo": True,
            "logprobs": 1,
        }
        try:
            return self._policy.attempt(lambda: read_echo(ask(self._server, "POST", "/completions", body)), Event())
        except CallRefused as error:
            if re.search("echo|logprob", str(error), re.IGNORECASE):
                raise NoEcho(f"{error}: {NO_ECHO}") from error
            raise


def _is_id(token: object) -> bool:
    return isinstance(token, int) and not isinstance(token, bool) and 0 <= token <= _MOST_ID
