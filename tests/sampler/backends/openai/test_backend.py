"""The openai backend against a server that misbehaves in every way we thought of, one way at a time and all at once."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import ThreadingHTTPServer

import pytest
from json_handler import JsonHandler

from sampler.backends.base import BackendError
from sampler.backends.open import BackendContext, UnknownBackend, open_backend
from sampler.backends.openai.backend import OpenAIBackend, OpenAIOptions
from sampler.backends.openai.http_client import CallRefused, Outage, RetryLimits, RetryPolicy, ServerAddress
from sampler.backends.openai.in_flight import REFUSALS_IN_A_ROW, Batch, CallsInFlight
from sampler.values import Prompt, PromptStyle, Request, Sample, SamplingParams

PROMPT = Prompt(style=PromptStyle.COMPLETION, text="def f(x):\n", stop=("\ndef ",))
CHAT = Prompt(style=PromptStyle.CHAT, text="Write f.", prefill="```python\n", stop=("\n```",))
KEY = "sk-very-secret-0815"


def text_of(seed: int) -> str:
    return f"    return {seed}\n"


class Handler(JsonHandler):
    """Answers each call in the next of its server's ways, and well when those are used up."""

    server: ModelServer

    def do_GET(self) -> None:
        self.server.seen.append({"path": self.path, "headers": dict(self.headers)})
        self.reply(200, {"object": "list", "data": [{"id": "tiny", "owned_by": "tests", "root": "/weights/tiny"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append({"path": self.path, "headers": dict(self.headers), "at": time.monotonic(), **body})
        with contextlib.suppress(OSError):  # the client may have had enough
            self.server.next_way(body)(self, body)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def events(self, *events: object) -> None:
        for event in events:
            self.wfile.write(event if isinstance(event, bytes) else b"data: " + json.dumps(event).encode() + b"\n\n")
            self.wfile.flush()


class ModelServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[dict] = []
        self.ways: list[Way] = []
        self.chance: random.Random | None = None
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def calls(self) -> list[dict]:
        return [seen for seen in self.seen if "model" in seen]

    def next_way(self, _body: dict) -> Way:
        with self._lock:
            if self.chance is not None:
                return self.chance.choice(BAD) if self.chance.random() < 0.5 else well
            return self.ways.pop(0) if self.ways else well

    def handle_error(self, *_: object) -> None:
        pass


Way = Callable[[Handler, dict], None]


def chunks(body: dict) -> list[dict]:
    """What a good server streams, one event a token, the choices interleaved; counted per choice as llama.cpp does."""
    made: list[dict] = []
    seeds = range(body["seed"], body["seed"] + body["n"])
    for part in range(3):
        for index, seed in enumerate(seeds):
            text = text_of(seed)
            piece = [text[:4], text[4:8], text[8:]][part]
            made.append({"choices": [{"index": index, "text": piece, "logprobs": {"content": [{"logprob": -0.5}]}}]})
    usage = {"prompt_tokens": 5, "completion_tokens": 3}
    made += [
        {"choices": [{"index": index, "text": "", "finish_reason": "stop"}], "usage": usage}
        for index in range(body["n"])
    ]
    return made


def well(handler: Handler, body: dict) -> None:
    if not body.get("stream"):
        return whole(handler, body)
    handler.begin()
    handler.events(*chunks(body), b"data: [DONE]\n\n")
    return None


def whole(handler: Handler, body: dict) -> None:
    choices = [
        {
            "index": index,
            "text": text_of(body["seed"] + index),
            "finish_reason": "stop",
            "logprobs": {"token_logprobs": [-0.5, -0.5, -0.5]},
        }
        for index in range(body["n"])
    ]
    handler.reply(
        200, {"choices": choices, "usage": {"prompt_tokens": 5, "completion_tokens": 3 * body["n"]}}, X_Kind="whole"
    )


def silent(_handler: Handler, _body: dict) -> None:
    time.sleep(2.0)


def silent_midway(handler: Handler, body: dict) -> None:
    handler.begin()
    handler.events(*chunks(body)[:2])
    time.sleep(2.0)


def cut_in_a_line(handler: Handler, body: dict) -> None:
    handler.begin()
    handler.events(*chunks(body)[:2], b'data: {"choices": [{"ind')


def cut_before_the_end(handler: Handler, body: dict) -> None:
    handler.begin()
    handler.events(*chunks(body)[:-1])


def cut_before_the_count(handler: Handler, body: dict) -> None:
    handler.begin()
    handler.events(*[{"choices": event["choices"]} for event in chunks(body)])


def cut_chunked(handler: Handler, body: dict) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    data = b"data: " + json.dumps(chunks(body)[0]).encode() + b"\n\n"
    handler.wfile.write(b"%x\r\n%s\r\n5\r\nda" % (len(data), data))
    handler.close_connection = True


def hang_up(handler: Handler, _body: dict) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.connection.close()


def garbage(handler: Handler, _body: dict) -> None:
    handler.begin()
    handler.events(b"data: \xff\xfe{]\n\n")


def no_http(handler: Handler, _body: dict) -> None:
    handler.wfile.write(b"\0\1\2 what is HTTP?\r\n\r\n")
    handler.close_connection = True


def a_page(handler: Handler, _body: dict) -> None:
    handler.reply(200, b"<html>welcome to the captive portal</html>", Content_Type="text/html")


def a_list(handler: Handler, _body: dict) -> None:
    handler.reply(200, [1, 2, 3])


def nothing(handler: Handler, _body: dict) -> None:
    handler.begin()


def only_done(handler: Handler, _body: dict) -> None:
    handler.begin()
    handler.events(b"data: [DONE]\n\n")


def one_choice_too_many(handler: Handler, body: dict) -> None:
    well(handler, body | {"n": body["n"] + 1})


def one_choice_too_few(handler: Handler, body: dict) -> None:
    handler.begin()
    handler.events(*[event for event in chunks(body) if event["choices"][0]["index"]], b"data: [DONE]\n\n")


def every_choice_twice(handler: Handler, body: dict) -> None:
    handler.begin()
    handler.events(*chunks(body), *chunks(body), b"data: [DONE]\n\n")


def an_endless_text(handler: Handler, _body: dict) -> None:
    handler.begin()
    event = b'data: {"choices": [{"index": 0, "text": "%s"}]}\n\n' % (b"x" * 100_000)
    for _ in range(1000):
        handler.events(event)


def an_endless_line(handler: Handler, _body: dict) -> None:
    handler.begin()
    for _ in range(2000):
        handler.events(b"x" * 100_000)


def an_endless_body(handler: Handler, _body: dict) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(10**12))
    handler.end_headers()
    for _ in range(2000):
        handler.events(b"[" * 100_000)


def an_error_midway(handler: Handler, body: dict) -> None:
    handler.begin()
    handler.events(*chunks(body)[:1], {"error": {"message": "the engine core died", "code": 500}})


def status(code: int, **headers: str) -> Way:
    return lambda handler, _body: handler.reply(code, {"error": {"message": f"no: {code}", "code": code}}, **headers)


BAD: list[Way] = [
    silent, silent_midway, cut_in_a_line, cut_before_the_end, cut_before_the_count,
    cut_chunked, hang_up, garbage, no_http, a_page, a_list,
    nothing, only_done, one_choice_too_many, one_choice_too_few, every_choice_twice, an_endless_text, an_error_midway,
    status(429, Retry_After="0"), status(429), status(500), status(502), status(503), status(408),
]  # fmt: skip
LARGE: list[Way] = [an_endless_text, an_endless_line, an_endless_body]


def name_of(way: Way) -> str:
    return getattr(way, "__name__", "way")


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as opened:
        thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield opened
        opened.shutdown()
        thread.join()


def backend(server: ModelServer, tell: Callable[[str], None] = lambda _: None, **changed: object) -> OpenAIBackend:
    values: dict = {"concurrency": 4, "retry_wait_s": 0.01, "answer_timeout_s": 1.0, "attempts": 4, **changed}
    return OpenAIBackend("tiny", OpenAIOptions(base_url=server.url, **values), key=KEY, tell=tell)


def request(count: int = 1, *, first: int = 0, seed: int = 100, prompt: Prompt = PROMPT) -> Request:
    return Request(problem="P/0", prompt=prompt, first=first, count=count, seed=seed)


def keys(samples: list[Sample]) -> list[tuple[int, int, str]]:
    return sorted((sample.index, sample.seed, sample.text) for sample in samples)


def until_it_ends(samples: Iterator[Sample]) -> tuple[list[Sample], BackendError | None]:
    given: list[Sample] = []
    try:
        for sample in samples:
            given.append(sample)  # noqa: PERF402 - what came before the exception counts
    except BackendError as error:
        return given, error
    return given, None


def wanted(count: int, *, first: int = 0, seed: int = 100) -> list[tuple[int, int, str]]:
    return [(first + n, seed + n, text_of(seed + n)) for n in range(count)]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("n", [1, 3])
def test_a_good_server_gives_every_sample_once_with_its_facts(server, n, stream):
    with backend(server, n=n, stream=stream) as opened:
        given = list(opened.sample([request(7, first=2)], SamplingParams()))
    assert keys(given) == wanted(7, first=2)
    for sample in given:
        assert (sample.prompt_tokens, sample.completion_tokens, sample.sum_logprob) == (5, 3, -1.5)
        assert sample.prompt_shared is (n > 1 and sample.index < 8)
        assert sample.decode_seconds > 0
        assert (sample.prompt_seconds > 0) is stream
    assert sum(call["n"] for call in server.calls) == 7


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("way", [*BAD, *LARGE], ids=name_of)
def test_nothing_is_lost_and_nothing_doubled_when_the_server(server, way, n):
    server.ways = [way]
    told: list[str] = []
    with backend(server, told.append, n=n) as opened:
        given = list(opened.sample([request(6)], SamplingParams()))
    assert keys(given) == wanted(6)
    assert len(told) == 1
    assert "attempt 1 of 4" in told[0]
    assert KEY not in "".join(told)


@pytest.mark.parametrize("n", [1, 4])
def test_nothing_is_lost_and_nothing_doubled_when_everything_goes_wrong_at_once(server, n):
    server.chance = random.Random(n)
    with backend(server, attempts=200, retry_wait_s=0.001, concurrency=16, n=n, answer_timeout_s=0.2) as opened:
        asked = [request(10, first=first, seed=1000 + first) for first in range(0, 60, 10)]
        given = list(opened.sample(asked, SamplingParams()))
    assert keys(given) == wanted(60, seed=1000)
    assert len(server.calls) > 60 / n + 10


@pytest.mark.parametrize("way", LARGE, ids=name_of)
def test_memory_is_bounded_whatever_is_sent(server, way):
    server.ways = [way] * 4
    tracemalloc.start()
    with backend(server, answer_timeout_s=5.0) as opened:
        assert len(list(opened.sample([request(4)], SamplingParams()))) == 4
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300e6


@pytest.mark.parametrize("date", [False, True], ids=["seconds", "date"])
def test_a_server_that_asks_for_a_pause_gets_it(server, date):
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True) if date else "1"
    server.ways = [status(429, Retry_After=until)]
    with backend(server) as opened:
        assert len(list(opened.sample([request(1)], SamplingParams()))) == 1
    first, second = (call["at"] for call in server.calls)
    assert second - first >= 0.9


def test_a_pause_in_milliseconds_goes_before_one_in_whole_seconds(server):
    server.ways = [status(429, Retry_After_Ms="20", Retry_After="60")]
    with backend(server) as opened:
        assert keys(list(opened.sample([request(1)], SamplingParams()))) == wanted(1)
    assert server.calls[1]["at"] - server.calls[0]["at"] < 30


def test_a_server_that_asks_for_a_pause_beyond_patience_ends_the_sampling(server):
    server.ways = [status(503, Retry_After="3600")]
    with backend(server, longest_wait_s=60.0) as opened, pytest.raises(Outage, match="503"):
        list(opened.sample([request(1)], SamplingParams()))
    assert len(server.calls) == 1


def test_a_server_that_stays_away_ends_the_sampling_after_all_attempts_and_keeps_what_came(server):
    server.ways = [well, well, *[status(503)] * 4]
    with backend(server, concurrency=1) as opened:
        given, error = until_it_ends(opened.sample([request(6)], SamplingParams()))
    assert keys(given) == wanted(2)
    assert isinstance(error, Outage)
    assert "failed with status 503" in str(error)
    assert len(server.calls) == 6


def test_a_server_that_is_not_there_is_one_line_with_its_address():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
        with pytest.raises(BackendError, match=url) as caught:
            OpenAIBackend("tiny", OpenAIOptions(base_url=url, attempts=2, retry_wait_s=0.01))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("code", [301, 401, 403, 404])
def test_a_refusal_of_everything_ends_the_sampling_at_once(server, code):
    server.ways = [status(code, Location="http://elsewhere/")] * 9
    with backend(server, concurrency=1) as opened, pytest.raises(CallRefused):
        list(opened.sample([request(9)], SamplingParams()))
    assert len(server.calls) == 1


def test_a_stream_is_known_by_its_type_in_any_case(server):
    def shouting(handler: Handler, body: dict) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "Text/Event-Stream; charset=UTF-8")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        handler.events(*chunks(body), b"data: [DONE]\n\n")

    server.ways = [shouting]
    with backend(server) as opened:
        assert keys(list(opened.sample([request(1)], SamplingParams()))) == wanted(1)
    assert len(server.calls) == 1


@pytest.mark.parametrize(("path", "hint"), [("/v1", False), ("", True)])
def test_an_address_that_is_nowhere_may_lack_its_end(server, path, hint):
    server.ways = [lambda handler, _body: handler.reply(404, {"detail": "Not Found"})]
    options = OpenAIOptions(base_url=server.url.removesuffix("/v1") + path)
    with OpenAIBackend("tiny", options) as opened, pytest.raises(CallRefused, match="Not Found") as caught:
        list(opened.sample([request(1)], SamplingParams()))
    assert ("base_url mostly ends in /v1" in str(caught.value)) is hint


@pytest.mark.parametrize(
    ("code", "said", "remedy"),
    [
        (400, "Unrecognized request argument supplied: top_k", 'dialect = "hosted"'),
        (422, "add_generation_prompt: extra fields not permitted", 'dialect = "hosted"'),
        (400, "n must be 1", "n = 1"),
        (400, "best_of and 'n' are not supported", "n = 1"),
        (400, "logprobs are not available", "logprobs = false"),
        (400, "stream_options is not supported", "stream = false"),
        (400, "you may give at most 4 stop sequences", "a lower most_stops"),
        (400, "max_tokens=4000 cannot be greater than max_model_len=2048", "a lower max_tokens"),
        (404, "This is a chat model and not supported in the v1/completions endpoint", 'style = "chat"'),
        (400, "'max_tokens' is unsupported. Use 'max_completion_tokens' instead.", "max_tokens_key = "),
        (400, "no", None),
        (400, "the prompt is empty", None),
    ],
)
def test_a_refusal_comes_with_the_key_that_leaves_out_what_is_not_taken(server, code, said, remedy):
    server.ways = [lambda handler, _body: handler.reply(code, {"error": {"message": said}})]
    with backend(server) as opened, pytest.raises(CallRefused) as caught:
        list(opened.sample([request(1)], SamplingParams()))
    assert (f"{said}; try {remedy}" in str(caught.value)) is (remedy is not None)
    assert ("; try" in str(caught.value)) is (remedy is not None)


def test_a_spent_quota_is_no_outage_although_it_comes_as_one(server):
    spent = {"error": {"message": "you are out of money", "type": "billing_not_active", "code": None}}
    server.ways = [lambda handler, _body: handler.reply(429, spent)]
    with backend(server) as opened, pytest.raises(CallRefused, match="out of money"):
        list(opened.sample([request(1)], SamplingParams()))
    assert len(server.calls) == 1


def streamed(error: dict) -> Way:
    def way(handler: Handler, _body: dict) -> None:
        handler.begin()
        handler.events(error, b"data: [DONE]\n\n")

    return way


def replied(code: int, answer: object) -> Way:
    return lambda handler, _body: handler.reply(code, answer)


TOO_LONG = "maximum context length is 4096 tokens"


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (streamed({"error": {"message": TOO_LONG, "code": "context_length_exceeded"}}), TOO_LONG),
        (streamed({"error": {"message": TOO_LONG, "type": "BadRequestError", "code": "400"}}), TOO_LONG),
        (streamed({"object": "error", "message": TOO_LONG, "type": "BadRequestError"}), TOO_LONG),  # an older vLLM
        (replied(400, {"object": "error", "message": TOO_LONG, "code": 400}), f"400: {TOO_LONG}"),
        (replied(400, [{"error": {"message": TOO_LONG, "code": 400}}]), f"400: {TOO_LONG}"),  # Gemini
        (replied(400, {"error": {"message": TOO_LONG, "code": "x", "type": {"a": 1}}}), f"400: {TOO_LONG}"),
        (replied(400, {"error": {"message": None, "code": "bad_model"}}), "bad_model"),
        (replied(422, {"detail": [{"loc": ["body", "top_k"]}]}), "top_k"),
        (replied(422, {"object": "error", "message": {"detail": "seed not permitted"}}), "seed not permitted"),
    ],
)
def test_an_error_of_the_question_in_any_servers_form_is_told_at_once_and_costs_no_other_sample(server, way, said):
    server.ways = [way]
    with backend(server, concurrency=1) as opened:
        given, error = until_it_ends(opened.sample([request(2)], SamplingParams()))
    assert isinstance(error, CallRefused)
    assert said in str(error)
    assert [sample.index for sample in given] == [1]
    assert len(server.calls) == 2


@pytest.mark.parametrize(
    "way",
    [
        streamed({"object": "error", "message": "the engine is dead", "code": 500}),
        streamed({"error": {"message": "upstream broke", "type": "invalid_response_error"}}),
        streamed({"error": {"message": "slow down", "code": "429"}}),
        status(429, Retry_After_Ms="1"),
    ],
)
def test_an_error_of_the_server_in_any_servers_form_is_tried_again(server, way):
    server.ways = [way, way]
    with backend(server, concurrency=1) as opened:
        assert keys(list(opened.sample([request(1)], SamplingParams()))) == wanted(1)
    assert len(server.calls) == 3


def filtered(handler: Handler, _body: dict) -> None:
    answer = {"choices": [{"index": 0, "text": "", "finish_reason": "content_filter"}], "usage": {"prompt_tokens": 5}}
    handler.reply(200, answer)


@pytest.mark.parametrize("way", [status(400), status(422), filtered])
def test_a_refusal_of_one_request_costs_the_others_nothing_and_is_raised_at_the_end(server, way):
    server.ways = [well, way]
    with backend(server, concurrency=1) as opened:
        given, error = until_it_ends(opened.sample([request(5)], SamplingParams()))
    assert isinstance(error, CallRefused)
    assert "1 calls were refused" in str(error)
    assert [sample.index for sample in given] == [0, 2, 3, 4]
    assert len(server.calls) == 5


def ends(reason: str, *seeds: int) -> Way:
    """Answers well, but ends the choices of these seeds for a reason of its own."""

    def way(handler: Handler, body: dict) -> None:
        events = chunks(body)
        for event in events[-body["n"] :]:
            (choice,) = event["choices"]
            if body["seed"] + choice["index"] in seeds:
                choice["finish_reason"] = reason
        handler.begin()
        handler.events(*events, b"data: [DONE]\n\n")

    return way


@pytest.mark.parametrize("n", [1, 3])
def test_a_sample_that_the_server_always_aborts_costs_the_others_nothing(server, n):
    server.ways = [ends("abort", 101)] * 20
    with backend(server, concurrency=3, n=n) as opened:
        given, error = until_it_ends(opened.sample([request(6)], SamplingParams()))
    assert sorted(sample.index for sample in given) == [0, 2, 3, 4, 5]
    assert isinstance(error, CallRefused)
    assert "1 calls were refused, the first: the server ended the answer because of 'abort'" in str(error)


@pytest.mark.parametrize("n", [1, 3])
def test_a_sample_that_the_server_aborts_once_is_asked_again(server, n):
    server.ways = [ends("abort", 100, 101, 102)]
    with backend(server, n=n) as opened:
        assert keys(list(opened.sample([request(3)], SamplingParams()))) == wanted(3)


def test_a_server_that_aborts_everything_ends_the_sampling(server):
    server.ways = [ends("abort", *range(100, 200))] * 200
    with backend(server, concurrency=1, attempts=2) as opened, pytest.raises(CallRefused, match="'abort'"):
        list(opened.sample([request(100)], SamplingParams()))
    assert len(server.calls) == 2 * REFUSALS_IN_A_ROW


def test_a_stream_without_a_count_is_refused_with_the_key_that_asks_for_none(server):
    def uncounted(handler: Handler, body: dict) -> None:
        cut_before_the_count(handler, body)
        handler.events(b"data: [DONE]\n\n")

    server.ways = [uncounted]
    with backend(server) as opened, pytest.raises(CallRefused, match=r"try stream = false in \[models.options\]"):
        list(opened.sample([request(1)], SamplingParams()))


def test_a_thought_is_time_of_writing_and_no_part_of_the_answer(server):
    def thinks(handler: Handler, _body: dict) -> None:
        handler.begin()
        handler.events({"choices": [{"delta": {"role": "assistant", "reasoning_content": "hm"}}]})
        handler.events(
            {"choices": [{"delta": {"content": [{"type": "text", "text": "x"}]}, "finish_reason": "stop"}]},
            {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 50}},
            b"data: [DONE]\n\n",
        )

    server.ways = [thinks]
    with backend(server, logprobs=False) as opened:
        (sample,) = opened.sample([request(1, prompt=CHAT)], SamplingParams())
    assert (sample.text, sample.completion_tokens) == ("x", 50)
    assert sample.prompt_seconds > 0  # ended by the thought: the answer came in one piece, together with its end


def test_many_refusals_in_a_row_end_the_sampling(server):
    server.ways = [status(400)] * 100
    with backend(server, concurrency=1) as opened, pytest.raises(CallRefused, match="no: 400"):
        list(opened.sample([request(100)], SamplingParams()))
    assert len(server.calls) == REFUSALS_IN_A_ROW


def test_no_message_repeats_the_key_even_if_the_server_does(server):
    said = {"error": {"message": f"Incorrect API key provided: {KEY}\nsee \x1b[31mus"}}
    server.ways = [lambda handler, _body: handler.reply(401, said)]
    with backend(server) as opened, pytest.raises(CallRefused) as caught:
        list(opened.sample([request(1)], SamplingParams()))
    assert KEY not in str(caught.value)
    assert "provided: ***" in str(caught.value)
    assert str(caught.value).isprintable()
    assert KEY not in repr(opened.__dict__)
    assert all(seen["headers"]["Authorization"] == f"Bearer {KEY}" for seen in server.seen)


def test_the_key_comes_from_the_variable_that_the_study_names(server):
    around = BackendContext(secret={"MY_KEY": KEY}.get)
    options = {"base_url": server.url, "api_key_env": "MY_KEY"}
    with open_backend("openai", "tiny", options, around) as opened:
        assert len(list(opened.sample([request(1)], SamplingParams()))) == 1
    assert server.seen[-1]["headers"]["Authorization"] == f"Bearer {KEY}"
    with pytest.raises(BackendError, match="no variable OTHER_KEY"):
        open_backend("openai", "tiny", options | {"api_key_env": "OTHER_KEY"}, around)


def test_no_more_samples_are_in_flight_than_asked_for(server):
    under_way, most = [0], [0]
    lock = threading.Lock()

    def slowly(handler: Handler, body: dict) -> None:
        with lock:
            under_way[0] += body["n"]
            most[0] = max(most[0], under_way[0])
        time.sleep(0.1)
        well(handler, body)
        with lock:
            under_way[0] -= body["n"]

    server.ways = [slowly] * 30
    with backend(server, concurrency=6, n=2) as opened:
        assert len(list(opened.sample([request(30)], SamplingParams()))) == 30
    assert 4 <= most[0] <= 8  # the server may hear late that a call is over


def test_an_iterator_that_is_given_up_calls_its_calls_off(server):
    begun, broken = threading.Event(), threading.Event()

    def forever(handler: Handler, body: dict) -> None:
        handler.begin()
        begun.set()
        try:
            while True:
                handler.events(chunks(body)[0] | {"usage": None}, b": still here\n\n")
                time.sleep(0.02)
        except OSError:
            broken.set()
            raise

    server.ways = [well, forever]
    before = threading.active_count()
    with backend(server, concurrency=2, answer_timeout_s=30.0) as opened:
        samples = opened.sample([request(2)], SamplingParams(max_tokens=100_000))
        next(samples)
        assert begun.wait(300)
        samples.close()
        assert broken.wait(300)
    deadline = time.monotonic() + 120
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() <= before


class LateAsking:
    """Is called off in the moment between the look whether it was, and the call."""

    def __init__(self, server: ModelServer) -> None:
        self._server = ServerAddress(
            base_url=server.url, connect_timeout_s=5.0, answer_timeout_s=30.0, call_timeout_s=30.0
        )
        patience = RetryLimits(attempts=3, first_wait_s=0.01, longest_wait_s=1.0)
        self.policy, self.max_tokens = RetryPolicy(patience, lambda _words: None), 8
        self.between = lambda: None

    @property
    def server(self) -> ServerAddress:
        self.between()
        return self._server

    def question(self, _batch: Batch) -> tuple[str, dict]:
        return "/completions", {"model": "tiny", "n": 1, "seed": 1, "stream": True}


def test_a_call_that_begins_while_it_is_called_off_does_not_go_on(server):
    def forever(handler: Handler, _body: dict) -> None:
        handler.begin()
        while True:
            handler.events(b": still here\n\n")
            time.sleep(0.02)

    server.ways = [forever] * 3
    asking = LateAsking(server)
    flight = CallsInFlight(asking)
    flight.start(Batch(request=request(1), offset=0, count=1))
    (worker,) = flight._workers
    worker.join(0.3)
    assert worker.is_alive()
    flight.cancel()
    worker.join(300)
    assert not worker.is_alive()

    late = CallsInFlight(asking)
    asking.between = lambda: [one.cancel() for one in late._workers]
    late.start(Batch(request=request(1), offset=0, count=1))
    (worker,) = late._workers
    worker.join(300)
    assert not worker.is_alive()


def test_a_call_that_trickles_without_end_is_broken_and_asked_again(server):
    def trickle(handler: Handler, _body: dict) -> None:
        handler.begin()
        while True:
            handler.events(b": ping\n\n")
            time.sleep(0.05)

    server.ways = [trickle]
    with backend(server, call_timeout_s=1.0) as opened:
        assert keys(list(opened.sample([request(1)], SamplingParams()))) == wanted(1)


def test_the_seconds_add_up_to_the_time_of_sampling(server):
    def slowly(handler: Handler, body: dict) -> None:
        handler.begin()
        for event in chunks(body):
            time.sleep(0.02)
            handler.events(event)

    server.ways = [slowly] * 8
    with backend(server) as opened:
        began = time.monotonic()
        given = list(opened.sample([request(8)], SamplingParams()))
        passed = time.monotonic() - began
    shared = sum(sample.prompt_seconds + sample.decode_seconds for sample in given)
    assert shared <= passed
    assert shared > 0.5 * passed - 0.2


@pytest.mark.parametrize(("dialect", "plain"), [("open", True), ("hosted", False)])
def test_what_is_asked_depends_on_the_dialect(server, dialect, plain):
    params = SamplingParams(temperature=0.3, top_p=0.9, max_tokens=17)
    with backend(server, dialect=dialect) as opened:
        list(opened.sample([request(1)], params))
    (call,) = server.calls
    assert call["path"] == "/v1/completions"
    assert (call["model"], call["seed"], call["n"]) == ("tiny", 100, 1)
    assert (call["temperature"], call["top_p"], call["max_tokens"]) == (0.3, 0.9, 17)
    assert call["stop"] == ["\ndef "]
    assert ("top_k" in call) is plain


def test_the_limit_of_tokens_goes_by_the_name_that_the_server_knows(server):
    with backend(server, max_tokens_key="max_completion_tokens") as opened:
        list(opened.sample([request(1)], SamplingParams(max_tokens=17)))
    assert server.calls[0]["max_completion_tokens"] == 17
    assert "max_tokens" not in server.calls[0]


def test_a_chat_begins_the_answer_for_the_model(server):
    with backend(server, n=1) as opened:
        list(opened.sample([request(1, prompt=CHAT)], SamplingParams()))
    (call,) = server.calls
    assert call["path"] == "/v1/chat/completions"
    assert call["messages"] == [
        {"role": "user", "content": "Write f."},
        {"role": "assistant", "content": "```python\n"},
    ]
    assert call["continue_final_message"] is True
    assert call["logprobs"] is True


def test_a_server_without_log_probabilities_is_good_enough(server):
    def without(handler: Handler, body: dict) -> None:
        assert "logprobs" not in body
        handler.reply(
            200,
            {
                "choices": [{"index": 0, "text": "x", "finish_reason": "length"}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1},
            },
        )

    server.ways = [without]
    with backend(server, logprobs=False) as opened:
        (sample,) = opened.sample([request(1)], SamplingParams())
    assert (sample.text, sample.sum_logprob) == ("x", None)


def test_a_model_that_the_server_does_not_list_is_told(server):
    told: list[str] = []
    with OpenAIBackend("other", OpenAIOptions(base_url=server.url), tell=told.append):
        pass
    assert told == [f"the server at {server.url} lists no model 'other'; it lists tiny"]


@pytest.mark.parametrize("key", ["sk-sëcret", "sk secret", "sk\nsecret", "sk\0secret", "sk-secret…"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_repeated(server, key):
    options = {"base_url": server.url, "api_key_env": "MY_KEY"}
    with pytest.raises(BackendError, match="the variable MY_KEY holds no key: ") as caught:
        open_backend("openai", "tiny", options, BackendContext(secret={"MY_KEY": key}.get))
    with pytest.raises(ValueError, match="that is no key") as direct:
        OpenAIBackend("tiny", OpenAIOptions(base_url=server.url), key=key)
    assert "cret" not in str(caught.value) + str(direct.value)
    assert server.seen == []


def test_the_line_break_at_the_end_of_a_key_file_is_no_part_of_the_key(server):
    options = {"base_url": server.url, "api_key_env": "MY_KEY"}
    with open_backend("openai", "tiny", options, BackendContext(secret={"MY_KEY": f"{KEY}\r\n"}.get)) as opened:
        list(opened.sample([request(1)], SamplingParams()))
    assert server.seen[-1]["headers"]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("listed", [5, "tiny", {"id": "tiny"}, [3], None])
def test_a_list_of_models_that_is_none_lists_nothing(server, monkeypatch, listed):
    monkeypatch.setattr(Handler, "do_GET", lambda handler: handler.reply(200, {"data": listed}))
    with backend(server) as opened:
        assert opened.card.engine == "openai: server"
        assert len(list(opened.sample([request(1)], SamplingParams()))) == 1


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, "base_url is missing"),
        ({"base_url": "localhost:8000"}, "base_url must be"),
        ({"base_url": "http://me:secret@host/v1"}, "must not hold a name or password"),
        ({"base_url": "http://h/v1", "dialect": "open-ai"}, "dialect must be open or hosted"),
        ({"base_url": "http://h/v1", "max_tokens_key": "max"}, "max_tokens_key must be max_tokens or max_comp"),
        ({"base_url": "http://h/v1", "concurrency": 0}, "concurrency must be positive"),
        ({"base_url": "http://h/v1", "n": 9, "concurrency": 8}, "must not exceed concurrency"),
        ({"base_url": "http://h/v1", "answer_timeout_s": 1e300}, "answer_timeout_s must be 0 to 1e"),
        ({"base_url": "http://h/v1", "call_timeout_s": 0}, "call_timeout_s must be positive"),
        ({"base_url": "http://h/v1", "stream": 1}, "stream must be true or false"),
        ({"base_url": "http://h/v1", "api_key_env": "sk-secret"}, "the name of the environment variable"),
        ({"base_url": "http://h/v1", "api_key": "x"}, "did you mean 'api_key_env'"),
    ],
)
def test_options_that_make_no_sense_are_the_users_words(options, why):
    with pytest.raises(UnknownBackend, match=why) as caught:
        open_backend("openai", "tiny", options)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("options", "sent"), [({}, 4), ({"most_stops": 9}, 6)])
def test_no_more_stop_strings_are_sent_than_the_server_takes(server, options, sent):
    prompt = Prompt(style=PromptStyle.COMPLETION, text="x", stop=tuple("abcdef"))
    with backend(server, **options) as opened:
        list(opened.sample([request(1, prompt=prompt)], SamplingParams()))
    assert server.calls[0]["stop"] == list("abcdef")[:sent]
