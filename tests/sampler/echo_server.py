"""A server that scores texts, in the forms that vLLM 0.32, SGLang and hosted ones were seen or are documented to have.

Its model: a token is as probable as a hash of it and of the one before says. A line break and the spaces after it are
one token, and so are a space and the word after it. A character outside the basic plane takes two.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from itertools import pairwise

from json_handler import JsonHandler

PIECES = re.compile(r"\n +| ?\w+|.", re.DOTALL)
Way = Callable[["Handler", dict], None]


def cut(text: str) -> list[str]:
    """The tokens, each by the text that it shows."""
    return [part for piece in PIECES.findall(text) for part in (["", piece] if piece > "\uffff" else [piece])]


def logprob(before: str, token: str) -> float:
    return -(hashlib.sha256(f"{before}|{token}".encode("utf-8", "replace")).digest()[0] + 1) / 64


class Handler(JsonHandler):
    server: EchoServer

    def do_GET(self) -> None:
        self.reply(200, {"object": "list", "data": [{"id": "tiny", "owned_by": "tests", "root": "/weights/tiny"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append({"path": self.path, "key": self.headers.get("Authorization"), **body})
        way = self.server.next_way()
        with contextlib.suppress(OSError):  # the client may have had enough
            if way is not None:
                way(self, body)
            elif self.path == "/tokenize":
                self.tokenize(body)
            else:
                self.reply(200, self.server.completion(body["prompt"]))

    def tokenize(self, body: dict) -> None:
        if not self.server.tokenizes:
            return self.reply(404, {"detail": "Not Found"})
        text = body.get("prompt")
        if text is None:
            text = "".join(f"<|user|>{one['content']}" for one in body["messages"]) + "<|assistant|>"
        elif body.get("add_special_tokens", True):
            text = self.server.mark + text
        ids = self.server.ids(text)
        return self.reply(200, {"count": len(ids), "max_model_len": 2048, "tokens": ids})


class EchoServer(ThreadingHTTPServer):
    """`tokenizes`: it has /tokenize; `mark`: what it puts before every text; `offsets`: it tells where tokens begin."""

    daemon_threads = True

    def __init__(self, *, tokenizes: bool = True, mark: str = "", offsets: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.tokenizes, self.mark, self.offsets = tokenizes, mark, offsets
        self.seen: list[dict] = []
        self.ways: list[Way] = []
        self._known: list[str] = []
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def next_way(self) -> Way | None:
        with self._lock:
            return self.ways.pop(0) if self.ways else None

    def ids(self, text: str) -> list[int]:
        marked = [self.mark] if self.mark and text.startswith(self.mark) else []
        tokens = [*marked, *cut(text.removeprefix(self.mark))]
        with self._lock:
            self._known += [token for token in dict.fromkeys(tokens) if token not in self._known]
            return [self._known.index(token) for token in tokens]

    def completion(self, prompt: str | list[int]) -> dict:
        """The answer to echo = true, logprobs = 1, max_tokens = 1."""
        ids = self.ids(self.mark + prompt) if isinstance(prompt, str) else prompt
        tokens = [*(self._known[number] for number in ids), " next"]
        offsets = [len("".join(tokens[:number])) for number in range(len(tokens))]
        logprobs = {
            "tokens": tokens,
            "token_logprobs": [None, *(logprob(*pair) for pair in pairwise(tokens))],
            "text_offset": offsets if self.offsets else [-1] * len(tokens),
            "top_logprobs": None,
        }
        text = prompt if isinstance(prompt, str) else "".join(tokens[:-1])
        choice = {"index": 0, "text": f"{text} next", "logprobs": logprobs, "finish_reason": "length"}
        usage = {"prompt_tokens": len(ids), "completion_tokens": 1, "total_tokens": len(tokens)}
        return {"object": "text_completion", "model": "tiny", "choices": [choice], "usage": usage}

    def handle_error(self, *_: object) -> None:
        pass
