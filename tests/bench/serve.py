"""What serving costs.

Requests per second and latency at 1, 16 and 64 clients, against the same programs scored in process.

The clients are two processes of their own with plain sockets and kept connections, so that what is measured is the
server and not a client's library; they take processor time of the same machine all the same. HumanEval's canonical
solutions are scored, by `/v1/score` with one completion a request, by the same with 16 a request, and by `/run_code`,
which runs a program that prints. In-process rounds go before and after, and their mean is the measure. Nothing here
gates a test.

    python tests/bench/serve.py [--boxes 2] [--seconds 8]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sandbox.problems import load_problems
from sandbox.scoring.scorer import open_scorer
from sandbox.values import Limits, Program

SANDBOX = str(Path(sys.executable).parent / "sandbox")
CLIENTS = (1, 16, 64)
PRINTS = "print(sum(range(1000)))"


def bodies(kind: str) -> list[tuple[str, bytes, int]]:
    """Requests: the path, the body, and how many programs it asks for."""
    if kind == "run_code":
        return [("/run_code", json.dumps({"language": "python", "code": PRINTS}).encode(), 1)]
    many = 16 if kind.endswith("16") else 1
    asked = []
    for problem in load_problems("humaneval"):
        texts = [f"{problem.canonical_solution}\n# {n}\n" for n in range(many)]
        asked.append(("/v1/score", json.dumps({"problem": problem.name, "completions": texts}).encode(), many))
    return asked


def client(port: int, asked: list[tuple[str, bytes, int]], seconds: float, clients: int) -> list[tuple[float, int]]:
    """So many clients in this process, a thread and a connection each: how long each request took, and its programs."""

    def one(number: int) -> list[tuple[float, int]]:
        connection, took = http.client.HTTPConnection("127.0.0.1", port, timeout=120), []
        end = time.monotonic() + seconds
        for path, body, programs in cycle(asked[number * 7 % len(asked) :] + asked[: number * 7 % len(asked)]):
            began = time.monotonic()
            if began > end:
                return took
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            told = json.loads(answer.read())
            assert answer.status == 200, told
            if (now := time.monotonic()) <= end:  # what comes later is no part of the rate
                took.append((now - began, programs))
        return took

    with ThreadPoolExecutor(clients) as threads:
        return [one for found in threads.map(one, range(clients)) for one in found]


def in_process(kind: str, boxes: int, seconds: float) -> float:
    """Programs per second when this process scores them, with as many under way as keep the boxes busy."""
    if kind == "run_code":
        programs = [Program(source=PRINTS)]
    else:
        programs = [p.complete(f"{p.canonical_solution}\n") for p in load_problems("humaneval")]
    with open_scorer(Limits(), boxes=boxes) as scorer, ThreadPoolExecutor(4 * boxes) as askers:
        for program in programs:  # tests are read and recorded before the clock starts
            scorer.score(program)
        end, began = time.monotonic() + seconds, time.monotonic()

        def ask(number: int) -> int:
            done = 0
            for program in cycle(programs[number * 7 % len(programs) :] or programs):
                if time.monotonic() > end:
                    return done
                scorer.score(program)
                done += 1
            return done

        return sum(askers.map(ask, range(4 * boxes))) / (time.monotonic() - began)


def served(kind: str, port: int, clients: int, seconds: float) -> tuple[float, float, list[float]]:
    """Requests and programs per second, and how long each request took."""
    workers = min(clients, 2)
    share, asked = clients // workers, bodies(kind)
    with get_context("spawn").Pool(workers) as pool:
        found = pool.starmap(client, [(port, asked, seconds, share)] * workers)
    took = [one for each in found for one in each]
    return len(took) / seconds, sum(programs for _, programs in took) / seconds, [second for second, _ in took]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--boxes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=8.0)
    chosen = parser.parse_args()
    table = Table("asked for", "clients", "req/s", "prog/s", "share", "p50 ms", "p99 ms")
    for kind in ("score", "score, 16", "run_code"):
        alone = [in_process(kind, chosen.boxes, chosen.seconds)]
        words = [SANDBOX, "serve", "--port", "0", "--boxes", str(chosen.boxes), "--problems", "humaneval"]
        server = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        found = re.search(r":(\d+)/", next(line for line in server.stderr or () if "http://" in line))
        port = int(found[1]) if found else 0
        served(kind, port, 16, 2.0)  # tests are read and recorded before the clock starts
        came = {clients: served(kind, port, clients, chosen.seconds) for clients in CLIENTS}
        server.terminate()
        server.wait(60)
        alone.append(in_process(kind, chosen.boxes, chosen.seconds))
        mean = statistics.mean(alone)
        table.add_row(kind, "in process", "", f"{mean:.0f}", "1.00", "", "")
        for clients, (requests, programs, took) in came.items():
            quantiles = statistics.quantiles(took, n=100)
            table.add_row(
                kind,
                str(clients),
                f"{requests:.0f}",
                f"{programs:.0f}",
                f"{programs / mean:.2f}",
                f"{1000 * quantiles[49]:.1f}",
                f"{1000 * quantiles[98]:.1f}",
            )
    Console().print(table)


if __name__ == "__main__":
    main()
