"""A long run in one go: does anything grow? The host process, its descriptors and threads, the containers, the boxes.

Every program is another text. Of ten, one is wrong, one raises, one prints and one leaves a file behind, so that boxes
are cleaned and reports carry something; of a thousand, one leaves a process. Verdicts are counted. Ends with 1 where
something is not flat.

    python tests/bench/endurance.py [--programs 100000] [--boxes 2]
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from sandbox.boxes.container_config import LABEL_OWNER
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.ownership import Owner
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.values import Limits, Program, Score, Verdict

HOST_MB, BOX_MB, GROWTH = 150, 40, 1.1
SAMPLES = 10
WAITING = 256  # programs on their way at any time; what waits is memory, too
TESTS = "assert answer() == {}\n"
BODIES = {
    1: "def answer(): return -1\n",
    2: "def answer(): raise ValueError('x' * 1000)\n",
    3: "print('y' * 10_000)\ndef answer(): return {}\n",
    4: "open('/tmp/left', 'w').write('z' * 100_000)\ndef answer(): return {}\n",
    1000: "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "def answer(): return {}\n",
}
EXPECTED = {1: Verdict.WRONG, 2: Verdict.ERROR}


def fate(number: int) -> int:
    return 1000 if number % 1000 == 999 else number % 10


def program(number: int) -> Program:
    text = BODIES.get(fate(number), "def answer(): return {}\n").format(number)
    return Program(source=text, tests=TESTS.format(number))


class Sample:
    """What is there now."""

    def __init__(self, engine: DockerClient) -> None:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        self.rss_mb = int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024
        self.descriptors = len(os.listdir("/proc/self/fd"))
        self.threads = threading.active_count()
        self.containers = len(engine.containers(f"{LABEL_OWNER}={Owner.this().label()}"))


def idle_boxes_mb() -> list[float]:
    """Each of our boxes as the engine sees it: what its processes take, without files that the kernel may forget."""
    owner = f"label={LABEL_OWNER}={Owner.this().label()}"
    listed = subprocess.run(["docker", "ps", "-q", "--filter", owner], check=True, capture_output=True, text=True)
    words = ["docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", *listed.stdout.split()]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return [float(number) for number in re.findall(r"^([\d.]+)MiB", told, re.MULTILINE)]


def run(scorer: Scorer, engine: DockerClient, programs: int, rows: list[tuple[int, Sample]]) -> int:
    """How many verdicts are not the expected one."""
    waiting: deque[tuple[int, Future[Score]]] = deque()
    surprises: Counter[tuple[int, str]] = Counter()

    def take() -> None:
        number, future = waiting.popleft()
        verdict = future.result().verdict
        if verdict is not EXPECTED.get(fate(number), Verdict.PASSED):
            surprises[fate(number), verdict] += 1

    for number in range(programs):
        if number % max(1, programs // SAMPLES) == 0:
            rows.append((number, Sample(engine)))
        waiting.append((number, scorer.submit(program(number))))
        if len(waiting) >= WAITING:
            take()
    while waiting:
        take()
    rows.append((programs, Sample(engine)))
    print("\n".join(f"of fate {kind}: {count} {verdict}" for (kind, verdict), count in surprises.items()), end="")
    return surprises.total()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--programs", type=int, default=100_000)
    options.add_argument("--boxes", type=int, default=2)
    chosen = options.parse_args()
    rows: list[tuple[int, Sample]] = []
    with closing(DockerClient()) as engine:
        before = Sample(engine)
        with open_scorer(Limits(), boxes=chosen.boxes, say=print) as scorer:
            fresh, began = idle_boxes_mb(), time.perf_counter()
            surprises = run(scorer, engine, chosen.programs, rows)
            took, worn = time.perf_counter() - began, idle_boxes_mb()
        after = Sample(engine)
    named = [("before", before), *((f"{number:,}", sample) for number, sample in rows), ("after", after)]
    show(named)
    print(f"{chosen.programs:,} programs in {took:.0f} s, {chosen.programs / took:.0f} a second; {surprises} surprises")
    print(f"an idle box: {max(fresh):.1f} MB when opened, {max(worn):.1f} MB at the end")
    settled, last = rows[1][1], rows[-1][1]
    held = {
        f"host process below {HOST_MB} MB": max(sample.rss_mb for _, sample in rows) < HOST_MB,
        "host process flat": last.rss_mb < GROWTH * settled.rss_mb,
        "descriptors flat": last.descriptors <= settled.descriptors + 4,
        "threads flat": last.threads <= settled.threads,
        "nothing left": (after.threads, after.containers) == (before.threads, before.containers),
        f"idle boxes below {BOX_MB} MB": max(fresh + worn) < BOX_MB,
        "verdicts as expected": surprises == 0,
    }
    print("\n".join(f"{'yes' if yes else 'NO '}  {what}" for what, yes in held.items()))
    sys.exit(not all(held.values()))


def show(named: list[tuple[str, Sample]]) -> None:
    table = Table(box=box.MARKDOWN)
    for heading in ("programs", "host RSS, MB", "descriptors", "threads", "containers"):
        table.add_column(heading, justify="right")
    for name, sample in named:
        cells = (f"{sample.rss_mb:.1f}", sample.descriptors, sample.threads, sample.containers)
        table.add_row(name, *map(str, cells))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
