"""Inputs per second of a whole program: compiled once, against a complete visit for each input.

Both sides run in the same box, by turns, round after round, and the median of the rounds counts. The last column is
what a program costs that has only one input: what a runner costs that was made for nothing. Nothing here gates a test.

    python tests/bench/repeats.py [--rounds 9] [--inputs 20]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from contextlib import closing

from rich.console import Console
from rich.table import Table

from sandbox.boxes.box import Box
from sandbox.boxes.container_config import BoxSpec
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ensure_image
from sandbox.boxes.ownership import Owner
from sandbox.values import Job, Limits, Program

FUNCTION = """
def distances_{0}(edges, start):
    graph, seen, queue = {{}}, {{start: 0}}, [start]
    for a, b in edges:
        graph.setdefault(a, []).append(b)
        graph.setdefault(b, []).append(a)
    for node in queue:
        for other in graph.get(node, ()):
            if other not in seen:
                seen[other] = seen[node] + 1
                queue.append(other)
    return [distance for _, distance in sorted(seen.items())]
"""
MAIN = "edges = [tuple(map(int, input().split())) for _ in range(int(input()))]\nprint(*distances_0(edges, 1))\n"
INPUT = b"20\n" + b"".join(b"%d %d\n" % (node, node + 1) for node in range(1, 21))


def program(lines: int) -> Program:
    count = (lines - 2) // 12
    return Program(source="".join(FUNCTION.format(number) for number in range(count)) + MAIN)


def timed(box: Box, asked: Program, inputs: int, *, repeat: bool) -> float:
    """Seconds per input."""
    began = time.perf_counter()
    for _ in range(inputs):
        run = box.run(Job(program=asked, stdin=INPUT, limits=box.spec.limits, repeat=repeat))
        if not run.proved or not run.stdout.startswith(b"0 1 2 3"):
            sys.exit("a program has not come to its end: this measurement counts nothing")
    box.release_program()
    return (time.perf_counter() - began) / inputs


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--inputs", type=int, default=20)
    chosen = options.parse_args()
    title = (
        f"Inputs per second, {chosen.inputs} inputs, one box, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}"
    )
    table = Table(title=title)
    for heading in ("lines", "compiled once", "a visit each", "faster by", "one input: ms, once / each"):
        table.add_column(heading, justify="right")
    with closing(DockerClient()) as engine:
        spec = BoxSpec(image=ensure_image(engine, say=print), limits=Limits(), owner=Owner.this().label())
        with closing(Box(engine, spec)) as box:
            for lines in (40, 150, 600):
                asked = program(lines)
                sides = [(chosen.inputs, True), (chosen.inputs, False), (1, True), (1, False)]
                rounds = [
                    [timed(box, asked, many, repeat=repeat) for many, repeat in sides] for _ in range(chosen.rounds)
                ]
                once, each, first, alone = (statistics.median(column) for column in zip(*rounds, strict=True))
                rates = (f"{1 / once:.0f}", f"{1 / each:.0f}", f"{each / once:.2f}×")
                table.add_row(str(lines), *rates, f"{1e3 * first:.1f} / {1e3 * alone:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
