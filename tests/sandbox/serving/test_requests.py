"""What the server makes of requests and of runs, without HTTP and without a box."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from concurrent.futures import Future

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.scoring.compiler import Executed
from sandbox.serving import piston, sandboxfusion, score_api
from sandbox.serving.admission import AdmissionQueue
from sandbox.serving.bodies import Bodies, Refused
from sandbox.serving.metrics import Metrics
from sandbox.values import Compilation, Ending, Limits, Run

LIMITS = Limits(memory_mb=512, output_kb=64)
ADD = {
    "task_id": "add",
    "prompt": "def add(a, b):\n",
    "entry_point": "add",
    "tests": [{"arguments": [1, 2], "expected": 3}],
}
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ANYTHING = PLAIN | st.lists(PLAIN, max_size=2) | st.dictionaries(st.sampled_from(["content", "x"]), PLAIN, max_size=2)
KEYS = st.sampled_from(
    [
        "language",
        "code",
        "stdin",
        "run_timeout",
        "compile_timeout",
        "memory_limit_MB",
        "files",
        "fetch_files",
        "args",
        "version",
        "run_cpu_time",
        "problem",
        "completions",
        "solutions",
        "tests",
    ]
)


def a_run(ending: Ending = Ending.EXITED, **facts: object) -> Run:
    told: dict = {
        "exit_code": 0,
        "signal": None,
        "cpu_s": 0.1,
        "wall_s": 0.2,
        "memory_mb": 9.0,
        "stdout": b"out",
        "stderr": b"err",
    }
    return Run(**{**told, "ending": ending, "proved": False, **facts})


class TestFusion:
    def test_what_a_client_leaves_out_has_their_defaults(self) -> None:
        asked = sandboxfusion.read({"language": "python", "code": "pass"}, LIMITS, 60.0)
        assert (asked.job.limits.wall_s, asked.job.limits.cpu_s, asked.job.stdin) == (10.0, 10.0, b"")

    def test_base64_may_have_several_lines_as_the_mail_format_writes_it(self) -> None:
        content = bytes(range(256))
        body = {"language": "python", "code": "pass", "files": {"a.bin": base64.encodebytes(content).decode()}}
        assert sandboxfusion.read(body, LIMITS, 60.0).job.program.workspace.files == (("a.bin", content),)

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ({"code": "pass"}, "language must be a text, but it is missing"),
            ({"code": "pass", "language": "python", "files": {"a": "plain text"}}, "encode the file's bytes"),
        ],
    )
    def test_a_refusal_says_what_to_send(self, body: dict, told: str) -> None:
        with pytest.raises(Refused, match=told):
            sandboxfusion.read(body, LIMITS, 60.0)

    @pytest.mark.parametrize(
        ("ending", "facts", "status", "result"),
        [
            (Ending.EXITED, {}, "Success", ("Finished", 0)),
            (Ending.EXITED, {"exit_code": 3}, "Failed", ("Finished", 3)),
            (Ending.SIGNALLED, {"exit_code": None, "signal": 11}, "Failed", ("Finished", -11)),
            (Ending.OUT_OF_WALL, {"exit_code": None, "signal": 9}, "Failed", ("TimeLimitExceeded", None)),
            (Ending.OUT_OF_CPU, {"exit_code": None, "signal": 9}, "Failed", ("TimeLimitExceeded", None)),
            (Ending.OUT_OF_MEMORY, {"exit_code": None, "signal": 9}, "Failed", ("Finished", -9)),
            (Ending.TOO_MUCH_OUTPUT, {"exit_code": None, "signal": 9}, "Failed", ("Finished", -9)),
        ],
    )
    def test_how_a_program_ended_is_told_in_their_words(self, ending, facts, status, result) -> None:
        told = sandboxfusion.answer(
            sandboxfusion.read({"language": "python", "code": ""}, LIMITS, 60.0), Executed(run=a_run(ending, **facts))
        )
        ran = told["run_result"]
        assert (told["status"], (ran["status"], ran["return_code"])) == (status, result)
        assert (ran["stdout"], ran["stderr"], ran["execution_time"]) == ("out", "err", 0.2)

    def test_another_memory_limit_is_not_promised(self) -> None:
        asked = sandboxfusion.read({"language": "python", "code": "", "memory_limit_MB": 1024}, LIMITS, 60.0)
        assert "the memory limit was 512 MB" in sandboxfusion.answer(asked, Executed(run=a_run()))["message"]
        for enough in (512, 100, -1, None):
            same = sandboxfusion.read({"language": "python", "code": "", "memory_limit_MB": enough}, LIMITS, 60.0)
            assert sandboxfusion.answer(same, Executed(run=a_run()))["message"] == ""
            assert same.job.limits.memory_mb == (100 if enough == 100 else 512)

    def test_files_go_in_and_come_back(self) -> None:
        files = {"data/in.txt": "aGk=", "/tmp/b": "", "./c": "eA==", "none": None}
        asked = sandboxfusion.read(
            {"language": "python", "code": "", "files": files, "fetch_files": ["/tmp/out", "out"]}, LIMITS, 60.0
        )
        workspace = asked.job.program.workspace
        assert workspace.files == (("data/in.txt", b"hi"), ("b", b""), ("c", b"x"))
        assert workspace.fetch == ("out",)
        assert sandboxfusion.answer(asked, Executed(run=a_run(fetched=(("out", b"hi"),))))["files"] == {"out": "aGk="}

    @pytest.mark.parametrize(
        ("body", "status", "message"),
        [
            ({"code": ""}, 422, "language must be a text"),
            ({"language": "cpp", "code": ""}, 400, "'cpp' is not served"),
            ({"language": "python"}, 422, "code must be a text"),
            ({"language": "python", "code": 3}, 422, "code must be a text, not 3"),
            ({"language": "python", "code": "", "files": {"a": "!"}}, 400, "'a'\\] is not base64"),
            ({"language": "python", "code": "", "files": {"a": 3}}, 422, "'a'\\] must be base64 in a text"),
            ({"language": "python", "code": "", "files": {"../a": "eA=="}}, 400, "'../a' is no name of a file"),
            ({"language": "python", "code": "", "files": {"main.py": "eA=="}}, 400, "the name is taken"),
            ({"language": "python", "code": "", "files": {"/etc/a": "eA=="}}, 400, "'/etc/a' is no name of a file"),
            ({"language": "python", "code": "", "fetch_files": [3]}, 422, "fetch_files\\[0\\] must be a text"),
            ({"language": "python", "code": "", "fetch_files": ["a/../b"]}, 400, "no name of a file"),
            ({"language": "python", "code": "", "run_timeout": 61}, 400, "between 0.01 s and 60 s here, not 61 s"),
            ({"language": "python", "code": "", "run_timeout": 10**400}, 422, "run_timeout must be a number"),
            ({"language": "python", "code": "", "run_timeout": True}, 422, "run_timeout must be a number"),
            ({"language": "python", "code": "x" * (5 << 20)}, 413, "at most"),
        ],
    )
    def test_what_is_not_served_is_refused_by_name(self, body, status, message) -> None:
        with pytest.raises(Refused, match=message) as refused:
            sandboxfusion.read(body, LIMITS, 60.0)
        assert refused.value.status == status


class TestLanguages:
    SERVED = ("python", "cpp")

    def test_a_compiled_program_has_both_results_in_both_formats(self) -> None:
        compiled = Compilation(run=a_run(stderr=b"a warning", product=(("main", b""),)))
        executed = Executed(run=a_run(Ending.SIGNALLED, exit_code=None, signal=11), compilation=compiled)
        asked = sandboxfusion.read({"language": "c++", "code": "", "compile_timeout": 3}, LIMITS, 60.0, self.SERVED)
        assert (asked.job.program.language, asked.compile_s) == ("cpp", 3.0)
        told = sandboxfusion.answer(asked, executed)
        codes = told["compile_result"]["return_code"], told["run_result"]["return_code"]
        assert (told["status"], codes) == ("Failed", (0, -11))
        files = {"language": "cpp", "version": "*", "files": [{"content": ""}], "compile_timeout": -1}
        other = piston.answer(piston.read(files, LIMITS, 60.0, self.SERVED), executed, "14.2.0")
        assert (other["language"], other["version"]) == ("cpp", "14.2.0")
        assert (other["compile"]["stderr"], other["run"]["signal"]) == ("a warning", "SIGSEGV")

    def test_a_program_that_does_not_compile_has_no_run(self) -> None:
        executed = Executed(run=None, compilation=Compilation(run=a_run(exit_code=1)))
        asked = sandboxfusion.read({"language": "cpp", "code": ""}, LIMITS, 60.0, self.SERVED)
        told = sandboxfusion.answer(asked, executed)
        assert (told["status"], told["compile_result"]["return_code"], told["run_result"]) == ("Failed", 1, None)
        other = piston.read({"language": "cpp", "files": [{"content": ""}]}, LIMITS, 60.0, self.SERVED)
        assert "run" not in piston.answer(other, executed, "14.2.0")

    def test_a_refusal_lists_what_is_served(self) -> None:
        with pytest.raises(Refused, match="'rust' is not served here; what is: python, cpp"):
            sandboxfusion.read({"language": "rust", "code": ""}, LIMITS, 60.0, self.SERVED)

    def test_the_runtimes_have_the_names_that_clients_use(self) -> None:
        python, cpp = piston.runtimes({"python": "3.12.1", "cpp": "14.2.0"})
        assert "py" in python["aliases"]
        assert (cpp["language"], cpp["version"]) == ("cpp", "14.2.0")
        assert "c++" in cpp["aliases"]


class TestPiston:
    @pytest.mark.parametrize(
        ("ending", "facts", "told"),
        [
            (Ending.EXITED, {}, (0, None, None)),
            (Ending.EXITED, {"exit_code": 3}, (3, None, "RE")),
            (Ending.SIGNALLED, {"exit_code": None, "signal": 11}, (None, "SIGSEGV", "SG")),
            (Ending.SIGNALLED, {"exit_code": None, "signal": 50}, (None, "SIG50", "SG")),
            (Ending.OUT_OF_WALL, {"exit_code": None, "signal": 9}, (None, "SIGKILL", "TO")),
            (Ending.OUT_OF_MEMORY, {"exit_code": None, "signal": 9}, (None, "SIGKILL", "SG")),
            (Ending.TOO_MUCH_OUTPUT, {"exit_code": None, "signal": 9}, (None, "SIGKILL", "OL")),
            (Ending.TOO_MUCH_OUTPUT, {"exit_code": None, "signal": 9, "stderr": b"long" * 9}, (None, "SIGKILL", "EL")),
        ],
    )
    def test_how_a_program_ended_is_told_in_their_words(self, ending, facts, told) -> None:
        asked = piston.read({"language": "python", "files": [{"content": ""}]}, LIMITS, 60.0)
        ran = piston.answer(asked, Executed(run=a_run(ending, **facts)), "3.11.2")["run"]
        assert (ran["code"], ran["signal"], ran["status"]) == told
        assert (ran["cpu_time"], ran["wall_time"], ran["memory"]) == (100, 200, 9 << 20)
        assert ran["output"] == ran["stdout"] + ran["stderr"]

    @pytest.mark.parametrize(
        ("encoding", "content"), [("utf8", "é = 1"), ("base64", "w6kgPSAx"), ("hex", "c3a9203d2031"), (None, "é = 1")]
    )
    def test_a_file_comes_in_three_encodings(self, encoding, content) -> None:
        asked = {
            "language": "py",
            "version": "3",
            "files": [
                {"content": content, "encoding": encoding},
                {"name": "help.py", "content": "y = 2"},
                {"content": ""},
            ],
            "args": ["a"],
            "run_timeout": 500,
            "run_memory_limit": 100 << 20,
        }
        job = piston.read(asked, LIMITS, 60.0).job
        assert (job.program.source, job.limits.wall_s, job.limits.cpu_s) == ("é = 1", 0.5, 0.5)
        assert (job.program.workspace.arguments, job.limits.memory_mb) == (("a",), 100)
        assert job.program.workspace.files == (("help.py", b"y = 2"), ("file2.code", b""))

    @pytest.mark.parametrize(
        "changed",
        [
            {"language": "rust"}, {"files": []}, {"files": ["x"]},
            {"files": [{"content": ""}, {"content": "", "name": "../x"}]},
            {"files": [{"content": ""}, {"content": "", "name": "main.py"}]},
            {"files": [{"content": "!", "encoding": "base64"}]}, {"files": [{"content": "ff", "encoding": "hex"}]},
            {"files": [{"content": "", "encoding": "rot13"}]}, {"run_timeout": 61_000}, {"run_cpu_time": 0},
        ],
    )  # fmt: skip
    def test_what_is_not_served_is_refused(self, changed) -> None:
        with pytest.raises(Refused) as refused:
            piston.read({"language": "python", "version": "*", "files": [{"content": ""}], **changed}, LIMITS, 60.0)
        assert refused.value.status == 400


class TestOwn:
    def test_completions_go_on_where_the_prompt_stops_and_solutions_stand_alone(self) -> None:
        known = score_api.KnownProblems()
        (gone_on,) = score_api.read({"problem": ADD, "completions": ["    return 3\n"]}, known).programs
        (alone,) = score_api.read({"problem": ADD, "solutions": ["add = max"]}, known).programs
        assert (gone_on.source, alone.source) == ("def add(a, b):\n    return 3\n", "add = max")
        assert gone_on.tests is alone.tests, "the problem was read once"

    @pytest.mark.parametrize(
        ("body", "status", "message"),
        [
            ({}, 422, "give completions"),
            ({"completions": ["x"]}, 422, "problem is missing"),
            ({"problem": ADD, "completions": ["x"], "solutions": ["x"]}, 422, "not both"),
            ({"problem": ADD, "completions": []}, 422, "must be a list with something in it"),
            ({"problem": ADD, "completions": [3]}, 422, r"completions\[0\] must be a text, not int"),
            ({"problem": ADD, "completions": ["x"] * 1025}, 422, "at most 1024"),
            ({"problem": ADD, "completion": ["x"]}, 422, "did you mean 'completions'"),
            ({"problem": ADD, "completions": ["x"], "tests": "all"}, 422, "must be one of judge, selection, both"),
            ({"problem": ADD, "completions": ["x"], "tests": "selection"}, 422, "has no selection tests"),
            ({"problem": "nobody", "completions": ["x"]}, 404, "no problem is called 'nobody'"),
            ({"problem": {**ADD, "test": ""}, "completions": ["x"]}, 422, "there is no key 'test'"),
            ({"problem": 7, "completions": ["x"]}, 422, "a problem is a JSON object"),
        ],
    )
    def test_what_is_wrong_is_said(self, body, status, message) -> None:
        with pytest.raises(Refused, match=message) as refused:
            score_api.read(body, score_api.KnownProblems())
        assert refused.value.status == status

    def test_problems_that_are_sent_do_not_pile_up(self) -> None:
        known = score_api.KnownProblems()
        for number in range(score_api.KEPT_PROBLEMS + 5):
            known.find({**ADD, "task_id": f"add{number}"})
        assert len(known._sent) == score_api.KEPT_PROBLEMS
        assert known.generation == 1

    @pytest.mark.slow
    def test_large_problems_are_kept_by_their_size(self) -> None:
        known = score_api.KnownProblems()
        large = {**ADD, "tests": [{"arguments": [[[] for _ in range(150_000)], 1], "expected": 1}]}
        for number in range(5):
            known.find({**large, "task_id": f"large{number}"})
        assert 0 < known._kept_bytes <= score_api.KEPT_BYTES
        assert len(known._sent) == score_api.KEPT_BYTES // (known._kept_bytes // len(known._sent))
        assert known.generation >= 1
        kept = known.find({**large, "task_id": "large4"})
        assert known.find({**large, "task_id": "large4"}) is kept
        larger = {**ADD, "tests": [{"arguments": [[[] for _ in range(600_000)], 1], "expected": 1}]}
        assert known.find(larger) is not known.find(larger), "too large to be kept"


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


class TestBodies:
    @pytest.mark.parametrize(
        ("text", "status"),
        [
            (b"[1]", 422),
            (b"{", 400),
            (b'{"a": ' + b"[" * 100_000, 400),
            (b'{"a": [' + b"[]," * 2_500_000 + b"1]}", 413),
        ],
        ids=["list", "broken", "nested", "many values"],
    )
    def test_a_body_that_is_no_object_or_too_much_is_refused(self, text: bytes, status: int) -> None:
        bodies = Bodies()
        with pytest.raises(Refused) as refused, bodies.hold() as body:
            asyncio.run(body.read(pieces(text)))
        assert refused.value.status == status

    def test_all_bodies_together_have_a_bound_until_they_are_answered(self) -> None:
        bodies, text = Bodies(most=5000), json.dumps({"a": "x" * 2000}).encode()
        with bodies.hold() as first:
            assert asyncio.run(first.read(pieces(text[:100], text[100:]))) == {"a": "x" * 2000}
            with pytest.raises(Refused, match="come again later") as refused, bodies.hold() as second:
                asyncio.run(second.read(pieces(text)))
            assert (refused.value.status, refused.value.retry_after) == (429, 1)
        with bodies.hold() as third:
            assert asyncio.run(third.read(pieces(text)))


@given(body=st.dictionaries(KEYS, ANYTHING | st.just("python"), max_size=6))
def test_a_body_is_read_or_refused_whatever_it_holds(body: dict) -> None:
    known, refused = score_api.KnownProblems(), []
    for read in (
        lambda: sandboxfusion.read(body, LIMITS, 60.0),
        lambda: piston.read(body, LIMITS, 60.0),
        lambda: score_api.read(body, known),
    ):
        try:
            read()
        except Refused as error:
            refused.append(error)
    assert all(400 <= error.status < 500 and json.dumps(error.message) for error in refused)


class Hands:
    """A pool whose tasks a test holds in its hands."""

    def __init__(self) -> None:
        self.boxes = 2
        self.asked: list = []

    def submit_task(self, task):
        future: Future = Future()
        self.asked.append((task, future))
        return future

    def cancel(self, future: Future) -> None:
        future.cancel()

    def run(self, number: int) -> None:
        task, future = self.asked[number]
        if future.set_running_or_notify_cancel():
            future.set_result(task(None))


class TestAdmissionQueue:
    @pytest.fixture
    def hands(self) -> Hands:
        return Hands()

    @pytest.fixture
    def metrics(self) -> Metrics:
        return Metrics()

    def test_a_full_queue_refuses_all_of_a_request_and_says_when_to_come_again(self, hands, metrics) -> None:
        admission = AdmissionQueue(hands, metrics, room=3)
        admission.ask([lambda _: "a"] * 2, str)
        with pytest.raises(Refused, match="2 programs wait and 3 may") as refused:
            admission.ask([lambda _: "b"] * 2, str, full=504)
        assert (refused.value.status, refused.value.retry_after) == (504, 1)
        assert len(hands.asked) == 2
        hands.run(0)
        assert admission.waiting == 1
        assert len(admission.ask([lambda _: "b"] * 2, str)) == 2

    def test_waiting_is_timed_apart_from_running(self, hands, metrics) -> None:
        now = [10.0]
        admission = AdmissionQueue(hands, metrics, room=3, clock=lambda: now[0])

        def takes_two_seconds(_: object) -> str:
            now[0] += 2
            return "done"

        (future,) = admission.ask([takes_two_seconds], str)
        now[0] += 5
        hands.run(0)
        assert (future.result().queue_s, future.result().run_s) == (5.0, 2.0)
        assert "sandbox_queue_seconds_sum 5.0" in metrics.text({})
        assert 'sandbox_queue_seconds_bucket{le="5.0"} 1' in metrics.text({})
        assert 'sandbox_queue_seconds_bucket{le="2.5"} 0' in metrics.text({})

    def test_what_is_called_off_gives_its_place_back_and_is_counted(self, hands, metrics) -> None:
        admission = AdmissionQueue(hands, metrics, room=1)
        (future,) = admission.ask([lambda _: "a"], str)
        assert future.cancel()
        assert admission.waiting == 0
        assert 'sandbox_programs_total{outcome="cancelled"} 1' in metrics.text({})


def test_labels_cannot_break_out_of_the_metrics_format() -> None:
    metrics = Metrics()
    metrics.count("sandbox_requests_total", route='a"b\\c\nd', status="200")
    (line,) = [line for line in metrics.text({}).splitlines() if not line.startswith("#")]
    assert line == 'sandbox_requests_total{route="a\\"b\\\\c\\nd",status="200"} 1'
