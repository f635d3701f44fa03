"""The scoring engine's own process: `python -m sampler.backends.llamacpp.scoring_process OPTIONS-AS-JSON`.

It loads one model, says so in one line of JSON on its standard output, and then answers each line of JSON on its
standard input with one line. It ends when its input ends; the kernel closes the pipe however the parent dies.
`server_process` gives the reasons for a separate process and for sleeping idle threads.

It calls llama.cpp's C functions in the wheel's library, because its server does not return how probable a given text
is. The functions are stable, but the structures that they take change between versions. So a structure is a block of
bytes, larger than in any version, of which only the first words are written: context length, batch sizes and threads.
Before it scores anything, `Engine` checks the meaning of these words: by their defaults, and by asking the context for
its settings. It refuses an engine that differs. The wheel's version is pinned as well.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import resource
import sys
from importlib import metadata
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_N_CTX, _N_BATCH, _N_UBATCH, _THREADS, _BATCH_THREADS = 0, 1, 2, 7, 8  # words of the context's parameters
_DEFAULTS = {_N_CTX: 512, _N_BATCH: 2048, _N_UBATCH: 512, _THREADS: 4, _BATCH_THREADS: 4}
BATCH = 128  # tokens that are read at a time: each takes a row of logits, as wide as the vocabulary


class EngineUnlike(RuntimeError):
    """The library's structures differ from those that this module knows."""


class _Parameters(ctypes.Structure):
    """Bytes for parameters, larger than in any version."""

    _fields_ = (("words", ctypes.c_uint32 * 256),)


class _TokenBatch(ctypes.Structure):
    """Tokens to read, with their places; `wanted` says for which of them logits are returned."""

    _fields_ = (
        ("count", ctypes.c_int32),
        ("tokens", ctypes.POINTER(ctypes.c_int32)),
        ("embeddings", ctypes.c_void_p),
        ("places", ctypes.POINTER(ctypes.c_int32)),
        ("sequences", ctypes.POINTER(ctypes.c_int32)),
        ("of", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("wanted", ctypes.POINTER(ctypes.c_int8)),
    )


def library(path: Path) -> Any:
    """Return the wheel's library with the types of what is used of it."""
    found: Any = ctypes.CDLL(str(path))
    pointer, whole, yes = ctypes.c_void_p, ctypes.c_int32, ctypes.c_bool
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "backend_init": (None, []),
        "model_default_params": (_Parameters, []),
        "context_default_params": (_Parameters, []),
        "model_load_from_file": (pointer, [ctypes.c_char_p, _Parameters]),
        "init_from_model": (pointer, [pointer, _Parameters]),
        "model_get_vocab": (pointer, [pointer]),
        "vocab_n_tokens": (whole, [pointer]),
        "tokenize": (whole, [pointer, ctypes.c_char_p, whole, ctypes.POINTER(whole), whole, yes, yes]),
        "n_ctx": (ctypes.c_uint32, [pointer]),
        "n_batch": (ctypes.c_uint32, [pointer]),
        "n_threads": (whole, [pointer]),
        "get_memory": (pointer, [pointer]),
        "memory_seq_rm": (yes, [pointer, whole, whole, whole]),
        "batch_init": (_TokenBatch, [whole, whole, whole]),
        "decode": (whole, [pointer, _TokenBatch]),
        "get_logits_ith": (ctypes.POINTER(ctypes.c_float), [pointer, whole]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(found, f"llama_{name}", None)
        if function is None:
            raise EngineUnlike(f"the engine exports no llama_{name}")
        function.restype, function.argtypes = result, arguments
    return found


class Engine:
    """A model with one context. It lives as long as its process."""

    def __init__(self, shared: Any, model: str, *, context: int, threads: int) -> None:
        """Load `model` with a `library`; raises EngineUnlike, or RuntimeError if the engine does not take the file."""
        self._c = shared
        parameters = self._checked_defaults()
        self._c.llama_backend_init()
        loaded = self._c.llama_model_load_from_file(model.encode(), self._c.llama_model_default_params())
        if not loaded:
            raise RuntimeError("the engine does not take the file")
        context = math.ceil(context / 256) * 256  # the engine rounds up likewise
        for word, value in ((_N_CTX, context), (_N_BATCH, BATCH), (_N_UBATCH, BATCH)):
            parameters.words[word] = value
        parameters.words[_THREADS] = parameters.words[_BATCH_THREADS] = threads
        self._context = self._c.llama_init_from_model(loaded, parameters)
        if not self._context:
            raise RuntimeError(f"the engine makes no context of {context} tokens")
        self._check(context, threads)
        self._vocabulary = self._c.llama_model_get_vocab(loaded)
        self._width = int(self._c.llama_vocab_n_tokens(self._vocabulary))
        self._batch = self._c.llama_batch_init(BATCH, 0, 1)
        self._room = context
        self._prompt: tuple[int, ...] = ()
        self._next: NDArray[np.float32] | None = None  # log-probabilities of what follows the prompt

    def _checked_defaults(self) -> _Parameters:
        parameters: _Parameters = self._c.llama_context_default_params()
        found = {word: int(parameters.words[word]) for word in _DEFAULTS}
        if found != _DEFAULTS:
            raise EngineUnlike(f"the engine's parameters are {found} where {_DEFAULTS} were expected")
        return parameters

    def _check(self, context: int, threads: int) -> None:
        made = tuple(
            int(getattr(self._c, f"llama_{name}")(self._context)) for name in ("n_ctx", "n_batch", "n_threads")
        )
        if made != (context, BATCH, threads):
            raise EngineUnlike(f"the engine made a context of {made} where {(context, BATCH, threads)} was asked for")

    def tokens(self, text: str, *, begins: bool, marks: bool) -> list[int]:
        """Return the tokens of a text, with the tokens that begin every text if `begins`.

        With `begins`, <|marks|> are special tokens.
        """
        data = text.encode("utf-8", "replace")
        most = len(data) + 8
        found = (ctypes.c_int32 * most)()
        count = self._c.llama_tokenize(self._vocabulary, data, len(data), found, most, begins, marks)
        if count < 0:
            raise RuntimeError(f"the engine finds {-count} tokens in {len(data)} bytes")
        return list(found[:count])

    def nlls(self, prompt: list[int], completion: list[int]) -> list[float]:
        """Return the negative log-probability of each token of the completion.

        If the prompt is the last one again, it is not read again.
        """
        if not prompt or not completion:
            raise ValueError("a text is scored after a prompt, and each has a token at least")
        if len(prompt) + len(completion) > self._room:
            raise ValueError(
                f"{len(prompt)} + {len(completion)} tokens do not fit into a context of {self._room}; raise the "
                "option context"
            )
        self._read_prompt(tuple(prompt))
        following, found = self._next, []
        for start in range(0, len(completion), BATCH):
            piece = completion[start : start + BATCH]
            rows = self._decode(piece, len(prompt) + start, all_rows=True)
            for token, row in zip(piece, [following, *rows], strict=False):
                if row is None:
                    raise RuntimeError("the engine has read no prompt")
                found.append(max(0.0, -float(row[token])))  # rounding may take a certain token below zero
            following = rows[-1]
        return found

    def _read_prompt(self, prompt: tuple[int, ...]) -> None:
        memory = self._c.llama_get_memory(self._context)
        if prompt == self._prompt:
            self._c.llama_memory_seq_rm(memory, 0, len(prompt), -1)
            return
        self._prompt = ()
        self._c.llama_memory_seq_rm(memory, 0, 0, -1)
        for start in range(0, len(prompt), BATCH):
            rows = self._decode(list(prompt[start : start + BATCH]), start, all_rows=False)
        self._prompt, self._next = prompt, rows[-1]

    def _decode(self, tokens: list[int], start: int, *, all_rows: bool) -> list[NDArray[np.float32]]:
        """Read tokens at their places; return the log-probabilities after each token, or only after the last one."""
        batch = self._batch
        batch.count = len(tokens)
        for n, token in enumerate(tokens):
            batch.tokens[n], batch.places[n], batch.sequences[n], batch.of[n][0] = token, start + n, 1, 0
            batch.wanted[n] = all_rows or n == len(tokens) - 1
        if (code := self._c.llama_decode(self._context, batch)) != 0:
            raise RuntimeError(f"the engine could not read {len(tokens)} tokens (code {code})")
        return [self._row(n) for n in (range(len(tokens)) if all_rows else [len(tokens) - 1])]

    def _row(self, number: int) -> NDArray[np.float32]:
        logits = self._c.llama_get_logits_ith(self._context, number)
        row = np.ctypeslib.as_array(logits, (self._width,)).astype(np.float32)
        row -= row.max()
        return np.asarray(row - np.float32(np.log(np.exp(row).sum(dtype=np.float64))), dtype=np.float32)


def main() -> None:
    """Answer until the parent has ended."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever the engine prints
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.putenv("OMP_WAIT_POLICY", "PASSIVE")  # before the library: libgomp looks while it is loaded
    try:
        import xllamacpp
    except ImportError as error:
        _say(answers, {"missing": str(error)})
        return
    options = json.loads(sys.argv[1])
    shared = next(Path(xllamacpp.__file__).parent.glob("xllamacpp*.so"))
    try:
        engine = Engine(library(shared), options["path"], context=options["context"], threads=options["threads"])
    except (RuntimeError, OSError) as error:
        _say(answers, {"error": str(error)})
        return
    _say(answers, {"version": metadata.version("xllamacpp")})
    for line in sys.stdin:
        try:
            _say(answers, _answer(engine, json.loads(line)))
        except (RuntimeError, ValueError) as error:
            _say(answers, {"error": str(error)})


def _answer(engine: Any, asked: dict[str, Any]) -> dict[str, Any]:
    prompt = engine.tokens(asked["prompt"], begins=True, marks=asked["marks"])
    completion = engine.tokens(asked["completion"], begins=False, marks=False)
    nlls = engine.nlls(prompt, completion) if completion else []
    return {"prompt_tokens": len(prompt), "nlls": nlls}


def _say(answers: IO[str], message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
