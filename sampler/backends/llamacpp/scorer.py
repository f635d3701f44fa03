"""Score a text of another model with llama.cpp, in a child process.

The prompt has the form that it has for sampling, with a chat template if there is one. It is read once for all
completions that are scored after it in a row. The completion is tokenized separately, as if it had just been sampled
after the prompt, without a token for the end. Log-probabilities are the model's own, before temperature.
"""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sampler.backends.base import BackendError, CannotLoad, TextScore
from sampler.backends.llamacpp.backend import ModelFile
from sampler.backends.llamacpp.process import (
    EngineOptions,
    EngineProcess,
    ask,
    end_child,
    physical_cores,
    refuse_missing,
)
from sampler.values import Closeable, Prompt, PromptStyle

MOST_CONTEXT = 2**20  # tokens; more take more memory than a machine has
START_S, ANSWER_S = 180.0, 600.0
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaScoringOptions:
    """How the engine runs.

    `context` counts tokens of a prompt and a completion together; threads 0: one per physical core.
    """

    context: int = 4096
    threads: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.context <= MOST_CONTEXT:
            raise ValueError(f"context must be 1 to {MOST_CONTEXT}, not {self.context}")
        if self.threads < 0:
            raise ValueError(f"threads must not be negative, not {self.threads}")


class LlamaCppScorer(Closeable):
    """One model in a process of its own, ready to score texts. Not for use from several threads at once."""

    def __init__(self, model: ModelFile, options: LlamaScoringOptions) -> None:
        """Start the engine and load the model; raises BackendError."""
        self._model, self._threads = model, options.threads or physical_cores()
        self._templates: EngineProcess | None = None
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the engine
        how = {"path": str(model.path.resolve()), "context": options.context, "threads": self._threads}
        self._child = subprocess.Popen(
            [sys.executable, "-m", "sampler.backends.llamacpp.scoring_process", json.dumps(how)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._last_words,
            cwd=Path(__file__).parents[2],
            start_new_session=True,  # a ctrl-C at the terminal is for us, who then end the engine
        )
        try:
            self.version = self._hello()
        except BaseException:
            self.close()
            raise

    def score(self, prompt: Prompt, completion: str) -> TextScore:
        """Return how probable the model finds `completion` after `prompt`; raises BackendError."""
        marks = prompt.style is PromptStyle.CHAT
        asked = {"prompt": self._put(prompt), "marks": marks, "completion": completion}
        answer = self._ask(asked)
        if "error" in answer:
            raise BackendError(f"{self._model.name} cannot score a text: {answer['error']}")
        return TextScore(token_nlls=tuple(answer["nlls"]), prompt_tokens=int(answer["prompt_tokens"]))

    def close(self) -> None:
        """End the engine; calling it again does nothing."""
        if self._templates is not None:
            self._templates.close()
            self._templates = None
        end_child(self._child)
        self._last_words.close()

    def _hello(self) -> str:
        hello = self._read_line(START_S)
        refuse_missing(hello)
        if "error" in hello:
            raise CannotLoad(f"cannot load {self._model.path.name}: {hello['error']}")
        return str(hello["version"])

    def _put(self, prompt: Prompt) -> str:
        """Return the prompt as text; for a chat by the template that the engine's server reads from the model file."""
        text = prompt.text.encode("utf-8", "replace").decode()
        if prompt.style is not PromptStyle.CHAT:
            return text
        if self._templates is None:
            options = EngineOptions(path=str(self._model.path.resolve()), slots=1, context=256, threads=self._threads)
            self._templates = EngineProcess(options, start_timeout_s=START_S)
        body = {"messages": prompt.messages}
        return str(ask(self._templates, "/apply-template", body, ANSWER_S)["prompt"]) + prompt.prefill

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        if self._child.stdin is None:
            raise BackendError("the engine was started without its pipes")
        try:
            self._child.stdin.write(json.dumps(question).encode("ascii") + b"\n")
            self._child.stdin.flush()
        except (OSError, ValueError) as error:
            raise BackendError(self._death()) from error
        return self._read_line(ANSWER_S)

    def _read_line(self, timeout_s: float) -> dict[str, Any]:
        """Return the child's next line."""
        pipe, data, deadline = self._child.stdout, b"", time.monotonic() + timeout_s
        if pipe is None:
            raise BackendError("the engine was started without its pipes")
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while not data.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise BackendError(f"the engine did not answer within {timeout_s:g} s")
                piece = pipe.read1(_PIECE)  # type: ignore[attr-defined]  # a buffered pipe has it
                if not piece:
                    raise BackendError(self._death())
                data += piece
        heard: dict[str, Any] = json.loads(data)
        return heard

    def _death(self) -> str:
        try:
            code = self._child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "the engine broke the connection"
        self._last_words.seek(0)
        words = self._last_words.read().decode("utf-8", "replace").split("\n")[-12:]
        printable = "".join(c if c.isprintable() else " " for c in " | ".join(filter(None, words)))[-600:] or "nothing"
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"the engine {how}; its last words: {printable}"
