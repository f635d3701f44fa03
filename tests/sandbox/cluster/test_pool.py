"""A pool of many machines: the verdicts of one machine's pool, and what it does when nodes come, go and break.

The nodes are processes on this machine, on loopback; they share its Docker engine. One of them reaches it through a
socket that the tests can cut.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import closing, suppress
from pathlib import Path

import pytest
from ray_cluster import RayNodes
from socket_proxy import SocketProxy, engine_socket

from sandbox import ClusterPool, Pool, SandboxError, load_problems, score
from sandbox.boxes.docker_client import DockerClient
from sandbox.cluster import dispatcher
from sandbox.cluster.messages import ClusterUnavailable
from sandbox.cluster.pool import ClusterSpec, NodeStatus
from sandbox.cluster.ray_client import RAY_RECONNECT
from sandbox.cluster.schedule import NodeState
from sandbox.scoring.scorefile import score_fields
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import (
    CallTest,
    CallTests,
    CheckTests,
    Comparison,
    Job,
    Limits,
    OutputRule,
    Program,
    ReferenceTests,
    Score,
    StdinTest,
    StdinTests,
    Verdict,
)

pytestmark = [pytest.mark.docker, pytest.mark.filterwarnings("ignore")]
DRIVER = Path(__file__).parents[2] / "common" / "cluster_driver.py"
TIMES = {"cpu_s", "wall_s", "memory_mb", "memory_source"}
WAIT_S = 300.0  # for what takes seconds on a quiet machine
LIMITS = Limits(cpu_s=1.0)
CASES = tuple(
    CallTest(function="f", arguments=(number,), comparison=Comparison.EQUAL, expected=number + 1) for number in range(3)
)
CALLS = CallTests(cases=CASES, source="three calls of f")


@pytest.fixture(scope="module")
def proxy(nodes: RayNodes) -> SocketProxy:
    return SocketProxy(f"{nodes.folder}/engine", engine_socket())


@pytest.fixture(scope="module")
def pool(nodes: RayNodes, proxy: SocketProxy) -> Iterator[ClusterPool]:
    """A pool of two nodes with one box each; the second node's engine is behind the proxy."""
    nodes.add(cpus=1)
    nodes.add(cpus=1, DOCKER_HOST=f"unix://{proxy.path}")
    with ClusterPool.of(ClusterSpec(address=nodes.address, limits=LIMITS), print) as opened:
        until(lambda: opened.boxes == 2)
        yield opened


def until(true: Callable[[], bool]) -> None:
    """Wait for something that happens soon on a quiet machine."""
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def work(number: int) -> Program:
    """Return a program that takes some 30 ms; every third one is wrong."""
    source = (
        f"def f(x):\n    for _ in range(300_000):\n        pass\n    return x + 1 + {number} * ({number} % 3 == 0)\n"
    )
    return Program(source=source, tests=CALLS)


def right(number: int) -> Verdict:
    return Verdict.WRONG if number and number % 3 == 0 else Verdict.PASSED


def verdicts(futures: list[Future[Score]]) -> list[Verdict]:
    return [future.result(WAIT_S).verdict for future in futures]


PROGRAMS = [
    Program(source="def f(x): return x + 1", tests=CALLS),
    Program(source="def f(x): return [x]", tests=CALLS),
    Program(source="def f(x): 1 / 0", tests=CALLS),
    Program(source="def f(x) return", tests=CALLS),
    Program(source="import os; os._exit(0)", tests=CALLS),
    Program(source="def f(x):\n    while True: pass", tests=CALLS),
    Program(source="def f(x): return x + 1", tests=ReferenceTests(cases=CASES, reference="def f(x): return x + 1")),
    Program(source="def f(x): return x", tests=ReferenceTests(cases=CASES, reference="def f(x): return x + 1")),
    Program(source="def f(x): return x + 1", tests=CALLS, selection=CallTests(cases=CASES[:1], source="one")),
    Program(source="def f(x): return 2 * x", tests=CALLS, selection=CallTests(cases=CASES[1:2], source="two")),
    Program(
        source="print(input()[::-1])",
        tests=StdinTests(cases=tuple(StdinTest(stdin=b"ab%d\n" % n, expected=b"%dba\n" % n) for n in range(3))),
    ),
    Program(source="print(1)", tests=StdinTests(cases=(StdinTest(stdin=b"", expected=b"2"),), rule=OutputRule.CLOSE)),
    Program(source="def f(x): return x + 1", tests=CheckTests(source="assert f(1) == 2", functions=("f",))),
    Program(source="def f(x): return x + 2", tests=CheckTests(source="assert f(1) == 2, 'no'", functions=("f",))),
    Program(source="x = 3", tests="assert x == 3"),
    Program(source="x = 4", tests="assert x == 3"),
    Program(source="import sys; print('out'); print('err', file=sys.stderr)"),
    Program(source="#" * (5 << 20), tests=CALLS),
]


def test_the_verdicts_are_those_of_one_machine_with_the_same_explanations(pool: ClusterPool) -> None:
    rows = []
    with Pool(LIMITS, boxes=1) as alone:
        for where in (alone, pool):
            scores = [future.result(WAIT_S) for future in [where.submit(program) for program in PROGRAMS]]
            rows.append([score_fields(one, program, LIMITS) for one, program in zip(scores, PROGRAMS, strict=True)])
    for one, other, program in zip(*rows, PROGRAMS, strict=True):
        assert {name for name in one if one[name] != other[name]} <= TIMES | {"explanation"}, program
        if one["verdict"] is not Verdict.TIMEOUT:  # whose explanation holds a time
            assert one["explanation"] == other["explanation"]


def test_it_takes_the_place_of_a_pool_in_python(pool: ClusterPool) -> None:
    problem = load_problems("humaneval")[0]
    completions = ["    return True\n", "    return False\n", "    return True\n"]
    assert [one.verdict for one in score(completions, problem, pool=pool)] == [Verdict.WRONG] * 3


def test_answers_and_runs_come_from_the_cluster_too(pool: ClusterPool) -> None:
    answered = pool.ask(Program(source="def f(x): return [x]"), CALLS).result(WAIT_S)
    assert [answer and answer.value for answer in answered.answers] == [[0], [1], [2]]
    run = pool.run(Job(program=Program(source="print(input())"), stdin=b"hello\n", limits=pool.limits)).result(WAIT_S)
    assert run.stdout == b"hello\n"


def test_equal_programs_that_are_asked_for_at_once_run_once_in_the_whole_cluster(pool: ClusterPool) -> None:
    until(lambda: not any(node.under_way for node in pool.nodes()))
    before = sum(node.programs for node in pool.nodes())
    futures = [pool.submit(work(1000)) for _ in range(50)]
    assert verdicts(futures) == [right(1000)] * 50
    assert sum(node.programs for node in pool.nodes()) == before + 1


def test_a_cancelled_program_is_given_up_and_the_others_are_not(pool: ClusterPool) -> None:
    endless = [pool.submit(Program(source=f"while {number}: pass")) for number in range(1, 9)]
    futures = [pool.submit(work(number)) for number in range(10)]
    for future in endless:
        assert future.cancel()
    assert verdicts(futures) == [right(number) for number in range(10)]


def test_both_nodes_work_and_a_node_that_joins_gets_work_at_once(pool: ClusterPool, nodes: RayNodes) -> None:
    futures = [pool.submit(work(2000 + number)) for number in range(200)]
    number = nodes.add(cpus=1)
    until(lambda: pool.boxes == 3 or all(future.done() for future in futures))
    if pool.boxes == 3:
        until(lambda: all(node.programs for node in pool.nodes()) or all(future.done() for future in futures))
    nodes.kill_raylet(number)
    assert verdicts(futures) == [right(2000 + number) for number in range(200)]
    until(lambda: [node.state for node in pool.nodes()].count(NodeState.WORKING) == 2)


def test_a_node_that_has_left_has_no_boxes_and_is_forgotten_after_a_while(
    pool: ClusterPool, nodes: RayNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = nodes.add(cpus=1)
    until(lambda: pool.boxes == 3)
    nodes.kill_raylet(number)
    until(lambda: sum(node.boxes for node in pool.nodes()) == 2)
    monkeypatch.setattr(dispatcher, "FORGOTTEN_S", -60.0)
    until(lambda: {node.state for node in pool.nodes()} == {NodeState.WORKING})


def test_a_node_that_loses_its_engine_rests_and_works_again_later(pool: ClusterPool, proxy: SocketProxy) -> None:
    until(lambda: pool.boxes == 2)
    futures = [pool.submit(work(3000 + number)) for number in range(120)]
    until(lambda: sum(future.done() for future in futures) > 20)
    proxy.cut()
    try:
        assert verdicts(futures) == [right(3000 + number) for number in range(120)]
        until(lambda: any(node.state is NodeState.RESTING and node.reason for node in pool.nodes()))
        assert pool.failure is None
    finally:
        proxy.mend()
    until(lambda: pool.boxes == 2)


def test_a_node_whose_disk_is_full_is_named_and_rests_until_boxes_open_again(
    pool: ClusterPool, nodes: RayNodes, proxy: SocketProxy
) -> None:
    until(lambda: pool.boxes == 2)
    proxy.full = True
    try:
        remove_boxes(nodes.processes("NodeHost"))
        futures = [pool.submit(work(7000 + number)) for number in range(60)]
        until(lambda: any(node.state is NodeState.RESTING for node in pool.nodes()))
        (resting,) = (node for node in pool.nodes() if node.state is NodeState.RESTING)
        assert re.search(r"its boxes do not open: .*no space left on device", resting.reason)
        assert verdicts(futures) == [right(7000 + number) for number in range(60)]
    finally:
        proxy.full = False
    until(lambda: pool.boxes == 2)


def test_a_process_that_is_killed_loses_nothing_and_is_opened_again(pool: ClusterPool, nodes: RayNodes) -> None:
    futures = [pool.submit(work(4000 + number)) for number in range(120)]
    until(lambda: sum(future.done() for future in futures) > 10)
    os.kill(nodes.processes("NodeHost")[0], signal.SIGKILL)
    assert verdicts(futures) == [right(4000 + number) for number in range(120)]
    until(lambda: pool.boxes == 2)
    assert verdicts([pool.submit(work(1))]) == [right(1)]


def test_a_node_that_cannot_open_boxes_is_named_and_left_out_until_its_engine_is_there(
    pool: ClusterPool, nodes: RayNodes
) -> None:
    number = nodes.add(cpus=1, DOCKER_HOST=f"unix://{nodes.folder}/nowhere")
    left_out: list[NodeStatus] = []

    def found() -> bool:
        left_out.extend(node for node in pool.nodes() if node.state is NodeState.LEFT_OUT)
        return bool(left_out)

    until(found)
    assert "/nowhere" in left_out[0].reason
    assert verdicts([pool.submit(work(1))]) == [right(1)]
    SocketProxy(f"{nodes.folder}/nowhere", engine_socket())
    until(lambda: any(node.state is NodeState.WORKING and node.name == left_out[0].name for node in pool.nodes()))
    nodes.kill_raylet(number)
    until(lambda: [node.state for node in pool.nodes()].count(NodeState.WORKING) == 2)


@pytest.mark.usefixtures("pool")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_driver_that_is_ended_leaves_no_process_and_no_box(nodes: RayNodes, number: int, tmp_path: Path) -> None:
    before = set(nodes.processes("NodeHost"))
    command = [sys.executable, str(DRIVER), nodes.address, str(tmp_path / "ready")]
    with subprocess.Popen(command, env=nodes.environment, stderr=subprocess.PIPE, text=True) as driver:
        until(lambda: (tmp_path / "ready").exists() or driver.poll() is not None)
        assert driver.poll() is None, driver.stderr.read()
        its = set(nodes.processes("NodeHost")) - before
        assert its
        assert owned_by(its)
        driver.send_signal(number)
        driver.stderr.read()
    until(lambda: not set(nodes.processes("NodeHost")) & its)
    until(lambda: not owned_by(its))


@pytest.mark.usefixtures("pool")
def test_programs_of_another_language_find_its_images_on_every_node(nodes: RayNodes) -> None:
    twice = "#include <iostream>\nint main() { int n; std::cin >> n; std::cout << %d * n; }"
    tests = StdinTests(cases=(StdinTest(stdin=b"21", expected=b"42"),))
    with ClusterPool.of(ClusterSpec(address=nodes.address, languages=("c++",)), print) as opened:
        programs = [Program(source=twice % n, tests=tests, language="cpp") for n in (2, 3)]
        assert verdicts([opened.submit(program) for program in programs]) == [Verdict.PASSED, Verdict.WRONG]
    with pytest.raises(ValueError, match="'klingon' is not known"):
        ClusterPool.of(ClusterSpec(address=nodes.address, languages=("klingon",)))


@pytest.mark.usefixtures("pool")
def test_a_pool_of_nothing_says_why_at_once(nodes: RayNodes) -> None:
    spec = ClusterSpec(address=nodes.address, options=ScoringOptions(runtime="nosuch"))
    with pytest.raises(ClusterUnavailable, match=r"can open boxes: (?s:.)*has no runtime 'nosuch'"):
        ClusterPool.of(spec)


def test_the_command_scores_on_the_cluster_and_a_lost_head_ends_it_with_what_was_scored(
    pool: ClusterPool, nodes: RayNodes, tmp_path: Path
) -> None:
    samples, out = tmp_path / "samples.jsonl", tmp_path / "out.jsonl"
    loop = "    for _ in range(1_000_000): pass\n    return {}\n"
    rows = [{"task_id": "HumanEval/0", "completion": loop.format(number)} for number in range(600)]
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows[:20]))
    command = [
        Path(sys.executable).with_name("sandbox"),
        "score",
        "--problems",
        "humaneval",
        "--cluster",
        nodes.address,
    ]
    command += ["--samples", samples, "--out", out]
    done = subprocess.run(command, env=nodes.environment, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("20 samples of 1 problem"), done.stdout
    assert "1 box" in done.stderr

    samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with subprocess.Popen(
        command, env=nodes.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        until(lambda: len(out.read_text().splitlines()) > 30 or run.poll() is not None)
        nodes.kill_head()
        said = run.communicate(timeout=WAIT_S)
    assert run.returncode == 3, said
    assert "head of the Ray cluster" in said[1]
    lines = [json.loads(line)["line"] for line in out.read_text().splitlines()]
    assert len(lines) == len(set(lines)) > 30
    with suppress(SandboxError, RuntimeError):
        pool.close(finish=False)
    until(lambda: not nodes.processes("NodeHost"))
    # Ray would end this process a minute after its head is gone.
    assert int(os.environ[RAY_RECONNECT[0]]) > 86400


def owned_by(pids: Collection[int]) -> list[str]:
    """Return the containers whose owners are these processes, running or not."""
    with closing(DockerClient()) as engine:
        found = engine.containers("codebudget.box")
    return [one.id for one in found if int(one.labels.get("codebudget.owner", "").split("/")[2]) in pids]


def remove_boxes(pids: Collection[int]) -> None:
    """Remove the boxes of these processes, as somebody outside might."""
    with closing(DockerClient()) as engine:
        for container in owned_by(pids):
            engine.remove(container)
