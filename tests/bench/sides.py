"""The sides of the benchmark.

What is opened before the clock runs, and how a side runs programs and counts those that pass.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from programs import source, whole

from sandbox.problems import Problem
from sandbox.scoring.scorer import Scorer
from sandbox.values import Program, Tests, Verdict

Run = Callable[[list[Problem]], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """`at_once`: how many programs a round gives it, so that none takes minutes.

    `goal`: by how much ours is to be faster.
    """

    name: str
    run: Run
    at_once: int
    goal: str = ""


def by_answers(problem: Problem) -> Tests:
    return problem.checked_by


def in_a_grader(problem: Problem) -> Tests:
    tests = problem._graded(problem.tests)
    assert tests is not None
    return tests


def beside(problem: Problem) -> Tests:
    return problem.tests_as_code


def ours(scorers: Callable[[Problem], Scorer], how: Callable[[Problem], Tests]) -> Run:
    def run(problems: list[Problem]) -> int:
        futures = [scorers(problem).submit(Program(source=source(problem), tests=how(problem))) for problem in problems]
        return sum(future.result().verdict is Verdict.PASSED for future in futures)

    return run


@contextlib.contextmanager
def helpers(python: str, side: str, image: str, workers: int) -> Iterator[Run]:
    """As many processes as workers, each with its share of the programs."""
    words = [python, str(Path(__file__).parent / "helper.py"), side, image]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "OPENBLAS_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(workers)
    ]

    def run(problems: list[Problem]) -> int:
        for number, process in enumerate(started):
            assert process.stdin is not None
            process.stdin.write(json.dumps([_as_told(problem) for problem in problems[number::workers]]) + "\n")
            process.stdin.flush()
        answers = [process.stdout.readline() for process in started if process.stdout is not None]
        if not all(answers):
            sys.exit(f"{side}: its process has ended; its last words stand above")
        return sum(map(int, answers))

    try:
        yield run
    finally:
        for process in started:
            process.communicate()


def _as_told(problem: Problem) -> dict[str, object]:
    asked = {
        "task_id": problem.name,
        "prompt": problem.prompt,
        "entry_point": problem.entry_point,
        "test": problem.tests,
    }
    return {
        "source": source(problem),
        "tests": problem.tests_as_code,
        "whole": whole(problem),
        "problem": asked,
        "completion": problem.canonical_solution,
    }


def docker_run(image: str, workers: int) -> Run:
    """A fresh container for each program."""
    words = ["docker", "run", "--rm", "--network=none", "-i", image, "python3", "-"]
    return lambda problems: _commands([words] * workers, problems)


@contextlib.contextmanager
def docker_exec(image: str, workers: int) -> Iterator[Run]:
    """A fresh interpreter for each program, in a container that runs already."""
    start = ["docker", "run", "--detach", "--interactive", "--network=none", image]
    containers = [
        subprocess.run(start, check=True, capture_output=True, text=True).stdout.strip() for _ in range(workers)
    ]
    try:
        commands = [["docker", "exec", "-i", container, "python3", "-"] for container in containers]
        yield lambda problems: _commands(commands, problems)
    finally:
        subprocess.run(["docker", "rm", "--force", *containers], check=True, capture_output=True)


def _commands(commands: list[list[str]], problems: list[Problem]) -> int:
    def share(number: int) -> int:
        done = [
            subprocess.run(commands[number], input=whole(problem).encode(), check=False, capture_output=True)
            for problem in problems[number :: len(commands)]
        ]
        return sum(one.returncode == 0 for one in done)

    with ThreadPoolExecutor(len(commands)) as pool:
        return sum(pool.map(share, range(len(commands))))
