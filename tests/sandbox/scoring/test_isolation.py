"""How far programs are kept apart changes nothing about what is said of them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from sandbox.boxes.docker_client import DockerClient
from sandbox.errors import RuntimeUnknown
from sandbox.judging.explaining import explain
from sandbox.problems.parse_tests import assert_tests
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import (
    CheckTests,
    Flag,
    Isolation,
    Job,
    Limits,
    OutputRule,
    Program,
    Score,
    StdinTest,
    StdinTests,
    Tests,
    Verdict,
)

pytestmark = pytest.mark.docker
SANDBOX = str(Path(sys.executable).parent / "sandbox")
LIMITS = Limits(cpu_s=1, wall_s=4, memory_mb=128)
DATA = assert_tests("assert f(2) == 4\nassert f(3) == 9\nassert f(0) == 0", "f")
CODE = CheckTests(
    source="for n in range(5):\n    assert f(n) == n * n", functions=("f",), solution="def f(n): return n * n"
)
BESIDE = "assert f(2) == 4"
PRINTED = StdinTests(
    cases=tuple(StdinTest(stdin=b"%d" % n, expected=b"%d\n" % (2 * n)) for n in range(6)), rule=OutputRule.LINES
)
RIGHT = "def f(n): return n * n\n"
MIXED: dict[str, tuple[str, Tests | None, Verdict]] = {
    "right by data": (RIGHT, DATA, Verdict.PASSED),
    "wrong by data": ("def f(n): return n + n\n", DATA, Verdict.WRONG),
    "right by code": (RIGHT, CODE, Verdict.PASSED),
    "wrong by code": ("def f(n): return n + n\n", CODE, Verdict.WRONG),
    "right beside": (RIGHT, BESIDE, Verdict.PASSED),
    "wrong beside": ("def f(n): return 5\n", BESIDE, Verdict.WRONG),
    "prints what is due": ("print(2 * int(input()))", PRINTED, Verdict.PASSED),
    "prints something else": ("n = int(input()); print(2 * n if n < 3 else n)", PRINTED, Verdict.WRONG),
    "raises": ("def f(n): return n / 0\n", DATA, Verdict.ERROR),
    "imports what is not there": ("import numpie\n" + RIGHT, DATA, Verdict.ERROR),
    "is no Python": ("def f(n) return n\n", DATA, Verdict.SYNTAX),
    "never ends": ("def f(n):\n    while True: pass\n", DATA, Verdict.TIMEOUT),
    "wants too much memory": ("def f(n): return len(bytearray(b'x') * (400 << 20))\n", DATA, Verdict.MEMORY),
    "says too much": ("print('x' * (4 << 20))\n" + RIGHT, DATA, Verdict.OUTPUT),
    "kills itself": ("import os\ndef f(n): os.kill(os.getpid(), 11)\n", DATA, Verdict.CRASHED),
    "leaves early": ("import os\ndef f(n): os._exit(0)\n", DATA, Verdict.EARLY_EXIT),
    "is a script": ("import json, sys; json.dump(sys.argv, sys.stdout)", None, Verdict.PASSED),
    "uses many modules": (
        "import re, json, random, decimal, itertools, sqlite3, asyncio\n" + RIGHT,
        DATA,
        Verdict.PASSED,
    ),
    "forks": ("import os\nif os.fork() == 0: os._exit(0)\nos.wait()\n" + RIGHT, DATA, Verdict.PASSED),
    "leaves things": (
        "import os, time\nopen('a', 'w')\nif os.fork() == 0: time.sleep(99)\n" + RIGHT,
        DATA,
        Verdict.PASSED,
    ),
}


@pytest.fixture(scope="module")
def scorers(engine: DockerClient) -> Iterator[dict[Isolation, Scorer]]:
    assert engine is not None
    with contextlib.ExitStack() as stack:
        yield {
            isolation: stack.enter_context(open_scorer(LIMITS, boxes=2, options=ScoringOptions(isolation=isolation)))
            for isolation in Isolation
        }


def test_a_mixed_set_of_programs_gets_the_same_verdicts_however_they_are_kept_apart(
    scorers: dict[Isolation, Scorer],
) -> None:
    asked: dict[tuple[str, Isolation], Future[Score]] = {
        (name, isolation): scorer.submit(Program(source=source, tests=tests))
        for isolation, scorer in scorers.items()
        for name, (source, tests, _) in MIXED.items()
    }
    got = {key: future.result() for key, future in asked.items()}
    for name, (source, tests, verdict) in MIXED.items():
        told = {isolation: got[name, isolation] for isolation in Isolation}
        assert {isolation: one.verdict for isolation, one in told.items()} == dict.fromkeys(Isolation, verdict), name
        program = Program(source=source, tests=tests)
        assert len({(one.passed_cases, one.case) for one in told.values()}) == 1, name
        if verdict is Verdict.WRONG:
            assert len({explain(one, LIMITS, program) for one in told.values()}) == 1, name
    left = {isolation: got["leaves things", isolation].flags for isolation in Isolation}
    assert all(flags >= {Flag.LEFTOVER_FILES, Flag.LEFTOVER_PROCESSES} for flags in left.values())


LOOKS_AROUND = "import gc, os, sys; print(gc.get_freeze_count() > 0, 'statistics' in sys.modules, os.getuid() // 8192)"


def test_each_kind_of_isolation_gives_a_program_what_it_says(scorers: dict[Isolation, Scorer]) -> None:
    def seen(isolation: Isolation) -> list[list[bytes]]:
        texts = (f"{LOOKS_AROUND}  # {number}" for number in range(6))
        futures = [scorers[isolation].submit(Program(source=text)) for text in texts]
        return [future.result().run.stdout.split() for future in futures]

    forks, spawns, boxes = seen(Isolation.FORK), seen(Isolation.SPAWN), seen(Isolation.BOX)
    assert {tuple(line[:2]) for line in forks + boxes} == {(b"True", b"True")}
    assert {tuple(line[:2]) for line in spawns} == {(b"False", b"False")}
    assert len({line[2] for line in forks}) <= 2
    assert len({line[2] for line in boxes}) == 6


def test_an_interpreter_of_its_own_has_the_same_walls(scorers: dict[Isolation, Scorer]) -> None:
    source = """
import os, resource, sys
print(open('/proc/self/status').read().split('CapInh')[1].split('Cpus')[0])
print({name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith('RLIMIT')})
print(sorted(os.environ.items()), os.getcwd(), os.umask(0), sys.argv, sys.flags, [p for p in sys.path if 'opt' in p])
print([name for name in sys.modules if 'sandbox' in name], open('/proc/self/oom_score_adj').read())
print([fd for fd in range(3, 1024) if os.path.exists(f'/proc/self/fd/{fd}')])
try:
    open('/proc/self/oom_score_adj', 'w')
except OSError as error:
    print(error)
"""
    fork, spawn = (
        scorers[isolation].score(Program(source=source)).run.stdout for isolation in (Isolation.FORK, Isolation.SPAWN)
    )
    assert fork
    assert spawn == fork


def test_a_program_that_is_repeated_cannot_be_kept_apart_from_itself() -> None:
    with pytest.raises(ValueError, match="rules out"):
        Job(program=Program(source=""), repeat=True, isolation=Isolation.BOX)


@pytest.mark.parametrize("command", [["exec", "-c", "1"], ["selftest", "--group", "V"], ["doctor"]])
def test_a_runtime_that_the_engine_does_not_know_is_an_error_that_names_those_it_has(
    command: list[str], engine: DockerClient
) -> None:
    done = subprocess.run(
        [SANDBOX, *command, "--runtime", "kata"], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 3
    assert all(name in done.stderr for name in ("'kata'", *engine.facts().runtimes))


def test_the_runtime_is_handed_to_the_engine(engine: DockerClient) -> None:
    known = engine.facts().runtime
    with open_scorer(LIMITS, boxes=1, options=ScoringOptions(runtime=known)) as scorer:
        assert scorer.score(Program(source="print(1)")).verdict is Verdict.PASSED
    with pytest.raises(RuntimeUnknown), open_scorer(LIMITS, boxes=1, options=ScoringOptions(runtime="nosuch")):
        pass


@pytest.mark.parametrize("isolation", list(Isolation))
def test_the_command_takes_the_isolation(isolation: Isolation, engine: DockerClient) -> None:
    assert engine is not None
    done = subprocess.run(
        [SANDBOX, "exec", "-c", "print(6 * 7)", "--isolation", isolation], capture_output=True, check=False, timeout=600
    )
    assert (done.returncode, done.stdout) == (0, b"42\n")
