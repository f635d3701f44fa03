"""What every executor promises: the fake of these tests keeps the same promises as the real sandbox."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from sandbox.errors import SandboxError
from sandbox.problems import Problem
from sandbox.scoring.scorer import open_scorer
from sandbox.values import Limits, Verdict

PROBLEM = Problem(
    name="P/0",
    prompt="def f(x):\n",
    entry_point="f",
    tests="def check(f):\n    assert f(1) == 1\n    assert f(5) == 5\n",
)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.docker)])
def executor(request, support):
    if request.param == "fake":
        with support.FakeExecutor() as fake:
            yield fake
        return
    try:
        opened = open_scorer(Limits(), boxes=1)
        scorer = opened.__enter__()
    except SandboxError as error:
        pytest.skip(f"no sandbox here: {error}")
    try:
        yield scorer
    finally:
        opened.__exit__(None, None, None)


def test_an_executor_tells_right_from_wrong(executor):
    right = executor.submit(PROBLEM.complete("    return x\n"))
    wrong = executor.submit(PROBLEM.complete("    return 2\n"))
    assert right.result(60).verdict is Verdict.PASSED
    assert wrong.result(60).verdict is Verdict.WRONG
    assert right.result().run.wall_s > 0


def test_an_executor_takes_many_programs_from_many_threads_and_loses_none(executor):
    programs = [PROBLEM.complete(f"    return x  # {n}\n" if n % 2 else f"    return -{n}\n") for n in range(1, 61)]
    with ThreadPoolExecutor(4) as threads:
        futures = list(threads.map(executor.submit, programs))
    assert not wait(futures, timeout=600).not_done
    verdicts = [future.result().verdict is Verdict.PASSED for future in futures]
    assert verdicts == [n % 2 == 1 for n in range(1, 61)]


def test_whoever_asked_to_be_told_is_told_once(executor):
    told = []
    future = executor.submit(PROBLEM.complete("    return x\n"))
    future.add_done_callback(lambda done: told.append(done.result().verdict))
    future.result(60)
    executor.submit(PROBLEM.complete("    return x\n")).result(60)
    assert told == [Verdict.PASSED]
