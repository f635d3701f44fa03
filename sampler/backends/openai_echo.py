"""Which of the tokens that a server echoes are a completion's, and how probable it found them. No input or output here.

Where the server cuts texts into tokens for us, prompt and completion are cut each by itself, and counting tells them
apart. Where it does not, they go as one text, and only its characters tell. `text_offset` is not believed: SGLang's is
-1 everywhere, and vLLM's counts the characters of a mark at the beginning that the text does not hold. The tokens' own
texts are laid along the text that was sent instead. Some have none there: such a mark, and the parts of a character
that takes several tokens, which servers show as nothing, as a replacement character or as bytes. They reach from the
last token that was found to the next one.

**At the border.** A token that holds the prompt's last characters and the completion's first ones is the completion's,
and so is every token that might be: then nothing of the completion goes unjudged, and its first token may say something
of the prompt. Models often have one token for a line break and the spaces after it, so in Python this is the rule, not
the exception; where the server cuts texts into tokens, it does not arise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sampler.backends.base import BackendError
from sampler.backends.openai_http import Outage
from sampler.backends.scorer import TextScore

WIDEST = 8  # characters that one token without a text of its own may hold
_ROUNDING = 1e-3  # a log-probability that is higher than 0 by no more is 0
NO_ECHO = (
    "the server does not tell the log-probabilities of a text that it did not write (vLLM's and SGLang's do, "
    "llama.cpp's and"
    " most hosted ones do not); where you have the model's file, score with --with FILE.gguf"
)


class NoEcho(BackendError):
    """The server cannot score texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """The tokens of what was sent, and perhaps one more that was drawn after them."""

    texts: tuple[str, ...]
    logprobs: tuple[float | None, ...]
    sent: int | None  # how many tokens the server counted in what was sent


def read_echo(answer: dict[str, Any]) -> Echo:
    """What the answer of a completions endpoint says; raises NoEcho, or Outage for what makes no sense."""
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
    """The score of the last `completion` of the tokens that were sent."""
    if len(echo.logprobs) < prompt + completion:
        raise NoEcho(NO_ECHO)
    return _score(echo, range(prompt, prompt + completion), prompt)


def after_text(echo: Echo, prompt: str, completion: str) -> TextScore:
    """The score of the tokens that hold something of `completion`, which was sent behind `prompt` in one text."""
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
    """Where in the text each token stands; those without a text of their own share what is between their neighbours."""
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
    """Where the token begins, if it is there to be seen."""
    if not token or "\ufffd" in token:
        return None
    found = text.find(token, here, here + WIDEST * hidden + len(token))
    return None if found < 0 else found


def _unlike(text: str, here: int) -> BackendError:
    return BackendError(
        f"the server's tokens are not the text that was sent: none begins with {text[here : here + 12]!r}; score "
        "with a server"
        " that has /tokenize (vLLM, SGLang), or with the model's file, --with FILE.gguf"
    )
