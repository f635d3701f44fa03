from __future__ import annotations

import http.client
import json
import queue
import threading
from itertools import pairwise
from math import inf

import numpy as np
import pytest

from sampler.backends.base import BackendError
from sampler.backends.open import open_backend
from sampler.running.headless import run_study
from sampler.solving.endpoint import MOST_BODY, Endpoint, Rejected
from sampler.solving.policy import (
    AnswerAccuracy,
    ModelEstimate,
    NoPolicy,
    PolicyStage,
    best_stage,
    read_estimates,
    stages_of,
)
from sampler.solving.problem import problem_of
from sampler.solving.solver import Budget, Solver, cost_of
from sampler.stats.budget import Unit
from sampler.stats.trees import Try, within_budget
from sampler.study.spec import load_study
from sampler.values import Prompt, PromptStyle, Request, SamplingParams
from sandbox.errors import BoxLost
from sandbox.values import Limits

TASK = 'def f(x):\n    """Itself.\n\n    >>> f(1)\n    1\n    """\n'
STUDY = """
[problems]
source = "problems.jsonl"
[sampling]
style = "chat"
[[models]]
name = "small"
backend = "replay"
file = "none"
samples = 3
{more}
[[models]]
name = "large"
backend = "replay"
file = "none"
samples = 1
"""


class ScriptedBackend:
    """A model that writes one text after another, and keeps what it was asked."""

    def __init__(self, support, *texts: str) -> None:
        self._support, self._texts, self.prompts, self.closed = support, list(texts), [], False
        self.card = support.RuleBackend("scripted").card

    def sample(self, requests, params):
        del params
        for request in requests:
            self.prompts.append(request.prompt.text)
            yield self._support.sample(request.problem, request.first, self._texts.pop(0), seed=request.seed)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed = True


@pytest.fixture
def study(tmp_path):
    def made(more: str = ""):
        path = tmp_path / "study.toml"
        path.write_text(STUDY.format(more=more))
        return load_study(path)

    return made


@pytest.fixture
def solving(support, study):
    """A solver over scripted models; programs that return x pass."""
    executor = support.FakeExecutor()

    def made(backends, said=(), more="", **given) -> Solver:
        stages = stages_of(study(more).models, said)
        return Solver(
            stages=stages, open_backend=lambda m: backends[m.name], executor=executor, limits=Limits(), **given
        )

    with executor:
        yield made


WRONG, RIGHT = "def f(x):\n    return 0\n", "def f(x):\n    return x\n"


def test_the_first_program_that_passes_its_public_tests_is_the_answer_and_nothing_more_is_drawn(support, solving):
    backend = ScriptedBackend(support, WRONG, RIGHT, WRONG)
    with solving({"small": backend}) as solver:
        solution = solver.solve(problem_of(TASK), Budget(), 0)
        assert [one.passed for one in solution.attempts] == [False, True]
        assert solution.answer.program.strip() == RIGHT.strip()
        assert (solution.cost, solution.sure) == (2.0, None)
        assert not backend.closed
    assert backend.closed


def test_without_a_pass_the_last_program_is_handed_out_and_says_so(support, solving):
    with solving({"small": ScriptedBackend(support, WRONG, WRONG, "def f(x):\n    return 7\n")}) as solver:
        solution = solver.solve(problem_of(TASK), Budget(), 0)
    assert (solution.answer.passed, "return 7" in solution.answer.program) == (False, True)


def test_no_sample_is_begun_once_the_budget_is_spent(support, solving):
    with solving({"small": ScriptedBackend(support, WRONG, WRONG, RIGHT)}) as solver:
        solution = solver.solve(problem_of(TASK), Budget(unit=Unit.TOKENS, amount=16), 0)  # a sample has 15 tokens
    assert (len(solution.attempts), solution.cost) == (2, 30.0)


def test_a_problem_without_public_tests_gets_the_first_sample(support, solving):
    with solving({"small": ScriptedBackend(support, WRONG)}) as solver:
        solution = solver.solve(problem_of("def f(x):\n"), Budget(), 0)
    assert (len(solution.attempts), solution.answer.passed) == (1, None)


def test_a_cascade_asks_the_next_model_when_all_before_was_refused(support, solving):
    backends = {"small": ScriptedBackend(support, WRONG, WRONG), "large": ScriptedBackend(support, RIGHT)}
    with solving(backends, ("small:2", "large:1")) as solver:
        solution = solver.solve(problem_of(TASK), Budget(), 0)
    assert [one.model for one in solution.attempts] == ["small", "small", "large"]


def test_a_model_with_a_strategy_repairs_before_it_draws_anew(support, solving):
    backend = ScriptedBackend(support, WRONG, "def f(x):\n    return -1\n", WRONG, RIGHT)
    with solving({"small": backend}, more='strategy = "repair"') as solver:
        solution = solver.solve(problem_of(TASK), Budget(), 0)
    assert [one.turn for one in solution.attempts] == [0, 1, 0, 1]
    assert "return 0" in backend.prompts[1]
    assert "does not pass the public tests" in backend.prompts[1]
    assert backend.prompts[0] == backend.prompts[2]


def test_a_shared_budget_goes_where_the_next_sample_is_likeliest_to_solve(support, solving):
    tasks = [
        problem_of(TASK.replace("def f", f"def {name}").replace("f(1)", f"{name}(1)"), name=name) for name in "fgh"
    ]
    texts = [RIGHT, WRONG, WRONG, WRONG, RIGHT]  # one of each; then of those that were tried least, in order
    with solving({"small": ScriptedBackend(support, *texts)}) as solver:
        solved = solver.solve_together(tasks, Budget(unit=Unit.SAMPLES, amount=5), 0)
        assert [(one.problem, len(one.attempts), one.answer.passed) for one in solved] == [
            ("f", 1, True),
            ("g", 2, False),
            ("h", 2, True),
        ]
        assert sum(one.cost for one in solved) == 5


def test_a_lost_box_is_an_error_and_never_a_refusal(support, solving):
    with solving({"small": ScriptedBackend(support, "def f(x):\n    'lose me'\n")}) as solver, pytest.raises(BoxLost):
        solver.solve(problem_of(TASK), Budget(), 0)


def test_a_cost_that_nobody_knows_is_refused_and_not_taken_for_nothing(support, solving):
    budget = Budget(unit=Unit.DOLLARS, amount=1.0)
    unknown = pytest.raises(BackendError, match="costs in dollars is not known")
    with solving({"small": ScriptedBackend(support, WRONG)}) as solver, unknown:
        solver.solve(problem_of(TASK), budget, 0)


def test_tokens_of_a_thought_have_their_own_price(support, study):
    model = study("[models.costs]\nprompt_dollars = 1.0\ncompletion_dollars = 4.0\nthought_dollars = 10.0").models[0]
    card = support.RuleBackend("small").card

    def paid(**told: object) -> float:
        sample = support.sample(prompt_tokens=100, completion_tokens=50, **told)
        return cost_of(sample, card, model, Unit.DOLLARS)

    assert paid(thought_tokens=0) == pytest.approx((100 + 4 * 50) / 1e6)
    assert paid(thought_tokens=30) == pytest.approx((100 + 4 * 20 + 10 * 30) / 1e6)
    with pytest.raises(BackendError, match="not known"):
        paid(thought_tokens=None)


def test_how_sure_an_answer_is_comes_from_answers_of_its_kind(support, solving):
    estimate = ModelEstimate(
        model="small",
        rate=0.5,
        cost=1.0,
        problems=9,
        tries=3,
        ran_out=0.0,
        accepted=AnswerAccuracy(right=9, answers=10),
        refused=AnswerAccuracy(right=1, answers=20),
        untested=AnswerAccuracy(right=1, answers=2),
    )
    for texts, share in (((RIGHT,), 0.9), ((WRONG, WRONG, WRONG), 0.05)):
        with solving({"small": ScriptedBackend(support, *texts)}, estimates={"small": estimate}) as solver:
            sure = solver.solve(problem_of(TASK), Budget(), 0).sure
        assert sure.share == share
        assert sure.interval.low < share < sure.interval.high
    with solving({"small": ScriptedBackend(support, RIGHT)}, estimates={"small": estimate}) as solver:
        assert solver.solve(problem_of("def f(x):\n"), Budget(), 0).sure.share == 0.5


@pytest.mark.parametrize(("said", "told"), [("huge", "name one of: small, large"), ("small:0", "MODEL:SAMPLES")])
def test_a_policy_that_names_no_model_is_refused(study, said, told):
    with pytest.raises(NoPolicy, match=told):
        stages_of(study().models, (said,))


def test_the_promise_is_the_rule_replayed_over_orders_of_the_samples():
    tries = [Try(True, True, 2.0), Try(False, False, 3.0), Try(False, False, 4.0), Try(True, False, 5.0)]
    rng = np.random.default_rng(1)
    found = [within_budget(tries, budget, rng, orders=20_000) for budget in (1.0, 4.0, inf)]
    # Begun while less than 1 was spent: one sample, a quarter right. Without a limit the first accepted one decides.
    assert found[0] == (pytest.approx(0.25, abs=0.02), pytest.approx(14 / 4, abs=0.05), 0.0)
    assert found[2][0] == pytest.approx(0.5, abs=0.02)
    assert all(a[0] <= b[0] + 0.02 and a[1] <= b[1] for a, b in pairwise(found))
    assert within_budget([Try(False, False, 1.0)], inf, rng)[2] == 1.0  # the samples ran out before an end


def test_a_store_chooses_the_model_that_answers_most_within_the_budget(tmp_path, support):
    path = support.write_study(tmp_path, samples=4)
    study = load_study(path)
    run_study(study, support.rule_dependencies(), lambda _event: None)
    estimates = read_estimates(study.store, None, Unit.TOKENS, 15.0)
    estimate = estimates["small"]
    assert (estimate.problems, estimate.tries, estimate.cost) == (3, 4, 15.0)  # without public tests: one sample each
    assert estimate.rate == pytest.approx(estimate.untested.right / estimate.untested.answers, abs=0.1)
    assert best_stage(study.models, estimates) == PolicyStage(study.models[0], 4)
    unpriced = read_estimates(study.store, None, Unit.DOLLARS, 1.0)
    with pytest.raises(NoPolicy):
        best_stage(study.models, unpriced)


@pytest.fixture
def served(support, solving):
    """An endpoint over a scripted model, and a way to ask it."""
    backend = ScriptedBackend(support, *[WRONG, RIGHT] * 20)
    with solving({"small": backend}) as solver:
        server = Endpoint(
            ("127.0.0.1", 0), lambda problem: solver.solve(problem, Budget(unit=Unit.TOKENS), 0), "sesame"
        )
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()

        def ask(body: object, method: str = "POST", path: str = "/v1/chat/completions", **headers: str):
            connection = http.client.HTTPConnection(*server.server_address, timeout=60)
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, raw, {"Authorization": "Bearer sesame", **headers})
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
            return answer.status, text

        yield ask
        server.shutdown()
        thread.join()
        server.server_close()


CHAT = {"model": "codebudget", "messages": [{"role": "system", "content": "x"}, {"role": "user", "content": TASK}]}


def test_the_endpoint_answers_as_openais_api_with_a_verified_program(served):
    status, text = served(CHAT)
    made = json.loads(text)
    assert status == 200
    assert made["choices"][0]["message"] == {"role": "assistant", "content": f"```python\n{RIGHT.strip()}\n```"}
    assert made["usage"] == {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
    assert (made["codebudget"]["verified"], made["codebudget"]["attempts"]) == (True, 2)
    assert json.loads(served(None, "GET", "/v1/models")[1])["data"][0]["id"] == "codebudget"


def chunks(text: str) -> list[dict]:
    *told, done, rest = text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    return [json.loads(one.removeprefix("data: ")) for one in told]


def test_a_stream_brings_the_answer_then_its_end_then_the_counts_where_asked_for(served):
    status, text = served(CHAT | {"stream": True})
    first, last = chunks(text)
    assert (status, first["object"], first["codebudget"]["verified"]) == (200, "chat.completion.chunk", True)
    assert first["choices"][0]["delta"]["content"].startswith("```python")
    assert (first["choices"][0]["finish_reason"], last["choices"][0]["finish_reason"]) == (None, "stop")
    assert (last["choices"][0]["delta"], first["id"]) == ({}, last["id"])
    *_, counts = chunks(served(CHAT | {"stream": True, "stream_options": {"include_usage": True}})[1])
    assert (counts["choices"], counts["usage"]["total_tokens"]) == ([], 30)


@pytest.fixture
def slow():
    """An endpoint whose answer comes, or fails, when it is told to; a reader of its stream."""
    answers: queue.SimpleQueue = queue.SimpleQueue()

    def solve(_problem):
        answer = answers.get(timeout=300)
        if isinstance(answer, Exception):
            raise answer
        return answer

    server = Endpoint(("127.0.0.1", 0), solve, keep_alive_s=0.02)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()

    def ask(answer) -> tuple[int, list[str]]:
        connection = http.client.HTTPConnection(*server.server_address, timeout=300)
        connection.request("POST", "/v1/chat/completions", json.dumps(CHAT | {"stream": True}))
        response = connection.getresponse()
        lines = [response.readline().decode().strip() for _ in range(4)]  # while there is no answer
        answers.put(answer)
        lines += [line.decode().strip() for line in response]
        connection.close()
        return response.status, [line for line in lines if line]

    yield ask
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_stream_shows_that_it_lives_until_the_answer_is_there(slow, support, solving):
    with solving({"small": ScriptedBackend(support, RIGHT)}) as solver:
        solution = solver.solve(problem_of(TASK), Budget(), 0)
    status, lines = slow(solution)
    comments = [line for line in lines if line.startswith(":")]
    events = lines[len(comments) :]
    assert (status, set(comments)) == (200, {": no answer yet"})
    assert json.loads(events[0].removeprefix("data: "))["choices"][0]["delta"]["content"].startswith("```python")
    assert events[-1] == "data: [DONE]"


def test_a_fault_of_a_stream_that_has_begun_is_an_event(slow):
    status, lines = slow(BackendError("the engine has gone"))
    (event, done) = [line for line in lines if not line.startswith(":")]
    assert (status, done) == (200, "data: [DONE]")
    assert json.loads(event.removeprefix("data: "))["error"] == {
        "message": "the engine has gone",
        "type": "server_error",
        "param": None,
        "code": None,
    }


def test_a_fault_of_ours_ends_a_stream_without_its_end_mark(slow):
    status, lines = slow(ZeroDivisionError("oops"))
    assert (status, set(lines)) == (200, {": no answer yet"})


@pytest.mark.model
def test_a_real_model_serves_an_openai_client(smallest_model, study, support):
    spec = study().models[0]
    stage = PolicyStage(spec, 2)
    with (
        support.FakeExecutor() as executor,
        Solver(
            stages=[stage],
            open_backend=lambda _model: open_backend(
                "llamacpp", str(smallest_model.path), {"slots": 1, "context": 1024}
            ),
            executor=executor,
            limits=Limits(),
        ) as solver,
        Endpoint(("127.0.0.1", 0), lambda problem: solver.solve(problem, Budget(unit=Unit.TOKENS), 0)) as server,
    ):
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        host, port = server.server_address[:2]
        options = {"base_url": f"http://{host}:{port}/v1", "dialect": "hosted", "logprobs": False}
        with open_backend("openai", "codebudget", options) as client:  # streams, and asks for the counts
            asked = Request(problem="P/0", prompt=Prompt(style=PromptStyle.CHAT, text=TASK), first=0, count=1, seed=1)
            (sample,) = client.sample([asked], SamplingParams(max_tokens=64))
        server.shutdown()
        thread.join()
    assert sample.text.startswith("```python")
    assert sample.prompt_tokens > 20
    assert sample.completion_tokens > 0


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        ([1], {}, 400),
        ({"messages": []}, {}, 400),
        ({"messages": [{"role": "user", "content": {"a": 1}}]}, {}, 400),
        ({"messages": [{"role": "user", "content": "Sort a list."}]}, {}, 400),
        (CHAT | {"n": 3}, {}, 400),
        (CHAT | {"n": [1]}, {}, 400),
        (CHAT | {"model": "gpt-5"}, {}, 404),
        (CHAT | {"response_format": {"type": "json_object"}}, {}, 400),
        (CHAT | {"tools": [], "tool_choice": "required"}, {}, 400),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": TASK}, {"type": "image_url"}]}]}, {}, 400),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": None}]}]}, {}, 400),
        (CHAT, {"Authorization": "Bearer wrong"}, 401),
        (CHAT, {"Origin": "https://example.org"}, 403),
        (b"{}", {"Content-Length": str(MOST_BODY + 1)}, 413),
        (b"", {"Content-Length": "many"}, 411),
    ],
)
def test_what_is_no_request_is_refused_as_openais_api_refuses(served, body, headers, status):
    code, text = served(body, **headers)
    assert code == status
    assert json.loads(text)["error"]["message"]
    assert served(CHAT)[0] == 200  # and the next one is served


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("Write g.\n\nassert g([1, 2]) == 3, 'the sum'\n", "assert g([1, 2]) == 3"),
        (
            "Without `len(n)`, write `g(n)`. For example g(7) returns 5, and g(1) == 2.",
            "assert g(7) == 5\nassert g(1) == 2",
        ),
        ("Write g.\n\n>>> g(1)\n2\n", "assert g(1) == 2"),
        ("def g(x):\n    return h(x)\n\ndef h(x):\n    return x\n\nassert g(1) == 1", "assert g(1) == 1"),
    ],
)
def test_a_text_names_its_function_by_what_it_calls(text, public):
    problem = problem_of(text)
    assert problem.entry_point == "g"
    shown = problem.public_tests or problem.public.source
    assert public in shown
    assert ", '" not in public


def test_requests_that_clients_send_by_themselves_are_served(served):
    extra = {"response_format": {"type": "text"}, "tools": [{"type": "function"}], "tool_choice": "auto", "n": 1}
    assert served(CHAT | extra)[0] == 200
    parts = [{"role": "user", "content": [{"type": "text", "text": TASK}]}]
    assert served({"messages": parts})[0] == 200
    listed = json.loads(served(None, "GET", "/v1/models/?limit=1")[1])["data"]
    assert listed == [json.loads(served(None, "GET", "/v1/models/codebudget")[1])]
    status, text = served(None, "GET", "/v1/models/gpt-5")
    assert (status, json.loads(text)["error"]["code"]) == (404, "model_not_found")


def test_without_a_key_only_this_machine_is_served():
    with pytest.raises(Rejected, match="name a key"):
        Endpoint(("", 0), lambda _problem: None)  # type: ignore[arg-type,return-value]
