"""What it takes to start: commands against `python -c pass`, and one program against `docker run` of the same image.

    .venv/bin/python tests/bench/starting.py --rounds 7

Rows are medians of rounds in which every side is started once, one after the other; what matters are the ratios. CPU
seconds are those of the command and its children, not the engine's. "anew" is a first start: nothing is remembered of
the walls.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ensure_image

HERE = Path(sys.executable).parent
PROGRAM = "print(1)"


def started(words: list[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Wall and CPU seconds of one command."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(environment))
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with closing(DockerClient()) as engine:
        image = ensure_image(engine, say=print)
    run = ["docker", "run", "--rm", "--network", "none", "--entrypoint", "/opt/box/python", image, "-c", PROGRAM]
    python, one = [sys.executable, "-c", "pass"], [str(HERE / "sandbox"), "exec", "-c", PROGRAM]
    sides = {
        "python -c pass": (python, python),
        "sandbox --help": ([str(HERE / "sandbox"), "--help"], python),
        "sampler --help": ([str(HERE / "sampler"), "--help"], python),
        "docker run": (run, run),
        "sandbox exec": (one, run),
        "sandbox exec, anew": (one, run),
    }
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    with tempfile.TemporaryDirectory() as kept:
        for number in range(rounds + 1):
            for name, (words, _) in sides.items():
                cache = str(Path(kept) / (f"anew-{number}" if name.endswith("anew") else "kept"))
                found = started(words, os.environ | {"XDG_CACHE_HOME": cache})
                if number:  # the first round warms the page cache, and the memory of the walls
                    took[name].append(found)
    print(f"{'':20} {'wall':>8} {'CPU':>8}   against")
    for name, (_, peer) in sides.items():
        wall, cpu = (statistics.median(column) for column in zip(*took[name], strict=True))
        other = next(side for side, (words, _) in sides.items() if words is peer)
        peers = [mine / theirs for (mine, _), (theirs, _) in zip(took[name], took[other], strict=True)]
        print(f"{name:20} {wall:6.3f} s {cpu:6.3f} s   {statistics.median(peers):5.2f} x {other}")


if __name__ == "__main__":
    main()
