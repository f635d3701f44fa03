"""Are verdicts the same every time on an overworked machine?

Mixed programs, again and again, beside two busy loops a core.

The programs and their verdicts are those of `tests/sandbox/scoring/test_isolation.py`. Endless ones get a tenth of a
second of CPU here, so that the run ends. Prints every verdict that was not the due one, and ends with 1 where there is
one.

    python tests/bench/steady.py [--repeats 1000] [--loops 4]
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.scoring.scorer import open_scorer, usable_cores
from sandbox.values import Flag, Limits, Program, Score

LIMITS = Limits(cpu_s=0.1, wall_s=10, memory_mb=128)
WAITING = 64


def mixed() -> dict[str, tuple[str, Any, Any]]:
    path = Path(__file__).parent.parent / "sandbox" / "scoring" / "test_isolation.py"
    spec = importlib.util.spec_from_file_location("test_isolation", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    programs: dict[str, tuple[str, Any, Any]] = module.MIXED
    return programs


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """Processes that want a core each, all the time."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--loops", type=int, default=2 * usable_cores())
    asked = parser.parse_args()
    programs, seen, flags = mixed(), Counter[tuple[str, str]](), Counter[Flag]()
    began = time.monotonic()
    with busy(asked.loops), open_scorer(LIMITS) as scorer:
        waiting: deque[tuple[str, Future[Score]]] = deque()

        def take() -> None:
            name, future = waiting.popleft()
            scored = future.result()
            seen[name, scored.verdict.value] += 1
            flags.update(scored.flags)

        for _ in range(asked.repeats):
            for name, (source, tests, _) in programs.items():
                waiting.append((name, scorer.submit(Program(source=source, tests=tests))))
                if len(waiting) > WAITING:
                    take()
        while waiting:
            take()
    other = {key: count for key, count in seen.items() if key[1] != programs[key[0]][2].value}
    for (name, verdict), count in other.items():
        print(f"{name}: {verdict} {count} times of {asked.repeats}, {programs[name][2].value} was due")
    waited = flags[Flag.KEPT_WAITING]
    print(f"{sum(seen.values())} runs of {len(programs)} programs beside {asked.loops} busy loops in ", end="")
    print(
        f"{time.monotonic() - began:.0f} s: {sum(other.values())} verdicts not as due, {waited} kept waiting "
        "beyond their limit"
    )
    return bool(other)


if __name__ == "__main__":
    sys.exit(main())
