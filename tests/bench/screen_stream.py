"""How the screen follows a study that writes fast: from the recording of a verdict to when it stands on the screen.

    python tests/bench/screen_stream.py [--rate 500] [--seconds 60]

A writer process records samples and verdicts at the rate, through the real store. The screen (`run_test`, 160x48)
follows it live; for every row of its tail its own time, which it gets before the writer gathers for up to 100 ms and
commits, is held against the time at which a snapshot with it had been drawn: the latency told is that of the commit and
up to 100 ms more. Told are also rows that never came, the size of the write-ahead log, and memory early and late.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

from million import MODELS, TESTS
from screen_million import resident_mb

from sampler.store.reader import Reader
from sampler.store.write_models import ModelRecord, SampleRecord, StudyRecord, VerdictRecord
from sampler.store.writer import Store
from sampler.values import Finish, Sample
from sandbox.problems import Problem
from sandbox.values import Ending, Run, Score, Verdict
from tui.app import BudgetApp
from tui.data.snapshot import Snapshot
from tui.data.store_watcher import StoreWatcher

SIZE = (160, 48)
PROBLEMS = 200


def write(path: Path, rate: float, seconds: float) -> None:
    """Record samples at a steady rate."""
    problems = tuple(
        Problem(name=f"Toy/{n}", prompt="def f():\n", entry_point="f", tests=TESTS) for n in range(PROBLEMS)
    )
    count = int(rate * seconds)
    wanted = count // (len(MODELS) * PROBLEMS) + 1
    with Store(path) as store:
        ids = store.open_study(
            StudyRecord(
                name="stream",
                spec_toml='name = "stream"\n',
                problems_source="toy",
                seed=0,
                limits="{}",
                models=tuple(ModelRecord(name=m, backend="replay", sampling="{}", wanted=wanted) for m in MODELS),
                problems=problems,
            )
        )
        store.begin_run(ids.study)
        began = time.monotonic()
        for number in range(count):
            index, rest = divmod(number, len(MODELS) * PROBLEMS)
            problem, model = divmod(rest, len(MODELS))
            place = {"model_id": ids.models[list(MODELS)[model]], "problem_id": ids.problems[f"Toy/{problem}"]}
            passed = number % 3 == 0
            run = Run(
                ending=Ending.EXITED,
                exit_code=0,
                signal=None,
                cpu_s=0.01,
                wall_s=0.02,
                memory_mb=9.0,
                stdout=b"",
                stderr=b"",
                proved=passed,
                raised=None,
            )
            sample = Sample(
                problem=f"Toy/{problem}",
                index=index,
                seed=index,
                text="    return 1",
                finish=Finish.STOP,
                prompt_tokens=100,
                completion_tokens=40,
                prompt_seconds=0.1,
                decode_seconds=0.5,
                sum_logprob=None,
                prompt_shared=False,
            )
            store.add_sample(SampleRecord(**place, sample=sample, source="f", prompt_flops=2e10, decode_flops=8e9))
            score = Score(verdict=Verdict.PASSED if passed else Verdict.WRONG, run=run, raised=None)
            store.add_verdict(VerdictRecord(**place, index=index, score=score, facts=None, judge="bench"))
            ahead = began + (number + 1) / rate - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
        store.end_run(ids.study, "done", "complete")


class Watched(BudgetApp):
    """The screen, with a look at its clock after each drawing."""

    def __init__(self, watcher: StoreWatcher) -> None:
        super().__init__(watcher)
        self.latencies: Counter[int] = Counter()  # by milliseconds, so that the script's own memory stays flat
        self.seen = 0

    def on_budget_app_store_read(self, message: BudgetApp.StoreRead) -> None:
        super().on_budget_app_store_read(message)
        if isinstance(message.news, Snapshot):
            fresh = [row for row in message.news.tail if row.id > self.seen]
            if fresh:
                self.seen = fresh[-1].id
                self.call_after_refresh(self._drawn, [row.at for row in fresh])

    def _drawn(self, commits: list[float]) -> None:
        now = time.time()
        self.latencies.update(round((now - at) * 1000) for at in commits)


def at_share(latencies: Counter[int], share: float) -> float:
    """The seconds that so large a share of the latencies does not exceed."""
    left = share * latencies.total()
    for milliseconds in sorted(latencies):
        left -= latencies[milliseconds]
        if left <= 0:
            return milliseconds / 1000
    raise ValueError("there are no latencies")


async def watch(path: Path, seconds: float) -> dict[str, float]:
    """Follow until the study is done."""
    app = Watched(StoreWatcher(path=path))
    log = path.with_name(path.name + "-wal")
    sizes: list[int] = []
    memory: list[float] = []
    async with app.run_test(size=SIZE) as pilot:
        until = time.monotonic() + seconds + 60
        while time.monotonic() < until:
            await asyncio.sleep(1.0)
            sizes.append(log.stat().st_size if log.exists() else 0)
            memory.append(resident_mb())
            if isinstance(app.news, Snapshot) and app.news.study.status == "done":
                break
        await pilot.pause(0.5)
    with Reader(path) as reader:
        scored = reader.studies()[0].scored
    quarter = max(1, len(memory) // 4)
    return {
        "load of the machine": os.getloadavg()[0],
        "verdicts": scored,
        "rows that never came": scored - app.seen,
        "latencies taken": app.latencies.total(),
        "latency median s": at_share(app.latencies, 0.5),
        "latency p95 s": at_share(app.latencies, 0.95),
        "latency most s": max(app.latencies) / 1000,
        "log most MiB": max(sizes) / 2**20,
        "log at the end MiB": sizes[-1] / 2**20,
        "memory after a minute MB": memory[min(60, len(memory) - 1)],
        "memory early MB": statistics.mean(memory[quarter : 2 * quarter] or memory),
        "memory late MB": statistics.mean(memory[-quarter:]),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=500.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stream.db"
        writer = multiprocessing.get_context("spawn").Process(target=write, args=(path, asked.rate, asked.seconds))
        writer.start()
        try:
            told = asyncio.run(watch(path, asked.seconds))
        finally:
            writer.join(10)
            writer.terminate()
    print(json.dumps({name: round(value, 3) for name, value in told.items()}, indent=1))
    print(f"latency p95: {told['latency p95 s'] * 1000:.0f} ms, goal 250 ms")


if __name__ == "__main__":
    main()
