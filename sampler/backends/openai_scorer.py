"""What a model on a server thinks of a text that another model wrote.

The server is asked to write one token after the text, to repeat the text, and to tell how probable it found each token
of it: `echo` with `logprobs` of /completions, as vLLM and SGLang have it. llama.cpp's server passes it over or refuses
it, and most hosted ones refuse it; both are told apart from an outage and named. Which tokens are the completion's: see
`openai_echo`.

Where the server cuts texts into tokens (/tokenize beside /v1), prompt and completion are cut each by itself, as if the
completion had just been sampled after the prompt, and a chat is put by the model's own template. So do the other
scorers. Elsewhere, and in the dialect "hosted", they go as one text, and a chat cannot be put at all.

The options, outages, refusals, the key and its secrecy are those of `openai`. One text is asked at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from threading import Event
from typing import Any

from sampler.backends.base import BackendError
from sampler.backends.openai import HOSTED, OpenAIOptions, reach
from sampler.backends.openai_echo import NO_ECHO, Echo, NoEcho, after_text, after_tokens, read_echo
from sampler.backends.openai_http import Refused, ask
from sampler.backends.scorer import TextScore
from sampler.closing import Closing
from sampler.store.write_models import valid_text
from sampler.values import ModelCard, Prompt, PromptStyle

_MOST_ID = 2**31 - 1


class OpenAIScorer(Closing):
    """One model of a server, ready to score texts. Not for use from several threads at once."""

    def __init__(
        self,
        model: str,
        options: OpenAIOptions,
        *,
        key: str | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Ask the server for its models; raises BackendError. `tell` hears of every outage."""
        reached = reach(model, options, key=key, tell=tell)
        self._model = model
        self._server, self._policy = reached.server, reached.policy
        self._root = replace(self._server, base_url=options.base_url.rstrip("/").removesuffix("/v1"))
        self._cuts = options.dialect != HOSTED
        self._latest: tuple[Prompt, list[int]] | None = None
        self.card: ModelCard = reached.card

    def score(self, prompt: Prompt, completion: str) -> TextScore:
        """How probable the model finds `completion` after `prompt`; raises BackendError."""
        text = valid_text(completion)
        before = self._before(prompt)
        if before is not None:
            after = self._cut({"prompt": text, "add_special_tokens": False}) if text else []
            if not after:
                return TextScore(token_nlls=(), prompt_tokens=len(before))
            return after_tokens(self._echoed([*before, *after]), len(before), len(after))
        if prompt.style is PromptStyle.CHAT:
            raise BackendError(
                f"the server at {self._server.base_url} does not say how a chat is put to its model (no "
                "/tokenize, or the"
                " dialect is \"hosted\"); score with vLLM's server, or with the model's file, --with FILE.gguf"
            )
        if not text:
            return TextScore(token_nlls=())
        asked = valid_text(prompt.text)
        return after_text(self._echoed(asked + text), asked, text)

    def close(self) -> None:
        """Nothing is held open: every question has a connection of its own."""

    def _before(self, prompt: Prompt) -> list[int] | None:
        """The prompt's tokens, kept for the completions after it; None where the server does not cut texts for us."""
        if not self._cuts:
            return None
        if self._latest is not None and self._latest[0] == prompt:
            return self._latest[1]
        try:
            tokens = self._put(prompt)
        except Refused:
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
        """The tokens of a text that is not empty, or of a chat; raises Refused where the server does not cut texts."""
        body = {"model": self._model, **what}
        tokens = self._policy.attempt(lambda: ask(self._root, "POST", "/tokenize", body), Event()).get("tokens")
        if not isinstance(tokens, list) or not tokens or not all(map(_is_id, tokens)):
            raise Refused(f"the server at {self._root.base_url} does not cut texts into tokens as vLLM's does")
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
        except Refused as error:
            if re.search("echo|logprob", str(error), re.IGNORECASE):
                raise NoEcho(f"{error}: {NO_ECHO}") from error
            raise


def _is_id(token: object) -> bool:
    return isinstance(token, int) and not isinstance(token, bool) and 0 <= token <= _MOST_ID
