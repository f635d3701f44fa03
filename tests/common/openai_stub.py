"""A server that answers chats by a function, and the strict rules of OpenAI's API for models that reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from typing import Any

from json_handler import JsonHandler

ANSWER = "```python\ndef f(): ...\n```"
USAGE = {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29}


class Thinker(ThreadingHTTPServer):
    """Answers every chat by a function of its body, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, answer: Callable[[dict[str, Any]], tuple[int, list[dict[str, Any]]]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.seen: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(JsonHandler):
    server: Thinker

    def do_GET(self) -> None:
        self.reply(200, {"data": [{"id": "tiny"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(body)
        self.server.headers.append(dict(self.headers))
        status, events = self.server.answer(body)
        if status != 200 or not body.get("stream"):
            self.reply(status, events[0])
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for event in events:
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")


def delta(**said: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": said, "finish_reason": None}]}


def end(reason: str = "stop", **usage: Any) -> list[dict[str, Any]]:
    return [
        {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
        {"choices": [], "usage": {**USAGE, **usage}},
    ]


def openai_rules(body: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    """Answer as OpenAI's API does for models that reason: what they do not take is refused, in the API's own words."""
    known = {
        *("model", "messages", "n", "seed", "stream", "stream_options", "max_completion_tokens", "reasoning_effort"),
        *("temperature", "top_p", "service_tier"),
    }
    message, param = "", ""
    if "max_tokens" in body:
        param = "max_tokens"
        message = (
            f"Unsupported parameter: '{param}' is not supported with this model. Use 'max_completion_tokens' instead."
        )
    for name in ("temperature", "top_p"):
        if not message and body.get(name, 1) != 1:
            param = name
            message = f"Unsupported value: '{name}' does not support {body[name]} with this model. Only the default (1)"
    for name in ("logprobs", "top_logprobs", "stop"):
        if not message and name in body:
            param, message = name, f"Unsupported parameter: '{name}' is not supported with this model."
    if not message and (unknown := sorted(set(body) - known)):
        param, message = unknown[0], f"Unrecognized request argument supplied: {unknown[0]}"
    if not message and body["messages"][-1]["role"] == "assistant":
        param, message = "messages", "The last message must not be an assistant message (no prefill)."
    if message:
        return 400, [{"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}]
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 3400,
        "total_tokens": 4400,
        "prompt_tokens_details": {"cached_tokens": 800, "cache_write_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 3000},
    }
    return 200, [delta(content=ANSWER), *end(**usage)]
