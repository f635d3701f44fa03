"""Offer the solver as an OpenAI-compatible endpoint, so that an editor or an agent gets verified answers.

`POST /v1/chat/completions` takes a chat; its last user message is the problem. The answer is a code block, `usage` sums
what all attempts read and wrote, and the field `codebudget` says whether the public tests passed, what was tried, what
it cost, and how sure it is. `stream` brings the answer in one piece, since nothing can be handed out before it is
checked, then its end and, with `stream_options.include_usage`, the counts. Until then a comment every few seconds
(`KEEP_ALIVE_S`) shows clients and proxies that the connection lives; a fault after the first one is an event `error`.
`GET /v1/models` names the one model, `GET /health` answers while the server lives.

Requests wait for each other: engines and boxes are made for one problem at a time. Whatever comes is hostile: bodies
are bounded, texts are parsed and never run on this machine, and without a key only this machine is served.
"""

from __future__ import annotations

import hmac
import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from sampler.backends.base import BackendError
from sampler.solving.problem import UnclearProblem, problem_of
from sampler.solving.solver import Solution
from sandbox.errors import SandboxError
from sandbox.problems import Problem, ProblemsError

MODEL = "codebudget"
MOST_BODY = 1 << 20  # bytes
PATIENCE_S = 30.0  # for a request's bytes to come
KEEP_ALIVE_S = 5.0  # between the comments of a stream whose answer is not there yet
LOCAL = ("127.0.0.1", "::1", "localhost")


class Rejected(Exception):
    """A request that cannot be answered: its HTTP status, why, and OpenAI's word for that, where there is one."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def problem_of_request(body: Any) -> Problem:
    """Return the problem of a chat's last user message; raises Rejected."""
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list) or not messages:
        raise Rejected(400, "messages is no list with something in it")
    said = [one for one in messages if isinstance(one, dict) and one.get("role") == "user"]
    if not said:
        raise Rejected(400, "there is no message of the user")
    _refuse_other_answers(body)
    try:
        return problem_of(_text(said[-1].get("content")))
    except (UnclearProblem, ProblemsError) as error:
        raise Rejected(400, str(error)) from error


def known_model(name: object) -> None:
    """Raise Rejected for the name of another model; a request may name none."""
    if name not in (None, MODEL):
        raise Rejected(404, f"there is no model {name!r:.80}; the only one is {MODEL!r}", "model_not_found")


def _refuse_other_answers(body: Mapping[str, Any]) -> None:
    """Raise Rejected for a request that a block of code does not answer, rather than answer it otherwise."""
    known_model(body.get("model"))
    if body.get("n") not in (None, 1):
        raise Rejected(400, "n: one verified answer is given; ask again for another")
    form = body.get("response_format")
    if form is not None and not (isinstance(form, dict) and form.get("type") == "text"):
        raise Rejected(400, "response_format: the answer is a text with a block of code; leave it out")
    if body.get("tool_choice") not in (None, "auto", "none"):
        raise Rejected(400, 'tool_choice: no tool is called; leave it out, or say "none"')


def _text(content: object) -> str:
    """Return a message's text, also where it came in parts; raises Rejected for a picture, which would go unseen."""
    if isinstance(content, list):
        parts = [part if isinstance(part, dict) else {"type": "text", "text": part} for part in content]
        for part in parts:
            if part.get("type", "text") not in ("text", "input_text"):
                raise Rejected(400, f"content has a part of type {part.get('type')!r:.40}; only texts are read")
        content = "".join(str(part.get("text") or "") for part in parts)
    if not isinstance(content, str):
        raise Rejected(400, "content is no text")
    return content


def chat_completion(solution: Solution) -> dict[str, Any]:
    """Return a chat completion as OpenAI's API writes it."""
    read = sum(one.prompt_tokens for one in solution.attempts)
    written = sum(one.completion_tokens for one in solution.attempts)
    message = {"role": "assistant", "content": f"```python\n{solution.answer.program.strip()}\n```"}
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
        "codebudget": solution_fields(solution),
    }


def completion_chunks(made: Mapping[str, Any], options: object) -> list[dict[str, Any]]:
    """Return an answer's chunks as OpenAI's API streams them: its text, its end, and the counts where asked for."""
    head = {name: value for name, value in made.items() if name not in {"choices", "usage"}}
    head["object"] = "chat.completion.chunk"
    choice: dict[str, Any] = {"index": 0, "delta": made["choices"][0]["message"], "finish_reason": None}
    chunks = [head | {"choices": [choice]}, head | {"choices": [choice | {"delta": {}, "finish_reason": "stop"}]}]
    if isinstance(options, dict) and options.get("include_usage"):
        chunks.append(head | {"choices": [], "usage": made["usage"]})
    return chunks


def solution_fields(solution: Solution) -> dict[str, Any]:
    """Return the fields beside the answer: whether it is verified, its cost, and how sure it is."""
    sure, answer = solution.sure, solution.answer
    interval = None if sure is None else sure.interval
    return {
        "problem": solution.problem,
        "verified": bool(answer.passed),
        "model": answer.model,
        "attempts": len(solution.attempts),
        "turn": answer.turn,
        "cost": solution.cost,
        "unit": solution.unit.value,
        "sure": None if sure is None else sure.share,
        "sure_interval": None if interval is None else [interval.low, interval.high],
        "sure_from": None if sure is None else sure.answers,
    }


def _error(status: int, message: str, code: str | None = None) -> dict[str, Any]:
    """Return an error as OpenAI's API writes it."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


class Endpoint(ThreadingHTTPServer):
    """The server; `solve` answers one problem. Raises OSError if the port is taken."""

    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        solve: Callable[[Problem], Solution],
        key: str | None = None,
        *,
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        if key is None and address[0] not in LOCAL:
            raise Rejected(
                0, f"{address[0]} can be reached by others: name a key with --api-key-env, or serve 127.0.0.1"
            )
        super().__init__(address, _Handler)
        self.solve, self.key, self.keep_alive_s = solve, key, keep_alive_s
        self.began = int(time.time())


class _KeepAlive:
    """A context manager that begins a stream and writes comments into it, as long as its body takes.

    `begun` says afterwards whether it did: a body that ends at once leaves the answer's head to others.
    """

    def __init__(self, handler: _Handler) -> None:
        self.begun = False
        self._handler = handler
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._ended.wait(self._handler.server.keep_alive_s):
            if not self.begun:
                self.begun = True
                self._handler.head(200, "text/event-stream", None)
            if not self._handler.put(b": no answer yet\n\n"):
                return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_S
    _streaming = False  # whether an answer without a known length has begun

    def do_GET(self) -> None:
        """Answer /health, /v1/models and /v1/models/NAME."""
        asked, model = self._route, {"id": MODEL, "object": "model", "created": self.server.began, "owned_by": MODEL}

        def one() -> dict[str, Any]:
            known_model(asked.removeprefix("/v1/models/"))
            return model

        if asked == "/health":
            self._send(200, {"status": "ok"})
        elif asked == "/v1/models":
            self._answer(lambda: {"object": "list", "data": [model]})
        elif asked.startswith("/v1/models/"):
            self._answer(one)
        else:
            self._fail(404, f"there is no {self.path[:80]}")

    @property
    def _route(self) -> str:
        """Return the path that is asked for, without a query or a slash at its end, which some clients add."""
        return self.path.partition("?")[0].rstrip("/")

    def do_POST(self) -> None:
        """Answer /v1/chat/completions."""
        if self._route != "/v1/chat/completions":
            self.close_connection = True
            self._fail(404, f"there is no {self.path[:80]}; ask /v1/chat/completions")
            return
        self._answer(self._complete)

    def _complete(self) -> dict[str, Any] | None:
        body = self._body()
        problem = problem_of_request(body)
        if not body.get("stream"):
            return chat_completion(self.server.solve(problem))
        with _KeepAlive(self) as alive:
            try:
                chunks = completion_chunks(chat_completion(self.server.solve(problem)), body.get("stream_options"))
            except (BackendError, SandboxError) as error:
                fault: Exception | None = error
                chunks = [_error(503, str(error))]
            else:
                fault = None
        if fault is not None and not alive.begun:
            raise fault
        data = "".join([f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"]).encode()
        if alive.begun:
            self.put(data)
        else:
            self._write(200, data, "text/event-stream")
        return None

    def _answer(self, make: Callable[[], Mapping[str, Any] | None]) -> None:
        try:
            self._refuse_strangers()
            made = make()
        except Rejected as error:
            self._fail(error.status, str(error), error.code)
        except (BackendError, SandboxError) as error:
            self._fail(503, str(error))
        except Exception:
            if not self._streaming:
                self._fail(500, "internal error; what the server wrote to its standard error says where")
            raise
        else:
            if made is not None:
                self._send(200, made)

    def _refuse_strangers(self) -> None:
        """Raise Rejected without the key, and for a page of a browser, which could ask through its reader's machine."""
        given = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if self.server.key is not None and not hmac.compare_digest(given.encode(), self.server.key.encode()):
            self.close_connection = True
            raise Rejected(401, "the key is missing or wrong")
        if self.headers.get("Origin") is not None:
            self.close_connection = True
            raise Rejected(403, "pages of browsers are not served")

    def _body(self) -> Any:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdecimal() or int(length[:12]) > MOST_BODY:
            self.close_connection = True
            raise Rejected(413 if length.isdecimal() else 411, f"a request has a length of at most {MOST_BODY} bytes")
        try:
            return json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError, TimeoutError) as error:
            self.close_connection = True
            raise Rejected(400, f"the request is no JSON: {error}") from error

    def _fail(self, status: int, message: str, code: str | None = None) -> None:
        self._send(status, _error(status, message, code))

    def _send(self, status: int, said: Mapping[str, Any]) -> None:
        self._write(status, json.dumps(said).encode(), "application/json")

    def _write(self, status: int, data: bytes, kind: str) -> None:
        if self.head(status, kind, len(data)):
            self.put(data)

    def head(self, status: int, kind: str, length: int | None) -> bool:
        """Send the head of an answer, whose end is that of the connection where its length is not known yet."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is None:
            self.close_connection = self._streaming = True
        else:
            self.send_header("Content-Length", str(length))
        if self.close_connection:
            self.send_header("Connection", "close")
        try:
            self.end_headers()
        except (ConnectionError, TimeoutError):
            self.close_connection = True
            return False
        return True

    def put(self, data: bytes) -> bool:
        """Send a piece of an answer; return whether whoever asked is still there."""
        try:
            self.wfile.write(data)
        except (ConnectionError, TimeoutError):
            self.close_connection = True
            return False
        return True

    def log_message(self, *_args: object, **_named: object) -> None:
        """Write no line for each request."""
