"""`sandbox serve` as clients meet it: a real process, real boxes, real sockets."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests

from sandbox.boxes.container_config import LABEL, LABEL_OWNER
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.ownership import Owner
from sandbox.serving.app import openapi

pytestmark = pytest.mark.docker
EVERYWHERE = "0.0.0.0"  # noqa: S104  (what is asked for has to be refused, or needs the token)
SANDBOX = str(Path(sys.executable).parent / "sandbox")
ADD = {
    "task_id": "add",
    "prompt": "def add(a, b):\n",
    "entry_point": "add",
    "tests": [{"arguments": [1, 2], "expected": 3}],
}
RIGHT, WRONG = "    return a + b\n", "    return a - b\n"


@dataclass(frozen=True)
class Serving:
    """A server, where it listens."""

    process: subprocess.Popen[str]
    url: str

    def post(self, path: str, body: dict[str, Any], **more: Any) -> requests.Response:
        return requests.post(self.url + path, json=body, timeout=600, **more)

    def run_code(self, code: str, **fields: Any) -> requests.Response:
        return self.post("/run_code", {"language": "python", "code": code, **fields})

    def metric(self, line: str) -> float:
        found = re.search(
            rf"^{re.escape(line)} (\S+)$", requests.get(self.url + "/metrics", timeout=300).text, re.MULTILINE
        )
        return float(found[1]) if found else 0.0

    def boxes(self, engine: DockerClient) -> list[str]:
        owners = ((found.id, Owner.parse(found.labels[LABEL_OWNER])) for found in engine.containers(LABEL))
        return [box for box, owner in owners if owner and owner.pid == self.process.pid]


@contextlib.contextmanager
def a_server(*words: str, **environment: str) -> Iterator[Serving]:
    process = subprocess.Popen(
        [SANDBOX, "serve", "--port", "0", *words], stderr=subprocess.PIPE, text=True, env=os.environ | environment
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"http://\S+:(\d+)/", line):
                yield Serving(process, f"http://127.0.0.1:{found[1]}")
                break
        else:
            raise AssertionError(f"the server ended with {process.wait()}")
    finally:
        process.terminate()
        rest = process.communicate(timeout=300)[1]
        assert "Traceback" not in rest, rest
        assert "never retrieved" not in rest, rest


@pytest.fixture(scope="module")
def server(engine: DockerClient) -> Iterator[Serving]:
    assert engine is not None
    with a_server("--boxes", "2", "--problems", "humaneval") as serving:
        yield serving


def fits(name: str, told: object) -> bool:
    """Whether a response is what the description says."""
    described = openapi(60.0)
    jsonschema.validate(told, {"$ref": f"#/components/schemas/{name}", "components": described["components"]})
    return True


class TestRunCode:
    def test_sixty_four_clients_with_files_get_their_own_back(self, server: Serving) -> None:
        def ask(number: int) -> tuple[int, str]:
            given = base64.b64encode(f"client {number}".encode() * 2000).decode()
            code = (
                "import os\ntext = open('in/a.txt').read()\nopen('out.txt', 'w').write(text)\nprint(os.listdir('in'))"
            )
            told = server.run_code(code, files={"in/a.txt": given}, fetch_files=["out.txt"], memory_limit_MB=256).json()
            assert fits("RunCodeResponse", told)
            assert told["run_result"]["stdout"] == "['a.txt']\n"
            return number, base64.b64decode(told["files"]["out.txt"]).decode()

        with ThreadPoolExecutor(64) as clients:
            came = dict(clients.map(ask, range(128)))
        assert came == {number: f"client {number}" * 2000 for number in range(128)}

    def test_a_request_may_ask_for_less_memory_and_not_for_more(self, server: Serving) -> None:
        fills = "x = bytearray(300 << 20)\nfor at in range(0, len(x), 4096): x[at] = 1\nprint(len(x))"
        assert server.run_code(fills, memory_limit_MB=128).json()["status"] == "Failed"
        enough = server.run_code(fills, memory_limit_MB=4096).json()
        assert (enough["status"], "512 MB" in enough["message"]) == ("Success", True)
        asked = {"problem": ADD, "completions": ["    x = bytearray(300 << 20)\n" + RIGHT]}
        few, many = ({**asked, "limits": {"memory_mb": memory}} for memory in (100, 5000))
        assert server.post("/v1/score", few).json()["scores"][0]["verdict"] == "MEMORY"
        assert server.post("/v1/score", many).status_code == 400

    def test_a_program_reads_and_prints(self, server: Serving) -> None:
        told = server.run_code("print(input()[::-1])", stdin="abc\n").json()
        assert fits("RunCodeResponse", told)
        assert (told["status"], told["run_result"]["return_code"], told["run_result"]["stdout"]) == (
            "Success",
            0,
            "cba\n",
        )

    @pytest.mark.parametrize(
        ("code", "status", "ran", "number"),
        [
            ("raise ValueError('no')", "Failed", "Finished", 1),
            ("import sys; sys.exit(7)", "Failed", "Finished", 7),
            ("import sys; sys.exit(0)", "Success", "Finished", 0),
            ("def (", "Failed", "Finished", 1),
            ("while True: pass", "Failed", "TimeLimitExceeded", None),
            ("import os; os.abort()", "Failed", "Finished", -6),
            ("x = bytearray(1 << 33)", "Failed", "Finished", -9),
            ("while True: print('x' * 9999)", "Failed", "Finished", -9),
        ],
    )
    def test_how_it_ended_is_told(self, server: Serving, code: str, status: str, ran: str, number: int | None) -> None:
        told = server.run_code(code, run_timeout=1 if number is None else 30).json()
        assert fits("RunCodeResponse", told)
        result = told["run_result"]
        assert (told["status"], result["status"], result["return_code"]) == (status, ran, number)

    def test_an_output_of_five_megabytes_comes_whole(self, server: Serving) -> None:
        told = server.run_code("import sys\nfor n in range(5):\n    sys.stdout.write(str(n) * (1 << 20))").json()
        assert told["status"] == "Success"
        assert told["run_result"]["stdout"] == "".join(str(n) * (1 << 20) for n in range(5))

    def test_what_is_not_json_of_the_right_kind_is_refused(self, server: Serving) -> None:
        def sent(data: bytes, kind: str = "application/json") -> int:
            headers = {"content-type": kind}
            return requests.post(f"{server.url}/run_code", data=data, headers=headers, timeout=300).status_code

        good = b'{"language": "python", "code": "pass"}'
        assert [sent(good), sent(good, "text/plain"), sent(b"{"), sent(b"[]"), sent(b"[" * 100_000)] == [
            200,
            415,
            400,
            422,
            400,
        ]


class TestOtherLanguages:
    SUM = "#include <iostream>\nint main() { int a, b; std::cin >> a >> b; std::cout << a + b; }"

    def test_a_client_of_sandboxfusion_sends_one_request_for_each_case(self, server: Serving) -> None:
        for stdin, printed in (("1 2", "3"), ("30 4", "34")):
            told = server.post("/run_code", {"language": "cpp", "code": self.SUM, "stdin": stdin, "files": {}}).json()
            assert fits("RunCodeResponse", told)
            assert (told["status"], told["run_result"]["stdout"]) == ("Success", printed)
            assert told["compile_result"]["return_code"] == 0

    def test_a_client_of_piston_sees_a_compiler_refuse(self, server: Serving) -> None:
        asked = {"language": "c++", "version": "*", "files": [{"content": "int main() { return x; }"}]}
        told = server.post("/api/v2/execute", asked).json()
        assert fits("ExecuteResponse", told)
        assert told["compile"]["code"] == 1
        assert "was not declared" in told["compile"]["stderr"]
        assert "run" not in told

    def test_an_unknown_language_is_refused(self, server: Serving) -> None:
        assert server.post("/run_code", {"language": "cobol", "code": ""}).status_code == 400


class TestPiston:
    def test_a_program_runs_and_its_end_is_told(self, server: Serving) -> None:
        runtime, *others = requests.get(f"{server.url}/api/v2/runtimes", timeout=300).json()
        assert {"cpp", "javascript", "java"} <= {other["language"] for other in others}
        assert fits("Runtime", runtime)
        code = "import sys\nprint(sys.version.split()[0], input())\nsys.exit(4)"
        asked = {"language": "py3", "version": "*", "files": [{"name": "main.py", "content": code}], "stdin": "hey"}
        told = server.post("/api/v2/execute", asked).json()
        assert fits("ExecuteResponse", told)
        assert told["run"]["stdout"] == f"{runtime['version']} hey\n"
        assert (told["run"]["code"], told["run"]["status"], told["run"]["signal"]) == (4, "RE", None)

    def test_a_time_limit_is_in_milliseconds(self, server: Serving) -> None:
        asked = {"language": "python", "version": "3", "files": [{"content": "while True: pass"}], "run_timeout": 300}
        told = server.post("/api/v2/execute", asked).json()["run"]
        assert (told["status"], told["signal"], told["code"]) == ("TO", "SIGKILL", None)
        assert told["cpu_time"] < 2000


class TestScore:
    def test_each_completion_has_its_verdict_in_its_place(self, server: Serving) -> None:
        told = server.post("/v1/score", {"problem": ADD, "completions": [WRONG, RIGHT, "    return (\n", WRONG]}).json()
        assert fits("ScoreResponse", told)
        assert [row["verdict"] for row in told["scores"]] == ["WRONG", "PASSED", "SYNTAX", "WRONG"]
        assert told["scores"][0] == told["scores"][3], "equal programs run once"
        assert "answered -1 where 3 was expected" in told["scores"][0]["explanation"]

    def test_a_problem_that_the_server_knows_is_asked_for_by_name(self, server: Serving) -> None:
        told = server.post("/v1/score", {"problem": "HumanEval/53", "completions": ["    return x + y\n"]}).json()
        assert (told["problem"], told["scores"][0]["verdict"]) == ("HumanEval/53", "PASSED")
        gone = server.post("/v1/score", {"problem": "HumanEval/999", "completions": ["x"]})
        assert (gone.status_code, fits("Error", gone.json())) == (404, True)

    def test_a_wrong_route_or_method_is_named_with_the_way_out(self, server: Serving) -> None:
        lost = requests.get(server.url + "/v2/score", timeout=300)
        assert (lost.status_code, lost.json()["error"]["message"]) == (
            404,
            "there is no GET '/v2/score' here; GET / lists the routes",
        )
        asked = requests.get(server.url + "/v1/score", timeout=300)
        assert asked.status_code == 405
        assert (
            asked.json()["error"]["message"] == "there is no GET '/v1/score' here, but with POST; GET / says how to ask"
        )

    def test_both_sets_of_tests_are_judged(self, server: Serving) -> None:
        both = ADD | {"public_tests": [{"arguments": [0, 0], "expected": 0}]}
        told = server.post("/v1/score", {"problem": both, "completions": [WRONG], "tests": "both"}).json()
        assert (told["scores"][0]["verdict"], told["scores"][0]["selection"]) == ("WRONG", "PASSED")

    def test_text_that_no_utf8_can_say_costs_nobody_an_answer(self, server: Serving) -> None:
        odd = "    raise ValueError('odd \\ud800')\n"
        answer = server.post("/v1/score", {"problem": ADD, "completions": [RIGHT, odd]})
        assert answer.status_code == 200, answer.text
        assert [row["verdict"] for row in answer.json()["scores"]] == ["PASSED", "ERROR"]
        assert answer.json()["scores"][1]["error"] == "ValueError: odd ?"

    def test_leaving_early_is_no_pass(self, server: Serving) -> None:
        told = server.post("/v1/score", {"problem": ADD, "completions": ["    import os; os._exit(0)\n"]}).json()
        assert told["scores"][0]["verdict"] == "EARLY_EXIT"


def test_every_example_of_the_description_is_served(server: Serving) -> None:
    for path, methods in openapi(60.0)["paths"].items():
        for method, route in methods.items():
            body = route.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
            answer = requests.request(method, server.url + path, json=body, timeout=300)
            assert answer.status_code == 200, path
            (kind,) = route["responses"]["200"]["content"]
            assert answer.headers["content-type"].startswith(kind)
    shown = requests.get(server.url, timeout=300).text
    assert all(path in shown for path in openapi(60.0)["paths"])


def test_a_thousand_programs_wait_their_turn_and_each_gets_its_own_answer(server: Serving) -> None:
    def ask(number: int) -> str:
        return str(server.run_code(f"print({number})").json()["run_result"]["stdout"])

    with ThreadPoolExecutor(1000) as clients:
        assert list(clients.map(ask, range(1000))) == [f"{number}\n" for number in range(1000)]


def test_waiting_is_told_apart_from_running(server: Serving) -> None:
    with ThreadPoolExecutor(6) as clients:
        answers = list(clients.map(lambda _: server.run_code("import time; time.sleep(0.5)"), range(6)))
    timings = [re.findall(r"dur=([\d.]+)", answer.headers["server-timing"]) for answer in answers]
    assert all(500 < float(run) < 5000 for _, run in timings)
    assert max(float(queue) for queue, _ in timings) > 900, "the third pair waits for two visits"
    assert all(answer.json()["run_result"]["execution_time"] < 5 for answer in answers)


def until(what: Any, seconds: float = 30.0) -> bool:
    """Whether it comes true in time."""
    deadline = time.monotonic() + seconds
    while not (true := what()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(true)


def leave_waiting(server: Serving, code: str, clients: int) -> list[socket.socket]:
    """Clients that have asked and wait."""
    body = json.dumps({"language": "python", "code": code}).encode()
    head = (
        f"POST /run_code HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    asked = []
    for _ in range(clients):
        connection = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])))
        connection.sendall(head.encode() + b"\r\n\r\n" + body)
        asked.append(connection)
    return asked


def test_clients_that_leave_take_their_waiting_programs_along(server: Serving) -> None:
    cancelled, left = 'sandbox_programs_total{outcome="cancelled"}', "sandbox_clients_left_total"
    before, left_before = server.metric(cancelled), server.metric(left)
    connections = leave_waiting(server, "import time; time.sleep(1)", 40)
    assert until(lambda: server.metric("sandbox_waiting") == 40)
    for connection in connections:
        connection.close()
    assert until(lambda: server.metric("sandbox_waiting") == 0, 5.0), "at most two of them ran on"
    assert server.metric(cancelled) - before >= 36
    assert server.metric(left) - left_before == 40


def test_boxes_that_vanish_under_load_cost_no_answer(server: Serving, engine: DockerClient) -> None:
    removed = 0
    with ThreadPoolExecutor(8) as clients:
        answers = [clients.submit(server.run_code, f"import time; time.sleep(0.05); print({n})") for n in range(120)]
        while removed < 3 and not all(answer.done() for answer in answers):
            for box in server.boxes(engine)[:1]:
                engine.remove(box)
                removed += 1
        assert [answer.result().json()["run_result"]["stdout"] for answer in answers] == [f"{n}\n" for n in range(120)]
    assert removed >= 2


def test_a_full_server_says_when_to_come_again() -> None:
    with a_server("--boxes", "1", "--room", "2") as server:
        connections = leave_waiting(server, "import time; time.sleep(3)", 2)
        assert until(lambda: server.metric("sandbox_waiting") == 2)
        refused = [server.run_code("pass"), server.post("/v1/score", {"problem": ADD, "completions": [RIGHT]})]
        assert [answer.status_code for answer in refused] == [504, 429]
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert refused[0].json()["status"] == "SandboxError"
        for connection in connections:
            connection.close()


class TestWhoIsLetIn:
    def test_beyond_loopback_a_token_is_needed(self) -> None:
        words = [SANDBOX, "serve", "--host", EVERYWHERE, "--port", "0"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 2
        assert "clients need a token: put one into the environment as SANDBOX_TOKEN" in done.stderr

    def test_with_a_token_nobody_is_let_in_without_it(self) -> None:
        with a_server("--boxes", "1", "--host", EVERYWHERE, "--token-env", "OURS", OURS="secret") as server:
            sent = [
                {},
                {"Authorization": "Bearer wrong"},
                {"Authorization": "Basic secret"},
                {"Authorization": "Bearer secret"},
            ]
            asked = [server.post("/run_code", {"language": "python", "code": "pass"}, headers=one) for one in sent]
            assert [answer.status_code for answer in asked] == [401, 401, 401, 200]
            assert asked[0].headers["www-authenticate"] == "Bearer"
            opened = [
                requests.get(server.url + path, timeout=300).status_code
                for path in ("/healthz", "/metrics", "/openapi.json")
            ]
            assert opened == [200, 401, 401]

    def test_a_web_page_of_another_name_is_not_served(self, server: Serving) -> None:
        asked = requests.get(f"{server.url}/healthz", headers={"Host": "evil.example"}, timeout=300)
        assert asked.status_code == 400

    def test_a_port_that_is_taken_is_one_line(self, server: Serving) -> None:
        words = [SANDBOX, "serve", "--port", server.url.rpartition(":")[2]]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert "cannot listen at 127.0.0.1" in done.stderr


def test_a_server_that_is_told_to_stop_answers_what_waits_and_leaves_no_box(engine: DockerClient) -> None:
    with a_server("--boxes", "1") as server, ThreadPoolExecutor(6) as clients:
        waiting = [clients.submit(server.run_code, "import time; time.sleep(0.3); print(1)") for _ in range(6)]
        assert until(lambda: server.metric("sandbox_waiting") == 6)
        assert server.boxes(engine)
        server.process.send_signal(signal.SIGTERM)
        assert [one.result().json()["run_result"]["stdout"] for one in waiting] == ["1\n"] * 6
        assert server.process.wait(30) == 0
        assert server.boxes(engine) == []


ROUNDS = {
    "problem": {
        "task_id": "rounds",
        "prompt": "Say any number.",
        "entry_point": "f",
        "check": (
            "import time\ndef check(candidate):\n    time.sleep(4)\n    a = candidate(3)\n    assert candidate(a) == "
            "a\n"
        ),
    },
    "solutions": ["import os\ndef f(n):\n    return int.from_bytes(os.urandom(6), 'big')\n"],
}


def test_a_client_that_leaves_in_the_middle_of_rounds_gives_its_box_back() -> None:
    with a_server("--boxes", "1") as server:
        leaving = http.client.HTTPConnection(server.url.removeprefix("http://"))
        leaving.request("POST", "/v1/score", json.dumps(ROUNDS), {"Content-Type": "application/json"})
        assert until(lambda: server.metric("sandbox_waiting") == 1)
        time.sleep(2)
        leaving.close()
        assert until(lambda: server.metric("sandbox_waiting") == 0, 40.0)
        assert server.run_code("print(1)").json()["run_result"]["stdout"] == "1\n"


def test_a_server_that_is_told_to_stop_gives_up_what_does_not_end_and_leaves_no_box(engine: DockerClient) -> None:
    with a_server("--boxes", "1") as server, ThreadPoolExecutor(1) as clients:
        asking = clients.submit(server.post, "/v1/score", ROUNDS)
        assert until(lambda: server.metric("sandbox_waiting") == 1)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        assert server.boxes(engine) == []
        (row,) = asking.result().json()["scores"]
        assert row["verdict"] is None
        assert row["unscored"]
