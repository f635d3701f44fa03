"""What a cluster costs, and whether it loses anything: nodes are processes on this machine, on loopback.

    python tests/bench/cluster.py dispatch [--nodes 2] [--programs 100000] [--milliseconds 20]
    python tests/bench/cluster.py overhead [--programs 1500] [--rounds 3]
    python tests/bench/cluster.py codegen [--nodes 3] [--problems 164] [--data ../shared/data]
    python tests/bench/cluster.py kills [--kills 10] [--programs 1500]

`dispatch` has nodes that only sleep, so that the driver is measured. `overhead` sets two nodes of one box beside
one pool of two boxes, in turns. `codegen` scores real generations on a cluster and on one pool, and compares the rows
of `sandbox score` without their times. `kills` kills a node's raylet with its boxes again and again, with another node
added each time, and holds every verdict against what is known of the program.
"""

from __future__ import annotations

import argparse
import gzip
import heapq
import json
import os
import re
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "common"))
from ray_cluster import SETTINGS, RayNodes

from sandbox.boxes.image import ImageSpec, image_tag
from sandbox.cluster.messages import Survey, this_program, write_result
from sandbox.cluster.node import HEARTBEAT_S, NodeReply, NodeRequest, NodeSpec
from sandbox.cluster.pool import ClusterPool, ClusterSpec, rarer_collections
from sandbox.problems import load_problems
from sandbox.scoring.samples import FiledSample
from sandbox.scoring.scorefile import score_samples
from sandbox.scoring.scorer import open_scorer
from sandbox.values import CallTest, CallTests, Comparison, Ending, Flag, Limits, Program, Run, Score, Verdict

LIMITS = Limits(cpu_s=2.0)
CUT = re.compile("\nclass |\ndef |\n#|\nif |\nprint")
AHEAD = 4  # programs under way for each box
PROMPTS = "codet_HumanEval_for_code_generation.jsonl.gz"
CODEGEN = "codet_HumanEval_codegen16B_n100_solutions.jsonl.gz"
OF_TIME = {"cpu_s", "wall_s", "memory_mb", "memory_source", "facts", "same_as"}
SECONDS = re.compile(r"\d+\.\d+ s")
CASES = tuple(
    CallTest(function="f", arguments=(number,), comparison=Comparison.EQUAL, expected=number + 1) for number in range(3)
)
CALLS = CallTests(cases=CASES, source="three calls of f")
SLEPT = write_result(Score(verdict=Verdict.PASSED, run=Run(ending=Ending.EXITED, exit_code=0, proved=True)))


class SleepingHost:
    """A node whose programs take a fixed time and nothing else: as many at once as it has boxes."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ends: list[tuple[float, int]] = []
        self._last, self._results = 0, []

    def survey(self, image: ImageSpec) -> Survey:
        """Have the image."""
        return Survey(program=this_program(), image=image_tag(image), digest="same")

    def open(self, spec: NodeSpec) -> int:
        """Take the memory limit for the milliseconds of a program."""
        self._takes_s, self._free = spec.limits.memory_mb / 1000, [0.0] * spec.boxes
        return spec.boxes

    def push(self, request: NodeRequest) -> None:
        """Begin programs, each in the box that is free first."""
        now = time.monotonic()
        with self._changed:
            self._results = [one for one in self._results if one[0] > request.confirmed]
            for number, *_ in request.programs:
                end = max(now, heapq.heappop(self._free)) + self._takes_s
                heapq.heappush(self._free, end)
                heapq.heappush(self._ends, (end, number))
            self._changed.notify_all()

    def exchange(self, request: NodeRequest) -> NodeReply:
        """Return what has ended; wait for the first one, and gather."""
        self.push(request)
        deadline = time.monotonic() + HEARTBEAT_S
        with self._changed:
            while not self._ended() and time.monotonic() < deadline:
                self._changed.wait(
                    max(0.0005, min(deadline, self._ends[0][0] if self._ends else deadline) - time.monotonic())
                )
        time.sleep(request.linger_s)
        with self._changed:
            self._ended()
            results = [(number, SLEPT, None) for _, number in self._results]
            return NodeReply(last=self._last, results=results, failure=None)

    def _ended(self) -> bool:
        now = time.monotonic()
        while self._ends and self._ends[0][0] <= now:
            self._last += 1
            self._results.append((self._last, heapq.heappop(self._ends)[1]))
        return bool(self._results)

    def beat(self) -> None:
        """Hear of the driver."""

    def end(self) -> None:
        """Do nothing: Ray ends this process."""


class SleepingPool(ClusterPool):
    """A pool of such nodes."""

    host = SleepingHost  # type: ignore[assignment]


@contextmanager
def cluster(count: int, **words: object) -> Iterator[RayNodes]:
    """Start nodes of one core; `words` are what else they say of themselves."""
    with RayNodes() as nodes:
        os.environ.update(SETTINGS, RAY_TMPDIR=nodes.folder, PYTHONPATH=str(Path(__file__).parent))
        for _ in range(count):
            nodes.add(cpus=1, PYTHONPATH=Path(__file__).parent, **words)
        yield nodes


def opened(nodes: RayNodes, wanted: int, kind: type[ClusterPool] = ClusterPool, **spec: Any) -> ClusterPool:
    """Return a pool once it has so many boxes."""
    pool = kind.of(ClusterSpec(address=nodes.address, **spec))
    while pool.boxes < wanted:
        time.sleep(0.05)
    return pool


def hand_in(pool: ClusterPool, programs: list[Program], most: int) -> None:
    """Submit programs with so many under way at most, as `sandbox score` does, and wait for all."""
    room = threading.Semaphore(most)
    for program in programs:
        room.acquire()
        pool.submit(program).add_done_callback(lambda _: room.release())
    for _ in range(most):
        room.acquire()


def dispatch(given: argparse.Namespace) -> None:
    """Measure how many programs a second one driver hands out and takes back."""
    boxes = given.boxes  # that a node says it has: real ones are at most 512
    with cluster(given.nodes, boxes=boxes) as nodes:
        limits = Limits(memory_mb=max(64, given.milliseconds))
        with (
            rarer_collections(),
            opened(nodes, boxes * given.nodes, SleepingPool, limits=limits) as pool,
        ):
            for round_ in range(given.rounds):
                programs = [
                    Program(source=f"def f(x):\n    return x + {round_ * given.programs + number}\n", tests=CALLS)
                    for number in range(given.programs)
                ]
                began, cpu = time.monotonic(), time.process_time()
                hand_in(pool, programs, AHEAD * boxes * given.nodes)
                took, cpu = time.monotonic() - began, time.process_time() - cpu
                print(
                    f"{given.programs / took:,.0f} programs/s over {given.nodes} nodes; the driver's CPU "
                    f"{1e6 * cpu / given.programs:.1f} µs each, so at most {given.programs / cpu:,.0f}/s",
                    flush=True,
                )


def work(number: int) -> Program:
    """Return a program that takes some 15 ms; every third one is wrong."""
    source = f"def f(x):\n    for _ in range(100_000): pass\n    return x + 1 + {number} * ({number} % 3 == 0)\n"
    return Program(source=source, tests=CALLS)


def right(number: int) -> Verdict:
    """Return the verdict of such a program."""
    return Verdict.WRONG if number and number % 3 == 0 else Verdict.PASSED


def overhead(given: argparse.Namespace) -> None:
    """Compare two nodes of one box with one pool of two boxes."""
    ratios, first = [], 0
    with cluster(2) as nodes:
        for _ in range(given.rounds):
            rates = []
            for which in ("pool", "cluster"):
                with open_scorer(Limits(), boxes=2) if which == "pool" else opened(nodes, 2, boxes=1) as boxes:
                    wait([boxes.submit(work(first + number)) for number in range(1, 60)])
                    began = time.monotonic()
                    wait([boxes.submit(work(first + 100 + number)) for number in range(given.programs)])
                    rates.append(given.programs / (time.monotonic() - began))
                first += given.programs + 100
            ratios.append(rates[1] / rates[0])
            print(f"pool {rates[0]:.1f} programs/s, cluster {rates[1]:.1f}: {ratios[-1]:.3f}", flush=True)
    print(f"median {statistics.median(ratios):.3f}")


def generations(data: Path, count: int) -> list[FiledSample]:
    """Return the samples of the first problems; the file knows them by their prompts."""
    with gzip.open(data / PROMPTS, "rt", encoding="utf-8") as file:
        names = {row["prompt"]: row["task_id"] for row in map(json.loads, file)}
    with gzip.open(data / CODEGEN, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(count), strict=False)]
    problems = {problem.name: problem for problem in load_problems("humaneval")}
    texts = [
        (problems[names[row["prompt"]]], CUT.split(text, maxsplit=1)[0]) for row in rows for text in row["samples"]
    ]
    return [
        FiledSample(line=line, problem=problem.name, program=problem.complete(text), limits=LIMITS)
        for line, (problem, text) in enumerate(texts, 1)
    ]


def codegen(given: argparse.Namespace) -> None:
    """Score real generations here and there, and compare the rows."""
    samples = generations(given.data, given.problems)
    found = []
    with cluster(given.nodes) as nodes:
        for which in ("cluster", "pool"):
            with (
                opened(nodes, given.nodes, boxes=1, limits=LIMITS)
                if which == "cluster"
                else open_scorer(LIMITS, boxes=2) as boxes
            ):
                began = time.monotonic()
                rows = {row["line"]: row for row in score_samples(samples, boxes)}
                print(f"{which}: {len(rows)} rows in {time.monotonic() - began:.0f} s", flush=True)
                print("  ", dict(Counter(row["verdict"] for row in rows.values()).most_common()), flush=True)
                if isinstance(boxes, ClusterPool):
                    print("  ", {node.name: node.programs for node in boxes.nodes()}, flush=True)
                found.append(rows)
    differing = [
        (found[0][line], found[1][line]) for line in found[1] if _same(found[0][line]) != _same(found[1][line])
    ]
    print(f"{len(differing)} rows differ in more than their times")
    for one, other in differing[:10]:
        print("  ", *({name: row.get(name) for name in ("line", "verdict", "explanation")} for row in (one, other)))


def _same(row: dict[str, Any]) -> dict[str, Any]:
    """Return what does not depend on how long a program took, and how busy the machine was."""
    told = {name: value for name, value in row.items() if name not in OF_TIME}
    flags = [flag for flag in row.get("flags", ()) if flag != Flag.KEPT_WAITING]
    return told | {"explanation": SECONDS.sub("_ s", str(row.get("explanation"))), "flags": flags}


def kills(given: argparse.Namespace) -> None:
    """Kill nodes in the middle of their work, and add others."""
    heard: Counter[int] = Counter()
    wrong = 0
    with cluster(2) as nodes, opened(nodes, 2, boxes=1) as pool:
        futures = {}
        for number in range(given.programs):
            futures[number] = pool.submit(work(number))
            futures[number].add_done_callback(lambda _, number=number: heard.update([number]))
        for kill in range(given.kills):
            target = (kill + 1) * given.programs // (given.kills + 1)
            while sum(heard.values()) < target:
                time.sleep(0.02)
            fresh = nodes.add(cpus=1)
            began = time.monotonic()
            nodes.kill_raylet(kill + 1)
            before = {node.name for node in pool.nodes() if node.programs}
            while not any(node.programs for node in pool.nodes() if node.name not in before):
                if all(future.done() for future in futures.values()):
                    break
                time.sleep(0.02)
            print(
                f"kill {kill + 1}: node {fresh} has its first result {time.monotonic() - began:.1f} s after it began",
                flush=True,
            )
        done, _ = wait(futures.values(), 600)
        for number, future in futures.items():
            wrong += future.done() and (future.exception() is not None or future.result().verdict is not right(number))
    twice = sum(count > 1 for count in heard.values())
    print(f"{given.programs - len(done)} lost, {twice} doubled, {wrong} wrong of {given.programs}")


def main() -> None:
    """Read the command line."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("what", choices=["dispatch", "overhead", "codegen", "kills"])
    reader.add_argument("--nodes", type=int, default=2)
    reader.add_argument("--boxes", type=int, default=4000, help="of a sleeping node")
    reader.add_argument("--programs", type=int, default=2000)
    reader.add_argument("--milliseconds", type=int, default=100)
    reader.add_argument("--rounds", type=int, default=3)
    reader.add_argument("--problems", type=int, default=164)
    reader.add_argument("--kills", type=int, default=10)
    reader.add_argument("--data", type=Path, default=Path("../shared/data"))
    given = reader.parse_args()
    {"dispatch": dispatch, "overhead": overhead, "codegen": codegen, "kills": kills}[given.what](given)


if __name__ == "__main__":
    main()
