"""A cluster's pool instead of one machine's: the same programs, options, faults and callers, the same answers."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import re
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, wait
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ray_cluster import RayNodes
from starlette.testclient import TestClient

from sandbox import ClusterPool, Pool, SandboxError, load_problems, reward, reward_async, trl_reward, verl_reward
from sandbox.boxes.pool import Pool as OnePool
from sandbox.cluster.pool import ClusterSpec
from sandbox.errors import PoolInOtherProcess
from sandbox.problems import Problem, read_problem
from sandbox.scoring.scorefile import score_fields
from sandbox.scoring.scorer import open_pool
from sandbox.scoring.strategy import ScoringOptions
from sandbox.serving.app import Server, Service
from sandbox.values import (
    Assumptions,
    CallTest,
    CallTests,
    CheckTests,
    Comparison,
    Flag,
    Isolation,
    Limits,
    Program,
    ReferenceTests,
    StdinTest,
    StdinTests,
    Verdict,
    Workspace,
)

pytestmark = [pytest.mark.docker, pytest.mark.filterwarnings("ignore")]
WAIT_S = 300.0  # for what takes seconds on a quiet machine
LIMITS = Limits(cpu_s=1.0)
VARIED = {"cpu_s", "wall_s", "memory_mb", "memory_source"}  # from run to run
TIMED_FLAGS = {Flag.KEPT_WAITING, Flag.NEAR_LIMIT}  # which depend on how busy the machine is
OPTIONS = {
    "usual": ScoringOptions(),
    "fresh": ScoringOptions(fresh=True, every_case=True, isolation=Isolation.SPAWN),
    "chosen": ScoringOptions(chosen=frozenset({"cpu_s"}), isolation=Isolation.BOX),
}
Either = Pool | ClusterPool


def until(true: Callable[[], bool]) -> None:
    """Wait for something that happens soon on a quiet machine."""
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def calls(*expected: object, source: str = "calls of f") -> CallTests:
    return CallTests(
        cases=tuple(
            CallTest(function="f", arguments=(number,), comparison=Comparison.EQUAL, expected=value)
            for number, value in enumerate(expected)
        ),
        source=source,
    )


def row(**fields: Any) -> Problem:
    return read_problem({"task_id": "one", "prompt": "Do it.", **fields})


PRINTED = [{"stdin": f"{n}\n", "stdout": f"0 {n}\n"} for n in range(3)]
PAIR = "def check(input, output, answer):\n    a, b = map(int, output.split())\n    return a + b == int(input)\n"
HALF = "def check(input, output, answer):\n    return 0.5 if output.strip() else 0\n"
GUESS = "ask = input\n\ndef interact(text, answer):\n    print(7)\n    return int(ask()) == 7, 'said it'\n"
TESTLIB = """
#include <fstream>
int main(int, char **names) {
    std::ifstream input(names[1]), output(names[2]);
    long long sum, a, b;
    input >> sum;
    return output >> a >> b && a + b == sum ? 0 : 1;
}
"""
CPP = "#include <iostream>\nint main() { int n; std::cin >> n; std::cout << 0 << ' ' << n %s; }"
NUMBERS = StdinTests(cases=tuple(StdinTest(stdin=b"%d" % n, expected=b"0 %d" % n) for n in range(2)))
DEEP = "def f(x): return 0 if x == 0 else f(x - 1)"
checked, stateful = row(tests=PRINTED, checker=PAIR), row(tests=PRINTED, checker=f"seen = []\n{PAIR}")
points, asking = row(tests=PRINTED, checker=HALF), row(tests=PRINTED, interactor=GUESS)
testlib = row(tests=PRINTED, checker={"language": "cpp", "source": TESTLIB})
SLOW = """
def f(x):
    import time
    end = time.process_time() + 0.25
    while time.process_time() < end:
        pass
    return x
"""
PROGRAMS: dict[str, Program] = {
    "calls": Program(source="def f(x): return x", tests=calls(0, 1, 2)),
    "calls, partly wrong": Program(source="def f(x): return x % 2", tests=calls(0, 1, 2, 3)),
    "the same text, other values": Program(source="def f(x): return x", tests=calls(0, 1, 3)),
    "the same text, other types": Program(source="def f(x): return x", tests=calls(False, True, 2)),
    "an exception": Program(source="def f(x): return 1 // x", tests=calls(0, 1)),
    "no function": Program(source="g = 3", tests=calls(0)),
    "half a pair of surrogates": Program(source="def f(x): return '\\ud800'", tests=calls("\ud800", 1)),
    "a source that is no text": Program(source="x = '\ud800'", tests=calls(0)),
    "large answers": Program(source="def f(x): return 'y' * 5_000_000", tests=calls("y" * 5_000_000, "no")),
    "much printed": Program(source="print('y' * 900_000)"),
    "too much printed": Program(source="print('y' * 9_000_000)"),
    "a large source": Program(source="#" * (4 << 20), tests=calls(0)),
    "too large a source": Program(source="#" * (5 << 20), tests=calls(0)),
    "endless": Program(source="while True: pass", tests=calls(0)),
    "memory": Program(source="x = bytearray(1 << 30)", tests=calls(0)),
    "an early end": Program(source="import os; os._exit(0)", tests=calls(0)),
    "selection": Program(source="def f(x): return x", tests=calls(0, 1, 2), selection=calls(0, 2)),
    "other selection": Program(source="def f(x): return x", tests=calls(0, 1, 2), selection=NUMBERS),
    "reference": Program(
        source="def f(x): return x", tests=ReferenceTests(cases=calls(None, None).cases, reference="def f(x): return x")
    ),
    "another reference": Program(
        source="def f(x): return x", tests=ReferenceTests(cases=calls(None, None).cases, reference="def f(x): return 1")
    ),
    "no reference": Program(
        source="def f(x): return x", tests=ReferenceTests(cases=calls(None).cases, reference="raise KeyError(3)")
    ),
    "code": Program(
        source="def f(x): return x", tests=CheckTests(source="assert f(1) == Y", functions=("f",), prelude="Y = 1")
    ),
    "the same code, another prelude": Program(
        source="def f(x): return x", tests=CheckTests(source="assert f(1) == Y", functions=("f",), prelude="Y = 2")
    ),
    "code beside the program": Program(source="x = 3", tests="assert x == 4, 'not four'"),
    "printed": Program(source="print(0, input())", tests=NUMBERS),
    "printed, wrong": Program(source="print(0, 0)", tests=NUMBERS),
    "checker": checked.solve("n = int(input())\nprint(n + 5, -5)"),
    "checker, wrong": checked.solve("print(1, 1)"),
    "checker that remembers": stateful.solve("print(int(input()), 0)"),
    "checker with points": points.solve("print('some' if int(input()) else '')"),
    "checker that is broken": Program(
        source="print(1)",
        tests=StdinTests(cases=NUMBERS.cases, checker=checked.solve("").tests.checker.__class__(source="x")),
    ),
    "interactive": asking.solve("import sys\nprint(7 + int(input()) - 7, flush=True)"),
    "interactive, wrong": asking.solve("print(6, flush=True)"),
    "checker of testlib": testlib.solve("print(int(input()), 0)"),
    "checker of testlib, wrong": testlib.solve("print(int(input()), 1)"),
    "C++": Program(source=CPP % "", tests=NUMBERS, language="cpp"),
    "C++, does not compile": Program(source="int main() { return x; }", tests=NUMBERS, language="cpp"),
    "an unknown language": Program(source="x", tests=NUMBERS, language="klingon"),
    "shallow recursion": Program(source=DEEP, tests=calls(*[0] * 300), assumptions=Assumptions(recursion_limit=200)),
    "imports": Program(
        source="def f(x): return sqrt(x)", tests=calls(0.0, 1.0), assumptions=Assumptions(imports="from math import *")
    ),
    "the set's own time": Program(source="while True: pass", tests=calls(0), assumptions=Assumptions(cpu_s=0.3)),
    "time for each test": Program(
        source=SLOW, tests=calls(0, 1), assumptions=Assumptions(time_per_test=True, cpu_s=0.4)
    ),
    "time for all tests": Program(source=SLOW, tests=calls(0, 1), assumptions=Assumptions(cpu_s=0.4)),
    "files": Program(
        source="import sys\nprint(0, open('d/n').read() + sys.argv[1])",
        tests=StdinTests(cases=(StdinTest(stdin=b"", expected=b"0 12"),)),
        workspace=Workspace(files=(("d/n", b"1"),), arguments=("2",)),
    ),
}
ASKED: dict[str, dict[str, Any]] = {
    "calls, partly wrong": {"every_case": True},
    "checker with points": {"every_case": True},
    "endless": {"limits": Limits(cpu_s=0.2)},
    "much printed": {"limits": Limits(memory_mb=128)},
}
OTHER_BOXES = {"calls", "an exception", "selection", "code", "the set's own time"}


@pytest.fixture(scope="module")
def node(nodes: RayNodes) -> RayNodes:
    nodes.add(cpus=1)
    return nodes


def opened(kind: str, options: ScoringOptions, nodes: RayNodes) -> Either:
    if kind == "machine":
        return Pool(LIMITS, boxes=1, options=options)
    return ClusterPool(nodes.address, LIMITS, boxes=1, options=options)


@pytest.fixture(scope="module")
def pool(node: RayNodes) -> Iterator[ClusterPool]:
    with ClusterPool(node.address, LIMITS) as opened:
        yield opened


def told(pool: Either, name: str) -> dict[str, Any]:
    """Return what is to be the same of a program, or of the exception."""
    program = PROGRAMS[name]
    try:
        score = pool.submit(program, **ASKED.get(name, {})).result(WAIT_S)
    except SandboxError as error:
        return {"error": type(error), "message": str(error)}
    score = replace(score, flags=score.flags - TIMED_FLAGS)
    fields = {key: value for key, value in score_fields(score, program, LIMITS).items() if key not in VARIED}
    if score.verdict is Verdict.TIMEOUT:
        del fields["explanation"]  # which holds a time
    return {
        **fields,
        "points": score.points,
        "tests": score.tests and [case.expected for case in score.tests.cases],
        "runs": score.runs and list(score.runs),
        "answers": [answer and (answer.data, answer.raised) for answer in score.run.answers or ()],
        "printed": (score.run.stdout, score.run.stderr),
        "shown": repr(score).replace(f"{score.run.cpu_s:.3f} s", ""),
    }


@pytest.mark.parametrize("options", OPTIONS)
def test_every_program_gets_the_same_score_and_every_fault_is_the_same(options: str, node: RayNodes) -> None:
    names = [name for name in PROGRAMS if options == "usual" or name in OTHER_BOXES]
    with opened("machine", OPTIONS[options], node) as machine:
        there = {name: told(machine, name) for name in names}
    with opened("cluster", OPTIONS[options], node) as cluster:
        here = {name: told(cluster, name) for name in names}
    for name in names:
        assert here[name] == there[name], name
    assert len({one.get("verdict") for one in there.values()}) > 2


def test_a_trainer_gets_the_same_rewards_in_order_partly_and_while_others_wait(pool: ClusterPool) -> None:
    problems = load_problems("humaneval")[:2]
    texts = [problem.canonical_solution for problem in problems] + ["    return None\n", "    return 1 / 0\n"]
    asked = [problems[0], problems[1], problems[0], problems[1]]
    with Pool(LIMITS, boxes=1) as machine:
        expected = [reward(texts, asked, pool=machine, partial=partial) for partial in (False, True)]
    assert expected[0] == [1.0, 1.0, 0.0, 0.0]
    assert [reward(texts, asked, pool=pool, partial=partial) for partial in (False, True)] == expected

    async def together() -> list[list[float | None]]:
        return await asyncio.gather(*(reward_async(texts, asked, pool=pool) for _ in range(5)))

    assert asyncio.run(together()) == [expected[0]] * 5
    by_name = trl_reward(problems, lambda: pool, partial=True)
    assert by_name(prompts=[""] * 4, completions=texts, task_id=[one.name for one in asked]) == expected[1]
    scored = verl_reward(problems, lambda: pool)(
        "set", f"```python\n{problems[0].prompt}{texts[0]}```", problems[0].name
    )
    assert scored == 1.0


def test_threads_may_share_it(pool: ClusterPool) -> None:
    came: dict[int, list[Verdict]] = {}

    def ask(number: int) -> None:
        futures = [pool.submit(Program(source=f"x = {number}", tests=f"assert x == {turn % 4}")) for turn in range(8)]
        came[number] = [future.result(WAIT_S).verdict for future in futures]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = {n: [Verdict.PASSED if turn % 4 == n else Verdict.WRONG for turn in range(8)] for n in range(8)}
    assert {
        n: [Verdict.PASSED if one is Verdict.PASSED else Verdict.WRONG for one in came[n]] for n in came
    } == expected


def test_cancelled_programs_are_over_for_those_who_wait_and_leave_nothing_on_their_node(pool: ClusterPool) -> None:
    for turn in range(6):
        futures = [pool.submit(Program(source=f"while {turn + 1}: {number}")) for number in range(6)]
        until(lambda: sum(node.under_way for node in pool.nodes()) >= 2)
        assert all(future.cancel() and future.cancel() for future in futures)
        assert not wait(futures, WAIT_S).not_done
        with pytest.raises(CancelledError):
            futures[0].result()
    same = [pool.submit(Program(source="while 'same': pass")) for _ in range(10_000)]
    assert all(future.cancel() for future in same)
    assert pool.submit(Program(source="print(1)")).result(WAIT_S).verdict is Verdict.PASSED
    until(lambda: not any(node.under_way for node in pool.nodes()))


def refused(do: Callable[[], object]) -> tuple[type, str]:
    try:
        do()
    except Exception as error:
        return type(error), str(error)
    pytest.fail("nothing was refused")


def in_a_fork(do: Callable[[], object], kind: type[Exception]) -> bool:
    """Return whether something raises this exception in a fork of this process."""
    child = os.fork()
    if not child:
        signal.alarm(60)
        try:
            do()
        except kind:
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("kind", ["machine", "cluster"])
def test_both_refuse_the_same_things_and_close_in_the_same_way(kind: str, node: RayNodes) -> None:
    pool = opened(kind, ScoringOptions(), node)
    program = Program(source="print(1)")
    assert refused(lambda: pickle.dumps(pool))[0] is TypeError
    error, words = refused(lambda: pool.submit(program, limits=Limits(disk_mb=32)).result(WAIT_S))
    assert (error, "open a pool with" in words) == (ValueError, True)
    assert in_a_fork(lambda: pool.submit(program).result(30), PoolInOtherProcess)
    future = pool.submit(program)
    pool.close()
    assert future.result(0).verdict is Verdict.PASSED
    pool.close()
    assert refused(lambda: pool.submit(program)) == (RuntimeError, "this pool is closed")
    with pool:
        pass
    for boxes in (0, -1, 5000):
        make = partial(Pool if kind == "machine" else partial(ClusterPool, node.address), boxes=boxes)
        error, words = refused(make)
        assert (error, "between 1 and 512" in words) == (ValueError, True)


@pytest.mark.parametrize("kind", ["machine", "cluster"])
def test_leaving_with_an_exception_cancels_what_waits_and_a_forgotten_pool_is_closed(kind: str, node: RayNodes) -> None:
    with suppress(KeyError), opened(kind, ScoringOptions(), node) as pool:
        waiting = [pool.submit(Program(source=f"import time\ntime.sleep(0.5 + {n})")) for n in range(20)]
        raise KeyError
    assert not wait(waiting, WAIT_S).not_done
    assert any(future.cancelled() for future in waiting)
    before = set(node.processes("NodeHost"))
    forgotten = opened(kind, ScoringOptions(), node)
    its = set(node.processes("NodeHost")) - before
    assert bool(its) == (kind == "cluster")
    gone = weakref.ref(forgotten)
    del forgotten, pool
    gc.collect()
    assert gone() is None
    until(lambda: not its & set(node.processes("NodeHost")))


def test_a_connection_that_is_there_is_used_left_open_and_never_made_anew(pool: ClusterPool, node: RayNodes) -> None:
    import ray

    host, port = node.address.split(":")
    with ClusterPool.of(ClusterSpec(address=f"localhost:{port}", limits=LIMITS)) as second:
        assert second.submit(Program(source="print(2)")).result(WAIT_S).verdict is Verdict.PASSED
    assert ray.is_initialized()
    for elsewhere in (f"{host}:{int(port) + 1}", f"192.0.2.1:{port}"):
        if elsewhere.startswith("192") and host.startswith("127"):
            continue  # every machine calls itself that
        error, words = refused(partial(ClusterPool, elsewhere))
        assert issubclass(error, SandboxError)
        assert f"connected to the Ray cluster at {node.address} already" in words

    @ray.remote(num_cpus=1)
    def worker() -> list[str]:
        problem = load_problems("humaneval")[0]
        scored = verl_reward([problem], lambda: inner)
        with ClusterPool("auto", LIMITS) as inner:
            answers = [scored("", f"```python\n{problem.prompt}    return {n}\n```", problem.name) for n in range(2)]
        return [str(one) for one in (*answers, ray.is_initialized())]

    assert ray.get(worker.remote(), timeout=WAIT_S) == ["0.0", "0.0", "True"]
    assert pool.submit(Program(source="print(3)")).result(WAIT_S).verdict is Verdict.PASSED


REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "verdicts": ("/v1/score", {"problem": "HumanEval/0", "completions": ["    return True\n", "    return None\n"]}),
    "its own limit": (
        "/v1/score",
        {
            "problem": {"task_id": "p", "prompt": "Echo.", "tests": [{"stdin": "1", "stdout": "1"}]},
            "solutions": ["while True: pass"],
            "limits": {"cpu_s": 0.4},
        },
    ),
    "no limit of ours": ("/v1/score", {"problem": "HumanEval/0", "completions": [""], "limits": {"cpu_s": 1e6}}),
    "a file": (
        "/run_code",
        {"language": "python", "code": "print(open('a').read())", "files": {"a": "aGk="}, "fetch_files": ["a"]},
    ),
    "C++": ("/run_code", {"language": "cpp", "code": CPP % "", "stdin": "4"}),
    "a compiler that refuses": ("/run_code", {"language": "cpp", "code": "int main("}),
    "Piston's": (
        "/api/v2/execute",
        {"language": "python", "version": "*", "files": [{"content": "import sys\nprint(sys.argv)"}], "args": ["x"]},
    ),
}


MEASURED = re.compile(r'\d+\.\d+(e-\d+)?|(?<="memory":)\d+|(?<=u_time":)\d+|(?<=l_time":)\d+')


def answers(pool: OnePool | ClusterPool) -> dict[str, object]:
    """Return what a server over this pool answers, without times."""
    versions = {"python": "3", "cpp": "1"}
    service = Service(
        options=ScoringOptions(),
        problems=load_problems("humaneval"),
        token=None,
        room=100,
        longest_s=60.0,
        versions=versions,
    )
    client = TestClient(Server(pool, service).app(("*",)))
    came = {name: client.post(path, json=body) for name, (path, body) in REQUESTS.items()}
    return {name: (one.status_code, MEASURED.sub("_", one.text)) for name, one in came.items()}


def test_a_server_over_a_cluster_answers_as_one_over_a_machine(pool: ClusterPool) -> None:
    with open_pool(LIMITS, boxes=1) as machine:
        expected = answers(machine)
    assert answers(pool) == expected
    assert {status for status, _ in expected.values()} == {200, 400}


def test_a_server_outlives_a_moment_without_nodes(node: RayNodes) -> None:
    others = node.processes("NodeHost")
    with ClusterPool(node.address, LIMITS) as pool:
        for process in set(node.processes("NodeHost")).difference(others):
            os.kill(process, signal.SIGKILL)
        until(lambda: pool.failure is not None or pool.boxes == 0)
        assert pool.recover(), "its node is opened again soon"
        until(lambda: pool.failure is None)
        assert pool.submit(Program(source="print(6)")).result(WAIT_S).verdict is Verdict.PASSED


WITHOUT = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name == "sandbox":
            raise ModuleNotFoundError("No module named 'sandbox'", name="sandbox")
sys.meta_path.insert(0, Without())
"""


def test_nodes_without_this_program_or_with_another_version_of_it_say_so(node: RayNodes, tmp_path: Path) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "sitecustomize.py").write_text(WITHOUT)
    (tmp_path / "other" / "codebudget-99.9.dist-info").mkdir(parents=True)
    metadata = "Metadata-Version: 2.1\nName: codebudget\nVersion: 99.9\n"
    (tmp_path / "other" / "codebudget-99.9.dist-info" / "METADATA").write_text(metadata)
    added = [node.add(cpus=1, PYTHONPATH=tmp_path / name) for name in ("without", "other")]
    said: list[str] = []
    with ClusterPool.of(ClusterSpec(address=node.address, limits=LIMITS), said.append) as pool:
        words = ("its process cannot start: ModuleNotFoundError: No module named 'sandbox'", "codebudget 99.9")
        until(lambda: all(any(word in one for one in said) for word in words))
        assert pool.submit(Program(source="print(5)")).result(WAIT_S).verdict is Verdict.PASSED
    assert sum("is lost" in one for one in said) == sum("is left out" in one for one in said) == 1
    for number in added:
        node.kill_raylet(number)


def test_an_address_that_is_none_is_named() -> None:
    error, words = refused(lambda: ClusterPool("nowhere"))
    assert issubclass(error, SandboxError)
    assert "nowhere" in words


def test_whoever_shuts_ray_down_ends_the_pool_and_no_cluster_is_started_by_it(node: RayNodes) -> None:
    """It stands last: it ends the pool of the other tests, too."""
    import ray

    gc.collect()
    pool = ClusterPool(node.address, LIMITS)
    future = pool.submit(
        Program(source="while 'shut down': pass", tests="1", assumptions=Assumptions(cpu_s=600.0, wall_s=600.0))
    )
    ray.shutdown()
    with pytest.raises(SandboxError, match="disconnected from its Ray cluster"):
        future.result(WAIT_S)
    assert (pool.boxes, pool.recover()) == (0, False)
    pool.close()
    assert not ray.is_initialized()
    with ClusterPool(node.address, LIMITS) as again:
        assert again.submit(Program(source="print(4)")).result(WAIT_S).verdict is Verdict.PASSED
    assert not ray.is_initialized()
