"""Forms of answers that real servers and gateways send, byte by byte: each must give the one sample that it holds."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import pytest

from sampler.backends.base import BackendError
from sampler.backends.openai.answer import ServerAnswer
from sampler.backends.openai.backend import OpenAIBackend, OpenAIOptions
from sampler.backends.openai.http_client import CallRefused, ServerAddress
from sampler.values import Finish, Prompt, PromptStyle, Request, Sample, SamplingParams

TEXT = "```python\ndef rev(a):\n    return a[::-1]\n```"
USAGE = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
DONE = "data: [DONE]\n\n"


def http(body: object, kind: str = "application/json", status: int = 200) -> bytes:
    data = (body if isinstance(body, str) else json.dumps(body)).encode()
    head = f"HTTP/1.1 {status} it\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    return head.encode() + data


def choice(delta: dict, finish: str | None = None, **more: object) -> dict:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish, **more}]}


def pieces(**more: object) -> list[dict]:
    return [choice({"content": TEXT[place : place + 9]}, **more) for place in range(0, len(TEXT), 9)]


def stream(*events: dict, end: str = "\n\n") -> str:
    return "".join(f"data: {json.dumps(event)}{end}" for event in events) + f"data: [DONE]{end}"


def usual(usage: dict = USAGE, **more: object) -> list[dict]:
    return [*pieces(**more), choice({}, "stop"), {"choices": [], "usage": usage}]


LISTED = http({"object": "list", "data": [{"id": "it"}]})
STREAMED = http(stream(*usual()), "text/event-stream")


class Bytes(threading.Thread):
    """Answers GET with `listed`, and each POST with the next of `answers`; keeps the lines of the requests."""

    def __init__(self, *answers: bytes, listed: bytes = LISTED) -> None:
        super().__init__(daemon=True)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._answers, self._listed = list(answers), listed
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def run(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:  # closed: the test is over
                return
            with caller, caller.makefile("rb") as reader:
                first = reader.readline().decode()
                length = 0
                while (line := reader.readline().strip()) != b"":
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                reader.read(length)
                self.asked.append(first)
                caller.sendall(self._listed if first.startswith("GET") else self._answers.pop(0))

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.join()


@pytest.fixture
def servers() -> Iterator[list[Bytes]]:
    started: list[Bytes] = []
    yield started
    for server in started:
        server.close()


def sampled(servers: list[Bytes], *answers: bytes, listed: bytes = LISTED, query: str = "") -> Sample:
    servers.append(server := Bytes(*answers, listed=listed))
    server.start()
    options = OpenAIOptions(base_url=server.url + query, attempts=2, retry_wait_s=0.01, answer_timeout_s=30.0)
    asked = Request(problem="P", prompt=Prompt(style=PromptStyle.CHAT, text="q"), first=0, count=1, seed=1)
    with OpenAIBackend("it", options) as backend:
        (sample,) = backend.sample([asked], SamplingParams(max_tokens=64))
    return sample


def facts(sample: Sample) -> tuple[object, ...]:
    return sample.text, sample.finish, sample.prompt_tokens, sample.completion_tokens


WHOLE = (TEXT, Finish.STOP, 10, 20)
MESSAGE = {"role": "assistant", "content": TEXT}
ANSWER = {"choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}], "usage": USAGE}
SEVERAL_LINES = "".join(
    "".join(f"data: {line}\n" for line in json.dumps(event, indent=1).split("\n")) + "\n" for event in usual()
)


@pytest.mark.parametrize(
    "body",
    [
        stream(*usual(), end="\n"),
        stream(*usual(), end="\r\n\r\n"),
        stream(*usual(), end="\r\r"),
        "\ufeff" + stream(*usual()),
        stream(*usual()).replace("\n\n", "\n\n: keep-alive\n\ndata: null\n\nevent: ping\ndata: {}\n\n"),
        SEVERAL_LINES + DONE,
        SEVERAL_LINES.rstrip("\n"),
    ],
    ids=["LF", "CRLF", "CR", "byte order mark", "keep-alives", "several lines", "several lines without an end"],
)
def test_a_stream_may_be_written_in_every_way_that_its_standard_allows(servers, body):
    assert facts(sampled(servers, http(body, "text/event-stream"))) == WHOLE


@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "application/json", "application/octet-stream"])
def test_a_stream_under_another_name_is_a_stream(servers, kind):
    assert facts(sampled(servers, http(stream(*usual()), kind))) == WHOLE


def test_a_whole_answer_under_the_name_of_a_stream_is_one(servers):
    assert facts(sampled(servers, http(ANSWER, "text/event-stream", 201))) == WHOLE


def test_an_event_that_breaks_off_is_an_outage_and_asked_again(servers):
    broken = http(stream(*usual())[:150] + "\n\n", "text/event-stream")
    assert facts(sampled(servers, broken, STREAMED)) == WHOLE


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 10.0, "completion_tokens": 20.0},
        {"input_tokens": 10, "output_tokens": 20, "total_tokens": 30},
        {"input_tokens": 3, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 2, "output_tokens": 20},
        {"prompt_tokens": 10, "completion_tokens": 20, "input_tokens": 0, "output_tokens": 0},
        {"prompt_tokens": 10, "total_tokens": 30},
    ],
)
def test_counts_are_found_under_the_names_of_other_interfaces(servers, usage):
    assert facts(sampled(servers, http(stream(*usual(usage)), "text/event-stream"))) == WHOLE


def test_counts_are_found_where_groq_puts_them(servers):
    events = [*pieces(), choice({}, "stop") | {"x_groq": {"id": "1", "usage": USAGE}}]
    assert facts(sampled(servers, http(stream(*events), "text/event-stream"))) == WHOLE


@pytest.mark.parametrize("numbered", [{"index": 0}, {}, {"index": None}])
def test_choices_of_one_answer_that_have_no_numbers_are_told_apart_by_their_places(numbered):
    answer = ServerAnswer(2, 8)
    told = [
        {"text": text, "finish_reason": "stop", "logprobs": {"token_logprobs": [-1.0]}, **numbered} for text in "ab"
    ]
    answer.feed({"choices": told, "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
    assert {number: one.text for number, one in answer.written().items()} == {0: "a", 1: "b"}


@pytest.mark.parametrize("said", [-0.25, 0.0, [{"token": "a", "logprob": -0.5}], "n/a", {}, {"content": None}])
def test_log_probabilities_in_any_form_are_no_outage(servers, said):
    assert facts(sampled(servers, http(stream(*usual(logprobs=said)), "text/event-stream"))) == WHOLE


def test_a_number_beside_each_token_is_its_log_probability(servers):
    counted = {"prompt_tokens": 10, "completion_tokens": len(pieces())}
    sample = sampled(servers, http(stream(*usual(counted, logprobs=-0.5)), "text/event-stream"))
    assert sample.sum_logprob == pytest.approx(-0.5 * len(pieces()))


def test_a_reason_called_null_means_that_the_choice_goes_on(servers):
    events = [*pieces(), choice({}, "stop"), {"choices": [], "usage": USAGE}]
    for event in events[:-2]:
        event["choices"][0]["finish_reason"] = "null"
    assert facts(sampled(servers, http(stream(*events), "text/event-stream"))) == WHOLE


def test_the_whole_message_beside_the_last_piece_is_not_read_twice(servers):
    events = [*pieces(), choice({}, "stop", message=MESSAGE), {"choices": [], "usage": USAGE}]
    assert facts(sampled(servers, http(stream(*events), "text/event-stream"))) == WHOLE


@pytest.mark.parametrize("status", [499, 525, 530, 599])
def test_statuses_of_gateways_are_outages(servers, status):
    assert facts(sampled(servers, http("<html>", "text/html", status), STREAMED)) == WHOLE


@pytest.mark.parametrize(
    "listed",
    [
        http([{"id": "it", "object": "model"}, {"id": "other"}]),
        http({"error": {"message": "Missing scopes: api.model.read"}}, status=403),
        http({"error": "unsupported"}, status=400),
        http({"data": None}),
    ],
    ids=["Together's list", "a key for answers alone", "refused", "null"],
)
def test_a_server_that_lists_its_models_otherwise_or_not_at_all_is_asked_all_the_same(servers, listed):
    assert facts(sampled(servers, STREAMED, listed=listed)) == WHOLE


def test_a_wrong_key_is_told_before_anything_is_asked(servers):
    with pytest.raises(CallRefused, match="401"):
        sampled(servers, STREAMED, listed=http({"error": {"message": "bad key"}}, status=401))
    assert len(servers[0].asked) == 1


def test_the_version_in_an_address_of_azure_goes_behind_every_path(servers):
    assert facts(sampled(servers, STREAMED, query="?api-version=2024-10-21")) == WHOLE
    targets = [line.split()[1] for line in servers[0].asked]
    assert targets == ["/v1/models?api-version=2024-10-21", "/v1/chat/completions?api-version=2024-10-21"]


@pytest.mark.parametrize(
    "address", ["http://h:99999/v1", "http://h:a/v1", "http://h h/v1", "http://[::1/v1", "http://ä/"]
)
def test_an_address_that_is_none_is_told_when_the_study_is_read(address):
    with pytest.raises(ValueError, match="base_url must be the server's address"):
        OpenAIOptions(base_url=address)


@pytest.mark.parametrize("query", ["?key=secret", "?api-version=1&key=secret", "?api-version=", "#a"])
def test_an_address_holds_no_key(query):
    with pytest.raises(ValueError, match="base_url must be"):
        OpenAIOptions(base_url="https://host/v1" + query)


def test_a_path_is_put_between_the_address_and_its_query():
    address = ServerAddress(
        base_url="https://host/a/?api-version=1", connect_timeout_s=1.0, answer_timeout_s=1.0, call_timeout_s=1.0
    )
    assert address.target("/models") == "/a/models?api-version=1"


def test_an_answer_that_stays_broken_is_told(servers):
    broken = http(json.dumps(ANSWER)[:80])
    with pytest.raises(BackendError, match="not JSON"):
        sampled(servers, broken, broken)
