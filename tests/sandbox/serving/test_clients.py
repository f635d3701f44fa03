"""Trainers as clients of `/run_code`: their own code where it is installed, and the form of its requests where not.

verl sends a program and its input. Tinker's cookbook sends a runner with the tests, a helper and the answer as files;
the runner starts the answer in a process of its own.
"""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

from sandbox.boxes.docker_client import DockerClient

pytestmark = pytest.mark.docker
RUNNER = """
import json, multiprocessing, sys
from testing_util import run_test

def judge(tests, code):
    sys.exit(0 if run_test(tests, code) else 1)

if __name__ == "__main__":
    tests, code = json.load(open("test_cases.txt")), open("code.py").read()
    process = multiprocessing.get_context("fork").Process(target=judge, args=(tests, code))
    process.start()
    process.join()
    sys.exit(0 if process.exitcode == 0 else 1)
"""
HELPER = """
import contextlib, io
from unittest.mock import patch

def run_test(tests, code):
    for test in tests:
        with contextlib.redirect_stdout(io.StringIO()) as out, patch("sys.stdin", io.StringIO(test["input"])):
            exec(code, {"__name__": "__main__"})
        if out.getvalue().strip() != test["output"]:
            return False
    return True
"""
TESTS = [{"input": f"{number}\n", "output": str(2 * number)} for number in range(3)]


@pytest.fixture(scope="module")
def url(engine: DockerClient) -> Iterator[str]:
    """The address of a server, which lives as long as the tests of this file."""
    assert engine is not None
    words = [str(Path(sys.executable).parent / "sandbox"), "serve", "--port", "0", "--boxes", "2"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        found = next(found for line in process.stderr if (found := re.search(r"http://\S+:(\d+)/", line)))
        yield f"http://127.0.0.1:{found[1]}/run_code"
    finally:
        process.terminate()
        process.communicate(timeout=300)


def installed(package: str, file: str) -> ModuleType:
    """Return a module of a package, without importing the package around it; skip the test where it is missing."""
    try:
        path = Path(str(distribution(package).locate_file(file)))
    except PackageNotFoundError:
        pytest.skip(f"{package} is not installed here; it is too large for the tests")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sixty_four_clients_with_tests_helper_and_answer_as_files_get_each_their_own(url: str) -> None:
    def ask(number: int) -> str:
        answer = "print(int(input()) * 2)" if number % 2 else "print(int(input()) + 2)"
        files = {"test_cases.txt": json.dumps(TESTS), "code.py": answer, "testing_util.py": HELPER}
        body = {
            "code": RUNNER,
            "language": "python",
            "run_timeout": 60,
            "files": {name: base64.b64encode(text.encode()).decode() for name, text in files.items()},
        }
        return str(requests.post(url, json=body, timeout=600).json()["status"])

    with ThreadPoolExecutor(64) as clients:
        came = list(clients.map(ask, range(64)))
    assert came == ["Success" if number % 2 else "Failed" for number in range(64)]


def test_verls_own_client_tells_right_wrong_and_broken_programs_apart(url: str) -> None:
    verl = installed("verl", "verl/utils/reward_score/sandbox_fusion/utils.py")
    cases = {"inputs": ["1", "2", "3"], "outputs": ["1", "x", "3"]}
    code = "n = int(input())\nif n == 3:\n    raise SystemExit(4)\nprint(n)"
    assert verl.check_correctness(url, cases, code, timeout=30)[0] == [True, False, -2]
    calls = {"fn_name": "add", "inputs": ["1\n2", "3\n4"], "outputs": ["3", "8"]}
    answer = "class Solution:\n    def add(self, a, b):\n        return a + b"
    assert verl.check_correctness(url, calls, answer, timeout=30)[0] == [True, False]


def test_verls_own_client_has_programs_in_cpp_compiled(url: str) -> None:
    verl = installed("verl", "verl/utils/reward_score/sandbox_fusion/utils.py")
    cases = {"inputs": ["1", "2", "3"], "outputs": ["1", "x", "3"]}
    code = (
        "#include <bits/stdc++.h>\nint main() { int n; std::cin >> n; if (n == 3) return 4; std::cout << n << '\\n'; }"
    )
    results, told = verl.check_correctness(url, cases, code, timeout=60, language="cpp")
    assert results == [True, False, -2]
    assert [one["compile_status"] for one in told] == ["Finished"] * 3
    broken, told = verl.check_correctness(url, cases, "int main() { return x; }", timeout=60, language="cpp")
    assert broken == [-4, -4, -4]
    assert all(
        "'x' was not declared" in one["compile_stderr"].replace("\u2018", "'").replace("\u2019", "'") for one in told
    )


def test_the_client_of_tinkers_cookbook_runs_sixty_four_answers_at_once(url: str) -> None:
    tinker = installed("tinker-cookbook", "tinker_cookbook/sandbox/sandboxfusion.py")
    files = {"test_cases.txt": json.dumps(TESTS), "testing_util.py": HELPER}

    async def ask_all() -> list[Any]:
        client = tinker.SandboxFusionClient(url=url, max_concurrency=64)
        answers = [files | {"code.py": f"print(int(input()) * {2 + number % 2})"} for number in range(64)]
        try:
            return await asyncio.gather(*(client.run(code=RUNNER, files=one, timeout=60) for one in answers))
        finally:
            await client.close()

    assert [passed for passed, _ in asyncio.run(ask_all())] == [number % 2 == 0 for number in range(64)]
